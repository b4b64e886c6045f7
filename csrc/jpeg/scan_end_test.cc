// A second scan, frame or image behind a complete one is refused, by whatever road, and so are
// markers and segments that libjpeg-turbo refuses; all else that may stand there is not.
#include "jpeg/scan_end.h"

#include <initializer_list>
#include <string>
#include <vector>

#include "base/test_checks.h"
#include "jpeg/checkpoints.h"
#include "jpeg/test_jpegs.h"

namespace fastinet {
namespace {

using Data = std::vector<uint8_t>;

Data operator+(Data left, const Data& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

/// A sound file without its end marker.
Data Body(unsigned restart_interval = 0) {
  test::JpegRecipe recipe;
  recipe.restart_interval = restart_interval;
  Data jpeg = test::MakeJpeg(recipe);
  jpeg.resize(jpeg.size() - 2);
  return jpeg;
}

const Data& End() {
  static const Data end{0xFF, 0xD9};
  return end;
}

/// Everything of `body` from its frame header or from its scan header on.
Data From(const Data& body, uint8_t code) {
  for (size_t i = 0; i + 1 < body.size(); ++i) {
    if (body[i] == 0xFF && body[i + 1] == code)
      return {body.begin() + static_cast<ptrdiff_t>(i), body.end()};
  }
  return {};
}

Status Check(const Data& jpeg) {
  const auto header = ReadJpegHeader(jpeg);
  REQUIRE(header.ok());
  REQUIRE(HasOneScan(header.value()));
  return CheckScanEnd(jpeg, header.value().scan.data_offset_bytes);
}

TEST_CASE("what may stand behind a scan does") {
  const Data body = Body();
  for (const Data& rest : std::initializer_list<Data>{
           {}, {0xFF}, {0x00, 0x17}, {0xFF, 0xFF, 0xFF}, {0xFF, 0xFE, 0x00, 0x04, 0xFF, 0xC0}}) {
    CHECK(Check(body + rest).ok());
    CHECK(Check(body + rest + End()).ok());
    CHECK(Check(body + End() + rest).ok());
  }
  CHECK(Check(body + End() + body + End()).ok());  // as in multi-picture files
  CHECK(Check(Body(1) + End()).ok());              // restart markers
}

TEST_CASE("a second scan, frame or image does not") {
  const Data body = Body();
  const Data comment{0xFF, 0xFE, 0x00, 0x05, 1, 2, 3};
  for (const Data& second : {From(body, 0xDA), From(body, 0xC0), body}) {
    REQUIRE(!second.empty());
    for (const Data& between : {Data(), comment, Data{0x00, 0xFF}}) {
      const Status status = Check(body + between + second + End());
      CHECK(status.code() == StatusCode::kCorrupt);
      CHECK(status.offset_bytes() == static_cast<int64_t>(body.size() + between.size()));
    }
  }
}

TEST_CASE("nor do markers that libjpeg-turbo does not know, or whose segments are broken") {
  const Data body = Body();
  const Data table = From(body, 0xDB);
  for (const Data& bad :
       std::initializer_list<Data>{{0xFF, 0xC8, 0x00, 0x04, 0, 0},     // JPG
                                   {0xFF, 0xDE, 0x00, 0x04, 0, 0},     // DHP
                                   {0xFF, 0xDF, 0x00, 0x03, 0},        // EXP
                                   {0xFF, 0xF0, 0x00, 0x04, 0, 0},     // JPG0
                                   {0xFF, 0x02, 0x00, 0x04, 0, 0},     // reserved
                                   {0xFF, 0xDD, 0x00, 0x05, 0, 0, 0},  // DRI of another length
                                   {0xFF, 0xDB, 0x00, 0x04, 0, 0},     // DQT without its steps
                                   {0xFF, 0xDB, 0x00, 0x03, 9},        // DQT number 9
                                   {0xFF, 0xC4, 0x00, 0x04, 0, 0},     // DHT that is cut
                                   {0xFF, 0xC4, 0x00, 0x01}}) {        // no length
    CAPTURE(static_cast<int>(bad[1]));
    const Status status = Check(body + bad + End());
    CHECK(status.code() == StatusCode::kCorrupt);
    CHECK(status.offset_bytes() == static_cast<int64_t>(body.size()));
    CHECK(Check(body + End() + bad).ok());
  }
  for (const Data& good : std::initializer_list<Data>{
           {0xFF, 0xDC, 0x00, 0x04, 0, 16},  // DNL, which is passed over
           {0xFF, 0xDD, 0x00, 0x04, 0, 0},
           {0xFF, 0x01},
           {0xFF, 0xE5, 0x00, 0x01},  // taken for a length of 2 where nothing is read
           {0xFF, 0xC8 + 4, 0x00, 0x04, 0, 0x10},
           Data(table.begin(), table.begin() + 2 + 67)}) {
    CAPTURE(static_cast<int>(good[1]));
    CHECK(Check(body + good + End()).ok());
  }
  CHECK(Check(body + Data{0xFF, 0xFE, 0x10, 0x05, 1}).ok());  // the file ends in a comment
}

TEST_CASE("progressive files have more than one scan, however they are coded") {
  for (const bool progressive : {false, true}) {
    for (const bool arithmetic : {false, true}) {
      const Data jpeg = test::MakeJpeg({.progressive = progressive, .arithmetic = arithmetic});
      const auto header = ReadJpegHeader(jpeg);
      REQUIRE(header.ok());
      CHECK(IsProgressive(header.value().process) == progressive);
      CHECK(IsArithmetic(header.value().process) == arithmetic);
      CHECK(HasOneScan(header.value()) == !progressive);
      // Which its first scan, of all components, does not tell.
      CHECK(header.value().scan.component_count == header.value().component_count);
    }
  }
}

TEST_CASE("such a file has no checkpoints") {
  const Data body = Body();
  const Data jpeg = body + From(body, 0xDA) + End();
  const auto header = ReadJpegHeader(jpeg);
  REQUIRE(header.ok());
  CHECK(BuildCheckpoints(header.value(), jpeg, 0).status().code() == StatusCode::kCorrupt);
  CHECK(BuildCheckpoints(header.value(), body + End(), 0).ok());
}

}  // namespace
}  // namespace fastinet
