// A scan of one archive file, in the one piece that Cython drives.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "io/file.h"
#include "tar/scan.h"

namespace fastinet {

/// Opens a file and walks its headers in steps. Open() comes first and must have succeeded.
class ArchiveScan {
 public:
  Status Open(std::string path, std::string_view folder) {
    FASTINET_ASSIGN_OR_RETURN(file_, File::Open(std::move(path)));
    scanner_.emplace(*file_, folder);
    return {};
  }

  /// See TarScanner::Step; errors name the archive.
  Status Step(int64_t max_blocks) { return scanner_->Step(max_blocks).InArchive(file_->path()); }

  /// See TarScanner::Recover.
  void Recover() { scanner_->Recover(); }

  bool done() const { return scanner_->done(); }
  uint64_t size_bytes() const { return file_->size_bytes(); }
  uint64_t position_bytes() const { return scanner_->position_bytes(); }
  const TarMembers& members() const { return scanner_->members(); }

 private:
  std::unique_ptr<File> file_;
  std::optional<TarScanner> scanner_;
};

}  // namespace fastinet
