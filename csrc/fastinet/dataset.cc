#include "fastinet/dataset.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "io/archive_file.h"
#include "io/file.h"
#include "io/owners.h"

namespace fastinet {
namespace {

// As Python has it: a process may have 256 open files (macOS) or 1024 (Linux) as a rule.
constexpr size_t kMostOpenFiles = 64;
constexpr std::string_view kDefaultSplit = "train", kAllSplits = "all";

std::string Listed(const std::vector<Split>& splits) {
  std::string names;
  for (const Split& split : splits) names += (names.empty() ? "" : ", ") + split.name;
  return names;
}

/// Fails if `archive` is a gzip file.
Status CheckNoGzip(const Source& archive) {
  std::array<uint8_t, 2> magic{};
  if (archive.size_bytes() >= magic.size()) {
    FASTINET_RETURN_IF_ERROR(archive.ReadAt(0, magic));
  }
  if (magic[0] == 0x1F && magic[1] == 0x8B) {
    return Unsupported("a gzip file, which only Python's fastinet reads: gunzip it");
  }
  return {};
}

/// What is wrong where there is no index at `place`. Says first what an index would not mend.
Status WithoutIndex(const std::string& path, const std::string& place) {
  if (path.empty()) return InvalidArgument("the path of the archive is empty");
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    return {StatusCode::kMissing, "no such file or folder"};
  }
  if (std::filesystem::is_regular_file(status)) {
    FASTINET_ASSIGN_OR_RETURN(const std::unique_ptr<const File> archive, File::Open(path));
    FASTINET_RETURN_IF_ERROR(CheckNoGzip(*archive));
  }
  return {StatusCode::kMissing, "there is no index '" + place + "': the command `fastinet index " +
                                    path +
                                    "` makes it once, and says where; the option `index` is for "
                                    "an index in another place"};
}

/// Fails unless `archive` is what the index was made of; from then on it has to stay that.
Status CheckIdentity(const Identity& identity, ArchiveFile& archive) {
  FASTINET_RETURN_IF_ERROR(CheckNoGzip(archive));
  FASTINET_ASSIGN_OR_RETURN(const bool same, identity.IsOf(archive));
  if (same) return archive.Expect(identity, std::nullopt);
  return Corrupt(archive.size_bytes() == identity.size_bytes
                     ? "its index is stale: it has other content than when that was made; "
                       "`fastinet index` makes it anew"
                     : "its index is stale: it had " + std::to_string(identity.size_bytes) +
                           " bytes when that was made and has " +
                           std::to_string(archive.size_bytes()) +
                           " now; `fastinet index` makes it anew");
}

}  // namespace

Result<std::shared_ptr<const Dataset>> Dataset::Open(const std::string& path,
                                                     const DatasetOptions& options) {
  std::string plain = path;
  while (plain.size() > 1 && plain.back() == '/') plain.pop_back();
  const std::string place = options.index.empty() ? plain + ".fastinet" : options.index;
  std::shared_ptr<Dataset> dataset(new Dataset());
  Result<std::unique_ptr<File>> file = File::Open(place);
  if (!file.ok()) {
    if (file.status().code() != StatusCode::kMissing) return std::move(file).status();
    return WithoutIndex(plain, place).InArchive(plain);
  }
  FASTINET_RETURN_IF_ERROR(dataset->ReadIndex(*file.value()));
  Result<ArchiveIndex> index =
      ArchiveIndex::Parse({reinterpret_cast<const uint8_t*>(dataset->file_.data()),
                           static_cast<size_t>(file.value()->size_bytes())});
  if (!index.ok()) return std::move(index).status().InArchive(place);
  dataset->index_ = std::move(index).value();
  if (dataset->index_.unmarked && options.end_marker == EndMarker::kRequired) {
    const ArchiveIndex::Unmarked& found = *dataset->index_.unmarked;
    return Corrupt(
               "truncated, or written so: the tar ends without its end-of-archive marker, as "
               "its index says, which was made with `--end-marker optional`; the option "
               "`end_marker` opens one that is known to be whole")
        .InArchive(plain)
        .InMember(found.name)
        .AtOffset(found.offset);
  }
  FASTINET_RETURN_IF_ERROR(dataset->OpenArchives(plain));
  FASTINET_RETURN_IF_ERROR(dataset->CheckOwnerOf(*file.value(), plain));
  FASTINET_RETURN_IF_ERROR(dataset->ChooseSplit(plain, options.split));
  const ArchiveIndex& all = dataset->index_;
  const bool whole = dataset->rows_.empty();
  FASTINET_ASSIGN_OR_RETURN(
      ItemTable table,
      whole ? ItemTable::Make(dataset->archives_, all.item_archive, all.offsets, all.sizes, {})
            : ItemTable::Make(dataset->archives_, dataset->item_archive_, dataset->offsets_,
                              dataset->sizes_, {}));
  dataset->table_ = std::make_unique<const ItemTable>(std::move(table));
  return std::shared_ptr<const Dataset>(std::move(dataset));
}

/// Reads it, and does not map it: if somebody cuts a file that is mapped, the system ends the
/// process.
Status Dataset::ReadIndex(const File& file) {
  const auto size = static_cast<size_t>(file.size_bytes());
  file_.resize(size / sizeof(uint64_t) + 1);
  return file.ReadAt(0, {reinterpret_cast<uint8_t*>(file_.data()), size});
}

Status Dataset::OpenArchives(const std::string& path) {
  std::error_code error;
  const std::filesystem::path opened(path);
  const bool is_folder = std::filesystem::is_directory(opened, error);
  const std::filesystem::path folder = is_folder ? opened : opened.parent_path();
  const bool briefly = index_.archives.size() > kMostOpenFiles;
  if (!is_folder && index_.archives.size() == 1 &&
      index_.archives[0].name != opened.filename().string()) {
    return Corrupt("its index was made when it was called '" + index_.archives[0].name +
                   "', and a name may tell a split: `fastinet index` makes it anew")
        .InArchive(path);
  }
  for (const Identity& identity : index_.archives) {
    if (!identity.names.empty()) {
      return Unsupported("an extracted folder, which only Python's fastinet reads").InArchive(path);
    }
    const std::string name = (folder / identity.name).string();
    FASTINET_ASSIGN_OR_RETURN(std::unique_ptr<ArchiveFile> file, ArchiveFile::Open(name, briefly));
    FASTINET_RETURN_IF_ERROR(CheckIdentity(identity, *file).InArchive(name));
    archives_.push_back({name, std::move(file)});
  }
  return {};
}

/// Fails where another user may have written the index: a label that is possible and wrong shows
/// nowhere else. Which archives there are in a folder, the index itself says, so that the folder
/// must be their owner's, too.
Status Dataset::CheckOwnerOf(const File& index, const std::string& path) const {
  std::vector<Ownership> archives;
  for (const auto& archive : archives_) {
    FASTINET_ASSIGN_OR_RETURN(const Ownership owner, OwnershipOf(archive.name));
    archives.push_back(owner);
  }
  FASTINET_ASSIGN_OR_RETURN(const Ownership opened, OwnershipOf(path));
  archives.push_back(opened);
  return CheckOwner(index, archives);
}

Status Dataset::ChooseSplit(const std::string& path, const std::string& wanted) {
  const std::vector<Split>& splits = index_.splits;
  labels_ = index_.labels;
  std::string name = wanted;
  if (name.empty() || (name == kAllSplits && splits.size() == 1)) {
    name = splits.size() == 1 ? splits[0].name : std::string(kDefaultSplit);
  }
  const auto found = std::ranges::find(splits, name, &Split::name);
  if (found == splits.end() && name == kAllSplits) {
    TakeAll();
    return {};
  }
  if (found == splits.end()) {
    return InvalidArgument("there is no split '" + name + "'; the archive has " + Listed(splits) +
                           ", and 'all' takes them together")
        .InArchive(path);
  }
  split_ = found->name;
  wnids_ = found->wnids;
  if (index_.item_split.empty()) return {};
  const auto number = found - splits.begin();
  for (size_t i = 0; i < index_.item_split.size(); ++i) {
    if (index_.item_split[i] != number) continue;
    rows_.push_back(static_cast<int64_t>(i));
    offsets_.push_back(index_.offsets[i]);
    sizes_.push_back(index_.sizes[i]);
    own_labels_.push_back(index_.labels[i]);
    if (!index_.item_archive.empty()) item_archive_.push_back(index_.item_archive[i]);
  }
  if (rows_.empty()) return InvalidArgument("the split '" + name + "' is empty").InArchive(path);
  labels_ = own_labels_;
  return {};
}

/// Takes the items of all splits. Their classes are those of all, sorted where splits differ.
void Dataset::TakeAll() {
  split_ = kAllSplits;
  const std::vector<Split>& splits = index_.splits;
  wnids_ = splits[0].wnids;
  const bool equal =
      std::ranges::all_of(splits, [&](const Split& split) { return split.wnids == wnids_; });
  if (equal || index_.item_split.empty()) return;
  std::set<std::string> names;
  for (const Split& split : splits) names.insert(split.wnids.begin(), split.wnids.end());
  wnids_.assign(names.begin(), names.end());
  std::map<std::string_view, int64_t> number;
  for (size_t i = 0; i < wnids_.size(); ++i) number[wnids_[i]] = static_cast<int64_t>(i);
  std::vector<std::vector<int64_t>> translated(splits.size());
  for (size_t split = 0; split < splits.size(); ++split) {
    for (const std::string& wnid : splits[split].wnids) translated[split].push_back(number[wnid]);
  }
  for (size_t i = 0; i < index_.labels.size(); ++i) {
    const int64_t label = index_.labels[i];
    const auto split = static_cast<size_t>(index_.item_split[i]);
    own_labels_.push_back(label < 0 ? label : translated[split][static_cast<size_t>(label)]);
  }
  labels_ = own_labels_;
}

std::vector<std::string> Dataset::splits() const {
  std::vector<std::string> names;
  names.reserve(index_.splits.size());
  for (const Split& split : index_.splits) names.push_back(split.name);
  return names;
}

Result<std::vector<uint8_t>> Dataset::Read(int64_t item) const {
  if (item < 0 || item >= size()) {
    return InvalidArgument("there is no item " + std::to_string(item) + " among " +
                           std::to_string(size()));
  }
  const ItemLocation location = table_->LocationOf(item);
  const auto failed = [&](Status status) {
    return location.Located(std::move(status)).InMember(key(item));
  };
  // Before memory is taken: what an index says need not be so.
  if (location.offset_bytes > location.archive->source->size_bytes() ||
      location.size_bytes > location.archive->source->size_bytes() - location.offset_bytes) {
    return failed(Status(StatusCode::kIo, "the archive ends before the item does"));
  }
  std::vector<uint8_t> bytes(location.size_bytes);
  Status status = location.Read(0, bytes);
  if (!status.ok()) return failed(std::move(status));
  return bytes;
}

}  // namespace fastinet
