// DLPack for the one element type that NumPy cannot export: bfloat16.
//
// The structs restate DLPack's C ABI (dmlc/dlpack, include/dlpack/dlpack.h) in the layout without a
// version, which every consumer accepts under the capsule name "dltensor".
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "bindings/let_go.h"

namespace fastinet {

struct DLDevice {
  int32_t device_type;
  int32_t device_id;
};

struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};

struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;  // [elements]
  uint64_t byte_offset;
};

struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor*);
};

inline constexpr int32_t kDLCPU = 1;
inline constexpr uint8_t kDLBfloat = 4;

/// A tensor and what it refers to.
struct BFloat16Export final : HoldsPython {
  DLManagedTensor managed{};
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  pybind11::array array;

  /// By the consumer, in any thread and at any time.
  static void Delete(DLManagedTensor* tensor) noexcept {
    LetGo(static_cast<BFloat16Export*>(tensor->manager_ctx));
  }
};

/// A "dltensor" capsule over `array`, whose 16-bit elements are taken for bfloat16. The capsule,
/// and whoever consumes it, keeps the array alive.
inline pybind11::capsule ExportBFloat16(const pybind11::array_t<uint16_t>& array) {
  DropLetGo();
  auto tensor = std::make_unique<BFloat16Export>();
  tensor->array = array;
  for (pybind11::ssize_t axis = 0; axis < array.ndim(); ++axis) {
    tensor->shape.push_back(array.shape(axis));
    tensor->strides.push_back(array.strides(axis) / array.itemsize());
  }
  tensor->managed = {.dl_tensor = {.data = const_cast<uint16_t*>(array.data()),
                                   .device = {kDLCPU, 0},
                                   .ndim = static_cast<int32_t>(array.ndim()),
                                   .dtype = {kDLBfloat, 16, 1},
                                   .shape = tensor->shape.data(),
                                   .strides = tensor->strides.data(),
                                   .byte_offset = 0},
                     .manager_ctx = tensor.get(),
                     .deleter = BFloat16Export::Delete};
  PyObject* capsule = PyCapsule_New(&tensor->managed, "dltensor", [](PyObject* unused) {
    // A consumer renames the capsule and takes the tensor over.
    if (PyCapsule_IsValid(unused, "dltensor") == 0) return;
    auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(unused, "dltensor"));
    managed->deleter(managed);
  });
  if (capsule == nullptr) throw pybind11::error_already_set();
  static_cast<void>(tensor.release());  // the capsule's now
  return pybind11::reinterpret_steal<pybind11::capsule>(capsule);
}

}  // namespace fastinet
