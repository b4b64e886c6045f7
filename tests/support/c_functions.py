"""The structures of the C API, and what its functions return, as ctypes has them."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint8, c_void_p


class Box(ctypes.Structure):
    """As fastinet_box."""

    _fields_ = [(name, c_int32) for name in ("x", "y", "width", "height")]


class Options(ctypes.Structure):
    """As fastinet_loader_options."""

    _fields_ = [
        ("struct_bytes", c_size_t),
        ("batch_size", c_int64),
        ("transform", ctypes.c_int),
        ("width", c_int32),
        ("height", c_int32),
        ("resize", c_int32),
        ("scale", ctypes.c_double * 2),
        ("ratio", ctypes.c_double * 2),
        ("flip_probability", ctypes.c_double),
        ("interpolation", ctypes.c_int),
        ("dtype", ctypes.c_int),
        ("layout", ctypes.c_int),
        ("mean", ctypes.c_double * 3),
        ("std", ctypes.c_double * 3),
        ("shuffle", ctypes.c_int),
        ("repeats", c_int64),
        ("seed", ctypes.c_uint64),
        ("threads", ctypes.c_int),
        ("on_error", ctypes.c_int),
        ("drop_last", ctypes.c_int),
        ("rank", c_int64),
        ("world", c_int64),
        ("prefetch", c_int64),
    ]


RESULTS = {
    "fastinet_version": c_char_p,
    "fastinet_error_message": c_char_p,
    "fastinet_error_cause": c_char_p,
    "fastinet_error_archive": c_char_p,
    "fastinet_error_member": c_char_p,
    "fastinet_error_offset_bytes": c_int64,
    "fastinet_dataset_size": c_int64,
    "fastinet_dataset_split": c_char_p,
    "fastinet_dataset_split_name": c_char_p,
    "fastinet_dataset_classes": c_int64,
    "fastinet_dataset_labels": POINTER(c_int64),
    "fastinet_dataset_wnid": c_char_p,
    "fastinet_dataset_key": c_void_p,
    "fastinet_loader_batches": c_int64,
    "fastinet_batch_rows": c_int64,
    "fastinet_batch_images": c_void_p,
    "fastinet_batch_labels": POINTER(c_int64),
    "fastinet_batch_items": POINTER(c_int64),
    "fastinet_batch_valid": POINTER(c_uint8),
    "fastinet_batch_boxes": POINTER(Box),
    "fastinet_batch_flips": POINTER(c_uint8),
    "fastinet_batch_failures": c_int64,
}
