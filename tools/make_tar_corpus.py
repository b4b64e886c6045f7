"""Writes the archives that the tar fuzzer starts from: one for each form that the scan knows.

    python tools/make_tar_corpus.py [folder]        (csrc/fuzz/corpus/tar)

They are committed, so that `make cpptest` replays them; `tests/archives/test_scan.py` holds them to
this script.
"""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

from fastinet.testing.archives import END, checksummed, entry, tar, train_tar

CORPUS = Path(__file__).resolve().parent.parent / "csrc" / "fuzz" / "corpus" / "tar"

JPEG = b"\xff\xd8\xff\xe0"
MEMBERS = {"n01440764_18.JPEG": JPEG + b"a" * 600, "n01440764_36.JPEG": b""}
LONG_NAME = "/".join(["n01440764", "folder" * 20, "n01440764_7.JPEG"])


def archives() -> dict[str, bytes]:
    """The corpus: file name without suffix -> bytes."""
    member = entry("n01440764/a.JPEG", JPEG)
    old = bytearray(entry("n01440764/old.JPEG", JPEG))
    old[:512] = checksummed(bytes(old[:257]) + bytes(255))
    return {
        "empty": END,
        "v7": bytes(old) + END,
        "ustar": tar({LONG_NAME: JPEG}, format=tarfile.USTAR_FORMAT),
        "gnu": tar({LONG_NAME: JPEG}, format=tarfile.GNU_FORMAT),
        "pax": tar({LONG_NAME + "é": JPEG}, format=tarfile.PAX_FORMAT),
        "pax_size": entry(
            "n01440764/b.JPEG", JPEG, format=tarfile.PAX_FORMAT, pax_headers={"size": "4"}
        )
        + END,
        "train": train_tar({"n01440764": MEMBERS}),
        "empty_class": train_tar({"n01440764": MEMBERS, "n01443537": {}}),
        "special": entry("link", type=tarfile.SYMTYPE, linkname="a" * 150)
        + entry("folder", type=tarfile.DIRTYPE)
        + entry("volume", b"label", type=b"V")
        + member
        + END,
        "sparse": entry("n01440764/s.JPEG", JPEG, type=tarfile.GNUTYPE_SPARSE) + END,
        "deep": tar({"a.tar": tar({"b.tar": tar({"c.JPEG": JPEG})})}),
        "concatenated": member + END + member + END,
        "no_end": member,
        "cut": entry("n01440764/a.JPEG", JPEG, size=4096),
    }


def main() -> None:
    """Writes the corpus."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS
    folder.mkdir(parents=True, exist_ok=True)
    for name, archive in archives().items():
        (folder / f"{name}.tar").write_bytes(archive)


if __name__ == "__main__":
    main()
