"""Arrays as tensors: the same memory, kept alive, in every element type that rows have."""

from __future__ import annotations

import gc
import typing
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fastinet.pixels.output import DType, OutputFormat  # noqa: E402
from fastinet.torch.tensors import TORCH_DTYPES, channels_second, checked_names, tensor  # noqa: E402


@pytest.mark.parametrize("dtype", typing.get_args(DType))
def test_a_tensor_lies_over_its_array(dtype: DType) -> None:
    numpy_dtype = OutputFormat(dtype).numpy_dtype()
    array = np.arange(12).reshape(3, 4).astype(numpy_dtype)
    over = tensor(array)
    assert over.dtype == TORCH_DTYPES[dtype]
    assert over.shape == (3, 4)
    assert over.to(torch.float64).tolist() == array.astype(np.float64).tolist()
    array[1, 2] = 100
    assert float(over[1, 2]) == 100
    del array
    gc.collect()
    assert float(over[1, 2]) == 100, "the tensor keeps the memory"


def test_each_dtype_of_rows_has_one_of_torch() -> None:
    assert set(TORCH_DTYPES) == set(typing.get_args(DType))
    assert {str(dtype).removeprefix("torch.") for dtype in TORCH_DTYPES.values()} == set(
        TORCH_DTYPES
    )


@pytest.mark.parametrize("before", [(), (2,), (2, 5)])
def test_channels_move_and_memory_stays(before: tuple[int, ...]) -> None:
    array = np.arange(np.prod([*before, 4, 6, 3])).reshape(*before, 4, 6, 3)
    images = torch.from_numpy(array)
    moved = channels_second(images)
    assert np.array_equal(moved.numpy(), np.moveaxis(array, -1, -3))
    assert moved.data_ptr() == images.data_ptr()
    if len(before) == 1:
        assert moved.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ("ab", TypeError, "not 'ab'"),
        (("images",), TypeError, r"as \(.pixel_values., .labels.\)"),
        ((1, "labels"), TypeError, "names are those of images and labels"),
        (("x", "x"), ValueError, "cannot both be called 'x'"),
    ],
)
def test_names_that_make_no_sense(names: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        checked_names(names, {})


def test_names_of_images_and_labels() -> None:
    assert checked_names(None, {"soft_labels": 1}) is None
    assert checked_names(["pixel_values", "labels"], {}) == ("pixel_values", "labels")
    with pytest.raises(ValueError, match="would leave soft_labels out"):
        checked_names(("x", "y"), {"soft_labels": 1})
