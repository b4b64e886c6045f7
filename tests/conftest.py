"""What all tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import hypothesis
import numpy as np
import pytest

import fastinet
from fastinet.testing.archives import train_tar
from fastinet.testing.label_maps import label_map_files, write_label_maps
from fastinet.testing.small import small_jpeg

# Machines differ in speed and so does one machine from hour to hour: no test is about time.
hypothesis.settings.register_profile("fastinet", deadline=None, print_blob=True)
hypothesis.settings.load_profile("fastinet")

# A job in a shell's background ignores interrupts, and programs that tests interrupt inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Keras would take TensorFlow, which no extra of fastinet installs.
os.environ.setdefault("KERAS_BACKEND", "torch")


@pytest.fixture(scope="session")
def archive_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A train archive of 43 small photographs in 5 classes."""
    rng = np.random.default_rng(0)
    counts = {"n01440764": 11, "n01443537": 9, "n02123045": 1, "n03180011": 12, "n15075141": 10}
    classes = {
        wnid: {
            f"{wnid}_{number}.JPEG": small_jpeg(
                rng, quality=int(rng.integers(60, 97)), subsampling=number % 3
            )
            for number in range(count)
        }
        for wnid, count in counts.items()
    }
    path = tmp_path_factory.mktemp("archives") / "train.tar"
    path.write_bytes(train_tar(classes))
    return path


@pytest.fixture(scope="session")
def label_maps(
    dataset: fastinet.Dataset, tmp_path_factory: pytest.TempPathFactory
) -> fastinet.LabelMaps:
    """Label maps of the items of `dataset`."""
    path = tmp_path_factory.mktemp("maps") / "maps.tar"
    return fastinet.open_label_maps(write_label_maps(path, label_map_files(dataset.keys)))


@pytest.fixture(scope="session")
def dataset(archive_path: Path) -> fastinet.Dataset:
    """The dataset in `archive_path`."""
    return fastinet.open(archive_path, index=False)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Takes the place of the user's cache folder, which nothing that a test does may reach."""
    cache = tmp_path / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: cache)
    return cache
