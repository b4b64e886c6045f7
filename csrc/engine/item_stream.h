// Items of an archive that arrives as a stream: images, and the small files that belong to them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "base/status.h"
#include "tar/member_stream.h"

namespace fastinet {

/// A file beside an image in the stream that has its name but for the extension.
struct Companion {
  std::string extension;  // what follows the first dot, in small letters: "cls", "json"
  std::vector<uint8_t> bytes;
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

/// Groups the members of a stream to items, as WebDataset writes them: members that follow one
/// another and have the same name up to the first dot of its last part are one sample. Of it, the
/// first image whose extension is jpg, jpeg or png is the item, or without such a one the first
/// image; all else of moderate size, its companions. Archives of nothing but images are the case
/// where every sample has one file; two of the same name are two samples.
class ItemStream {
 public:
  /// The largest companion that is kept [bytes]: labels and captions, not masks and features.
  static constexpr uint64_t kMaxCompanionBytes = uint64_t{1} << 16;

  /// `stream` must outlive this. Images of more than `max_bytes` come without their bytes.
  ItemStream(ByteStream& stream, uint64_t max_bytes)
      : members_(stream, {}), max_bytes_(max_bytes) {}

  /// The next item; nothing at the archive's end, which has then been seen to be complete. What is
  /// wrong with the stream is said after the items that are known to be complete: when the next
  /// sample or the end of their tar has come. It is said again at every later call.
  Result<std::optional<StreamItem>> Next();

  /// Members that are neither items nor their companions, entries that are no files, and images of
  /// samples that have another for their item.
  uint64_t skipped() const { return skipped_ + members_.special_entries(); }

 private:
  Status Take(const StreamedMember& member);
  void PassOverItem();
  std::optional<StreamItem> Finish();
  bool SampleIsOver(const std::string& name, std::string_view sample) const;

  MemberStream members_;
  const uint64_t max_bytes_;
  bool over_ = false;
  Status failure_;        // of the stream, once it has come
  bool waiting_ = false;  // members_ stands at a member that belongs to the next sample
  int64_t items_ = 0;
  uint64_t skipped_ = 0;
  // The sample that is arriving.
  std::string sample_;
  uint64_t tar_ = 0;  // that it is in: how many had ended before
  std::optional<StreamItem> item_;
  bool item_is_named_ = false;    // its extension is jpg, jpeg or png
  size_t companions_before_ = 0;  // how many companions came before it
  std::vector<Companion> companions_;
};

}  // namespace fastinet
