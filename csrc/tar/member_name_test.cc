// Names of members in their usual form, leftovers of other programs, and the hash.
#include "tar/member_name.h"

#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

TEST_CASE("one name for each path") {
  for (const std::string_view name : {"a/b", "./a/b", "/a/b", "//a//b", "a/./b", "././/a/.//b"}) {
    CHECK_EQ(NormalName(name), "a/b");
  }
  CHECK_EQ(NormalName("a/b/"), "a/b/");
  CHECK_EQ(NormalName("a/b//"), "a/b/");
  CHECK_EQ(NormalName("a/."), "a/");
  CHECK_EQ(NormalName("../a/../b"), "../a/../b");
  CHECK_EQ(NormalName("a/..."), "a/...");
  CHECK_EQ(NormalName(".a/.b"), ".a/.b");
  for (const std::string_view name : {"", "/", "////", ".", "./", "/./."}) {
    CHECK_EQ(NormalName(name), "");
  }
  CHECK_EQ(NormalName({"a\0/\0", 4}), std::string("a\0/\0", 4));
  CHECK_EQ(NormalName("\xff/\x80"), "\xff/\x80");
}

TEST_CASE("the usual form of a usual form is the same, and never longer") {
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string name;
    for (auto length = random() % 12; length > 0; --length)
      name += std::string_view("/./a.\0", 6)[random() % 6];
    const std::string normal = NormalName(name);
    CHECK(normal.size() <= name.size());
    CHECK_EQ(NormalName(normal), normal);
  }
  const std::string slashes(1 << 20, '/');
  std::string far_away = slashes;
  far_away.append("a").append(slashes);
  CHECK_EQ(NormalName(far_away), "a/");
}

TEST_CASE("leftovers of other programs end where their folder ends") {
  struct Case {
    std::string_view path;
    std::string_view junk;  // "": none
  };
  for (const Case& name : std::vector<Case>{
           {"a/._b.JPEG", "a/._b.JPEG"},
           {".DS_Store", ".DS_Store"},
           {".hidden/a/b.JPEG", ".hidden"},
           {"a/__MACOSX/b", "a/__MACOSX"},
           {"a/__macosx/._b", "a/__macosx"},
           {"@eaDir/a.JPEG/x.jpg", "@eaDir"},
           {"System Volume Information/a", "System Volume Information"},
           {"FOUND.012/a", "FOUND.012"},
           {"Icon\r", "Icon\r"},
           {"a/thumbs.DB", "a/thumbs.DB"},
           {"a.JPEG~", "a.JPEG~"},
           {"~$a.doc", "~$a.doc"},
           {"#a#", "#a#"},
           {"a/b.JPEG.part", "a/b.JPEG.part"},
           {"b.JPEG:Zone.Identifier", "b.JPEG:Zone.Identifier"},
           {"a.bak/b.JPEG", ""},  // endings are those of files
           {"found.0000/a", ""},
           {"found.0x0/a", ""},
           {"#", ""},
           {"##", ""},
           {"./a.JPEG", ""},
           {"../a.JPEG", ""},
           {"", ""},
           {"/", ""},
           {"///", ""},
           {"n01440764/n01440764_10.JPEG", ""},
           {"partial/a.JPEG", ""},
           {"\xff\xfe", ""},
       }) {
    CAPTURE(name.path);
    CHECK_EQ(name.path.substr(0, JunkEnd(name.path)), name.junk);
  }
  // A name of NUL is one like any other.
  CHECK_EQ(JunkEnd({"\0/.a", 4}), size_t{4});
}

TEST_CASE("a long part is no leftover by its name, and may be one by its ending") {
  const std::string part(1 << 16, 't');
  CHECK_EQ(JunkEnd(part), size_t{0});
  CHECK_EQ(JunkEnd(part + "~"), part.size() + 1);
  std::string path;
  for (int i = 0; i < 50'000; ++i) path += "a/";
  CHECK_EQ(JunkEnd(path + ".b/c"), path.size() + 2);
}

TEST_CASE("names that differ have other hashes") {
  std::set<uint64_t> hashes;
  size_t names = 0;
  const auto add = [&](std::string_view name) {
    ++names;
    hashes.insert(HashOfName(name));
  };
  for (int i = 0; i < 100'000; ++i) add("n01440764/n01440764_" + std::to_string(i) + ".JPEG");
  // Of all lengths about a word's, and of zeros alone.
  const std::string zeros(64, '\0');
  for (size_t length = 0; length <= zeros.size(); ++length) add({zeros.data(), length});
  for (const std::string_view name : {"a", "b", "ab", "ba", "\xff", "12345678", "123456781"}) {
    add(name);
  }
  CHECK_EQ(hashes.size(), names);
  const std::string copy = "a/b";
  CHECK_EQ(HashOfName("a/b"), HashOfName(copy));
}

}  // namespace
}  // namespace fastinet
