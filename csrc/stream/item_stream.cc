#include "stream/item_stream.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "tar/member_name.h"

namespace fastinet {
namespace {

// As fastinet/datasets/scanned.py has them: one archive has the same items by either road.
constexpr std::array<std::string_view, 3> kImageExtensions = {".jpeg", ".jpg", ".png"};
constexpr std::string_view kJpegMagic = "\xff\xd8\xff";
constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1a\n";

std::string_view Basename(std::string_view name) { return name.substr(name.rfind('/') + 1); }

/// Where the extension's dot is in `name`: the first one of its last part, or behind its end.
size_t DotOf(std::string_view name) {
  return std::min(name.find('.', name.size() - Basename(name).size()), name.size());
}

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

/// All behind the dot, in small letters.
std::string ExtensionOf(std::string_view name) {
  std::string extension(name.substr(std::min(DotOf(name) + 1, name.size())));
  std::ranges::transform(extension, extension.begin(), ToLower);
  return extension;
}

/// Whether a sample's image is called so: "7.jpg", and not "7.depth.png".
bool HasSampleExtension(std::string_view name) {
  const std::string extension = ExtensionOf(name);
  return extension == "jpeg" || extension == "jpg" || extension == "png";
}

bool IsImage(const StreamedMember& member) {
  const bool named =
      std::any_of(kImageExtensions.begin(), kImageExtensions.end(),
                  [&](std::string_view extension) { return EndsWith(member.name, extension); });
  return named || BeginsWith(member.head, kJpegMagic) || BeginsWith(member.head, kPngMagic);
}

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
    case PassedKind::kLeftoverFolder:
      break;
  }
  return "folder";
}

bool IsLabel(const Companion& companion) {
  return companion.extension == "cls" || companion.extension == "json";
}

}  // namespace

Result<std::optional<StreamItem>> ItemStream::Next() {
  while (ready_.empty() && !over_ && failure_.ok()) failure_ = Step();
  // Damage leaves open what else the sample would have had, its label maybe; a tar's end does not.
  if (ready_.empty() && (failure_.ok() || members_.tars_ended() != tar_)) FinishSample();
  if (ready_.empty() && failure_.ok()) failure_ = CheckSplit();
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
    const bool again = !names_.Add(member.name);
    if (IsLeftover(member.name, again)) return {};
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
  const std::string_view sample = std::string_view(member.name).substr(0, DotOf(member.name));
  if (sample != sample_ || members_.tars_ended() != tar_) {
    FinishSample();
    sample_ = sample;
    tar_ = members_.tars_ended();
    waiting_ = !ready_.empty();
  }
  return waiting_ ? Status() : Take(member);
}

/// Takes what has gone by before the member that is next.
Status ItemStream::TakeAsides() {
  for (const StreamedAside& aside : members_.asides()) {
    FASTINET_RETURN_IF_ERROR(BeginTar(aside.tar));
    if (aside.passed) {
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
  if (!wanted) return {};
  std::string shown = entry.name + " (" + std::string(NameOf(entry.kind)) + ")";
  if (entry.kind == PassedKind::kHardLink && names_.Has(entry.target)) {
    return OfStream("a hard link to '" + entry.target + "', whose bytes have gone by", entry.name,
                    entry.offset);
  }
  if (entry.kind == PassedKind::kSymbolicLink) {
    const bool leads_inside = !PointedTo(entry.name, entry.target).empty();
    if (!(leads_inside ? names_.AddLink(entry) : names_.Add(entry.name))) {
      return OfStream("a symbolic link in place of a member that has gone by", entry.name,
                      entry.offset);
    }
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
  }
  names_.Clear();
  names_tar_ = tar;
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

/// Whether a member is of the split that is wanted; counts it otherwise. An image that shows that
/// there are two readings comes behind a sample that is complete.
Result<bool> ItemStream::IsOfSplit(const StreamedMember& member) {
  Result<bool> wanted = gate_.Takes(member.name, IsImage(member));
  if (!wanted.ok()) {
    FinishSample();
    Status status = std::move(wanted).status();
    return std::move(status).InMember(member.name).AtOffset(static_cast<int64_t>(member.offset));
  }
  if (!wanted.value() && of_other_splits_++ == 0) first_other_ = member.name;
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

Status ItemStream::Take(const StreamedMember& member) {
  if (IsImage(member)) return TakeImage(member);
  if (member.size > kMaxCompanionBytes) {
    Skip(member.name);
    return {};
  }
  FASTINET_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, members_.ReadContent());
  companions_.push_back({ExtensionOf(member.name), std::move(bytes)});
  if (too_many_ && IsLabel(companions_.back())) {
    Status status = Unsupported("a label behind " + std::to_string(kMaxWaiting) +
                                " images or more of one sample; the label goes first, or labels= "
                                "takes a function of the key");
    return std::move(status).InMember(member.name).AtOffset(static_cast<int64_t>(member.offset));
  }
  return {};
}

Status ItemStream::TakeImage(const StreamedMember& member) {
  StreamItem item{.number = 0,
                  .key = member.name,
                  .offset = member.offset,
                  .size = member.size,
                  .bytes = {},
                  .companions = {}};
  if (member.size <= max_bytes_) {
    FASTINET_ASSIGN_OR_RETURN(item.bytes, members_.ReadContent());
  }
  images_.push_back({std::move(item), HasSampleExtension(member.name), companions_.size()});
  too_many_ = too_many_ || (images_.size() == kMaxWaiting && !HasLabel());
  if (too_many_) {
    Release({});
  } else if (images_.size() == kMaxWaiting) {
    KeepOne();
  }
  return {};
}

/// Whether the sample has one item, as far as it has arrived.
bool ItemStream::HasLabel() const {
  return rules_.one_of_a_sample || std::ranges::any_of(companions_, IsLabel);
}

/// Leaves the image that is the sample's item; the others become companions, each where it came.
void ItemStream::KeepOne() {
  const auto named = std::ranges::find_if(images_, &Image::named);
  const auto kept = named == images_.end() ? images_.begin() : named;
  std::vector<Companion> companions;
  auto later = std::make_move_iterator(companions_.begin());
  size_t moved = 0;
  for (auto image = images_.begin(); image != images_.end(); ++image) {
    for (; moved < image->companions_before; ++moved) companions.push_back(*later++);
    StreamItem& item = image->item;
    if (image == kept) {
      image->companions_before = companions.size();
      continue;
    }
    Skip(item.key);
    if (item.size > kMaxCompanionBytes || item.bytes.size() < item.size) continue;
    companions.push_back({ExtensionOf(item.key), std::move(item.bytes)});
  }
  companions.insert(companions.end(), later, std::make_move_iterator(companions_.end()));
  companions_ = std::move(companions);
  Image one = std::move(*kept);
  images_.clear();
  images_.push_back(std::move(one));
}

/// Makes items of all images that wait, each with `companions`.
void ItemStream::Release(std::vector<Companion> companions) {
  for (Image& image : images_) {
    image.item.number = items_++;
    // The last one takes them, and nobody comes after it.
    // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
    image.item.companions = &image == &images_.back() ? std::move(companions) : companions;
    ready_.push_back(std::move(image.item));
  }
  images_.clear();
}

/// Makes items of the sample that has arrived, if there is an image in it.
void ItemStream::FinishSample() {
  if (images_.size() > 1 && HasLabel()) KeepOne();
  for (const Companion& companion : companions_) {
    if (images_.empty())
      Skip(sample_ + (companion.extension.empty() ? "" : ".") + companion.extension);
  }
  Release(std::exchange(companions_, {}));
  too_many_ = false;
}

}  // namespace fastinet
