#include "passes/checkpoint_pass.h"

#include <algorithm>
#include <utility>

#include "jpeg/checkpoints.h"
#include "jpeg/region_decoder.h"
#include "passes/item_limit.h"
#include "passes/parallel.h"

namespace fastinet {
namespace {

struct Record {
  std::vector<uint8_t> bytes;
  uint32_t header_bytes = 0;
  Status status;
};

Status MakeRecord(const ItemLocation& location, int32_t stride, std::vector<uint8_t>& buffer,
                  Record* record) {
  if (location.size_bytes > kMaxPassItemBytes) return {};  // it has no record
  buffer.resize(location.size_bytes);
  FASTINET_RETURN_IF_ERROR(location.Read(0, buffer));
  if (!LooksLikeJpeg(buffer)) return {};
  FASTINET_ASSIGN_OR_RETURN(const JpegHeader header, ReadJpegHeader(buffer));
  if (!RegionDecoder::Accepts(header)) return {};
  FASTINET_ASSIGN_OR_RETURN(const Checkpoints checkpoints,
                            BuildCheckpoints(header, buffer, stride));
  checkpoints.Append(&record->bytes);
  record->header_bytes = header.scan.data_offset_bytes;
  return {};
}

/// Running out of memory is no failure of the item, and ends the pass by std::bad_alloc.
Record RecordOf(const ItemLocation& location, int32_t stride, std::vector<uint8_t>& buffer) {
  Record record;
  record.status = MakeRecord(location, stride, buffer, &record);
  if (record.status.ok()) return record;
  record.bytes.clear();
  record.header_bytes = 0;
  record.status = location.Located(std::move(record.status));
  return record;
}

/// Which failure is told of several: what is no damage, of a disk or of memory, before what is.
int Rank(const Status& status) {
  if (status.code() == StatusCode::kIo) return 2;
  return status.code() == StatusCode::kOutOfMemory ? 1 : 0;
}

}  // namespace

CheckpointRecords MakeCheckpoints(const ItemTable& table, int64_t first, int64_t count,
                                  int32_t stride, int threads) {
  std::vector<Record> made(static_cast<size_t>(count));
  ForEachInParallel(made.size(), threads, [&] {
    return [&, buffer = std::vector<uint8_t>()](size_t i) mutable {
      made[i] = RecordOf(table.LocationOf(first + static_cast<int64_t>(i)), stride, buffer);
    };
  });
  CheckpointRecords result;
  for (size_t i = 0; i < made.size(); ++i) {
    Record& record = made[i];
    result.sizes.push_back(static_cast<uint32_t>(record.bytes.size()));
    result.header_bytes.push_back(record.header_bytes);
    result.records.insert(result.records.end(), record.bytes.begin(), record.bytes.end());
    if (record.status.ok()) continue;
    if (result.damaged++ == 0 || Rank(record.status) > Rank(result.first_damage)) {
      result.first_damage = std::move(record.status);
      result.first_damaged_item = first + static_cast<int64_t>(i);
    }
  }
  return result;
}

}  // namespace fastinet
