#include "fastinet/c_api.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "fastinet/fastinet.h"

using fastinet::Result;
using fastinet::Status;
using fastinet::StatusCode;

struct fastinet_error {
  fastinet_code code;
  std::string message, cause, archive, member;
  int64_t offset_bytes;
};
struct fastinet_dataset {
  std::shared_ptr<const fastinet::Dataset> dataset;
  std::vector<std::string> splits;
};
struct fastinet_loader {
  std::unique_ptr<fastinet::Loader> loader;
};
struct fastinet_epoch {
  std::unique_ptr<fastinet::Epoch> epoch;
};
struct fastinet_batch {
  fastinet::Batch batch;
};

// Columns are handed out as they lie.
static_assert(sizeof(fastinet_box) == sizeof(fastinet::Box) &&
              std::is_standard_layout_v<fastinet::Box>);
static_assert(static_cast<int>(FASTINET_OUT_OF_MEMORY) ==
              static_cast<int>(StatusCode::kOutOfMemory));

namespace {

fastinet_error* ErrorOf(const Status& status) {
  return new fastinet_error{.code = static_cast<fastinet_code>(status.code()),
                            .message = fastinet::MessageOf(status),
                            .cause = std::string(status.cause()),
                            .archive = std::string(status.archive()),
                            .member = std::string(status.member()),
                            .offset_bytes = status.offset_bytes()};
}

/// Says that `status` is what became of a call. Where there is no memory for the words, the code is
/// all that there is.
fastinet_code Answer(const Status& status, fastinet_error** error) noexcept {
  if (error != nullptr) *error = nullptr;
  if (status.ok()) return FASTINET_OK;
  try {
    if (error != nullptr) *error = ErrorOf(status);
  } catch (const std::bad_alloc&) {
    *error = nullptr;
  }
  return static_cast<fastinet_code>(status.code());
}

/// Does `work`, whose exceptions end here: C has none.
template <class Work>
fastinet_code Call(fastinet_error** error, const Work& work) noexcept {
  try {
    return Answer(work(), error);
  } catch (const std::bad_alloc&) {
    return Answer(Status::OutOfMemory("not enough memory"), error);
  } catch (const std::exception&) {
    return Answer(Status::OutOfMemory("more memory than there can be"), error);
  }
}

/// Fails where an argument that must point to something does not.
template <class... Pointers>
Status CheckPointers(const Pointers*... pointers) {
  if (((pointers != nullptr) && ...)) return {};
  return fastinet::InvalidArgument("an argument is NULL that must not be");
}

/// The enumerator that a C enumerator stands for; C lets any number be one.
template <class Enum>
Status Take(int value, int last, const char* name, Enum* out) {
  if (value < 0 || value > last) {
    return fastinet::InvalidArgument(std::string(name) + " is none: " + std::to_string(value));
  }
  *out = static_cast<Enum>(value);
  return {};
}

Result<fastinet::LoaderOptions> OptionsOf(const fastinet_loader_options& given) {
  if (given.struct_bytes != sizeof(given)) {
    return fastinet::InvalidArgument(
        "struct_bytes is not that of this version: fastinet_loader_options_init sets it");
  }
  fastinet::LoaderOptions options;
  fastinet::Transform& transform = options.spec.groups[0].transform;
  fastinet::OutputFormat& format = options.spec.options.format;
  FASTINET_RETURN_IF_ERROR(Take(given.transform, FASTINET_RESIZE, "transform", &transform.kind));
  FASTINET_RETURN_IF_ERROR(
      Take(given.interpolation, FASTINET_NEAREST, "interpolation", &transform.interpolation));
  fastinet::DType dtype{};
  fastinet::Layout layout{};
  FASTINET_RETURN_IF_ERROR(Take(given.dtype, FASTINET_FLOAT32, "dtype", &dtype));
  FASTINET_RETURN_IF_ERROR(Take(given.layout, FASTINET_NCHW, "layout", &layout));
  FASTINET_RETURN_IF_ERROR(Take(given.on_error, FASTINET_REPLACE, "on_error", &options.on_error));
  std::array<double, 3> mean{}, std{};
  bool plain = true;
  for (size_t c = 0; c < 3; ++c) {
    mean[c] = given.mean[c];
    std[c] = given.std[c];
    plain = plain && mean[c] == 0 && std[c] == 1;
    if (!std::isfinite(mean[c]) || !(std[c] > 0) || !std::isfinite(std[c])) {
      return fastinet::InvalidArgument("mean must be finite numbers, and std positive ones");
    }
    if (mean[c] < 0 || mean[c] > 1 || std[c] > 10) {
      return fastinet::InvalidArgument(
          "mean and std are of pixels from 0 to 1: divide those of pixels from 0 to 255 by 255");
    }
  }
  if (dtype == fastinet::DType::kUint8 && !plain) {
    return fastinet::InvalidArgument("mean and std need a float dtype");
  }
  format = dtype == fastinet::DType::kUint8
               ? fastinet::OutputFormat{.dtype = dtype, .layout = layout}
               : fastinet::NormalisedFormat(dtype, layout, mean, std);
  const double largest = dtype == fastinet::DType::kFloat16 ? 65504.0 : 255 * std::exp2(120);
  for (size_t c = 0; c < 3; ++c) {
    const double black = format.bias[c], white = 255.0 * format.scale[c] + black;
    if (std::abs(black) <= largest && std::abs(white) <= largest) continue;
    return fastinet::InvalidArgument("this mean and std give values that the dtype cannot hold");
  }
  transform.size = {given.width, given.height};
  transform.resize = given.resize;
  transform.scale = {given.scale[0], given.scale[1]};
  transform.ratio = {given.ratio[0], given.ratio[1]};
  transform.flip_probability = given.flip_probability;
  options.batch_size = given.batch_size;
  options.shuffle = given.shuffle != 0;
  options.repeats = given.repeats;
  options.seed = given.seed;
  options.threads = given.threads;
  options.drop_last = given.drop_last != 0;
  options.rank = given.rank;
  options.world = given.world;
  options.prefetch = given.prefetch;
  return options;
}

}  // namespace

const char* fastinet_version(void) { return FASTINET_VERSION; }

// ------------------------------------------------------------------------------------ errors

// Where memory is short there may be a code and no object.
fastinet_code fastinet_error_code(const fastinet_error* error) {
  return error == nullptr ? FASTINET_OUT_OF_MEMORY : error->code;
}
const char* fastinet_error_message(const fastinet_error* error) {
  return error == nullptr ? "not enough memory" : error->message.c_str();
}
const char* fastinet_error_cause(const fastinet_error* error) {
  return error == nullptr ? "not enough memory" : error->cause.c_str();
}
const char* fastinet_error_archive(const fastinet_error* error) {
  return error == nullptr ? "" : error->archive.c_str();
}
const char* fastinet_error_member(const fastinet_error* error) {
  return error == nullptr ? "" : error->member.c_str();
}
int64_t fastinet_error_offset_bytes(const fastinet_error* error) {
  return error == nullptr ? -1 : error->offset_bytes;
}
void fastinet_error_free(fastinet_error* error) { delete error; }

// ------------------------------------------------------------------------------------ images

fastinet_code fastinet_image_size(const uint8_t* data, size_t size, int32_t* width, int32_t* height,
                                  fastinet_error** error) {
  return Call(error, [&]() -> Status {
    FASTINET_RETURN_IF_ERROR(CheckPointers(data, width, height));
    FASTINET_ASSIGN_OR_RETURN(const fastinet::Size image, fastinet::ReadImageSize({data, size}));
    *width = image.width;
    *height = image.height;
    return {};
  });
}

fastinet_code fastinet_decode(const uint8_t* data, size_t size, const fastinet_box* box,
                              int32_t width, int32_t height, int flip,
                              fastinet_interpolation interpolation, uint8_t* out, size_t out_bytes,
                              fastinet_error** error) {
  return Call(error, [&]() -> Status {
    FASTINET_RETURN_IF_ERROR(CheckPointers(data, out));
    fastinet::Interpolation filter{};
    FASTINET_RETURN_IF_ERROR(Take(interpolation, FASTINET_NEAREST, "interpolation", &filter));
    fastinet::Box cut;
    if (box != nullptr) {
      cut = {box->x, box->y, box->width, box->height};
    } else {
      FASTINET_ASSIGN_OR_RETURN(const fastinet::Size image, fastinet::ReadImageSize({data, size}));
      cut = {0, 0, image.width, image.height};
    }
    if (width > 0 && height > 0) {  // else the decoder refuses them
      const uint64_t needed =
          uint64_t{3} * static_cast<uint64_t>(width) * static_cast<uint64_t>(height);
      if (out_bytes != needed) {
        return fastinet::InvalidArgument("out has " + std::to_string(out_bytes) + " bytes, and " +
                                         std::to_string(needed) + " are needed");
      }
    }
    const fastinet::Crop crop = fastinet::CropOf(cut, {width, height}, flip != 0, filter);
    FASTINET_ASSIGN_OR_RETURN(const fastinet::Pixels pixels,
                              fastinet::DecodeCrop({data, size}, crop));
    std::ranges::copy(pixels.bytes, out);
    return {};
  });
}

// ------------------------------------------------------------------------------------ datasets

fastinet_code fastinet_dataset_open(const char* path, const char* index, const char* split,
                                    fastinet_dataset** dataset, fastinet_error** error) {
  return Call(error, [&]() -> Status {
    FASTINET_RETURN_IF_ERROR(CheckPointers(path, dataset));
    FASTINET_ASSIGN_OR_RETURN(
        auto opened, fastinet::Dataset::Open(path, {.index = index == nullptr ? "" : index,
                                                    .split = split == nullptr ? "" : split}));
    std::vector<std::string> splits = opened->splits();
    *dataset = new fastinet_dataset{std::move(opened), std::move(splits)};
    return {};
  });
}

void fastinet_dataset_free(fastinet_dataset* dataset) { delete dataset; }
const char* fastinet_dataset_split(const fastinet_dataset* dataset) {
  return dataset->dataset->split().c_str();
}

const char* fastinet_dataset_split_name(const fastinet_dataset* dataset, int64_t number) {
  if (number < 0 || number >= static_cast<int64_t>(dataset->splits.size())) return nullptr;
  return dataset->splits[static_cast<size_t>(number)].c_str();
}

int64_t fastinet_dataset_size(const fastinet_dataset* dataset) { return dataset->dataset->size(); }
const int64_t* fastinet_dataset_labels(const fastinet_dataset* dataset) {
  return dataset->dataset->labels().data();
}
int64_t fastinet_dataset_classes(const fastinet_dataset* dataset) {
  return static_cast<int64_t>(dataset->dataset->wnids().size());
}

const char* fastinet_dataset_wnid(const fastinet_dataset* dataset, int64_t label) {
  if (label < 0 || label >= fastinet_dataset_classes(dataset)) return nullptr;
  return dataset->dataset->wnids()[static_cast<size_t>(label)].c_str();
}

const char* fastinet_dataset_key(const fastinet_dataset* dataset, int64_t item, size_t* length) {
  if (item < 0 || item >= dataset->dataset->size()) return nullptr;
  const std::string_view key = dataset->dataset->key(item);
  if (length != nullptr) *length = key.size();
  return key.data();
}

fastinet_code fastinet_dataset_read(const fastinet_dataset* dataset, int64_t item, uint8_t** data,
                                    size_t* size, fastinet_error** error) {
  return Call(error, [&]() -> Status {
    FASTINET_RETURN_IF_ERROR(CheckPointers(dataset, data, size));
    FASTINET_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, dataset->dataset->Read(item));
    auto copy = std::make_unique<uint8_t[]>(std::max<size_t>(bytes.size(), 1));
    std::ranges::copy(bytes, copy.get());
    *data = copy.release();
    *size = bytes.size();
    return {};
  });
}

// NOLINTNEXTLINE(readability-non-const-parameter): what was given is taken back.
void fastinet_bytes_free(uint8_t* data) { delete[] data; }

// ------------------------------------------------------------------------------------ epochs

void fastinet_loader_options_init(fastinet_loader_options* options) {
  const fastinet::LoaderOptions plain;
  const fastinet::Transform& transform = plain.spec.groups[0].transform;
  *options = {};
  options->struct_bytes = sizeof(*options);
  options->batch_size = plain.batch_size;
  options->width = transform.size.width;
  options->height = transform.size.height;
  std::ranges::copy(transform.scale, options->scale);
  std::ranges::copy(transform.ratio, options->ratio);
  options->flip_probability = transform.flip_probability;
  std::ranges::fill(options->std, 1.0);
  options->repeats = plain.repeats;
  options->world = plain.world;
  options->prefetch = plain.prefetch;
}

fastinet_code fastinet_loader_new(const fastinet_dataset* dataset,
                                  const fastinet_loader_options* options, fastinet_loader** loader,
                                  fastinet_error** error) {
  return Call(error, [&]() -> Status {
    FASTINET_RETURN_IF_ERROR(CheckPointers(dataset, options, loader));
    FASTINET_ASSIGN_OR_RETURN(const fastinet::LoaderOptions taken, OptionsOf(*options));
    FASTINET_ASSIGN_OR_RETURN(auto made, fastinet::Loader::Make(dataset->dataset, taken));
    *loader = new fastinet_loader{std::move(made)};
    return {};
  });
}

void fastinet_loader_free(fastinet_loader* loader) { delete loader; }
int64_t fastinet_loader_batches(const fastinet_loader* loader) { return loader->loader->batches(); }

fastinet_code fastinet_loader_state(const fastinet_loader* loader, char** state,
                                    fastinet_error** error) {
  return Call(error, [&]() -> Status {
    FASTINET_RETURN_IF_ERROR(CheckPointers(loader, state));
    const std::string text = loader->loader->state();
    auto copy = std::make_unique<char[]>(text.size() + 1);
    std::memcpy(copy.get(), text.c_str(), text.size() + 1);
    *state = copy.release();
    return {};
  });
}

// NOLINTNEXTLINE(readability-non-const-parameter): likewise.
void fastinet_text_free(char* text) { delete[] text; }

fastinet_code fastinet_loader_load_state(fastinet_loader* loader, const char* state,
                                         fastinet_error** error) {
  return Call(error, [&]() -> Status {
    FASTINET_RETURN_IF_ERROR(CheckPointers(loader, state));
    return loader->loader->LoadState(state);
  });
}

fastinet_code fastinet_loader_next_epoch(fastinet_loader* loader, fastinet_epoch** epoch,
                                         fastinet_error** error) {
  return Call(error, [&]() -> Status {
    FASTINET_RETURN_IF_ERROR(CheckPointers(loader, epoch));
    FASTINET_ASSIGN_OR_RETURN(auto begun, loader->loader->NextEpoch());
    *epoch = new fastinet_epoch{std::move(begun)};
    return {};
  });
}

fastinet_code fastinet_loader_epoch(fastinet_loader* loader, uint32_t epoch, int64_t start_batch,
                                    fastinet_epoch** begun, fastinet_error** error) {
  return Call(error, [&]() -> Status {
    FASTINET_RETURN_IF_ERROR(CheckPointers(loader, begun));
    FASTINET_ASSIGN_OR_RETURN(auto started, loader->loader->BeginEpoch(epoch, start_batch));
    *begun = new fastinet_epoch{std::move(started)};
    return {};
  });
}

void fastinet_epoch_free(fastinet_epoch* epoch) { delete epoch; }

fastinet_code fastinet_epoch_next(fastinet_epoch* epoch, fastinet_batch** batch,
                                  fastinet_error** error) {
  return Call(error, [&]() -> Status {
    FASTINET_RETURN_IF_ERROR(CheckPointers(epoch, batch));
    FASTINET_ASSIGN_OR_RETURN(std::optional<fastinet::Batch> next, epoch->epoch->Next());
    *batch = next ? new fastinet_batch{*std::move(next)} : nullptr;
    return {};
  });
}

void fastinet_batch_free(fastinet_batch* batch) { delete batch; }
int64_t fastinet_batch_rows(const fastinet_batch* batch) { return batch->batch.rows(); }

void* fastinet_batch_images(const fastinet_batch* batch, size_t* size_bytes) {
  const fastinet::MutableBytes images = batch->batch.images();
  if (size_bytes != nullptr) *size_bytes = images.size();
  return images.data();
}

const int64_t* fastinet_batch_labels(const fastinet_batch* batch) {
  return batch->batch.labels().data();
}
const int64_t* fastinet_batch_items(const fastinet_batch* batch) {
  return batch->batch.items().data();
}
const uint8_t* fastinet_batch_valid(const fastinet_batch* batch) {
  return batch->batch.valid().data();
}
const fastinet_box* fastinet_batch_boxes(const fastinet_batch* batch) {
  return reinterpret_cast<const fastinet_box*>(batch->batch.boxes().data());
}
const uint8_t* fastinet_batch_flips(const fastinet_batch* batch) {
  return batch->batch.flips().data();
}
int64_t fastinet_batch_failures(const fastinet_batch* batch) {
  return static_cast<int64_t>(batch->batch.failures().size());
}

fastinet_code fastinet_batch_failure(const fastinet_batch* batch, int64_t number, int64_t* row,
                                     fastinet_error** why) {
  const fastinet_code refused = Call(why, [&]() -> Status {
    FASTINET_RETURN_IF_ERROR(CheckPointers(batch, row, why));
    if (number >= 0 && number < fastinet_batch_failures(batch)) return {};
    return fastinet::InvalidArgument("there is no failure of this number");
  });
  if (refused != FASTINET_OK) return refused;
  const fastinet::RowFailure& failure = batch->batch.failures()[static_cast<size_t>(number)];
  *row = failure.row;
  (void)Answer(failure.status, why);  // which is no failure of this call
  return FASTINET_OK;
}
