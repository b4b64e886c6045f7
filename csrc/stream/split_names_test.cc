// What names tell of splits and classes: usual spellings, odd ones, and bytes that are no words.
#include "stream/split_names.h"

#include <string>

#include "base/test_checks.h"

namespace fastinet {
namespace {

TEST_CASE("folders are called as splits in many ways") {
  for (const std::string_view name :
       {"train", "Train", "TRAINING", "ILSVRC2012_img_train", "train_set", "imagenet-1k.train",
        "train 2012", "train2012", "trn", "2012_train_images", "-train-"}) {
    CHECK_EQ(KnownSplit(name), "train");
  }
  for (const std::string_view name :
       {"val", "Val", "validation", "valid", "imagenet_val", "val2017", "dev",
        "imagenetv2-matched-frequency-format-val"}) {
    CHECK_EQ(KnownSplit(name), "val");
  }
  CHECK_EQ(KnownSplit("test_images"), "test");
  CHECK_EQ(KnownSplit("hold-out"), "holdout");
  CHECK_EQ(KnownSplit("eval"), "eval");
  CHECK_EQ(KnownSplit("imagenet21k_small_classes"), "small_classes");
}

TEST_CASE("other folders are called as none") {
  for (const std::string_view name :
       {"", "_", "....", "imagenet", "2012", "train_backup", "val_canny", "trains", "retrain",
        "trainval", "small_classes", "n01440764", "tr\xc3\xa4in", "\xff\xfetrain", "train_2"}) {
    CHECK_EQ(KnownSplit(name), "");
  }
  CHECK_EQ(KnownSplit({"train\0", 6}), "");
  CHECK_EQ(KnownSplit({"\0", 1}), "");
}

TEST_CASE("a name of more than 64 letters is none") {
  CHECK_EQ(KnownSplit(std::string(59, '_') + "train"), "train");
  CHECK_EQ(KnownSplit(std::string(60, '_') + "train"), "");
  CHECK_EQ(KnownSplit(std::string(1 << 20, '_') + "train"), "");
}

TEST_CASE("a wnid is an n and eight digits") {
  CHECK_EQ(WnidNumber("n01440764"), 1440764);
  CHECK_EQ(WnidNumber("n00000000"), 0);
  CHECK_EQ(WnidNumber("n99999999"), 99'999'999);
  for (const std::string_view name : {"", "n", "n0144076", "n014407640", "N01440764", "n0144076x",
                                      "n01440764/", "n-1440764", "n 1440764", "x01440764"}) {
    CHECK_EQ(WnidNumber(name), -1);
  }
}

TEST_CASE("a folder's path tells its innermost split and class") {
  const FolderTelling told = TellOfFolder("data/train/n01440764/x/val/y/n01443537");
  CHECK_EQ(told.split, "val");
  CHECK_EQ(told.split_folder, "data/train/x/val");
  CHECK_EQ(told.root, "data/train/x/val/y");
  CHECK_EQ(told.wnid, 1443537);

  const FolderTelling plain = TellOfFolder("a/b");
  CHECK_EQ(plain.split, "");
  CHECK_EQ(plain.split_folder, "");
  CHECK_EQ(plain.root, "a/b");
  CHECK_EQ(plain.wnid, -1);
}

TEST_CASE("empty and dotted parts of a path are no folders") {
  for (const std::string_view path : {"", "/", "////", ".", "./.", "/./"}) {
    const FolderTelling told = TellOfFolder(path);
    CHECK_EQ(told.root, "");
    CHECK_EQ(told.split, "");
    CHECK_EQ(told.wnid, -1);
  }
  CHECK_EQ(TellOfFolder("//./train//.//a/").root, "train/a");
  CHECK_EQ(TellOfFolder("../train").root, "../train");
  CHECK_EQ(TellOfFolder("../train").split, "train");
}

TEST_CASE("of many folders nothing is kept but the path") {
  std::string path;
  for (int i = 0; i < 100'000; ++i) path += "train/";
  const FolderTelling told = TellOfFolder(path);
  CHECK_EQ(told.root.size(), path.size() - 1);
  CHECK(told.split_folder == told.root);
}

TEST_CASE("corruptions go by their very names") {
  CHECK(IsCorruption("gaussian_noise"));
  CHECK(IsCorruption("saturate"));
  for (const std::string_view name : {"", "noise", "Fog", "fog ", "gaussian_noise/1", "train"}) {
    CHECK_FALSE(IsCorruption(name));
  }
}

TEST_CASE("the number of an image tells its split") {
  const NumberTelling val = TellOfNumber("ILSVRC2012_val_00000293.JPEG");
  CHECK_EQ(val.split, "val");
  CHECK_EQ(val.number, 293);
  CHECK_EQ(TellOfNumber("ILSVRC2012_test_00100000.JPEG").split, "test");
  CHECK_EQ(TellOfNumber("ILSVRC2012_val_00000293").number, 293);
  CHECK_EQ(TellOfNumber("ILSVRC2012_val_00000293_n01440764.JPEG").number, 293);
  CHECK_EQ(TellOfNumber("ILSVRC2012_val_99999999.JPEG").number, 99'999'999);
  for (const std::string_view base :
       {"", "ILSVRC2012_val_", "ILSVRC2012_val_0000029.JPEG", "ILSVRC2012_val_000002931.JPEG",
        "ilsvrc2012_val_00000293.JPEG", "ILSVRC2012_train_00000293.JPEG", "ILSVRC2012_val_0000029x",
        "x/ILSVRC2012_val_00000293.JPEG", "ILSVRC2012_val_00000293-a.JPEG"}) {
    CHECK_EQ(TellOfNumber(base).split, "");
    CHECK_EQ(TellOfNumber(base).number, -1);
  }
}

}  // namespace
}  // namespace fastinet
