// Which members pass: one split's, another one's, and where two readings show up one after the
// other.
#include "stream/split_gate.h"

#include <string>
#include <utility>
#include <vector>

#include "base/test_checks.h"

namespace fastinet {
namespace {

/// A gate, and which of some images pass; the rest is missing behind a refusal.
struct Passing {
  std::vector<bool> passed;
  Status refusal;
};
Passing PassImages(const std::string& wanted, const std::string& around,
                   const std::vector<std::string>& names) {
  SplitGate gate(wanted, around, true);
  Passing passing;
  for (const std::string& name : names) {
    Result<bool> takes = gate.Takes(name, true);
    if (!takes.ok()) {
      passing.refusal = std::move(takes).status();
      break;
    }
    passing.passed.push_back(takes.value());
  }
  return passing;
}

bool Says(const Status& status, std::string_view text) {
  return status.cause().find(text) != std::string_view::npos;
}

TEST_CASE("all pass a gate for all") {
  const Passing passing =
      PassImages("all", "", {"train/a.jpg", "val/a.jpg", "", "/", "val/n01440764/a.jpg"});
  CHECK_OK(passing.refusal);
  CHECK(passing.passed == std::vector<bool>(5, true));
}

TEST_CASE("a split's folder is told by any spelling, or by its own name") {
  const std::vector<std::string> names = {"x/Training/n01440764/a.jpg", "x/val_set/n01440764/a.jpg",
                                          "x/val_canny/n01440764/a.jpg", "b.jpg"};
  using Expected = std::vector<bool>;
  CHECK(PassImages("train", "", names).passed == Expected{true, false, false, false});
  CHECK(PassImages("val", "", names).passed == Expected{false, true, false, false});
  CHECK(PassImages("val_set", "", names).passed == Expected{false, true, false, false});
  CHECK(PassImages("val_canny", "", names).passed == Expected{false, false, true, false});
  CHECK(PassImages("x/val_canny", "", names).passed == Expected{false, false, true, false});
  CHECK(PassImages("canny", "", names).passed == Expected(4, false));
  CHECK(PassImages(".", "", names).passed == Expected{false, false, false, true});
}

TEST_CASE("images outside of folders of splits are train, until such a folder comes") {
  const Passing alone = PassImages("train", "", {"n01440764/a.jpg", "n01443537/b.jpg"});
  CHECK(alone.passed == std::vector<bool>(2, true));
  const Passing beside = PassImages("train", "", {"n01440764/a.jpg", "val/n01440764/b.jpg"});
  CHECK_EQ(beside.refusal.code(), StatusCode::kUnsupported);
  CHECK(Says(beside.refusal, "'n01440764/a.jpg'"));
  CHECK(Says(beside.refusal, "'val/n01440764/b.jpg'"));
  CHECK(Says(beside.refusal, "split="));
}

TEST_CASE("a slash takes a folder by its very name, from its end or from the top") {
  const std::vector<std::string> names = {"n01440764/a.jpg", "old/train/n01440764/b.jpg",
                                          "train/n01440764/c.jpg", "train/x/n01443537/d.jpg",
                                          "imagenet_train/n01440764/e.jpg"};
  using Expected = std::vector<bool>;
  CHECK(PassImages("./train/", "", names).passed == Expected{false, false, true, true, false});
  CHECK(PassImages("old/train/", "", names).passed == Expected{false, true, false, false, false});
  CHECK(PassImages("train/x/", "", names).passed == Expected{false, false, false, true, false});
  CHECK(PassImages("./", "", names).passed == Expected{true, false, false, false, false});
  CHECK(PassImages("ain/", "", names).passed == Expected(5, false));
  const Passing both = PassImages("train/", "", names);
  CHECK(both.passed == Expected{false, true});
  CHECK(Says(both.refusal, "split='old/train/' takes the one, split='./train/' takes the other"));
}

TEST_CASE("without a wish the first split is taken, and a second one is refused") {
  const Passing passing = PassImages("", "", {"val/n01440764/a.jpg", "train/n01440764/a.jpg"});
  CHECK(passing.passed == std::vector<bool>{true});
  CHECK_EQ(passing.refusal.code(), StatusCode::kUnsupported);
  CHECK(Says(passing.refusal, "'train/n01440764/a.jpg' of 'train'"));
}

TEST_CASE("two folders with images of one class may be copies") {
  const Passing passing = PassImages(
      "", "", {"a/n01440764/1.jpg", "a/n01443537/1.jpg", "b/n02084071/1.jpg", "b/n01440764/1.jpg"});
  CHECK_EQ(passing.passed.size(), size_t{3});
  CHECK_EQ(passing.refusal.code(), StatusCode::kUnsupported);
  CHECK(Says(passing.refusal, "'a' and in 'b'"));
  // So do classes that images are called by, and numbers of images.
  CHECK(!PassImages("", "", {"a/n01440764_1.JPEG", "n01440764_2.JPEG"}).refusal.ok());
  CHECK(!PassImages("", "", {"a/ILSVRC2012_val_00000001.JPEG", "b/ILSVRC2012_val_00000001.JPEG"})
             .refusal.ok());
  CHECK_OK(PassImages("", "", {"a/ILSVRC2012_val_00000001.JPEG", "b/ILSVRC2012_val_00000002.JPEG"})
               .refusal);
}

TEST_CASE("numbers tell the split where no folder does") {
  const std::vector<std::string> names = {"ILSVRC2012_val_00000001.JPEG",
                                          "ILSVRC2012_test_00000001.JPEG"};
  CHECK(PassImages("val", "", names).passed == std::vector<bool>{true, false});
  CHECK(PassImages("test", "", names).passed == std::vector<bool>{false, true});
  CHECK_EQ(PassImages("", "", names).refusal.code(), StatusCode::kUnsupported);
  // The stream's own name goes before them.
  CHECK(PassImages("train", "train", names).passed == std::vector<bool>{true, true});
  CHECK(PassImages("val", "train", names).passed == std::vector<bool>{false, false});
}

TEST_CASE("a stream without a name cannot tell whether its numbers are two splits") {
  SplitGate gate("val", "", false);
  CHECK(gate.Takes("ILSVRC2012_val_00000001.JPEG", true).value());
  const Result<bool> second = gate.Takes("ILSVRC2012_test_00000001.JPEG", true);
  CHECK_EQ(second.status().code(), StatusCode::kUnsupported);
  CHECK(Says(second.status(), "'ILSVRC2012_val_00000001.JPEG' is of 'val'"));
}

TEST_CASE("a split's folder around another one may be around all") {
  const std::vector<std::string> names = {"Train/val/n01440764/a.jpg",
                                          "Train/ILSVRC2012_test_00000001.JPEG"};
  for (const bool inner_first : {true, false}) {
    const Passing passing =
        PassImages("train", "", {names[inner_first ? 0 : 1], names[inner_first ? 1 : 0]});
    CHECK_EQ(passing.passed.size(), size_t{1});
    CHECK_EQ(passing.refusal.code(), StatusCode::kUnsupported);
    CHECK(Says(passing.refusal, "around all splits"));
    CHECK(Says(passing.refusal, "takes the one"));
  }
  CHECK_OK(PassImages("val", "", {names[0], "Train/val_canny/val/n01443537/a.jpg"}).refusal);
}

TEST_CASE("a corruption in a severity is no part of another one") {
  const std::vector<std::string> names = {"c/fog/1/n01440764/a.jpg", "c/fog/12/n01443537/b.jpg",
                                          "c/fog/1/n01443537/c.jpg"};
  using Expected = std::vector<bool>;
  CHECK(PassImages("fog/1", "", names).passed == Expected{true, false, true});
  CHECK(PassImages("c/fog/12", "", names).passed == Expected{false, true, false});
  const Passing any = PassImages("", "", names);
  CHECK(any.passed == Expected{true});
  CHECK(Says(any.refusal, "split='fog/1' takes the one, split='fog/12' takes the other"));
  const Passing train = PassImages("train", "", names);
  CHECK(train.passed == Expected{true});
  CHECK(Says(train.refusal, "split='c/fog/1/' takes the one, split='c/fog/12/' takes the other"));
  // Chunks, which are called otherwise, are parts of a whole; so are those of a split's folder.
  for (const std::string folder : {"part1/", "train/7/", "0/", "100/"}) {
    CHECK_OK(
        PassImages("", "", {folder + "n01440764/a.jpg", folder + "x/n01443537/b.jpg"}).refusal);
  }
  CHECK_OK(PassImages("", "", {"train/1/n01440764/a.jpg", "train/2/n01443537/b.jpg"}).refusal);
}

TEST_CASE("files that are no images decide nothing") {
  SplitGate gate("", "", true);
  CHECK(gate.Takes("val/labels.txt", false).value());
  CHECK(gate.Takes("train/n01440764/a.jpg", true).value());
  CHECK(gate.Takes("val/labels.txt", false).value());
  CHECK_EQ(gate.SplitOf("val/labels.txt"), "val");
  CHECK_EQ(gate.SplitOf("a/b/labels.txt"), "b");
  CHECK_EQ(gate.SplitOf("labels.txt"), ".");
}

TEST_CASE("folders with numbers are severities where a corruption or an image's number says so") {
  const std::vector<std::string> parts = {"x/1/n01440764/a.jpg", "x/2/n01443537/a.jpg"};
  CHECK(PassImages("", "", parts).passed == std::vector<bool>(2, true));
  CHECK(PassImages("", "", {"fog/1/n01440764/a.jpg", "fog/2/n01443537/a.jpg"}).passed ==
        std::vector<bool>{true});
  CHECK(PassImages("", "",
                   {"x/1/n01440764/ILSVRC2012_val_00000001.JPEG",
                    "x/2/n01443537/ILSVRC2012_val_00000002.JPEG"})
            .passed == std::vector<bool>{true});
}

/// What is said of the second of two images, the first of which lies in the tar before.
Status SecondTar(const std::string& wanted, const std::string& around, const std::string& first,
                 const std::string& second) {
  SplitGate gate(wanted, around, false);
  const Result<bool> one = gate.Takes(first, true);
  CHECK_OK(one.status());
  if (one.value()) CHECK_OK(gate.CheckItem(first, 0));
  gate.BeginTar(1);
  Result<bool> other = gate.Takes(second, true);
  if (!other.ok()) return std::move(other).status();
  return other.value() ? gate.CheckItem(second, 1) : Status();
}

TEST_CASE("two tars may be two splits where nothing tells them") {
  for (const char* wanted : {"", "train"}) {
    CHECK(Says(SecondTar(wanted, "", "n01440764/a.jpg", "n01440764/b.jpg"), "another tar"));
    CHECK(Says(SecondTar(wanted, "", "n01440764/a.jpg", "n01443537/b.jpg"), "another tar"));
    CHECK(Says(SecondTar(wanted, "", "n01440764_1.jpg", "n01443537_2.jpg"), "another tar"));
    CHECK(Says(SecondTar(wanted, "", "cat/1.jpg", "dog/2.jpg"), "split=\"all\""));
  }
  CHECK(Says(SecondTar("val", "", "val/n01440764/a.jpg", "n01440764/b.jpg"), "another tar"));
  CHECK(Says(SecondTar("val", "", "val/n01440764/a.jpg", "n01440764_2.jpg"), "another tar"));
}

TEST_CASE("two images of one number are refused, but for training images") {
  const std::string first = "val/ILSVRC2012_val_00000001.JPEG";
  const std::string again = "val/n01440764/ILSVRC2012_val_00000001.JPEG";
  for (const char* wanted : {"", "val", "val/"}) {
    CHECK(Says(SecondTar(wanted, "", first, again), "of this number came before"));
    CHECK_OK(SecondTar(wanted, "", first, "val/ILSVRC2012_val_00000002.JPEG"));
    CHECK_OK(SecondTar(wanted, "", first, "val/n01440764/a.JPEG"));
  }
  CHECK_OK(SecondTar("all", "", first, again));
  CHECK_OK(SecondTar("", "", "train/n01440764/ILSVRC2012_val_00000001.JPEG",
                     "train/n01440764/ILSVRC2012_val_00000001.png"));
}

TEST_CASE("a tar has many images of a class") {
  SplitGate gate("", "", false);
  gate.BeginTar(3);
  for (const char* name : {"n01440764/a.jpg", "n01440764/b.jpg", "n01440764/a.png"}) {
    CHECK_OK(gate.Takes(name, true).status());
    CHECK_OK(gate.CheckItem(name, 3));
  }
}

TEST_CASE("two tars are told apart, or are parts of one split") {
  CHECK_OK(SecondTar("val", "", "val/n01440764/a.jpg", "docs/logo.png"));
  CHECK_OK(SecondTar("", "train", "n01440764/a.jpg", "n01440764/b.jpg"));
  CHECK_OK(SecondTar("all", "", "n01440764/a.jpg", "n01440764/b.jpg"));
  CHECK_OK(SecondTar("./", "", "n01440764/a.jpg", "n01440764/b.jpg"));
  CHECK_OK(SecondTar("", "", "train/n01440764/a.jpg", "train/n01440764/b.jpg"));
  CHECK_OK(SecondTar("x", "", "x/n01440764/a.jpg", "x/n01440764/b.jpg"));
  CHECK_OK(SecondTar("", "", "ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG"));
}

TEST_CASE("names of any bytes are taken or not") {
  for (const std::string_view wanted : {"", "train", ".", "/", "\xff", "a/"}) {
    SplitGate gate(std::string(wanted), "", true);
    for (const std::string_view name :
         {std::string_view(""), std::string_view("/"), std::string_view("///"),
          std::string_view("\xff\xfe/\x80.jpg"), std::string_view("a\0b/c\0", 6),
          std::string_view("n01440764"), std::string_view("a/")}) {
      CHECK_OK(gate.Takes(name, true).status());
    }
  }
}

TEST_CASE("names may end before the memory that they lie in does") {
  const std::string text = "train/n01440764/n01440764_10.JPEG";
  for (size_t length = 0; length <= text.size(); ++length) {
    SplitGate gate("train", "", true);
    const std::vector<char> name(text.begin(), text.begin() + static_cast<int64_t>(length));
    CHECK_OK(gate.Takes({name.data(), name.size()}, true).status());
  }
}

}  // namespace
}  // namespace fastinet
