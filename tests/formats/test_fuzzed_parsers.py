"""Changed files give a value or a refusal, in every parser that is written in Python."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from support.scripts import script

fuzz = script("fuzz_parsers")

OTHERS_FORMATS = ("pickle", "torch file", "matlab", "annotation", "lines of numbers")
SIDECARS = ("index", "checkpoints", "duplicates", "journal", "seek index", "boxes", "label maps")


@pytest.fixture(scope="module")
def parsers() -> Iterator[dict[str, Any]]:
    with fuzz.all_parsers() as found:
        yield found


def test_all_parsers_are_tried(parsers: dict[str, Any]) -> None:
    assert set(parsers) == {*OTHERS_FORMATS, "webdataset", *SIDECARS}


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@pytest.mark.parametrize(
    ("name", "count"),
    [
        *((name, 200) for name in OTHERS_FORMATS),
        ("webdataset", 30),
        *((name, 8) for name in SIDECARS),
    ],
)
def test_changed_files_give_a_value_or_a_refusal(
    name: str, count: int, parsers: dict[str, Any]
) -> None:
    rng = random.Random(name)
    assert len(list(islice(fuzz.trials(name, parsers[name], rng), count))) == count


def test_a_parser_that_lets_another_exception_out_is_found() -> None:
    def read(data: bytes) -> int:
        return data.index(b"needle")

    parser = fuzz.Parser([b"hay needle hay"], read)
    with pytest.raises(fuzz.FoundError, match="careless: ValueError") as caught:
        list(islice(fuzz.trials("careless", parser, random.Random(1)), 1000))
    assert b"needle" not in caught.value.data


def test_a_sidecar_that_is_believed_without_its_checksum_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.fastinet"
    path.write_bytes(b"0" * 100)
    sidecar = fuzz._Sidecar(path, path.read_bytes, lambda data: data[:1] * len(data))
    with pytest.raises(fuzz.FoundError, match="was believed"):
        list(islice(fuzz.trials("credulous", sidecar.parser(), random.Random(1)), 1000))
