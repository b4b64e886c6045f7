// Which inner tars count: all where images lie in nothing else, those of classes beside others.
#include "stream/inner_tars.h"

#include <string>

#include "base/test_checks.h"

namespace fastinet {
namespace {

StreamedMember Image(const std::string& name, const std::string& tar = "") {
  return {.name = name, .offset = 512, .size = 4, .head = {}, .inner_tar = tar};
}

TEST_CASE("tars alone count") {
  InnerTars tars;
  CHECK_OK(tars.Take(Image("a/n01440764/1.jpg", "a.tar"), true));
  CHECK_OK(tars.Take(Image("b/n01440764/1.jpg", "b.tar"), false));
  CHECK(tars.Counts("a.tar"));
  CHECK(tars.Counts("c.tar"));
}

TEST_CASE("tars beside images do not count, but for those of classes") {
  for (const char* tar : {"", "n01440764.tar", "train/n01440764.tar"}) {
    InnerTars tars;
    CHECK_OK(tars.Take(Image("n01440764/1.jpg", tar), true));
    CHECK_FALSE(tars.Counts("train.tar"));
    CHECK(tars.Counts("n01443537.tar"));
    CHECK(tars.Counts("train/n01443537.tar"));
    CHECK(tars.Counts(""));
  }
}

TEST_CASE("an image beside a tar that has gone by is refused") {
  InnerTars tars;
  CHECK_OK(tars.Take(Image("a/n01440764/1.jpg", "a.tar"), true));
  const Status status = tars.Take(Image("train/n01440764/1.jpg"), false);
  CHECK(status.code() == StatusCode::kUnsupported);
  CHECK(status.cause().find("beside the tar 'a.tar'") != std::string_view::npos);
  CHECK(status.member() == "train/n01440764/1.jpg");
}

TEST_CASE("images of another split in a tar are none that have gone by") {
  InnerTars tars;
  CHECK_OK(tars.Take(Image("val/n01440764/1.jpg", "val.tar"), false));
  CHECK_OK(tars.Take(Image("train/n01440764/1.jpg"), true));
  CHECK_FALSE(tars.Counts("val.tar"));
}

TEST_CASE("an image whose class nothing tells closes no tar unless it is wanted") {
  InnerTars tars;
  CHECK_OK(tars.Take(Image("docs/logo.png"), false));
  CHECK(tars.Counts("train.tar"));
  CHECK_OK(tars.Take(Image("docs/logo.png"), true));
  CHECK_FALSE(tars.Counts("train.tar"));
  InnerTars others;
  CHECK_OK(others.Take(Image("a/ILSVRC2012_val_00000001.JPEG"), false));
  CHECK_FALSE(others.Counts("train.tar"));
}

}  // namespace
}  // namespace fastinet
