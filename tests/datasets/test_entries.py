"""What counts of an archive: what GNU tar makes of it, read as a folder, is the oracle."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import fastinet
from fastinet.archives.file_archive import FileArchive
from fastinet.archives.leftovers import are_leftovers, leftover_ends
from fastinet.errors import FastinetError, FastinetWarning, UnsupportedError
from fastinet.testing.archives import END, entry, extract, tar
from fastinet.testing.small import small_jpeg

pytestmark = [
    pytest.mark.usefixtures("own_cache"),
    pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning"),
]

JPEG = b"\xff\xd8\xff\xe0"


class Entry(NamedTuple):
    """An entry of a tar: a file where `target` is empty, else a link."""

    name: str
    kind: str = "file"
    target: str = ""


folders = st.sampled_from(["", "n01440764/", "n01443537/", "n01440764/sub/", ".cache/", "@eaDir/"])
files = st.sampled_from(["a.JPEG", "b.jpg", "c.png", "d.txt", ".e.JPEG.Xy12Az", "f.JPEG~"])
paths = st.builds("{}{}".format, folders, files)
link_names = paths | st.builds("{}{}".format, folders, st.sampled_from(["link", "l.JPEG"]))
targets = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "./", "../", "../../", "../../../", "link/", "../link/", "/nowhere/"]),
    st.sampled_from(["", "n01440764/", "n01443537/", ".cache/", "@eaDir/", "n01440764/sub/"]),
    st.sampled_from(["", "a.JPEG", "b.jpg", "d.txt", ".e.JPEG.Xy12Az", "l.JPEG", "link"]),
).filter(bool)
entries = st.one_of(
    paths.map(Entry),
    st.builds(Entry, link_names, st.just("hard"), paths | link_names),
    st.builds(Entry, link_names, st.just("symbolic"), targets),
)


def tar_of(members: list[Entry]) -> bytes:
    """Files hold their place in the list, so that no two are alike."""
    pieces = []
    for number, (name, kind, target) in enumerate(members):
        if kind == "file":
            pieces.append(entry(name, JPEG + b"%d" % number))
        else:
            link = tarfile.LNKTYPE if kind == "hard" else tarfile.SYMTYPE
            pieces.append(entry(name, type=link, linkname=target))
    return b"".join(pieces) + END


def no_label(key: str, files: Mapping[str, bytes]) -> int:
    del key, files
    return 0


def items_at(path: Path) -> dict[str, bytes]:
    try:
        dataset = fastinet.open(path, labels=no_label, index=False, split="all")
    except FastinetError as error:
        assert "no image" in str(error) or "without images" in str(error)  # noqa: PT017
        return {}
    keys = list(dataset.keys)
    assert len(set(keys)) == len(keys)
    return {key: dataset.read(row) for row, key in enumerate(keys)}


def streamed(data: bytes) -> dict[str, bytes]:
    stream = fastinet.open_stream(io.BytesIO(data), labels=no_label, split="all")
    return {item.key: item.data for item in stream.items()}


@settings(max_examples=400, deadline=None)
@given(members=st.lists(entries, min_size=1, max_size=7), compressed=st.booleans())
@example(
    members=[Entry("a.JPEG"), Entry("l.JPEG", "hard", "a.JPEG"), Entry("a.JPEG")], compressed=False
)
@example(
    members=[Entry("n01440764/l.JPEG", "symbolic", "../b.jpg"), Entry("b.jpg")], compressed=True
)
@example(members=[Entry("link", "symbolic", ".cache"), Entry(".cache/a.JPEG")], compressed=False)
@example(members=[Entry("l.JPEG", "symbolic", "link/a.JPEG"), Entry("link", "symbolic", "@eaDir"),
          Entry("@eaDir/a.JPEG")], compressed=False)  # fmt: skip
@example(members=[Entry("l.JPEG", "symbolic", "l.JPEG")], compressed=False)
@example(members=[Entry("a.JPEG"), Entry("a.JPEG", "symbolic", "nothing.JPEG")], compressed=False)
def test_a_tar_has_the_items_of_the_folder_that_it_makes(
    members: list[Entry], compressed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("tree")
    data = tar_of(members)
    archive, folder = root / "tree.tar", root / "a" / "b" / "c" / "folder"
    folder.mkdir(parents=True)
    archive.write_bytes(data)
    # It goes on behind what it cannot make, and says so by its exit status. Without -P it makes
    # some symbolic links at the end, over what has their names by then.
    subprocess.run(["tar", "-xPf", archive, "-C", folder], check=False, capture_output=True)
    expected = items_at(folder)
    shutil.rmtree(folder)
    if compressed:
        archive.write_bytes(gzip.compress(data))
    assert items_at(archive) == expected, members
    try:
        arrived = streamed(data)
    except FastinetError as error:
        if not expected and "there is no image in it" in str(error):
            return
        assert isinstance(error, UnsupportedError)  # noqa: PT017
        assert "fastinet.open reads the archive from a disk" in str(error)  # noqa: PT017
        assert any(error.member == each.name for each in members)  # noqa: PT017
        return
    assert arrived == expected, members


# --------------------------------------------------------------------------------- by name


LEFTOVERS = [
    ".a.JPEG", "._a.JPEG", ".a.JPEG.AbC123", "d/.ipynb_checkpoints/a.JPEG",
    ".thumbnails/normal/a.png", ".Trash-1000/files/a.JPEG", "__MACOSX/a.JPEG",
    "d/@eaDir/a.JPEG/SYNOPHOTO_THUMB_M.jpg", "#recycle/a.JPEG",
    "$RECYCLE.BIN/S-1-5-21/$RAB12.jpg", "$Recycle.Bin/a.jpg", "lost+found/#12/a.JPEG",
    "System Volume Information/a.JPEG", "@Recycle/a.JPEG", "FOUND.000/FILE0000.CHK",
    "d/Thumbs.db", "THUMBS.DB", "d/desktop.ini", "a.JPEG~", "a.JPEG.~1~", "a.JPEG.part",
    "a.jpg.crdownload", "a.JPEG.tmp", "a.JPEG.bak", "a.JPEG.orig", "#a.JPEG#", "~$a.JPEG",
    "a.JPEG:Zone.Identifier", "Icon\r", "a.JPEG.INCOMPLETE", "../.a/b.JPEG", ".../a.JPEG",
]  # fmt: skip
OTHERS = [
    "a.JPEG", "d.e/a.JPEG", "./a.JPEG", "../a.JPEG", "d/./a.JPEG", "eaDir/a.JPEG", "@ea/a.JPEG",
    "lost/a.JPEG", "thumbs/a.JPEG", "a.tmp/b.JPEG", "a~/b.JPEG", "#1.JPEG", "#", "$a.JPEG",
    "found.00/a", "a.part.JPEG", "recycle/a.JPEG", "a.bak.jpg", "n01440764/n01440764_1.JPEG",
    "desktop.ini.jpg", "", "found.0x0/a.JPEG", "macosx/a.JPEG", "_/a.JPEG", "partial", "Icon",
]  # fmt: skip


@pytest.mark.parametrize("name", LEFTOVERS)
def test_leftovers(name: str) -> None:
    assert are_leftovers([name]) == [True]


@pytest.mark.parametrize("name", OTHERS)
def test_no_leftovers(name: str) -> None:
    assert are_leftovers([name]) == [False]


def test_where_a_leftover_ends() -> None:
    names = [b"d/@eaDir/a.JPEG/x.jpg", b"d/.git/", b"d/a.JPEG~", b"ok/a.JPEG", b".a/.b/c"]
    assert leftover_ends(names) == [len(b"d/@eaDir"), len(b"d/.git"), len(names[2]), 0, 2]


def warnings_of(path: Path, **options: Any) -> str:
    with pytest.warns(FastinetWarning) as caught:
        fastinet.open(path, index=False, **options)
    return " | ".join(str(warning.message) for warning in caught)


def test_every_road_names_what_it_passes_over(tmp_path: Path) -> None:
    image = small_jpeg(np.random.default_rng(0))
    files = {
        "n01440764/n01440764_1.JPEG": image,
        "n01440764/.n01440764_2.JPEG.AbC123": image,
        "n01440764/@eaDir/n01440764_1.JPEG/SYNOPHOTO_THUMB_M.jpg": image,
        "n01440764/@eaDir/n01440764_3.JPEG/SYNOPHOTO_THUMB_M.jpg": image,
        ".ipynb_checkpoints/n01440764_1-checkpoint.JPEG": image,
        "n01440764/n01440764_1.JPEG.part": image,
    }
    folder = extract(files, tmp_path / ".folder")  # which may be hidden itself
    plain, zipped = tmp_path / "a.tar", tmp_path / "a.tar.gz"
    with tarfile.open(plain, "w") as archive:
        archive.add(folder, ".")
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    outermost = {
        ".ipynb_checkpoints/",
        "n01440764/.n01440764_2.JPEG.AbC123",
        "n01440764/@eaDir/",
        "n01440764/n01440764_1.JPEG.part",
    }
    for path in (folder, plain, zipped):
        text = warnings_of(path)
        assert "4 files and folders passed over that are hidden or left by other programs" in text
        assert len([name for name in outermost if name in text]) == 3
        with pytest.warns(FastinetWarning):
            dataset = fastinet.open(path, index=False)
        assert (list(dataset.keys), dataset.skipped) == (["n01440764/n01440764_1.JPEG"], 4)
    stream = fastinet.open_stream(io.BytesIO(plain.read_bytes()), classes="imagenet1k")
    with pytest.warns(FastinetWarning, match="4 entries so far were passed over") as caught:
        list(fastinet.StreamLoader(stream, 1, fastinet.Resize(8)))
    text = str(caught[0].message)
    assert len([name for name in outermost if name in text]) == 3
    assert text.endswith(", ...")


def test_links_are_named_with_their_targets(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(
        entry("n01440764_1.JPEG", JPEG)
        + entry("n01440764_2.JPEG", type=tarfile.LNKTYPE, linkname="n01440764_9.JPEG")
        + entry("n01440764_3.JPEG", type=tarfile.SYMTYPE, linkname="../outside.JPEG")
        + entry("n01440764_4.JPEG", type=tarfile.SYMTYPE, linkname="/data/n01440764_1.JPEG")
        + entry("top", type=tarfile.SYMTYPE, linkname=".")
        + entry("fifo", type=tarfile.FIFOTYPE)
        + entry("volume", type=b"V")
        + entry("n01440764_5.JPEG", type=tarfile.LNKTYPE, linkname="./n01440764_1.JPEG")
        + END
    )
    text = warnings_of(path)
    assert "1 hard links skipped to what" in text
    assert "n01440764_2.JPEG -> n01440764_9.JPEG" in text
    assert "2 symbolic links skipped that lead to nothing in the archive" in text
    assert "n01440764_3.JPEG -> ../outside.JPEG, n01440764_4.JPEG -> /data/" in text
    assert "1 symbolic links to folders passed over" in text
    assert "top -> ." in text
    assert "1 devices, FIFOs and sockets skipped: fifo" in text
    assert "1 vendor records of the tar skipped: volume" in text
    with pytest.warns(FastinetWarning):
        dataset = fastinet.open(path, index=False)
    assert list(dataset.keys) == ["n01440764_1.JPEG", "n01440764_5.JPEG"]
    assert dataset.read(1) == JPEG
    assert dataset.skipped == 6


def test_the_last_of_a_name_counts_and_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    names = ["n01440764_1.JPEG", "n01440764_2.JPEG", "./n01440764_1.JPEG"]
    path.write_bytes(b"".join(entry(name, JPEG + b"%d" % i) for i, name in enumerate(names)) + END)
    text = warnings_of(path)
    assert "1 members that a later one of the same name replaces, as tar extracts them" in text
    assert text.endswith(": n01440764_1.JPEG")
    with pytest.warns(FastinetWarning):
        dataset = fastinet.open(path, index=False)
    assert list(dataset.keys) == ["n01440764_2.JPEG", "n01440764_1.JPEG"]
    assert [dataset.read(row) for row in range(2)] == [JPEG + b"1", JPEG + b"2"]


def test_the_last_tar_of_a_name_counts_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    inner = [tar({f"n01440764_{number}.JPEG": JPEG}) for number in range(2)]
    path.write_bytes(b"".join(entry("n01440764.tar", data) for data in inner) + END)
    assert "1 inner tars that a later one of the same name replaces: n01440764.tar" in warnings_of(
        path
    )
    with pytest.warns(FastinetWarning):
        assert list(fastinet.open(path, index=False).keys) == ["n01440764/n01440764_1.JPEG"]


def test_rows_of_links_are_those_of_what_they_point_to(tmp_path: Path) -> None:
    """Through the engine, with checkpoints and in blocks too, where items share bytes."""
    rng = np.random.default_rng(1)
    images = [small_jpeg(rng) for _ in range(3)]
    pieces = [entry(f"n01440764/{i}.JPEG", image) for i, image in enumerate(images)]
    pieces += [
        entry(f"n01443537/{i}.JPEG", type=tarfile.LNKTYPE, linkname=f"n01440764/{i}.JPEG")
        for i in range(3)
    ]
    path = tmp_path / "a.tar"
    path.write_bytes(b"".join(pieces) + END)
    dataset = fastinet.open(path)
    assert dataset.labels.tolist() == [0, 0, 0, 1, 1, 1]
    dataset.build_checkpoints()
    for shuffle in (False, "blocked"):
        loader = fastinet.Loader(dataset, 6, fastinet.Resize(8), shuffle=shuffle)
        (batch,) = list(loader)
        for row, item in enumerate(batch.indices.tolist()):
            same = batch.indices.tolist().index((item + 3) % 6)
            assert (batch.images[row] == batch.images[same]).all()


def test_leftover_tars_are_not_entered(tmp_path: Path) -> None:
    inner = tar({"n01440764_1.JPEG": JPEG})
    path = tmp_path / "a.tar"
    path.write_bytes(
        tar(
            {
                "n01440764.tar": inner,
                ".n01440764.tar.AbC123": inner,
                "__MACOSX/n01440764.tar": b"x" * 600,
            }
        )
    )
    found = FileArchive(path).scan()
    assert found.container_names == ["n01440764.tar"]
    assert "2 files and folders passed over" in warnings_of(path)
    with pytest.warns(FastinetWarning):
        assert list(fastinet.open(path, index=False).keys) == ["n01440764/n01440764_1.JPEG"]
