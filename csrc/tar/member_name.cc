#include "tar/member_name.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace fastinet {
namespace {

// In small letters, as all names are compared, since the file systems of Windows and macOS keep the
// case and do not care for it.
constexpr auto kLeftNames = std::to_array<std::string_view>({
    "__macosx",                   // macOS, in archives: what its file system knows of each file
    "icon\r",                     // macOS: of a folder
    "@eadir",                     // Synology: thumbnails
    "#recycle",                   // Synology
    "#snapshot",                  // Synology
    "@recycle",                   // QNAP
    "@recently-snapshot",         // QNAP
    "~snapshot",                  // NetApp
    "$recycle.bin",               // Windows
    "recycler",                   // Windows
    "system volume information",  // Windows
    "thumbs.db",                  // Windows: thumbnails
    "thumbs.db:encryptable",      // Windows: of the same, by way of a server
    "ehthumbs.db",                // Windows Media Center: thumbnails
    "ehthumbs_vista.db",          // Windows Media Center: thumbnails
    "desktop.ini",                // Windows: of a folder
    "zbthumbnail.info",           // Canon ZoomBrowser: thumbnails
    "pspbrwse.jbf",               // Paint Shop Pro: thumbnails
    "picasa.ini",                 // Picasa: of a folder
    "_gsdata_",                   // GoodSync
    "lost+found",                 // fsck, on Linux
    "__pycache__",                // Python
});

// Of files, and in small letters.
constexpr auto kLeftEndings = std::to_array<std::string_view>({
    "~",                // Emacs, vim, gedit; cp and mv with --backup
    ".bak",             // editors
    ".orig",            // patch, merge tools
    ".tmp",             // what is renamed once it is complete
    ".part",            // Firefox, curl, lftp
    ".partial",         // wget, rclone
    ".filepart",        // WinSCP
    ".crdownload",      // Chrome
    ".opdownload",      // Opera
    ".download",        // Safari
    ".incomplete",      // huggingface_hub
    ".aria2",           // aria2
    ".gstmp",           // gsutil
    ".!qb",             // qBittorrent
    ".!ut",             // uTorrent
    "zone.identifier",  // Windows: where a file came from, a stream of its own there
});

constexpr std::string_view kFsckFolder = "found.000";  // of Windows: 000, 001 and so on

constexpr size_t kLongestLeftName = 32;

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EndsWith(std::string_view name, std::string_view lower_suffix) {
  if (name.size() < lower_suffix.size()) return false;
  const std::string_view end = name.substr(name.size() - lower_suffix.size());
  return std::equal(end.begin(), end.end(), lower_suffix.begin(),
                    [](char a, char b) { return ToLower(a) == b; });
}

/// Which letters names of leftovers begin with: those of images and classes, as a rule, with
/// others.
constexpr std::array<bool, 256> kFirstLetters = [] {
  std::array<bool, 256> first{};
  for (const std::string_view name : kLeftNames) first[static_cast<unsigned char>(name[0])] = true;
  first[static_cast<unsigned char>(kFsckFolder[0])] = true;
  return first;
}();

/// Which of kLeftEndings, a bit each, end in a letter: of ".jpeg" one has to be looked at.
constexpr std::array<uint32_t, 256> kEndingsByLastLetter = [] {
  static_assert(kLeftEndings.size() <= 32);
  std::array<uint32_t, 256> endings{};
  for (size_t i = 0; i < kLeftEndings.size(); ++i) {
    endings[static_cast<unsigned char>(kLeftEndings[i].back())] |= uint32_t{1} << i;
  }
  return endings;
}();

bool IsLeftName(std::string_view part) {
  if (part.empty() || part.size() > kLongestLeftName) return false;
  if (!kFirstLetters[static_cast<unsigned char>(ToLower(part[0]))]) return false;
  std::array<char, kLongestLeftName> letters{};
  std::transform(part.begin(), part.end(), letters.begin(), ToLower);
  const std::string_view lower(letters.data(), part.size());
  if (std::find(kLeftNames.begin(), kLeftNames.end(), lower) != kLeftNames.end()) return true;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return lower.size() == kFsckFolder.size() && lower.starts_with("found.") &&
         std::all_of(lower.begin() + 6, lower.end(), is_digit);
}

/// Whether a file is called as temporary ones, backups and unfinished downloads are.
bool IsLeftFile(std::string_view base) {
  if (base.empty()) return false;
  if (base.size() > 2 && base.front() == '#' && base.back() == '#') return true;  // Emacs
  if (base.starts_with("~$")) return true;                                        // Office
  uint32_t endings = kEndingsByLastLetter[static_cast<unsigned char>(ToLower(base.back()))];
  for (; endings != 0; endings &= endings - 1) {
    if (EndsWith(base, kLeftEndings[static_cast<size_t>(std::countr_zero(endings))])) return true;
  }
  return false;
}

uint64_t Mixed(uint64_t value) {  // the finaliser of splitmix64
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace

std::string NormalName(std::string_view name) {
  std::string normal;
  normal.reserve(name.size());
  for (size_t begin = 0; begin < name.size();) {
    const size_t slash = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, slash - begin);
    if (!part.empty() && part != ".") {
      normal.append(part);
      if (slash < name.size()) normal.push_back('/');
    }
    begin = slash + 1;
  }
  return normal;
}

size_t JunkEnd(std::string_view path) {
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    const bool hidden = part.starts_with('.') && part != "." && part != "..";
    if (hidden || IsLeftName(part) || (end == path.size() && IsLeftFile(part))) return end;
    begin = end + 1;
  }
  return 0;
}

uint64_t HashOfName(std::string_view name) {
  uint64_t hash = Mixed(name.size() + 0x9e3779b97f4a7c15);
  while (!name.empty()) {
    uint64_t word = 0;
    const size_t length = std::min(name.size(), sizeof(word));
    std::memcpy(&word, name.data(), length);
    name.remove_prefix(length);
    hash = Mixed(hash ^ word) + 0x9e3779b97f4a7c15;
  }
  return hash;
}

}  // namespace fastinet
