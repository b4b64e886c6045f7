// Items of streams in memory: what is an item, what is refused, what is kept while a sample
// arrives; reads that fail, and memory that runs out. The Python tests hold streams against whole
// archives.
#include "stream/item_stream.h"

#include <string>
#include <utility>
#include <vector>

#include "base/out_of_memory.h"
#include "base/test_checks.h"
#include "base/test_shortage.h"
#include "stream/test_streams.h"
#include "tar/test_tars.h"

namespace fastinet {
namespace {

using test::AppendEntry, test::PieceStream, test::TarEnd;

constexpr uint64_t kMaxBytes = 1 << 20;

Bytes BytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// All that a stream gives.
struct Pass {
  std::vector<StreamItem> items;
  Status failure;
  uint64_t skipped = 0;
  std::vector<std::string> skipped_names;

  std::vector<std::string> keys() const {
    std::vector<std::string> all;
    all.reserve(items.size());
    for (const StreamItem& item : items) all.push_back(item.key);
    return all;
  }
};

Pass PassOf(ByteStream& stream, const ItemRules& rules = {.split = "all"}) {
  ItemStream items(stream, kMaxBytes, rules);
  Pass pass;
  for (;;) {
    Result<std::optional<StreamItem>> next = items.Next();
    if (!next.ok()) {
      pass.failure = next.status();
      // It is said again.
      CHECK_EQ(items.Next().status().cause(), pass.failure.cause());
      break;
    }
    if (!next.value()) break;
    pass.items.push_back(*std::move(next).value());
  }
  pass.skipped = items.skipped();
  pass.skipped_names = items.skipped_names();
  return pass;
}

Pass PassOf(const std::string& tar, const ItemRules& rules = {.split = "all"}) {
  PieceStream stream(BytesOf(tar), 700);
  return PassOf(stream, rules);
}

/// A tar of files with these names; each has its name for content.
std::string TarOf(const std::vector<std::string>& names) {
  std::string tar;
  for (const std::string& name : names) AppendEntry(tar, name, name);
  return tar + TarEnd();
}

bool Says(const Status& status, std::string_view text) {
  return status.cause().find(text) != std::string_view::npos;
}

TEST_CASE("items come in order, with their companions and places") {
  const std::string tar =
      TarOf({"a.jpg", "a.cls", "b.jpg", "b.seg.png", "b.json", "c.jpg", "c.png", "d.txt"});
  const Pass pass = PassOf(tar);
  CHECK_OK(pass.failure);
  CHECK(pass.keys() == std::vector<std::string>{"a.jpg", "b.jpg", "b.seg.png", "c.jpg", "c.png"});
  CHECK_EQ(pass.skipped, uint64_t{1});
  CHECK(pass.skipped_names == std::vector<std::string>{"d.txt"});
  for (size_t i = 0; i < pass.items.size(); ++i) {
    const StreamItem& item = pass.items[i];
    CHECK_EQ(item.number, static_cast<int64_t>(i));
    CHECK_EQ(tar.substr(item.offset, item.size), item.key);
    CHECK_EQ(std::string(item.bytes.begin(), item.bytes.end()), item.key);
  }
  REQUIRE(pass.items[0].companions.size() == 1);
  CHECK_EQ(pass.items[0].companions[0].extension, "cls");
}

TEST_CASE("the pieces that a stream comes in change nothing") {
  const std::string tar = TarOf({"a.jpg", "a.cls", std::string(300, 'n') + ".jpg", "c.jpg"});
  const std::vector<std::string> keys = PassOf(tar).keys();
  for (const size_t piece : {size_t{1}, size_t{511}, size_t{512}, size_t{513}, SIZE_MAX}) {
    PieceStream stream(BytesOf(tar), piece);
    const Pass pass = PassOf(stream);
    CHECK_OK(pass.failure);
    CHECK(pass.keys() == keys);
  }
}

/// Whatever is cut off: the items are the first ones of the whole stream, and there is a failure,
/// unless nothing but zeros of the end-of-archive marker is missing.
TEST_CASE("a read that fails, or a stream that ends early, is said after what is complete") {
  const std::string tar = TarOf({"a.jpg", "a.cls", "b.jpg", "c.jpg", "c.txt", "d.png"});
  const std::vector<std::string> keys = PassOf(tar).keys();
  for (size_t length = 0; length < tar.size(); length += 97) {
    for (const Status& end : {Status(), Status(StatusCode::kIo, "the cable was pulled")}) {
      PieceStream stream(BytesOf(tar).first(length), 400, end);
      const Pass pass = PassOf(stream);
      if (end.ok() && length > tar.size() - TarEnd().size()) {
        CHECK_OK(pass.failure);
        CHECK_EQ(pass.items.size(), keys.size());
      } else if (end.ok()) {
        CHECK_EQ(pass.failure.code(), StatusCode::kCorrupt);
      } else {
        CHECK_EQ(pass.failure.cause(), "the cable was pulled");
      }
      REQUIRE(pass.items.size() <= keys.size());
      for (size_t i = 0; i < pass.items.size(); ++i) CHECK_EQ(pass.items[i].key, keys[i]);
    }
  }
}

TEST_CASE("images beyond the limit come without their bytes, companions say so") {
  std::string tar;
  AppendEntry(tar, "a.jpg", std::string(kMaxBytes + 1, 'x'));
  AppendEntry(tar, "a.txt", std::string(kMaxCompanionBytes + 1, 'x'));
  AppendEntry(tar, "b.jpg", std::string(kMaxBytes, 'x'));
  AppendEntry(tar, "b.txt", std::string(kMaxCompanionBytes, 'x'));
  const Pass pass = PassOf(tar + TarEnd());
  CHECK_OK(pass.failure);
  REQUIRE(pass.items.size() == 2);
  CHECK_EQ(pass.items[0].size, kMaxBytes + 1);
  CHECK(pass.items[0].bytes.empty());
  CHECK(pass.items[0].companions[0].is_too_large);
  CHECK_EQ(pass.items[1].bytes.size(), kMaxBytes);
  CHECK_EQ(pass.items[1].companions[0].bytes.size(), kMaxCompanionBytes);
  CHECK_EQ(pass.skipped, uint64_t{1});
}

TEST_CASE("leftovers are passed over, and a folder of them counts once") {
  const Pass pass = PassOf(TarOf({"a.jpg", "._a.jpg", ".cache/b.jpg", "c.jpg", ".cache/d.jpg",
                                  "e.jpg.part", "__MACOSX/._a.jpg"}));
  CHECK_OK(pass.failure);
  CHECK(pass.keys() == std::vector<std::string>{"a.jpg", "c.jpg"});
  CHECK_EQ(pass.skipped, uint64_t{4});
  CHECK(pass.skipped_names == std::vector<std::string>{"._a.jpg", ".cache/", "e.jpg.part"});
}

TEST_CASE("a name that comes twice is refused, but in another tar") {
  const Pass twice = PassOf(TarOf({"a.jpg", "b.jpg", "./a.jpg"}));
  CHECK_EQ(twice.failure.code(), StatusCode::kUnsupported);
  CHECK_EQ(twice.failure.member(), "a.jpg");
  CHECK_EQ(twice.keys().front(), "a.jpg");
  const std::string tar = TarOf({"a.jpg", "a.cls"});
  const Pass tars = PassOf(tar + tar);
  CHECK_OK(tars.failure);
  CHECK(tars.keys() == std::vector<std::string>{"a.jpg", "a.jpg"});
}

TEST_CASE("links to what has gone by are refused, others are passed over") {
  const auto with_link = [](char type, std::string_view name, std::string_view target) {
    std::string tar;
    AppendEntry(tar, "d/a.jpg", "x");
    AppendEntry(tar, name, "", type, target);
    AppendEntry(tar, "d/z.jpg", "x");
    return PassOf(tar + TarEnd());
  };
  CHECK_EQ(with_link('1', "d/b.jpg", "d/a.jpg").failure.code(), StatusCode::kUnsupported);
  CHECK_EQ(with_link('2', "d/b.jpg", "a.jpg").failure.code(), StatusCode::kUnsupported);
  // It comes later: known when the tar is over.
  const Pass later = with_link('2', "d/b.jpg", "../d/z.jpg");
  CHECK_EQ(later.failure.code(), StatusCode::kUnsupported);
  CHECK_EQ(later.failure.member(), "d/b.jpg");
  CHECK_EQ(with_link('2', "d/a.jpg", "b.jpg").failure.code(), StatusCode::kUnsupported);
  const std::string far(300, 'f');
  for (const std::string& target :
       std::vector<std::string>{"", "/etc/passwd", "../../x", "nowhere", "b.jpg", far}) {
    CHECK_OK(with_link('2', "d/b.jpg", target).failure);
    CHECK_OK(with_link('1', "d/b.jpg", target).failure);
  }
}

TEST_CASE("what has come apart is refused") {
  const Pass pass = PassOf(TarOf({"a.jpg", "b.jpg", "a.cls", "c.jpg"}));
  CHECK_EQ(pass.failure.code(), StatusCode::kUnsupported);
  CHECK_EQ(pass.failure.member(), "a.cls");
  CHECK(pass.keys() == std::vector<std::string>{"a.jpg", "b.jpg"});
}

TEST_CASE("of other splits nothing comes, and an empty pass says which there were") {
  const std::string tar = TarOf({"train/n01440764/a.jpg", "val/n01440764/b.jpg"});
  CHECK(PassOf(tar, {.split = "val"}).keys() == std::vector<std::string>{"val/n01440764/b.jpg"});
  const Pass none = PassOf(tar, {.split = "test"});
  CHECK_EQ(none.failure.code(), StatusCode::kMissing);
  CHECK(Says(none.failure, "train/n01440764/a.jpg"));
  const Pass second = PassOf(tar, {});
  CHECK_EQ(second.failure.code(), StatusCode::kUnsupported);
  CHECK_EQ(second.failure.member(), "val/n01440764/b.jpg");
  CHECK(second.keys() == std::vector<std::string>{"train/n01440764/a.jpg"});
}

TEST_CASE("names of any bytes pass") {
  const Pass pass = PassOf(TarOf({"\xff\xfe.jpg", "\xe4/\x80.png", "...jpg/x.jpg", "a//b.jpg",
                                  "/c.jpg", std::string(4000, 'd') + ".jpg", "e"}));
  CHECK_OK(pass.failure);
  CHECK(pass.keys() == std::vector<std::string>{"\xff\xfe.jpg", "\xe4/\x80.png", "a/b.jpg", "c.jpg",
                                                std::string(4000, 'd') + ".jpg"});
  CHECK_EQ(PassOf(TarOf({std::string(5000, 'd') + ".jpg"})).failure.code(), StatusCode::kTooLarge);
}

TEST_CASE("names of nothing, or of slashes alone, end no pass") {
  for (const std::string_view name : {"", "/", "///", ".", "./", "//./"}) {
    std::string tar;
    AppendEntry(tar, name, "");
    AppendEntry(tar, name, "\xff\xd8\xff");
    AppendEntry(tar, "a.jpg", "x");
    const Pass pass = PassOf(tar + TarEnd());
    CHECK((pass.failure.ok() || !pass.failure.cause().empty()));
  }
}

TEST_CASE("a stream that is no tar, or empty, is refused") {
  CHECK_EQ(PassOf("").failure.code(), StatusCode::kCorrupt);
  CHECK_EQ(PassOf(std::string(5000, 'x')).failure.code(), StatusCode::kCorrupt);
}

TEST_CASE("a stream without an image is refused as an archive is") {
  const std::string no_image = "a complete tar, but there is no image in it";
  CHECK(PassOf(TarEnd()).failure.cause().starts_with(no_image + ", nor anything else"));
  CHECK_EQ(PassOf(TarOf({"n01440764.tar.gz", "a.txt"})).failure.cause(), no_image);
  const Status kit = PassOf(TarOf({"data/meta.mat", "readme.txt"})).failure;
  CHECK_EQ(kit.code(), StatusCode::kUnsupported);
  CHECK(kit.cause().starts_with("there is no image in it; it holds a development kit"));
  std::string links;
  AppendEntry(links, "a.jpg", "", '1', "gone.jpg");
  AppendEntry(links, "b.jpg", "", '2', "../../gone.jpg");
  CHECK(
      PassOf(links + TarEnd())
          .failure.cause()
          .starts_with(
              "there is no image in it: it has 2 links to what is not in it: a.jpg, b.jpg; pack"));
}

/// A tar with `count` files of one sample, and then `last`.
std::string SampleTar(size_t count, const std::string& extension,
                      const std::vector<std::string>& last) {
  std::vector<std::string> names;
  names.reserve(count + last.size());
  for (size_t i = 0; i < count; ++i) names.push_back("a." + std::to_string(i) + extension);
  names.insert(names.end(), last.begin(), last.end());
  return TarOf(names);
}

TEST_CASE("of a sample without an image any number of files is passed over") {
  for (const size_t count :
       {ItemStream::kMaxFiles, ItemStream::kMaxFiles + 1, 2 * ItemStream::kMaxFiles}) {
    const Pass pass = PassOf(SampleTar(count, ".txt", {"b.jpg", "c.txt"}));
    CHECK_OK(pass.failure);
    CHECK(pass.keys() == std::vector<std::string>{"b.jpg"});
    CHECK(pass.items[0].companions.empty());
    CHECK_EQ(pass.skipped, count + 1);
  }
}

TEST_CASE("an image among more files than a stream keeps is refused") {
  const size_t most = ItemStream::kMaxFiles;
  const Pass behind = PassOf(SampleTar(most, ".txt", {"a.jpg"}));
  CHECK_EQ(behind.failure.code(), StatusCode::kUnsupported);
  CHECK_EQ(behind.failure.member(), "a.jpg");
  CHECK(Says(behind.failure, "fastinet.open"));
  const Pass late = PassOf(SampleTar(most + 5, ".txt", {"a.jpg"}));
  CHECK_EQ(late.failure.member(), "a.jpg");
  std::string tar;
  AppendEntry(tar, "a.jpg", "x");
  const Pass before = PassOf(tar + SampleTar(most, ".txt", {}));
  CHECK_EQ(before.failure.code(), StatusCode::kUnsupported);
  CHECK_EQ(before.failure.member(), "a." + std::to_string(most - 1) + ".txt");
  const Pass fits = PassOf(tar + SampleTar(most - 1, ".txt", {"b.jpg"}));
  CHECK_OK(fits.failure);
  CHECK_EQ(fits.items[0].companions.size(), most - 1);
}

TEST_CASE("of many images of a sample with a label no more are kept than files") {
  std::string tar;
  AppendEntry(tar, "a.cls", "1");
  const Pass pass = PassOf(tar + SampleTar(ItemStream::kMaxFiles, ".jpg", {}));
  CHECK_EQ(pass.failure.code(), StatusCode::kUnsupported);
}

TEST_CASE("a sample of many images gives them as they come") {
  const size_t count = 2 * ItemStream::kMaxFiles;
  const Pass pass = PassOf(SampleTar(count, ".jpg", {}));
  CHECK_OK(pass.failure);
  CHECK_EQ(pass.items.size(), count);
}

/// As the engine does it: what throws becomes a status.
TEST_CASE("every allocation may fail") {
  std::string tar;
  for (const char* name : {"train/a-long-name-of-a-sample.jpg", "train/a-long-name-of-a-sample.cls",
                           "train/another-long-name.1.jpg", "train/another-long-name.1.txt",
                           "train/.a-folder-of-leftovers/x.jpg", "train/a-file-of-no-sample.txt"}) {
    AppendEntry(tar, name, "0123456789");
  }
  AppendEntry(tar, "train/a-link-with-a-long-name", "", '2', "leads-nowhere-in-particular");
  tar += TarEnd();
  const auto attempt = [&](std::vector<StreamItem>* items) {
    return OrOutOfMemory("not enough memory", [&]() -> Status {
      PieceStream stream(BytesOf(tar));
      ItemStream item_stream(stream, kMaxBytes, {.split = "train"});
      for (;;) {
        FASTINET_ASSIGN_OR_RETURN(std::optional<StreamItem> item, item_stream.Next());
        if (!item) return {};
        items->push_back(*std::move(item));
      }
    });
  };
  std::vector<StreamItem> all;
  CHECK_OK(attempt(&all));
  CHECK_EQ(all.size(), size_t{2});
  test::ForEveryShortage([&](int64_t n, bool lasts) {
    std::vector<StreamItem> items;
    Status status;
    bool happened = false;
    {
      const test::Shortage shortage(n, lasts);
      status = attempt(&items);
      happened = test::allocations > n;
    }
    CHECK_EQ(status.ok(), !happened);
    if (happened) CHECK_EQ(status.code(), StatusCode::kOutOfMemory);
    CHECK(items.size() <= all.size());
    return happened;
  });
}

}  // namespace
}  // namespace fastinet
