"""Messages on what is no tar, no image, or not there: what it is, and what to do."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import fastinet
from fastinet.datasets.devkit import read_devkit
from fastinet.errors import (
    CorruptError,
    FastinetError,
    FastinetWarning,
    MissingError,
    UnsupportedError,
)
from fastinet.testing.archives import END, entry, tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

JPEG = small_jpeg(np.random.default_rng(7))
NAME = "n01440764/n01440764_10026.JPEG"
CROP = fastinet.CenterCrop(8)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 1500\n" % (b"a" * 64)
ZSTD = b"\x28\xb5\x2f\xfd" + bytes(range(200)) * 5

NO_TARS = [
    (b"<!DOCTYPE html><html>" + b"x" * 900, CorruptError, "a web page.*download it again"),
    (POINTER + b"\n" * 600, CorruptError, "Git LFS pointer.*1,500 bytes.*git lfs pull"),
    (ZSTD, UnsupportedError, "zstd-compressed.*unzstd"),
    (b"\xfd7zXZ\0" + bytes(900), UnsupportedError, "xz-compressed.*unxz"),
    (b"PK\x03\x04" + bytes(900), UnsupportedError, "a ZIP archive.*unzip"),
    (b"PAR1" + bytes(900), UnsupportedError, "a Parquet file.*pyarrow"),
    (JPEG + bytes(900), CorruptError, "a JPEG image.*open the tar or the folder"),
    (b"\x01\x02\x03\xff" * 300, CorruptError, "begins with the bytes 01 02 03 ff"),
]


@pytest.mark.parametrize(("content", "kind", "words"), NO_TARS)
@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
def test_what_is_no_tar(
    tmp_path: Path, content: bytes, kind: type, words: str, wrap: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(wrap(content))
    with pytest.raises(kind, match=f"not a tar: .*{words}") as raised:
        fastinet.open(path, index=False)
    assert raised.value.archive == str(path)
    assert raised.value.offset == 0
    streams: list[Any] = [path, io.BytesIO(path.read_bytes())]
    for source in streams:
        with pytest.raises(kind, match=f"not a tar: .*{words}"):
            list(fastinet.open_stream(source).items())


def test_streams_that_are_short() -> None:
    with pytest.raises(CorruptError, match=r"not a tar.*what came is a Git LFS pointer.*pull"):
        list(fastinet.open_stream(io.BytesIO(POINTER)).items())
    with pytest.raises(CorruptError, match=r"empty.*what sends it"):
        list(fastinet.open_stream(io.BytesIO()).items())
    start = entry(NAME, JPEG)[:200]
    with pytest.raises(CorruptError, match=r"shorter.*what sends it, which stopped too early"):
        list(fastinet.open_stream(io.BytesIO(start)).items())


@pytest.mark.parametrize(
    "begin", [list, lambda stream: list(fastinet.StreamLoader(stream, 4, CROP))]
)
@pytest.mark.parametrize(
    ("content", "words"), [(ZSTD, "zstd"), (gzip.compress(POINTER + bytes(900), mtime=0), "LFS")]
)
def test_a_pipe_whose_bytes_have_passed(
    content: bytes, words: str, begin: Callable[[Any], Any], tmp_path: Path
) -> None:
    """By a descriptor, by a named pipe, and a byte at a time: what came first has been kept."""

    def feed(writer: int, *, slowly: bool) -> None:
        for byte in content if slowly else ():
            os.write(writer, bytes([byte]))
        if not slowly:
            os.write(writer, content)
        os.close(writer)

    for slowly in (False, True):
        reader, writer = os.pipe()
        feeder = threading.Thread(target=feed, args=(writer,), kwargs={"slowly": slowly})
        feeder.start()
        stream = fastinet.open_stream(reader)
        with pytest.raises(FastinetError, match=f"(not a tar|truncated).*{words}"):
            begin(stream.items() if begin is list else stream)
        feeder.join()
        os.close(reader)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    feeder = threading.Thread(
        target=lambda: feed(os.open(fifo, os.O_WRONLY), slowly=False)  # waits for the reader
    )
    feeder.start()
    stream = fastinet.open_stream(fifo)
    with pytest.raises(FastinetError, match=f"(not a tar|truncated).*{words}"):
        begin(stream.items() if begin is list else stream)
    feeder.join()


def test_a_tar_without_its_end_is_mended_as_the_message_says(tmp_path: Path) -> None:
    path = tmp_path / "it's a.tar"
    path.write_bytes(entry(NAME, JPEG))
    with pytest.raises(CorruptError, match=r"truncated.*if it was downloaded") as raised:
        fastinet.open(path, index=False)
    command = str(raised.value).split("`")[1]
    assert command.startswith(f"head -c {len(END)} ")
    assert 'end_marker="optional"' in str(raised.value)
    subprocess.run(command, shell=True, check=True)  # noqa: S602  # as a user would
    assert path.read_bytes() == entry(NAME, JPEG) + END
    assert len(fastinet.open(path, index=False)) == 1


def test_a_tar_that_is_cut_is_not_to_be_mended(tmp_path: Path) -> None:
    whole = tar({NAME: JPEG, "n01440764/n01440764_2.JPEG": JPEG})
    second = 512 + -(-len(JPEG) // 512) * 512
    for size in (second + 300, second + 512, second + 600):
        path = tmp_path / f"{size}.tar"
        path.write_bytes(whole[:size])
        with pytest.raises(CorruptError, match=r"truncated.*if it was downloaded") as raised:
            fastinet.open(path, index=False)
        assert "/dev/zero" not in str(raised.value)


# ------------------------------------------------------------------------------------ no images


def gif() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "GIF")
    return file.getvalue()


NO_IMAGES = [
    (gif(), "a GIF image; convert"),
    (b"RIFF\x24\0\0\0WEBPVP8 ", "a WebP image; convert"),
    (b"<html>Not found", "a web page.*put the image in its place"),
    (POINTER, "a Git LFS pointer.*git lfs pull"),
    (gzip.compress(gif(), mtime=0), "inflate to is a GIF image"),
    (b"\x01\x02\x03\xff" * 9, "they begin with 01 02 03 ff"),
]


def folder(path: Path, members: dict[str, bytes]) -> None:
    for name, content in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)


@pytest.mark.parametrize(("content", "words"), NO_IMAGES)
@pytest.mark.parametrize("packing", ["tar", "gzip", "folder"])
def test_an_item_that_is_no_image(tmp_path: Path, content: bytes, words: str, packing: str) -> None:
    path = tmp_path / "train"
    bad = "n01440764/n01440764_2.JPEG"
    members = {NAME: JPEG, bad: content, "n01440764/n01440764_30.JPEG": JPEG}
    if packing == "folder":
        folder(path, members)
    else:
        path.write_bytes(tar(members) if packing == "tar" else gzip.compress(tar(members)))
    dataset = fastinet.open(path, index=False)
    with pytest.raises(UnsupportedError, match=words) as raised:
        list(fastinet.Loader(dataset, 4, fastinet.Resize(8)))
    assert raised.value.member == bad
    assert raised.value.archive == str(path)
    loader = fastinet.Loader(dataset, 4, fastinet.Resize(8), on_error="mask")
    with pytest.warns(FastinetWarning, match=words):
        (batch,) = list(loader)
    (failure,) = batch.errors.values()
    assert str(failure) == str(raised.value)
    report = fastinet.verify(path, published=[])
    (finding,) = [each for each in report.errors if each.member == bad]
    assert finding.message == raised.value.cause


@pytest.mark.parametrize(("content", "words"), NO_IMAGES)
def test_an_item_of_a_stream_that_is_no_image(content: bytes, words: str) -> None:
    """Its bytes have passed when somebody asks; in any row of any batch."""
    bad = "n01440764/n01440764_2.JPEG"
    members = {NAME: JPEG, "n01440764/n01440764_1.JPEG": JPEG, bad: content}
    members["n01440764/n01440764_3.JPEG"] = JPEG

    def loader(**options: Any) -> fastinet.StreamLoader:
        stream = fastinet.open_stream(
            io.BytesIO(tar(members)), name="arriving", classes=["n01440764"]
        )
        return fastinet.StreamLoader(stream, 2, CROP, **options)

    with pytest.raises(UnsupportedError, match=words) as raised:
        list(loader())
    assert (raised.value.member, raised.value.archive) == (bad, "arriving")
    masking = loader(on_error="mask")
    with pytest.warns(FastinetWarning, match=words):
        first, second = list(masking)
    assert [str(failure) for failure in masking.failures] == [str(raised.value)]
    assert first.errors == {}
    assert {row: str(error) for row, error in second.errors.items()} == {0: str(raised.value)}
    assert second.keys == [bad, "n01440764/n01440764_3.JPEG"]


@pytest.mark.parametrize(("content", "words"), NO_IMAGES)
def test_bytes_that_are_no_image(content: bytes, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        fastinet.decode(content)
    with pytest.raises(UnsupportedError, match=words):
        fastinet.read_header(content)
    with pytest.raises(UnsupportedError, match=f"image 1.*{words}"):
        fastinet.decode_batch([JPEG, content], size=8)


# --------------------------------------------------------------------------- what is not there


@pytest.mark.parametrize(("name", "words"), [
    ("train-{0..2}.tar", "3 of 3 shards are missing.*beside it there are 2.*train-0000.tar"),
    ("train-7.tar", "no such file.*beside it there are 2.*train-0000.tar, train-0001.tar"),
    ("train-*.tar", r"\* is not expanded here.*glob.*finds 2"),
    ("train-000[0-9].tar", r"\[0-9\] is not expanded here.*finds 2"),
    ("~/train.tar", "~ is not expanded"),
    ("$DATA/train.tar", "variables are not expanded"),
    ("nowhere/train.tar", "its folder is not there"),
    ("train-0000.tar\n", "without the white space"),
    ("other.tar", "no such file or folder$"),
])  # fmt: skip
def test_what_is_not_there(tmp_path: Path, name: str, words: str) -> None:
    for number in range(2):
        (tmp_path / f"train-{number:04d}.tar").write_bytes(tar({NAME: JPEG}))
    with pytest.raises(MissingError, match=words):
        fastinet.open(f"{tmp_path}/{name}", index=False)


def test_a_stream_of_a_pattern(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"a stream is one file.*cat a-\{0\.\.2\}\.tar \|"):
        fastinet.open_stream(tmp_path / "a-{0..2}.tar")


# ------------------------------------------------------------------------------------------ names


def test_backslashes_in_names(tmp_path: Path) -> None:
    names = [rf"images\n01440764\{number}.JPEG" for number in range(2)]
    path = tmp_path / "a.tar"
    path.write_bytes(tar(dict.fromkeys(names, JPEG)))
    with pytest.raises(UnsupportedError, match=r"2 names have backslashes.*0\.JPEG") as raised:
        fastinet.open(path, index=False)
    with pytest.raises(ValueError, match="name has backslashes"):
        list(fastinet.StreamLoader(fastinet.open_stream(path), 2, fastinet.Resize(8)))
    tar_program = shutil.which("gtar") or shutil.which("tar")
    version = subprocess.run([str(tar_program), "--version"], capture_output=True, check=False)
    if tar_program is None or b"GNU" not in version.stdout:
        pytest.skip("the advice is for GNU tar")
    command = str(raised.value).split("`")[1].replace("TAR", "a.tar")
    command = command.replace("tar ", f"{tar_program} ", 1)
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)  # noqa: S602  # as a user would
    assert len(fastinet.open(tmp_path / "images", index=False)) == 2


def test_backslashes_in_names_that_tell_their_class_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar({NAME: JPEG, r"n01440764\n01440764_1.JPEG": JPEG}))
    with pytest.warns(FastinetWarning, match=r"1 names have backslashes.*n01440764_1\.JPEG"):
        fastinet.open(path, index=False)


def test_companions_that_lie_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar({"a.jpg": JPEG, "b.jpg": JPEG, "a.cls": b"1", "b.cls": b"2"}))
    assert fastinet.open(path, index=False).labels.tolist() == [1, 2]
    with pytest.raises(ValueError, match="--sort=name"):
        list(fastinet.StreamLoader(fastinet.open_stream(path), 2, fastinet.Resize(8)))


def test_devkits_and_boxes_that_are_no_tars(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(b"<!DOCTYPE html><html>" + b"x" * 900)
    for read in (read_devkit, fastinet.read_boxes):
        with pytest.raises(CorruptError, match=r"a web page.*download it again") as raised:
            read(path)
        assert raised.value.archive == str(path)
