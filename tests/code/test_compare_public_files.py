"""The script that compares with Pillow and tarfile counts each outcome for what it is."""

from __future__ import annotations

import binascii
import gzip
import io
import tarfile
from pathlib import Path

import pytest
from PIL import Image
from support.scripts import script

from fastinet.testing.archives import END, entry, tar

compare = script("compare_public_files")


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((40, 30)).save(file, "JPEG")
    return file.getvalue()


def uuencoded(data: bytes) -> bytes:
    lines = [binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45)]
    return b"a comment\nbegin 644 x.tar\n" + b"".join(lines) + b"`\nend\n"


def test_each_file_has_its_outcome(tmp_path: Path) -> None:
    image, packed = jpeg(), tar({"a/x.txt": b"x", "./b.bin": bytes(700)})
    files = {
        "sound.dat": image,
        "cut.jpg": image[: len(image) // 2],
        # libjpeg-turbo warns of these bytes, Pillow says nothing.
        "second.jpg": image[:-2] + image[2:],
        "plain.tar": packed,
        "packed.tar.gz": gzip.compress(packed),
        "posted.tar.uu": uuencoded(packed),
        "nested.tar": tar({"in.tar": packed, "y": b"y"}),
        "sparse.tar": entry("s", b"s" * 512, type=tarfile.GNUTYPE_SPARSE) + END,
        "letter.tar": b"no tar at all" * 100,
        "letter.txt": b"neither",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    found = {Path(verdict.path).name: verdict.outcome for verdict in compare.verdicts([tmp_path])}
    assert found.pop("sparse.tar") in compare.OUTCOMES
    assert found.pop("second.jpg") in {"refused by us alone", "refused by both"}
    assert found == {
        "sound.dat": "equal",
        "cut.jpg": "refused by both",
        "plain.tar": "equal",
        "packed.tar.gz": "equal",
        "posted.tar.uu": "equal",
        "nested.tar": "equal",
        "letter.tar": "refused by both",
    }


def test_a_difference_is_named(tmp_path: Path) -> None:
    assert compare._difference({"a": b""}, {"a": b"", "b": b""}) == "has no 'b'"
    assert compare._difference({"a": b"", "b": b""}, {"a": b""}) == "has 'b' alone"
    assert "1 bytes, and 2" in compare._difference({"a": b"x"}, {"a": b"xy"})
    unmarked = tmp_path / "unmarked.tar"
    unmarked.write_bytes(entry("a", b"a"))
    outcomes = [
        [verdict.outcome for verdict in compare.verdicts([tmp_path], end_marker)]
        for end_marker in ("required", "optional")
    ]
    assert outcomes == [["refused by us alone"], ["equal"]]


def test_what_is_too_large_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.tar").write_bytes(tar({"a": bytes(20)}))
    (tmp_path / "b.jpg").write_bytes(jpeg())
    assert len(list(compare.verdicts([tmp_path]))) == 2
    monkeypatch.setattr(compare, "_MOST_PIXELS", 100)
    assert [verdict.kind for verdict in compare.verdicts([tmp_path])] == ["tar"]


def test_outcomes_say_who_refused() -> None:
    error = ValueError("no")
    assert compare.outcome_of(error, error, same=False) == "refused by both"
    assert compare.outcome_of(error, 1, same=False) == "refused by us alone"
    assert compare.outcome_of(1, error, same=False) == "refused by it alone"
    assert compare.outcome_of(1, 2, same=False) == "different"
    assert compare.outcome_of(1, 1, same=True) == "equal"
