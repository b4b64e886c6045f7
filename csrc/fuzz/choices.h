// Choices that a fuzzer's input makes, and changes of files by them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/image.h"

namespace fastinet::fuzz {

/// Takes choices from a fuzzer's input; zeros when it is used up.
class Choices {
 public:
  explicit Choices(Bytes bytes) : bytes_(bytes) {}

  uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  int Below(int limit) { return (Byte() << 8 | Byte()) % limit; }
  bool empty() const { return bytes_.empty(); }
  Bytes rest() const { return bytes_; }

 private:
  Bytes bytes_;
};

/// Up to seven changes of single bytes, or cuts. The file is not empty, before and after.
inline void Edit(std::vector<uint8_t>& file, Choices& choices) {
  for (int edits = choices.Byte() % 8; edits > 0; --edits) {
    const auto at = static_cast<size_t>(choices.Below(static_cast<int>(file.size())));
    switch (choices.Byte() % 4) {
      case 0:
        file.resize(at + 1);
        break;
      case 1:
        file.insert(file.begin() + static_cast<ptrdiff_t>(at), choices.Byte());
        break;
      case 2:
        file.erase(file.begin() + static_cast<ptrdiff_t>(at));
        if (file.empty()) file.push_back(0);
        break;
      default:
        file[at] = choices.Byte();
    }
  }
}

inline Box ChosenBox(Choices& choices, Size size) {
  Box box;
  box.width = 1 + choices.Below(size.width);
  box.height = 1 + choices.Below(size.height);
  box.x = choices.Below(size.width - box.width + 1);
  box.y = choices.Below(size.height - box.height + 1);
  return box;
}

}  // namespace fastinet::fuzz
