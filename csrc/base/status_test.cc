// A status where memory has run out: it is made, moved and located without any.
#include "base/status.h"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/out_of_memory.h"
#include "base/test_checks.h"
#include "base/test_shortage.h"

namespace fastinet {
namespace {

using test::Shortage;

constexpr const char* kCause = "not enough memory for a cause that is too long to be kept in place";
constexpr std::string_view kLongName = "an-archive-whose-name-is-too-long-to-be-kept-in-place.tar";

Status LocatedWithout(bool lasts, int64_t first) {
  const Shortage shortage(first, lasts);
  Status status = OrOutOfMemory(kCause, []() -> Status { throw std::bad_alloc(); });
  const Status copy = status;  // shares what took no memory
  return Status(std::move(status)).AtOffset(3).ShiftOffset(4).InMember("m").InArchive(kLongName);
}

TEST_CASE("a status without memory") {
  const Status none = LocatedWithout(true, 0);
  CHECK(none.code() == StatusCode::kOutOfMemory);
  CHECK_EQ(none.cause(), "out of memory");
  CHECK_EQ(none.archive(), "");
  CHECK_EQ(none.offset_bytes(), -1);
  const Status again =
      Status(none).AtOffset(5).InArchive(kLongName);  // with memory there is a place
  CHECK_EQ(again.cause(), "out of memory");
  CHECK_EQ(again.offset_bytes(), 5);
  CHECK_EQ(again.archive(), kLongName);
  CHECK_EQ(none.offset_bytes(), -1);  // and the one that all share stays as it was
}

TEST_CASE("a status with memory") {
  const Status status = LocatedWithout(true, INT64_MAX);
  CHECK_EQ(status.cause(), kCause);
  CHECK_EQ(status.archive(), kLongName);
  CHECK_EQ(status.member(), "m");
  CHECK_EQ(status.offset_bytes(), 7);
}

TEST_CASE("a container that is asked for too much") {
  const Status status = OrOutOfMemory(
      "too long", []() -> Status { throw std::length_error("of a container's resize()"); });
  CHECK(status.code() == StatusCode::kOutOfMemory);
  CHECK_EQ(status.cause(), "too long");
}

}  // namespace
}  // namespace fastinet
