#include "stream/split_rule.h"

#include <algorithm>
#include <cstddef>

namespace fastinet {
namespace {

constexpr size_t kDigits = 8;  // of the numbers in the challenge's file names

/// Whether `base` is `prefix` and a number, behind which a dot, an underscore or nothing comes.
bool IsNumbered(std::string_view base, std::string_view prefix) {
  if (!base.starts_with(prefix) || base.size() < prefix.size() + kDigits) return false;
  base.remove_prefix(prefix.size());
  const bool digits = std::ranges::all_of(
      base.substr(0, kDigits), [](char letter) { return letter >= '0' && letter <= '9'; });
  return digits && (base.size() == kDigits || base[kDigits] == '.' || base[kDigits] == '_');
}

}  // namespace

std::string_view SplitRule::Of(std::string_view name) const {
  std::string path("/");
  path += name;
  size_t slash = path.rfind('/');
  for (const auto& [prefix, split] : prefixes) {
    if (IsNumbered(std::string_view(path).substr(slash + 1), prefix)) return split;
  }
  while (slash != 0) {
    const std::string_view folder = std::string_view(path).substr(0, slash);
    for (const auto& [end, split] : folders) {
      if (folder.ends_with(end)) return split;
    }
    slash = path.rfind('/', slash - 1);
  }
  return otherwise;
}

}  // namespace fastinet
