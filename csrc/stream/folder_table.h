// The folders that names lie in, each once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fastinet {

/// The folders that N names lie in.
struct FolderTable {
  std::vector<int32_t> of_names;     // [N] index into `folders`
  std::vector<std::string> folders;  // in the order in which they come; "": no folder
};

/// The folders of the names text[starts[i]:ends[i]]: what stands before their last slash.
FolderTable FoldersOf(std::string_view text, std::span<const int64_t> starts,
                      std::span<const int64_t> ends);

}  // namespace fastinet
