// What must hold for a scan of any bytes whatever; shared by the fuzzer and its replay.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/source.h"
#include "fuzz/demand.h"
#include "tar/scan.h"

namespace fastinet::fuzz {

/// Bytes in memory that end the program when somebody reads beyond them.
class StrictSource final : public Source {
 public:
  explicit StrictSource(Bytes bytes) : bytes_(bytes) {}
  uint64_t size_bytes() const override { return bytes_.size(); }
  Status ReadAt(uint64_t offset_bytes, MutableBytes out) const override {
    Demand(offset_bytes <= bytes_.size() && out.size() <= bytes_.size() - offset_bytes,
           "reads stay within the archive");
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset_bytes, out.size());
    return {};
  }
  void Prefetch(uint64_t /*offset_bytes*/, uint64_t /*length_bytes*/) const override {}

 private:
  Bytes bytes_;
};

/// Makes the checksum right in every block that has a magic. A random change of a header would
/// otherwise end at its checksum, and nothing behind it would ever be tried.
inline void RepairChecksums(std::vector<uint8_t>& archive) {
  constexpr size_t kChecksum = 148, kChecksumBytes = 8, kMagic = 257;
  for (size_t block = 0; block + kTarBlockBytes <= archive.size(); block += kTarBlockBytes) {
    uint8_t* header = archive.data() + block;
    if (std::memcmp(header + kMagic, "ustar", 5) != 0) continue;
    std::memset(header + kChecksum, ' ', kChecksumBytes);
    uint32_t sum = 0;
    for (size_t i = 0; i < kTarBlockBytes; ++i) sum += header[i];
    for (size_t i = 6; i-- > 0; sum /= 8) {
      header[kChecksum + i] = static_cast<uint8_t>('0' + sum % 8);
    }
    header[kChecksum + 6] = '\0';
  }
}

/// Scans in steps of `blocks`: bounded in number, never backwards.
inline Status ScanAll(TarScanner& scanner, uint64_t archive_bytes, int64_t blocks) {
  // Each step passes a block, or leaves one of the inner tars, which have a header each.
  const uint64_t most = 2 * (archive_bytes / kTarBlockBytes) + 4;
  uint64_t position = 0;
  for (uint64_t steps = 0; !scanner.done(); ++steps) {
    Demand(steps <= most, "a scan comes to its end");
    Status status = scanner.Step(blocks);
    if (!status.ok()) return status;
    Demand(scanner.position_bytes() >= position, "a scan goes forwards");
    position = scanner.position_bytes();
  }
  return {};
}

/// Members lie in the archive, one behind the other, with the content that their heads tell.
inline void CheckMembers(const TarMembers& members, Bytes archive) {
  uint64_t data_end = 0, name_end = 0;
  for (size_t i = 0; i < members.count(); ++i) {
    const uint64_t offset = members.offsets[i], size = members.sizes[i];
    Demand(offset % kTarBlockBytes == 0, "members begin on blocks");
    Demand(offset >= data_end + kTarBlockBytes, "members follow each other, each with a header");
    Demand(offset <= archive.size() && size <= archive.size() - offset, "members lie inside");
    data_end = offset + size;
    TarMembers::Head head{};
    std::copy_n(archive.begin() + static_cast<std::ptrdiff_t>(offset),
                std::min<uint64_t>(size, head.size()), head.begin());
    Demand(members.heads[i] == head, "heads are the first bytes");
    Demand(members.name_ends[i] >= name_end, "names follow each other");
    name_end = members.name_ends[i];
    const int32_t container = members.containers[i];
    Demand(container >= -1 && container < static_cast<int64_t>(members.container_names.size()),
           "containers have names");
  }
  Demand(name_end == members.names.size(), "names end where the last one ends");
  uint64_t passed_end = 0;
  for (const PassedEntry& entry : members.passed) {
    Demand(entry.offset >= passed_end + kTarBlockBytes, "passed entries follow each other");
    Demand(entry.offset <= archive.size(), "passed entries lie inside");
    passed_end = entry.offset;
  }
}

inline bool Same(const TarMembers& a, const TarMembers& b) {
  return a.offsets == b.offsets && a.sizes == b.sizes && a.containers == b.containers &&
         a.heads == b.heads && a.names == b.names && a.name_ends == b.name_ends &&
         a.container_names == b.container_names && a.passed == b.passed;
}

/// A scan gives members or an error with a byte offset, and the same in steps of any length.
inline void CheckScan(Bytes archive) {
  const StrictSource source(archive);
  TarScanner scanner(source, "folder"), step_by_step(source, "folder");
  const Status status = ScanAll(scanner, archive.size(), INT64_MAX);
  const Status same = ScanAll(step_by_step, archive.size(), 1);
  Demand(status.code() == same.code() && status.cause() == same.cause() &&
             status.member() == same.member() && status.offset_bytes() == same.offset_bytes(),
         "the length of a step changes no error");
  if (status.ok()) {
    Demand(Same(scanner.members(), step_by_step.members()), "nor what is found");
    CheckMembers(scanner.members(), archive);
  } else {
    Demand(status.offset_bytes() >= 0 && status.offset_bytes() <= std::ssize(archive),
           "errors have an offset in the archive");
    Demand(!status.cause().empty(), "errors have a cause");
  }
}

/// A scan that leaves damage behind comes to its end, whatever there is, and what it lists is
/// there.
inline void CheckRecovery(Bytes archive) {
  const StrictSource source(archive);
  TarScanner strict(source, "folder"), scanner(source, "folder");
  const Status first = ScanAll(strict, archive.size(), INT64_MAX);
  // Blocks of an inner tar whose beginning is damaged are passed twice: by its header, and inside.
  const uint64_t most = 4 * (archive.size() / kTarBlockBytes) + 16;
  uint64_t steps = 0, errors = 0;
  for (; !scanner.done(); ++steps) {
    Demand(steps <= most, "a scan that recovers comes to its end");
    const Status status = scanner.Step(1);
    if (status.ok()) continue;
    Demand(errors++ > 0 ||
               (status.cause() == first.cause() && status.offset_bytes() == first.offset_bytes()),
           "the first error is the one at which others stop");
    scanner.Recover();
  }
  Demand((errors == 0) == first.ok(), "recovery invents no errors");
  if (first.ok()) Demand(Same(scanner.members(), strict.members()), "nor loses members");
  CheckMembers(scanner.members(), archive);
}

/// The bytes as they are, and as they would be with right checksums.
inline void CheckInput(Bytes input) {
  CheckScan(input);
  CheckRecovery(input);
  std::vector<uint8_t> repaired(input.begin(), input.end());
  RepairChecksums(repaired);
  CheckScan(repaired);
  CheckRecovery(repaired);
}

}  // namespace fastinet::fuzz
