// Transposition of bytes, for kernels; included behind Highway, once for every instruction set.

// Highway's foreach_target.h includes a kernel file again and again, and toggles this macro.
#if defined(FASTINET_BASE_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FASTINET_BASE_TRANSPOSE_INL_H_
#undef FASTINET_BASE_TRANSPOSE_INL_H_
#else
#define FASTINET_BASE_TRANSPOSE_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR  // whose vectors have one lane

using TransposedBytes = hn::FixedTag<uint8_t, 16>;

/// Transposes a 16x16 block of bytes. Each of the four rounds is a perfect shuffle of the 256
/// bytes: it rotates the eight bits of (row, column) by one, and after four the halves have
/// changed places.
HWY_INLINE void TransposeBlock(hn::Vec<TransposedBytes> (&a)[16]) {
  const TransposedBytes d;
  hn::Vec<TransposedBytes> b[16];
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < 8; ++i) {
      b[2 * i] = hn::InterleaveLower(d, a[i], a[i + 8]);
      b[2 * i + 1] = hn::InterleaveUpper(d, a[i], a[i + 8]);
    }
    for (size_t i = 0; i < 8; ++i) {
      a[2 * i] = hn::InterleaveLower(d, b[i], b[i + 8]);
      a[2 * i + 1] = hn::InterleaveUpper(d, b[i], b[i + 8]);
    }
  }
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#endif  // the toggle
