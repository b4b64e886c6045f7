// Items of an archive that arrives as a stream: images, and the small files that belong to them.
#pragma once

#include <array>
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
#include "stream/inner_tars.h"
#include "stream/name_set.h"
#include "stream/sample.h"
#include "stream/split_gate.h"
#include "tar/member_stream.h"

namespace fastinet {

/// What of a stream is an item, beyond what its members tell.
struct ItemRules {
  bool labels_by_function = false;  // which makes one item of some samples without a label
  std::string split = {};           // the only one whose members count, as SplitGate takes it
  std::string around = {};          // the split that the stream's name is
  bool is_named = true;             // whether it has a name that would be a split's
  EndMarker end_marker = EndMarker::kRequired;
};

/// Groups the members of a stream to samples, as WebDataset writes them: members that follow one
/// another in one tar and have the same name up to the first dot of its last part, or where only
/// that makes sense of the names, up to the last one.
///
/// fastinet/datasets/samples.py has the rule, and where streams differ from whole archives: of a
/// sample with a label one image is the item; where nothing is a label, each is. All else of
/// moderate size are companions. A stream cannot bring together what has come apart: a companion
/// whose image has passed, or an image whose companions have, is an error.
class ItemStream {
 public:
  /// Images of a sample that wait for what comes behind them, which bounds the memory that names
  /// like "img.0001.jpg", a sample of thousands, can take. Masks, depths and views are some few.
  static constexpr size_t kMaxWaiting = 16;

  /// Files of one sample that are kept until it is over. Those of a sample without an image are
  /// then let go, since nothing is made of them; others are an error.
  static constexpr size_t kMaxFiles = 4096;

  /// How many kinds of files the ImageNet family has that have no image with them.
  static constexpr size_t kKindsWithoutImages = 3;

  /// `stream` must outlive this. Images of more than `max_bytes` come without their bytes.
  ItemStream(ByteStream& stream, uint64_t max_bytes, ItemRules rules)
      : members_(stream, {}, rules.end_marker),
        max_bytes_(max_bytes),
        rules_(std::move(rules)),
        gate_(rules_.split, rules_.around, rules_.is_named) {}

  /// The next item; nothing at the archive's end, which has then been seen to be complete. What is
  /// wrong with the stream is said after the items that are known to be complete: when the next
  /// sample or the end of their tar has come. It is said again at every later call. kMissing where
  /// all members were of other splits, kCorrupt and kUnsupported where there was no image at all.
  Result<std::optional<StreamItem>> Next();

  /// Members that are neither items nor kept companions, leftovers of other programs (JunkEnd()),
  /// entries that are no files, and images of samples that have another for their item. Members of
  /// other splits are not looked at.
  uint64_t skipped() const { return skipped_; }
  /// The first kSkippedNames of them, with what they are where they are no files.
  const std::vector<std::string>& skipped_names() const { return skipped_names_; }
  static constexpr size_t kSkippedNames = 3;
  /// What was odd about the tars, and is read nevertheless.
  const TarNotes& notes() const { return members_.notes(); }

 private:
  /// How the items of the sample that is arriving are released.
  enum class Release {
    kAtItsEnd,   // when all of it has come
    kOneByOne,   // each image when it comes, for there are many
    kStemByStem  // by the last dot, for there are many and that is how they go together
  };

  Status Step();
  Status TakeAsides();
  Status TakePassed(const PassedEntry& entry);
  Status BeginTar(uint64_t tar);
  bool IsLeftover(const std::string& name, bool again);
  void Skip(std::string name);
  void KeepOne(std::vector<SampleFile>& sample, SampleReading reading);
  Result<bool> IsOfSplit(const StreamedMember& member);
  Status CheckSplit() const;
  Status CheckSome() const;
  void Lose(const std::string& name);
  Status Take(const StreamedMember& member);
  Status TakeBesideMany(const SampleFile& file);
  Status TakeBeyondLimit(const SampleFile& file);
  Status ReleaseMany();
  Status EmitImages();
  bool CanPart() const;
  Status FinishStem();
  Status FinishSample();
  Status FinishAtItsEnd();
  Status CheckOrder(std::string_view name, bool parted);
  Status Emit(std::vector<SampleFile> sample, SampleReading reading);

  MemberStream members_;
  const uint64_t max_bytes_;
  const ItemRules rules_;
  SplitGate gate_;
  InnerTars inner_tars_;
  bool over_ = false;
  Status failure_;                // of the stream, once it has come
  bool waiting_ = false;          // members_ stands at a member that has not been taken
  std::deque<StreamItem> ready_;  // numbered, in order
  int64_t items_ = 0;
  uint64_t skipped_ = 0;
  std::vector<std::string> skipped_names_;
  ArrivedNames names_;      // of the tar that is arriving
  uint64_t names_tar_ = 0;  // how many had ended before that
  bool has_members_ = false;       // files of any kind have come
  std::array<bool, kKindsWithoutImages> has_no_images_{};
  uint64_t lost_ = 0;              // links to what is not there
  std::vector<std::string> lost_names_;
  uint64_t of_other_splits_ = 0;
  std::string first_other_;  // name of the first of them
  // The sample that is arriving.
  std::string sample_;
  uint64_t tar_ = 0;  // that it is in: how many had ended before
  std::vector<SampleFile> files_;
  Release release_ = Release::kAtItsEnd;
  bool kept_one_ = false;   // of its images, since there were many
  bool unsettled_ = false;  // whether there is one item, until another kind of member comes
  bool let_go_ = false;     // of its files, since there were many and no image
  uint8_t kinds_ = 0;       // of all that came of it
  SampleFile latest_;       // without its bytes
  NameSet passed_;          // the samples of this tar, and what each had
};

}  // namespace fastinet
