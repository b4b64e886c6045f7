"""What eval is given, form by form: the same numbers in any of them, and refusals that name it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fastinet.cli.eval_inputs import (
    array_names,
    by_label,
    load_array,
    read_predictions,
    read_truth,
)
from fastinet.datasets.classes import imagenet1k_wnids, label_of_ilsvrc2012_id, label_of_tf1001
from fastinet.errors import CorruptError
from fastinet.testing.archives import train_tar
from fastinet.testing.devkit import write_devkit
from fastinet.testing.torch_files import legacy_torch_file, zip_torch_file

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def scores() -> np.ndarray:
    """By label: of each row the label 3 * row has the most."""
    scores = np.random.default_rng(0).random((6, 1000), np.float32)
    scores[np.arange(6), 3 * np.arange(6)] = 2
    return scores


def test_scores_in_any_order_come_by_label(scores: np.ndarray) -> None:
    ids, numbers = np.arange(1, 1001), np.arange(1, 1001)
    by_id = scores[:, label_of_ilsvrc2012_id(ids)]
    background = np.full((6, 1), 9, np.float32)
    by_tf = np.concatenate([background, scores[:, label_of_tf1001(numbers)]], axis=1)
    assert np.array_equal(by_label(scores, "label"), scores)
    assert not np.array_equal(by_id, scores)
    assert np.array_equal(by_label(by_id, "id"), scores)
    assert np.array_equal(by_label(by_tf, "tf"), scores)
    boxes = np.random.default_rng(1).random((2, 1000, 4))
    assert np.array_equal(by_label(boxes[:, label_of_ilsvrc2012_id(ids)], "id"), boxes)


@pytest.mark.parametrize(
    ("order", "shape"), [("id", (6, 1001)), ("tf", (6, 1000)), ("id", (1000,)), ("tf", (1001,))]
)
def test_scores_of_another_shape_are_refused(order: str, shape: tuple[int, ...]) -> None:
    expected = 1001 if order == "tf" else 1000
    with pytest.raises(CorruptError, match=rf"order '{order}' are \[N, {expected}\], got \("):
        by_label(np.zeros(shape), order)  # type: ignore[arg-type]


def test_predictions_as_arrays(tmp_path: Path, scores: np.ndarray) -> None:
    np.save(tmp_path / "p.npy", scores)
    np.savez(tmp_path / "one.npz", scores)
    np.savez(tmp_path / "two.npz", a=scores, b=np.array([[1, 2], [3, 4]]))
    for name, key in (("p.npy", None), ("one.npz", None), ("two.npz", "a")):
        assert np.array_equal(read_predictions(str(tmp_path / name), key, None), scores)
    ranked = read_predictions(str(tmp_path / "two.npz"), "b", "id")
    assert ranked.tolist() == label_of_ilsvrc2012_id([[1, 2], [3, 4]]).tolist()
    assert read_predictions(str(tmp_path / "two.npz"), "b", "label").tolist() == [[1, 2], [3, 4]]
    assert array_names(str(tmp_path / "two.npz"), "npz") == ["a", "b"]
    assert array_names(str(tmp_path / "p.npy"), "npy") == []
    for key, words in ((None, "several arrays"), ("c", "no array 'c'")):
        with pytest.raises(CorruptError, match=f"has {words}; choose with --key: a, b"):
            read_predictions(str(tmp_path / "two.npz"), key, None)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_damaged_arrays_and_python_objects_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    objects = np.array([{}], object)
    (np.save if name == "a.npy" else np.savez)(path, objects)
    with pytest.raises(CorruptError, match="cannot be read as an array"):
        load_array(str(path), name[2:], None)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(CorruptError, match=f"{name}' cannot be read as an array"):
        load_array(str(path), name[2:], None)
    if name == "a.npz":
        with pytest.raises(CorruptError, match="cannot be read as an array"):
            array_names(str(path), "npz")


@pytest.mark.parametrize("form", [legacy_torch_file, zip_torch_file])
def test_tensors_of_torch_files(
    tmp_path: Path, scores: np.ndarray, form: Callable[[Any], bytes]
) -> None:
    """As torch.save writes them, alone or by name; torch is not needed to read them."""
    alone, several = str(tmp_path / "logits.pt"), str(tmp_path / "run.pth")
    ranked = np.array([[1, 2], [3, 4]])
    Path(alone).write_bytes(form(scores))
    Path(several).write_bytes(form({"logits": scores, "top": ranked, "epoch": 3}))
    assert np.array_equal(read_predictions(alone, None, None), scores)
    assert np.array_equal(read_predictions(several, "logits", "label"), scores)
    assert read_predictions(several, "top", "label").tolist() == ranked.tolist()
    assert array_names(several, "torch") == ["logits", "top"]
    assert array_names(alone, "torch") == []
    with pytest.raises(CorruptError, match="several arrays; choose with --key: logits, top"):
        read_predictions(several, None, None)
    labels = str(tmp_path / "labels.pt")
    Path(labels).write_bytes(form(np.arange(6)))
    assert read_truth(labels, None, None).labels.tolist() == [0, 1, 2, 3, 4, 5]
    for value in ([1, 2], {"epoch": 3}, 7):
        Path(labels).write_bytes(form(value))
        with pytest.raises(CorruptError, match=r"labels\.pt' holds a .* torch\.cat makes one"):
            read_predictions(labels, None, None)


def test_labels_in_any_form(tmp_path: Path) -> None:
    labels = np.arange(0, 1000, 100)
    np.save(tmp_path / "l.npy", labels)
    truth = read_truth(str(tmp_path / "l.npy"), None, None)
    assert truth.labels.tolist() == labels.tolist()
    ids = np.arange(1, 11)
    np.save(tmp_path / "ids.npy", ids)
    (tmp_path / "ids.txt").write_text("".join(f"{number}\n" for number in ids))
    for name, order in (("ids.npy", "id"), ("ids.txt", None), ("ids.txt", "id")):
        truth = read_truth(str(tmp_path / name), None, order)  # type: ignore[arg-type]
        assert truth.labels.tolist() == label_of_ilsvrc2012_id(ids).tolist()
        assert truth.wnids == imagenet1k_wnids()
    truth = read_truth(str(tmp_path / "ids.txt"), None, "label")
    assert truth.labels.tolist() == ids.tolist()


@pytest.mark.parametrize("array", [np.zeros((2, 2), np.int64), np.zeros(3), np.zeros((), np.int64)])
def test_arrays_that_are_no_labels(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "l.npy", array)
    with pytest.raises(CorruptError, match=rf"no labels: int \[N\] expected, got {array.dtype}"):
        read_truth(str(tmp_path / "l.npy"), None, None)


def test_labels_of_an_archive_and_of_a_kit(tmp_path: Path) -> None:
    jpeg = b"\xff\xd8\xff"
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({"n01443537": {"a.JPEG": jpeg}, "n01440764": {"b.JPEG": jpeg}}))
    truth = read_truth(str(path), None, None)
    assert [list(truth.wnids)[label] for label in truth.labels.tolist()] == [
        "n01443537",
        "n01440764",
    ]
    kit = write_devkit(tmp_path / "kit.tar.gz", validation_labels=[7, 0, 999])
    truth = read_truth(str(kit), None, None)
    assert truth.labels.tolist() == [7, 0, 999]
    assert truth.wnids == imagenet1k_wnids()
