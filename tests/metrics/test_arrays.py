"""Arrays of other libraries, PyTorch's above all, as NumPy's: the same values, without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastinet.metrics.arrays import as_array


@pytest.mark.parametrize("values", [[[1, 2], [3, 4]], ((1, 2), (3, 4)), np.array([[1, 2], [3, 4]])])
def test_lists_and_arrays(values: Any) -> None:
    assert as_array(values).tolist() == [[1, 2], [3, 4]]


def test_an_array_is_given_back_as_it_is() -> None:
    values = np.arange(6, dtype=np.float16)
    assert as_array(values) is values


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", "float64", "bool"])
def test_tensors_have_their_memory_and_dtype(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype))
    array = as_array(tensor)
    assert array.dtype == dtype
    assert array.tolist() == tensor.tolist()
    tensor[0, 0] = 1
    assert array[0, 0] == 1


def test_bfloat16_keeps_its_values_as_float32() -> None:
    torch = pytest.importorskip("torch")
    # Every bfloat16 that is a number: the upper halves of float32.
    bits = np.arange(1 << 16, dtype=np.uint16)
    expected = (bits.astype(np.uint32) << 16).view(np.float32)
    tensor = torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16)
    array = as_array(tensor)
    assert array.dtype == np.float32
    assert np.array_equal(array, expected, equal_nan=True)


def test_a_tensor_with_a_gradient() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.ones(3, requires_grad=True) * 2
    assert tensor.grad_fn is not None
    assert as_array(tensor).tolist() == [2, 2, 2]


def test_a_tensor_elsewhere_is_fetched() -> None:
    """A tensor of a device is asked for its copy on the host, detached first."""

    class OnDevice:
        dtype = "torch.float32"

        def __init__(self, calls: list[str]) -> None:
            self.calls = calls

        def detach(self) -> OnDevice:
            return OnDevice([*self.calls, "detach"])

        def cpu(self) -> OnDevice:
            return OnDevice([*self.calls, "cpu"])

        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            assert self.calls == ["detach", "cpu"]
            return np.array([1.5])

    assert as_array(OnDevice([])).tolist() == [1.5]
