# cython: language_level=3
"""What Cython may see of the C++ core."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libcpp cimport bool as cpp_bool
from libcpp.string cimport string
from libcpp.utility cimport move
from libcpp.vector cimport vector

# Where Cython copies a C++ object by itself, it lets exceptions through, which ends the process:
# where a function returns a variable (`return move(variable)` copies nothing), where a text or a
# list of Python's becomes a C++ object (`take_text`), and where a loop takes a vector's elements.


cdef extern from "base/status.h" namespace "fastinet" nogil:
    cdef cppclass Status:
        cpp_bool ok()


cdef extern from "bindings/raise_status.h" namespace "fastinet":
    void RaiseStatus(const Status& status) except *


cdef extern from "base/image.h" namespace "fastinet" nogil:
    cdef cppclass Size:
        int32_t width
        int32_t height

    cdef cppclass Box:
        int32_t x
        int32_t y
        int32_t width
        int32_t height


cdef extern from "rng/philox.h" namespace "fastinet" nogil:
    cdef cppclass AugmentKey:
        uint64_t seed
        uint32_t epoch
        uint64_t item
        uint16_t view


cdef extern from "rng/permutation.h" namespace "fastinet" nogil:
    cdef cppclass Permutation:
        Permutation(uint64_t n, uint64_t seed, uint32_t epoch) except +
        uint64_t At "operator()"(uint64_t position)


cdef extern from "rng/blocked_order.h" namespace "fastinet" nogil:
    cdef cppclass BlockStarts "std::span<const int64_t>":
        BlockStarts(const int64_t* data, size_t size)

    cdef cppclass BlockedOrder:
        uint64_t seed
        uint32_t epoch
        int64_t window_blocks
        int64_t lanes
        vector[int64_t] Draw(BlockStarts block_starts) except +


cdef extern from "resample/border.h" namespace "fastinet" nogil:
    cdef cppclass PaddingMode:
        pass

    cdef cppclass Border:
        PaddingMode mode
        uint8_t fill[3]


cdef extern from "resample/filter.h" namespace "fastinet" nogil:
    cdef cppclass Interpolation:
        pass


cdef extern from "crop/crop.h" namespace "fastinet" nogil:
    cdef cppclass Crop:
        Box box
        Size resized
        Box window
        cpp_bool flip
        cpp_bool vflip
        Interpolation interpolation
        Size output()

    cdef cppclass Kind "fastinet::Transform::Kind":
        pass

    cdef cppclass BoxRule:
        pass

    cdef cppclass Padding:
        int32_t left
        int32_t top
        int32_t right
        int32_t bottom

    cdef cppclass Transform:
        Kind kind
        Size size
        Interpolation interpolation
        cpp_bool random_interpolation
        double flip_probability
        double vflip_probability
        double scale[2]
        double ratio[2]
        BoxRule box_rule
        double min_object_covered
        int32_t resize
        Padding padding
        Border border
        Status Validate() except +

    cdef cppclass ObjectBox:
        pass

    cdef cppclass Objects "std::span<const fastinet::ObjectBox>":
        Objects()
        Objects(const ObjectBox* first, size_t count)

    Crop DrawCrop(const Transform& transform, Size image, const AugmentKey& key, Objects objects)


cdef extern from "resample/resampler.h" namespace "fastinet" nogil:
    cdef cppclass PassOrder:
        pass


cdef extern from "resample/output.h" namespace "fastinet" nogil:
    cdef cppclass DType:
        pass

    cdef cppclass Layout:
        pass

    cdef cppclass OutputFormat:
        DType dtype
        Layout layout
        float scale[3]
        float bias[3]


cdef extern from "augment/steps.h" namespace "fastinet" nogil:
    cdef cppclass StepOp:
        pass

    cdef cppclass Sampling:
        pass

    cdef cppclass Step:
        Step()
        StepOp op
        double arguments[6]
        Sampling sampling
        uint8_t fill[3]
        Status Validate() except +

    size_t ArgumentCount(StepOp op)


cdef extern from "bindings/names.h" namespace "fastinet":
    Status FromName(string name, Sampling* value) except +
    Status FromName(string name, StepOp* value) except +
    Status FromName(string name, DType* value) except +
    Status FromName(string name, Layout* value) except +
    Status FromName(string name, Interpolation* value) except +
    Status FromName(string name, BoxRule* value) except +
    Status FromName(string name, PaddingMode* value) except +
    Status FromName(string name, PassOrder* value) except +
    Status FromName(string name, Kind* value) except +


cdef extern from "base/bytes.h" namespace "fastinet" nogil:
    cdef cppclass Bytes:
        Bytes()
        Bytes(const uint8_t* data, size_t size)

    cdef cppclass MutableBytes:
        MutableBytes()
        MutableBytes(uint8_t* data, size_t size)


cdef extern from "item/image_decoder.h" namespace "fastinet" nogil:
    cdef cppclass ImageInfo:
        Size size
        int32_t components
        int32_t bits_per_sample
        cpp_bool progressive
        cpp_bool arithmetic
        int32_t sampling[4][2]
        int32_t restart_interval
        uint8_t exif_orientation


cdef extern from "item/item.h" namespace "fastinet" nogil:
    cdef cppclass RenderOptions:
        PassOrder pass_order
        OutputFormat format
        cpp_bool apply_orientation
        int64_t max_pixels
        int32_t max_scans

    cdef cppclass ItemRenderer:
        ItemRenderer() except +


cdef extern from "bindings/one_shot.h" namespace "fastinet" nogil:
    Status ReadInfo(
        ItemRenderer& renderer, Bytes data, int64_t max_pixels, ImageInfo* info
    ) except +
    cpp_bool IsJpeg(const ImageInfo& info)
    int32_t QualityOf(const ItemRenderer& renderer)

    cdef cppclass OwnedCropRule:
        vector[Box] boxes
        vector[uint8_t] flips
        vector[uint8_t] vflips
        Interpolation interpolation
        cpp_bool has_window
        Box window
        cpp_bool has_transform
        Transform transform
        cpp_bool has_size
        Size size
        vector[vector[Step]] steps

    Status FindCrop(
        ItemRenderer& renderer,
        Bytes data,
        const OwnedCropRule& rule,
        const RenderOptions& options,
        Crop* crop,
    ) except +
    Status ApplySteps(const vector[Step]& steps, Size size, MutableBytes pixels) except +
    Status RenderStepped(
        ItemRenderer& renderer,
        Bytes data,
        const Crop& crop,
        const RenderOptions& options,
        const vector[Step]& steps,
        MutableBytes row,
    ) except +
    Status RenderMany(
        const vector[Bytes]& images,
        const OwnedCropRule& rule,
        const RenderOptions& options,
        int threads,
        MutableBytes rows,
    ) except +


cdef inline int check(const Status& status) except -1:
    """Raises what `status` says, unless it is ok."""
    if not status.ok():
        RaiseStatus(status)
    return 0


cdef inline int take_text(string& text, bytes encoded) except -1:
    """Fills `text` with the bytes."""
    text.assign(<const char*> encoded, <size_t> len(encoded))
    return 0


cdef inline Transform make_transform(parts) except *:
    """The transform that ``fastinet.pixels.transforms`` describes as a dictionary, validated."""
    cdef Transform transform
    cdef string name
    take_text(name, parts["kind"].encode())
    check(FromName(name, &transform.kind))
    transform.size.height, transform.size.width = parts["size"]
    transform.scale[0], transform.scale[1] = parts["scale"]
    transform.ratio[0], transform.ratio[1] = parts["ratio"]
    take_text(name, parts["box_rule"].encode())
    check(FromName(name, &transform.box_rule))
    transform.min_object_covered = parts["min_object_covered"]
    transform.flip_probability = parts["flip_probability"]
    transform.vflip_probability = parts["vflip_probability"]
    transform.resize = parts["resize"]
    cdef Padding* padding = &transform.padding
    padding.left, padding.top, padding.right, padding.bottom = parts["padding"]
    take_text(name, parts["padding_mode"].encode())
    check(FromName(name, &transform.border.mode))
    for channel in range(3):
        transform.border.fill[channel] = parts["fill"][channel]
    take_text(name, parts["interpolation"].encode())
    check(FromName(name, &transform.interpolation))
    transform.random_interpolation = parts["random_interpolation"]
    check(transform.Validate())
    return transform


cdef inline vector[Step] make_steps(parts) except *:
    """The steps that ``fastinet.augment.steps`` describes as tuples, validated."""
    cdef vector[Step] steps
    cdef Step step
    cdef string name
    cdef size_t i
    for op, arguments, sampling, fill in parts:
        step = Step()
        take_text(name, op.encode())
        check(FromName(name, &step.op))
        if len(arguments) != ArgumentCount(step.op):
            raise ValueError(
                f"the step {op} takes {ArgumentCount(step.op)} arguments, not {len(arguments)}"
            )
        for i in range(len(arguments)):
            step.arguments[i] = arguments[i]
        take_text(name, sampling.encode())
        check(FromName(name, &step.sampling))
        for i in range(3):
            step.fill[i] = fill[i]
        check(step.Validate())
        steps.push_back(step)
    return move(steps)


cdef inline RenderOptions make_options(parts) except *:
    """What ``fastinet.pixels.output`` and ``fastinet.pixels.codec`` describe as a dictionary."""
    cdef RenderOptions options
    cdef string name
    take_text(name, parts["pass_order"].encode())
    check(FromName(name, &options.pass_order))
    take_text(name, parts["dtype"].encode())
    check(FromName(name, &options.format.dtype))
    take_text(name, parts["layout"].encode())
    check(FromName(name, &options.format.layout))
    for channel in range(3):
        options.format.scale[channel] = parts["pixel_scale"][channel]
        options.format.bias[channel] = parts["pixel_bias"][channel]
    options.apply_orientation = parts["apply_orientation"]
    options.max_pixels = parts["max_pixels"]
    options.max_scans = parts["max_scans"]
    return options
