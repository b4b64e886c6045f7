"""What `fastinet eval` is given: predictions and labels, in whichever form their content shows."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from fastinet import metrics
from fastinet.cli.eval_classes import Truth
from fastinet.cli.opening import open_archive
from fastinet.datasets.classes import (
    IMAGENET1K_CLASSES,
    ilsvrc2012_id_of_label,
    imagenet1k_wnids,
)
from fastinet.datasets.devkit import is_devkit, read_devkit
from fastinet.errors import CorruptError
from fastinet.formats.torch_files import read_torch_file
from fastinet.items.given_labels import kind_of
from fastinet.metrics.devkit_text import in_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet import Dataset
    from fastinet.datasets.label_sets import LabelSets
    from fastinet.metrics.devkit_text import Order


ARRAYS = ("npy", "npz", "torch")
"""Kinds of files that hold arrays."""

# What NumPy raises of files that are damaged, or hold Python objects.
_DAMAGED = (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


def read_predictions(path: str, key: str | None, order: Order | None) -> NDArray[Any]:
    """Scores [N, C] by label, or ranked labels [N, k].

    Args:
        path: .npy, .npz, .pt or the devkit's text.
        key: of an array in a .npz or .pt, where it has several.
        order: how classes are numbered: None for IDs in text and labels in arrays.
    """
    kind = kind_of(path)
    if kind == "text":
        return metrics.read_guesses(path, order or "id")
    if kind not in ARRAYS:
        raise CorruptError(
            f"'{path}' has no predictions: .npy, .npz, .pt or text of labels expected"
        )
    array = load_array(path, kind, key)
    if order is None or order == "label":
        return array
    if array.dtype.kind in "iu":
        return in_labels(array.astype(np.int64), order)
    return by_label(array, order)


def read_truth(path: str, key: str | None, order: Order | None, split: str | None = None) -> Truth:
    """Labels int [N], or N label sets, and the classes that they are known to number.

    Args:
        path: text, .npy, .npz, .pt, ReaL's real.json, a development kit, or an archive of images.
        key: of an array in a .npz or .pt, where it has several.
        order: how classes are numbered: None for IDs in text and labels in arrays.
        split: of an archive with several; None is "val", where there is one.
    """
    kind = kind_of(path)
    if kind == "text":
        return Truth(metrics.read_labels(path, order or "id"), imagenet1k_wnids(), path)
    if kind == "json":
        return Truth(metrics.real_labels(path), imagenet1k_wnids(), path)
    if kind == "archive":
        if is_devkit(path):
            kit = read_devkit(path)
            return Truth(kit.validation_labels, imagenet1k_wnids(), path, kit.blacklist)
        dataset = _open_for_evaluation(path, split)
        return Truth(_labels_of(dataset), [info.wnid for info in dataset.classes], path)
    array = load_array(path, kind, key)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise CorruptError(
            f"'{path}' has no labels: int [N] expected, got {array.dtype} {array.shape}"
        )
    wnids = imagenet1k_wnids() if order is not None else None
    return Truth(in_labels(array.astype(np.int64), order or "label"), wnids, path)


def _open_for_evaluation(path: str, split: str | None) -> Dataset:
    if split is not None:
        return open_archive(path, split)
    try:
        return open_archive(path, "val")
    except click.UsageError:  # it has none
        return open_archive(path)


def _labels_of(dataset: Dataset) -> NDArray[np.int64] | LabelSets:
    if dataset.label_sets is not None:
        return dataset.label_sets
    unlabelled = int(np.count_nonzero(dataset.labels < 0))
    if unlabelled:
        raise CorruptError(
            f"{unlabelled} of the {len(dataset)} images in split '{dataset.split}' have no label:"
            " give a file of labels instead",
            archive=dataset.path,
        )
    return dataset.labels


def array_names(path: str, kind: str) -> list[str]:
    """The names of the arrays in a .npz or .pt; none in a file of another kind, or of one array."""
    if kind == "torch":
        return [name for name in _tensors(path) if name is not None]
    if kind != "npz":
        return []
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return list(arrays.files)
    except _DAMAGED as error:
        raise CorruptError(f"'{path}' cannot be read as an array: {error}") from None


def load_array(path: str, kind: str, key: str | None) -> NDArray[Any]:
    """An array of a NumPy or torch file; Python objects are refused, for they would run code."""
    if kind == "torch":
        tensors = _tensors(path)
        if None in tensors:
            return tensors[None]
        names = [name for name in tensors if name is not None]
        return tensors[_chosen(names, key, path)]
    try:
        if kind == "npy":
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
            return array
        # Opened here, for NumPy leaves a damaged .npz open.
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return np.asarray(arrays[_chosen(arrays.files, key, path)])
    except _DAMAGED as error:
        if isinstance(error, CorruptError):
            raise
        raise CorruptError(f"'{path}' cannot be read as an array: {error}") from None


def _tensors(path: str) -> dict[str | None, NDArray[Any]]:
    """The tensors of a .pt by their names; under None the one of a file that is a tensor.

    Raises:
        CorruptError: it holds something else, such as a list of a run's batches.
    """
    value = read_torch_file(path)
    if isinstance(value, np.ndarray):
        return {None: value}
    tensors: dict[str | None, NDArray[Any]] = {}
    if isinstance(value, dict):
        tensors.update(
            (name, array)
            for name, array in value.items()
            if isinstance(name, str) and isinstance(array, np.ndarray)
        )
    if not tensors:
        raise CorruptError(
            f"'{path}' holds a {type(value).__name__} without tensors of its own: a tensor is "
            "expected, or a dict of some by name; torch.cat makes one of a list of batches"
        )
    return tensors


def _chosen(names: Sequence[str], key: str | None, path: str) -> str:
    if key in names:
        return str(key)
    if key is None and len(names) == 1:
        return names[0]
    wanted = "several arrays" if key is None else f"no array {key!r}"
    raise CorruptError(f"'{path}' has {wanted}; choose with --key: {', '.join(names)}")


def by_label(scores: NDArray[Any], order: Order) -> NDArray[Any]:
    """Scores [N, C], or boxes [N, C, 4], whose columns go by ``order``, sorted by label."""
    background = 1 if order == "tf" else 0
    if order == "label":
        return scores
    if scores.ndim < 2 or scores.shape[1] != IMAGENET1K_CLASSES + background:
        raise CorruptError(
            f"scores in the order {order!r} are [N, {IMAGENET1K_CLASSES + background}], got"
            f" {scores.shape}"
        )
    if order == "tf":
        return scores[:, 1:]
    return scores[:, ilsvrc2012_id_of_label(np.arange(IMAGENET1K_CLASSES)) - 1]
