// Writes the row that training would see of an image: decoded, cropped and resized without Python.
//
//     training_crop IMAGE ROW.ppm [SEED [EPOCH [ITEM]]]
//
// IMAGE is any file that fastinet reads as an item. The row is the one that fastinet.Loader gives
// item ITEM in epoch EPOCH under RandomResizedCrop(224) and SEED. Prints the crop: x y width height
// flip.

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "crop/crop.h"
#include "io/file.h"
#include "item/item.h"
#include "rng/philox.h"

namespace {

/// The bytes of the file at `path`.
fastinet::Result<std::vector<uint8_t>> ReadFile(const std::string& path) {
  FASTINET_ASSIGN_OR_RETURN(const auto file, fastinet::File::Open(path));
  if (file->size_bytes() > fastinet::MaxItemBytes(fastinet::RenderOptions::kDefaultMaxPixels)) {
    return fastinet::TooLarge("no image is as large as this file");
  }
  std::vector<uint8_t> bytes(file->size_bytes());
  FASTINET_RETURN_IF_ERROR(file->ReadAt(0, bytes));
  return bytes;
}

fastinet::Status WritePpm(const std::string& path, fastinet::Size size,
                          const std::vector<uint8_t>& row) {
  std::ofstream file(path, std::ios::binary);
  file << "P6\n" << size.width << " " << size.height << "\n255\n";
  file.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(row.size()));
  file.close();
  if (!file) return {fastinet::StatusCode::kIo, "cannot write " + path};
  return {};
}

fastinet::Status Run(const std::string& image, const std::string& ppm,
                     const fastinet::AugmentKey& key) {
  FASTINET_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, ReadFile(image));
  fastinet::ItemRenderer renderer;  // one for each thread, for all of its images
  fastinet::ItemSpec spec;          // RandomResizedCrop(224), uint8, NHWC
  std::vector<uint8_t> row(spec.ViewBytes(0).value());
  const std::vector<fastinet::MutableBytes> rows = {row};
  std::vector<fastinet::Crop> crops(1);
  fastinet::MemoryBytes item(bytes);
  FASTINET_RETURN_IF_ERROR(
      renderer.RenderItem(item, {}, spec, key, {}, rows, {.crops = crops}).status());
  const fastinet::Box& box = crops[0].box;
  std::printf("%d %d %d %d %d\n", box.x, box.y, box.width, box.height, crops[0].flip ? 1 : 0);
  return WritePpm(ppm, spec.groups[0].transform.size, row);
}

/// Argument `i` as a number, if it is there; false where it is none.
template <class Number>
bool Parse(int count, char** arguments, int i, Number& number) {
  if (i >= count) return true;
  const std::string_view text = arguments[i];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: training_crop IMAGE ROW.ppm [SEED [EPOCH [ITEM]]]\n");
    return 2;
  }
  fastinet::AugmentKey key{.seed = 0, .epoch = 0, .item = 0};
  if (!Parse(count, arguments, 3, key.seed) || !Parse(count, arguments, 4, key.epoch) ||
      !Parse(count, arguments, 5, key.item)) {
    std::fprintf(stderr, "SEED, EPOCH and ITEM are whole numbers from 0 on\n");
    return 2;
  }
  const fastinet::Status status = Run(arguments[1], arguments[2], key);
  if (status.ok()) return 0;
  const std::string cause(status.cause());
  std::fprintf(stderr, "%s: %s (byte %lld)\n", arguments[1], cause.c_str(),
               static_cast<long long>(status.offset_bytes()));
  return 1;
}
