# cython: language_level=3, freethreading_compatible=True
# distutils: language = c++
"""Plans as arrays: pure functions of (seed, epoch), which the stub ``_plan.pyi`` documents."""

import numpy as np

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from libcpp cimport bool as cpp_bool
from libcpp.vector cimport vector

cdef extern from *:
    """
    /// Atomic, since several processes fetch items of one dataset at a time.
    static inline uint32_t CountUp(uint32_t* count) {
      return __atomic_fetch_add(count, 1U, __ATOMIC_RELAXED);
    }
    """
    uint32_t CountUp(uint32_t* count) nogil

from fastinet._native._core cimport (
    AugmentKey,
    BlockedOrder,
    Crop,
    DrawCrop,
    ObjectBox,
    Objects,
    Permutation,
    BlockStarts,
    Size,
    Transform,
    make_transform,
)


@cython.boundscheck(False)
@cython.wraparound(False)
@cython.cdivision(True)
def epoch_order(
    n, *, seed=0, epoch=0, shuffle=True, repeats=1, rank=0, world=1, start=0, stop=None
):
    """Item ids int64 of one rank's positions within an epoch, in order."""
    stop = n if stop is None else stop
    if n < 0 or not 0 <= start or not 0 <= rank < world or repeats < 1:
        raise ValueError(
            f"no plan for {n} items, start {start}, rank {rank} of {world}, repeats {repeats}"
        )
    first = start + (rank - start) % world
    cdef int64_t count = max(0, -(-(stop - first) // world)) if n else 0
    cdef uint64_t position = first, stride = world, items = n, copies = repeats, turn
    cdef cpp_bool shuffled = shuffle
    cdef int64_t i
    order = np.empty(count, np.int64)
    cdef int64_t[::1] out = order
    cdef Permutation* permutation = new Permutation(items, seed, epoch)
    try:
        with nogil:
            for i in range(count):
                turn = position % items // copies
                out[i] = permutation.At(turn) if shuffled else turn
                position += stride
    finally:
        del permutation
    return order


def blocked_order(const int64_t[::1] block_starts, *, seed=0, epoch=0, window_blocks=1, lanes=1):
    """Positions int64 in the sequence of blocks of all items of a blocked epoch, in order."""
    if block_starts.shape[0] < 1 or block_starts[0] != 0 or (np.diff(block_starts) < 0).any():
        raise ValueError("block_starts must begin with 0 and ascend")
    if window_blocks < 1 or lanes < 1:
        raise ValueError(f"no windows of {window_blocks} blocks in {lanes} lanes")
    cdef BlockedOrder blocked
    blocked.seed, blocked.epoch = seed, epoch
    blocked.window_blocks, blocked.lanes = window_blocks, lanes
    cdef vector[int64_t] drawn
    with nogil:
        drawn = blocked.Draw(BlockStarts(&block_starts[0], block_starts.shape[0]))
    order = np.empty(drawn.size(), np.int64)
    cdef int64_t[::1] out = order
    cdef int64_t* first
    if drawn.size() > 0:
        first = &out[0]
        with nogil:
            memcpy(first, drawn.data(), drawn.size() * sizeof(int64_t))
    return order


@cython.boundscheck(False)
@cython.wraparound(False)
def count_up(uint32_t[::1] counts, const int64_t[::1] items):
    """What the counts of items were, uint32 [N], each of which is one more from now on."""
    cdef int64_t count = counts.shape[0]
    cdef Py_ssize_t i
    before = np.empty(items.shape[0], np.uint32)
    cdef uint32_t[::1] out = before
    cdef Py_ssize_t wrong = -1
    with nogil:
        for i in range(items.shape[0]):
            if not 0 <= items[i] < count:
                wrong = i
                break
        if wrong < 0:
            for i in range(items.shape[0]):
                out[i] = CountUp(&counts[items[i]])
    if wrong >= 0:
        raise IndexError(f"there is no item {items[wrong]} among {count}")
    return before


def draw_crops(transform, sizes, items, *, seed=0, epoch=0, starts=None, objects=None):
    """Boxes int32 [N, 4] (x, y, width, height) and flips bool [N] of items under a transform."""
    return _draw(transform, sizes, items, seed, epoch, starts, objects)[:2]


def draw_windows(transform, sizes, items, *, seed=0, epoch=0):
    """Windows int32 [N, 4], vertical flips bool [N] and interpolations uint8 [N], likewise."""
    return _draw(transform, sizes, items, seed, epoch, None, None)[2:]


@cython.boundscheck(False)
@cython.wraparound(False)
def _draw(
    transform, const int32_t[:, ::1] sizes, const int64_t[::1] items, seed, epoch, starts, objects
):
    """Everything that the crops of items are: one array for each part of it."""
    if sizes.shape[0] != items.shape[0] or sizes.shape[1] != 2:
        raise ValueError(f"sizes must be [{items.shape[0]}, 2] (width, height) for as many items")
    if starts is None:
        starts, objects = np.zeros(sizes.shape[0] + 1, np.int64), np.zeros((0, 4), np.float32)
    cdef const int64_t[::1] start = starts
    cdef const float[:, ::1] object_boxes = objects
    if (
        start.shape[0] != sizes.shape[0] + 1
        or start[0] != 0
        or (np.diff(starts) < 0).any()
        or start[sizes.shape[0]] != object_boxes.shape[0]
        or object_boxes.shape[1] != 4
    ):
        raise ValueError("objects must be [M, 4], and starts [N + 1] rise from 0 to M")
    cdef const ObjectBox* first = NULL
    if object_boxes.shape[0]:
        first = <const ObjectBox*> &object_boxes[0, 0]
    cdef Transform rule = make_transform(transform)
    cdef AugmentKey key
    cdef Crop crop
    cdef Size size
    cdef Py_ssize_t i
    key.seed, key.epoch = seed, epoch
    boxes, windows = np.empty((2, items.shape[0], 4), np.int32)
    flips, vflips = np.empty((2, items.shape[0]), np.bool_)
    interpolations = np.empty(items.shape[0], np.uint8)
    cdef int32_t[:, ::1] box = boxes
    cdef int32_t[:, ::1] window = windows
    cdef uint8_t[::1] flip = flips.view(np.uint8)
    cdef uint8_t[::1] vflip = vflips.view(np.uint8)
    cdef uint8_t[::1] interpolation = interpolations
    with nogil:
        for i in range(items.shape[0]):
            size.width, size.height = sizes[i, 0], sizes[i, 1]
            key.item = items[i]
            crop = DrawCrop(
                rule, size, key, Objects(first + start[i], <size_t> (start[i + 1] - start[i]))
            )
            box[i, 0], box[i, 1] = crop.box.x, crop.box.y
            box[i, 2], box[i, 3] = crop.box.width, crop.box.height
            window[i, 0], window[i, 1] = crop.window.x, crop.window.y
            window[i, 2], window[i, 3] = crop.window.width, crop.window.height
            flip[i], vflip[i] = crop.flip, crop.vflip
            interpolation[i] = <uint8_t> crop.interpolation
    return boxes, flips, windows, vflips, interpolations
