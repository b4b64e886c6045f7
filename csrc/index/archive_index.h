// The index of archives that fastinet keeps beside them: which items there are, where, and of which
// class. Python writes it (fastinet/items/index.py); every family of archives has the same form.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/identity.h"
#include "base/status.h"

namespace fastinet {

/// A part of an archive that is used by itself, and its classes.
struct Split {
  std::string name;                // "train", "val", "test", or as the archive calls it
  std::vector<std::string> wnids;  // in label order
};

/// The listing of archives, N items in all, as an index has it. Columns lie in the index's bytes.
struct ArchiveIndex {
  /// The rules by which this fastinet takes members for items; an index by others is refused, as
  /// by Python (RULES_VERSION in fastinet/datasets/__init__.py).
  static constexpr int64_t kRulesVersion = 5;

  std::string family;
  std::vector<Identity> archives;
  std::vector<Split> splits;  // at least one
  // Of the first tar that ends without its end-of-archive marker, which whoever made the index has
  // allowed: its archive, its name within that, and where it ends. Nothing where there is none.
  struct Unmarked {
    int64_t archive;
    std::string name;
    int64_t offset;  // [bytes]
  };
  std::optional<Unmarked> unmarked;
  std::span<const uint64_t> offsets;   // [N] bytes within an item's archive
  std::span<const uint64_t> sizes;     // [N] bytes
  std::span<const int64_t> labels;     // [N] among the classes of the item's split, or -1
  std::span<const uint64_t> key_ends;  // [N + 1] key i is from key_ends[i] to key_ends[i + 1]
  std::span<const uint8_t> key_bytes;
  std::span<const int32_t> item_archive;  // [N] or empty: all in the first
  std::span<const int8_t> item_split;     // [N] or empty: all in the first

  /// Reads the index in `file`, which must stay where it is and begin at a multiple of 8 bytes.
  /// All that the columns say is checked, so that they may be used without a look: kCorrupt where
  /// they are damaged, kUnsupported where they are of another version.
  static Result<ArchiveIndex> Parse(Bytes file);

  int64_t items() const { return static_cast<int64_t>(sizes.size()); }
  std::string_view KeyOf(int64_t item) const {
    const auto i = static_cast<size_t>(item);
    return {reinterpret_cast<const char*>(key_bytes.data()) + key_ends[i],
            static_cast<size_t>(key_ends[i + 1] - key_ends[i])};
  }
};

}  // namespace fastinet
