#include "base/status.h"

namespace fastinet {

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
  }
  return "internal";
}

Status::Status(StatusCode code, std::string cause)
    : failure_(code == StatusCode::kOk
                   ? nullptr
                   : std::make_unique<Failure>(Failure{code, std::move(cause), {}, {}, -1})) {}

Status::Status(const Status& other)
    : failure_(other.failure_ ? std::make_unique<Failure>(*other.failure_) : nullptr) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) *this = Status(other);
  return *this;
}

Status&& Status::InArchive(std::string_view archive) && {
  if (failure_ && failure_->archive.empty()) failure_->archive = archive;
  return std::move(*this);
}

Status&& Status::InMember(std::string_view member) && {
  if (failure_ && failure_->member.empty()) failure_->member = member;
  return std::move(*this);
}

Status&& Status::AtOffset(int64_t offset_bytes) && {
  if (failure_ && failure_->offset_bytes < 0) failure_->offset_bytes = offset_bytes;
  return std::move(*this);
}

Status&& Status::ShiftOffset(int64_t member_offset_bytes) && {
  if (failure_) {
    failure_->offset_bytes =
        (failure_->offset_bytes < 0 ? 0 : failure_->offset_bytes) + member_offset_bytes;
  }
  return std::move(*this);
}

}  // namespace fastinet
