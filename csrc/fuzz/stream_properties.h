// What must hold for a stream of any bytes whatever; shared by the fuzzer and its replay.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/demand.h"
#include "fuzz/tar_properties.h"
#include "stream/item_stream.h"
#include "stream/test_streams.h"

namespace fastinet::fuzz {

// Small, so that small inputs have images beyond it.
inline constexpr uint64_t kMaxImageBytes = 4096;

/// All that a stream gives, and its end.
struct StreamPass {
  std::vector<StreamItem> items;
  Status failure;
  uint64_t skipped = 0;
  std::vector<std::string> skipped_names;
};

/// The items of `bytes`, which come in pieces and end with `end`.
inline StreamPass PassOver(Bytes bytes, const ItemRules& rules, size_t piece = SIZE_MAX,
                           const Status& end = {}) {
  test::PieceStream stream(bytes, piece, end);
  ItemStream items(stream, kMaxImageBytes, rules);
  StreamPass pass;
  for (;;) {
    Result<std::optional<StreamItem>> next = items.Next();
    if (!next.ok()) {
      pass.failure = next.status();
      const Result<std::optional<StreamItem>> again = items.Next();
      Demand(!again.ok() && again.status().cause() == pass.failure.cause(),
             "a failure is said again at every later call");
      break;
    }
    if (!next.value()) break;
    pass.items.push_back(*std::move(next).value());
    // Each is a member of its own, and has a header.
    Demand(pass.items.size() <= bytes.size() / kTarBlockBytes, "a pass comes to its end");
  }
  pass.skipped = items.skipped();
  pass.skipped_names = items.skipped_names();
  return pass;
}

inline bool SameItem(const StreamItem& a, const StreamItem& b) {
  const auto same = [](const Companion& x, const Companion& y) {
    return x.extension == y.extension && x.bytes == y.bytes && x.is_too_large == y.is_too_large;
  };
  return a.number == b.number && a.key == b.key && a.offset == b.offset && a.size == b.size &&
         a.bytes == b.bytes && std::ranges::equal(a.companions, b.companions, same);
}

/// Each item is what lies in the stream at its place.
inline void CheckItems(const StreamPass& pass, Bytes bytes) {
  for (size_t i = 0; i < pass.items.size(); ++i) {
    const StreamItem& item = pass.items[i];
    Demand(item.number == static_cast<int64_t>(i), "items are numbered in their order");
    Demand(i == 0 || item.offset > pass.items[i - 1].offset, "and come in that of the stream");
    Demand(item.offset <= bytes.size() && item.size <= bytes.size() - item.offset,
           "items lie in the stream");
    const Bytes content = bytes.subspan(item.offset, item.size);
    Demand(
        item.size > kMaxImageBytes ? item.bytes.empty() : std::ranges::equal(item.bytes, content),
        "an item has its bytes, unless it is larger than the limit");
    for (const Companion& companion : item.companions) {
      Demand(companion.bytes.size() <= std::max(kMaxCompanionBytes, kMaxImageBytes),
             "companions are no larger than they may be");
    }
  }
  Demand(pass.skipped_names.size() == std::min<uint64_t>(pass.skipped, ItemStream::kSkippedNames),
         "what was passed over is named");
  if (pass.failure.ok()) return;
  Demand(!pass.failure.cause().empty(), "failures have a cause");
  Demand(pass.failure.offset_bytes() <= std::ssize(bytes), "which lies in the stream");
}

/// A stream that is cut has the first items of the whole one, and ends in a failure.
inline void CheckCut(const StreamPass& whole, Bytes bytes, const ItemRules& rules) {
  const Status cable(StatusCode::kIo, "the cable was pulled");
  const size_t length = bytes.size() / 3 * 2;
  const StreamPass cut = PassOver(bytes.first(length), rules, SIZE_MAX, cable);
  Demand(cut.items.size() <= whole.items.size() &&
             std::equal(cut.items.begin(), cut.items.end(), whole.items.begin(), SameItem),
         "what comes before a cut is what comes of the whole stream");
  Demand(!cut.failure.ok(), "a failed read is never an end");
}

/// Under all rules, and in pieces of any length.
inline void CheckStream(Bytes bytes) {
  const std::vector<ItemRules> all_rules = {
      {.split = "all"},
      {.labels_by_function = true, .split = "all"},
      {},
      {.split = "train"},
      {.labels_by_function = true, .split = "val", .around = "train"},
      {.split = "n01440764"},
  };
  for (const ItemRules& rules : all_rules) {
    const StreamPass pass = PassOver(bytes, rules);
    CheckItems(pass, bytes);
    const StreamPass pieces = PassOver(bytes, rules, 509);
    Demand(std::ranges::equal(pass.items, pieces.items, SameItem) &&
               pass.failure.code() == pieces.failure.code() &&
               pass.failure.cause() == pieces.failure.cause() &&
               pass.failure.offset_bytes() == pieces.failure.offset_bytes() &&
               pass.skipped == pieces.skipped && pass.skipped_names == pieces.skipped_names,
           "the pieces that a stream comes in change nothing");
    CheckCut(pass, bytes, rules);
  }
}

/// The bytes as they are, and as they would be with right checksums.
inline void CheckStreamInput(Bytes input) {
  CheckStream(input);
  std::vector<uint8_t> repaired(input.begin(), input.end());
  RepairChecksums(repaired);
  CheckStream(repaired);
}

}  // namespace fastinet::fuzz
