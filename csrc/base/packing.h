// Numbers and texts as one run of bytes and back, for states that are kept on disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace fastinet {

/// Writes values one behind the other.
class Packer {
 public:
  void Put(uint64_t value) {
    bytes_.resize(bytes_.size() + 8);
    StoreLittleEndian64(value, bytes_.data() + bytes_.size() - 8);
  }
  void Put(Bytes bytes) {
    Put(bytes.size());
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void Put(std::string_view text) {
    Put(Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  }

  std::vector<uint8_t> Take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

/// Reads them in the same order. What is cut or never was packed gives zeros, no bytes and empty
/// texts, and `whole()` turns false.
class Unpacker {
 public:
  explicit Unpacker(Bytes bytes) : rest_(bytes) {}

  /// What Put(uint64_t) wrote.
  uint64_t Number() {
    if (rest_.size() < 8) return Fail(), 0;
    const uint64_t value = LoadLittleEndian64(rest_.data());
    rest_ = rest_.subspan(8);
    return value;
  }
  /// What Put(Bytes) wrote. Valid as long as the packed bytes are.
  Bytes ReadBytes() {
    const uint64_t size = Number();
    if (size > rest_.size()) return Fail(), Bytes();
    const Bytes run = rest_.first(size);
    rest_ = rest_.subspan(size);
    return run;
  }
  /// What Put(std::string_view) wrote.
  std::string Text() {
    const Bytes run = ReadBytes();
    return {run.begin(), run.end()};
  }

  /// Whether all was there so far.
  bool whole() const { return whole_; }
  /// Whether all was there and nothing is left.
  bool at_end() const { return whole_ && rest_.empty(); }

 private:
  void Fail() {
    whole_ = false;
    rest_ = {};
  }

  Bytes rest_;
  bool whole_ = true;
};

}  // namespace fastinet
