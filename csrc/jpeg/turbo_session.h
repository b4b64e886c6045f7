// One image in libjpeg-turbo's hands: its decompressor, its errors, its end. For turbo.cc and
// smoothing.cc alone, since it brings libjpeg's headers along.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>

// jpeglib.h needs FILE and size_t declared before it, jerror.h needs jpeglib.h.
#include <jpeglib.h>
// clang-format off
#include <jerror.h>
// clang-format on

#include "base/bytes.h"
#include "base/status.h"

namespace fastinet {

/// What libjpeg-turbo calls when it fails, and where it then goes on: behind the setjmp of
/// `on_error`, which whoever calls it has made before. Plain data, and so must be all that lives in
/// the functions between the two: longjmp runs no destructor.
struct TurboErrors {
  jpeg_error_mgr manager;
  std::jmp_buf on_error;
  const jpeg_source_mgr* const* source;  // says where an error is; null: nowhere
  size_t source_bytes;
  int code;
  int32_t max_scans;  // of a file
  bool has_more_scans;
  int64_t offset_bytes;
  char message[JMSG_LENGTH_MAX];

  /// Makes `common`, a decompressor or a compressor, report here. Before it is created.
  void Watch(j_common_ptr common);
  /// The last error, as a status.
  Status ToStatus() const;
};

/// One decompressor with its error handling. Plain data.
struct TurboSession {
  jpeg_decompress_struct decompressor;
  TurboErrors errors;
  jpeg_progress_mgr progress;
};

/// Makes the decompressor and reads the header of `jpeg`, which must stay in memory; a scan beyond
/// `max_scans` is an error then. False: the session's errors say why.
[[nodiscard]] bool OpenSession(TurboSession* session, Bytes jpeg, int32_t max_scans);

/// Ends the decompressor with its scope, also when an exception (no memory) ends that. Cannot fail:
/// it only frees.
///
/// A decompressor serves one image. libjpeg would keep the quantisation and Huffman tables of one
/// image for the next (abbreviated datastreams, libjpeg.txt), so that a file which lacks a table
/// would decode or not by what was decoded before it.
class TurboSessionEnd {
 public:
  explicit TurboSessionEnd(TurboSession* session) : session_(session) {
    session_->decompressor = {};
  }
  TurboSessionEnd(const TurboSessionEnd&) = delete;
  TurboSessionEnd& operator=(const TurboSessionEnd&) = delete;
  ~TurboSessionEnd() { jpeg_destroy_decompress(&session_->decompressor); }

 private:
  TurboSession* session_;
};

}  // namespace fastinet
