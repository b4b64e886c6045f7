#include "jpeg/scan_end.h"

#include <cstdint>
#include <iterator>
#include <string>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "jpeg/scan_end.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// The first FF byte from `p` on that no 00 follows; null: there is none before the last byte.
///
/// In entropy-coded data each 256th byte or so is an FF, and nearly all of these are followed by a
/// 00: to stop at each of them (memchr) takes twice as long.
const uint8_t* FindMarkerFrom(const uint8_t* p, const uint8_t* end) {
  const hn::ScalableTag<uint8_t> d;
  const auto lanes = static_cast<ptrdiff_t>(hn::Lanes(d));
  const auto all_ones = hn::Set(d, 0xFF);
  const auto zero = hn::Zero(d);
  const auto marks = [&](const uint8_t* at) {
    return hn::AndNot(hn::Eq(hn::LoadU(d, at + 1), zero), hn::Eq(hn::LoadU(d, at), all_ones));
  };
  for (; end - p > 4 * lanes; p += 4 * lanes) {
    const auto upper = hn::Or(marks(p), marks(p + lanes));
    const auto lower = hn::Or(marks(p + 2 * lanes), marks(p + 3 * lanes));
    if (!hn::AllFalse(d, hn::Or(upper, lower))) break;
  }
  for (; end - p >= 2; ++p) {
    if (p[0] == 0xFF && p[1] != 0) return p;
  }
  return nullptr;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {
namespace {

HWY_EXPORT(FindMarkerFrom);

constexpr uint8_t kSof0 = 0xC0;
constexpr uint8_t kDht = 0xC4;
constexpr uint8_t kJpg = 0xC8;
constexpr uint8_t kDac = 0xCC;
constexpr uint8_t kSof15 = 0xCF;
constexpr uint8_t kRst0 = 0xD0;
constexpr uint8_t kRst7 = 0xD7;
constexpr uint8_t kSoi = 0xD8;
constexpr uint8_t kEoi = 0xD9;
constexpr uint8_t kSos = 0xDA;
constexpr uint8_t kTem = 0x01;

bool IsFrame(uint8_t code) {
  return code >= kSof0 && code <= kSof15 && code != kDht && code != kJpg && code != kDac;
}

bool HasNoParameters(uint8_t code) { return (code >= kRst0 && code <= kRst7) || code == kTem; }

}  // namespace

bool HasOneScan(const JpegHeader& header) {
  return !IsProgressive(header.process) && header.scan.component_count == header.component_count;
}

Status CheckScanEnd(Bytes jpeg, size_t from) {
  const uint8_t* const end = jpeg.data() + jpeg.size();
  const uint8_t* p = jpeg.data() + from;
  while ((p = HWY_DYNAMIC_DISPATCH(FindMarkerFrom)(p, end)) != nullptr) {
    const uint8_t code = *++p;
    if (code == 0xFF) continue;  // any number of them may precede a code
    ++p;
    if (HasNoParameters(code)) continue;
    if (code == kEoi) return {};
    if (IsFrame(code) || code == kSos || code == kSoi) {
      const char* const what = code == kSos ? "scan" : code == kSoi ? "image" : "frame";
      return Corrupt(std::string("a second ") + what + " begins behind the data of the only scan")
          .AtOffset(p - 2 - jpeg.data());
    }
    const Result<size_t> next = SkipJpegMarker(jpeg, static_cast<size_t>(p - jpeg.data()));
    if (!next.ok()) {
      const Status& status = next.status();
      if (status.offset_bytes() == std::ssize(jpeg)) return {};  // the file ends in it
      return Corrupt(std::string(status.cause()) + ", behind the data of the only scan")
          .AtOffset(status.offset_bytes());
    }
    p = jpeg.data() + next.value();
  }
  return {};
}

}  // namespace fastinet
#endif  // HWY_ONCE
