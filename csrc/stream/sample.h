// The sample rule for a stream: of the members of one sample, which are items, and what else is
// each one's companion. fastinet/datasets/samples.py says the rule in full.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace fastinet {

/// A file beside an image in the stream that has its name but for the extension.
struct Companion {
  std::string extension;       // what follows the name that they share, in small letters: "cls"
  std::vector<uint8_t> bytes;  // all of it, or nothing if it is larger than companions may be
  bool is_too_large = false;
};

/// An image that has arrived.
struct StreamItem {
  int64_t number = 0;          // of the item in the stream, from 0 on
  std::string key;             // the member's name
  uint64_t offset = 0;         // of its first byte in the stream [bytes]
  uint64_t size = 0;           // [bytes]
  std::vector<uint8_t> bytes;  // all of it, or nothing if it is larger than the limit
  std::vector<Companion> companions;
};

/// The largest companion that is kept [bytes]: labels and captions, not masks and features.
inline constexpr uint64_t kMaxCompanionBytes = uint64_t{1} << 16;

/// A member of a sample, as it has arrived.
struct SampleFile {
  std::string name;
  uint64_t offset = 0;  // in the stream [bytes]
  uint64_t size = 0;    // [bytes]
  std::vector<uint8_t> bytes;
  bool is_image = false;
  bool is_label = false;   // a .cls, or a .json that speaks of a label
  bool is_second = false;  // an image that is none of the sample's items: a companion
};

/// `name` up to the first dot of its last part: its sample.
std::string_view SampleOf(std::string_view name);
/// `name` up to the last dot of its last part.
std::string_view StemOf(std::string_view name);
/// Whether the last part of `name` has more than one dot.
bool HasSeveralDots(std::string_view name);
/// Whether one of the folders that `name` lies in is called by a wnid.
bool IsInClassFolder(std::string_view name);
/// Whether an image is called as a sample's are ("x.jpg"), or as one of a series ("x.1.jpg").
bool IsNamedOrNumbered(std::string_view name);
/// Whether a file is a label by its name and content: a .cls, or a .json that is an object with the
/// label under "label" or "cls".
bool IsLabelFile(std::string_view name, Bytes content);

/// How the members of a sample are read.
enum class SampleReading {
  kByFirstDot,  // they are one sample
  kByLastDot,   // each stem is a sample of its own
  kEither,      // an image has a label by either, and nothing decides it
};
SampleReading ReadingOf(const std::vector<SampleFile>& sample);

/// Whether one image of a sample is its item, or each is. With `by_function` labels come from one.
bool HasOneItem(const std::vector<SampleFile>& sample, bool by_function, SampleReading reading);

/// Makes all images but the sample's item second ones. Returns how many.
uint64_t KeepOneImage(std::vector<SampleFile>& sample, SampleReading reading);

/// Items of the images that are no second ones, with all other files for companions. They are not
/// numbered.
std::vector<StreamItem> ItemsOf(std::vector<SampleFile> sample, SampleReading reading);

}  // namespace fastinet
