// The sample rule's parts. tests/loading/test_stream_pass.py holds whole streams against archives.
#include "stream/sample.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

/// A sample of these members; images and labels by their extensions.
std::vector<SampleFile> SampleOfNames(const std::vector<std::string>& names) {
  std::vector<SampleFile> sample;
  for (const std::string& name : names) {
    SampleFile file;
    file.name = name;
    file.offset = sample.size();
    file.is_image = name.ends_with(".jpg") || name.ends_with(".png");
    file.is_label = name.ends_with(".cls");
    sample.push_back(std::move(file));
  }
  return sample;
}

bool IsLabel(std::string_view name, std::string_view text) {
  const std::vector<uint8_t> bytes(text.begin(), text.end());
  return IsLabelFile(name, bytes);
}

TEST_CASE("names have a sample, a stem and dots") {
  CHECK_EQ(SampleOf("a.b/c.d.e"), "a.b/c");
  CHECK_EQ(StemOf("a.b/c.d.e"), "a.b/c.d");
  CHECK(HasSeveralDots("a.b/c.d.e"));
  CHECK(!HasSeveralDots("a.b/c.d"));
  for (const std::string_view name : {"", "a", "/", "a/", "a.b/c", "\xff"}) {
    CHECK_EQ(SampleOf(name), name);
    CHECK_EQ(StemOf(name), name);
    CHECK(!HasSeveralDots(name));
  }
  CHECK_EQ(SampleOf(".."), "");
  CHECK_EQ(StemOf(".."), ".");
  CHECK_EQ(SampleOf({"a\0.b", 4}), std::string_view("a\0", 2));
}

TEST_CASE("class folders are called by wnids") {
  CHECK(IsInClassFolder("n01440764/a.jpg"));
  CHECK(IsInClassFolder("x/n01440764/y/a.jpg"));
  for (const std::string_view name :
       {"", "/", "n01440764", "n01440764_1/a.jpg", "n0144076/a.jpg", "n0144076x/a.jpg"}) {
    CHECK(!IsInClassFolder(name));
  }
}

TEST_CASE("labels are called .cls, or are JSON with a label") {
  CHECK(IsLabel("a.cls", ""));
  CHECK(IsLabel("a.b.CLS", "\xff"));
  CHECK(!IsLabel("cls", "1"));
  CHECK(!IsLabel("a.cls.txt", "1"));
  for (const std::string_view json :
       {R"({"label": 3})", R"({"a": [1, {"b": 2}], "cls" : 3})", R"( { "x\"": "y", "cls":1} )"}) {
    CHECK(IsLabel("a.json", json));
  }
  for (const std::string_view json :
       {"", "3", "[]", R"("label")", R"([{"label": 3}])", R"({"a": "label"})",
        R"({"a": {"label": 3}})", R"({"a": ["label"]})", R"({"\"label": 1})", "}", "{\"lab"}) {
    CHECK(!IsLabel("a.json", json));
  }
}

TEST_CASE("damaged JSON is read to its last byte, and no further") {
  const std::string json = R"({"a\\": [{"b": "\u0041\""}], "la": 1, "lab)";
  for (size_t length = 0; length <= json.size(); ++length) {
    for (const std::string_view end : {"", "\\", "\"", "\"\\", "[", "}", "\xff"}) {
      CHECK(!IsLabel("a.json", json.substr(0, length) + std::string(end)));
    }
  }
  CHECK(!IsLabel("a.json", std::string(1 << 20, '{')));
}

TEST_CASE("names with several dots are read by what lies beside the images") {
  const auto reading = [](const std::vector<std::string>& names) {
    return ReadingOf(SampleOfNames(names));
  };
  CHECK(reading({}) == SampleReading::kByFirstDot);
  CHECK(reading({"a.cls", "a.txt"}) == SampleReading::kByFirstDot);
  CHECK(reading({"a.jpg", "a.seg.png", "a.cls"}) == SampleReading::kByFirstDot);
  CHECK(reading({"a.1.jpg", "a.2.jpg"}) == SampleReading::kByFirstDot);
  CHECK(reading({"a.1.jpg", "a.1.cls", "a.2.jpg", "a.2.cls"}) == SampleReading::kByLastDot);
  CHECK(reading({"a.1.jpg", "a.1.txt", "a.2.jpg", "a.2.txt"}) == SampleReading::kByLastDot);
  CHECK(reading({"a.1.jpg", "a.1.txt", "a.2.jpg", "a.2.txt", "a.txt"}) ==
        SampleReading::kByFirstDot);
  CHECK(reading({"a.1.jpg", "a.1.cls", "a.cls"}) == SampleReading::kEither);
}

TEST_CASE("of a sample with a label one image is the item") {
  std::vector<SampleFile> sample = SampleOfNames({"a.seg.png", "a.jpg", "a.png", "a.cls"});
  CHECK(HasOneItem(sample, false, SampleReading::kByFirstDot));
  CHECK_EQ(KeepOneImage(sample, SampleReading::kByFirstDot), uint64_t{2});
  const std::vector<StreamItem> items = ItemsOf(std::move(sample), SampleReading::kByFirstDot);
  REQUIRE(items.size() == 1);
  CHECK_EQ(items[0].key, "a.jpg");
  REQUIRE(items[0].companions.size() == 3);
  CHECK_EQ(items[0].companions[0].extension, "seg.png");
  CHECK_EQ(items[0].companions[2].extension, "cls");
}

TEST_CASE("of a sample without one every image is, with all other files beside it") {
  std::vector<SampleFile> sample = SampleOfNames({"a.jpg", "a.TXT", "a.png"});
  CHECK(!HasOneItem(sample, false, SampleReading::kByFirstDot));
  CHECK(HasOneItem(sample, true, SampleReading::kByFirstDot));
  sample[1].size = 3;  // and no bytes
  const std::vector<StreamItem> items = ItemsOf(std::move(sample), SampleReading::kByFirstDot);
  REQUIRE(items.size() == 2);
  for (const StreamItem& item : items) {
    REQUIRE(item.companions.size() == 1);
    CHECK_EQ(item.companions[0].extension, "txt");
    CHECK(item.companions[0].is_too_large);
  }
}

TEST_CASE("a sample of nothing, or of no image, has no items") {
  std::vector<SampleFile> none, texts = SampleOfNames({"a.cls", "a.txt"});
  CHECK_EQ(KeepOneImage(none, SampleReading::kByFirstDot), uint64_t{0});
  CHECK_EQ(KeepOneImage(texts, SampleReading::kByLastDot), uint64_t{0});
  CHECK(!HasOneItem(none, true, SampleReading::kByFirstDot));
  CHECK(ItemsOf(std::move(texts), SampleReading::kByFirstDot).empty());
}

TEST_CASE("second images that are larger than companions may be lose their bytes") {
  std::vector<SampleFile> sample = SampleOfNames({"a.jpg", "a.depth.png", "a.seg.png"});
  for (SampleFile& file : sample) {
    file.size = file.name == "a.seg.png" ? kMaxCompanionBytes : kMaxCompanionBytes + 1;
    file.bytes.resize(file.size);
  }
  CHECK_EQ(KeepOneImage(sample, SampleReading::kByFirstDot), uint64_t{2});
  CHECK_EQ(sample[0].bytes.size(), kMaxCompanionBytes + 1);
  CHECK(sample[1].bytes.empty());
  CHECK_EQ(sample[2].bytes.size(), kMaxCompanionBytes);
}

}  // namespace
}  // namespace fastinet
