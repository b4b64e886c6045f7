"""Batches as tensors on a device, copied there while the loop works on the batch before."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch.utils import data

import fastinet
from fastinet.loading.batch import SentBatch, described
from fastinet.loading.feeding import Feed
from fastinet.loading.options import refuse_options
from fastinet.loading.samplers import Sampler
from fastinet.pixels.output import DType, OutputFormat
from fastinet.pixels.view_groups import checked_transform, lightings_of
from fastinet.torch.tensors import TORCH_DTYPES, channels_second, checked_names, tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from typing_extensions import Unpack

    from fastinet.items.dataset import Dataset
    from fastinet.loading.epoch import Epoch
    from fastinet.loading.feeding import FeedEpoch
    from fastinet.loading.options import EpochArguments, LoaderOptions
    from fastinet.pixels.view_groups import Transform

__all__ = ["Batch", "Loader"]

_Send: TypeAlias = "Callable[[NDArray[Any]], torch.Tensor]"
_Erased: TypeAlias = "Callable[[], tuple[NDArray[np.int64], NDArray[np.float32]] | None]"
_Finish: TypeAlias = "Callable[[torch.Tensor, _Group, _Send], torch.Tensor]"
"""Makes images on a device what the loop gets. It can ask what is known of their group, and send
more arrays to the device."""


class _Group(NamedTuple):
    """What is known of a batch's images of one group of views."""

    valid: NDArray[np.bool_]
    """Which rows hold an item; the others are zero."""
    erased_pixels: _Erased


class Batch(SentBatch[torch.Tensor]):
    """B rows of images on a device; unpacks to ``images, labels``.

    It offers all that `fastinet.Batch` does; what is not named here is on the host.

    Attributes:
        images: [B, 3, H, W] of the loader's dtype; with views, [B, views, 3, H, W].
        labels: int64 [B].
        soft_labels: float32 [B, C], see `fastinet.Batch.soft_labels`; None for a loader without.
        erased: int32 [B, boxes, 4], see `fastinet.Batch.erased`; None for a transform without.
            Images of a float dtype are erased already.
    """

    arrived: torch.cuda.Event | None = None  # on the device; None where it is at once

    def __repr__(self) -> str:
        return f"<Batch {described(self._arrays)} on {self.labels.device}>"

    @staticmethod
    def _join(arrays: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return torch.cat(arrays, 1)


class Loader(Feed[Batch]):
    """`fastinet.Loader` with tensors on a device; the same batches, to the bit.

    On a CUDA (or ROCm) device, batches are decoded into pinned memory and copied from there on a
    stream of their own, uint8 as they are: a quarter of float32's bytes. Normalisation, erasing,
    element type and order of axes are the device's work, on that stream too. The stream that is
    current when the loop asks for a batch waits for it, the host does not. A pinned buffer is
    decoded into again only when its copy is done.

    On the CPU, tensors lie in the loader's own slots; nothing is copied. On any other device a
    batch is copied, and waited for.

    Args:
        dataset: from `fastinet.open`.
        batch_size: rows of a batch on this rank.
        transform: `fastinet.RandomResizedCrop`, `RandomCrop`, `CenterCrop` or `Resize`.
        device: where batches go; None is the CUDA device that is current when an epoch begins,
            so that a loader may be made before a trainer gives this process its own, or the CPU
            where there is none.
        dtype: "uint8", "float16", "bfloat16" or "float32", see `fastinet.Loader`.
        mean: in units of 0..1, see `fastinet.Loader`; likewise `std`.
        std: see there.
        channels_last: let images [B, 3, H, W] lie in memory in PyTorch's ``channels_last`` format,
            which convolutions on recent GPUs want, rather than contiguously.
        normalise_on_device: where pixels become `dtype`: on the device, or in the loader's threads
            before the copy, with the same bits. None: on the device unless it is the CPU, or the
            transform has `lighting`, with which each image has a normalisation of its own.
        ahead: batches whose copy is begun before the loop asks for them, at most; on CUDA.
        names: of images and labels: the loop then gets dicts with these two tensors in place of a
            `Batch`, such as ``model(**batch)`` takes with ``("pixel_values", "labels")``.
        options: further arguments of `fastinet.Loader`: shuffle, seed, threads, rank, world, ...;
            but not layout or out.

    Attributes:
        loader: the `fastinet.Loader` behind it.
        names: as they were given.
        device: where batches go; of the epoch begun last, if it was not given.

    Raises:
        TypeError, ValueError: as `fastinet.Loader` does.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        transform: Transform,
        *,
        device: torch.device | str | int | None = None,
        dtype: DType | Any = "uint8",
        mean: Any = None,
        std: Any = None,
        channels_last: bool = False,
        normalise_on_device: bool | None = None,
        ahead: int = 1,
        names: tuple[str, str] | None = None,
        **options: Unpack[EpochArguments],
    ) -> None:
        refuse_options("fastinet.torch.Loader", options)
        self.names = checked_names(names, options)
        self._given_device = device
        self.device = _device(device)
        lightings = lightings_of(checked_transform(transform, options.get("views")))
        if normalise_on_device is None:
            normalise_on_device = self.device.type != "cpu" and not lightings
        elif normalise_on_device and lightings:
            raise ValueError(
                f"normalise_on_device=True, but with {lightings[0]} each image has a "
                "normalisation of its own, which the loader's threads make"
            )
        self._output = OutputFormat(dtype, "NHWC" if channels_last else "NCHW", mean, std)
        then = options.get("then")
        is_final = isinstance(then, fastinet.Then) and then.is_final
        if is_final and (dtype != "uint8" or mean is not None):
            raise ValueError(
                f"results of {then} are no images of uint8 [H, W, 3], and so come as they are: "
                "dtype, mean and std are for such images"
            )
        self._finish: _Finish
        on_host: dict[str, Any] = {}  # uint8 as they are
        if is_final:
            self._finish = _as_it_is
        elif normalise_on_device:
            self._finish = _Normalisation(self._output)
        else:
            on_host = {"dtype": dtype, "layout": self._output.layout, "mean": mean, "std": std}
            self._finish = _channels_second if channels_last else _as_it_is
        loader = fastinet.Loader(dataset, batch_size, transform, **on_host, **options)
        self._copies: _Copies | None = None
        if _copies_by_itself(self.device):
            # Those being decoded, those being copied, and one that has just been given.
            buffers = _pinned_buffers(loader, loader.prefetch + (ahead + 1) + 1)
            loader._lend_buffers(buffers)  # noqa: SLF001 - their shape is the loader's to say
            self._most_copies = (ahead + 1) * len(loader._batch_shapes())  # noqa: SLF001
            self._copies = _Copies(self.device, self._most_copies)
        # Elsewhere nothing would run beside the loop.
        super().__init__(loader, ahead=ahead if self._copies is not None else 0)

    @property
    def options(self) -> LoaderOptions:
        """The loader's options; `output` says how images lie on the device."""
        return dataclasses.replace(self.loader.options, output=self._output)

    def __repr__(self) -> str:
        return f"<fastinet.torch.Loader to {self.device} of {self.loader!r}>"

    def _begin(self, batches: Epoch) -> FeedEpoch[Batch]:
        self.device = device = _device(self._given_device)
        if self._copies is not None and self._copies.device != device:
            self._copies.wait()
            self._copies = _Copies(device, self._most_copies)
        return super()._begin(batches)

    def _send(self, batch: fastinet.Batch) -> Batch:
        if self._copies is not None:
            return self._copies.begin(batch, self._finish)

        def send(array: NDArray[Any]) -> torch.Tensor:
            return tensor(array).to(self.device)

        groups = _groups_of(batch)
        return Batch(batch, lambda images: self._finish(send(images), next(groups), send), send)

    def _deliver(self, sent: Batch) -> Any:
        if self._copies is not None:
            self._copies.hand_over(sent)
        return sent if self.names is None else dict(zip(self.names, sent, strict=True))

    @property
    def sampler(self) -> Sampler:
        """See `fastinet.Loader.sampler`; a ``SequentialSampler`` without a shuffle."""
        return (Sampler if self.loader.shuffle else _SequentialSampler)(self.loader, self)


class _SequentialSampler(Sampler, data.SequentialSampler):
    """What trainers that look for a shuffle know as none."""


def _groups_of(batch: fastinet.Batch) -> Iterator[_Group]:
    """The groups of a batch's views, in order."""
    for number in itertools.count():
        yield _Group(batch.valid, functools.partial(batch.erased_pixels, number))


def _as_it_is(images: torch.Tensor, *_: object) -> torch.Tensor:
    return images


def _channels_second(images: torch.Tensor, *_: object) -> torch.Tensor:
    return channels_second(images)


def _device(device: torch.device | str | int | None) -> torch.device:
    """A device with its index, so that it stays the same one when the current device changes."""
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    chosen = torch.device(device)
    if chosen.type == "cuda" and chosen.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return chosen


def _copies_by_itself(device: torch.device) -> bool:
    """Whether the device fetches from pinned memory while the host goes on."""
    return str(device.type) == "cuda"


class _Normalisation:
    """uint8 [..., H, W, 3] to what an `OutputFormat` says, as [..., 3, H, W].

    Bit-equal to the native rows of that format: ``pixel * scale + bias`` in float32, two
    operations with a rounding each, and one more rounding to the element type. Pixels that are
    erased get the values that the engine gives them, and rows without an item stay zero.
    """

    def __init__(self, output: OutputFormat) -> None:
        native = output.native()
        self._dtype = TORCH_DTYPES[output.dtype]
        self._scale, self._bias = (
            torch.tensor(native[name], dtype=torch.float32)
            for name in ("pixel_scale", "pixel_bias")
        )
        self._channels_last = output.layout == "NHWC"

    def __call__(self, pixels: torch.Tensor, group: _Group, send: _Send) -> torch.Tensor:
        images = pixels
        if self._dtype != torch.uint8:
            if self._scale.device != images.device:
                self._scale, self._bias = (
                    each.to(images.device) for each in (self._scale, self._bias)
                )
            images = pixels.to(torch.float32).mul_(self._scale).add_(self._bias).to(self._dtype)
            erased = group.erased_pixels()
            if erased is not None and len(erased[0]):
                numbers, values = send(erased[0]), send(erased[1])
                images.view(-1, 3).index_copy_(0, numbers, values.to(self._dtype))
            if not group.valid.all():
                images.index_fill_(0, send(np.flatnonzero(~group.valid)), 0)
        images = channels_second(images)
        return images if self._channels_last else images.contiguous()


def _pinned_buffers(loader: fastinet.Loader, count: int) -> list[Any]:
    """Page-locked memory for batches, which a GPU fetches by itself; as `out` of a loader."""
    dtype = loader._batch_dtype  # noqa: SLF001
    # bfloat16 as what NumPy has.
    storage = tensor(np.empty(0, np.int16 if dtype.name == "bfloat16" else dtype)).dtype
    buffers: list[list[NDArray[Any]]] = [
        [torch.empty(shape, dtype=storage, pin_memory=True).numpy() for shape in shapes]
        for shapes in [loader._batch_shapes()] * count  # noqa: SLF001
    ]
    return buffers if loader._has_groups else [arrays[0] for arrays in buffers]  # noqa: SLF001


class _Copies:
    """Copies from pinned slots to a CUDA device, on a stream of their own."""

    def __init__(self, device: torch.device, most: int) -> None:
        """`most` arrays may be waiting for their copy's end when the next batch is asked for."""
        self.device = device
        self._most = most
        self._stream = torch.cuda.Stream(device)
        # The arrays keep their slots leased.
        self._under_way: deque[tuple[torch.cuda.Event, NDArray[Any]]] = deque()

    def begin(self, batch: fastinet.Batch, finish: _Finish) -> Batch:
        """Enqueues a batch's copy, and what is to happen to its images on the device."""
        groups = _groups_of(batch)

        def send_images(array: NDArray[Any]) -> torch.Tensor:
            images = tensor(array).to(self.device, non_blocking=True)
            self._under_way.append((self._record(), array))
            return finish(images, next(groups), send)

        def send(array: NDArray[Any]) -> torch.Tensor:
            # Not in pinned memory, and small: PyTorch keeps a pinned copy of it.
            return tensor(array).pin_memory().to(self.device, non_blocking=True)

        with torch.cuda.stream(self._stream):
            sent = Batch(batch, send_images, send)
            sent.arrived = self._record()
        self._release_copied()
        return sent

    def hand_over(self, sent: Batch) -> None:
        """Lets the loop's stream wait for a batch, and the allocator know that it uses it."""
        stream = torch.cuda.current_stream(sent.labels.device)
        stream.wait_event(sent.arrived)
        parts = (*sent.crops, sent.labels, sent.soft_labels, sent._erased)  # noqa: SLF001
        for part in filter(torch.is_tensor, parts):
            # Its memory is of the copying stream's pool. Without this it could go to the next batch
            # as soon as the loop drops it, while the loop's kernels still read it.
            part.record_stream(stream)

    def wait(self) -> None:
        """Waits until nothing is being copied any more."""
        while self._under_way:
            self._under_way.popleft()[0].synchronize()

    def _record(self) -> torch.cuda.Event:
        event = torch.cuda.Event()
        event.record(self._stream)
        return event

    def _release_copied(self) -> None:
        while self._under_way and (
            len(self._under_way) > self._most or self._under_way[0][0].query()
        ):
            copied, _ = self._under_way.popleft()
            copied.synchronize()
