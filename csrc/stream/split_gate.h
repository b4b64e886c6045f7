// Which members of a stream belong to the split that is wanted, decided while they arrive.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/status.h"
#include "stream/split_names.h"

namespace fastinet {

/// Lets the members of one split pass. What is a split is decided as for whole archives, see
/// fastinet/datasets/path_splits.py; where that would take members into account that have not come
/// yet, the gate goes on, and refuses when they come.
class SplitGate {
 public:
  /// What takes everything.
  static constexpr std::string_view kAll = "all";

  /// Takes the members of the split `wanted`, a split's name or a folder's; "": those of the first
  /// image's split, and any other one is an error. With a slash at its end it is a folder by this
  /// very name, whatever else comes: "b/" is any "b", "a/b/" one in an "a", "./b/" the one at the
  /// top; "./" is no folder but the classes' own. `around` is the split
  /// that the stream itself is called as, whose name counts as a folder around the members'; "": it
  /// says nothing. Without a name it might say something, which `is_named` tells.
  SplitGate(std::string wanted, std::string around, bool is_named);
  SplitGate(const SplitGate&) = delete;  // its numbers refer to its own roots
  SplitGate& operator=(const SplitGate&) = delete;

  /// Whether the member `name` is of that split. kUnsupported where `name` shows that there are two
  /// readings of what came: it says which, and the argument that decides.
  Result<bool> Takes(std::string_view name, bool is_image);

  /// What is taken from now on is in this tar: how many had ended before.
  void BeginTar(uint64_t tar) { tar_ = tar; }

  /// Whether an item, an image that was taken and has no files beside it, goes with those before.
  /// kUnsupported where it has the number of another one of its split, but for training images; or
  /// where it is behind another tar with images and nothing tells its split: the names of tars
  /// would, and a stream does not have them. `tar` is how many have ended before the item's.
  Status CheckItem(std::string_view name, uint64_t tar);

  /// The split that `name` is of by itself, for messages.
  std::string SplitOf(std::string_view name) const;

 private:
  /// What a name tells.
  struct Place {
    FolderTelling folder;
    NumberTelling number;
    std::string_view base;

    bool in_split_folder() const { return !folder.split.empty(); }
  };
  /// An image that was taken.
  struct Taken {
    std::string name;
    std::string split;         // "": its path tells none
    std::string split_folder;  // path of the folder that told it; "": none did
    std::string root;
    std::string folder;  // path of the one that is the split, or tells it
    bool by_own_name;    // `wanted` is the name of its folder, and of no split
    bool in_severity;    // its root may be a corruption in a severity, see ImageNet-C
  };

  /// A folder by its very name.
  struct Folder {
    std::string path;  // "": the top
    bool from_top;     // `path` is all of its path; else the end of it

    bool IsAt(std::string_view folder) const;
  };

  static std::optional<Folder> FolderNamed(std::string_view wanted);
  const Place& PlaceOf(std::string_view name) const;
  static const std::string& FolderOf(const Place& place);
  static bool InSeverity(const Place& place);
  std::string_view SplitTold(const Place& place) const;
  bool IsWanted(const Place& place, bool* by_own_name) const;
  bool InWantedFolder(const Place& place) const;
  Taken Facts(std::string_view name, const Place& place, bool by_own_name) const;
  bool SameSplit(const Taken& taken) const;
  Status CheckNested(std::string_view name, const Place& place);
  Status CheckNumbers(std::string_view name, const Place& place);
  Status TwoParts(std::string_view name) const;
  std::string NameBeside(std::string_view name, std::string_view other) const;
  Status CheckFirst(std::string_view name, const Place& place) const;
  Status CheckOverlap(const Place& place);
  Status CheckTar(const Place& place, bool by_own_name, uint64_t tar) const;
  static int64_t NumberOf(const Place& place);

  const std::string wanted_;
  const std::optional<Folder> folder_;  // that `wanted_` names with a slash
  const std::string around_;
  const std::string wanted_split_;  // that `wanted_` is a spelling of; "": of none
  const bool is_named_;
  std::optional<Taken> first_;  // of the images that were taken
  // Of the folders that told a split of images, by path: the first image's name.
  std::map<std::string, std::string, std::less<>> told_by_;
  // Of the images that are in no folder of a split: the first one's name, and its number's split.
  std::optional<std::pair<std::string, std::string>> outside_;
  // Of the images in folders that are called as splits: the split, and the first one's name.
  std::map<std::string, std::string, std::less<>> split_folders_;
  // Which root each class, or number, has been in; two roots with one class are no parts of a
  // whole. Each root is kept once.
  std::unordered_map<int64_t, const std::string*> roots_;
  std::set<std::string> root_names_;
  uint64_t tar_ = 0;
  std::optional<std::pair<std::string, uint64_t>> first_image_;  // of all; and the tar it is in
  // Numbers of the items that have one, those of test images above the others.
  std::unordered_set<int64_t> numbers_;
  int64_t last_class_ = -1;  // that was looked up, in the root `last_root_`
  std::string last_root_;
  // What the folder of the last name told: that of the next one is the same, as a rule.
  mutable std::string last_folder_;
  mutable std::optional<Place> place_;
};

}  // namespace fastinet
