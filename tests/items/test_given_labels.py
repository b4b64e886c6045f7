"""Labels that are given for a dataset: by devkits, files and numbers, right and wrong ones."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet import metrics
from fastinet.datasets import validation
from fastinet.datasets.classes import ilsvrc2012_id_of_label, imagenet1k_wnids
from fastinet.datasets.devkit import read_devkit
from fastinet.errors import CorruptError, FastinetError, MissingError
from fastinet.items.given_labels import kind_of
from fastinet.testing.archives import BLOCK_BYTES, checksummed, tar, train_tar
from fastinet.testing.devkit import write_devkit
from fastinet.testing.ilsvrc import (
    MiniatureChallenge,
    miniature_challenge,
    val_name,
    write_archive,
)

JPEG = b"\xff\xd8\xff\xe0"
ITEMS = 16
WNIDS = imagenet1k_wnids()
PUBLISHED = validation.validation_labels()[:ITEMS]
OTHERS = (PUBLISHED + 7) % 1000
"""Labels that no archive gives by itself."""
SETS = [sorted({int(label), (int(label) * 3) % 1000}) for label in PUBLISHED]
SETS[4] = []


@pytest.fixture(scope="module")
def challenge() -> MiniatureChallenge:
    return miniature_challenge(val=ITEMS)


@pytest.fixture
def val(tmp_path: Path, challenge: MiniatureChallenge) -> Path:
    return write_archive(tmp_path / "val.tar", challenge.official_val())


def truth(path: Path, labels: np.ndarray) -> Path:
    path.write_text("".join(f"{number}\n" for number in ilsvrc2012_id_of_label(labels)))
    return path


def real(path: Path, sets: list[list[int]]) -> Path:
    path.write_text(json.dumps(sets))
    return path


def test_the_table_that_ships() -> None:
    labels = validation.validation_labels()
    file = Path(validation.__file__).with_name("ilsvrc2012_val_labels.txt")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == (
        "098d797749a19d2c76f3243494b4d38079446eab41f3b8775212a33e4558a35f"
    )
    ids = "".join(f"{number}\n" for number in ilsvrc2012_id_of_label(labels))
    # Of the devkit's ILSVRC2012_validation_ground_truth.txt.
    assert hashlib.sha256(ids.encode()).hexdigest() == (
        "88d44095bd81cb785618db8e72eeb025fa1f646adf359d9b0efbf625244e0df3"
    )
    assert labels[:10].tolist() == [65, 970, 230, 809, 516, 57, 334, 415, 674, 332]
    assert np.array_equal(np.bincount(labels), np.full(1000, 50))
    assert (labels.dtype, labels.flags.writeable) == (np.int64, False)


FORMS: dict[str, Callable[[Path, np.ndarray], Any]] = {
    "devkit": lambda folder, labels: read_devkit(write_devkit(folder / "kit", labels)),
    "devkit.tar.gz": lambda folder, labels: write_devkit(folder / "kit.tar", labels),
    "devkit folder": lambda folder, labels: str(write_devkit(folder / "k", labels, form="folder")),
    "devkit of 2014": lambda folder, labels: write_devkit(folder / "kit", labels, year=2014),
    "text": lambda folder, labels: truth(folder / "truth.txt", labels),
    "array": lambda _, labels: labels,
    "list": lambda _, labels: labels.tolist(),
    "uint16": lambda _, labels: labels.astype(np.uint16),
    "npy": lambda folder, labels: np.save(folder / "l.npy", labels) or folder / "l.npy",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_labels(val: Path, tmp_path: Path, form: Any) -> None:
    given = form(tmp_path, OTHERS)
    for dataset in (fastinet.open(val, labels=given), fastinet.open(val).with_labels(given)):
        assert dataset.labels.tolist() == OTHERS.tolist()
        assert (dataset.labels.dtype, dataset.labels.flags.writeable) == (np.int64, False)
        assert dataset.label_sets is None
        loader = fastinet.Loader(dataset, 5, fastinet.Resize(8), shuffle=True)
        for batch in loader:
            assert np.array_equal(batch.labels, OTHERS[batch.indices])
        assert dataset.select([3, 1]).labels.tolist() == OTHERS[[3, 1]].tolist()
        copy = pickle.loads(pickle.dumps(dataset))  # noqa: S301
        assert np.array_equal(copy.labels, OTHERS)
    assert fastinet.open(val).labels.tolist() == PUBLISHED.tolist()


def test_a_devkit_in_a_tar_from_before_posix(val: Path, tmp_path: Path) -> None:
    content = write_devkit(tmp_path / "kit.tar", OTHERS, form="tar").read_bytes()
    header = content[:257] + bytes(8) + content[265:BLOCK_BYTES]  # neither magic nor version
    old = tmp_path / "old.tar"
    old.write_bytes(checksummed(header) + content[BLOCK_BYTES:])
    assert np.array_equal(fastinet.open(val, labels=old).labels, OTHERS)


@pytest.mark.parametrize("form", ["real.json", "lists", "sets", "label sets"])
def test_label_sets(val: Path, tmp_path: Path, form: str) -> None:
    given: Any = {
        "real.json": real(tmp_path / "real.json", SETS),
        "lists": SETS,
        "sets": [set(labels) for labels in SETS],
        "label sets": metrics.labels.label_sets(SETS),
    }[form]
    dataset = fastinet.open(val, labels=given)
    assert dataset.label_sets is not None
    assert list(dataset.label_sets) == SETS
    assert dataset.labels.tolist() == PUBLISHED.tolist()  # as they were
    scores = np.random.default_rng(0).random((ITEMS, 1000))
    scores[np.arange(0, ITEMS, 2), [labels[-1] if labels else 0 for labels in SETS[::2]]] += 1
    found = metrics.evaluate(scores, dataset.label_sets)
    assert found == metrics.evaluate(scores, SETS)
    assert found["n"] == ITEMS - 1
    part = dataset.select([5, 4, 2])
    assert part.label_sets is not None
    assert list(part.label_sets) == [SETS[5], SETS[4], SETS[2]]
    copy = pickle.loads(pickle.dumps(part))  # noqa: S301
    assert list(copy.label_sets) == list(part.label_sets)
    assert dataset.with_labels(OTHERS).label_sets is None


def test_sets_for_items_without_a_label(tmp_path: Path, challenge: MiniatureChallenge) -> None:
    path = write_archive(tmp_path / "test.tar", challenge.official_test())
    count = len(challenge.test)
    dataset = fastinet.open(path, labels=[[], [7, 3], *([[1]] * (count - 2))])
    assert dataset.labels.tolist() == [-1, 3, *([1] * (count - 2))]
    given = np.arange(count)
    assert fastinet.open(path, labels=truth(tmp_path / "t", given)).labels.tolist() == list(given)


def test_selections_go_by_the_numbers(val: Path, tmp_path: Path) -> None:
    part = fastinet.open(val).select([9, 2])
    for given in (truth(tmp_path / "t", OTHERS), write_devkit(tmp_path / "kit", OTHERS)):
        assert part.with_labels(given).labels.tolist() == OTHERS[[9, 2]].tolist()
    sets = part.with_labels(real(tmp_path / "real.json", SETS)).label_sets
    assert sets is not None
    assert list(sets) == [SETS[9], SETS[2]]
    assert part.with_labels([5, 6]).labels.tolist() == [5, 6]  # item by item


def test_archives_with_fewer_classes(tmp_path: Path, challenge: MiniatureChallenge) -> None:
    """Labels of ImageNet-1K come out as those of the archive's own classes."""
    path = write_archive(tmp_path / "x.tar", challenge.val_in_classes())
    dataset = fastinet.open(path)
    classes = [info.wnid for info in dataset.classes]
    assert len(classes) < 1000
    again = dataset.with_labels(write_devkit(tmp_path / "kit", PUBLISHED))
    assert again.labels.tolist() == dataset.labels.tolist()
    swapped = PUBLISHED[::-1]
    labels = dataset.with_labels(truth(tmp_path / "t", swapped)).labels
    assert [classes[label] for label in labels] == [WNIDS[label] for label in swapped]
    with pytest.raises(CorruptError, match=r"classes that the archive does not have, n\d+ among"):
        dataset.with_labels(write_devkit(tmp_path / "other", OTHERS))


def test_train_images_keep_the_classes_of_their_folders(
    tmp_path: Path, challenge: MiniatureChallenge
) -> None:
    path = write_archive(tmp_path / "train.tar", challenge.official_train())
    kit = write_devkit(tmp_path / "kit", PUBLISHED)
    dataset = fastinet.open(path)
    labelled = fastinet.open(path, labels=kit)
    assert labelled.labels.tolist() == dataset.labels.tolist()
    assert all(info.parents for info in labelled.classes)


# ------------------------------------------------------------------------------------------- wrong


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (OTHERS[:-1], "15 labels given, there are 16 items"),
        (np.full(ITEMS, 1000), "there is no label 1000: the dataset has 1000 classes"),
        (np.full(ITEMS, -1), "item 0 has label -1"),
        ([*OTHERS[:-1].tolist(), None], "item 0 has"),
        (OTHERS.astype(float), "item 0 has"),
        (np.zeros((ITEMS, 2, 2)), "item 0"),
        ([[1]] * (ITEMS + 1), "17 labels given"),
        ([[1000]] * ITEMS, "there is no label 1000"),
        ([], "0 labels given"),
    ],
)
def test_numbers_that_do_not_fit(val: Path, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fastinet.open(val, labels=labels)


@pytest.mark.parametrize("count", [ITEMS - 1, ITEMS + 1])
@pytest.mark.parametrize("form", ["devkit", "text", "real.json"])
def test_files_of_another_length(val: Path, tmp_path: Path, form: str, count: int) -> None:
    labels = np.resize(OTHERS, count)
    given = {
        "devkit": lambda: write_devkit(tmp_path / "kit", labels),
        "text": lambda: truth(tmp_path / "t", labels),
        "real.json": lambda: real(tmp_path / "r", [[1]] * count),
    }[form]()
    with pytest.raises(CorruptError, match=f"labels of {count} images, but there are 16") as caught:
        fastinet.open(val, labels=given)
    assert caught.value.archive == str(given)


def test_an_incomplete_archive_with_as_many_images(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "v.tar", {val_name(n): JPEG for n in (1, 2, 4)})
    with pytest.raises(CorruptError, match="no label for 1 items, ILSVRC2012_val_00000004"):
        fastinet.open(path, labels=write_devkit(tmp_path / "kit", OTHERS[:3]))


def test_devkits_of_other_archives(tmp_path: Path, challenge: MiniatureChallenge) -> None:
    kit = write_devkit(tmp_path / "kit", PUBLISHED)
    test = write_archive(tmp_path / "test.tar", challenge.official_test())
    with pytest.raises(CorruptError, match="those of the test images were never published"):
        fastinet.open(test, labels=kit)
    path = tmp_path / "other.tar"
    path.write_bytes(train_tar({"n99999999": {"n99999999_1.JPEG": JPEG}}))
    with pytest.raises(CorruptError, match="1 of the archive's 1 classes are not in it, n99999999"):
        fastinet.open(path, labels=kit)
    with pytest.raises(CorruptError, match="none of the archive's 1 classes, n99999999"):
        fastinet.open(path, devkit=kit)
    train = write_archive(tmp_path / "train.tar", challenge.official_train())
    selected = fastinet.open(train).select([0])
    with pytest.raises(CorruptError, match="give labels to the whole dataset first"):
        selected.with_labels(truth(tmp_path / "t", PUBLISHED))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"12\nx\n", "no whole number"),
        (b"1001\n" * ITEMS, "line 1"),
        (b"[[1], [1000]]", "entry 1"),
        (b"[1, 2", "no JSON"),
        (b"\x93NUMPY" + bytes(20), "cannot be read as an array"),
        (b"\x1f\x8b" + bytes(20), "no tar"),
        (b"PK\x03\x04" + bytes(20), "labels are a .npy"),
        (None, "no such file"),
    ],
)
def test_files_that_are_no_labels(
    val: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "labels"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FastinetError, match=message):
        fastinet.open(val, labels=path)


def test_the_first_bytes_tell_what_gives_labels(tmp_path: Path) -> None:
    archive = tar({"a.txt": b"x"})
    damaged, old = bytearray(archive), bytearray(archive)
    damaged[0] ^= 1  # its checksum is wrong, but nothing else has "ustar" there
    old[257:265] = bytes(8)
    old[:512] = checksummed(old[:512])
    for content, kind in (
        (b"\x93NUMPY\x01", "npy"),
        (b"PK\x03\x04", "npz"),
        (b"\x1f\x8b\x08", "archive"),
        (archive, "archive"),
        (bytes(old), "archive"),
        (bytes(damaged), "archive"),
        (b"x" * 256 + b"ustar" + b"x" * 251, "text"),
        (b"x" * 258 + b"ustar" + b"x" * 249, "text"),
        (b" \n[[1, 2], [3]]", "json"),
        (b"490\n361\n", "text"),
        (b"", "text"),
    ):
        (tmp_path / "labels").write_bytes(content)
        assert kind_of(tmp_path / "labels") == kind, content[:20]
    assert kind_of(tmp_path) == "archive"
    with pytest.raises(MissingError, match="no such file"):
        kind_of(tmp_path / "nothing")


def test_pickled_arrays_are_refused(val: Path, tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "proof"),)

    np.save(tmp_path / "l.npy", np.array([Harmful()], object), allow_pickle=True)
    with pytest.raises(CorruptError, match="cannot be read as an array"):
        fastinet.open(val, labels=tmp_path / "l.npy")
    np.savez(tmp_path / "l.npz", OTHERS)
    with pytest.raises(CorruptError, match=r"labels are a \.npy"):
        fastinet.open(val, labels=tmp_path / "l.npz")
    assert not (tmp_path / "proof").exists()


# ------------------------------------------------------------------------------------- class table


def test_the_classes_with_a_devkit(val: Path, tmp_path: Path) -> None:
    kit = write_devkit(tmp_path / "kit", PUBLISHED)
    plain = fastinet.open(val)
    assert not any(info.parents or info.ancestors for info in plain.classes)
    assert plain.classes is plain.classes
    oracle = read_devkit(kit)
    for dataset in (fastinet.open(val, devkit=kit), fastinet.open(val, labels=oracle)):
        assert dataset.labels.tolist() == PUBLISHED.tolist()
        for info, before in zip(dataset.classes, plain.classes, strict=True):
            assert (info.wnid, info.names, info.gloss, info.zh, info.index) == (
                before.wnid, before.names, before.gloss, before.zh, before.index,
            )  # fmt: skip
            assert info.parents == oracle.parents[info.wnid] != ()
            assert info.ancestors[-1] == "n00001740"
            assert info.ancestors[: len(info.parents)] == info.parents
        assert dataset.select([0]).classes == dataset.classes
    # A kit without children has no parents.
    late = write_devkit(tmp_path / "kit15", PUBLISHED, year=2015)
    assert not any(info.parents for info in fastinet.open(val, devkit=late).classes)


def test_ancestors_come_by_distance_and_once(tmp_path: Path) -> None:
    kit = read_devkit(write_devkit(tmp_path / "kit", PUBLISHED))
    kit.__dict__["parents"] = {"a": ("b", "c"), "b": ("d",), "c": ("e", "d"), "d": ("e",), "e": ()}
    assert kit.ancestors("a") == ("b", "c", "d", "e")
    assert kit.ancestors("e") == kit.ancestors("unknown") == ()


def test_synsets_that_only_the_devkit_knows(tmp_path: Path) -> None:
    path = tmp_path / "t.tar"
    path.write_bytes(train_tar({w: {f"{w}_1.JPEG": JPEG} for w in ("n00001740", "n99999999")}))
    unknown, _ = fastinet.open(path).classes
    assert (unknown.names, unknown.gloss) == ((), "")
    known, still = fastinet.open(path, devkit=write_devkit(tmp_path / "kit", PUBLISHED)).classes
    assert known.names == ("entity",)
    assert still.names == still.parents == ()


def test_cranes_and_maillots_stay_apart(tmp_path: Path) -> None:
    wnids = ["n02012849", "n03126707", "n03710637", "n03710721"]
    path = tmp_path / "t.tar"
    path.write_bytes(train_tar({wnid: {f"{wnid}_1.JPEG": JPEG} for wnid in wnids}))
    classes = fastinet.open(path, devkit=write_devkit(tmp_path / "kit", PUBLISHED)).classes
    assert [info.wnid for info in classes] == wnids
    assert [info.names[0] for info in classes] == ["crane", "crane", "maillot", "maillot"]
    assert len({info.zh for info in classes}) == len({info.gloss for info in classes}) == 4
    assert classes[0].parents != classes[1].parents  # an animal, and a thing


def test_a_devkit_that_is_none(val: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such file"):
        fastinet.open(val, devkit=tmp_path / "kit")
    with pytest.raises(MissingError, match="no development kit"):
        fastinet.open(val, devkit=val)
    with pytest.raises(MissingError, match="no development kit"):
        fastinet.open(val, labels=val)
