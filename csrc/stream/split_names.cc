#include "stream/split_names.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace fastinet {
namespace {

constexpr std::string_view kSeparators = "_-. ";

// Words of a folder's name that say nothing of the split, where they stand before or behind it.
constexpr std::array<std::string_view, 41> kOtherWords = {
    "imagenet",    "imagenet1k", "imagenet21k", "imagenet22k", "imagenet2012", "imagenette",
    "imagenette2", "imagewoof",  "imagewoof2",  "imagenetv2",  "ilsvrc",       "ilsvrc2010",
    "ilsvrc2011",  "ilsvrc2012", "ilsvrc2013",  "ilsvrc2014",  "ilsvrc2015",   "ilsvrc2016",
    "ilsvrc2017",  "in1k",       "in21k",       "in22k",       "1k",           "21k",
    "22k",         "clsloc",     "cls",         "loc",         "tiny",         "mini",
    "img",         "imgs",       "image",       "images",      "data",         "dataset",
    "set",         "split",      "tar",         "gz",          "tgz",
};

// How the splits are usually called.
constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kSpellings = {{
    {"train", "train"},     {"training", "train"}, {"trn", "train"},       {"trainset", "train"},
    {"val", "val"},         {"valid", "val"},      {"validation", "val"},  {"validate", "val"},
    {"valset", "val"},      {"dev", "val"},        {"devset", "val"},      {"test", "test"},
    {"testing", "test"},    {"tst", "test"},       {"testset", "test"},    {"holdout", "holdout"},
    {"heldout", "holdout"}, {"eval", "eval"},      {"evaluation", "eval"}, {"evalset", "eval"},
}};

// ImageNet-C's, and those of its extra.tar.
constexpr std::array<std::string_view, 19> kCorruptions = {
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
    "speckle_noise",
    "gaussian_blur",
    "spatter",
    "saturate",
};

// The classes with few images of ImageNet-21K-P; two words that say nothing elsewhere.
constexpr std::string_view kSmallClasses = "imagenet21k_small_classes";

// All packings of ImageNet-V2 lie in a folder like imagenetv2-matched-frequency-format-val.
constexpr std::string_view kImagenetV2Ending = "-format-val";

constexpr size_t kNumberDigits = 8;
constexpr size_t kWnidDigits = 8;
constexpr size_t kYearDigits = 4;
constexpr size_t kLongestSpelling = 64;  // a name with more letters is none

bool IsDigit(char letter) { return letter >= '0' && letter <= '9'; }

bool IsSeparator(char letter) { return kSeparators.find(letter) != std::string_view::npos; }

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Whether `word` is the year of a challenge: 2012.
bool IsYear(std::string_view word) {
  return word.size() == kYearDigits && word.starts_with("20") && std::ranges::all_of(word, IsDigit);
}

bool SaysNothing(std::string_view word) {
  return word.empty() || IsYear(word) || std::ranges::find(kOtherWords, word) != kOtherWords.end();
}

/// Value of the digits that `text` begins with; -1: there are fewer than `count`.
int64_t DigitsAt(std::string_view text, size_t count) {
  if (text.size() < count || !std::all_of(text.begin(), text.begin() + count, IsDigit)) return -1;
  int64_t value = 0;
  for (const char digit : text.substr(0, count)) value = value * 10 + (digit - '0');
  return value;
}

void AppendFolder(std::string& path, std::string_view folder) {
  if (!path.empty()) path += '/';
  path += folder;
}

}  // namespace

std::string_view KnownSplit(std::string_view name) {
  if (name.size() > kLongestSpelling) return {};
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), ToLower);
  if (lower == kSmallClasses) return "small_classes";
  std::string_view rest(lower);
  if (rest.ends_with(kImagenetV2Ending)) return "val";
  // Words are taken away from both ends; what is left may have separators: "hold-out".
  for (bool changed = true; changed && !rest.empty();) {
    changed = false;
    const size_t first = std::min(rest.find_first_of(kSeparators), rest.size());
    if (SaysNothing(rest.substr(0, first))) {
      rest.remove_prefix(std::min(first + 1, rest.size()));
      changed = true;
      continue;
    }
    const size_t last = rest.find_last_of(kSeparators);
    if (last != std::string_view::npos && SaysNothing(rest.substr(last + 1))) {
      rest = rest.substr(0, last);
      changed = true;
    }
  }
  std::string word;
  std::ranges::copy_if(rest, std::back_inserter(word),
                       [](char letter) { return !IsSeparator(letter); });
  if (word.size() > kYearDigits && IsYear(std::string_view(word).substr(word.size() - kYearDigits)))
    word.resize(word.size() - kYearDigits);  // "val2017"
  const auto* const found = std::ranges::find(
      kSpellings, std::string_view(word), &std::pair<std::string_view, std::string_view>::first);
  return found == kSpellings.end() ? std::string_view() : found->second;
}

bool IsCorruption(std::string_view name) {
  return std::ranges::find(kCorruptions, name) != kCorruptions.end();
}

int64_t WnidNumber(std::string_view name) {
  return name.size() == 1 + kWnidDigits && name[0] == 'n' ? DigitsAt(name.substr(1), kWnidDigits)
                                                          : -1;
}

FolderTelling TellOfFolder(std::string_view folder) {
  FolderTelling telling;
  while (!folder.empty()) {
    const size_t end = std::min(folder.find('/'), folder.size());
    const std::string_view name = folder.substr(0, end);
    folder.remove_prefix(std::min(end + 1, folder.size()));
    if (name.empty() || name == ".") continue;
    if (const int64_t wnid = WnidNumber(name); wnid >= 0) {
      telling.wnid = wnid;
      continue;
    }
    AppendFolder(telling.root, name);
    if (const std::string_view split = KnownSplit(name); !split.empty()) {
      telling.split = split;
      telling.split_folder = telling.root;
    }
  }
  return telling;
}

NumberTelling TellOfNumber(std::string_view base) {
  for (const std::string_view split : {"val", "test"}) {
    std::string_view rest = base;
    for (const std::string_view part :
         {std::string_view("ILSVRC2012_"), split, std::string_view("_")}) {
      if (!rest.starts_with(part)) {
        rest = {};
        break;
      }
      rest.remove_prefix(part.size());
    }
    const int64_t number = DigitsAt(rest, kNumberDigits);
    if (number < 0) continue;
    rest.remove_prefix(kNumberDigits);
    if (rest.empty() || rest[0] == '.' || rest[0] == '_') return {split, number};
  }
  return {};
}

}  // namespace fastinet
