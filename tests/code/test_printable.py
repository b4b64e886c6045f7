"""Names of files with anything in them, in one line, wherever fastinet shows them."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pytest

import fastinet
from fastinet.errors import CorruptError, FastinetWarning, printable
from fastinet.testing.archives import tar

JPEG = b"\xff\xd8\xff\xe0"
ODD = "a\nb\x1b[31m\x7f\x85\u2028\u202ec"
SHOWN = r"a\nb\x1b[31m\x7f\x85\u2028\u202ec"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("n01440764/é 1.JPEG", "n01440764/é 1.JPEG"),
        (ODD, SHOWN),
        ("a\udcff\t", r"a\udcff\t"),
        ("C:\\x", "C:\\x"),
        ("", ""),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert shown.isprintable()
    assert printable(shown) == shown


def test_an_error_keeps_the_name_and_shows_it_in_one_line() -> None:
    error = CorruptError("it broke", archive=f"{ODD}.tar", member=ODD)
    assert (error.archive, error.member) == (f"{ODD}.tar", ODD)
    assert str(error) == f"archive '{SHOWN}.tar', member '{SHOWN}': it broke"


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_warnings_and_findings_show_names_in_one_line(tmp_path: Path, form: str) -> None:
    members = {
        "n01440764/1.JPEG": JPEG,
        f"n01440764/{ODD}.txt": b"-",
        f"n01440764/.{ODD}": b"-",
        f"n01440764/{ODD}.gif": b"GIF89a",
    }
    path = tmp_path / ("data" if form == "folder" else "data.tar")
    if form == "tar":
        path.write_bytes(tar(members))
    else:
        for name, data in members.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FastinetWarning)
        fastinet.open(path, index=False)
        report = fastinet.verify(path, again=True)
    messages = [str(each.message) for each in caught]
    messages += [f"{finding.message} ({finding.place})" for finding in report.findings]
    assert all(message.isprintable() for message in messages), messages
    said = " ".join(messages)
    for name in (f"{SHOWN}.txt", f".{SHOWN}", f"{SHOWN}.gif"):
        assert name in said


def test_refusals_show_names_in_one_line(tmp_path: Path) -> None:
    members = {f"{ODD}{i}/n01440764/1.JPEG": JPEG + bytes([i]) for i in range(2)}
    path = tmp_path / "data.tar"
    path.write_bytes(tar(members))
    with pytest.raises(ValueError, match="several splits") as caught:
        fastinet.open(path, index=False)
    assert str(caught.value).isprintable()
    assert f"{SHOWN}0, {SHOWN}1" in str(caught.value)
    with pytest.raises(ValueError, match="lie in") as arrived:
        list(fastinet.open_stream(io.BytesIO(path.read_bytes())).items())
    assert str(arrived.value).isprintable()
    stream = fastinet.open_stream(io.BytesIO(tar({f"{ODD}.jpg": JPEG})))
    with pytest.raises(ValueError, match="labels=") as unlabelled:
        stream.labels_of([(item.key, item.companions) for item in stream.items()])
    assert str(unlabelled.value).isprintable()
