#include "stream/split_gate.h"

#include <algorithm>
#include <utility>

namespace fastinet {
namespace {

constexpr std::string_view kTrain = "train";
constexpr std::string_view kSmallClasses = "small_classes";  // no folder is called by it alone
constexpr std::string_view kTop = ".";    // the name of the root that is no folder
constexpr std::string_view kHere = "./";  // before a path from the archive's top on
constexpr std::string_view kTest = "test";
constexpr int64_t kNumbers = int64_t{1} << 32;  // numbers of images, above those of wnids
constexpr size_t kWnidLength = 9;

std::string_view LastPart(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// Whether `path` is `end`, or ends with its folders.
bool PathEndsWith(std::string_view path, std::string_view end) {
  if (path.empty() || !path.ends_with(end)) return false;
  return path.size() == end.size() || path[path.size() - end.size() - 1] == '/';
}

/// Whether the folder `path` is somewhere below the folder `above`. Then `above` may be around all
/// that an archive has, and tell nothing.
bool LiesIn(std::string_view path, std::string_view above) {
  return !above.empty() && path.size() > above.size() && path.starts_with(above) &&
         path[above.size()] == '/';
}

/// Whether the folder `path` may be a severity of ImageNet-C's, above class folders: "fog/3". Each
/// is a split by itself in an archive that is opened (fastinet/datasets/imagenet_c.py).
bool IsSeverity(std::string_view path) {
  const std::string_view name = LastPart(path);
  return !name.empty() && name.size() <= 2 && name[0] != '0' &&
         std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

/// Whether what is above a severity, or an image's number, tells that it is one. Of a folder that
/// is the first one the archive's name may tell it, and nobody knows that.
bool MayBeCorrupted(std::string_view path, bool has_number) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos || has_number ||
         IsCorruption(LastPart(path.substr(0, slash)));
}

std::string Quoted(std::string_view text) {
  std::string quoted("'");
  quoted += text;
  return quoted += '\'';
}

/// What is given as `split` for the folder of this path, and does not mean the one at `other`.
std::string ExactName(std::string_view folder, std::string_view other) {
  std::string name(folder.empty() || PathEndsWith(other, folder) ? kHere : std::string_view());
  name += folder;
  return folder.empty() ? name : name += '/';
}

/// The advice on two names of splits.
std::string TakeOneOf(const std::string& one, const std::string& other) {
  return "split=" + Quoted(one) + " takes the one, split=" + Quoted(other) +
         " takes the other, split=\"all\" both";
}

}  // namespace

SplitGate::SplitGate(std::string wanted, std::string around, bool is_named)
    : wanted_(std::move(wanted)),
      folder_(FolderNamed(wanted_)),
      around_(std::move(around)),
      wanted_split_(wanted_ == kSmallClasses ? kSmallClasses : KnownSplit(wanted_)),
      is_named_(is_named) {}

std::optional<SplitGate::Folder> SplitGate::FolderNamed(std::string_view wanted) {
  if (!wanted.ends_with('/')) return std::nullopt;
  const bool from_top = wanted.starts_with(kHere);
  if (from_top) wanted.remove_prefix(kHere.size());
  while (wanted.ends_with('/')) wanted.remove_suffix(1);
  return Folder{.path = std::string(wanted), .from_top = from_top};
}

bool SplitGate::Folder::IsAt(std::string_view folder) const {
  return folder == path || (!from_top && PathEndsWith(folder, path));
}

const SplitGate::Place& SplitGate::PlaceOf(std::string_view name) const {
  const size_t slash = name.rfind('/');
  const std::string_view folder =
      slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
  if (!place_ || folder != last_folder_) {
    place_ = Place{.folder = TellOfFolder(folder), .number = {}, .base = {}};
    last_folder_ = folder;
  }
  place_->base = LastPart(name);
  place_->number = TellOfNumber(place_->base);
  return *place_;
}

/// Path of the folder that the split's images lie in, or that tells their split.
const std::string& SplitGate::FolderOf(const Place& place) {
  return place.in_split_folder() ? place.folder.split_folder : place.folder.root;
}

/// The split that a place tells by itself: by a folder, the stream's name, or the number; or "".
std::string_view SplitGate::SplitTold(const Place& place) const {
  if (place.in_split_folder()) return place.folder.split;
  return around_.empty() ? place.number.split : std::string_view(around_);
}

/// Whether its root may be a corruption in a severity, as ImageNet-C has them.
bool SplitGate::InSeverity(const Place& place) {
  return !place.in_split_folder() && place.folder.wnid >= 0 && IsSeverity(place.folder.root) &&
         MayBeCorrupted(place.folder.root, place.number.number >= 0);
}

std::string SplitGate::SplitOf(std::string_view name) const {
  const Place& place = PlaceOf(name);
  if (const std::string_view split = SplitTold(place); !split.empty()) return std::string(split);
  const std::string_view root = place.folder.root, folder = LastPart(root);
  if (InSeverity(place) && folder.size() < root.size()) {
    const std::string_view above = root.substr(0, root.size() - folder.size() - 1);
    return std::string(root.substr(above.size() - LastPart(above).size()));
  }
  return std::string(folder.empty() ? kTop : folder);
}

bool SplitGate::InWantedFolder(const Place& place) const {
  return folder_->IsAt(place.folder.root) ||
         (place.in_split_folder() && folder_->IsAt(place.folder.split_folder));
}

bool SplitGate::IsWanted(const Place& place, bool* by_own_name) const {
  *by_own_name = false;
  if (wanted_.empty()) return true;
  if (folder_) return InWantedFolder(place);
  const std::string_view split = SplitTold(place);
  if (place.in_split_folder() &&
      (LastPart(place.folder.split_folder) == wanted_ || split == wanted_split_)) {
    return true;
  }
  if (PathEndsWith(place.folder.root, wanted_) ||
      PathEndsWith(place.folder.split_folder, wanted_) ||
      (wanted_ == kTop && place.folder.root.empty())) {
    *by_own_name = true;
    return true;
  }
  if (place.in_split_folder()) return false;
  if (split.empty()) return wanted_split_ == kTrain && split_folders_.empty();
  // Beside a folder of that split, other images with its numbers are a copy.
  const bool beside = around_.empty() ? split_folders_.contains(split) : !split_folders_.empty();
  return split == wanted_split_ && !beside;
}

SplitGate::Taken SplitGate::Facts(std::string_view name, const Place& place,
                                  bool by_own_name) const {
  // In its own folder, an image with a number is of that folder beside one of the number's split.
  const std::string_view split = SplitTold(place);
  const bool told = !by_own_name || !split_folders_.contains(split);
  return {.name = std::string(name),
          .split = told ? std::string(split) : std::string(),
          .split_folder = place.folder.split_folder,
          .root = place.folder.root,
          .folder = FolderOf(place),
          .by_own_name = by_own_name,
          .in_severity = InSeverity(place)};
}

/// Whether an image is of the first one's split, if not a copy of it.
bool SplitGate::SameSplit(const Taken& taken) const {
  if (taken.by_own_name || first_->by_own_name) {
    return taken.by_own_name == first_->by_own_name && taken.root == first_->root &&
           taken.split == first_->split;
  }
  if (taken.root != first_->root && (taken.in_severity || first_->in_severity)) return false;
  return taken.split == first_->split &&
         LastPart(taken.split_folder) == LastPart(first_->split_folder);
}

Result<bool> SplitGate::Takes(std::string_view name, bool is_image) {
  if (wanted_ == kAll) return true;
  const Place& place = PlaceOf(name);
  bool by_own_name = false;
  const bool wanted = IsWanted(place, &by_own_name);
  if (!is_image) return wanted;
  if (!first_image_) first_image_ = {std::string(name), tar_};
  const bool has_class =
      place.folder.wnid >= 0 || WnidNumber(place.base.substr(0, kWnidLength)) >= 0;
  if (!wanted && has_class) FASTINET_RETURN_IF_ERROR(CheckTar(place, by_own_name, tar_));
  if (folder_) {
    if (!wanted) return false;
    if (!first_) first_ = Facts(name, place, by_own_name);
    if (FolderOf(place) != first_->folder) return TwoParts(name);
    FASTINET_RETURN_IF_ERROR(CheckOverlap(place));
    return true;
  }
  if (place.in_split_folder() && !split_folders_.contains(place.folder.split)) {
    FASTINET_RETURN_IF_ERROR(CheckFirst(name, place));
    split_folders_.emplace(place.folder.split, name);
  }
  FASTINET_RETURN_IF_ERROR(CheckNested(name, place));
  FASTINET_RETURN_IF_ERROR(CheckNumbers(name, place));
  if (!wanted) return false;
  Taken taken = Facts(name, place, by_own_name);
  if (!first_) {
    first_ = std::move(taken);
  } else if (!SameSplit(taken)) {
    return TwoParts(name);
  }
  FASTINET_RETURN_IF_ERROR(CheckOverlap(PlaceOf(name)));
  return true;
}

/// Of a folder that is called as a split and lies in another one, the outer may be around all that
/// the archive has, and then tells nothing of the images that are in no other. Nobody knows so far.
Status SplitGate::CheckNested(std::string_view name, const Place& place) {
  const std::string& folder = place.folder.split_folder;
  if (folder.empty() || !told_by_.try_emplace(folder, name).second) return {};
  for (const auto& [other, first] : told_by_) {
    const bool outer = LiesIn(other, folder);
    if (!outer && !LiesIn(folder, other)) continue;
    return Unsupported(Quoted(outer ? first : std::string(name)) +
                       " lies in a split's folder that is in that of " +
                       Quoted(outer ? std::string(name) : first) +
                       ", so that the outer one may be around all splits; " +
                       TakeOneOf(ExactName(folder, other), ExactName(other, folder)));
  }
  return {};
}

/// Outside of folders that are called as splits, what an archive is called goes before the numbers
/// of its images: in train.tar all are of train. Of a stream without a name nobody knows.
Status SplitGate::CheckNumbers(std::string_view name, const Place& place) {
  if (place.in_split_folder() || is_named_ || wanted_split_.empty() || !split_folders_.empty()) {
    return {};
  }
  if (!outside_) outside_ = {std::string(name), std::string(place.number.split)};
  if (outside_->second == place.number.split) return {};
  return Unsupported(Quoted(outside_->first) + " is of " + Quoted(SplitOf(outside_->first)) +
                     " by its name, " + Quoted(name) + " of " + Quoted(SplitOf(name)) +
                     "; whether they are two splits the name of the archive tells, which a stream "
                     "does not have: name=\"train.tar\" says it, split=\"all\" takes everything");
}

/// That images of the first one's part and of another one come, each of which may be meant.
Status SplitGate::TwoParts(std::string_view name) const {
  const std::string cause =
      wanted_.empty() ? "the stream has several splits, and split= says which one comes: "
                      : "there are two parts that split=" + Quoted(wanted_) + " may mean: ";
  const std::string one = NameBeside(first_->name, name);
  const std::string other = NameBeside(name, first_->name);
  return Unsupported(cause + Quoted(first_->name) + " is of " + Quoted(one) + ", " + Quoted(name) +
                     " of " + Quoted(other) + "; " + TakeOneOf(one, other));
}

/// What is given as `split` for the images that `name` is one of, and not for those of `other`.
std::string SplitGate::NameBeside(std::string_view name, std::string_view other) const {
  std::string split = SplitOf(name);
  const bool differ = split != SplitOf(other);
  const Place beside = PlaceOf(other);
  const Place& place = PlaceOf(name);
  if (!place.in_split_folder() && place.folder.root == beside.folder.root) {
    // A number in the name tells one of them.
    if (!SplitTold(place).empty()) return split;
    return split_folders_.empty() ? std::string(kTrain) : ExactName(place.folder.root, {});
  }
  if (wanted_.empty() && differ) return split;
  // Any folder counts by its path, also one in a split's folder, which is not what its images are
  // of.
  const std::string& path = FolderOf(place);
  const std::string& root = beside.folder.root;
  return ExactName(path, PathEndsWith(root, path) ? root : FolderOf(beside));
}

/// When the first folder of a split comes: whether what was taken before was taken on the
/// assumption that there is none.
Status SplitGate::CheckFirst(std::string_view name, const Place& place) const {
  if (!first_ || !first_->split_folder.empty() || first_->by_own_name) return {};
  if (around_.empty() && !first_->split.empty() && first_->split != place.folder.split) return {};
  const std::string folder = FolderOf(place);  // `place` changes with the next name
  return Unsupported(
      Quoted(first_->name) + " is in no folder that is called as a split, and " + Quoted(name) +
      " is in one, so that they are two splits, " + Quoted(SplitOf(first_->name)) + " and " +
      Quoted(SplitOf(name)) + "; " +
      TakeOneOf(ExactName(first_->folder, folder), ExactName(folder, first_->folder)));
}

/// Whether the class of an image has been in another root: then one of the two is a copy, or the
/// two are datasets by themselves.
Status SplitGate::CheckOverlap(const Place& place) {
  int64_t number = place.folder.wnid;
  if (place.number.number >= 0) {
    number = NumberOf(place);
  } else if (number < 0) {
    number = WnidNumber(place.base.substr(0, kWnidLength));
  }
  if (number < 0 || (number == last_class_ && place.folder.root == last_root_)) return {};
  const std::string& root = *root_names_.insert(place.folder.root).first;
  const auto [found, is_new] = roots_.try_emplace(number, &root);
  if (!is_new && found->second != &root) {
    const auto shown = [](const std::string& path) {
      return Quoted(path.empty() ? kTop : std::string_view(path));
    };
    return Unsupported("images of one class, or number, lie in " + shown(*found->second) +
                       " and in " + shown(root) + ", so that one may be a copy of the other: " +
                       TakeOneOf(ExactName(*found->second, root), ExactName(root, *found->second)));
  }
  last_class_ = number;
  last_root_ = root;
  return {};
}

/// The number in an image's name, apart from wnids' and those of the other kind.
int64_t SplitGate::NumberOf(const Place& place) {
  return (place.number.split == kTest ? 2 : 1) * kNumbers + place.number.number;
}

Status SplitGate::CheckItem(std::string_view name, uint64_t tar) {
  if (wanted_ == kAll) return {};
  const Place& place = PlaceOf(name);
  const bool is_train = first_ && first_->split == kTrain;
  if (place.number.number >= 0 && !is_train && !numbers_.insert(NumberOf(place)).second) {
    return Unsupported(
        "another image of this number came before, and items of a split are told by their numbers; "
        "fastinet.open of the archive says which, and split=\"all\" takes both");
  }
  return CheckTar(place, first_ && first_->by_own_name, tar);
}

/// Whether an image that is in this tar is the first one's, or its split is told.
Status SplitGate::CheckTar(const Place& place, bool by_own_name, uint64_t tar) const {
  if (folder_ || by_own_name || !SplitTold(place).empty() || !first_image_ ||
      first_image_->second == tar) {
    return {};
  }
  return Unsupported(
      "nothing in it tells its split, and it is in another tar than " +
      Quoted(first_image_->first) +
      ": the two may be splits, as train.tar and val.tar are, or parts of one; split=\"all\" takes "
      "all as one, name=\"train.tar\" says that all are of train, and fastinet.open of a list of "
      "the tars goes by their names");
}

}  // namespace fastinet
