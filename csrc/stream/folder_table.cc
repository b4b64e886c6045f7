#include "stream/folder_table.h"

#include <unordered_map>

namespace fastinet {

FolderTable FoldersOf(std::string_view text, std::span<const int64_t> starts,
                      std::span<const int64_t> ends) {
  FolderTable table;
  table.of_names.reserve(starts.size());
  std::unordered_map<std::string_view, int32_t> numbers;
  std::string_view last;
  int32_t last_number = -1;
  for (size_t i = 0; i < starts.size(); ++i) {
    const std::string_view name = text.substr(starts[i], ends[i] - starts[i]);
    const size_t slash = name.rfind('/');
    const std::string_view folder =
        slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
    if (last_number < 0 || folder != last) {
      const auto [found, is_new] =
          numbers.try_emplace(folder, static_cast<int32_t>(table.folders.size()));
      if (is_new) table.folders.emplace_back(folder);
      last = folder;
      last_number = found->second;
    }
    table.of_names.push_back(last_number);
  }
  return table;
}

}  // namespace fastinet
