// Names that have arrived, against a set; and where links lead, round in circles too.
#include "stream/arrived_names.h"

#include <random>
#include <set>
#include <string>

#include "base/test_checks.h"

namespace fastinet {
namespace {

PassedEntry LinkTo(std::string name, std::string target, uint64_t offset = 0) {
  return {PassedKind::kSymbolicLink, std::move(name), std::move(target), offset};
}

/// Whether the one link of `names` may be a member.
bool LeadsToMember(const ArrivedNames& names, std::string_view name) {
  for (const ArrivedNames::Link& link : names.Links()) {
    if (link.name == name) return link.is_member;
  }
  FAIL("there is no such link");
  return false;
}

TEST_CASE("has what was added, as it grows, and nothing after Clear") {
  ArrivedNames names;
  CHECK(!names.Has("a"));
  std::set<std::string> expected;
  std::mt19937 random(7);
  for (int i = 0; i < 30'000; ++i) {
    const std::string name = "d/" + std::to_string(random() % 9'000);
    CHECK_EQ(names.Add(name), expected.insert(name).second);
    const std::string other = "d/" + std::to_string(random() % 9'000);
    CHECK_EQ(names.Has(other), expected.contains(other));
  }
  names.Clear();
  for (const std::string& name : expected) CHECK(!names.Has(name));
  CHECK(names.Add("d/1"));
  CHECK(!names.Add("d/1"));
}

TEST_CASE("names are any bytes of any length") {
  ArrivedNames names;
  const std::string zeros(4096, '\0');
  for (const size_t length : {0, 1, 7, 8, 9, 4095, 4096}) {
    CHECK(names.Add({zeros.data(), length}));
    CHECK(!names.Add({zeros.data(), length}));
  }
  CHECK(names.Add("\xff\xfe"));
  CHECK(!names.Has("\xff\xff"));
}

TEST_CASE("a link points to a name beside it, below, or above") {
  CHECK_EQ(PointedTo("a/link", "b.jpg"), "a/b.jpg");
  CHECK_EQ(PointedTo("link", "b.jpg"), "b.jpg");
  CHECK_EQ(PointedTo("a/link", "./c//b.jpg"), "a/c/b.jpg");
  CHECK_EQ(PointedTo("a/c/link", "../../b.jpg"), "b.jpg");
  CHECK_EQ(PointedTo("a/link", "c/../b.jpg/"), "a/b.jpg");
}

TEST_CASE("what leads to the top or outside points to nothing") {
  CHECK_EQ(PointedTo("a/link", ".."), "");
  CHECK_EQ(PointedTo("link", "."), "");
  CHECK_EQ(PointedTo("link", ""), "");
  CHECK_EQ(PointedTo("", ""), "");
  CHECK_EQ(PointedTo("a/link", "../../b.jpg"), "");
  CHECK_EQ(PointedTo("a/link", "../../a/b.jpg"), "");
  CHECK_EQ(PointedTo("a/link", "/a/b.jpg"), "");
  CHECK_EQ(PointedTo("link", "////"), "");
}

TEST_CASE("links lead to members by way of others, whenever these come") {
  ArrivedNames names;
  CHECK(names.AddLink(LinkTo("first", "second", 512)));
  CHECK(names.AddLink(LinkTo("second", "a/b.jpg", 1024)));
  CHECK(!LeadsToMember(names, "first"));
  CHECK(names.Add("a/b.jpg"));
  CHECK(LeadsToMember(names, "first"));
  CHECK(LeadsToMember(names, "second"));
  CHECK_EQ(names.Links()[0].offset, uint64_t{512});
  // Their names are names like any other.
  CHECK(!names.AddLink(LinkTo("first", "a/b.jpg")));
  CHECK(!names.Add("second"));
}

TEST_CASE("links that lead round in circles lead nowhere") {
  ArrivedNames names;
  CHECK(names.AddLink(LinkTo("itself", "itself")));
  CHECK(names.AddLink(LinkTo("a", "b")));
  CHECK(names.AddLink(LinkTo("b", "a")));
  for (const ArrivedNames::Link& link : names.Links()) CHECK(!link.is_member);
}

TEST_CASE("as many links in a row as Linux follows") {
  for (const int count : {40, 41}) {
    ArrivedNames names;
    for (int i = 0; i < count; ++i) {
      CHECK(names.AddLink(LinkTo(std::to_string(i), std::to_string(i + 1))));
    }
    CHECK(names.Add(std::to_string(count)));
    CHECK(LeadsToMember(names, "1"));
    CHECK_EQ(LeadsToMember(names, "0"), count == 40);
  }
}

TEST_CASE("by way of a link to a folder it may be anything") {
  ArrivedNames names;
  CHECK(names.AddLink(LinkTo("folder", "elsewhere")));
  CHECK(names.AddLink(LinkTo("link", "folder/b.jpg")));
  CHECK(names.AddLink(LinkTo("other", "folders/b.jpg")));
  CHECK(LeadsToMember(names, "link"));
  CHECK(!LeadsToMember(names, "other"));
}

TEST_CASE("a link into a folder of leftovers leads to what counts by that folder") {
  ArrivedNames names;
  CHECK(names.AddLink(LinkTo("link.jpg", ".cache/b.jpg")));
  CHECK(!LeadsToMember(names, "link.jpg"));
  CHECK(names.Add(".cache/"));
  CHECK(LeadsToMember(names, "link.jpg"));
}

}  // namespace
}  // namespace fastinet
