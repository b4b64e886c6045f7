#include "fastinet/loader.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "engine/epoch_run.h"
#include "engine/stats.h"
#include "engine/worker_pool.h"
#include "index/json.h"
#include "rng/permutation.h"

namespace fastinet {
namespace {

// Of a wait for a batch; it is repeated until there is one.
constexpr std::chrono::milliseconds kPatience{1000};

Status CheckOptions(const LoaderOptions& options) {
  const auto refuse = [](const std::string& name, int64_t value, const std::string& range) {
    return InvalidArgument(name + " is " + std::to_string(value) + ", and must be " + range);
  };
  constexpr int64_t kMostRows = int64_t{1} << 32, kMostStep = int64_t{1} << 62;
  if (options.batch_size < 1 || options.batch_size > kMostRows) {
    return refuse("batch_size", options.batch_size, "1 to 2^32");
  }
  if (options.world < 1 || options.world > kMostRows / 2) {
    return refuse("world", options.world, "1 to 2^31");
  }
  if (options.rank < 0 || options.rank >= options.world) {
    return refuse("rank", options.rank, "0 to " + std::to_string(options.world - 1));
  }
  if (options.batch_size > kMostStep / options.world) {
    return InvalidArgument("batch_size * world must be at most 2^62");
  }
  if (options.prefetch < 1 || options.prefetch > 1024) {
    return refuse("prefetch", options.prefetch, "1 to 1024");
  }
  if (options.threads < 0 || options.threads > 4096) {
    return refuse("threads", options.threads, "0 to 4096");
  }
  FASTINET_RETURN_IF_ERROR(options.spec.Validate());
  const int64_t most = AugmentKey::kMostViews / options.spec.views();
  if (options.repeats < 1 || options.repeats > most) {
    return refuse("repeats", options.repeats, "1 to " + std::to_string(most));
  }
  for (const ViewSpec& group : options.spec.groups) {
    if (group.transform.min_object_covered > 0) {
      return InvalidArgument("min_object_covered needs bounding boxes, which only Python reads");
    }
  }
  return {};
}

}  // namespace

OutputFormat NormalisedFormat(DType dtype, Layout layout, std::array<double, 3> mean,
                              std::array<double, 3> std) {
  OutputFormat format{.dtype = dtype, .layout = layout};
  for (size_t c = 0; c < mean.size(); ++c) {
    format.scale[c] = static_cast<float>(1 / (255 * std[c]));
    format.bias[c] = static_cast<float>(-mean[c] / std[c]);
  }
  return format;
}

MutableBytes Batch::images(size_t group) const {
  Slot& slot = *delivery_.slot;
  const size_t row_bytes = slot.shape().groups[group].row_bytes();
  return {slot.pixels(group), row_bytes * static_cast<size_t>(rows())};
}

Epoch::Epoch() = default;
Epoch::~Epoch() = default;

void Epoch::Stop() { run_->Stop(); }

Result<std::optional<Batch>> Epoch::Next() {
  for (;;) {
    Delivery delivery = run_->Next(kPatience);
    switch (delivery.kind) {
      case Delivery::Kind::kNotYet:
        continue;
      case Delivery::Kind::kEnd:
        position_->finished = true;
        return std::optional<Batch>();
      case Delivery::Kind::kFailed:
        if (delivery.failed_item < 0) return std::move(delivery.error);
        return std::move(delivery.error).InMember(dataset_->key(delivery.failed_item));
      case Delivery::Kind::kBatch:
        break;
    }
    for (RowFailure& failure : delivery.failures) {
      failure.status = std::move(failure.status).InMember(dataset_->key(failure.item));
    }
    ++position_->delivered;
    return std::optional<Batch>(Batch(std::move(delivery)));
  }
}

Loader::Loader() : stats_(std::make_shared<EngineStats>()) {}
Loader::~Loader() = default;

Result<std::unique_ptr<Loader>> Loader::Make(std::shared_ptr<const Dataset> dataset,
                                             const LoaderOptions& options) {
  FASTINET_RETURN_IF_ERROR(CheckOptions(options));
  std::unique_ptr<Loader> loader(new Loader());
  loader->dataset_ = std::move(dataset);
  loader->options_ = options;
  int threads = options.threads;
  if (threads == 0) threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  FASTINET_ASSIGN_OR_RETURN(loader->pool_, WorkerPool::Start(threads));
  const int64_t rows = std::min(options.batch_size, std::max<int64_t>(1, loader->RowsFrom(0)));
  const auto shape = ShapeOf(options.spec, rows, 0);
  if (!shape) return TooLarge("a view of this size has more bytes than there are");
  // The batches ahead, the one in hand, and the one that is still held while the next is asked for.
  loader->slots_ = SlotPool::Make(*shape, options.prefetch + 2);
  return loader;
}

int64_t Loader::StopOf(int64_t start) const {
  const int64_t items = dataset_->size(), step = options_.batch_size * options_.world;
  if (!options_.drop_last) return items;
  return start + std::max<int64_t>(0, items - start) / step * step;
}

int64_t Loader::RowsFrom(int64_t start) const {
  const int64_t first =
      start + (options_.rank + options_.world - start % options_.world) % options_.world;
  return CeilDiv(std::max<int64_t>(0, StopOf(start) - first), options_.world);
}

int64_t Loader::batches() const { return CeilDiv(RowsFrom(0), options_.batch_size); }

Result<std::unique_ptr<Epoch>> Loader::NextEpoch() {
  if (!position_->begun) return Begin(position_->epoch, position_->start);
  if (position_->epoch == UINT32_MAX) return InvalidArgument("there is no epoch after 2^32 - 1");
  return Begin(position_->epoch + 1, 0);
}

Result<std::unique_ptr<Epoch>> Loader::BeginEpoch(uint32_t epoch, int64_t start_batch) {
  if (start_batch < 0 || start_batch > batches()) {
    return InvalidArgument("an epoch has " + std::to_string(batches()) +
                           " batches, and start_batch is " + std::to_string(start_batch));
  }
  return Begin(epoch, start_batch * options_.batch_size * options_.world);
}

Result<std::unique_ptr<Epoch>> Loader::Begin(uint32_t epoch, int64_t start) {
  std::unique_ptr<Epoch> begun(new Epoch());
  begun->dataset_ = dataset_;
  const int64_t items = dataset_->size(), rows = RowsFrom(start), world = options_.world;
  const int64_t first = start + (options_.rank + world - start % world) % world;
  const Permutation shuffled(static_cast<uint64_t>(items), options_.seed, epoch);
  begun->order_.reserve(static_cast<size_t>(rows));
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t position = (first + row * world) % items, turn = position / options_.repeats;
    begun->order_.push_back(
        options_.shuffle ? static_cast<int64_t>(shuffled(static_cast<uint64_t>(turn))) : turn);
    if (options_.repeats > 1) {
      begun->copies_.push_back(static_cast<uint16_t>(position % options_.repeats));
    }
  }
  begun->batches_ = CeilDiv(rows, options_.batch_size);
  begun->position_ = std::make_shared<LoopPosition>();
  begun->position_->epoch = epoch;
  begun->position_->start = start;
  begun->position_->begun = true;
  FASTINET_ASSIGN_OR_RETURN(begun->run_, EpochRun::Start(pool_, dataset_->table(),
                                                         {.order = begun->order_,
                                                          .copies = begun->copies_,
                                                          .batch_size = options_.batch_size,
                                                          .seed = options_.seed,
                                                          .epoch = epoch,
                                                          .labels = dataset_->labels()},
                                                         {.spec = options_.spec,
                                                          .on_error = options_.on_error,
                                                          .prefetch_batches = options_.prefetch},
                                                         slots_, stats_));
  position_ = begun->position_;
  return begun;
}

std::string Loader::state() const {
  int64_t epoch = position_->epoch, position = position_->start;
  if (position_->finished) {
    ++epoch;
    position = 0;
  } else {
    const int64_t had = position_->delivered * options_.batch_size * options_.world;
    position = std::min(position + had, dataset_->size());
  }
  const bool repeated = options_.repeats > 1;
  std::string text = repeated ? "{\"version\": 3" : "{\"version\": 2";
  text += ", \"seed\": " + std::to_string(options_.seed);
  text += options_.shuffle ? ", \"shuffle\": true" : ", \"shuffle\": false";
  text += ", \"window\": null, \"block\": null, \"blocks\": null";
  text += ", \"items\": " + std::to_string(dataset_->size());
  text += ", \"epoch\": " + std::to_string(epoch);
  text += ", \"position\": " + std::to_string(position);
  if (repeated) text += ", \"repeats\": " + std::to_string(options_.repeats);
  return text + "}";
}

Status Loader::LoadState(const std::string& state) {
  Result<Json> parsed = Json::Parse(state);
  if (!parsed.ok()) return InvalidArgument("it is no state of a loader: it is no JSON");
  const Json& json = parsed.value();
  const auto number = [&](std::string_view name) -> std::optional<uint64_t> {
    const Json* const found = json.Find(name);
    return found == nullptr ? std::nullopt : found->Unsigned();
  };
  const auto version = number("version"), seed = number("seed"), epoch = number("epoch");
  const auto position = number("position"), items = number("items");
  if (!version || !seed || !epoch || !position || !items || *epoch > UINT32_MAX) {
    return InvalidArgument("it is no state of a loader: a number of it is missing or impossible");
  }
  if (*version < 1 || *version > 3) {
    return InvalidArgument("the state has version " + std::to_string(*version) +
                           ", and this fastinet knows 1 to 3");
  }
  const auto own_items = static_cast<uint64_t>(dataset_->size());
  if (*items != own_items) {
    return InvalidArgument("the state is of " + std::to_string(*items) +
                           " items, and the dataset has " + std::to_string(own_items));
  }
  const Json* const shuffle = json.Find("shuffle");
  if (shuffle == nullptr || shuffle->kind != Json::Kind::kBool) {
    return InvalidArgument("the state is of a blocked shuffle, which only Python has");
  }
  if (shuffle->truth != options_.shuffle) {
    return InvalidArgument(shuffle->truth ? "the state is of a shuffled order, the loader's is not"
                                          : "the state is of an order that is not shuffled");
  }
  const uint64_t repeats = json.Find("repeats") == nullptr ? 1 : number("repeats").value_or(0);
  if (repeats != static_cast<uint64_t>(options_.repeats)) {
    return InvalidArgument("the state has other repeats than the loader's " +
                           std::to_string(options_.repeats));
  }
  if (*position > own_items) {
    return InvalidArgument("the state's position is beyond its epoch's end");
  }
  options_.seed = *seed;
  position_ = std::make_shared<LoopPosition>();
  position_->epoch = static_cast<uint32_t>(*epoch);
  position_->start = static_cast<int64_t>(*position);
  return {};
}

}  // namespace fastinet
