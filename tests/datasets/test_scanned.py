"""What families ask of a scan, answered for all members at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.small_wholes import write

from fastinet.datasets.scanned import wnid_number, wnid_text
from fastinet.testing.archives import tar


@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("ab/x", True),
        ("ab/c/x", True),
        ("c/ab/x", True),
        ("ab", False),
        ("c/ab", False),
        ("cab/x", False),
        ("abc/x", False),
        ("c/ab.tar/x", False),
        ("a/b/x", False),
    ],
)
def test_in_folder(tmp_path: Path, name: str, within: bool) -> None:
    from fastinet._native import _scan
    from fastinet.datasets.scanned import ScannedArchive, ScannedMembers

    names = ["ab", name, "x/ab", name, "b/x"]
    path = write(tmp_path / "t.tar", tar({f"{i}/{name}": b"" for i, name in enumerate(names)}))
    members = ScannedMembers([ScannedArchive("t.tar", _scan.scan(path))])
    assert members.in_folder("ab").tolist() == [False, within, False, within, False]
    path = write(tmp_path / "u.tar", tar({name: b""}))
    members = ScannedMembers([ScannedArchive("u.tar", _scan.scan(path))])
    assert members.in_folder("ab").tolist() == [within]


def test_wnids_and_their_numbers() -> None:
    assert wnid_number("n01440764") == 1440764
    assert wnid_text(1440764) == "n01440764"
    for name in (
        "",
        "n",
        "n0144076",
        "n014407644",
        "m01440764",
        "n0144076x",
        "n\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
        "n+1440764",
    ):
        assert wnid_number(name) == -1
