// Which part of an archive a member is in, as its path alone tells.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fastinet {

/// What paths say of splits; fastinet/datasets/path_splits.py has it of the ImageNet family.
struct SplitRule {
  using Telling = std::vector<std::pair<std::string, std::string>>;  // (what is there, split)

  Telling prefixes;       // of the last part, before eight digits: ILSVRC2012_val_
  Telling folders;        // how the path ends at a folder, where that of none begins with "/": /val
  std::string otherwise;  // the split of what says nothing

  /// The split of the member `name`: by its prefix, else by the innermost folder that tells one.
  std::string_view Of(std::string_view name) const;
};

}  // namespace fastinet
