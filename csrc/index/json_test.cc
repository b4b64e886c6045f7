// JSON texts: what each value is, and what is none.
#include "index/json.h"

#include <string>

#include "base/test_checks.h"

namespace fastinet {
namespace {

Json Parsed(std::string_view text) {
  Result<Json> parsed = Json::Parse(text);
  REQUIRE_MESSAGE(parsed.ok(), text);
  return std::move(parsed).value();
}

TEST_CASE("Values are what they are") {
  const Json all = Parsed(R"( {"a": [1, -2, 3.5e-1, true, false, null], "b": {}, "a": "last"} )");
  REQUIRE(all.kind == Json::Kind::kObject);
  CHECK(all.Find("a")->text == "last");
  CHECK(all.Find("c") == nullptr);
  const Json& numbers = all.elements[0];
  REQUIRE(numbers.elements.size() == 6);
  CHECK(numbers.elements[0].Unsigned() == 1);
  CHECK_FALSE(numbers.elements[1].Unsigned());
  CHECK(numbers.elements[1].negative);
  CHECK(numbers.elements[2].kind == Json::Kind::kReal);
  CHECK(numbers.elements[2].text == "3.5e-1");
  CHECK(numbers.elements[3].truth);
  CHECK(numbers.elements[5].kind == Json::Kind::kNull);
  CHECK(Parsed("18446744073709551615").Unsigned() == UINT64_MAX);
  CHECK_FALSE(Parsed("18446744073709551615").Count());
  CHECK(Parsed("-0").Unsigned() == 0);
}

TEST_CASE("Texts have their bytes, also those that are no UTF-8") {
  CHECK(Parsed(R"("a\"\\\/\b\f\n\r\tz")").text == "a\"\\/\b\f\n\r\tz");
  CHECK(Parsed(R"("\u00e4\u20ac\ud83d\ude00\udcff")").text ==
        "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xFF");
  CHECK(Parsed("\"\xC3\xA4\"").text == "\xC3\xA4");
}

TEST_CASE("What is no JSON is corrupt, and never read beyond its end") {
  for (const std::string text : {"",
                                 "{",
                                 "[",
                                 "\"",
                                 "[1",
                                 "[1,",
                                 "{\"a\"",
                                 "{\"a\":",
                                 "{\"a\":1",
                                 "{a:1}",
                                 "tru",
                                 "01",
                                 "-",
                                 "1.",
                                 "1e",
                                 "1 2",
                                 "[1,]",
                                 "\"\\",
                                 "\"\\u12",
                                 "\"\\x\"",
                                 "\"\\ud800\"",
                                 "\"\\ud800\\u0041\"",
                                 "\"\\udc00\"",
                                 "\"\n\"",
                                 "18446744073709551616"}) {
    CHECK_MESSAGE(Json::Parse(text).status().code() == StatusCode::kCorrupt, text);
  }
  CHECK(Json::Parse(std::string(40, '[')).status().code() == StatusCode::kCorrupt);
  std::string many = "[0";
  for (int i = 0; i < (1 << 21); ++i) many += ",0";
  CHECK(Json::Parse(many + "]").status().cause().find("too many") != std::string_view::npos);
}

}  // namespace
}  // namespace fastinet
