// What the folders and the file name of a member tell of its split and its class.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fastinet {

/// The split that a folder, or an archive, is called as: "train", "val", "test", "holdout", "eval"
/// or "small_classes"; "" where its name is no split's. fastinet/datasets/path_splits.py has the
/// rule in words.
std::string_view KnownSplit(std::string_view name);

/// Whether a folder is called as one of ImageNet-C's corruptions is: "gaussian_noise".
/// fastinet/datasets/published.py has the list.
bool IsCorruption(std::string_view name);

/// The number in a wnid, 1440764 of "n01440764"; -1: `name` is none.
int64_t WnidNumber(std::string_view name);

/// What the folder tells that an image lies in.
struct FolderTelling {
  /// Of the innermost folder that is called as a split; "": there is none. It outlives everything.
  std::string_view split;
  /// The path down to that folder, without wnids: "imagenet/val". "": there is none.
  std::string split_folder;
  /// All of the path, without wnids. Images of one root are never in two splits, but where the
  /// numbers in their names tell one.
  std::string root;
  /// Number of the innermost folder that is a wnid; -1: there is none.
  int64_t wnid = -1;
};

/// What `folder` tells, the path of one; "" is no folder.
FolderTelling TellOfFolder(std::string_view folder);

/// What the number in a file name tells: ILSVRC2012_val_00000001.JPEG.
struct NumberTelling {
  std::string_view split;  // "val" or "test"; "": the name has no number
  int64_t number = -1;
};

/// What the number in `base` tells, a path's last part.
NumberTelling TellOfNumber(std::string_view base);

}  // namespace fastinet
