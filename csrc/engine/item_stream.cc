#include "engine/item_stream.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fastinet {
namespace {

// As fastinet/datasets/scanned.py has them: one archive has the same items by either road.
constexpr std::array<std::string_view, 3> kImageExtensions = {".jpeg", ".jpg", ".png"};
// As fastinet/datasets/webdataset.py has them: what follows the base's first dot.
constexpr std::string_view kJpegMagic = "\xff\xd8\xff";
constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1a\n";
constexpr std::string_view kAppleMagic("\x00\x05\x16\x07", 4);

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

/// Whether it is a file that macOS adds to each, see fastinet/datasets/scanned.py.
bool IsAppleDouble(const StreamedMember& member) {
  return Basename(member.name).starts_with("._") && BeginsWith(member.head, kAppleMagic);
}

bool IsImage(const StreamedMember& member) {
  const bool named =
      std::any_of(kImageExtensions.begin(), kImageExtensions.end(),
                  [&](std::string_view extension) { return EndsWith(member.name, extension); });
  return named || BeginsWith(member.head, kJpegMagic) || BeginsWith(member.head, kPngMagic);
}

}  // namespace

Result<std::optional<StreamItem>> ItemStream::Next() {
  while (!over_ && failure_.ok()) {
    if (!waiting_) {
      Result<bool> found = members_.Next();
      failure_ = found.status();
      over_ = found.ok() && !found.value();
      if (over_ || !failure_.ok()) break;
    }
    const std::string& name = members_.member().name;
    const std::string_view sample = std::string_view(name).substr(0, DotOf(name));
    if (IsAppleDouble(members_.member())) {
      ++skipped_;
      continue;
    }
    waiting_ = SampleIsOver(name, sample);
    if (waiting_) {
      std::optional<StreamItem> item = Finish();
      sample_ = sample;
      tar_ = members_.tars_ended();
      if (item) return item;
      waiting_ = false;
    }
    failure_ = Take(members_.member());
  }
  // Damage leaves open what else the sample would have had, its label maybe; its tar's end does
  // not.
  if (failure_.ok() || members_.tars_ended() != tar_) {
    if (std::optional<StreamItem> item = Finish()) return item;
  }
  if (!failure_.ok()) return failure_;
  return std::optional<StreamItem>();
}

/// Whether the member called `name`, of `sample`, begins a sample.
bool ItemStream::SampleIsOver(const std::string& name, std::string_view sample) const {
  return sample != sample_ || members_.tars_ended() != tar_ || (item_ && item_->key == name);
}

Status ItemStream::Take(const StreamedMember& member) {
  const bool image = IsImage(member), named = HasSampleExtension(member.name);
  if (image && (!item_ || (named && !item_is_named_))) {
    if (item_) PassOverItem();
    item_ = {.number = 0,
             .key = member.name,
             .offset = member.offset,
             .size = member.size,
             .bytes = {},
             .companions = {}};
    item_is_named_ = named;
    companions_before_ = companions_.size();
    if (member.size > max_bytes_) return {};
    FASTINET_ASSIGN_OR_RETURN(item_->bytes, members_.ReadContent());
    return {};
  }
  if (member.size > kMaxCompanionBytes) {
    ++skipped_;
    return {};
  }
  FASTINET_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, members_.ReadContent());
  companions_.push_back({ExtensionOf(member.name), std::move(bytes)});
  return {};
}

/// Makes the sample's image one of the companions, in its place among them.
void ItemStream::PassOverItem() {
  if (item_->size > kMaxCompanionBytes || item_->bytes.size() < item_->size) {
    ++skipped_;
    return;
  }
  companions_.insert(companions_.begin() + static_cast<std::ptrdiff_t>(companions_before_),
                     {ExtensionOf(item_->key), std::move(item_->bytes)});
}

/// The item of the sample that has arrived, if it has one.
std::optional<StreamItem> ItemStream::Finish() {
  std::vector<Companion> companions = std::exchange(companions_, {});
  std::optional<StreamItem> item = std::exchange(item_, std::nullopt);
  if (item) {
    item->number = items_++;
    item->companions = std::move(companions);
  } else {
    skipped_ += companions.size();
  }
  return item;
}

}  // namespace fastinet
