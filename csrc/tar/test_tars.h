// Tars that tests make: POSIX ustar headers, with GNU's for names that do not fit them.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "tar/header.h"

namespace fastinet::test {

/// What every tar ends with.
inline const std::string& TarEnd() {
  static const std::string end(2 * kTarBlockBytes, '\0');
  return end;
}

/// Appends an entry to `tar`; `type` is its letter in the header, `link` what a link points to.
inline void AppendEntry(std::string& tar, std::string_view name, std::string_view content,
                        char type = '0', std::string_view link = {}) {
  constexpr size_t kNameBytes = 100, kLinkAt = 157, kSizeAt = 124, kTypeAt = 156, kMagicAt = 257,
                   kChecksumAt = 148, kNumberBytes = 12, kChecksumBytes = 8;
  if (name.size() > kNameBytes) AppendEntry(tar, "././@LongLink", name, 'L');
  if (link.size() > kNameBytes) AppendEntry(tar, "././@LongLink", link, 'K');
  std::string header(kTarBlockBytes, '\0');
  const auto put = [&](size_t at, std::string_view text) { header.replace(at, text.size(), text); };
  std::array<char, kNumberBytes> number{};
  put(0, name.substr(0, kNameBytes));
  put(kLinkAt, link.substr(0, kNameBytes));
  (void)std::snprintf(number.data(), number.size(), "%011zo", content.size());
  put(kSizeAt, number.data());
  header[kTypeAt] = type;
  put(kMagicAt, std::string_view("ustar\0"
                                 "00",
                                 8));
  put(kChecksumAt, std::string(kChecksumBytes, ' '));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<uint8_t>(c);
  (void)std::snprintf(number.data(), number.size(), "%06o", sum);
  put(kChecksumAt, {number.data(), kChecksumBytes - 1});
  tar += header;
  tar += content;
  tar.resize((tar.size() + kTarBlockBytes - 1) / kTarBlockBytes * kTarBlockBytes);
}

}  // namespace fastinet::test
