// What can go wrong, and where: the must-use result of every fallible function in the core.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace fastinet {

/// The kinds of failure that a caller may want to treat differently.
enum class StatusCode : uint8_t {
  kOk = 0,
  kCorrupt,          // the bytes break the rules of their own format
  kUnsupported,      // the bytes are legal, this library does not read them
  kTooLarge,         // legal, but beyond a limit that the caller can raise
  kMissing,          // a file or member that is not there
  kIo,               // the operating system refused to open or read
  kInvalidArgument,  // the caller asked for something that makes no sense
  kCancelled,        // the work was stopped on purpose
  kInternal,         // a bug in fastinet
  kOutOfMemory,      // memory ran out, which says nothing of the bytes
};

/// Name of `code` as the Python exception table spells it ("corrupt", "too large", ...).
std::string_view StatusCodeName(StatusCode code);

/// Success, or a failure with its cause and where it is. Costs one null pointer when all is well.
///
/// Where it is gets filled in from the inside out. A decoder sets the byte offset. The engine
/// (ItemLocation::Located) turns it into an offset in the file and adds the archive. The bindings
/// add the member's name, which only Python knows; scanners of tars add it themselves. The first
/// value set for a field is kept.
///
/// To make a failure takes memory, and so does a copy of one: both may throw std::bad_alloc. All
/// else throws nothing, so that a failure can leave a thread whatever memory there is.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string cause);
  /// kOutOfMemory with `cause`, or with just "out of memory" when there is none for that either.
  static Status OutOfMemory(const char* cause) noexcept;
  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  bool ok() const { return failure_ == nullptr; }
  StatusCode code() const { return failure_ ? failure_->code : StatusCode::kOk; }
  /// A sentence that does not say where: "Huffman code is not in the table".
  std::string_view cause() const { return failure_ ? failure_->cause : std::string_view(); }
  std::string_view archive() const { return failure_ ? failure_->archive : std::string_view(); }
  std::string_view member() const { return failure_ ? failure_->member : std::string_view(); }
  /// Byte offset in the archive, or in the member's own bytes when no archive is named; -1:
  /// unknown.
  int64_t offset_bytes() const { return failure_ ? failure_->offset_bytes : -1; }

  /// These name the archive, the member and the byte, unless a failure has them already. A name
  /// that there is no memory for is left out.
  Status&& InArchive(std::string_view archive) && noexcept;
  Status&& InMember(std::string_view member) && noexcept;
  Status&& AtOffset(int64_t offset_bytes) && noexcept;
  /// Turns an offset within a member into one within the archive that holds it. A failure without
  /// an offset is taken to be at the member's first byte.
  Status&& ShiftOffset(int64_t member_offset_bytes) && noexcept;

 private:
  struct Failure {
    StatusCode code;
    std::string cause;
    std::string archive;
    std::string member;
    int64_t offset_bytes = -1;
  };
  /// Frees a failure, unless it is that of OutOfMemoryFailure().
  struct Release {
    void operator()(Failure* failure) const noexcept;
  };
  using FailurePtr = std::unique_ptr<Failure, Release>;

  static Failure* OutOfMemoryFailure() noexcept;
  static FailurePtr Copy(const FailurePtr& failure);
  Failure* Writable() noexcept;

  FailurePtr failure_;
};

inline Status Corrupt(std::string cause) { return {StatusCode::kCorrupt, std::move(cause)}; }
inline Status Unsupported(std::string cause) {
  return {StatusCode::kUnsupported, std::move(cause)};
}
inline Status TooLarge(std::string cause) { return {StatusCode::kTooLarge, std::move(cause)}; }
inline Status InvalidArgument(std::string cause) {
  return {StatusCode::kInvalidArgument, std::move(cause)};
}

/// A value, or the Status that says why there is none. To ask a failure for its value is undefined.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}          // NOLINT: implicit on purpose
  Result(Status status) : status_(std::move(status)) {}  // NOLINT: implicit on purpose

  bool ok() const { return status_.ok(); }
  const Status& status() const& { return status_; }
  Status&& status() && { return std::move(status_); }
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return *std::move(value_); }

 private:
  Status status_;
  std::optional<T> value_;
};

#define FASTINET_CONCAT_(a, b) a##b
#define FASTINET_CONCAT(a, b) FASTINET_CONCAT_(a, b)

/// Returns from the calling function with the Status that `expression` gives, if that is a failure.
#define FASTINET_RETURN_IF_ERROR(expression)                                      \
  do {                                                                            \
    if (::fastinet::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

/// Gives `declaration` the value of the Result that `expression` is; returns from the calling
/// function with the Result's Status if it is a failure.
#define FASTINET_ASSIGN_OR_RETURN(declaration, expression) \
  FASTINET_ASSIGN_OR_RETURN_(FASTINET_CONCAT(result_, __LINE__), declaration, expression)
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration bears none.
#define FASTINET_ASSIGN_OR_RETURN_(result, declaration, expression) \
  auto result = (expression);                                       \
  if (!result.ok()) return std::move(result).status();              \
  declaration = std::move(result).value()
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace fastinet
