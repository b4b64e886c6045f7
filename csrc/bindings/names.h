// From the names that Python has for choices, "bilinear" or "NCHW", to the core's enums.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "augment/erasing.h"
#include "augment/steps.h"
#include "base/status.h"
#include "crop/crop.h"
#include "engine/plan.h"
#include "policy/amount.h"
#include "resample/output.h"
#include "resample/resampler.h"

namespace fastinet {

/// The names of each enum's values.
inline constexpr std::pair<std::string_view, DType> kDTypes[] = {{"uint8", DType::kUint8},
                                                                 {"float16", DType::kFloat16},
                                                                 {"bfloat16", DType::kBFloat16},
                                                                 {"float32", DType::kFloat32}};

inline constexpr std::pair<std::string_view, Layout> kLayouts[] = {{"NHWC", Layout::kNHWC},
                                                                   {"NCHW", Layout::kNCHW}};

inline constexpr std::pair<std::string_view, Interpolation> kInterpolations[] = {
    {"bilinear", Interpolation::kBilinear},
    {"bicubic", Interpolation::kBicubic},
    {"lanczos", Interpolation::kLanczos},
    {"nearest", Interpolation::kNearest}};

inline constexpr std::pair<std::string_view, BoxRule> kBoxRules[] = {
    {"torchvision", BoxRule::kTorchvision},
    {"clamp", BoxRule::kClamp},
    {"tensorflow", BoxRule::kTensorFlow}};

inline constexpr std::pair<std::string_view, PaddingMode> kPaddingModes[] = {
    {"constant", PaddingMode::kConstant},
    {"edge", PaddingMode::kEdge},
    {"reflect", PaddingMode::kReflect},
    {"symmetric", PaddingMode::kSymmetric}};

inline constexpr std::pair<std::string_view, PassOrder> kPassOrders[] = {
    {"pillow13", PassOrder::kPillow13}, {"horizontal first", PassOrder::kHorizontalFirst}};

inline constexpr std::pair<std::string_view, Transform::Kind> kTransforms[] = {
    {"RandomResizedCrop", Transform::Kind::kRandomResizedCrop},
    {"RandomCrop", Transform::Kind::kRandomCrop},
    {"CenterCrop", Transform::Kind::kCenterCrop},
    {"Resize", Transform::Kind::kResize}};

inline constexpr std::pair<std::string_view, Sampling> kSamplings[] = {
    {"nearest", Sampling::kNearest},
    {"bilinear", Sampling::kBilinear},
    {"bicubic", Sampling::kBicubic}};

inline constexpr std::pair<std::string_view, StepOp> kStepOps[] = {
    {"brightness", StepOp::kBrightness},
    {"contrast", StepOp::kContrast},
    {"saturation", StepOp::kSaturation},
    {"hue", StepOp::kHue},
    {"sharpness", StepOp::kSharpness},
    {"grayscale", StepOp::kGrayscale},
    {"invert", StepOp::kInvert},
    {"solarize", StepOp::kSolarize},
    {"solarize_add", StepOp::kSolarizeAdd},
    {"posterize", StepOp::kPosterize},
    {"autocontrast", StepOp::kAutoContrast},
    {"equalize", StepOp::kEqualize},
    {"gaussian_blur", StepOp::kGaussianBlur},
    {"kernel_blur", StepOp::kKernelBlur},
    {"affine", StepOp::kAffine},
    {"rotate", StepOp::kRotate},
    {"vertical_flip", StepOp::kFlipVertical},
    {"rectangle", StepOp::kRectangle},
    {"mix_start", StepOp::kMixStart},
    {"mix_chain", StepOp::kMixChain},
    {"mix_end", StepOp::kMixEnd},
    {"tensor_contrast", StepOp::kTensorContrast},
    {"tensor_saturation", StepOp::kTensorSaturation},
    {"tensor_sharpness", StepOp::kTensorSharpness},
    {"tensor_autocontrast", StepOp::kTensorAutoContrast},
    {"tensor_affine", StepOp::kTensorAffine},
    {"tensor_rotate", StepOp::kTensorRotate}};

inline constexpr std::pair<std::string_view, Amount::Source> kAmountSources[] = {
    {"uniform", Amount::Source::kUniform},
    {"values", Amount::Source::kValues},
    {"normal", Amount::Source::kNormal}};

inline constexpr std::pair<std::string_view, EraseMode> kEraseModes[] = {
    {"const", EraseMode::kConst}, {"rand", EraseMode::kRand}, {"pixel", EraseMode::kPixel}};

inline constexpr std::pair<std::string_view, OnError> kOnErrors[] = {
    {"raise", OnError::kRaise}, {"mask", OnError::kMask}, {"replace", OnError::kReplace}};

/// Looks `name` up; kInvalidArgument with it where the table does not have it.
template <class T, size_t N>
Status FromName(const std::pair<std::string_view, T> (&table)[N], std::string_view name, T* value) {
  for (const auto& [known, meaning] : table) {
    if (known == name) {
      *value = meaning;
      return {};
    }
  }
  return InvalidArgument("unknown name '" + std::string(name) + "'");
}

/// The name of `value` in its table.
template <class T, size_t N>
std::string_view NameOf(const std::pair<std::string_view, T> (&table)[N], T value) {
  for (const auto& [name, known] : table) {
    if (known == value) return name;
  }
  return {};
}

/// The same for each enum, with its own table.
inline Status FromName(std::string_view name, DType* value) {
  return FromName(kDTypes, name, value);
}
inline Status FromName(std::string_view name, Layout* value) {
  return FromName(kLayouts, name, value);
}
inline Status FromName(std::string_view name, Interpolation* value) {
  return FromName(kInterpolations, name, value);
}
inline Status FromName(std::string_view name, BoxRule* value) {
  return FromName(kBoxRules, name, value);
}
inline Status FromName(std::string_view name, PaddingMode* value) {
  return FromName(kPaddingModes, name, value);
}
inline Status FromName(std::string_view name, PassOrder* value) {
  return FromName(kPassOrders, name, value);
}
inline Status FromName(std::string_view name, Transform::Kind* value) {
  return FromName(kTransforms, name, value);
}
inline Status FromName(std::string_view name, OnError* value) {
  return FromName(kOnErrors, name, value);
}

inline Status FromName(std::string_view name, Sampling* value) {
  return FromName(kSamplings, name, value);
}
inline Status FromName(std::string_view name, Amount::Source* value) {
  return FromName(kAmountSources, name, value);
}
inline Status FromName(std::string_view name, StepOp* value) {
  return FromName(kStepOps, name, value);
}
inline Status FromName(std::string_view name, EraseMode* value) {
  return FromName(kEraseModes, name, value);
}

}  // namespace fastinet
