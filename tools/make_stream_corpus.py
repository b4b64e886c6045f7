"""Writes the streams that the stream fuzzer starts from: one for each rule of what is an item.

    python tools/make_stream_corpus.py [folder]        (csrc/fuzz/corpus/stream)

They are committed, so that `make cpptest` replays them; `tests/archives/test_scan.py` holds them to
this script.
"""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

from fastinet.testing.archives import END, entry, tar, train_tar

CORPUS = Path(__file__).resolve().parent.parent / "csrc" / "fuzz" / "corpus" / "stream"

JPEG = b"\xff\xd8\xff\xe0"
LABEL = b'{"label": 1}'
LONG = "/".join(["folder" * 20, "n01440764", "n01440764_7"])


def link(name: str, target: str, *, hard: bool = False) -> bytes:
    """An entry that is a link."""
    return entry(name, type=tarfile.LNKTYPE if hard else tarfile.SYMTYPE, linkname=target)


def files(*names: str) -> bytes:
    """A tar of these files; images, labels and others by their names."""
    contents = {".jpg": JPEG, ".png": JPEG, ".json": LABEL, ".cls": b"3"}
    return tar({name: contents.get(Path(name).suffix, name.encode()) for name in names})


def streams() -> dict[str, bytes]:
    """The corpus: file name without suffix -> bytes."""
    many = [f"a.{number}" for number in range(18)]
    shard = files("a.jpg", "a.cls", "b.jpg", "b.seg.png", "b.json", "c.jpg", "c.txt")
    return {
        "shard": shard,
        "shards": shard + shard,
        "apart": files("a.jpg", "b.jpg", "a.cls"),
        "parted": files("a.1.jpg", "a.1.cls", "a.2.jpg", "a.2.cls", "b.jpg"),
        "either": files("a.1.jpg", "a.1.cls", "a.cls"),
        "many": files(*(f"{name}.jpg" for name in many), "b.jpg"),
        "many_with_label": files("a.cls", *(f"{name}.jpg" for name in many)),
        "many_parted": files(*(f"{name}.{end}" for name in many for end in ("jpg", "txt"))),
        "splits": files("train/n01440764/a.jpg", "train/n01443537/b.jpg", "val/n01440764/c.jpg"),
        "numbers": files("ILSVRC2012_val_00000001.jpg", "ILSVRC2012_test_00000001.jpg"),
        "roots": files("a/n01440764/1.jpg", "b/n01440764/1.jpg"),
        "junk": files("a.jpg", "._a.jpg", ".cache/b.jpg", "c.jpg~", "__MACOSX/._a.jpg", "d.jpg"),
        "twice": files("a.jpg", "a.cls")[: -len(END)] + files("./a.jpg"),
        "links": entry("d/a.jpg", JPEG)
        + link("d/b.jpg", "nowhere.jpg")
        + link("d/c.jpg", "b.jpg")
        + link("d/e.jpg", "a.jpg")
        + link("d/f.jpg", "d/a.jpg", hard=True)
        + END,
        "link_round": link("a", "b") + link("b", "a") + link("c", "../..") + files("d.jpg"),
        "inner": train_tar({"n01440764": {"n01440764_18.JPEG": JPEG, "n01440764_18.cls": b"1"}}),
        "long": files(f"{LONG}.jpg", f"{LONG}.cls"),
        "large": tar({"a.jpg": JPEG + bytes(5000), "b.jpg": JPEG}),
    }


def main() -> None:
    """Writes the corpus."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS
    folder.mkdir(parents=True, exist_ok=True)
    for name, stream in streams().items():
        (folder / f"{name}.tar").write_bytes(stream)


if __name__ == "__main__":
    main()
