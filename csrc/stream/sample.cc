#include "stream/sample.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace fastinet {
namespace {

constexpr size_t kWnidLength = 9;  // "n" and eight digits

size_t BaseOf(std::string_view name) { return name.rfind('/') + 1; }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// All behind the dot, in small letters.
std::string ExtensionOf(std::string_view name, SampleReading reading) {
  const size_t dot = reading == SampleReading::kByLastDot ? StemOf(name).size()  //
                                                          : SampleOf(name).size();
  std::string extension(name.substr(std::min(dot + 1, name.size())));
  std::ranges::transform(extension, extension.begin(), ToLower);
  return extension;
}

/// Whether a sample's image is called so: "7.jpg", and not "7.depth.png".
bool HasImageExtension(std::string_view name, SampleReading reading) {
  const std::string extension = ExtensionOf(name, reading);
  return extension == "jpeg" || extension == "jpg" || extension == "png";
}

/// Which image of a sample is its item: that of the lowest number, and of several the first by
/// name. fastinet/datasets/samples.py has the rule.
size_t RankOf(std::string_view name, SampleReading reading) {
  constexpr std::array<std::string_view, 3> kExtensions = {"jpg", "jpeg", "png"};
  const auto index = [&](const std::string& extension) {
    return static_cast<size_t>(std::ranges::find(kExtensions, extension) - kExtensions.begin());
  };
  const size_t whole = index(ExtensionOf(name, reading));
  if (whole < kExtensions.size()) return whole;
  return kExtensions.size() + index(ExtensionOf(name, SampleReading::kByLastDot));
}

/// Whether it is one of a series: "1.jpg".
bool IsNumbered(std::string_view extension) {
  const size_t digits =
      static_cast<size_t>(std::ranges::find_if_not(extension, IsDigit) - extension.begin());
  return digits > 0 && extension.find('.') == digits && extension.rfind('.') == digits;
}

/// Whether a JSON object has a field of its own that is called "label" or "cls". Of what is no JSON
/// the answer may be either.
bool SpeaksOfLabel(std::string_view json) {
  size_t depth = 0;
  bool is_key = true;  // a string here would be a field's name
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') {
      const size_t begin = ++i;
      while (i < json.size() && json[i] != '"') i += json[i] == '\\' ? 2 : 1;
      const std::string_view text = json.substr(begin, std::min(i, json.size()) - begin);
      if (depth == 1 && is_key && (text == "label" || text == "cls")) return true;
      is_key = false;
    } else if (c == '{' || c == '[') {
      if (depth == 0 && c == '[') return false;
      ++depth;
      is_key = c == '{';
    } else if (c == '}' || c == ']') {
      if (depth == 0) return false;
      --depth;
      is_key = false;
    } else if (c == ',') {
      is_key = true;
    }
  }
  return false;
}

}  // namespace

std::string_view SampleOf(std::string_view name) {
  return name.substr(0, std::min(name.find('.', BaseOf(name)), name.size()));
}

std::string_view StemOf(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos || dot < BaseOf(name) ? name : name.substr(0, dot);
}

bool HasSeveralDots(std::string_view name) { return StemOf(name).size() > SampleOf(name).size(); }

bool IsInClassFolder(std::string_view name) {
  for (size_t begin = 0, slash = 0; (slash = name.find('/', begin)) != std::string_view::npos;
       begin = slash + 1) {
    const std::string_view folder = name.substr(begin, slash - begin);
    if (folder.size() == kWnidLength && folder.front() == 'n' &&
        std::ranges::all_of(folder.substr(1), IsDigit)) {
      return true;
    }
  }
  return false;
}

bool IsNamedOrNumbered(std::string_view name) {
  return HasImageExtension(name, SampleReading::kByFirstDot) ||
         IsNumbered(ExtensionOf(name, SampleReading::kByFirstDot));
}

bool IsLabelFile(std::string_view name, Bytes content) {
  const std::string extension = ExtensionOf(name, SampleReading::kByLastDot);
  return extension == "cls" ||
         (extension == "json" &&
          SpeaksOfLabel({reinterpret_cast<const char*>(content.data()), content.size()}));
}

SampleReading ReadingOf(const std::vector<SampleFile>& sample) {
  const auto is_picture = [](const SampleFile& file) { return file.is_image || file.is_second; };
  bool pictures = false, several_dots = true;  // in every picture's name
  bool plain_label = false, plain_file = false;
  for (const SampleFile& file : sample) {
    const bool dotted = HasSeveralDots(file.name), picture = is_picture(file);
    pictures = pictures || picture;
    several_dots = several_dots && (dotted || !picture);
    plain_file = plain_file || (!dotted && !picture);
    plain_label = plain_label || (!dotted && file.is_label);
  }
  if (!pictures || (!several_dots && !plain_label)) return SampleReading::kByFirstDot;
  bool any_label = false, all_label = true, all_file = true;  // beside pictures, of their stems
  for (const SampleFile& picture : sample) {
    if (!is_picture(picture)) continue;
    bool label = false, other = false;
    for (const SampleFile& file : sample) {
      if (is_picture(file) || !HasSeveralDots(file.name) ||
          StemOf(file.name) != StemOf(picture.name)) {
        continue;
      }
      label = label || file.is_label;
      other = true;
    }
    any_label = any_label || label;
    all_label = all_label && label;
    all_file = all_file && other;
  }
  if (plain_label) return any_label ? SampleReading::kEither : SampleReading::kByFirstDot;
  const bool parted = all_label || (all_file && !plain_file);
  return parted ? SampleReading::kByLastDot : SampleReading::kByFirstDot;
}

bool HasOneItem(const std::vector<SampleFile>& sample, bool by_function, SampleReading reading) {
  bool others = false, numbered = false, label = false;
  size_t named = 0;
  const SampleFile* first = nullptr;
  for (const SampleFile& file : sample) {
    if (file.is_image || file.is_second) {
      if (first == nullptr) first = &file;
      const std::string extension = ExtensionOf(file.name, reading);
      named += HasImageExtension(file.name, reading) ? 1 : 0;
      numbered = numbered || IsNumbered(extension);
    } else {
      others = true;
      const std::string extension = ExtensionOf(file.name, reading);
      label = label || (file.is_label && (extension == "cls" || extension == "json"));
    }
  }
  if (label || !by_function || first == nullptr) return label;
  if (IsInClassFolder(first->name)) return false;
  return others || (named == 1 && !numbered);
}

uint64_t KeepOneImage(std::vector<SampleFile>& sample, SampleReading reading) {
  SampleFile* kept = nullptr;
  size_t kept_rank = 0;
  for (SampleFile& file : sample) {
    if (!file.is_image) continue;
    const size_t rank = RankOf(file.name, reading);
    if (kept == nullptr || rank < kept_rank || (rank == kept_rank && file.name < kept->name)) {
      kept = &file;
      kept_rank = rank;
    }
  }
  uint64_t others = 0;
  for (SampleFile& file : sample) {
    if (!file.is_image || &file == kept) continue;
    file.is_image = false;
    file.is_second = true;
    if (file.size > kMaxCompanionBytes) file.bytes = {};
    ++others;
  }
  return others;
}

std::vector<StreamItem> ItemsOf(std::vector<SampleFile> sample, SampleReading reading) {
  std::vector<Companion> companions;
  std::vector<StreamItem> items;
  for (SampleFile& file : sample) {
    if (file.is_image) {
      items.push_back({.number = 0,
                       .key = std::move(file.name),
                       .offset = file.offset,
                       .size = file.size,
                       .bytes = std::move(file.bytes),
                       .companions = {}});
    } else {
      const bool too_large = file.bytes.size() < file.size;
      companions.push_back({ExtensionOf(file.name, reading), std::move(file.bytes), too_large});
    }
  }
  for (StreamItem& item : items) {
    // The last one takes them, and nobody comes after it.
    // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
    item.companions = &item == &items.back() ? std::move(companions) : companions;
  }
  return items;
}

}  // namespace fastinet
