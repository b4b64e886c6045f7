// Runs the epochs of a training loop without Python, and can be stopped and started again.
//
//     epoch ARCHIVE STATE BATCHES [BATCH_SIZE [SIZE [SEED]]]
//
// ARCHIVE is one that `fastinet index ARCHIVE` has made an index of. The loop takes BATCHES
// batches, over as many epochs as that needs, and leaves where it stands in the file STATE; it
// begins there if the file is there. Prints a line for each batch: epoch, rows, MD5 of the pixels,
// labels. The batches are those of fastinet.Loader(ds, BATCH_SIZE,
// fastinet.RandomResizedCrop(SIZE), shuffle=True, seed=SEED) in Python, and STATE is its state:
// either program may go on with it.

#include <fastinet/fastinet.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "base/md5.h"

namespace {

struct Arguments {
  std::string archive, state;
  int64_t batches = 0, batch_size = 64;
  int32_t size = 224;
  uint64_t seed = 0;
};

std::string HexDigest(fastinet::Bytes bytes) {
  fastinet::Md5 hash;
  hash.Update(bytes);
  std::string text;
  for (const uint8_t byte : hash.digest()) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    text += digits;
  }
  return text;
}

void Print(uint32_t epoch, const fastinet::Batch& batch) {
  std::printf("%u %lld %s", epoch, static_cast<long long>(batch.rows()),
              HexDigest(batch.images()).c_str());
  for (const int64_t label : batch.labels()) std::printf(" %lld", static_cast<long long>(label));
  std::printf("\n");
}

fastinet::Status Run(const Arguments& arguments) {
  FASTINET_ASSIGN_OR_RETURN(const auto dataset, fastinet::Dataset::Open(arguments.archive));
  fastinet::LoaderOptions options;
  options.batch_size = arguments.batch_size;
  options.spec.groups[0].transform.size = {arguments.size, arguments.size};
  options.shuffle = true;
  options.seed = arguments.seed;
  FASTINET_ASSIGN_OR_RETURN(const auto loader, fastinet::Loader::Make(dataset, options));
  if (std::ifstream saved(arguments.state); saved) {
    const std::string state(std::istreambuf_iterator<char>(saved), {});
    FASTINET_RETURN_IF_ERROR(loader->LoadState(state));
  }
  int64_t left = arguments.batches;
  while (left > 0 && dataset->size() > 0) {
    FASTINET_ASSIGN_OR_RETURN(const auto epoch, loader->NextEpoch());
    while (left > 0) {
      FASTINET_ASSIGN_OR_RETURN(const std::optional<fastinet::Batch> batch, epoch->Next());
      if (!batch) break;
      Print(epoch->number(), *batch);  // your training step
      --left;
    }
  }
  std::ofstream file(arguments.state);
  file << loader->state() << "\n";
  file.close();
  if (file) return {};
  return {fastinet::StatusCode::kIo, "cannot write " + arguments.state};
}

/// Argument `i` as a number from `least` on, if it is there; false where it is none.
template <class Number>
bool Parse(int count, char** arguments, int i, Number least, Number& number) {
  if (i >= count) return true;
  const std::string_view text = arguments[i];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= least;
}

}  // namespace

int main(int count, char** given) {
  if (count < 4) {
    std::fprintf(stderr, "usage: epoch ARCHIVE STATE BATCHES [BATCH_SIZE [SIZE [SEED]]]\n");
    return 2;
  }
  Arguments arguments{.archive = given[1], .state = given[2]};
  if (!Parse<int64_t>(count, given, 3, 0, arguments.batches) ||
      !Parse<int64_t>(count, given, 4, 1, arguments.batch_size) ||
      !Parse<int32_t>(count, given, 5, 1, arguments.size) ||
      !Parse<uint64_t>(count, given, 6, 0, arguments.seed)) {
    std::fprintf(stderr, "BATCHES, BATCH_SIZE, SIZE and SEED are whole numbers\n");
    return 2;
  }
  const fastinet::Status status = Run(arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", fastinet::MessageOf(status).c_str());
  return 1;
}
