# cython: language_level=3, freethreading_compatible=True
# distutils: language = c++
"""Images without an engine; the stub ``_codec.pyi`` documents it."""

import threading

import numpy as np

from libc.stdint cimport int64_t, uint8_t
from libcpp.string cimport string
from libcpp.utility cimport move
from libcpp.vector cimport vector

from fastinet._native._core cimport (
    ApplySteps,
    Box,
    Bytes,
    Crop,
    FindCrop,
    FromName,
    ImageInfo,
    IsJpeg,
    ItemRenderer,
    MutableBytes,
    OwnedCropRule,
    QualityOf,
    ReadInfo,
    RenderMany,
    RenderOptions,
    RenderStepped,
    Size,
    Status,
    Step,
    check,
    make_options,
    make_steps,
    make_transform,
    take_text,
)


cdef class _Renderer:
    """A decoder with its buffers. By a pointer: what a member's constructor throws ends all."""

    cdef ItemRenderer* core

    def __cinit__(self):
        self.core = new ItemRenderer()

    def __dealloc__(self):
        del self.core


# A renderer costs much to make and little to keep, and serves one thread at a time.
_of_this_thread = threading.local()


cdef _Renderer renderer_of_this_thread():
    try:
        return _of_this_thread.renderer
    except AttributeError:
        _of_this_thread.renderer = _Renderer()
        return _of_this_thread.renderer


cdef Bytes bytes_of(const uint8_t[::1] view) noexcept:
    return Bytes(&view[0], view.shape[0]) if view.shape[0] > 0 else Bytes()


cdef const uint8_t[::1] view_of(data):
    return memoryview(data).cast("B")


def read_header(data, *, max_pixels):
    cdef const uint8_t[::1] view = view_of(data)
    cdef _Renderer renderer = renderer_of_this_thread()
    cdef Bytes encoded = bytes_of(view)
    cdef int64_t limit = max_pixels
    cdef ImageInfo info
    cdef Status status
    with nogil:
        status = ReadInfo(renderer.core[0], encoded, limit, &info)
    check(status)
    quality = QualityOf(renderer.core[0])
    return {
        "format": "jpeg" if IsJpeg(info) else "png",
        "width": info.size.width,
        "height": info.size.height,
        "components": info.components,
        "bits_per_sample": info.bits_per_sample,
        "progressive": info.progressive,
        "arithmetic": info.arithmetic,
        "sampling": [(info.sampling[i][0], info.sampling[i][1]) for i in range(info.components)],
        "restart_interval": info.restart_interval,
        "quality": None if quality < 0 else quality,
        "exif_orientation": info.exif_orientation,
    }


def apply_steps(pixels, steps):
    cdef vector[Step] native_steps = make_steps(steps)
    cdef uint8_t[:, :, ::1] view = pixels
    cdef Size size
    size.height, size.width = view.shape[0], view.shape[1]
    if pixels.size == 0:
        return
    cdef MutableBytes values = MutableBytes(&view[0, 0, 0], pixels.size)
    cdef Status status
    with nogil:
        # `view` holds the pixels.
        status = ApplySteps(native_steps, size, values)
    check(status)


def decode(data, make_rows, *, steps, rule, **options_parts):
    cdef const uint8_t[::1] view = view_of(data)
    cdef Bytes encoded = bytes_of(view)
    cdef RenderOptions options = make_options(options_parts)
    cdef OwnedCropRule crop_rule = make_rule(rule)
    cdef vector[Step] native_steps = make_steps(steps)
    cdef _Renderer renderer = renderer_of_this_thread()
    cdef Crop crop
    cdef Status status
    with nogil:
        status = FindCrop(renderer.core[0], encoded, crop_rule, options, &crop)
    check(status)
    row = make_rows(crop.window.height, crop.window.width)
    cdef uint8_t[::1] row_view = row.reshape(-1).view(np.uint8)
    cdef MutableBytes row_bytes = MutableBytes(&row_view[0], row_view.shape[0])
    with nogil:
        # Neither `data` nor `row` can go away or be resized: both views hold them.
        status = RenderStepped(renderer.core[0], encoded, crop, options, native_steps, row_bytes)
    check(status)
    return row


def decode_batch(images, make_rows, *, threads, rule, **options_parts):
    cdef RenderOptions options = make_options(options_parts)
    cdef OwnedCropRule crop_rule = make_rule(rule)
    for steps_of_image in rule["steps"]:
        crop_rule.steps.push_back(make_steps(steps_of_image))
    cdef vector[Bytes] encoded
    cdef const uint8_t[::1] view
    views = []  # holds the images' memory
    for image in images:
        view = view_of(image)
        views.append(view)
        encoded.push_back(bytes_of(view))
    cdef Size output
    if crop_rule.has_transform:
        output = crop_rule.transform.size
    elif crop_rule.has_size:
        output = crop_rule.size
    else:
        raise ValueError("a batch needs one size for all its images")
    rows = make_rows(output.height, output.width)
    cdef uint8_t[::1] rows_view = rows.reshape(-1).view(np.uint8)
    cdef MutableBytes rows_bytes
    if rows_view.shape[0] > 0:
        rows_bytes = MutableBytes(&rows_view[0], rows_view.shape[0])
    cdef int thread_count = threads
    cdef Status status
    with nogil:
        # `views` and `rows_view` hold all memory that the threads touch.
        status = RenderMany(encoded, crop_rule, options, thread_count, rows_bytes)
    check(status)
    return rows


cdef vector[uint8_t] make_truths(values) except *:
    """Of [n] truth values, or None."""
    cdef vector[uint8_t] truths
    cdef uint8_t truth  # a name, since push_back takes its argument by reference
    if values is not None:
        for value in values:
            truth = bool(value)
            truths.push_back(truth)
    return move(truths)


cdef OwnedCropRule make_rule(parts) except *:
    """`boxes`: [n, 4] or None; `flips`: [n] or None; `size`: (height, width) or None; and so on."""
    cdef OwnedCropRule rule
    cdef Box box
    cdef string name
    take_text(name, parts["interpolation"].encode())
    if parts["boxes"] is not None:
        for numbers in parts["boxes"]:
            box.x, box.y, box.width, box.height = numbers
            rule.boxes.push_back(box)
    rule.flips = make_truths(parts["flips"])
    rule.vflips = make_truths(parts["vflips"])
    check(FromName(name, &rule.interpolation))
    rule.has_window = parts["window"] is not None
    if rule.has_window:
        rule.window.x, rule.window.y, rule.window.width, rule.window.height = parts["window"]
    rule.has_size = parts["size"] is not None
    if rule.has_size:
        rule.size.height, rule.size.width = parts["size"]
    rule.has_transform = parts["transform"] is not None
    if rule.has_transform:
        rule.transform = make_transform(parts["transform"])
    return move(rule)
