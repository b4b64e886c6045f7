// The pass over a .tar.gz that makes random access into it possible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/md5.h"
#include "base/source.h"
#include "base/status.h"
#include "gzip/inflater.h"
#include "gzip/seek_points.h"
#include "tar/scan.h"

namespace fastinet {

/// What a part of the pass has found: to be kept before the next part.
struct SeekPart {
  SeekColumns points;
  TarMembers members;          // `containers` number all containers from the first one on
  std::vector<uint8_t> state;  // what SeekPass::Resume takes; empty once the pass is done
};

/// Inflates a gzipped tar once, from its start to its end, and does all at once that needs that:
/// it checks the gzip members, collects seek points, walks the tar headers, and computes the MD5 of
/// the compressed file. It can stop at any seek point and go on from there in another process.
class SeekPass {
 public:
  /// A pass over `file`, which must be a gzip file; seek points every `spacing` bytes of the
  /// inflated data; members' names start with `folder` and a slash unless it is empty.
  /// kInvalidArgument when the spacing is less than kMinSeekSpacingBytes.
  static Result<std::unique_ptr<SeekPass>> Start(std::unique_ptr<const Source> file,
                                                 std::string_view folder, uint64_t spacing,
                                                 EndMarker end_marker = EndMarker::kRequired);
  ~SeekPass();

  /// Goes on where a pass over the same file was when Take() gave `state`; `container_names` are
  /// those of all parts until then. Comes before any Step(). kCorrupt when the state is none.
  Status Resume(Bytes state, std::vector<std::string> container_names);

  /// Takes in some `compressed_bytes` more of the file. After an error the pass cannot go on; what
  /// Take() gives then is still good, also after running out of memory. Offsets in errors of gzip
  /// are in the file, those of tar in what it inflates to.
  Status Step(uint64_t compressed_bytes);

  bool done() const { return done_; }
  uint64_t size_bytes() const;      // of the file
  uint64_t position_bytes() const;  // in the file
  uint64_t inflated_bytes() const;  // so far
  /// Members that were found and not taken yet.
  uint64_t waiting_members() const { return part_.members.count() + scanner_.members().count(); }
  /// Of the whole file, once the pass is done.
  Md5::Digest md5() const;

  /// What was found since the last call, up to the last seek point, or all of it once the pass is
  /// done. Its state goes on from there.
  SeekPart Take();

  /// After an error: the members behind those that Take() gives, as far as the data go. The content
  /// of the last one may end behind inflated_bytes(). None where the error was that memory ran out.
  TarMembers Rest();

 private:
  class HashedFile;
  class RecentData;

  SeekPass(std::unique_ptr<const Source> file, std::string_view folder, uint64_t spacing,
           EndMarker end_marker);

  Status GoOn(uint64_t compressed_bytes);
  Status Inflate();
  Status Scan();
  void ScanToDamage();
  uint64_t NextPoint(uint64_t offset) const;
  Status BeginPoint();
  Status Finish();
  void Collect(std::vector<uint8_t> state);
  std::vector<uint8_t> Save() const;

  const uint64_t spacing_;
  std::unique_ptr<HashedFile> file_;
  std::unique_ptr<RecentData> recent_;
  SeekPointBuilder builder_;
  GzipInflater inflater_;
  TarScanner scanner_;
  uint64_t next_point_ = 0;  // offset from which on a block is to be a seek point
  bool done_ = false;
  bool broken_ =
      false;  // memory ran out amid a step, so that the scanner's columns may differ in length
  SeekPart part_;
};

}  // namespace fastinet
