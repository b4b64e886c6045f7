"""Archives with all their sidecars, and what a column file holds, for tests that change it."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from support.checkpointed import small_images, write_archive

import fastinet


def parsed_columns(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    """The header of a column file without its table, and the columns."""
    (text_bytes,) = struct.unpack_from("<Q", content, 16)
    header = json.loads(content[64 : 64 + text_bytes])
    columns = {
        name: np.frombuffer(
            content, entry["dtype"], entry["rows"], 64 + text_bytes + entry["offset"]
        ).copy()
        for name, entry in header.pop("columns").items()
    }
    return header, columns


def archives_with_sidecars(tmp_path: Path) -> dict[str, Path]:
    """Archives of each kind with all their sidecars; and a file that nobody may read by them."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "secret").write_bytes(b"a secret that lies beside the archive")
    plain = write_archive(folder / "train.tar", small_images(5))
    gzipped = folder / "zipped.tar.gz"
    gzipped.write_bytes(gzip.compress(plain.read_bytes()))
    extracted = folder / "extracted"
    for wnid in ("n01440764", "n01443537"):
        (extracted / wnid).mkdir(parents=True)
        for name, image in small_images(2).items():
            (extracted / wnid / f"{wnid}_{name}.JPEG").write_bytes(image)
    for archive in (plain, gzipped, extracted):
        fastinet.open(archive).build_checkpoints(threads=1)
        fastinet.find_duplicates(fastinet.open(archive), threads=1)
    return {"plain": plain, "gzipped": gzipped, "folder": extracted}
