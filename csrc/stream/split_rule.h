// Which part of an archive a member is in, as its path alone tells.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fastinet {

/// What paths say of splits; fastinet/datasets/path_splits.py has it of the ImageNet family.
struct SplitRule {
  /// Pairs of what a path has, and the split that this tells.
  using Telling = std::vector<std::pair<std::string, std::string>>;

  /// Beginnings of file names that eight digits follow: ("ILSVRC2012_val_", "val").
  Telling prefixes;
  /// Ends of the path of a folder, each with the slash before it: ("/val", "val"). A path is looked
  /// at as if it began with a slash.
  Telling folders;
  /// The split of a member whose path tells none.
  std::string otherwise;

  /// The split of the member `name`: by its prefix, else by the innermost folder that tells one.
  std::string_view Of(std::string_view name) const;
};

}  // namespace fastinet
