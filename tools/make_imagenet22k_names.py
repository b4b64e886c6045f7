"""Writes what WordNet 3.0 says of the classes of ImageNet-22K, and WordNet's licence beside it.

    python tools/make_imagenet22k_names.py DATA_NOUN      (/usr/share/wordnet/data.noun)

DATA_NOUN is WordNet 3.0's file of nouns; Debian has it in the package wordnet-base. A wnid is "n"
and the offset of a synset in this file, so that a file of another version would give other names.
Its licence, which stands at the top, has the version. wndb(5WN) describes the lines.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

from fastinet.datasets.published import imagenet22k_wnids

FOLDER = Path(__file__).resolve().parent.parent / "fastinet" / "datasets"


def synsets(lines: list[str]) -> dict[str, tuple[str, str]]:
    """Names, joined by ", ", and gloss of each synset, by wnid."""
    found = {}
    for line in lines:
        if line.startswith("  "):  # the licence
            continue
        fields, _, gloss = line.partition(" | ")
        offset, _, _, count, *rest = fields.split(" ")
        # A word and its number within the lexicographer's file, turn by turn; how many, in
        # hexadecimal, stands before them.
        names = [word.replace("_", " ") for word in rest[: 2 * int(count, 16) : 2]]
        found[f"n{offset}"] = ", ".join(names), gloss.strip()
    return found


def main() -> None:
    """Reads the file that is named on the command line, and writes both."""
    lines = Path(sys.argv[1]).read_text("ascii").splitlines()
    # Each of its lines begins with two spaces, its number and a space.
    licence = [line.lstrip(" 0123456789").rstrip() for line in lines if line.startswith("  ")]
    if not any(line.startswith("WordNet 3.0 Copyright") for line in licence):
        raise SystemExit(f"{sys.argv[1]} is no WordNet 3.0")
    (FOLDER / "wordnet_license.txt").write_text("\n".join(licence) + "\n", "ascii")
    known = synsets(lines)
    rows = ["wnid\tnames\tgloss", *("\t".join((w, *known[w])) for w in imagenet22k_wnids())]
    table = ("\n".join(rows) + "\n").encode("ascii")
    (FOLDER / "imagenet22k_names.tsv.gz").write_bytes(gzip.compress(table, 9, mtime=0))


if __name__ == "__main__":
    main()
