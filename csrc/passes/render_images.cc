#include "passes/render_images.h"

#include <string>
#include <utility>
#include <vector>

#include "base/out_of_memory.h"
#include "passes/parallel.h"

namespace fastinet {
namespace {

Status RenderImage(ItemRenderer& renderer, Bytes image, size_t index, const CropRule& rule,
                   const RenderOptions& options, MutableBytes row) {
  return OrOutOfMemory("not enough memory to decode the image", [&]() -> Status {
    FASTINET_ASSIGN_OR_RETURN(const Size shown, renderer.ReadShownSize(image, options));
    FASTINET_ASSIGN_OR_RETURN(const Crop crop, rule.For(index, shown));
    if (options.format.RowBytes(crop.output()) != row.size()) {
      return InvalidArgument("the image gives " + std::to_string(crop.output().width) + " x " +
                             std::to_string(crop.output().height) +
                             " pixels, another size than its batch");
    }
    const auto steps = rule.steps.empty() ? std::span<const Step>() : rule.steps[index];
    return renderer.RenderShown(image, crop, options, row, steps);
  });
}

}  // namespace

Result<Crop> CropRule::For(size_t index, Size image) const {
  Crop crop;
  if (transform) {
    crop = DrawCrop(*transform, image, {});
    if (window) {
      FASTINET_RETURN_IF_ERROR(CheckWindow(*transform, image, *window));
      crop.window = *window;
    }
  } else {
    crop.box = boxes.empty() ? Box{0, 0, image.width, image.height} : boxes[index];
    FASTINET_RETURN_IF_ERROR(CheckInside(crop.box, image));
    crop.resized = size.value_or(Size{crop.box.width, crop.box.height});
    crop.window = {0, 0, crop.resized.width, crop.resized.height};
    crop.interpolation = interpolation;
  }
  crop.flip = !flips.empty() && flips[index] != 0;
  crop.vflip = !vflips.empty() && vflips[index] != 0;
  return crop;
}

Status RenderImages(std::span<const Bytes> images, const CropRule& rule,
                    const RenderOptions& options, int threads, MutableBytes rows) {
  if (images.empty()) return {};
  const size_t row_bytes = rows.size() / images.size();
  std::vector<Status> statuses(images.size());
  ForEachInParallel(images.size(), threads, [&] {
    return [&, renderer = ItemRenderer()](size_t i) mutable {
      statuses[i] = RenderImage(renderer, images[i], i, rule, options,
                                rows.subspan(i * row_bytes, row_bytes));
    };
  });
  for (size_t i = 0; i < statuses.size(); ++i) {
    if (!statuses[i].ok()) return std::move(statuses[i]).InMember("image " + std::to_string(i));
  }
  return {};
}

}  // namespace fastinet
