"""The options that all loaders share: one list of them, and what follows from what is left out."""

from __future__ import annotations

import dataclasses
import inspect
import io
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop, Resize, StreamLoader
from fastinet.loading.options import (
    _DECIDED_OTHERWISE,
    EpochArguments,
    LoaderOptions,
    RowArguments,
    checked_shuffle,
    checked_stream_window,
    refuse_options,
)
from fastinet.testing.archives import train_tar

CROP = RandomResizedCrop(8)


def loader_of(dataset: fastinet.Dataset, batch_size: int, **options: Any) -> Loader:
    return Loader(dataset, batch_size, Resize(8), **options)


def stream_loader_of(_: fastinet.Dataset, batch_size: int, **options: Any) -> StreamLoader:
    stream = fastinet.open_stream(io.BytesIO(train_tar({})), classes=["n01440764"])
    return StreamLoader(stream, batch_size, Resize(8), **options)


@pytest.mark.parametrize("make", [loader_of, stream_loader_of])
@pytest.mark.parametrize(
    ("threads", "batch_size", "prefetch"),
    [
        # One batch that the loop is about to get, and two items for each thread in the others.
        (1, 1, 3),
        (4, 1, 9),
        (4, 2, 5),
        (4, 3, 4),
        (4, 7, 3),
        (16, 5, 8),
        (64, 100, 3),
        # Two at least: while the loop has a batch taken over, there is another to work on.
        (4, 8, 2),
        (4, 9, 2),
        (1, 256, 2),
        (128, 256, 2),
        (129, 256, 3),
    ],
)
def test_default_prefetch(
    dataset: fastinet.Dataset, make: Any, threads: int, batch_size: int, prefetch: int
) -> None:
    loader = make(dataset, batch_size, threads=threads)
    assert loader.prefetch == prefetch
    assert (prefetch - 1) * batch_size >= 2 * threads
    assert prefetch == 2 or (prefetch - 2) * batch_size < 2 * threads
    assert make(dataset, batch_size, threads=threads, prefetch=7).prefetch == 7


def test_windows_and_blocks_that_are_left_out_never_change() -> None:
    """They decide the order of an epoch, which later versions must give too."""
    assert checked_shuffle("blocked", None, None) == ("blocked", 1 << 30, 512 << 10)
    assert checked_stream_window(True, None) == 2048
    assert checked_stream_window(False, 7) == 1


@pytest.mark.parametrize(
    ("name", "check", "low", "high"),
    [
        ("block", lambda n: checked_shuffle("blocked", 2**50, n)[2], 1, 2**40),
        ("window", lambda n: checked_shuffle("blocked", n, 4096)[1], 4096, 2**50),
        ("window", lambda n: checked_stream_window(True, n), 1, 2**24),
        ("batch_size", lambda n: options_of(batch_size=n).batch_size, 1, 2**31 - 1),
        ("threads", lambda n: options_of(threads=n).threads, 1, 4096),
        ("prefetch", lambda n: options_of(prefetch=n).prefetch, 1, 2**16),
        ("repeats", lambda n: options_of(transform=CROP, repeats=n).repeats, 1, 2**16),
        ("repeats", lambda n: options_of(transform=CROP, views=3, repeats=n).repeats, 1, 21845),
        ("seed", lambda n: options_of(seed=n).seed, 0, 2**64 - 1),
        ("rank", lambda n: options_of(rank=n, world=7).rank, 0, 6),
        ("world", lambda n: options_of(rank=0, world=n).world, 1, 2**31 - 1),
    ],
)
def test_limits(name: str, check: Any, low: int, high: int) -> None:
    assert [check(number) for number in (low, high)] == [low, high]
    for beyond in (low - 1, high + 1):
        with pytest.raises(ValueError, match=f"^{name} must be "):
            check(beyond)


class Asked(dict[str, Any]):
    """Arguments that note which of them were looked at."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        super().__init__(arguments)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)


def defaults_of(kind: Any) -> dict[str, Any]:
    parameters = inspect.signature(kind).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}


def options_of(**given: Any) -> LoaderOptions:
    return LoaderOptions.of(
        {**defaults_of(Loader), "batch_size": 2, "transform": Resize(8), **given}
    )


def test_no_option_is_left_out_and_all_have_one_default() -> None:
    """What a loader's signature names and does not see to itself is among the shared options."""
    of_archives, of_streams = defaults_of(Loader), defaults_of(StreamLoader)
    asked = Asked({**of_archives, "batch_size": 2, "transform": Resize(8)})
    LoaderOptions.of(asked)
    own = {"shuffle", "window", "out"}
    assert of_streams.keys() - own - {"stream", "epoch"} == asked.names
    of_items = {"dataset", "pad_last", "block", "boxes", "soft_labels", "sizes"}
    assert of_archives.keys() - own - of_items == asked.names
    for name in asked.names | own:
        assert of_archives[name] == of_streams[name], name


def test_options_are_final(dataset: fastinet.Dataset) -> None:
    """Nothing is left to be looked up, and loaders have what was decided as attributes."""
    given = {
        **defaults_of(Loader),
        "batch_size": np.int64(3),
        "transform": RandomResizedCrop(8),
        "views": 2,
        "repeats": 3,
        "rank": "auto",
        "world": "auto",
        "dtype": "float32",
        "exif_orientation": 1,
    }
    options = LoaderOptions.of(given)
    assert options.transform == RandomResizedCrop(8, views=2)
    assert (options.rank, options.world) == (0, 1)
    assert options.output.dtype == "float32"
    assert options.render.exif_orientation is True
    assert options.threads >= 1
    assert options.affinity == ()
    assert options.prefetch >= 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.seed = 1  # type: ignore[misc]
    loader = Loader(**{**given, "dataset": dataset})
    for name in ("batch_size", "transform", "output", "seed", "threads", "affinity", "on_error"):
        assert getattr(loader, name) == getattr(options, name)
    for name in ("drop_last", "rank", "world", "prefetch", "repeats"):
        assert getattr(loader, name) == getattr(options, name)
    assert loader.options == options


@pytest.mark.parametrize("kind", ["fastinet.torch.Loader", "ImageDataset"])
def test_refused_options_are_options(kind: str) -> None:
    reasons = _DECIDED_OTHERWISE[kind]
    assert reasons.keys() <= defaults_of(Loader).keys()
    for name, reason in reasons.items():
        with pytest.raises(TypeError, match=f"^{name} is not for {kind}: {reason}$"):
            refuse_options(kind, {"seed": 1, name: None})
    refuse_options(kind, defaults_of(Loader).keys() - reasons.keys() - {"batch_size"})


@pytest.mark.parametrize(
    ("passed_on", "kind", "own"),
    [
        (EpochArguments, "fastinet.torch.Loader", {"dtype", "mean", "std"}),
        (RowArguments, "ImageDataset", {"seed", "threads", "dtype", "layout", "mean", "std"}),
    ],
)
def test_adapters_pass_on_what_they_do_not_decide(passed_on: Any, kind: str, own: set[str]) -> None:
    """Each option of a loader is passed on, the adapter's own, or refused; and has one type."""
    stated = inspect.get_annotations(Loader.__init__)
    given_by_position = {"dataset", "batch_size", "transform", "return"}
    expected = stated.keys() - given_by_position - own - _DECIDED_OTHERWISE[kind].keys()
    annotations = {
        name: annotation.__forward_arg__ for name, annotation in passed_on.__annotations__.items()
    }
    assert annotations == {name: stated[name] for name in expected}
