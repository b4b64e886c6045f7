#include "stream/item_stream.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <utility>

#include "tar/member_name.h"

namespace fastinet {
namespace {

// As fastinet/datasets/scanned.py has them: one archive has the same items by either road.
constexpr std::array<std::string_view, 3> kImageExtensions = {".jpeg", ".jpg", ".png"};
constexpr std::string_view kJpegMagic = "\xff\xd8\xff";
constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1a\n";

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EndsWith(std::string_view name, std::string_view lower_suffix) {
  if (name.size() < lower_suffix.size()) return false;
  const std::string_view end = name.substr(name.size() - lower_suffix.size());
  return std::equal(end.begin(), end.end(), lower_suffix.begin(),
                    [](char a, char b) { return ToLower(a) == b; });
}

bool BeginsWith(const TarMembers::Head& head, std::string_view magic) {
  return std::equal(magic.begin(), magic.end(), head.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

bool IsImage(const StreamedMember& member) {
  const bool named =
      std::any_of(kImageExtensions.begin(), kImageExtensions.end(),
                  [&](std::string_view extension) { return EndsWith(member.name, extension); });
  return named || BeginsWith(member.head, kJpegMagic) || BeginsWith(member.head, kPngMagic);
}

// What the ImageNet family has beside images, as fastinet/items/scanning.py names it.
struct WithoutImages {
  std::string_view suffix, what;
};
constexpr std::array<WithoutImages, ItemStream::kKindsWithoutImages> kWithoutImages = {{
    {".mat",
     "a development kit: give it to fastinet.open as the labels= or devkit= of an archive"},
    {".xml", "bounding boxes: fastinet.read_boxes reads them"},
    {".pt", "label maps: fastinet.open_label_maps reads them"},
}};

/// What to do where an archive that is opened has other items than it has as a stream.
constexpr std::string_view kOpenIt =
    "fastinet.open reads the archive from a disk as tar would extract it";

Status OfStream(std::string cause, std::string_view name, uint64_t offset) {
  cause.append("; ").append(kOpenIt);
  return Unsupported(std::move(cause)).InMember(name).AtOffset(static_cast<int64_t>(offset));
}

std::string_view NameOf(PassedKind kind) {
  switch (kind) {
    case PassedKind::kHardLink:
      return "hard link";
    case PassedKind::kSymbolicLink:
      return "symbolic link";
    case PassedKind::kDevice:
      return "device";
    case PassedKind::kVendorRecord:
      return "vendor record";
    case PassedKind::kSparseFile:
      return "sparse file";
    case PassedKind::kContinuation:
      return "rest of a file of another archive";
    case PassedKind::kLeftoverFolder:
      break;
  }
  return "folder";
}

// What a sample has, as it is remembered.
constexpr uint8_t kHasImage = 1, kHasOther = 2, kIsParted = 4;

constexpr std::string_view kPackAnew =
    "extract the archive and pack it anew, `tar --sort=name -cf TAR -C FOLDER .`; fastinet.open "
    "reads it as it is";

Status Refusal(const std::string& cause, const SampleFile& at) {
  return Unsupported(cause).InMember(at.name).AtOffset(static_cast<int64_t>(at.offset));
}

Status ComeApart(const SampleFile& file) {
  return Refusal(
      "other files of its sample have passed: those with the same name up to the first "
      "dot are not beside each other, and a stream cannot go back; " +
          std::string(kPackAnew),
      file);
}

}  // namespace

Result<std::optional<StreamItem>> ItemStream::Next() {
  while (ready_.empty() && !over_ && failure_.ok()) failure_ = Step();
  // Damage leaves open what else the sample would have had, its label maybe; a tar's end does not.
  if (ready_.empty() && (failure_.ok() || members_.tars_ended() != tar_)) {
    Status status = FinishSample();
    if (failure_.ok()) failure_ = std::move(status);
  }
  if (ready_.empty() && failure_.ok()) failure_ = CheckSplit();
  if (ready_.empty() && failure_.ok()) failure_ = CheckSome();
  if (ready_.empty() && !failure_.ok()) return failure_;
  if (ready_.empty()) return std::optional<StreamItem>();
  std::optional<StreamItem> item = std::move(ready_.front());
  ready_.pop_front();
  return item;
}

/// Takes one member in. If it begins a sample, it waits until the items before it are gone: whoever
/// wants these should not have to wait for its content.
Status ItemStream::Step() {
  if (!waiting_) {
    FASTINET_ASSIGN_OR_RETURN(const bool found, members_.Next());
    FASTINET_RETURN_IF_ERROR(TakeAsides());
    FASTINET_RETURN_IF_ERROR(BeginTar(members_.tars_ended()));
    over_ = !found;
    if (over_) return {};
    const StreamedMember& member = members_.member();
    if (!inner_tars_.Counts(member.inner_tar)) return {};
    const bool again = !names_.Add(member.name);
    if (IsLeftover(member.name, again)) return {};
    has_members_ = true;
    for (size_t i = 0; i < kWithoutImages.size(); ++i) {
      has_no_images_[i] = has_no_images_[i] || member.name.ends_with(kWithoutImages[i].suffix);
    }
    FASTINET_ASSIGN_OR_RETURN(const bool wanted, IsOfSplit(member));
    if (!wanted) return {};
    if (again) {
      return OfStream(
          "a second member of this name, and the first one has gone by, which tar would replace",
          member.name, member.offset);
    }
  }
  waiting_ = false;
  const StreamedMember& member = members_.member();
  const std::string_view sample = SampleOf(member.name);
  if (sample != sample_ || members_.tars_ended() != tar_) {
    Status status = FinishSample();
    if (members_.tars_ended() != tar_) passed_.Clear();
    sample_ = sample;
    tar_ = members_.tars_ended();
    waiting_ = !ready_.empty();
    FASTINET_RETURN_IF_ERROR(std::move(status));
  }
  return waiting_ ? Status() : Take(member);
}

/// Takes what has gone by before the member that is next.
Status ItemStream::TakeAsides() {
  for (const StreamedAside& aside : members_.asides()) {
    FASTINET_RETURN_IF_ERROR(BeginTar(aside.tar));
    if (!inner_tars_.Counts(aside.inner_tar)) {
      if (!aside.passed) Skip(aside.inner_tar + " (tar beside images)");
    } else if (aside.passed) {
      FASTINET_RETURN_IF_ERROR(TakePassed(*aside.passed));
    } else if (!names_.Add(aside.inner_tar)) {
      return OfStream(
          "a second tar of this name, and the first one has gone by, which tar would "
          "replace",
          aside.inner_tar, aside.offset);
    }
  }
  return {};
}

Status ItemStream::TakePassed(const PassedEntry& entry) {
  if (IsLeftover(entry.name, false)) return {};
  FASTINET_ASSIGN_OR_RETURN(const bool wanted, gate_.Takes(entry.name, false));
  if (!wanted) {
    // A link within the split may lead by way of one that is not.
    const bool is_link =
        entry.kind == PassedKind::kHardLink || entry.kind == PassedKind::kSymbolicLink;
    if (is_link) (void)names_.Add(entry.name);
    return {};
  }
  std::string shown = entry.name + " (" + std::string(NameOf(entry.kind)) + ")";
  if (entry.kind == PassedKind::kHardLink && names_.Has(entry.target)) {
    return OfStream("a hard link to '" + entry.target + "', whose bytes have gone by", entry.name,
                    entry.offset);
  }
  if (entry.kind == PassedKind::kHardLink) Lose(entry.name);
  if (entry.kind == PassedKind::kSymbolicLink) {
    const bool leads_inside = !PointedTo(entry.name, entry.target).empty();
    if (!(leads_inside ? names_.AddLink(entry) : names_.Add(entry.name))) {
      return OfStream("a symbolic link in place of a member that has gone by", entry.name,
                      entry.offset);
    }
    if (!leads_inside) Lose(entry.name);
    if (leads_inside) return {};  // where to, is known when the tar is over
  }
  if (!entry.target.empty()) shown.insert(shown.size() - 1, " to " + entry.target);
  Skip(std::move(shown));
  return {};
}

/// Sees to it that `names_` are those of this tar. Of the one before it is known now what its
/// symbolic links point to.
Status ItemStream::BeginTar(uint64_t tar) {
  if (tar == names_tar_) return {};
  for (const ArrivedNames::Link& link : names_.Links()) {
    if (link.is_member) {
      return OfStream("a symbolic link to a member, whose bytes have gone by", link.name,
                      link.offset);
    }
    Skip(link.name + " (symbolic link)");
    Lose(link.name);
  }
  names_.Clear();
  names_tar_ = tar;
  gate_.BeginTar(tar);
  return {};
}

/// Passes over `name` if it is left by another program; a folder of such counts once.
bool ItemStream::IsLeftover(const std::string& name, bool again) {
  const size_t end = JunkEnd(name);
  if (end == 0) return false;
  const bool in_folder = end < name.size();
  const std::string outermost = name.substr(0, end) + (in_folder ? "/" : "");
  if (in_folder ? names_.Add(outermost) : !again) Skip(outermost);
  return true;
}

void ItemStream::Skip(std::string name) {
  ++skipped_;
  if (skipped_names_.size() < kSkippedNames) skipped_names_.push_back(std::move(name));
}

/// Leaves one image of a sample with one item; the others are passed over, or its companions.
void ItemStream::KeepOne(std::vector<SampleFile>& sample, SampleReading reading) {
  std::vector<bool> were_images;
  were_images.reserve(sample.size());
  for (const SampleFile& file : sample) were_images.push_back(file.is_image);
  KeepOneImage(sample, reading);
  for (size_t i = 0; i < sample.size(); ++i) {
    if (were_images[i] && !sample[i].is_image) Skip(sample[i].name);
  }
}

/// Whether a member is of the split that is wanted; counts it otherwise. An image that shows that
/// there are two readings comes behind a sample that is complete.
Result<bool> ItemStream::IsOfSplit(const StreamedMember& member) {
  Result<bool> wanted = gate_.Takes(member.name, IsImage(member));
  if (!wanted.ok()) {
    FASTINET_RETURN_IF_ERROR(FinishSample());
    Status status = std::move(wanted).status();
    return std::move(status).InMember(member.name).AtOffset(static_cast<int64_t>(member.offset));
  }
  if (!wanted.value() && of_other_splits_++ == 0) first_other_ = member.name;
  if (!IsImage(member)) return wanted;
  Status status = inner_tars_.Take(member, wanted.value());
  if (!status.ok()) {
    FASTINET_RETURN_IF_ERROR(FinishSample());
    return status;
  }
  return wanted;
}

/// At the stream's end: an empty epoch is what a wrong `split` looks like.
Status ItemStream::CheckSplit() const {
  if (items_ > 0 || of_other_splits_ == 0) return {};
  return {StatusCode::kMissing, "no item of the stream is of split '" + rules_.split +
                                    "', as far as paths tell; " + std::to_string(of_other_splits_) +
                                    " members are of others, the first is '" + first_other_ +
                                    "' of '" + gate_.SplitOf(first_other_) +
                                    "'. split=\"all\" takes all items"};
}

/// Refuses an archive without any image, as fastinet/items/scanning.py does.
Status ItemStream::CheckSome() const {
  if (items_ > 0) return {};
  const std::string no_image = "there is no image in it";
  for (size_t i = 0; i < kWithoutImages.size(); ++i) {
    if (!has_no_images_[i]) continue;
    return Unsupported(no_image + "; it holds " + std::string(kWithoutImages[i].what));
  }
  if (lost_ > 0) {
    std::string names;
    for (const std::string& name : lost_names_) names.append(names.empty() ? "" : ", ").append(name);
    if (lost_ > lost_names_.size()) names += ", ...";
    return Unsupported(no_image + ": it has " + (lost_ == 1 ? "1 link" : std::to_string(lost_) + " links") +
                       " to what is not in it: " + names +
                       "; pack the images in place of the links, with `tar --dereference`");
  }
  if (has_members_) return Corrupt("a complete tar, but " + no_image);
  return Corrupt("a complete tar, but " + no_image +
                 ", nor anything else; a file of zeros looks so, too, as a download leaves it that "
                 "made room and did not fill it: pack or download it again");
}

/// Counts a link to what is not in the archive.
void ItemStream::Lose(const std::string& name) {
  ++lost_;
  if (lost_names_.size() < kSkippedNames) lost_names_.push_back(name);
}

Status ItemStream::Take(const StreamedMember& member) {
  latest_ = {.name = member.name,
             .offset = member.offset,
             .size = member.size,
             .bytes = {},
             .is_image = IsImage(member)};
  SampleFile file = latest_;
  kinds_ |= file.is_image ? kHasImage : kHasOther;
  if (member.size <= (file.is_image ? max_bytes_ : kMaxCompanionBytes)) {
    FASTINET_ASSIGN_OR_RETURN(file.bytes, members_.ReadContent());
  }
  if (!file.is_image) {
    file.is_label = IsLabelFile(file.name, file.bytes);
    if (file.bytes.size() < file.size) Skip(file.name);
    if (file.is_label && file.bytes.size() < file.size && !rules_.labels_by_function) {
      return Corrupt("it holds no label: it has " + std::to_string(file.size) + " bytes")
          .InMember(file.name)
          .AtOffset(static_cast<int64_t>(file.offset));
    }
  }
  FASTINET_RETURN_IF_ERROR(TakeBesideMany(file));
  if (let_go_ || files_.size() >= kMaxFiles) return TakeBeyondLimit(file);
  files_.push_back(std::move(file));
  if (release_ == Release::kOneByOne) return EmitImages();
  const auto waiting = std::ranges::count_if(files_, &SampleFile::is_image);
  return waiting < static_cast<std::ptrdiff_t>(kMaxWaiting) ? Status() : ReleaseMany();
}

/// Refuses `file` where it makes wrong what was decided when many images of its sample had come.
/// Of a sample whose stems are released, it finishes the one before.
Status ItemStream::TakeBesideMany(const SampleFile& file) {
  const std::string behind =
      " comes behind " + std::to_string(kMaxWaiting) +
      " images or more of one sample, whose names are the same up to the first dot, and a stream "
      "cannot keep all of them until it knows what they are; ";
  if (release_ == Release::kOneByOne && !file.is_image) {
    return Refusal((file.is_label ? "a label that" : "a file that") + behind +
                       "such files go before the images, or fastinet.open reads the archive",
                   file);
  }
  if (unsettled_ && file.is_image && IsNamedOrNumbered(file.name)) {
    return Refusal("an image that" + behind + "fastinet.open reads the archive", file);
  }
  unsettled_ = unsettled_ && file.is_image;
  if (release_ != Release::kStemByStem) return {};
  if (!HasSeveralDots(file.name)) {
    return Refusal("a file with the shorter name that" + behind + "fastinet.open reads the archive",
                   file);
  }
  return files_.empty() || StemOf(files_.front().name) == StemOf(file.name) ? Status()
                                                                            : FinishStem();
}

/// Takes a file of a sample of which no more can be kept.
Status ItemStream::TakeBeyondLimit(const SampleFile& file) {
  if ((kinds_ & kHasImage) != 0) {
    return Refusal((file.is_image ? "an image that" : "a file that") +
                       std::string(" comes behind ") + std::to_string(kMaxFiles) +
                       " files or more of one sample, whose names are the same up to the first "
                       "dot, and a stream cannot keep all of them until it knows what they are; "
                       "fastinet.open reads the archive",
                   file);
  }
  // Larger ones are counted already.
  for (const SampleFile& kept : std::exchange(files_, {})) {
    if (kept.bytes.size() == kept.size) Skip(kept.name);
  }
  if (file.bytes.size() == file.size) Skip(file.name);
  let_go_ = true;
  return {};
}

/// Decides on a sample of which many images wait.
Status ItemStream::ReleaseMany() {
  if (CanPart()) {
    release_ = Release::kStemByStem;
    // What is there of the last stem may go on; all others are whole.
    std::vector<SampleFile> whole;
    const std::string last(StemOf(files_.back().name));
    for (SampleFile& file : std::exchange(files_, {})) {
      (StemOf(file.name) == last ? files_ : whole).push_back(std::move(file));
    }
    return Emit(std::move(whole), SampleReading::kByLastDot);
  }
  const bool others = (kinds_ & kHasOther) != 0;
  unsettled_ = rules_.labels_by_function && !others && !IsInClassFolder(sample_);
  if (HasOneItem(files_, rules_.labels_by_function, SampleReading::kByFirstDot)) {
    KeepOne(files_, SampleReading::kByFirstDot);
    kept_one_ = true;
    return {};
  }
  release_ = Release::kOneByOne;
  return EmitImages();
}

/// Makes items of the images of a sample of many, with the companions that came before them.
Status ItemStream::EmitImages() {
  std::vector<SampleFile> sample, companions;
  for (SampleFile& file : std::exchange(files_, {})) {
    if (!file.is_image) companions.push_back(file);
    sample.push_back(std::move(file));
  }
  files_ = std::move(companions);
  return Emit(std::move(sample), SampleReading::kByFirstDot);
}

/// Whether all stems but the last, which is still arriving, have an image and something beside it.
bool ItemStream::CanPart() const {
  if (kept_one_) return false;
  const std::string_view last = StemOf(files_.back().name);
  return std::ranges::all_of(files_, [&](const SampleFile& file) {
    if (!HasSeveralDots(file.name)) return false;
    const auto has_other = [&](bool image) {
      return std::ranges::any_of(files_, [&](const SampleFile& other) {
        return other.is_image == image && StemOf(other.name) == StemOf(file.name);
      });
    };
    return StemOf(file.name) == last || (has_other(false) && has_other(true));
  });
}

/// Makes items of a stem of a sample of many, which has come.
Status ItemStream::FinishStem() {
  if (files_.empty()) return {};
  const auto images = std::ranges::count_if(files_, &SampleFile::is_image);
  if (images == 0 || images == std::ssize(files_)) {
    return Refusal(
        "many images of its sample, whose names are the same up to the first dot, have "
        "a file of their own, whose name is theirs up to the last one, and it has none "
        "beside it: " +
            std::string(kPackAnew),
        files_.front());
  }
  return Emit(std::exchange(files_, {}), SampleReading::kByLastDot);
}

/// Makes items of the sample that has arrived, if there is an image in it.
Status ItemStream::FinishSample() {
  Status status;
  if (release_ == Release::kStemByStem) {
    status = FinishStem();
    if (status.ok()) status = CheckOrder(sample_, true);
  } else if (release_ == Release::kOneByOne) {
    status = CheckOrder(sample_, false);
  } else if (kinds_ != 0) {
    status = FinishAtItsEnd();
  }
  files_.clear();
  release_ = Release::kAtItsEnd;
  kept_one_ = unsettled_ = let_go_ = false;
  kinds_ = 0;
  return status;
}

Status ItemStream::FinishAtItsEnd() {
  SampleReading reading = ReadingOf(files_);
  if (reading == SampleReading::kEither) {
    if (!rules_.labels_by_function) {
      return Refusal(
          "an image of its sample has a label by either reading of its name: up to the "
          "first dot, as WebDataset has it, for one image of all with that name; up to "
          "the last dot one of its own. Take one of the labels away, or give labels= a "
          "function of the key, which decides for the first dot",
          latest_);
    }
    reading = SampleReading::kByFirstDot;
  }
  const bool parted = reading == SampleReading::kByLastDot;
  if (parted && kept_one_) {
    return Refusal(
        "so many images are of its sample, whose name goes up to the first dot, that a "
        "stream could not wait for what belongs to each: fastinet.open reads the archive",
        latest_);
  }
  FASTINET_RETURN_IF_ERROR(CheckOrder(sample_, parted));
  if ((kinds_ & kHasImage) == 0) {
    for (const SampleFile& file : files_) {
      if (file.bytes.size() == file.size) Skip(file.name);  // larger ones are counted already
    }
    return {};
  }
  return Emit(std::exchange(files_, {}), reading);
}

/// Refuses the sample, or stem of one, that has come if a part of it had come before.
Status ItemStream::CheckOrder(std::string_view name, bool parted) {
  const auto kinds = static_cast<uint8_t>(kinds_ | (parted ? kIsParted : 0));
  const uint8_t before = passed_.Add(name, kinds);
  if (before == 0 || (parted && (before & kIsParted) != 0)) return {};
  const bool images = ((before | kinds) & kHasImage) != 0;
  const bool others = ((before | kinds) & kHasOther) != 0;
  const bool may_be_one = rules_.labels_by_function && !IsInClassFolder(name);
  if (!images || (!others && !may_be_one)) return {};
  return ComeApart(latest_);
}

/// Numbers the items of a sample, and has them ready. By the last dot it is several.
Status ItemStream::Emit(std::vector<SampleFile> sample, SampleReading reading) {
  std::vector<StreamItem> items;
  while (!sample.empty()) {
    std::vector<SampleFile> part, rest;
    if (reading == SampleReading::kByLastDot) {
      const std::string stem(StemOf(sample.front().name));
      for (SampleFile& file : sample) {
        (StemOf(file.name) == stem ? part : rest).push_back(std::move(file));
      }
      if (HasSeveralDots(part.front().name) && passed_.Add(stem, kHasImage) != 0) {
        return ComeApart(part.front());
      }
    } else {
      part = std::move(sample);
    }
    sample = std::move(rest);
    if (std::ranges::none_of(part, &SampleFile::is_image)) {
      for (const SampleFile& file : part) Skip(file.name);
    }
    if (HasOneItem(part, rules_.labels_by_function, reading)) {
      KeepOne(part, reading);
    }
    std::ranges::move(ItemsOf(std::move(part), reading), std::back_inserter(items));
  }
  std::ranges::sort(items, {}, &StreamItem::offset);
  for (StreamItem& item : items) {
    // Files beside an image make it one of a shard's, and shards are parts of one split.
    if (item.companions.empty()) {
      Status status = gate_.CheckItem(item.key, tar_);
      if (!status.ok()) {
        return std::move(status).InMember(item.key).AtOffset(static_cast<int64_t>(item.offset));
      }
    }
    item.number = items_++;
    ready_.push_back(std::move(item));
  }
  return {};
}

}  // namespace fastinet
