"""Arrays as tensors: the same memory, kept alive, in every element type that rows have."""

from __future__ import annotations

import gc
import typing

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fastinet.pixels.output import DType, OutputFormat  # noqa: E402
from fastinet.torch.tensors import TORCH_DTYPES, channels_second, tensor  # noqa: E402


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
