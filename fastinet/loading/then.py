"""The user's own function of finished rows: what a loader's `then` may be, and what it gives."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fastinet.base.array_types import dtype_name
from fastinet.base.checks import whole_number
from fastinet.pixels.output import OutputFormat
from fastinet.pixels.transform_parts import height_width
from fastinet.pixels.view_groups import erasings_of, groups_of, lightings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import DTypeLike, NDArray

    from fastinet.pixels.view_groups import Transform

__all__ = ["DECODED", "Results", "Then", "checked_then", "generator"]

DECODED: Final = OutputFormat()
"""uint8 NHWC: how the engine makes rows that a function is to see."""

_NUMBERS: Final = "biufcV"  # kinds of NumPy's types; V: those of ml_dtypes
# Functions whose calls return at once, with nothing done yet.
_LATER: Final = (
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
)
_MOST_ELEMENTS = 2**31 - 1  # of one result
_MOST_THREADS = 4096
_STREAM = 0x6661_7374_7468_656E  # "fastthen": no other user of the seed has this key


@dataclass(frozen=True)
class Then:
    """A function of finished rows, for `then=` of loaders: the operation that fastinet lacks.

    It sees the pixels as they are after the crop, the resize, the flip and the operations of
    `augment`, and before they are normalised and erased: uint8 [H, W, 3], RGB. It runs on threads
    of Python, ahead of the loop; NumPy, OpenCV and Pillow let go of Python's lock (the GIL) while
    they work. It is not called for rows that hold no item. With views it is called for each of
    them, whose sizes may differ under a `MultiCrop`.

    It may change the row that it gets and return it, or return another array. What `then=` of a
    loader is given as a plain function ``f`` is ``Then(f)``.

    Args:
        function: called as ``function(row)``; or as the arguments below say.
        batch: call it for all rows of a batch at once: uint8 [n, H, W, 3], with views side by side,
            for each group of views. It returns n results. `n` changes from call to call: rows that
            hold no item are left out, and a last batch may be short.
        random: call it as ``function(row, rng)``, where `rng` is a `numpy.random.Generator` that
            depends on (seed, epoch, item, copy, view) alone; under `batch` it gets a list of n of
            them. Other sources of random numbers make rows that depend on threads and time.
        shape: of the result of one row; None: that of the row.
        dtype: of the result. Results that are images, uint8 [H, W, 3], are normalised and laid out
            as the loader's `dtype`, `layout`, `mean` and `std` say. Others are final: they come to
            the loop as they are.
        threads: that call it; None takes as many as the loader has.

    Raises:
        TypeError: `function` cannot be called so, or `dtype` is no type of numbers.
        ValueError: a shape or number that makes no sense.
    """

    function: Callable[..., Any]
    batch: bool = False
    random: bool = False
    shape: tuple[int, ...] | None = None
    dtype: DTypeLike = "uint8"
    threads: int | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"then must be a function of a row, not {self.function!r}")
        if any(kind(self.function) for kind in _LATER):
            raise TypeError(
                f"then must be a function that returns pixels, and {self.function!r} returns what "
                "is still to be awaited or looped over: threads call it, and no event loop"
            )
        _check_arguments(self.function, self.random)
        object.__setattr__(self, "dtype", _number_type(self.dtype))
        if self.shape is not None:
            if not isinstance(self.shape, Iterable):
                raise TypeError(
                    f"shape of Then must be a tuple of lengths, of one row, not {self.shape!r}; "
                    "() is that of one number"
                )
            shape = tuple(whole_number("shape", side, 1, _MOST_ELEMENTS) for side in self.shape)
            if math.prod(shape) > _MOST_ELEMENTS:
                raise ValueError(f"shape {shape} of Then has more than {_MOST_ELEMENTS} elements")
            object.__setattr__(self, "shape", shape)
        if self.threads is not None:
            whole_number("threads of Then", self.threads, 1, _MOST_THREADS)

    @property
    def is_final(self) -> bool:
        """Whether results come to the loop as they are, since they are no images of uint8."""
        is_image = self.shape is None or (len(self.shape) == 3 and self.shape[2] == 3)
        return self.numpy_dtype() != np.uint8 or not is_image

    def numpy_dtype(self) -> np.dtype[Any]:
        """The type of results."""
        return np.dtype(self.dtype)

    def __repr__(self) -> str:
        name = getattr(self.function, "__qualname__", None) or repr(self.function)
        return f"<Then {name} of a {'batch' if self.batch else 'row'}>"


def _check_arguments(function: Callable[..., Any], random: bool) -> None:
    """Refuses a function that takes another number of arguments than it would be called with."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of some functions in C nobody knows
        return
    for count in (1 + random, 2 - random):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        if count == 1 + random:
            return
        name = getattr(function, "__qualname__", None) or repr(function)
        called = f"{name}({', '.join(signature.parameters)})"
        raise TypeError(
            f"{called} takes two arguments: fastinet.Then(function, random=True) calls it "
            "with a row and a generator of random numbers"
            if count == 2
            else f"{called} takes one argument, and random=True calls it with two, a row "
            "and a generator of random numbers: leave random=True out, or add the argument"
        )


def _number_type(given: Any) -> np.dtype[Any]:
    """The type of results that `dtype` of a `Then` names.

    Raises:
        TypeError: it is none of numbers.
    """
    name = dtype_name(given)
    if name == "bfloat16":
        return OutputFormat(dtype="bfloat16").numpy_dtype()
    is_torchs = type(given).__module__ == "torch"
    dtype: np.dtype[Any] | None = None
    with contextlib.suppress(TypeError):  # as it is for what NumPy does not know
        dtype = None if given is None else np.dtype(name if is_torchs else given)
    if dtype is None or not _is_of_numbers(dtype):
        raise TypeError(f"dtype of Then must be a type of numbers, not {given!r}")
    return dtype


def _is_of_numbers(dtype: np.dtype[Any]) -> bool:
    """Whether its elements are numbers, one each."""
    is_plain = not dtype.hasobject and dtype.names is None and not dtype.shape
    return is_plain and dtype.kind in _NUMBERS


def checked_then(then: Any, transform: Transform, output: OutputFormat) -> Then | None:
    """The `then` of a loader whose rows are made by `transform` and come as `output`.

    Raises:
        TypeError: no function.
        ValueError: it does not go with the transform or the output; the message says why.
    """
    if then is None:
        return None
    checked = then if isinstance(then, Then) else Then(then)
    if lightings := lightings_of(transform):
        raise ValueError(
            f"{lightings[0]} comes with the normalisation of each image, and rows go through "
            "`then` before that: leave lighting= or then= out, or let `then` do all of it, and "
            'give the loop its floats: fastinet.Then(function, random=True, dtype="float32") calls '
            "function(row, rng) with a row of uint8"
        )
    is_default = (output.dtype, output.layout, output.mean) == ("uint8", "NHWC", None)
    if checked.is_final and not is_default:
        raise ValueError(
            f"results of {checked} are no images of uint8 [H, W, 3], and so come as they are: "
            "dtype, layout, mean and std of the loader are for such images"
        )
    if erasings_of(transform) and (checked.is_final or checked.shape is not None):
        raise ValueError(
            "erase= of the transform erases pixels of rows that keep their size and uint8: with "
            f"{checked} of another shape or dtype, erase in the function"
        )
    return checked


def generator(seed: int, epoch: int, item: int, view: int) -> np.random.Generator:
    """The random numbers of one view of an item; view v of copy c has the number ``c * V + v``.

    Philox counts in the first word of its counter, so that no two of them ever meet.
    """
    key, counter = np.array([seed, _STREAM], np.uint64), np.array([0, item, epoch, view], np.uint64)
    bits = np.random.Philox(key=key, counter=counter)
    return np.random.Generator(bits)


class Results:
    """What results of a loader's `then` are made to be, and how.

    Attributes:
        then: the function.
        in_place: results are of the shape and type of rows, and take their place in the slot.
    """

    def __init__(self, then: Then, transform: Transform, output: OutputFormat) -> None:
        """Of `then` over rows of `transform`, for a loader that gives `output`."""
        self.then = then
        self._output = output
        self._is_plain = then.is_final or (output.dtype, output.layout) == ("uint8", "NHWC")
        self.in_place = self._is_plain and not then.is_final and then.shape is None
        self._lines: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
        self.is_erased_here = bool(erasings_of(transform)) and output.dtype != "uint8"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the batches that the loop gets."""
        return self.then.numpy_dtype() if self.then.is_final else self._output.numpy_dtype()

    def shapes(self, transform: Transform) -> list[tuple[int, ...]]:
        """Shape of what becomes of one view, for each group of views of `transform`."""
        return [self.shape(*height_width(view.transform.size)) for view in groups_of(transform)]

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Shape of what becomes of one row of this size."""
        shape = self.result_shape(height, width)
        return shape if self._is_plain else self._output.shape(*shape[:2])

    def result_shape(self, height: int, width: int) -> tuple[int, ...]:
        """Shape of what the function returns for one row of this size."""
        return (height, width, 3) if self.then.shape is None else self.then.shape

    def checked(self, result: Any, expected: tuple[int, ...]) -> NDArray[Any]:
        """A result, if it is an array of the shape and type that were promised.

        Raises:
            TypeError: it is another; the message says what to do.
        """
        if result is None:
            raise TypeError(
                "it returned None: a function that changes the row in place has to return it"
            )
        try:
            array = np.asarray(result)
        except ValueError:  # several things, such as an image and a label
            array = np.empty(0, object)
        if array.shape == expected and array.dtype == self.then.numpy_dtype():
            return array
        promised = f"{self.then.dtype} {list(expected)} was promised"
        if not _is_of_numbers(array.dtype):
            alone = "return the array alone"
            if isinstance(result, Mapping) and result:  # as Albumentations' pipelines give
                alone += f", such as result[{next(iter(result))!r}]"
            raise TypeError(
                f"it returned no array of numbers but {type(result)} where {promised}: {alone}"
            )
        returned = f"it returned {array.dtype} {list(array.shape)} where {promised}"
        if self.then.batch and array.shape[:1] != expected[:1]:
            raise TypeError(
                f"{returned}: under batch=True it is given {expected[0]} rows here, and has to "
                "return a result for each of them, in their order"
            )
        raise TypeError(
            f"{returned}: what it is to return is said by "
            f"fastinet.Then(function, shape={array.shape[self.then.batch :]}, "
            f'dtype="{array.dtype}")'
        )

    def store(self, result: NDArray[Any], target: NDArray[Any]) -> None:
        """Stores a checked result of one row as the loop gets it: with the core's bits."""
        if self._is_plain:
            if target is not result:
                target[...] = result
            return
        is_nchw = self._output.layout == "NCHW"
        channels = np.moveaxis(target, 0, -1) if is_nchw else target
        if self._output.dtype == "uint8":
            channels[...] = result
            return
        if is_nchw:
            scale, bias = self._normalisation(1)
            for channel in range(3):
                plane = np.ascontiguousarray(result[..., channel])
                _normalise(plane, scale[channel], bias[channel], target[channel])
            return
        height, width, _ = result.shape
        lines = (height, width * 3)
        _normalise(result.reshape(lines), *self._normalisation(width), target.reshape(lines))

    def _normalisation(self, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scale and bias of a line of pixels, float32 [width * 3].

        The three numbers over and over, since NumPy is slow along an axis of three.
        """
        if width not in self._lines:
            native = self._output.native()
            scale, bias = (
                np.tile(np.array(native[name], np.float32), width)
                for name in ("pixel_scale", "pixel_bias")
            )
            self._lines[width] = scale, bias
        return self._lines[width]

    def erase(
        self,
        images: Sequence[NDArray[Any]],
        pixels_of: Callable[[int], tuple[NDArray[np.int64], NDArray[np.float32]] | None],
    ) -> None:
        """Erases rows that were normalised: ``pixels_of(group)`` says which and with what."""
        if not self.is_erased_here:
            return
        for group, array in enumerate(images):
            listed = pixels_of(group)
            if listed is None or not len(listed[0]):
                continue
            numbers, values = listed
            if self._output.layout == "NHWC":
                array.reshape(-1, 3)[numbers] = values
                continue
            height, width = array.shape[-2:]
            image, pixel = np.divmod(numbers, height * width)
            array.reshape(-1, 3, height * width)[image, :, pixel] = values


def _normalise(pixels: NDArray[Any], scale: Any, bias: Any, target: NDArray[Any]) -> None:
    """``pixels * scale + bias`` in float32, two operations with a rounding each, and a last one."""
    is_float32 = target.dtype == np.float32
    line = target if is_float32 else np.empty(pixels.shape, np.float32)
    np.multiply(pixels, scale, out=line, dtype=np.float32)
    np.add(line, bias, out=line)
    if not is_float32:
        target[...] = line
