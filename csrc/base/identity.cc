#include "base/identity.h"

#include <algorithm>
#include <vector>

#include "base/sha256.h"

namespace fastinet {
namespace {

// As fastinet/sidecars/identity.py has them.
constexpr uint64_t kProbes = 8;
constexpr uint64_t kBlocks = 16;
constexpr uint64_t kBlockBytes = 4096;
constexpr uint64_t kWholeBytes = uint64_t{1} << 17;
constexpr size_t kSampleBytes = 8;  // of the SHA-256 of a block

/// Where probe `i` of a file of `size` bytes begins.
uint64_t ProbeAt(uint64_t size, uint64_t i) {
  const uint64_t last = size > kBlockBytes ? size - kBlockBytes : 0;
  return last * i / (kProbes - 1);  // last * i wraps for no file: it has fewer than 2^61 bytes
}

/// Takes in the `length` bytes from `offset` on, or those that there are.
Status Add(const Source& archive, uint64_t offset, uint64_t length, Sha256* hash) {
  const uint64_t size = archive.size_bytes();
  offset = std::min(offset, size);
  std::vector<uint8_t> bytes(std::min(length, size - offset));
  FASTINET_RETURN_IF_ERROR(archive.ReadAt(offset, bytes));
  hash->Update(bytes);
  return {};
}

Result<std::string> ProbeOf(const Source& archive) {
  Sha256 hash;
  for (uint64_t i = 0; i < kProbes; ++i) {
    FASTINET_RETURN_IF_ERROR(Add(archive, ProbeAt(archive.size_bytes(), i), kBlockBytes, &hash));
  }
  return hash.hex();
}

Result<std::string> BlocksOf(const Source& archive) {
  const uint64_t size = archive.size_bytes();
  Sha256 hash;
  if (size <= kWholeBytes) {
    FASTINET_RETURN_IF_ERROR(Add(archive, 0, size, &hash));
    return hash.hex();
  }
  for (uint64_t i = 0; i < kBlocks; ++i) {
    const std::string text = std::to_string(size) + " " + std::to_string(i);
    Sha256 place;
    place.Update({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    const uint64_t start = LoadLittleEndian64(place.digest().data()) % (size - kBlockBytes + 1);
    FASTINET_RETURN_IF_ERROR(Add(archive, start, kBlockBytes, &hash));
  }
  return hash.hex();
}

}  // namespace

Result<bool> Identity::IsOf(const Source& archive) const {
  if (archive.size_bytes() != size_bytes || archive.size_bytes() >= uint64_t{1} << 61) return false;
  FASTINET_ASSIGN_OR_RETURN(const std::string probed, ProbeOf(archive));
  if (probed != probe) return false;
  if (blocks.empty()) return true;
  FASTINET_ASSIGN_OR_RETURN(const std::string chosen, BlocksOf(archive));
  return chosen == blocks;
}

Result<bool> Identity::IsOfBeginning(const Source& archive, uint64_t length) const {
  if (samples.size() != kProbes * kSampleBytes || size_bytes >= uint64_t{1} << 61) return false;
  bool compared = false;
  for (uint64_t i = 0; i < kProbes; ++i) {
    const uint64_t start = ProbeAt(size_bytes, i);
    const uint64_t count = std::min(kBlockBytes, size_bytes - start);
    if (start > length || count > length - start) continue;
    std::vector<uint8_t> bytes(count);
    FASTINET_RETURN_IF_ERROR(archive.ReadAt(start, bytes));
    Sha256 hash;
    hash.Update(bytes);
    const Sha256::Digest digest = hash.digest();
    if (!std::equal(digest.begin(), digest.begin() + kSampleBytes,
                    reinterpret_cast<const uint8_t*>(samples.data()) + i * kSampleBytes)) {
      return false;
    }
    compared = true;
  }
  return compared;
}

}  // namespace fastinet
