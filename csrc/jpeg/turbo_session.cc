#include "jpeg/turbo_session.h"

#include <limits>
#include <string>

namespace fastinet {
namespace {

TurboErrors* ErrorsOf(j_common_ptr common) {
  return static_cast<TurboErrors*>(common->client_data);
}

[[noreturn]] void LeaveWithError(j_common_ptr common) {
  TurboErrors* errors = ErrorsOf(common);
  errors->code = common->err->msg_code;
  const jpeg_source_mgr* source = errors->source == nullptr ? nullptr : *errors->source;
  errors->offset_bytes = source == nullptr || source->bytes_in_buffer > errors->source_bytes
                             ? -1
                             : static_cast<int64_t>(errors->source_bytes - source->bytes_in_buffer);
  common->err->format_message(common, errors->message);
  std::longjmp(errors->on_error, 1);
}

/// libjpeg goes on after a warning with invented pixels; those that lose data are errors here.
void OnMessage(j_common_ptr common, int level) {
  if (level >= 0) return;
  switch (common->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
      LeaveWithError(common);
    default:
      break;
  }
}

void OnProgress(j_common_ptr common) {
  const auto* decompressor = reinterpret_cast<j_decompress_ptr>(common);
  TurboErrors* errors = ErrorsOf(common);
  if (decompressor->input_scan_number <= errors->max_scans) return;
  errors->has_more_scans = true;
  LeaveWithError(common);
}

StatusCode CodeOf(int error_code) {
  switch (error_code) {
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED:
      return StatusCode::kUnsupported;
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
      return StatusCode::kTooLarge;
    case JERR_OUT_OF_MEMORY:
      return StatusCode::kOutOfMemory;
    default:
      return StatusCode::kCorrupt;
  }
}

}  // namespace

void TurboErrors::Watch(j_common_ptr common) {
  common->err = jpeg_std_error(&manager);
  common->client_data = this;
  manager.error_exit = LeaveWithError;
  manager.emit_message = OnMessage;
  source = nullptr;
  source_bytes = 0;
  max_scans = std::numeric_limits<int32_t>::max();
  has_more_scans = false;
}

Status TurboErrors::ToStatus() const {
  if (has_more_scans) {
    return TooLarge("a JPEG of more than " + std::to_string(max_scans) +
                    " scans, each of which costs a pass over the whole image; "
                    "fastinet.limits(scans=N) allows more")
        .AtOffset(offset_bytes);
  }
  return Status(CodeOf(code), std::string("libjpeg-turbo says: ") + message).AtOffset(offset_bytes);
}

bool OpenSession(TurboSession* session, Bytes jpeg, int32_t max_scans) {
  jpeg_decompress_struct* decompressor = &session->decompressor;
  session->errors.Watch(reinterpret_cast<j_common_ptr>(decompressor));
  session->errors.max_scans = max_scans;
  if (setjmp(session->errors.on_error) != 0) return false;
  jpeg_create_decompress(decompressor);
  session->errors.source = &decompressor->src;
  session->errors.source_bytes = jpeg.size();
  session->progress = {};
  session->progress.progress_monitor = OnProgress;
  decompressor->progress = &session->progress;
  jpeg_mem_src(decompressor, jpeg.data(), static_cast<unsigned long>(jpeg.size()));
  jpeg_read_header(decompressor, TRUE);
  return true;
}

}  // namespace fastinet
