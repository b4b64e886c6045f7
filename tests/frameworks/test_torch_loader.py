"""The loader's stream as tensors, on the CPU and on a device that is slow to copy."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import gc
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bad_items import MAX_PIXELS, write_bad_archive

import fastinet
from fastinet import MultiCrop, RandomResizedCrop, View
from fastinet.augment import Lighting, RandomErasing, erase

torch = pytest.importorskip("torch")

import fastinet.torch as fastinet_torch  # noqa: E402
import fastinet.torch.loader as torch_loader  # noqa: E402
from fastinet.metrics import Accumulator, evaluate  # noqa: E402

CROP = RandomResizedCrop(16)
OPTIONS: dict[str, Any] = {"shuffle": True, "seed": 5, "threads": 2}
NORMALISED: dict[str, Any] = {"mean": "imagenet", "std": "imagenet"}


def bits(tensor: Any) -> Any:
    """A tensor's values as NumPy has them; bfloat16 as int16."""
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).cpu().numpy()


def expected_bits(batch: fastinet.Batch) -> Any:
    images = batch.images
    return images.view(np.int16) if images.dtype.name == "bfloat16" else images


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=needs_cuda)]


# The loader


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32"])
def test_same_bits_as_the_loader(
    dataset: fastinet.Dataset, dtype: Any, on_device: bool, channels_last: bool, device: str
) -> None:
    """Normalisation on the device gives the bits of the native one."""
    output = {"dtype": dtype, **({} if dtype == "uint8" else NORMALISED)}
    loader = fastinet_torch.Loader(
        dataset,
        8,
        CROP,
        device=device,
        channels_last=channels_last,
        normalise_on_device=on_device,
        **OPTIONS,
        **output,
    )
    native = fastinet.Loader(dataset, 8, CROP, layout="NCHW", **OPTIONS, **output)
    assert len(loader) == len(native) == 6
    layout = "NHWC" if channels_last else "NCHW"
    output = dataclasses.replace(native.output, layout=layout)
    assert loader.options == dataclasses.replace(native.options, output=output)
    for batch, expected in zip(loader, native, strict=True):
        images, labels = batch
        assert images.dtype == getattr(torch, dtype)
        assert images.device.type == labels.device.type == device
        assert labels.dtype == torch.int64
        assert images.shape[1:] == (3, 16, 16)
        assert np.array_equal(bits(images), expected_bits(expected))
        assert np.array_equal(labels.cpu().numpy(), expected.labels)
        assert np.array_equal(batch.indices, expected.indices)
        assert np.array_equal(batch.boxes, expected.boxes)
        assert batch.keys == expected.keys
        memory = torch.channels_last if channels_last else torch.contiguous_format
        assert images.is_contiguous(memory_format=memory)


def test_scale_without_normalisation(dataset: fastinet.Dataset) -> None:
    options = {"dtype": "float32", **OPTIONS}
    device = fastinet_torch.Loader(
        dataset, 8, CROP, device="cpu", normalise_on_device=True, **options
    )
    native = fastinet.Loader(dataset, 8, CROP, layout="NCHW", **options)
    for (images, _), (expected, _) in zip(device, native, strict=True):
        assert np.array_equal(images.numpy(), expected)


@pytest.mark.parametrize("on_device", [False, True])
def test_views(dataset: fastinet.Dataset, on_device: bool) -> None:
    loader = fastinet_torch.Loader(
        dataset, 8, CROP, views=2, device="cpu", normalise_on_device=on_device, **OPTIONS
    )
    images, _ = next(iter(loader))
    native = fastinet.Loader(dataset, 8, CROP, views=2, layout="NCHW", **OPTIONS)
    assert images.shape == (8, 2, 3, 16, 16)
    assert np.array_equal(images.numpy(), next(iter(native)).images)


@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize("pad_last", [None, "mask"])
@pytest.mark.filterwarnings("ignore:.*gave no row in this epoch")
def test_rows_without_an_item_are_zero(tmp_path: Path, on_device: bool, pad_last: Any) -> None:
    damaged = write_bad_archive(tmp_path / "bad.tar")
    crops = MultiCrop(
        View(RandomResizedCrop(16, erase=RandomErasing(1, mode="pixel")), count=2), View(CROP)
    )
    options = {"on_error": "mask", "pad_last": pad_last, "max_pixels": MAX_PIXELS, **OPTIONS}
    options |= {"dtype": "float16", **NORMALISED}
    loader = fastinet_torch.Loader(
        damaged, 8, crops, device="cpu", normalise_on_device=on_device, **options
    )
    native = fastinet.Loader(damaged, 8, crops, layout="NCHW", **options)
    masked = 0
    for batch, expected in zip(loader, native, strict=True):
        masked += np.count_nonzero(~batch.valid)
        for images, theirs in zip(batch.crops, expected.crops, strict=True):
            assert np.array_equal(bits(images), theirs)
            assert not images[~batch.valid].any()
    assert masked > 2


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("on_device", [False, True])
def test_groups_of_views(dataset: fastinet.Dataset, on_device: bool, channels_last: bool) -> None:
    views = fastinet.MultiCrop(
        fastinet.View(CROP, count=2), fastinet.View(RandomResizedCrop(9), count=3)
    )
    options: dict[str, Any] = {"dtype": "bfloat16", **NORMALISED, **OPTIONS}
    loader = fastinet_torch.Loader(
        dataset,
        8,
        views,
        device="cpu",
        normalise_on_device=on_device,
        channels_last=channels_last,
        **options,
    )
    native = fastinet.Loader(dataset, 8, views, layout="NCHW", **options)
    for batch, expected in zip(loader, native, strict=True):
        crops, labels = batch
        assert [tuple(each.shape[1:]) for each in crops] == [(2, 3, 16, 16), (3, 3, 9, 9)]
        for own, other in zip(crops, expected.crops, strict=True):
            assert own.dtype == torch.bfloat16
            assert np.array_equal(bits(own), other.view(np.int16))
        assert np.array_equal(labels.numpy(), expected.labels)
        assert repr(batch).startswith("<Batch crops torch.bfloat16 ")
        with pytest.raises(ValueError, match=r"take batch\.crops"):
            _ = batch.images
    alike = fastinet.MultiCrop(fastinet.View(CROP), fastinet.View(CROP))
    batch = next(iter(fastinet_torch.Loader(dataset, 8, alike, device="cpu", **OPTIONS)))
    expected = next(iter(fastinet.Loader(dataset, 8, CROP, views=2, layout="NCHW", **OPTIONS)))
    assert np.array_equal(batch.images.numpy(), expected.images)


def test_kept_tensors_stay_as_they_are(dataset: fastinet.Dataset) -> None:
    loader = fastinet_torch.Loader(dataset, 8, CROP, device="cpu", **OPTIONS)
    kept = [(images, images.clone()) for _ in range(3) for images, _ in loader]
    gc.collect()
    assert all(torch.equal(images, copy) for images, copy in kept)


def test_soft_labels(dataset: fastinet.Dataset, label_maps: fastinet.LabelMaps) -> None:
    options: dict[str, Any] = {"soft_labels": label_maps, **OPTIONS}
    loader = fastinet_torch.Loader(dataset, 8, CROP, device="cpu", **options)
    for batch, expected in zip(loader, fastinet.Loader(dataset, 8, CROP, **options), strict=True):
        assert batch.soft_labels.dtype == torch.float32
        assert np.array_equal(batch.soft_labels.numpy(), expected.soft_labels)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("mode", ["const", "rand", "pixel"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_erasing_on_the_device(
    dataset: fastinet.Dataset, dtype: Any, mode: Any, channels_last: bool, device: str
) -> None:
    """It gives the bits of the native one, noise included, and comes with the boxes."""
    for views in (None, 2):
        crop = RandomResizedCrop(16, views=views, erase=RandomErasing(0.6, mode=mode, count=2))
        loader = fastinet_torch.Loader(
            dataset, 8, crop, device=device, dtype=dtype, normalise_on_device=True,
            channels_last=channels_last, **NORMALISED, **OPTIONS,
        )  # fmt: skip
        native = fastinet.Loader(
            dataset, 8, crop, layout="NCHW", dtype=dtype, **NORMALISED, **OPTIONS
        )
        for batch, expected in zip(loader, native, strict=True):
            assert np.array_equal(bits(batch.images), expected_bits(expected))
            assert batch.erased.device.type == device
            assert np.array_equal(batch.erased.cpu().numpy(), expected.erased)


def test_erasing_groups_of_views_on_the_device(dataset: fastinet.Dataset) -> None:
    crops = MultiCrop(
        View(RandomResizedCrop(9)),
        View(RandomResizedCrop(16, erase=RandomErasing(1, mode="pixel")), count=2),
        View(RandomResizedCrop(12, erase=RandomErasing(1, value=2))),
    )
    options: dict[str, Any] = {"dtype": "float16", **NORMALISED, **OPTIONS}
    loader = fastinet_torch.Loader(
        dataset, 8, crops, device="cpu", normalise_on_device=True, **options
    )
    native = fastinet.Loader(dataset, 8, crops, layout="NCHW", **options)
    for batch, expected in zip(loader, native, strict=True):
        for group in range(3):
            assert np.array_equal(bits(batch.crops[group]), expected.crops[group])


def test_uint8_is_left_to_the_step(dataset: fastinet.Dataset) -> None:
    """The boxes are on the device, for whoever normalises there."""
    crop = RandomResizedCrop(16, erase=RandomErasing(1))
    for on_device in (False, True):
        loader = fastinet_torch.Loader(
            dataset, 8, crop, device="cpu", normalise_on_device=on_device, **OPTIONS
        )
        native = fastinet.Loader(dataset, 8, crop, layout="NCHW", dtype="float32", **OPTIONS)
        for batch, expected in zip(loader, native, strict=True):
            assert batch.images.dtype == torch.uint8
            images = erase(batch.images * torch.tensor(1 / 255), batch.erased)
            assert np.array_equal(images.numpy(), expected.images)


def test_lighting(dataset: fastinet.Dataset) -> None:
    """It is part of a normalisation that differs from image to image."""
    crop = RandomResizedCrop(16, lighting=Lighting())
    options: dict[str, Any] = {"dtype": "float32", **NORMALISED, **OPTIONS}
    loader = fastinet_torch.Loader(dataset, 8, crop, device="meta", **options)
    assert loader.loader.output.dtype == "float32"
    loader = fastinet_torch.Loader(dataset, 8, crop, device="cpu", **options)
    native = fastinet.Loader(dataset, 8, crop, layout="NCHW", **options)
    for batch, expected in zip(loader, native, strict=True):
        assert np.array_equal(batch.images.numpy(), expected.images)
    with pytest.raises(
        ValueError, match=r"normalise_on_device=True, but with Lighting\(std=0\.1\)"
    ):
        fastinet_torch.Loader(dataset, 8, crop, normalise_on_device=True, **options)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_scores_of_padded_batches(dataset: fastinet.Dataset, dtype: Any) -> None:
    weights = torch.rand(3, 1000, dtype=dtype, requires_grad=True)
    ranks = [Accumulator() for _ in range(2)]
    scores = np.zeros((len(dataset), 1000), np.float32)
    for rank, accumulator in enumerate(ranks):
        shared: dict[str, Any] = {"rank": rank, "world": 2, "pad_last": "mask"}
        for batch in fastinet_torch.Loader(dataset, 16, CROP, device="cpu", **shared):
            of_batch = batch.images.to(dtype).mean((2, 3)) @ weights
            accumulator.update(of_batch, batch.labels, batch.indices)
            kept = of_batch.detach().float().numpy()[batch.valid]
            scores[batch.indices[batch.valid]] = kept
    ranks[0].merge(ranks[1])
    assert ranks[0].result(items=len(dataset)) == evaluate(scores, dataset.labels)


def test_sizes_of_the_epoch(dataset: fastinet.Dataset) -> None:
    """Progressive resizing, where rows are normalised on the device and where they are not."""
    for on_device in (False, True):
        loader = fastinet_torch.Loader(
            dataset,
            43,
            CROP,
            device="cpu",
            normalise_on_device=on_device,
            sizes={1: 8, 2: 24},
            **OPTIONS,
        )
        for epoch, side in enumerate([16, 8, 24]):
            images, _ = next(iter(loader))
            native = fastinet.Loader(dataset, 43, RandomResizedCrop(side), layout="NCHW", **OPTIONS)
            assert np.array_equal(images.numpy(), next(native.epoch(epoch)).images)


def test_leaving_early_leaks_nothing(dataset: fastinet.Dataset) -> None:
    loader = fastinet_torch.Loader(dataset, 4, CROP, device="cpu", **OPTIONS)

    def leave_early(epochs: int) -> tuple[int, int, int]:
        for _ in range(epochs):
            for _batch in loader:
                break
        gc.collect()
        process = Path("/proc/self")
        counted = (len(list((process / name).iterdir())) for name in ("task", "fd"))
        return (*counted, loader.stats().slots)

    if not Path("/proc/self/fd").exists():
        pytest.skip("counts in /proc")
    before = leave_early(5)
    assert leave_early(100) == before
    assert loader.stats().extra_slots == 0


def test_device_is_the_one_of_the_epoch(
    dataset: fastinet.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trainers give a process its GPU when they begin, and loaders may be made before."""
    loader = fastinet_torch.Loader(dataset, 8, CROP, normalise_on_device=True, **OPTIONS)
    given = fastinet_torch.Loader(dataset, 8, CROP, device="cpu", **OPTIONS)
    current = torch_loader._device(None)
    monkeypatch.setattr(
        torch_loader, "_device", lambda device: torch.device(device or "meta")
    )  # in the place of another GPU
    for batch in loader:
        assert batch.images.device.type == batch.labels.device.type == "meta" != current.type
    assert loader.device.type == "meta"
    assert next(iter(given)).images.device.type == "cpu"


def test_named_batches_are_dicts(dataset: fastinet.Dataset) -> None:
    """Of tensors alone, so that they go wherever a dict goes; states count them all the same."""
    options = {"device": "cpu", "names": ("pixel_values", "labels"), **OPTIONS}
    loader = fastinet_torch.Loader(dataset, 8, CROP, **options)
    plain = fastinet_torch.Loader(dataset, 8, CROP, device="cpu", **OPTIONS)
    for batch, (images, labels) in zip(loader, plain, strict=True):
        assert type(batch) is dict
        assert list(batch) == ["pixel_values", "labels"]
        assert torch.equal(batch["pixel_values"], images)
        assert torch.equal(batch["labels"], labels)
        assert loader.state_dict() == plain.state_dict()
    with pytest.raises(ValueError, match="would leave soft_labels out"):
        fastinet_torch.Loader(dataset, 8, CROP, soft_labels=object(), **options)


def test_samplers_say_whether_there_is_a_shuffle(dataset: fastinet.Dataset) -> None:
    """Trainers look for PyTorch's sampler of the given order."""
    sequential = torch.utils.data.SequentialSampler
    shuffled = fastinet_torch.Loader(dataset, 8, CROP, device="cpu", shuffle=True)
    given = fastinet_torch.Loader(dataset, 8, CROP, device="cpu")
    assert not isinstance(shuffled.sampler, sequential)
    assert isinstance(given.sampler, sequential)
    assert isinstance(given.batch_sampler.sampler, sequential)
    assert list(given.sampler) == list(range(len(dataset)))
    given.sampler.set_epoch(3)
    next(iter(given))
    assert given.state_dict()["epoch"] == 3


def test_state_goes_between_loaders(dataset: fastinet.Dataset) -> None:
    """A state of one kind of loader loads into the other, at another batch size."""
    ours = fastinet_torch.Loader(dataset, 4, CROP, device="cpu", **OPTIONS)
    epoch = iter(ours)
    seen = [next(epoch).indices for _ in range(3)]
    native = fastinet.Loader(dataset, 6, CROP, **OPTIONS)
    native.load_state_dict(json.loads(json.dumps(ours.state_dict())))
    rest = [batch.indices for batch in native]
    unbroken = [batch.indices for batch in fastinet.Loader(dataset, 4, CROP, **OPTIONS)]
    assert np.array_equal(np.concatenate(seen + rest), np.concatenate(unbroken))


@pytest.mark.parametrize("on_device", [False, True])
def test_a_function_of_rows_comes_before_the_device(
    dataset: fastinet.Dataset, on_device: bool
) -> None:
    options = {**OPTIONS, **NORMALISED, "dtype": "bfloat16", "then": lambda row: 255 - row}
    loader = fastinet_torch.Loader(
        dataset, 8, CROP, device="cpu", normalise_on_device=on_device, **options
    )
    native = fastinet.Loader(dataset, 8, CROP, layout="NCHW", **options)
    for batch, expected in zip(loader, native, strict=True):
        assert np.array_equal(bits(batch.images), expected_bits(expected))
    assert loader.stats().then_rows == 43


def test_final_results_come_as_they_are(dataset: fastinet.Dataset) -> None:
    def code(row: Any) -> Any:
        return row.astype(np.int64).sum((0, 1))

    then = fastinet.Then(code, shape=(3,), dtype=np.int64)
    native = fastinet.Loader(dataset, 8, CROP, **OPTIONS)
    loader = fastinet_torch.Loader(dataset, 8, CROP, device="cpu", then=then, **OPTIONS)
    for batch, expected in zip(loader, native, strict=True):
        assert batch.images.dtype == torch.int64
        assert np.array_equal(batch.images.numpy(), expected.images.astype(np.int64).sum((1, 2)))
    with pytest.raises(ValueError, match="come as they are"):
        fastinet_torch.Loader(dataset, 8, CROP, then=then, dtype="float16")


@pytest.mark.parametrize("name", ["layout", "out"])
def test_arguments_that_are_not_for_it(dataset: fastinet.Dataset, name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} is not for"):
        fastinet_torch.Loader(dataset, 4, CROP, **{name: "NCHW"})


def test_imported_when_named() -> None:
    assert fastinet.torch is fastinet_torch
    with pytest.raises(AttributeError, match="no attribute 'tensorflow'"):
        fastinet.tensorflow  # noqa: B018


# The road to a device that copies by itself: CUDA's, with a device of which the test is the clock


class SlowDevice:
    """Stands in for torch.cuda: an event has passed when three more of them were recorded.

    Slots that copies read from must stay as they are until the event behind the copy has passed.
    """

    def __init__(self) -> None:
        self.recorded = 0
        self.log: list[str] = []
        self.unmarked: list[tuple[int, bytes]] = []  # slots, and what they held
        self.waited_for: set[int] = set()

    def copy(self, tensor: Any, non_blocking: bool) -> Any:
        assert non_blocking
        if tensor.dtype == torch.uint8:  # images, not labels, which are copies already
            # By address: a tensor over the slot would keep it leased.
            self.unmarked.append((tensor.data_ptr(), tensor.numpy().tobytes()))
        return tensor.clone()


class SlowEvent:
    """An event on the one stream of the device."""

    def __init__(self, device: SlowDevice) -> None:
        self.device = device

    def record(self, stream: object) -> None:
        assert stream is self.device
        self.device.recorded += 1
        self.at = self.device.recorded
        self.copies, self.device.unmarked = self.device.unmarked, []

    def query(self) -> bool:
        passed = self.device.recorded >= self.at + 3
        if passed:
            self.synchronize()
        return passed

    def synchronize(self) -> None:
        for slot, held in self.copies:
            now = ctypes.string_at(slot, len(held))
            assert now == held, "a slot was written to while it was copied from"
        self.copies = []


class LoopStream:
    """The stream that the training loop works on."""

    def __init__(self, device: SlowDevice) -> None:
        self.device = device

    def wait_event(self, event: SlowEvent) -> None:
        self.device.waited_for.add(event.at)
        self.device.log.append("wait")


@pytest.fixture
def slow_device(monkeypatch: pytest.MonkeyPatch) -> SlowDevice:
    """The CPU, behaving as a CUDA device whose copies end long after they were begun."""
    device = SlowDevice()
    loop = LoopStream(device)

    def record_stream(_: Any, stream: object) -> None:
        assert stream is loop
        device.log.append("use")

    def buffers(loader: fastinet.Loader, count: int) -> list[Any]:
        made = [
            [np.empty(shape, np.uint8) for shape in loader._batch_shapes()] for _ in range(count)
        ]
        return made if loader._has_groups else [arrays[0] for arrays in made]

    monkeypatch.setattr(torch.cuda, "Stream", lambda _: device)
    monkeypatch.setattr(torch.cuda, "stream", contextlib.nullcontext)
    monkeypatch.setattr(torch.cuda, "Event", lambda: SlowEvent(device))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: loop)
    monkeypatch.setattr(torch_loader, "_copies_by_itself", lambda _: True)
    monkeypatch.setattr(torch_loader, "_pinned_buffers", buffers)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    monkeypatch.setattr(
        torch.Tensor, "to", lambda tensor, _, *, non_blocking: device.copy(tensor, non_blocking)
    )
    monkeypatch.setattr(torch.Tensor, "record_stream", record_stream)
    return device


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_slots_stay_until_their_copy_is_done(
    dataset: fastinet.Dataset,
    label_maps: fastinet.LabelMaps,
    slow_device: SlowDevice,
    ahead: int,
) -> None:
    options: dict[str, Any] = {"soft_labels": label_maps, **OPTIONS}
    loader = fastinet_torch.Loader(
        dataset, 4, CROP, device="cpu", normalise_on_device=True, ahead=ahead, **options
    )
    native = fastinet.Loader(dataset, 4, CROP, layout="NCHW", **options)
    for _ in range(4):
        for batch, expected in zip(loader, native, strict=True):
            assert np.array_equal(batch.images.numpy(), expected.images)
            # The loop's stream waits for the last thing that happened to this batch, and the
            # allocator has heard of that stream before the loop can use or drop its tensors.
            assert batch.arrived.at in slow_device.waited_for
            assert slow_device.log[-4:] == ["wait", "use", "use", "use"]
            assert np.array_equal(batch.soft_labels.numpy(), expected.soft_labels)
    assert loader.stats().extra_slots == 0


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_slots_stay_until_the_last_groups_copy_is_done(
    dataset: fastinet.Dataset, slow_device: SlowDevice, ahead: int
) -> None:
    views = fastinet.MultiCrop(
        fastinet.View(CROP), fastinet.View(RandomResizedCrop(9), count=3), fastinet.View(CROP)
    )
    loader = fastinet_torch.Loader(
        dataset, 4, views, device="cpu", normalise_on_device=True, ahead=ahead, **OPTIONS
    )
    native = fastinet.Loader(dataset, 4, views, layout="NCHW", **OPTIONS)
    for _ in range(4):
        for batch, expected in zip(loader, native, strict=True):
            for own, other in zip(batch.crops, expected.crops, strict=True):
                assert np.array_equal(own.numpy(), other)
            assert batch.arrived.at in slow_device.waited_for
            assert slow_device.log[-5:] == ["wait", *["use"] * 4]  # three groups and the labels
    assert loader.stats().extra_slots == 0


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_results_stay_until_their_copy_is_done(
    dataset: fastinet.Dataset, slow_device: SlowDevice, ahead: int
) -> None:
    options: dict[str, Any] = {**OPTIONS, "then": lambda row: 255 - row}
    loader = fastinet_torch.Loader(
        dataset, 4, CROP, device="cpu", normalise_on_device=True, ahead=ahead, **options
    )
    native = fastinet.Loader(dataset, 4, CROP, layout="NCHW", **options)
    for _ in range(3):
        for batch, expected in zip(loader, native, strict=True):
            assert np.array_equal(batch.images.numpy(), expected.images)
            assert batch.arrived.at in slow_device.waited_for


def test_leaving_early_waits_for_copies_all_the_same(
    dataset: fastinet.Dataset, slow_device: SlowDevice
) -> None:
    """The next epoch takes the slots over; those of the last copies are not among them."""
    loader = fastinet_torch.Loader(
        dataset, 4, CROP, device="cpu", normalise_on_device=True, **OPTIONS
    )
    for _ in range(30):
        for batch in loader:
            batch.images.zero_()
            break
    assert slow_device.recorded >= 60


@needs_cuda
def test_batches_on_a_gpu_stay_as_they_are(dataset: fastinet.Dataset) -> None:
    """While kernels of the loop are far behind, and memory of dropped batches is given out again.

    What the loop's kernels see is summed up on the device, and looked at when all is over.
    """
    loader = fastinet_torch.Loader(dataset, 4, CROP, device="cuda", prefetch=1, **OPTIONS)
    busy = torch.randn(2048, 2048, device="cuda")
    sums = []
    for _ in range(20):
        for images, labels in loader:
            for _ in range(8):  # so that this batch's sum comes late
                busy = busy @ busy / busy.norm()
            sums.append((images.sum(dtype=torch.int64), labels.sum()))
    native = fastinet.Loader(dataset, 4, CROP, **OPTIONS)
    expected = [
        (int(batch.images.sum()), int(batch.labels.sum())) for _ in range(20) for batch in native
    ]
    assert [(int(pixels), int(labels)) for pixels, labels in sums] == expected
    assert loader.stats().extra_slots == 0
