// A file in memory, as the system maps it: for what fastinet wrote itself, as indexes are.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace fastinet {

/// A file that is mapped for reading; it costs memory as it is touched. If somebody cuts it while
/// it is mapped, the system ends the process: archives are therefore not read like this.
class MappedFile {
 public:
  /// kMissing when nothing is there, kIo when the system refuses, kUnsupported when it is not a
  /// regular file.
  static Result<std::unique_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  Bytes bytes() const { return bytes_; }

 private:
  explicit MappedFile(Bytes bytes) : bytes_(bytes) {}

  const Bytes bytes_;
};

}  // namespace fastinet
