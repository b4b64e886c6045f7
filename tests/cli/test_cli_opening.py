"""Opening an archive for a command: what is refused as usage, and what is told meanwhile."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import fastinet
from fastinet.cli import opening
from fastinet.errors import FastinetError, MissingError
from fastinet.testing.archives import tar
from fastinet.testing.ilsvrc import miniature_challenge, write_archive

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("own_cache")


def test_the_dataset_is_the_one_that_open_gives(archive: str) -> None:
    dataset = opening.open_archive(archive)
    assert list(dataset.keys) == list(fastinet.open(archive).keys)
    assert opening.describe_index(dataset) == {
        "index": str(dataset.index),
        "index_bytes": Path(str(dataset.index)).stat().st_size,
    }
    unkept = fastinet.open(archive, index=False)
    assert opening.describe_index(unkept) == {"index": None, "index_bytes": None}


def test_a_split_that_there_is_not_is_a_usage_error(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "tree.tar", miniature_challenge().class_tree())
    assert opening.open_archive(str(path), "val").split == "val"
    with pytest.raises(click.UsageError, match="train"):
        opening.open_archive(str(path), "nothing")


def test_errors_of_archives_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        opening.open_archive(str(tmp_path / "nowhere.tar"))
    (tmp_path / "noise.tar").write_bytes(b"noise" * 300)
    with pytest.raises(FastinetError, match="not a tar"):
        opening.open_archive(str(tmp_path / "noise.tar"))


@pytest.mark.parametrize("zipped", [False, True])
def test_ctrl_c_tells_what_is_kept(
    archive: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    zipped: bool,
) -> None:
    """Of a gzip file's pass alone, which takes long: that of a tar is made in seconds."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    if zipped:
        Path(archive).write_bytes(b"\x1f\x8b" + bytes(20))
    monkeypatch.setattr(fastinet, "open", interrupted)
    opening.note.__globals__["_messages"].cache_clear()
    with pytest.raises(KeyboardInterrupt):
        opening.open_archive(archive)
    assert ("the same command goes on from there" in capsys.readouterr().err) is zipped
    opening.note.__globals__["_messages"].cache_clear()


def test_a_stream_is_refused_where_a_file_is_needed(tmp_path: Path, archive: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in ("-", str(pipe)):
        with pytest.raises(click.UsageError, match=f"needs a file, and '{path}' passes once"):
            opening.refuse_streams(path)
        with pytest.raises(click.UsageError, match="needs a file"):
            opening.open_archive(path)
    opening.refuse_streams(archive)


def test_options_that_a_stream_has_not(
    named_pipe: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(click.UsageError, match=r"^--boxes needs a file, and 'x' passes once"):
        opening.open_streamed("x", devkit=None, boxes="b")
    monkeypatch.setattr(os, "isatty", lambda _: True)
    with pytest.raises(click.UsageError, match="standard input is a terminal"):
        opening.open_streamed("-")
    stream = opening.open_streamed(named_pipe(tar({"n01440764/n01440764_1.JPEG": b"\xff\xd8\xff"})))
    assert [item.key for item in stream.items()] == ["n01440764/n01440764_1.JPEG"]


def test_labels_of_those_items_that_have_one() -> None:
    def label(key: str, _: object) -> int:
        if "x" in key:
            raise ValueError("no label")
        return len(key)

    stream = fastinet.open_stream(io.BytesIO(tar({})), labels=label)
    assert opening.labels_if_any(stream, [("a", {}), ("bb", {})]) == [1, 2]
    mixed = [("a", {}), ("x", {}), ("ccc", {}), ("xx", {})]
    assert opening.labels_if_any(stream, mixed) == [1, -1, 3, -1]
    assert opening.labels_if_any(stream, []) == []
