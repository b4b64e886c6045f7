#include "base/status.h"

#include <algorithm>
#include <cstddef>

namespace fastinet {
namespace {

/// Sets a name of a failure; leaves it empty when there is no memory for it.
void SetName(std::string& field, std::string_view name) noexcept {
  try {
    field = name;
  } catch (const std::bad_alloc&) {
    field.clear();
  }
}

}  // namespace

std::string_view StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kCorrupt:
      return "corrupt";
    case StatusCode::kUnsupported:
      return "unsupported";
    case StatusCode::kTooLarge:
      return "too large";
    case StatusCode::kMissing:
      return "missing";
    case StatusCode::kIo:
      return "io";
    case StatusCode::kInvalidArgument:
      return "invalid argument";
    case StatusCode::kCancelled:
      return "cancelled";
    case StatusCode::kInternal:
      return "internal";
    case StatusCode::kOutOfMemory:
      return "out of memory";
  }
  return "internal";
}

Status::Status(StatusCode code, std::string cause)
    : failure_(code == StatusCode::kOk ? nullptr
                                       : new Failure{code, std::move(cause), {}, {}, -1}) {}

Status Status::OutOfMemory(const char* cause) noexcept {
  Status status;
  try {
    status = Status(StatusCode::kOutOfMemory, cause);
  } catch (const std::bad_alloc&) {
    status.failure_.reset(OutOfMemoryFailure());
  }
  return status;
}

/// The failure that takes no memory. All who have it share it, so it is never written to.
Status::Failure* Status::OutOfMemoryFailure() noexcept {
  // Storage that no destructor ends, since threads may outlive the objects of a program's end.
  // The cause is short enough to lie within its string in every C++ library (the least has room for
  // 15 characters).
  alignas(Failure) static std::byte storage[sizeof(Failure)];
  static auto* const failure =
      new (storage) Failure{StatusCode::kOutOfMemory, "out of memory", {}, {}, -1};
  return failure;
}

void Status::Release::operator()(Failure* failure) const noexcept {
  if (failure != OutOfMemoryFailure()) delete failure;
}

Status::FailurePtr Status::Copy(const FailurePtr& failure) {
  const bool is_shared = failure == nullptr || failure.get() == OutOfMemoryFailure();
  return FailurePtr(is_shared ? failure.get() : new Failure(*failure));
}

/// The failure, to be written to; null if there is none, or no memory for one of its own.
Status::Failure* Status::Writable() noexcept {
  if (failure_ == nullptr || failure_.get() != OutOfMemoryFailure()) return failure_.get();
  auto* const own = new (std::nothrow) Failure(*failure_);
  if (own == nullptr) return nullptr;
  failure_.reset(own);
  return own;
}

Status::Status(const Status& other) : failure_(Copy(other.failure_)) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) *this = Status(other);
  return *this;
}

Status&& Status::InArchive(std::string_view archive) && noexcept {
  Failure* const failure = Writable();
  if (failure != nullptr && failure->archive.empty()) SetName(failure->archive, archive);
  return std::move(*this);
}

Status&& Status::InMember(std::string_view member) && noexcept {
  Failure* const failure = Writable();
  if (failure != nullptr && failure->member.empty()) SetName(failure->member, member);
  return std::move(*this);
}

Status&& Status::AtOffset(int64_t offset_bytes) && noexcept {
  Failure* const failure = Writable();
  if (failure != nullptr && failure->offset_bytes < 0) failure->offset_bytes = offset_bytes;
  return std::move(*this);
}

Status&& Status::ShiftOffset(int64_t member_offset_bytes) && noexcept {
  if (Failure* const failure = Writable(); failure != nullptr) {
    failure->offset_bytes = std::max<int64_t>(failure->offset_bytes, 0) + member_offset_bytes;
  }
  return std::move(*this);
}

}  // namespace fastinet
