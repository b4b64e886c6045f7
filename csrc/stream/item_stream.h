// Items of an archive that arrives as a stream: images, and the small files that belong to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_stream.h"
#include "base/status.h"
#include "stream/arrived_names.h"
#include "stream/split_gate.h"
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

/// What of a stream is an item, beyond what its members tell.
struct ItemRules {
  bool one_of_a_sample = false;  // one image of each sample, though nothing beside it is a label
  std::string split;             // the only one whose members count, as SplitGate takes it
  std::string around;            // the split that the stream's name is
};

/// Groups the members of a stream to samples, as WebDataset writes them: members that follow one
/// another in one tar and have the same name up to the first dot of its last part.
///
/// Of a sample with a label beside its images, a .cls or .json, one image is the item: the first
/// whose extension is jpg, jpeg or png, or without such a one the first; two images of one name are
/// no exception. All else of moderate size are its companions. Where nothing is a label, each image
/// is an item, as in archives of nothing but images, and has the sample's companions; of a sample
/// with kMaxWaiting images or more they come at once, and without. So one archive has the same
/// items by either road; fastinet/datasets/samples.py has the rule, and where the two differ.
class ItemStream {
 public:
  /// The largest companion that is kept [bytes]: labels and captions, not masks and features.
  static constexpr uint64_t kMaxCompanionBytes = uint64_t{1} << 16;
  /// Images of a sample that wait for a label behind them, which bounds the memory that names like
  /// "img.0001.jpg", a sample of thousands, can take. Masks, depths and views are some few.
  static constexpr size_t kMaxWaiting = 16;

  /// `stream` must outlive this. Images of more than `max_bytes` come without their bytes.
  ItemStream(ByteStream& stream, uint64_t max_bytes, ItemRules rules)
      : members_(stream, {}),
        max_bytes_(max_bytes),
        rules_(std::move(rules)),
        gate_(rules_.split, rules_.around) {}

  /// The next item; nothing at the archive's end, which has then been seen to be complete. What is
  /// wrong with the stream is said after the items that are known to be complete: when the next
  /// sample or the end of their tar has come. It is said again at every later call. kMissing where
  /// all members were of other splits.
  Result<std::optional<StreamItem>> Next();

  /// Members that are neither items nor kept companions, leftovers of other programs (JunkEnd()),
  /// entries that are no files, and images of samples that have another for their item. Members of
  /// other splits are not looked at.
  uint64_t skipped() const { return skipped_; }
  /// The first kSkippedNames of them, with what they are where they are no files.
  const std::vector<std::string>& skipped_names() const { return skipped_names_; }
  static constexpr size_t kSkippedNames = 3;

 private:
  /// An image of the sample that is arriving.
  struct Image {
    StreamItem item;
    bool named;                // its extension is jpg, jpeg or png
    size_t companions_before;  // how many companions came before it
  };

  Status Step();
  Status TakeAsides();
  Status TakePassed(const PassedEntry& entry);
  Status BeginTar(uint64_t tar);
  bool IsLeftover(const std::string& name, bool again);
  void Skip(std::string name);
  Result<bool> IsOfSplit(const StreamedMember& member);
  Status CheckSplit() const;
  Status Take(const StreamedMember& member);
  Status TakeImage(const StreamedMember& member);
  bool HasLabel() const;
  void KeepOne();
  void Release(std::vector<Companion> companions);
  void FinishSample();

  MemberStream members_;
  const uint64_t max_bytes_;
  const ItemRules rules_;
  SplitGate gate_;
  bool over_ = false;
  Status failure_;                // of the stream, once it has come
  bool waiting_ = false;          // members_ stands at a member that has not been taken
  std::deque<StreamItem> ready_;  // numbered, in order
  int64_t items_ = 0;
  uint64_t skipped_ = 0;
  std::vector<std::string> skipped_names_;
  ArrivedNames names_;      // of the tar that is arriving
  uint64_t names_tar_ = 0;  // how many had ended before that
  uint64_t of_other_splits_ = 0;
  std::string first_other_;  // name of the first of them
  // The sample that is arriving.
  std::string sample_;
  uint64_t tar_ = 0;  // that it is in: how many had ended before
  std::vector<Image> images_;
  std::vector<Companion> companions_;
  bool too_many_ = false;  // images, so that each was released when it came
};

}  // namespace fastinet
