// A dataset for C++ programs: archives on disk, and the index that fastinet keeps beside them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "columns/item_table.h"
#include "index/archive_index.h"
#include "io/file.h"
#include "tar/scan.h"

namespace fastinet {

/// What of an archive is opened, and where its index is.
struct DatasetOptions {
  /// Path of the index; empty: `<path>.fastinet`, where the command `fastinet index` puts it.
  std::string index;
  /// "train", "val", or as the archive calls it; "all": every item, with the classes of all. Empty:
  /// the only one there is, or "train", whatever others there are: `Dataset::split` says which.
  std::string split;
  /// kOptional also opens what somebody has indexed with `--end-marker optional`: tars without
  /// their end-of-archive markers, which may have been cut.
  EndMarker end_marker = EndMarker::kRequired;
};

/// The items of archives, N in all, in the order, with the labels and the keys that Python's
/// fastinet.open gives them. It never changes; any number of threads may use it.
class Dataset {
 public:
  /// Opens what has an index: a tar, a tar of tars, a folder of class tars, or, with the index
  /// named, any of several shards that lie in one folder.
  ///
  /// kMissing: there is no index, or an archive is gone. kCorrupt: the index is damaged or of other
  /// content than the archive. kUnsupported: an index of another version, or of what only Python
  /// reads: gzip files and extracted folders; or an index that another user may have written, who
  /// is neither the super-user nor the archive's owner. kInvalidArgument: no such split, or several
  /// and none of them is plainly meant.
  static Result<std::shared_ptr<const Dataset>> Open(const std::string& path,
                                                     const DatasetOptions& options = {});
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;

  int64_t size() const { return table_->size(); }
  const std::string& family() const { return index_.family; }
  /// Name of the split that is open, "all" for all of them.
  const std::string& split() const { return split_; }
  /// Names of all splits that the archives have.
  std::vector<std::string> splits() const;
  /// Of the classes, in label order.
  const std::vector<std::string>& wnids() const { return wnids_; }
  /// [N] index into wnids(), or -1 for an item without a label.
  std::span<const int64_t> labels() const { return labels_; }
  /// An item's name; `item` is below size(). It lives as long as the dataset.
  std::string_view key(int64_t item) const { return index_.KeyOf(RowOf(item)); }
  /// An item's encoded bytes. kInvalidArgument when there is no such item.
  Result<std::vector<uint8_t>> Read(int64_t item) const;

  /// Where the items lie, for the engine.
  const ItemTable& table() const { return *table_; }

 private:
  Dataset() = default;

  Status ChooseSplit(const std::string& path, const std::string& wanted);
  void TakeAll();
  Status ReadIndex(const File& file);
  Status OpenArchives(const std::string& path);
  Status CheckOwnerOf(const File& index, const std::string& path) const;

  /// The row of `item` in the index.
  int64_t RowOf(int64_t item) const {
    return rows_.empty() ? item : rows_[static_cast<size_t>(item)];
  }

  std::vector<uint64_t> file_;  // the index's bytes, aligned for its columns
  ArchiveIndex index_;
  std::string split_;
  std::vector<std::string> wnids_;
  std::span<const int64_t> labels_;
  std::vector<int64_t> own_labels_;
  std::vector<OpenArchive> archives_;
  // Of the items of one split among several: their rows, and what the index has in these.
  std::vector<int64_t> rows_;
  std::vector<uint64_t> offsets_;
  std::vector<uint64_t> sizes_;
  std::vector<int32_t> item_archive_;
  std::unique_ptr<const ItemTable> table_;
};

}  // namespace fastinet
