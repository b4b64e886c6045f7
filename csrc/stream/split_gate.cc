#include "stream/split_gate.h"

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

std::string Quoted(std::string_view text) {
  std::string quoted("'");
  quoted += text;
  return quoted += '\'';
}

/// What is given as `split` for the folder at `path`, which the one at `other` does not mean.
std::string ExactName(std::string_view path, std::string_view other) {
  std::string name(path.empty() || PathEndsWith(other, path) ? kHere : std::string_view());
  name += path;
  return path.empty() ? name : name += '/';
}

/// The advice on two names of splits.
std::string TakeOneOf(const std::string& one, const std::string& other) {
  return "split=" + Quoted(one) + " takes the one, split=" + Quoted(other) +
         " takes the other, split=\"all\" both";
}

}  // namespace

SplitGate::SplitGate(std::string wanted, std::string around)
    : wanted_(std::move(wanted)),
      around_(std::move(around)),
      wanted_split_(wanted_ == kSmallClasses ? kSmallClasses : KnownSplit(wanted_)),
      folder_(FolderNamed(wanted_)) {}

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

/// The split that a place tells by itself: by a folder, the stream's name, or the number; or "".
std::string_view SplitGate::SplitTold(const Place& place) const {
  if (place.in_split_folder()) return place.folder.split;
  return around_.empty() ? place.number.split : std::string_view(around_);
}

std::string SplitGate::SplitOf(std::string_view name) const {
  const Place& place = PlaceOf(name);
  if (const std::string_view split = SplitTold(place); !split.empty()) return std::string(split);
  const std::string_view folder = LastPart(place.folder.root);
  return std::string(folder.empty() ? kTop : folder);
}

bool SplitGate::IsWanted(const Place& place, bool* by_own_name) const {
  *by_own_name = false;
  if (wanted_.empty()) return true;
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
          .split_folder = std::string(LastPart(place.folder.split_folder)),
          .root = place.folder.root,
          .by_own_name = by_own_name};
}

/// Whether an image is of the first one's split, if not a copy of it.
bool SplitGate::SameSplit(const Taken& taken) const {
  if (taken.by_own_name || first_->by_own_name) {
    return taken.by_own_name == first_->by_own_name && taken.root == first_->root &&
           taken.split == first_->split;
  }
  return taken.split == first_->split && taken.split_folder == first_->split_folder;
}

/// What is given as `split` for the images that `name` is one of, and not for those of `other`.
std::string SplitGate::NameBeside(std::string_view name, std::string_view other) const {
  const std::string split = SplitOf(name);
  const bool differ = split != SplitOf(other);
  const FolderTelling beside = PlaceOf(other).folder;
  const Place& place = PlaceOf(name);
  if (!place.in_split_folder() && place.folder.root == beside.root) {
    // A number in the name tells one of them.
    if (!SplitTold(place).empty()) return split;
    return split_folders_.empty() ? std::string(kTrain) : ExactName(beside.root, {});
  }
  if (wanted_.empty() && differ) return split;
  if (!place.in_split_folder()) return ExactName(place.folder.root, beside.root);
  return ExactName(place.folder.split_folder,
                   beside.split.empty() ? beside.root : beside.split_folder);
}

Result<bool> SplitGate::Takes(std::string_view name, bool is_image) {
  if (wanted_ == kAll) return true;
  const Place& place = PlaceOf(name);
  if (folder_) {
    const bool inside = folder_->IsAt(place.folder.root) ||
                        (place.in_split_folder() && folder_->IsAt(place.folder.split_folder));
    if (inside && is_image) FASTINET_RETURN_IF_ERROR(CheckOverlap(place));
    return inside;
  }
  bool by_own_name = false;
  const bool wanted = IsWanted(place, &by_own_name);
  if (!is_image) return wanted;
  if (place.in_split_folder() && !split_folders_.contains(place.folder.split)) {
    FASTINET_RETURN_IF_ERROR(CheckFirst(name, place));
    split_folders_.emplace(place.folder.split, name);
  }
  if (!wanted) return false;
  Taken taken = Facts(name, place, by_own_name);
  if (!first_)
    first_ = std::move(taken);
  else if (!SameSplit(taken)) {
    const std::string cause =
        wanted_.empty() ? "the stream has several splits, and split= says which one comes: "
                        : "there are two parts that split=" + Quoted(wanted_) + " may mean: ";
    const std::string one = NameBeside(first_->name, name);
    const std::string other = NameBeside(name, first_->name);
    return Unsupported(cause + Quoted(first_->name) + " is of " + Quoted(one) + ", " +
                       Quoted(name) + " of " + Quoted(other) + "; " + TakeOneOf(one, other));
  }
  FASTINET_RETURN_IF_ERROR(CheckOverlap(PlaceOf(name)));
  return true;
}

/// When the first folder of a split comes: whether what was taken before was taken on the
/// assumption that there is none.
Status SplitGate::CheckFirst(std::string_view name, const Place& place) const {
  if (!first_ || !first_->split_folder.empty() || first_->by_own_name) return {};
  if (around_.empty() && !first_->split.empty() && first_->split != place.folder.split) return {};
  const std::string& folder = place.folder.split_folder;
  return Unsupported(Quoted(first_->name) + " is in no folder that is called as a split, and " +
                     Quoted(name) + " is in one, so that they are two splits, " +
                     Quoted(SplitOf(first_->name)) + " and " + Quoted(SplitOf(name)) + "; " +
                     TakeOneOf(ExactName(first_->root, folder), ExactName(folder, first_->root)));
}

/// Whether the class of an image has been in another root: then one of the two is a copy, or the
/// two are datasets by themselves.
Status SplitGate::CheckOverlap(const Place& place) {
  int64_t number = place.folder.wnid;
  if (place.number.number >= 0) {
    number = (place.number.split == kTest ? 2 : 1) * kNumbers + place.number.number;
  } else if (number < 0) {
    number = WnidNumber(place.base.substr(0, kWnidLength));
  }
  if (number < 0 || (number == last_class_ && place.folder.root == last_root_)) return {};
  const auto [found, is_new] = roots_.try_emplace(number, place.folder.root);
  if (!is_new && found->second != place.folder.root) {
    const auto shown = [](const std::string& root) {
      return Quoted(root.empty() ? kTop : std::string_view(root));
    };
    return Unsupported("images of one class, or number, lie in " + shown(found->second) +
                       " and in " + shown(place.folder.root) +
                       ", so that one may be a copy of the other: " +
                       TakeOneOf(ExactName(found->second, place.folder.root),
                                 ExactName(place.folder.root, found->second)));
  }
  last_class_ = number;
  last_root_ = place.folder.root;
  return {};
}

}  // namespace fastinet
