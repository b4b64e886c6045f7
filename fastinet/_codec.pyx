# cython: language_level=3
# distutils: language = c++
"""One image at a time, without an engine; the stub ``_codec.pyi`` documents it."""

import threading

import numpy as np

from libc.stdint cimport int64_t, uint8_t
from libcpp cimport bool as cpp_bool
from libcpp.string cimport string

from fastinet._core cimport (
    AugmentKey,
    Bytes,
    Crop,
    DrawCrop,
    FromName,
    Interpolation,
    ItemRenderer,
    MutableBytes,
    OutputFormat,
    ReadSize,
    Size,
    Status,
    check,
    make_transform,
)


cdef class _Renderer:
    """A decoder with its buffers."""

    cdef ItemRenderer core


# A renderer is cheap to keep and dear to make, and not for two threads at once.
_of_this_thread = threading.local()


cdef _Renderer renderer_of_this_thread():
    try:
        return _of_this_thread.renderer
    except AttributeError:
        _of_this_thread.renderer = _Renderer()
        return _of_this_thread.renderer


cdef Bytes bytes_of(const uint8_t[::1] view) noexcept:
    return Bytes(&view[0], view.shape[0]) if view.shape[0] > 0 else Bytes()


cdef Size read_size(_Renderer renderer, Bytes data, int64_t max_pixels) except *:
    cdef Size size
    cdef Status status
    with nogil:
        status = ReadSize(renderer.core, data, max_pixels, &size)
    check(status)
    return size


def image_size(data, *, max_pixels):
    cdef const uint8_t[::1] view = memoryview(data).cast("B")
    cdef Size size = read_size(renderer_of_this_thread(), bytes_of(view), max_pixels)
    return size.width, size.height


def decode(
    data,
    box,
    size,
    flip,
    transform,
    *,
    interpolation,
    dtype,
    layout,
    pixel_scale,
    pixel_bias,
    max_pixels,
):
    cdef const uint8_t[::1] view = memoryview(data).cast("B")
    cdef Bytes encoded = bytes_of(view)
    cdef int64_t limit = max_pixels
    cdef Interpolation filter
    cdef OutputFormat format
    cdef string name
    name = interpolation.encode()
    check(FromName(name, &filter))
    name = dtype.encode()
    check(FromName(name, &format.dtype))
    name = layout.encode()
    check(FromName(name, &format.layout))
    for channel in range(3):
        format.scale[channel], format.bias[channel] = pixel_scale[channel], pixel_bias[channel]

    cdef _Renderer renderer = renderer_of_this_thread()
    cdef Size image = read_size(renderer, encoded, limit)
    cdef Crop crop
    cdef AugmentKey no_key  # these transforms draw nothing
    if transform is None:
        crop = crop_of(image, box, size)
    else:
        crop = DrawCrop(make_transform(transform), image, no_key)
    crop.flip = crop.flip != <cpp_bool>flip

    row = np.empty(row_shape(crop.output(), layout), NUMPY_TYPES[dtype])
    cdef uint8_t[::1] row_view = row.reshape(-1).view(np.uint8)
    cdef MutableBytes row_bytes = MutableBytes(&row_view[0], row_view.shape[0])
    cdef Status status
    with nogil:
        # Neither `data` nor `row` can go away or be resized: both views hold them.
        status = renderer.core.Render(encoded, crop, filter, format, limit, row_bytes)
    check(status)
    return row


# NumPy has no name for bfloat16.
NUMPY_TYPES = {
    "uint8": np.uint8,
    "float16": np.float16,
    "bfloat16": np.uint16,
    "float32": np.float32,
}


cdef Crop crop_of(Size image, box, size) except *:
    """`box`, or all of the image, resized to `size`, or not at all."""
    cdef Crop crop
    crop.box.x, crop.box.y, crop.box.width, crop.box.height = (
        (0, 0, image.width, image.height) if box is None else box
    )
    crop.resized.height, crop.resized.width = (
        (crop.box.height, crop.box.width) if size is None else size
    )
    crop.window.x = crop.window.y = 0
    crop.window.width, crop.window.height = crop.resized.width, crop.resized.height
    crop.flip = False
    return crop


cdef tuple row_shape(Size size, layout):
    if layout == "NCHW":
        return 3, size.height, size.width
    return size.height, size.width, 3
