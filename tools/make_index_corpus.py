"""Writes the indexes that the index fuzzer starts from.

    python tools/make_index_corpus.py [folder]        (csrc/fuzz/corpus/index)

They are committed, so that `make cpptest` replays them; `tests/archives/test_scan.py` holds them to
this script.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from fastinet.datasets import RULES_VERSION
from fastinet.sidecars.column_file import write_columns

CORPUS = Path(__file__).resolve().parent.parent / "csrc" / "fuzz" / "corpus" / "index"


def archive(name: str, size: int) -> dict[str, Any]:
    """What binds an index to an archive."""
    hashes = {"probe": "0" * 64, "blocks": "f" * 64, "names": ""}
    return {"name": name, "size": size, "mtime_ns": -1, **hashes}


def index(*archives: dict[str, Any], splits: list[Any], keys: list[str], **columns: Any) -> Any:
    """Header and columns of an index."""
    header = {
        "fastinet": "0.1.0",
        "family": "folders",
        "archives": archives,
        "splits": splits,
        "skipped": 0,
        "notes": ["\u00e4 \U0001f600"],
        "rules": RULES_VERSION,
    }
    count, names = len(keys), [key.encode() for key in keys]
    return header, {
        "offsets": 512 * np.arange(count, dtype=np.uint64) // 2,
        "sizes": np.arange(count, dtype=np.uint64),
        "labels": np.zeros(count, np.int64),
        "key_offsets": np.cumsum([0, *map(len, names)], dtype=np.uint64),
        "key_bytes": np.frombuffer(b"".join(names), np.uint8),
        **columns,
    }


def indexes() -> dict[str, Any]:
    """The corpus: file name without suffix -> header and columns."""
    two = [["train", ["n01440764", "n02123045"]], ["val", ["n01443537"]]]
    return {
        "many": index(
            archive("a.tar", 1024),
            archive("b\udcff\u00e9.tar", 2048),
            splits=two,
            keys=["n01440764/a", "", "n01443537/c"],
            labels=np.array([1, -1, 0], np.int64),
            item_archive=np.array([0, 0, 1], np.int32),
            item_split=np.array([0, 0, 1], np.int8),
        ),
        "one": index(archive("a.tar", 1024), splits=two[:1], keys=["x"]),
    }


def main() -> None:
    """Writes the corpus."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS
    for name, (header, columns) in indexes().items():
        write_columns(folder / f"{name}.fastinet", header, columns)


if __name__ == "__main__":
    main()
