"""What is asked of names, against plain string handling."""

from __future__ import annotations

import itertools
import re

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from fastinet.datasets import names as names_module
from fastinet.datasets.names import Names

parts = st.sampled_from(
    [
        "train", "val", "trainval", "n01440764", "n0144076", "n01440764x", "n01440764.tar",
        "n01440764_1.JPEG", "x_n01440764.JPEG", "_n01440764.jpg", "n01440764", "a.b_n02084071.c",
        "ILSVRC2012_val_00000012.JPEG", "ILSVRC2012_val_00000012_n01440764.JPEG", "ü", "._x", ".",
        "ILSVRC2012_val_0000012.JPEG", "ILSVRC2012_val_00000012", "ILSVRC2012_val_000000123.JPEG",
        "ILSVRC2012_val_", "", "a.jpeg", "A.JPEG", "a.b.jpeg", "ab.jpeg", ".jpeg",
    ]
)  # fmt: skip
texts = st.lists(st.lists(parts, min_size=1, max_size=4).map("/".join), max_size=12)
PREFIX = "ILSVRC2012_val_"


def made(listed: list[str]) -> Names:
    encoded = [name.encode() for name in listed]
    ends = np.cumsum([0, *map(len, encoded)])
    return Names(np.frombuffer(b"".join(encoded), np.uint8), ends[:-1], ends[1:])


def number(pattern: str, text: str) -> int:
    """What the pattern's group holds, as a number; -1 where it does not match."""
    match = re.search(pattern, text)
    return int(match[1]) if match else -1


def innermost(folders: list[str], pattern: str) -> int:
    return next((n for f in reversed(folders) if (n := number(pattern, f)) >= 0), -1)


@given(texts)
@example(["a/" + 500 * "x", "b"])  # which lie behind one another
def test_every_question(listed: list[str]) -> None:
    names = made(listed)
    assert len(names) == len(listed)
    assert [names[row] for row in range(len(names))] == listed
    split = [name.split("/") for name in listed]
    bases = [parts[-1] for parts in split]
    assert [base.decode() for base in names.bases().tolist()] == bases
    assert names.base_begins_with("._").tolist() == [base.startswith("._") for base in bases]
    assert names.ends_with(".jpeg").tolist() == [n.lower().endswith(".jpeg") for n in listed]
    assert names.base_wnids().tolist() == [number(r"^n(\d{8})", base) for base in bases]
    stems = [base.rpartition(".")[0] if "." in base else base for base in bases]
    assert names.stem_wnids().tolist() == [number(r"_n(\d{8})$", stem) for stem in stems]
    keys = [
        name[: len(name) - len(b) + (b + ".").index(".")]
        for name, b in zip(listed, bases, strict=True)
    ]
    assert names.go_on_a_sample().tolist() == [
        row > 0 and keys[row] == keys[row - 1] for row in range(len(keys))
    ]
    for extension in ("jpeg", "b_n02084071.c", "tar"):
        assert names.have_extension(extension).tolist() == [
            base.partition(".")[2].lower() == extension for base in bases
        ]
    assert names.numbers_after(PREFIX).tolist() == [
        number(rf"^{PREFIX}(\d{{8}})([._]|$)", base) for base in bases
    ]
    assert names.folder_wnids().tolist() == [
        innermost(folders, r"^n(\d{8})$") for *folders, _ in split
    ]
    assert names.innermost_folder_of(["train", "val"]).tolist() == [
        next((("train", "val").index(f) for f in reversed(fs) if f in ("train", "val")), -1)
        for *fs, _ in split
    ]


@given(texts, st.randoms(use_true_random=False), st.booleans())
def test_some_of_them(listed: list[str], random: object, ordered: bool) -> None:
    rows = [row for row in range(len(listed)) if random.random() < 0.7]  # type: ignore[attr-defined]
    if not ordered:
        random.shuffle(rows)  # type: ignore[attr-defined]
    names = made(listed)
    chosen = np.array(rows, np.int64)
    offsets, text = names.packed(chosen)
    packed = text.tobytes()
    assert [packed[start:end].decode() for start, end in itertools.pairwise(offsets)] == [
        listed[row] for row in rows
    ]
    taken = names.take(chosen)
    assert taken.base_wnids().tolist() == names.base_wnids()[chosen].tolist()
    assert taken.stem_wnids().tolist() == names.stem_wnids()[chosen].tolist()
    assert taken.have_extension("jpeg").tolist() == names.have_extension("jpeg")[chosen].tolist()
    assert taken.take(np.arange(len(rows))).bases().tolist() == names.bases()[chosen].tolist()


def test_more_than_one_chunk() -> None:
    listed = [f"{row:x}" for row in range(3 * names_module._ROWS_AT_ONCE // 2)]
    rows = np.arange(len(listed))[::-1]
    _, text = made(listed).packed(rows)
    assert text.tobytes().decode() == "".join(listed[::-1])


def test_no_names() -> None:
    names = made([])
    assert len(names.bases()) == len(names.base_wnids()) == len(names.stem_wnids()) == 0
    assert len(names.folder_wnids()) == len(names.numbers_after("x")) == 0
    assert len(names.have_extension("x")) == len(names.go_on_a_sample()) == 0
    assert names.packed(np.arange(0))[0].tolist() == [0]
