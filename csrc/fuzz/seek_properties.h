// What must hold of seek points of any content whatever, over gzip files of any; shared by the
// fuzzer and its replay.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "fuzz/choices.h"
#include "fuzz/demand.h"
#include "gzip/test_gzip.h"

namespace fastinet::fuzz {

/// Content of which parts repeat, so that it has references from stretch to stretch, by choices.
inline std::vector<uint8_t> ChosenContent(Choices& choices) {
  std::vector<uint8_t> content;
  for (int parts = 1 + choices.Byte() % 4; parts > 0; --parts) {
    const auto length = 1 + static_cast<size_t>(choices.Below(50'000));
    if (content.size() > 1000 && choices.Byte() % 2 == 0) {  // again what was there
      const auto from = static_cast<size_t>(choices.Below(1000));
      for (size_t i = 0; i < length; ++i) content.push_back(content[from + i]);
    } else {
      uint32_t state = choices.Byte() | 1u;
      const int shift = 24 + choices.Byte() % 8;
      for (size_t i = 0; i < length; ++i) {
        content.push_back(static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> shift));
      }
    }
  }
  return content;
}

/// Writes over some of the numbers and bytes, as a hand that also knows the checksums would.
inline void LieAboutPoints(SeekColumns& points, uint64_t& size_bytes, Choices& choices) {
  const auto any = [&choices](uint64_t value) -> uint64_t {
    switch (choices.Byte() % 5) {
      case 0:
        return value + choices.Byte();
      case 1:
        return value - choices.Byte();
      case 2:
        return uint64_t{choices.Byte()} << choices.Byte() % 64;
      case 3:
        return ~uint64_t{choices.Byte()};
      default:
        return value ^ uint64_t{1} << choices.Byte() % 64;
    }
  };
  const auto lie_in = [&choices, &any](auto& numbers) {
    if (numbers.empty()) return;
    auto& number = numbers[choices.Byte() % numbers.size()];
    number = static_cast<std::remove_reference_t<decltype(number)>>(any(number));
  };
  for (int lies = choices.Byte() % 5; lies > 0; --lies) {
    switch (choices.Byte() % 8) {
      case 0:
        lie_in(points.bit_offsets);
        break;
      case 1:
        lie_in(points.offsets);
        break;
      case 2:
        lie_in(points.window_sizes);
        break;
      case 3:
        size_bytes = any(size_bytes);
        break;
      case 4:
        points.bit_offsets.resize(choices.Byte() % 4);
        break;
      case 5:
        points.offsets.resize(choices.Byte() % 4);
        break;
      default:
        for (int bytes = 1 + choices.Byte() % 8; bytes > 0 && !points.windows.empty(); --bytes) {
          const auto at = static_cast<size_t>(choices.Byte() << 8 | choices.Byte());
          points.windows[at % points.windows.size()] = choices.Byte();
        }
    }
  }
}

/// Reads here and there. True points give the content; whatever others give, they give or refuse.
inline void CheckReads(const Source& source, Bytes content, bool is_true, Choices& choices) {
  for (int i = 0; i < 4; ++i) {
    const uint64_t reach = std::min<uint64_t>(source.size_bytes(), content.size() + 70'000);
    const uint64_t start =
        reach == 0 ? 0 : (uint64_t{choices.Byte()} << 9 | choices.Byte()) % reach;
    const uint64_t length = std::min<uint64_t>(1 + uint64_t{choices.Byte()} * 40, reach - start);
    std::vector<uint8_t> part(length);
    const Status status = source.ReadAt(start, part);
    if (is_true) {
      Demand(status.ok() && std::equal(part.begin(), part.end(),
                                       content.begin() + static_cast<ptrdiff_t>(start)),
             "true points give the content");
    } else if (!status.ok()) {
      Demand((status.code() == StatusCode::kCorrupt || status.code() == StatusCode::kIo) &&
                 !status.cause().empty(),
             "false points are corrupt");
    }
  }
  uint8_t beyond = 0;
  Demand(!source.ReadAt(source.size_bytes(), {&beyond, 1}).ok(), "nothing lies behind the end");
}

inline void CheckInput(Bytes input) {
  Choices choices(input);
  const uint8_t kind = choices.Byte();
  const std::vector<uint8_t> content = ChosenContent(choices);
  std::vector<uint8_t> file = test::Gzip(content, choices.Byte() % 10);
  std::vector<uint8_t> passed;
  auto points = test::FindSeekPoints(MemorySource(file), kMinSeekSpacingBytes, &passed);
  Demand(points.ok() && passed == content, "seek points are found in every sound file");
  SeekColumns columns = points.value();
  uint64_t size_bytes = content.size();
  if (kind % 4 != 0) LieAboutPoints(columns, size_bytes, choices);
  const bool is_true = kind % 4 == 0;
  if (kind % 4 == 3) Edit(file, choices);  // and the file is another one by now
  auto made = test::SeekableGzip::Make(std::move(file), std::move(columns), size_bytes,
                                       choices.Byte() % 2 == 0 ? 0 : kDeflateWindowBytes);
  if (!made.ok()) {
    Demand(!is_true && made.status().code() == StatusCode::kCorrupt,
           "points that cannot be are corrupt");
    return;
  }
  CheckReads(*made.value()->source, content, is_true, choices);
  const Result<std::vector<uint8_t>> window = UnpackWindow(choices.rest());
  Demand(!window.ok() || window.value().size() <= kDeflateWindowBytes, "windows have their length");
}

}  // namespace fastinet::fuzz
