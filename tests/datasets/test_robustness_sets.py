"""ImageNet-A, -R and -Sketch: trees of class folders, from miniatures to labelled batches."""

from __future__ import annotations

import gzip
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from support.small_wholes import check_batches

import fastinet
from fastinet import metrics
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.published import published_classes
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import tar
from fastinet.testing.ilsvrc import write_archive
from fastinet.testing.robustness import (
    imagenet_a_members,
    imagenet_r_members,
    imagenet_sketch_members,
)

SETS = {"a": imagenet_a_members(), "r": imagenet_r_members(), "sketch": imagenet_sketch_members()}
LABELS = {wnid: label for label, wnid in enumerate(imagenet1k_wnids())}


def images_of(name: str) -> dict[str, bytes]:
    return {key: data for key, data in SETS[name].items() if not key.endswith(".txt")}


def wnid_of(key: str) -> str:
    return key.split("/")[1]


@pytest.mark.parametrize("form", ["tar", "tar.gz", "folder"])
@pytest.mark.parametrize("name", list(SETS))
def test_own_labels_and_labels_among_the_1000(tmp_path: Path, name: str, form: str) -> None:
    path = write_archive(tmp_path / "renamed", SETS[name], form=form)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)  # of README.txt
        own = fastinet.open(path)
        among = fastinet.open(path, classes="imagenet1k")
    images = images_of(name)
    wnids = sorted({wnid_of(key) for key in images})
    check_batches(own, {key: (wnids.index(wnid_of(key)), data) for key, data in images.items()})
    check_batches(among, {key: (LABELS[wnid_of(key)], data) for key, data in images.items()})
    assert list(own.wnids) == wnids
    scores = np.random.default_rng(0).normal(size=(len(own), 1000))
    columns = metrics.class_columns(among.classes, own.classes)
    assert metrics.evaluate(scores, among.labels, (1,), columns) == metrics.evaluate(
        scores[:, columns], own.labels, (1,)
    )


@pytest.mark.parametrize("name", list(SETS))
def test_a_stream_has_the_labels_of_the_archive(name: str) -> None:
    data = tar(SETS[name])
    for sent in (data, gzip.compress(data)):
        stream = fastinet.open_stream(io.BytesIO(sent), classes="imagenet1k")
        found = {
            item.key: (stream.label(item.key, item.companions), item.data)
            for item in stream.items()
        }
        assert found == {key: (LABELS[wnid_of(key)], d) for key, d in images_of(name).items()}


def test_the_validation_images_of_the_same_classes(tmp_path: Path) -> None:
    """As eval.py of ImageNet-R compares: the same 200 classes of ImageNet-1K's images."""
    rng = np.random.default_rng(0)
    numbers = 1 + rng.permutation(50_000)[:40]
    val = {f"ILSVRC2012_val_{number:08d}.JPEG": b"\xff\xd8\xff" for number in numbers}
    part = write_archive(tmp_path / "val.tar", val)
    with pytest.warns(FastinetWarning, match="of the 200 classes have no items"):
        chosen = fastinet.open(part).select_classes(published_classes("imagenet-r"))
    assert chosen.wnids == published_classes("imagenet-r")
    assert 0 < len(chosen) < 40
