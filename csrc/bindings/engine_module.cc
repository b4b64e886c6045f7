// fastinet._native._engine: the list of what Python sees of the engine.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/dlpack.h"
#include "bindings/names.h"
#include "bindings/py_batch.h"
#include "bindings/py_epoch.h"
#include "bindings/py_operations.h"
#include "bindings/py_passes.h"
#include "bindings/py_slots.h"
#include "bindings/py_source.h"
#include "bindings/py_stats.h"
#include "bindings/py_stream_items.h"
#include "bindings/py_tables.h"
#include "bindings/python_values.h"

namespace fastinet {
namespace {

ViewSpec MakeViewSpec(const std::string& kind, std::array<int32_t, 2> size,
                      std::array<double, 2> scale, std::array<double, 2> ratio,
                      const std::string& box_rule, double min_object_covered,
                      double flip_probability, double vflip_probability, int32_t resize,
                      std::array<int32_t, 4> padding, const std::string& padding_mode,
                      std::array<uint8_t, 3> fill, const std::string& interpolation,
                      bool random_interpolation, std::vector<Operation> operations,
                      const std::optional<ErasingRule>& erase, std::optional<double> lighting,
                      int32_t count, std::optional<int32_t> crop_of) {
  ViewSpec spec;
  Transform& transform = spec.transform;
  Check(FromName(kind, &transform.kind));
  transform.size = {.width = size[1], .height = size[0]};
  transform.scale = scale;
  transform.ratio = ratio;
  Check(FromName(box_rule, &transform.box_rule));
  transform.min_object_covered = min_object_covered;
  transform.flip_probability = flip_probability;
  transform.vflip_probability = vflip_probability;
  transform.resize = resize;
  transform.padding = {
      .left = padding[0], .top = padding[1], .right = padding[2], .bottom = padding[3]};
  Check(FromName(padding_mode, &transform.border.mode));
  transform.border.fill = fill;
  Check(FromName(interpolation, &transform.interpolation));
  transform.random_interpolation = random_interpolation;
  spec.erase = erase;
  if (lighting) spec.lighting = Lighting{*lighting};
  spec.count = count;
  spec.crop_of = crop_of;
  Check(spec.Validate());
  spec.policy = Unwrap(Policy::Make(std::move(operations), spec.transform.size));
  return spec;
}

ItemSpec MakeSpec(std::vector<ViewSpec> groups, const std::string& pass_order,
                  const std::string& dtype, const std::string& layout,
                  std::array<float, 3> pixel_scale, std::array<float, 3> pixel_bias,
                  bool apply_orientation, int64_t max_pixels, int32_t max_scans, bool record) {
  ItemSpec spec;
  spec.record = record;
  spec.groups = std::move(groups);
  RenderOptions& options = spec.options;
  options.format.scale = pixel_scale;
  options.format.bias = pixel_bias;
  options.apply_orientation = apply_orientation;
  options.max_pixels = max_pixels;
  options.max_scans = max_scans;
  Check(FromName(pass_order, &options.pass_order));
  Check(FromName(dtype, &options.format.dtype));
  Check(FromName(layout, &options.format.layout));
  Check(spec.Validate());
  return spec;
}

/// What constructors of classes with a shared_ptr give. pybind11 makes the shared_ptr of a plain
/// pointer where no exception may pass.
template <class T, class... Arguments>
std::shared_ptr<T> MakeShared(Arguments... arguments) {
  return std::make_shared<T>(std::move(arguments)...);
}

}  // namespace

// Nothing here counts on the GIL: what several threads may reach has locks or atomics of its own.
PYBIND11_MODULE(_engine, module, py::mod_gil_not_used()) {
  using namespace py::literals;
  module.doc() = "The native engine: threads, slots and epochs. See fastinet.Loader.";

  py::class_<WorkerPool, std::shared_ptr<WorkerPool>>(module, "WorkerPool",
                                                      "Threads that work for any number of epochs.")
      .def(py::init([](int threads, const std::vector<int>& cpus) {
             return Unwrap(WithoutGil([&] { return WorkerPool::Start(threads, cpus); }));
           }),
           "threads"_a, "cpus"_a = std::vector<int>())
      .def_property_readonly("threads", &WorkerPool::threads);

  py::class_<Amount>(module, "Amount", "How one argument of a step is drawn.")
      .def(py::init(&MakeAmount), py::kw_only(), "source"_a, "low"_a, "high"_a, "values"_a,
           "limit"_a, "divisor"_a, "factor"_a, "truncate"_a, "ceiling"_a, "random_sign"_a,
           "scale"_a, "offset"_a, "subtract"_a, "floor"_a);
  py::class_<Operation>(module, "Operation", "Random steps: one, or several.")
      .def_static("step", &MakeStepOperation, "op"_a, "arguments"_a, py::kw_only(), "probability"_a,
                  "sampling"_a, "fill"_a)
      .def_static("jitter", &MakeJitter, "bounds"_a, py::kw_only(), "probability"_a)
      .def_static("sequence", &MakeSequence, "parts"_a, py::kw_only(), "probability"_a,
                  "shared"_a = false)
      .def_static("choice", &MakeChoice, "parts"_a, py::kw_only(), "probability"_a, "weights"_a,
                  "count"_a, "replacement"_a)
      .def_static("mix", &MakeMix, "parts"_a, py::kw_only(), "probability"_a, "blend_at_end"_a,
                  "alpha"_a);
  module.def("draw_steps", &DrawnSteps, "operations"_a, py::kw_only(), "size"_a, "seed"_a,
             "epoch"_a, "item"_a, "view"_a, "first_view"_a = 0,
             "The steps that operations give for one view.");

  py::class_<ErasingRule>(module, "ErasingRule", "Which boxes of a row are erased.")
      .def(py::init([](double probability, std::array<double, 2> scale, std::array<double, 2> ratio,
                       const std::string& mode, std::array<float, 3> value, int32_t count) {
             ErasingRule rule{.probability = probability,
                              .scale = scale,
                              .ratio = ratio,
                              .value = value,
                              .count = count};
             Check(FromName(mode, &rule.mode));
             return rule;
           }),
           py::kw_only(), "probability"_a, "scale"_a, "ratio"_a, "mode"_a, "value"_a, "count"_a);

  py::class_<ViewSpec>(module, "ViewSpec", "One group of views; size is (height, width).")
      .def(py::init(&MakeViewSpec), py::kw_only(), "kind"_a, "size"_a, "scale"_a, "ratio"_a,
           "box_rule"_a, "min_object_covered"_a, "flip_probability"_a, "vflip_probability"_a,
           "resize"_a, "padding"_a, "padding_mode"_a, "fill"_a, "interpolation"_a,
           "random_interpolation"_a, "operations"_a, "erase"_a, "lighting"_a, "count"_a,
           "crop_of"_a);

  py::class_<ItemSpec>(module, "ItemSpec", "How items become rows.")
      .def(py::init(&MakeSpec), "groups"_a, py::kw_only(), "pass_order"_a, "dtype"_a, "layout"_a,
           "pixel_scale"_a, "pixel_bias"_a, "apply_orientation"_a, "max_pixels"_a, "max_scans"_a,
           "record"_a = false);

  py::class_<PySource, std::shared_ptr<PySource>>(module, "Source",
                                                  "An archive that is open for reading.")
      .def_static("file", &PySource::OpenFile, "path"_a, py::kw_only(), "briefly"_a = false,
                  "expected"_a = py::none())
      .def_static("descriptor", &PySource::OpenDescriptor, "descriptor"_a, "path"_a)
      .def_static("folder", &PySource::OpenFolder, "path"_a, "names"_a, "name_ends"_a, "offsets"_a,
                  "sizes"_a)
      .def_static("gzip", &PySource::OpenGzip, "path"_a, py::kw_only(), "bit_offsets"_a,
                  "offsets"_a, "window_starts"_a, "window_sizes"_a, "windows"_a, "size_bytes"_a,
                  "cache_bytes"_a = GzipSource::kDefaultCacheBytes, "briefly"_a = false,
                  "expected"_a = py::none())
      .def_property_readonly("size_bytes", &PySource::size_bytes)
      .def("read", &PySource::Read, "offset"_a, "size"_a);

  py::class_<PyItemTable, std::shared_ptr<PyItemTable>>(module, "ItemTable",
                                                        "Where every item's bytes are.")
      .def(py::init(&MakeShared<PyItemTable, std::vector<std::shared_ptr<PySource>>,
                                std::optional<Column<int32_t>>, Column<uint64_t>, Column<uint64_t>,
                                Column<uint64_t>, Column<uint32_t>, Column<uint32_t>,
                                std::vector<PyItemTable::Records>>),
           "sources"_a, "item_archive"_a, "offsets"_a, "sizes"_a,
           "record_starts"_a = Column<uint64_t>(), "record_sizes"_a = Column<uint32_t>(),
           "header_bytes"_a = Column<uint32_t>(), "records"_a = std::vector<PyItemTable::Records>())
      .def("__len__", [](const PyItemTable& self) { return self.table().size(); });

  py::class_<PySoftLabels, std::shared_ptr<PySoftLabels>>(
      module, "SoftLabels", "Label maps of a dataset's items, and how they are pooled.")
      .def(py::init(&MakeShared<PySoftLabels, std::shared_ptr<PyItemTable>, Column<int32_t>,
                                int32_t, int32_t, int32_t, int32_t, const std::string&>),
           "maps"_a, "labels"_a, py::kw_only(), "ranks"_a, "rows"_a, "columns"_a, "classes"_a,
           "axes"_a);

  py::class_<PyObjectTable, std::shared_ptr<PyObjectTable>>(
      module, "ObjectTable", "The bounding boxes of every item's objects.")
      .def(py::init(&MakeShared<PyObjectTable, Column<int64_t>, Column<float>>), "starts"_a,
           "boxes"_a);

  py::class_<SlotPool, std::shared_ptr<SlotPool>>(
      module, "SlotPool", "Memory for batches, leased until their last view dies.")
      .def(py::init([](const ItemSpec& spec, int64_t rows, int64_t kept_slots,
                       int64_t soft_label_classes) {
             return SlotPool::Make(CheckedShape(spec, rows, soft_label_classes), kept_slots);
           }),
           "spec"_a, "rows"_a, "kept_slots"_a, "soft_label_classes"_a = 0)
      .def_static("wrap", &WrapBuffers, "spec"_a, "rows"_a, "buffers"_a, "soft_label_classes"_a = 0)
      .def_property_readonly("allocated", &SlotPool::allocated)
      .def_property_readonly("leased", &SlotPool::leased)
      .def_property_readonly("extra", &SlotPool::extra);

  py::class_<EngineStats, std::shared_ptr<EngineStats>>(module, "Stats",
                                                        "Totals over the epochs that count here.")
      .def(py::init(&MakeShared<EngineStats>))
      .def("snapshot", &Snapshot);

  py::class_<PyBatch>(module, "Batch", "A leased slot; its arrays keep the lease.")
      .def("__len__", &PyBatch::rows)
      .def("arrays", &PyBatch::Arrays, "dtype"_a, "with_views"_a)
      .def_property_readonly("items", &PyBatch::Items)
      .def_property_readonly("copies", &PyBatch::Copies)
      .def_property_readonly("boxes", &PyBatch::Boxes)
      .def_property_readonly("flips", &PyBatch::Flips)
      .def_property_readonly("vflips", &PyBatch::Vflips)
      .def_property_readonly("windows", &PyBatch::Windows)
      .def_property_readonly("interpolations", &PyBatch::Interpolations)
      .def_property_readonly("soft_labels", &PyBatch::SoftLabelArray)
      .def_property_readonly("erased", &PyBatch::Erased)
      .def("erased_pixels", &PyBatch::ErasedPixels, "group"_a)
      .def_property_readonly("valid", &PyBatch::Valid)
      .def_property_readonly("image_sizes", &PyBatch::ImageSizes)
      .def_property_readonly("steps", &PyBatch::Steps)
      .def_property_readonly("lighting", &PyBatch::ColourShifts)
      .def_property_readonly("failures", &PyBatch::Failures)
      .def_property_readonly("number", &PyBatch::number);

  py::class_<PyEpoch>(module, "Epoch", "One epoch while it runs.")
      .def(py::init<std::shared_ptr<WorkerPool>, std::shared_ptr<PyItemTable>,
                    const std::vector<ItemSpec>&, std::shared_ptr<SlotPool>,
                    std::shared_ptr<EngineStats>, Column<int64_t>, Column<int64_t>, py::object,
                    const py::dtype&, bool, int64_t, uint64_t, uint64_t, uint32_t, int64_t,
                    const std::string&, const Column<int64_t>&, Column<uint16_t>,
                    std::shared_ptr<PyObjectTable>, std::shared_ptr<PySoftLabels>,
                    Column<uint8_t>>(),
           "pool"_a, "table"_a, "specs"_a, "slots"_a, "stats"_a, "order"_a, "labels"_a, "keys"_a,
           py::kw_only(), "dtype"_a, "with_views"_a, "batch_size"_a, "seed"_a, "draws"_a, "epoch"_a,
           "prefetch"_a, "on_error"_a, "blocks"_a = Column<int64_t>(),
           "copies"_a = Column<uint16_t>(), "objects"_a = nullptr, "soft_labels"_a = nullptr,
           "spec_of_batch"_a = Column<uint8_t>())
      .def("next", &PyEpoch::Next)
      .def("close", &PyEpoch::Close)
      .def_property_readonly("delivered", &PyEpoch::Delivered)
      .def_property_readonly("ready_batches", &PyEpoch::ReadyBatches)
      .def("has_answer", &PyEpoch::HasAnswer)
      .def("ready_descriptor", &PyEpoch::ReadyDescriptor);

  py::class_<ItemRules>(module, "ItemRules", "What of a stream is an item.")
      .def(py::init([](bool labels_by_function, std::string split, std::string around,
                       bool is_named, bool end_marker_required) {
             return ItemRules{labels_by_function, std::move(split), std::move(around), is_named,
                              end_marker_required ? EndMarker::kRequired : EndMarker::kOptional};
           }),
           py::kw_only(), "labels_by_function"_a, "split"_a, "around"_a, "is_named"_a,
           "end_marker_required"_a = true);

  py::class_<PyStreamItems>(module, "StreamItems", "The items of a stream one by one.")
      .def(py::init<int, const py::bytes&, const ItemRules&, int64_t>(), "descriptor"_a, "name"_a,
           "rules"_a, py::kw_only(), "max_pixels"_a)
      .def("next", &PyStreamItems::Next)
      .def("interrupt", &PyStreamItems::Interrupt)
      .def_property_readonly("head", &PyStreamItems::Head)
      .def_property_readonly("skipped", &PyStreamItems::Skipped)
      .def_property_readonly("skipped_names", &PyStreamItems::SkippedNames)
      .def_property_readonly("notes", &PyStreamItems::Notes);

  py::class_<PyStreamEpoch>(module, "StreamEpoch", "One pass over a stream while it runs.")
      .def(py::init<std::shared_ptr<WorkerPool>, int, const py::bytes&, const ItemRules&,
                    const ItemSpec&, std::shared_ptr<SlotPool>, std::shared_ptr<EngineStats>,
                    int64_t, int64_t, int64_t, uint64_t, uint64_t, uint32_t, int64_t, int64_t,
                    int64_t, bool, int64_t, const std::string&>(),
           "pool"_a, "descriptor"_a, "name"_a, "rules"_a, "spec"_a, "slots"_a, "stats"_a,
           py::kw_only(), "batch_size"_a, "window"_a, "repeats"_a, "seed"_a, "draws"_a, "epoch"_a,
           "start"_a, "rank"_a, "world"_a, "drop_last"_a, "prefetch"_a, "on_error"_a)
      .def("next", &PyStreamEpoch::Next)
      .def("close", &PyStreamEpoch::Close)
      .def_property_readonly("ready_batches", &PyStreamEpoch::ReadyBatches)
      .def("has_answer", &PyStreamEpoch::HasAnswer)
      .def("ready_descriptor", &PyStreamEpoch::ReadyDescriptor)
      .def_property_readonly("head", &PyStreamEpoch::Head)
      .def_property_readonly("failed_head", &PyStreamEpoch::FailedHead)
      .def_property_readonly("skipped", &PyStreamEpoch::Skipped)
      .def_property_readonly("skipped_names", &PyStreamEpoch::SkippedNames)
      .def_property_readonly("notes", &PyStreamEpoch::Notes);

  module.def("make_checkpoints", &MakeRecords, "table"_a, "first"_a, "count"_a, py::kw_only(),
             "stride"_a, "threads"_a, "Entropy checkpoints of consecutive items.");
  module.def("check_items", &CheckSome, "table"_a, "first"_a, "count"_a, py::kw_only(), "decode"_a,
             "threads"_a, "max_pixels"_a, "max_scans"_a,
             "Whether consecutive items can be read or decoded.");
  module.def("export_bfloat16", &ExportBFloat16, "array"_a,
             "A DLPack capsule over an array of uint16 that are bfloat16.");
}

}  // namespace fastinet
