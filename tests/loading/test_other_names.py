"""Arguments of other loaders, of which each is told what takes its place."""

from __future__ import annotations

import importlib.util
import inspect
import io
import re
from typing import Any

import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop, StreamLoader
from fastinet.loading.other_names import OTHER_NAMES
from fastinet.testing.archives import train_tar

CROP: Any = RandomResizedCrop(8)


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_it_says_what_takes_their_place(dataset: fastinet.Dataset, name: str) -> None:
    with pytest.raises(TypeError, match=rf"^fastinet\.Loader has no {name}=: .{{15}}"):
        Loader(dataset, 4, CROP, **{name: 1})
    if name not in ("epoch", "stream"):  # which it has
        stream = fastinet.open_stream(io.BytesIO(train_tar({})), classes="imagenet1k")
        with pytest.raises(TypeError, match=rf"^fastinet\.StreamLoader has no {name}=: "):
            StreamLoader(stream, 4, CROP, **{name: 1})


def test_what_it_names_is_there() -> None:
    """Each option that an explanation recommends is one of some loader here."""
    torch_loader = {"channels_last", "device"}
    known = set(inspect.signature(Loader).parameters) | torch_loader
    for name, said in OTHER_NAMES.items():
        named = set(re.findall(r"\b([a-z_]+)=", said)) - torch_loader
        assert named <= known, name
        assert name not in inspect.signature(Loader).parameters, "it has that itself"


def test_every_option_of_dataloader_is_answered(dataset: fastinet.Dataset) -> None:
    torch_data: Any = pytest.importorskip("torch.utils.data")
    own = set(inspect.signature(Loader).parameters)
    for name in inspect.signature(torch_data.DataLoader).parameters:
        assert name in own or name in OTHER_NAMES
    torch_loader: Any = pytest.importorskip("fastinet.torch").Loader
    with pytest.raises(TypeError, match="has no num_workers=: threads= says"):
        torch_loader(dataset, 4, CROP, num_workers=4)


def test_what_takes_a_loader_sends_its_options_there(dataset: fastinet.Dataset) -> None:
    pytest.importorskip("torch")
    loader = Loader(dataset, 4, CROP)
    takers: dict[str, Any] = {
        "fastinet.torch.IterableDataset": fastinet.torch.IterableDataset,
        "fastinet.torch.TrainerLoader": fastinet.torch.TrainerLoader,
    }
    for library in ("jax", "keras"):
        if importlib.util.find_spec(library):
            module = importlib.import_module(f"fastinet.{library}")
            takers[f"fastinet.{library}.feed"] = module.feed
    for kind, take in takers.items():
        for name in set(inspect.signature(Loader).parameters):
            with pytest.raises(TypeError, match=rf"^{kind} has no {name}=: .*\(\.\.\., {name}="):
                take(loader, **{name: 1})
        with pytest.raises(TypeError, match=rf"^{kind} has no num_workers=: .*: threads= says"):
            take(loader, num_workers=4)


def test_an_image_dataset_sends_options_of_dataloader_there(dataset: fastinet.Dataset) -> None:
    torch_data: Any = pytest.importorskip("torch.utils.data")
    own = set(inspect.signature(Loader).parameters) - {"batch_size"}
    names = set(inspect.signature(torch_data.DataLoader).parameters) - own
    assert {"num_workers", "sampler", "batch_size"} <= names
    for name in names:
        with pytest.raises(TypeError, match=f"^{name} is not for ImageDataset: give it to DataLo"):
            fastinet.torch.ImageDataset(dataset, CROP, **{name: 4})


def test_options_of_one_kind_of_loader(dataset: fastinet.Dataset) -> None:
    stream = fastinet.open_stream(io.BytesIO(train_tar({})), classes="imagenet1k")
    for name in ("boxes", "soft_labels", "sizes", "pad_last", "block"):
        with pytest.raises(TypeError, match=rf"^fastinet\.StreamLoader has no {name}=: "):
            StreamLoader(stream, 4, CROP, **{name: None})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"has no shufle=: did you mean shuffle=\?"):
        Loader(dataset, 4, CROP, shufle=True)  # type: ignore[call-arg]
