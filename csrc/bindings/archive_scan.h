// Scans of one archive file, plain or gzipped: file and scanner in one object that Cython can hold.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "io/file.h"
#include "passes/seek_pass.h"
#include "tar/scan.h"

namespace fastinet {

inline EndMarker AsEndMarker(bool is_required) {
  return is_required ? EndMarker::kRequired : EndMarker::kOptional;
}

/// Opens a file and walks its headers in steps. Open() comes first and must have succeeded.
class ArchiveScan {
 public:
  Status Open(std::string path, std::string_view folder, bool end_marker_required) {
    FASTINET_ASSIGN_OR_RETURN(file_, File::Open(std::move(path)));
    scanner_.emplace(*file_, folder, Concatenated::kRefused, AsEndMarker(end_marker_required));
    return {};
  }

  /// See TarScanner::Step; errors name the archive.
  Status Step(int64_t max_blocks) { return scanner_->Step(max_blocks).InArchive(file_->path()); }

  /// See TarScanner::Recover.
  void Recover() { scanner_->Recover(); }
  bool searching() const { return scanner_->searching(); }

  /// See TarScanner::Save and Restore.
  std::vector<uint8_t> Save() const { return scanner_->Save(); }
  Status Restore(Bytes saved, std::vector<std::string> container_names) {
    return scanner_->Restore(saved, std::move(container_names)).InArchive(file_->path());
  }

  bool done() const { return scanner_->done(); }
  uint64_t size_bytes() const { return file_->size_bytes(); }
  uint64_t position_bytes() const { return scanner_->position_bytes(); }
  const TarMembers& members() const { return scanner_->members(); }

 private:
  std::unique_ptr<File> file_;
  std::optional<TarScanner> scanner_;
};

/// SeekPass over a file, which Python sees as `_scan.SeekPass`. Open() comes first and must have
/// succeeded; errors name the archive.
class GzipScan {
 public:
  Status Open(std::string path, std::string_view folder, uint64_t spacing,
              bool end_marker_required) {
    path_ = path;
    FASTINET_ASSIGN_OR_RETURN(std::unique_ptr<File> file, File::Open(std::move(path)));
    FASTINET_ASSIGN_OR_RETURN(pass_, SeekPass::Start(std::move(file), folder, spacing,
                                                     AsEndMarker(end_marker_required)));
    return {};
  }

  Status Resume(Bytes state, std::vector<std::string> container_names) {
    return pass_->Resume(state, std::move(container_names)).InArchive(path_);
  }
  Status Step(uint64_t compressed_bytes) { return pass_->Step(compressed_bytes).InArchive(path_); }

  bool done() const { return pass_->done(); }
  uint64_t size_bytes() const { return pass_->size_bytes(); }
  uint64_t position_bytes() const { return pass_->position_bytes(); }
  uint64_t inflated_bytes() const { return pass_->inflated_bytes(); }
  std::vector<uint8_t> md5() const {
    const Md5::Digest digest = pass_->md5();
    return {digest.begin(), digest.end()};
  }
  SeekPart Take() { return pass_->Take(); }
  TarMembers Rest() { return pass_->Rest(); }

 private:
  std::string path_;
  std::unique_ptr<SeekPass> pass_;
};

}  // namespace fastinet
