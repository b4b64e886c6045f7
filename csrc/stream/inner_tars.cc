#include "stream/inner_tars.h"

#include "stream/split_names.h"

namespace fastinet {
namespace {

constexpr std::string_view kTarSuffix = ".tar";
constexpr size_t kWnidLength = 9;

std::string_view LastPart(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool IsClassTar(std::string_view tar) {
  std::string_view name = LastPart(tar);
  if (name.ends_with(kTarSuffix)) name.remove_suffix(kTarSuffix.size());
  return WnidNumber(name) >= 0;
}

/// Whether a path tells the class of an image, or its number.
bool IsTold(std::string_view path) {
  const std::string_view base = LastPart(path);
  return TellOfFolder(path.substr(0, path.size() - base.size())).wnid >= 0 ||
         TellOfNumber(base).number >= 0 || WnidNumber(base.substr(0, kWnidLength)) >= 0;
}

}  // namespace

bool InnerTars::Counts(std::string_view tar) const {
  return tar.empty() || !outside_ || IsClassTar(tar);
}

Status InnerTars::Take(const StreamedMember& image, bool wanted) {
  if (!image.inner_tar.empty() && !IsClassTar(image.inner_tar)) {
    if (wanted && first_.empty()) {
      first_ = image.name;
      tar_ = image.inner_tar;
    }
    return {};
  }
  // Of an image whose class nothing tells nobody knows whether it is an item, unless it is wanted.
  if (outside_ || (!wanted && !IsTold(image.name))) return {};
  outside_ = true;
  if (first_.empty()) return {};
  return Unsupported("it lies beside the tar '" + tar_ + "', which may be what it was extracted " +
                     "from or more images, and does not count then; but '" + first_ +
                     "' of that tar has gone by; fastinet.open reads the archive without the tar, "
                     "and the tar by itself once it is extracted")
      .InMember(image.name)
      .AtOffset(static_cast<int64_t>(image.offset));
}

}  // namespace fastinet
