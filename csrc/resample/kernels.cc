#include "resample/kernels.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "resample/kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fastinet {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// ---------------------------------------------------------------------------------------------
// Transposition
// ---------------------------------------------------------------------------------------------

#if HWY_TARGET == HWY_SCALAR  // the baseline, where vectors have one lane

void RowsToStrip(const uint8_t* const* rows, size_t columns, uint8_t* strip) {
  for (size_t x = 0; x < columns; ++x) {
    for (size_t i = 0; i < kStripRows; ++i) strip[x * kStripRows + i] = rows[i][x];
  }
}

void StripToRows(const uint8_t* strip, size_t columns, uint8_t* const* rows) {
  for (size_t x = 0; x < columns; ++x) {
    for (size_t i = 0; i < kStripRows; ++i) rows[i][x] = strip[x * kStripRows + i];
  }
}

#else

using Block = hn::FixedTag<uint8_t, 16>;

void RowsToStrip(const uint8_t* const* rows, size_t columns, uint8_t* strip) {
  const Block d;
  hn::Vec<Block> block[16];
  size_t x = 0;
  for (; x + 16 <= columns; x += 16) {
    for (size_t i = 0; i < 16; ++i) block[i] = hn::LoadU(d, rows[i] + x);
    TransposeBlock(block);
    for (size_t i = 0; i < 16; ++i) hn::StoreU(block[i], d, strip + (x + i) * 16);
  }
  if (x == columns) return;
  HWY_ALIGN uint8_t tail[16][16] = {};
  for (size_t i = 0; i < 16; ++i) std::memcpy(tail[i], rows[i] + x, columns - x);
  for (size_t i = 0; i < 16; ++i) block[i] = hn::Load(d, tail[i]);
  TransposeBlock(block);
  for (size_t i = 0; i < columns - x; ++i) hn::StoreU(block[i], d, strip + (x + i) * 16);
}

void StripToRows(const uint8_t* strip, size_t columns, uint8_t* const* rows) {
  const Block d;
  hn::Vec<Block> block[16];
  for (size_t x = 0; x < columns; x += 16) {
    for (size_t i = 0; i < 16; ++i) block[i] = hn::LoadU(d, strip + (x + i) * 16);
    TransposeBlock(block);
    for (size_t i = 0; i < 16; ++i) hn::StoreU(block[i], d, rows[i] + x);
  }
}

#endif

// ---------------------------------------------------------------------------------------------
// The two passes
// ---------------------------------------------------------------------------------------------

using Sums = hn::CappedTag<int32_t, 16>;
using Pixels = hn::Rebind<uint8_t, Sums>;

constexpr int32_t kHalf = 1 << (kWeightBits - 1);

template <class V>
HWY_INLINE void StoreRounded(V sum, uint8_t* out) {
  hn::StoreU(hn::DemoteTo(Pixels(), hn::ShiftRight<kWeightBits>(sum)), Pixels(), out);
}

template <class V>
HWY_INLINE V MulAddPixels(const uint8_t* pixels, V weight, V sum) {
  const auto values = hn::PromoteTo(Sums(), hn::LoadU(Pixels(), pixels));
  return hn::Add(sum, hn::Mul(values, weight));
}

void ResampleStrip(const StripPlane& plane, const AxisWeights& weights, uint8_t* out) {
  const Sums d;
  constexpr size_t kLanes = hn::MaxLanes(Sums());
  constexpr size_t kVectors = kStripRows / kLanes;
  const int32_t outputs = weights.outputs();
  for (int32_t i = 0; i < outputs; ++i, out += kStripRows) {
    hn::Vec<Sums> sums[kVectors];
    for (auto& sum : sums) sum = hn::Set(d, kHalf);
    const uint8_t* column = plane.first_column + weights.start(i) * plane.pixel_stride;
    for (const int32_t tap : weights.taps(i)) {
      const auto weight = hn::Set(d, tap);
      for (size_t v = 0; v < kVectors; ++v) {
        sums[v] = MulAddPixels(column + v * kLanes, weight, sums[v]);
      }
      column += plane.pixel_stride;
    }
    for (size_t v = 0; v < kVectors; ++v) StoreRounded(sums[v], out + v * kLanes);
  }
}

void ResampleRows(const uint8_t* const* rows, std::span<const int32_t> taps, size_t width,
                  uint8_t* out) {
  const Sums d;
  constexpr size_t kLanes = hn::MaxLanes(Sums());
  constexpr size_t kVectors = 4;  // sums in flight: hides the latency of the multiplications
  static_assert(kVectors * kLanes <= kPaddingBytes);
  for (size_t x = 0; x < width; x += kVectors * kLanes) {
    hn::Vec<Sums> sums[kVectors];
    for (auto& sum : sums) sum = hn::Set(d, kHalf);
    for (size_t k = 0; k < taps.size(); ++k) {
      const auto weight = hn::Set(d, taps[k]);
      for (size_t v = 0; v < kVectors; ++v) {
        sums[v] = MulAddPixels(rows[k] + x + v * kLanes, weight, sums[v]);
      }
    }
    for (size_t v = 0; v < kVectors; ++v) StoreRounded(sums[v], out + x + v * kLanes);
  }
}

// ---------------------------------------------------------------------------------------------
// Output formats
// ---------------------------------------------------------------------------------------------

/// Interleaves three planes: out[3 * x + c] = plane[c][x].
void Interleave(const PlanarRow& line, uint8_t* out) {
  size_t x = 0;
#if HWY_TARGET != HWY_SCALAR
  const Block d;
  for (; x + 16 <= line.width; x += 16) {
    hn::StoreInterleaved3(hn::LoadU(d, line.plane[0] + x), hn::LoadU(d, line.plane[1] + x),
                          hn::LoadU(d, line.plane[2] + x), d, out + 3 * x);
  }
#endif
  for (; x < line.width; ++x) {
    for (size_t c = 0; c < 3; ++c) out[3 * x + c] = line.plane[c][x];
  }
}

void Deinterleave(const uint8_t* pixels, size_t width, uint8_t* const* planes) {
  size_t x = 0;
#if HWY_TARGET != HWY_SCALAR
  const Block d;
  for (; x + 16 <= width; x += 16) {
    hn::Vec<Block> r, g, b;
    hn::LoadInterleaved3(d, pixels + 3 * x, r, g, b);
    hn::StoreU(r, d, planes[0] + x);
    hn::StoreU(g, d, planes[1] + x);
    hn::StoreU(b, d, planes[2] + x);
  }
#endif
  for (; x < width; ++x) {
    for (size_t c = 0; c < 3; ++c) planes[c][x] = pixels[3 * x + c];
  }
}

using Floats = hn::CappedTag<float, 16>;
constexpr size_t kFloatLanes = hn::MaxLanes(Floats());

HWY_INLINE hn::Vec<Floats> Normalize(const uint8_t* pixels, hn::Vec<Floats> scale,
                                     hn::Vec<Floats> bias) {
  const hn::Rebind<int32_t, Floats> di;
  const hn::Rebind<uint8_t, Floats> du;
  const auto values = hn::ConvertTo(Floats(), hn::PromoteTo(di, hn::LoadU(du, pixels)));
  // Two roundings on every target, fused or not, so that all machines agree.
  return hn::Add(hn::Mul(values, scale), bias);
}

struct StoreFloat32 {
  using Element = float;
  HWY_INLINE void operator()(hn::Vec<Floats> v, float* out) const { hn::StoreU(v, Floats(), out); }
};

struct StoreBFloat16 {
  using Element = uint16_t;
  HWY_INLINE void operator()(hn::Vec<Floats> v, uint16_t* out) const {
    // Round to nearest, ties to even, on the bits; the values are finite.
    const hn::RebindToUnsigned<Floats> du32;
    const hn::Rebind<uint16_t, Floats> du16;
    const auto bits = hn::BitCast(du32, v);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du32, 1));
    const auto rounded = hn::Add(hn::Add(bits, hn::Set(du32, 0x7FFF)), odd);
    const auto high =
        hn::BitCast(hn::RebindToSigned<decltype(du32)>(), hn::ShiftRight<16>(rounded));
    hn::StoreU(hn::DemoteTo(du16, high), du16, out);
  }
};

// Whether DemoteTo(float16_t) is the processor's instruction, which rounds to nearest, ties to
// even. Highway's emulation for older x86 truncates, and pixels must not depend on the machine.
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2 && !defined(HWY_DISABLE_F16C)) || \
    (HWY_ARCH_ARM_A64 && HWY_TARGET != HWY_SCALAR)
HWY_INLINE hn::Vec<hn::Rebind<uint16_t, Floats>> ToFloat16(hn::Vec<Floats> v) {
  const hn::Rebind<hwy::float16_t, Floats> df16;
  return hn::BitCast(hn::Rebind<uint16_t, Floats>(), hn::DemoteTo(df16, v));
}
#else
/// Round to nearest, ties to even, on the bits; the values are finite and below 65520, where
/// infinity would begin.
HWY_INLINE hn::Vec<hn::Rebind<uint16_t, Floats>> ToFloat16(hn::Vec<Floats> v) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const hn::Rebind<int16_t, Floats> di16;
  constexpr int kDropped = 23 - 10;              // bits of mantissa
  constexpr int32_t kRebias = (127 - 15) << 23;  // of the exponent
  const auto magnitude = hn::BitCast(di, hn::Abs(v));
  const auto sign = hn::AndNot(magnitude, hn::BitCast(di, v));
  const auto odd = hn::And(hn::ShiftRight<kDropped>(magnitude), hn::Set(di, 1));
  const auto half = hn::Set(di, (1 << (kDropped - 1)) - 1 - kRebias);
  const auto normal = hn::ShiftRight<kDropped>(hn::Add(hn::Add(magnitude, half), odd));
  // float16's subnormals are multiples of 2^-24. The last bit of a float32 in [0.5, 1) is worth
  // just that, so adding 0.5 leaves the rounded multiple in the low bits.
  const auto sum = hn::Add(hn::BitCast(d, magnitude), hn::Set(d, 0.5f));
  const auto subnormal = hn::Sub(hn::BitCast(di, sum), hn::BitCast(di, hn::Set(d, 0.5f)));
  const auto is_subnormal = hn::Lt(magnitude, hn::Set(di, kRebias + (1 << 23)));
  const auto bits = hn::IfThenElse(is_subnormal, subnormal, normal);
  // 15 bits below a sign that fills all above: an int16, so that DemoteTo does not clamp.
  return hn::BitCast(hn::Rebind<uint16_t, Floats>(),
                     hn::DemoteTo(di16, hn::Or(bits, hn::ShiftRight<16>(sign))));
}
#endif

struct StoreFloat16 {
  using Element = uint16_t;
  HWY_INLINE void operator()(hn::Vec<Floats> v, uint16_t* out) const {
    hn::StoreU(ToFloat16(v), hn::Rebind<uint16_t, Floats>(), out);
  }
};

/// Normalises `count` pixels whose scale and bias repeat with `kPeriod` vectors, which stay in
/// registers.
template <size_t kPeriod, class Store>
HWY_INLINE void NormalizeRun(const uint8_t* pixels, size_t count, const float* scales,
                             const float* biases, Store store, typename Store::Element* out) {
  hn::Vec<Floats> scale[kPeriod], bias[kPeriod];
  for (size_t phase = 0; phase < kPeriod; ++phase) {
    scale[phase] = hn::LoadU(Floats(), scales + phase * kFloatLanes);
    bias[phase] = hn::LoadU(Floats(), biases + phase * kFloatLanes);
  }
  size_t i = 0;
  for (; i + kPeriod * kFloatLanes <= count; i += kPeriod * kFloatLanes) {
    for (size_t phase = 0; phase < kPeriod; ++phase) {
      const size_t at = i + phase * kFloatLanes;
      store(Normalize(pixels + at, scale[phase], bias[phase]), out + at);
    }
  }
  for (size_t phase = 0; i < count; ++phase, i += kFloatLanes) {
    HWY_ALIGN typename Store::Element tail[kFloatLanes];
    store(Normalize(pixels + i, scale[phase], bias[phase]), tail);
    std::copy_n(tail, std::min(count - i, kFloatLanes), out + i);
  }
}

/// Three vectors' worth of a per-channel constant, as it falls on interleaved pixels.
HWY_INLINE void RepeatChannels(const std::array<float, 3>& values, float* out) {
  for (size_t i = 0; i < 3 * kFloatLanes; ++i) out[i] = values[i % 3];
}

template <class Store>
HWY_INLINE void StoreNormalized(const PlanarRow& line, size_t y, size_t height,
                                const OutputFormat& format, Store store, uint8_t* row) {
  using Element = typename Store::Element;
  auto* elements = reinterpret_cast<Element*>(row);
  if (format.layout == Layout::kNCHW) {
    for (size_t c = 0; c < 3; ++c) {
      HWY_ALIGN float scale[kFloatLanes], bias[kFloatLanes];
      std::fill_n(scale, kFloatLanes, format.scale[c]);
      std::fill_n(bias, kFloatLanes, format.bias[c]);
      NormalizeRun<1>(line.plane[c], line.width, scale, bias, store,
                      elements + (c * height + y) * line.width);
    }
    return;
  }
  HWY_ALIGN float scales[3 * kFloatLanes], biases[3 * kFloatLanes];
  RepeatChannels(format.scale, scales);
  RepeatChannels(format.bias, biases);
  // A few vectors at a time, so that the interleaved bytes stay in the nearest cache.
  constexpr size_t kRun = 16 * kFloatLanes;
  HWY_ALIGN uint8_t interleaved[3 * kRun + kPaddingBytes];
  for (size_t x = 0; x < line.width; x += kRun) {
    const size_t run = std::min(kRun, line.width - x);
    Interleave({{line.plane[0] + x, line.plane[1] + x, line.plane[2] + x}, run}, interleaved);
    NormalizeRun<3>(interleaved, 3 * run, scales, biases, store,
                    elements + (y * line.width + x) * 3);
  }
}

void StorePixels(const PlanarRow& line, size_t y, size_t height, Layout layout, uint8_t* row) {
  if (layout == Layout::kNHWC) {
    Interleave(line, row + y * line.width * 3);
    return;
  }
  for (size_t c = 0; c < 3; ++c) {
    std::memcpy(row + (c * height + y) * line.width, line.plane[c], line.width);
  }
}

void StoreLine(const PlanarRow& line, size_t y, size_t height, const OutputFormat& format,
               uint8_t* row) {
  switch (format.dtype) {
    case DType::kUint8:
      return StorePixels(line, y, height, format.layout, row);
    case DType::kFloat16:
      return StoreNormalized(line, y, height, format, StoreFloat16(), row);
    case DType::kBFloat16:
      return StoreNormalized(line, y, height, format, StoreBFloat16(), row);
    case DType::kFloat32:
      return StoreNormalized(line, y, height, format, StoreFloat32(), row);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fastinet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fastinet {
namespace {

HWY_EXPORT(RowsToStrip);
HWY_EXPORT(StripToRows);
HWY_EXPORT(ResampleStrip);
HWY_EXPORT(ResampleRows);
HWY_EXPORT(Deinterleave);
HWY_EXPORT(StoreLine);

}  // namespace

void RowsToStrip(const uint8_t* const rows[kStripRows], size_t columns, uint8_t* strip) {
  HWY_DYNAMIC_DISPATCH(RowsToStrip)(rows, columns, strip);
}

void StripToRows(const uint8_t* strip, size_t columns, uint8_t* const rows[kStripRows]) {
  HWY_DYNAMIC_DISPATCH(StripToRows)(strip, columns, rows);
}

void ResampleStrip(const StripPlane& plane, const AxisWeights& weights, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(ResampleStrip)(plane, weights, out);
}

void ResampleRows(const uint8_t* const* rows, std::span<const int32_t> taps, size_t width,
                  uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(ResampleRows)(rows, taps, width, out);
}

void Deinterleave(const uint8_t* pixels, size_t width, uint8_t* const planes[3]) {
  HWY_DYNAMIC_DISPATCH(Deinterleave)(pixels, width, planes);
}

void StoreLine(const PlanarRow& line, size_t y, size_t height, const OutputFormat& format,
               uint8_t* row) {
  HWY_DYNAMIC_DISPATCH(StoreLine)(line, y, height, format, row);
}

}  // namespace fastinet
#endif  // HWY_ONCE
