"""What a PyTorch program may ask any loader about how it was made."""

from __future__ import annotations

import io

import numpy as np
import pytest

import fastinet
from fastinet.loading.feeding import Feed
from fastinet.loading.loader_names import LoaderNames
from fastinet.testing.archives import train_tar

# torch.utils.data.DataLoader's attributes, from its source.
NAMES = (
    "num_workers collate_fn pin_memory pin_memory_device timeout worker_init_fn "
    "multiprocessing_context generator prefetch_factor persistent_workers in_order"
)


def test_every_loader_answers(dataset: fastinet.Dataset) -> None:
    loader = fastinet.Loader(dataset, 4, fastinet.Resize(8))
    stream = fastinet.open_stream(io.BytesIO(train_tar({})), classes="imagenet1k")
    for each in (loader, fastinet.StreamLoader(stream, 4, fastinet.Resize(8))):
        assert all(hasattr(each, name) for name in NAMES.split())
        assert each.num_workers == 0
        assert each.generator is None
        assert not each.pin_memory
        assert each.batch_size == 4
        assert not each.drop_last
        assert each.n_inp == 1
    assert issubclass(Feed, LoaderNames)
    assert loader.dataset is dataset


def test_a_loader_in_a_datasets_place_says_what_goes_there(dataset: fastinet.Dataset) -> None:
    torch = pytest.importorskip("torch")
    fastinet_torch = pytest.importorskip("fastinet.torch")
    loaders = [
        kind(dataset, 4, fastinet.Resize(8)) for kind in (fastinet.Loader, fastinet_torch.Loader)
    ]
    for loader in loaders:
        for batch_size in (None, 2):
            with pytest.raises(TypeError, match=r"loop over the loader itself.*ImageDataset"):
                next(iter(torch.utils.data.DataLoader(loader, batch_size=batch_size)))


def test_a_loader_is_no_array(dataset: fastinet.Dataset) -> None:
    """Without a word of its own NumPy would take it for an object, or decode a whole epoch."""
    loader = fastinet.Loader(dataset, 4, fastinet.Resize(8))
    for read in (np.asarray, np.array, lambda each: np.stack([each, each])):
        with pytest.raises(
            TypeError, match=r"is no array: loop over it; Keras takes .*keras\.feed"
        ):
            read(loader)
    assert not hasattr(loader, "shape")
    assert loader.state_dict()["position"] == 0
    with pytest.raises(TypeError, match="has no items: loop over the loader itself"):
        loader[3]
