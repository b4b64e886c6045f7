"""The scan of tars, against Python's tarfile, and against every way of breaking one."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fastinet._native._scan import CUT_MARKER, Members, Note, scan
from fastinet.archives.containers import directories, inner_tars
from fastinet.archives.file_archive import FileArchive
from fastinet.archives.folder_archive import FolderArchive
from fastinet.archives.gzip_archive import GzipArchive
from fastinet.errors import (
    CorruptError,
    FastinetError,
    MissingError,
    TooLargeError,
    UnsupportedError,
)
from fastinet.testing.archives import END, RECORD_BYTES, checksummed, entry, tar, train_tar

if TYPE_CHECKING:
    from collections.abc import Iterator

JPEG = b"\xff\xd8\xff\xe0"
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
TRAIN = {
    "n01440764": {"n01440764_18.JPEG": JPEG + b"a" * 700, "n01440764_36.JPEG": JPEG},
    "n01443537": {"n01443537_2.JPEG": JPEG + b"b" * 508},
}


class Found(NamedTuple):
    """One member, as both the scan and the oracle tell it."""

    name: str
    offset: int
    size: int


def found(members: Members) -> list[Found]:
    names = members.names.tobytes()
    ends = members.name_ends.tolist()
    return [
        Found(names[start:end].decode("utf-8", "surrogateescape"), offset, size)
        for start, end, offset, size in zip(
            [0, *ends], ends, members.offsets.tolist(), members.sizes.tolist(), strict=False
        )
    ]


def expected(archive: bytes, start: int = 0, folder: str = "") -> Iterator[Found]:
    """What tarfile finds in `archive` and in the tars that it holds."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as opened:
        for member in opened:
            if not member.isreg():
                continue
            offset = member.offset_data
            name = member.name.removeprefix("./")
            if name.endswith(".tar"):
                content = archive[offset : offset + member.size]
                inner_folder = f"{folder}{name.removesuffix('.tar')}/"
                yield from expected(content, start + offset, inner_folder)
            else:
                yield Found(folder + name, start + offset, member.size)


def scan_bytes(tmp_path: Path, archive: bytes) -> Members:
    path = tmp_path / "x.tar"
    path.write_bytes(archive)
    return scan(path)


names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=["Cc"]),
    min_size=1,
    max_size=150,
).filter(lambda name: not name.endswith(".tar") and not name.startswith("."))
contents = st.binary(max_size=1500).map(lambda body: JPEG + body) | st.just(b"")
flat = st.dictionaries(names, contents, max_size=5)
nested = st.dictionaries(names, flat, max_size=3)
relaxed = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200
)


@relaxed
@given(
    classes=nested,
    beside=flat,
    format=st.sampled_from(FORMATS),
    record_bytes=st.sampled_from([512, RECORD_BYTES]),
)
@example(
    classes={"a" * 99: {"b" * 150: JPEG}},
    beside={"ü" * 80: JPEG},
    format=tarfile.PAX_FORMAT,
    record_bytes=512,
)
def test_finds_what_tarfile_finds(
    tmp_path: Path,
    classes: dict[str, dict[str, bytes]],
    beside: dict[str, bytes],
    format: int,  # noqa: A002
    record_bytes: int,
) -> None:
    try:
        inner = {
            f"{name}.tar": tar(members, format=format, record_bytes=record_bytes)
            for name, members in classes.items()
        }
        archive = tar(inner | beside, format=format, record_bytes=record_bytes)
    except ValueError:  # USTAR cannot hold the name
        return
    assert found(scan_bytes(tmp_path, archive)) == list(expected(archive))


def test_columns(tmp_path: Path) -> None:
    archive = train_tar(TRAIN) + bytes(3 * 512)
    members = scan_bytes(tmp_path, archive)
    assert [name for name, _, _ in found(members)] == [
        "n01440764/n01440764_18.JPEG",
        "n01440764/n01440764_36.JPEG",
        "n01443537/n01443537_2.JPEG",
    ]
    contents = [content for inner in TRAIN.values() for content in inner.values()]
    for (_, offset, size), content in zip(found(members), contents, strict=True):
        assert archive[offset : offset + size] == content
    assert members.containers.tolist() == [0, 0, 1]
    assert members.container_names == ["n01440764.tar", "n01443537.tar"]
    assert members.special_entries == 0
    assert [head.tobytes() for head in members.heads] == [
        content[:8].ljust(8, b"\0") for content in contents
    ]


def test_folder_goes_before_every_name(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar({"a.JPEG": JPEG, "b.tar": tar({"c.JPEG": JPEG})}))
    assert [name for name, _, _ in found(scan(path, "n01440764"))] == [
        "n01440764/a.JPEG",
        "n01440764/b/c.JPEG",
    ]


def test_inner_tars_are_recognised_by_content(tmp_path: Path) -> None:
    members = scan_bytes(tmp_path, tar({"n01440764": tar({"a.JPEG": JPEG})}))
    assert [name for name, _, _ in found(members)] == ["n01440764/a.JPEG"]
    assert members.container_names == ["n01440764"]


def test_an_inner_tar_may_be_empty(tmp_path: Path) -> None:
    members = scan_bytes(tmp_path, tar({"n01440764.tar": END, "n01443537.tar": tar({"a": JPEG})}))
    assert members.containers.tolist() == [1]
    assert members.container_names == ["n01440764.tar", "n01443537.tar"]


def test_entries_that_are_no_files(tmp_path: Path) -> None:
    archive = (
        entry("train", type=tarfile.DIRTYPE)
        + entry("old/", type=tarfile.AREGTYPE)
        + entry("train/a.JPEG", JPEG)
        + entry("train/b.JPEG", type=tarfile.LNKTYPE, linkname="train/a.JPEG")
        + entry("train/c.JPEG", type=tarfile.SYMTYPE, linkname="a.JPEG")
        + entry("fifo", type=tarfile.FIFOTYPE)
        + entry("label", b"volume" * 100, type=b"V")
        + entry("./d.JPEG", JPEG)
        + END
    )
    members = scan_bytes(tmp_path, archive)
    assert [name for name, _, _ in found(members)] == ["train/a.JPEG", "d.JPEG"]
    assert members.special_entries == 4
    assert members.container_names == ["train/", "old/"]


def test_directories_are_listed_beside_inner_tars(tmp_path: Path) -> None:
    inner = (
        entry("./", type=tarfile.DIRTYPE)
        + entry("./images/", type=tarfile.DIRTYPE)
        + entry("./images/a.JPEG", JPEG)
        + END
    )
    archive = (
        entry(".", type=tarfile.DIRTYPE)
        + entry("./train/", type=tarfile.DIRTYPE)
        + entry("train/n01440764//", type=tarfile.DIRTYPE)
        + entry("train/n01443537.tar", inner)
        + END
    )
    members = scan_bytes(tmp_path, archive)
    assert members.container_names == [
        "train/",
        "train/n01440764/",
        "train/n01443537.tar",
        "train/n01443537.tar/images/",
    ]
    assert [members.container_names[row] for row in inner_tars(members)] == ["train/n01443537.tar"]
    assert directories(members) == [
        *("train", "train/n01440764", "train/n01443537", "train/n01443537/images")
    ]
    assert members.containers.tolist() == [2]
    assert members.special_entries == 0


def test_the_directories_of_a_folder_its_tar_and_its_gzipped_tar(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for folder in ("train/n01440764", "train/n01443537", "val/n01440764"):
        (root / folder).mkdir(parents=True)
    (root / "train/n01440764/a.JPEG").write_bytes(JPEG)
    with tarfile.open(tmp_path / "data.tar", "w") as archive:
        archive.add(root, ".")
    packed = gzip.compress((tmp_path / "data.tar").read_bytes())
    (tmp_path / "data.tar.gz").write_bytes(packed)
    expected_names = sorted(
        f"{path.relative_to(root)}/" for path in root.rglob("*") if path.is_dir()
    )
    archives = (
        FolderArchive(root),
        FileArchive(tmp_path / "data.tar"),
        GzipArchive(tmp_path / "data.tar.gz"),
    )
    for each in archives:
        assert sorted(each.scan().container_names) == expected_names, each


def test_old_headers(tmp_path: Path) -> None:
    """V7 has no magic, the type NUL, and from some systems a sum of signed chars."""
    modern = entry("ü.JPEG", JPEG)
    v7 = modern[:156] + b"\0" + modern[157:257] + bytes(255)
    for signed in (False, True):
        archive = checksummed(v7, signed=signed) + modern[512:] + END
        assert found(scan_bytes(tmp_path, archive)) == [Found("ü.JPEG", 512, len(JPEG))]


def test_gnu_headers_have_times_where_posix_has_the_prefix(tmp_path: Path) -> None:
    header = entry("a.JPEG", JPEG)
    assert header[257:265] == b"ustar  \0"
    archive = checksummed(header[:345] + b"14567651321\0" + header[357:512]) + header[512:] + END
    assert found(scan_bytes(tmp_path, archive)) == [Found("a.JPEG", 512, len(JPEG))]


def with_size(field: bytes, content: bytes = JPEG) -> bytes:
    plain = entry("a.JPEG", content)
    return checksummed(plain[:124] + field + plain[136:512]) + plain[512:] + END


@pytest.mark.parametrize(
    "field",
    [
        b"\x80" + (4).to_bytes(11, "big"),
        b"00000000004\0",
        b"000000000004",
        b"          4 ",
        b"4\0garbage\0\0\0",
    ],
)
def test_ways_to_write_a_size(tmp_path: Path, field: bytes) -> None:
    assert found(scan_bytes(tmp_path, with_size(field))) == [Found("a.JPEG", 512, 4)]


@pytest.mark.parametrize(
    "field",
    [
        b"\xff" * 12,  # -1
        b"\xff" + bytes(11),
        b"\x80" + b"\xff" * 11,
        b"\xbf" + b"\xff" * 11,
        b"\x80\0\0\0" + (2**64 - 1).to_bytes(8, "big"),
        b"\x80\0\0\0" + (2**64 - 512).to_bytes(8, "big"),
        b"\x80\0\0\0" + (2**63).to_bytes(8, "big"),
        b"777777777777",
        b"00000002001\0",  # one byte more than the archive has
        b"0000000000x\0",
        b"-0000000001\0",
        b"00000000009\0",
    ],
)
def test_hostile_sizes(tmp_path: Path, field: bytes) -> None:
    with pytest.raises(CorruptError, match=r"size|truncated"):
        scan_bytes(tmp_path, with_size(field))


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_beyond_8_gib(tmp_path: Path, format: int) -> None:  # noqa: A002
    """Sizes that eleven octal digits cannot hold, in a file that is mostly holes."""
    size = 9 << 30
    path = tmp_path / "x.tar"
    big = entry("a.JPEG", size=size, format=format)
    with path.open("wb") as file:
        file.write(big)
        file.seek(len(big) + size)
        file.write(entry("b.JPEG", JPEG) + END)
    assert found(scan(path)) == [
        Found("a.JPEG", len(big), size),
        Found("b.JPEG", len(big) + size + 512, len(JPEG)),
    ]


def pax(*records: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return entry("pax", b"".join(records), type=kind)


def record(key: str, value: str) -> bytes:
    """A pax record, whose length counts its own digits."""
    rest = f" {key}={value}\n".encode()
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length += 1
    return str(length).encode() + rest


def test_pax_records(tmp_path: Path) -> None:
    """Local ones go before global ones, and an empty value withdraws a record."""
    archive = (
        pax(record("comment", "abc"), record("path", "all.JPEG"), kind=tarfile.XGLTYPE)
        + entry("a.JPEG", JPEG)
        + pax(record("path", "own.JPEG"), record("size", "3"), b"\0 ignored")
        + entry("b.JPEG", JPEG)
        + pax(record("path", ""))
        + entry("c.JPEG", JPEG)
        + pax(record("path", ""), kind=tarfile.XGLTYPE)
        + entry("d.JPEG", JPEG)
        + END
    )
    assert [(name, size) for name, _, size in found(scan_bytes(tmp_path, archive))] == [
        ("all.JPEG", 4),
        ("own.JPEG", 3),
        ("all.JPEG", 4),
        ("d.JPEG", 4),
    ]


@pytest.mark.parametrize(
    "records",
    [
        b"path=a\n",
        b"x path=a\n",
        b"99 path=a\n",
        b"3 path=a\n",
        b"2 \n",
        b"9 path=ab",
        b"7 path\n",
        b"11 size=-1\n",
        b"29 size=99999999999999999999\n",
        b"99999999999999999999 path=a\n",
        b"11",
        b" ",
    ],
)
def test_broken_pax_records(tmp_path: Path, records: bytes) -> None:
    with pytest.raises(CorruptError, match="pax record"):
        scan_bytes(tmp_path, pax(records) + entry("a.JPEG", JPEG) + END)


def test_extended_headers_need_an_entry(tmp_path: Path) -> None:
    with pytest.raises(CorruptError, match="not followed"):
        scan_bytes(tmp_path, entry("a.JPEG", JPEG) + pax(record("path", "ab")) + END)


def test_extended_headers_and_names_have_limits(tmp_path: Path) -> None:
    with pytest.raises(TooLargeError, match="pax record of 70012 bytes; the limit is 65536"):
        scan_bytes(tmp_path, pax(record("path", "a" * 70_000)) + entry("a", JPEG) + END)
    with pytest.raises(TooLargeError, match="a name of more than 65536 bytes"):
        scan_bytes(tmp_path, entry("L", b"a" * 70_000, type=b"L") + entry("a", JPEG) + END)
    with pytest.raises(TooLargeError, match="name of more than 4096"):
        scan_bytes(tmp_path, tar({"a" * 4097: JPEG}))
    assert len(scan_bytes(tmp_path, tar({"a" * 4096: JPEG})).names) == 4096


def test_a_cut_at_every_byte_is_an_error(tmp_path: Path) -> None:
    """But for a part of the zeros at the end, of which one shows that no member is missing."""
    complete = train_tar(TRAIN, format=tarfile.GNU_FORMAT)
    path = tmp_path / "x.tar"
    path.write_bytes(complete + bytes(700))
    whole = found(scan(path))
    assert len(whole) == 3
    for length in range(len(complete) + 700, -1, -1):
        os.truncate(path, length)
        if length > len(complete) - 1024:
            members = scan(path)
            assert found(members) == whole
            cut = [Note(CUT_MARKER, "", length)] if length < len(complete) else []
            assert members.notes == cut
            continue
        with pytest.raises(CorruptError) as caught:
            scan(path)
        assert caught.value.archive == str(path)
        assert caught.value.offset == (length if length >= 512 else 0)


def test_a_cut_inner_tar_is_named(tmp_path: Path) -> None:
    """An inner tar that was cut before it was packed, at every byte."""
    inner = tar(TRAIN["n01440764"])
    for length in range(len(inner)):
        archive = tar({"n01443537.tar": tar({"b": JPEG}), "n01440764.tar": inner[:length]})
        if length > len(inner) - 1024:
            (note,) = scan_bytes(tmp_path, archive).notes
            assert (note.kind, note.name) == (CUT_MARKER, "n01440764.tar")
            continue
        with pytest.raises(CorruptError) as caught:
            scan_bytes(tmp_path, archive)
        assert caught.value.member is not None
        assert caught.value.member.startswith("n01440764")
        assert caught.value.offset is not None


def test_a_cut_member_is_named(tmp_path: Path) -> None:
    archive = train_tar(TRAIN)
    with pytest.raises(CorruptError, match="truncated") as caught:
        scan_bytes(tmp_path, archive[:1500])
    # The outer tar's own member is the first that does not fit.
    assert (caught.value.member, caught.value.offset) == ("n01440764.tar", 1500)
    with pytest.raises(CorruptError, match="truncated") as caught:
        scan_bytes(tmp_path, tar({"n01440764.tar": tar(TRAIN["n01440764"])[:600]}))
    assert caught.value.member == "n01440764/n01440764_18.JPEG"
    assert caught.value.offset == 512 + 600


@relaxed
@given(position=st.integers(0, 6 * 1024), value=st.integers(1, 255))
def test_flipped_bytes_are_errors_or_harmless(tmp_path: Path, position: int, value: int) -> None:
    archive = bytearray(train_tar(TRAIN))
    archive[position % len(archive)] ^= value
    try:
        members = scan_bytes(tmp_path, bytes(archive))
    except FastinetError:
        return
    assert len(found(members)) == 3
    for _, offset, size in found(members):
        assert offset + size <= len(archive)


@relaxed
@given(noise=st.binary(max_size=4000), start=st.integers(0, 4000))
def test_noise_never_crashes(tmp_path: Path, noise: bytes, start: int) -> None:
    archive = bytearray(train_tar(TRAIN))
    archive[start : start + len(noise)] = noise
    with contextlib.suppress(FastinetError):
        scan_bytes(tmp_path, bytes(archive))


@pytest.mark.parametrize(
    ("archive", "kind", "message"),
    [
        (b"", CorruptError, "the file is empty"),
        (b"x", CorruptError, "not a tar: shorter"),
        (b"x" * 511, CorruptError, "not a tar: shorter"),
        (b"not a tar " * 100, CorruptError, "not a tar: it does not begin"),
        (bytes(512), CorruptError, "within its end-of-archive marker"),
        (gzip.compress(tar({"a": JPEG}), mtime=0), UnsupportedError, "gzip"),
        (gzip.compress(b"", mtime=0), UnsupportedError, "gzip"),
        (b"PK\x03\x04" + bytes(600), UnsupportedError, "zip"),
        (entry("a", JPEG), CorruptError, "without its end-of-archive marker"),
        (
            entry("a", JPEG) + bytes(512) + entry("b", JPEG) + END,
            CorruptError,
            "a single block of zeros",
        ),
        (tar({"a": JPEG}) + tar({"b": JPEG}), CorruptError, "concatenated"),
        (
            tar({"a": JPEG}, record_bytes=RECORD_BYTES) + tar({"b": JPEG}),
            CorruptError,
            "concatenated",
        ),
        (
            tar({"a.tar": tar({"b": JPEG}) + tar({"c": JPEG})}),
            CorruptError,
            "member 'a.tar'.*concatenated",
        ),
        (tar({"a.tar": b"no tar" * 100}), CorruptError, "named .tar"),
        (tar({"a.tar": b""}), CorruptError, "member 'a.tar'.*truncated"),
        (tar({"a.tar": gzip.compress(tar({"b": JPEG}), mtime=0)}), UnsupportedError, "gzip"),
        (
            tar({"a.tar": tar({"b.tar": tar({"c": JPEG})})}),
            UnsupportedError,
            "member 'a/b.tar'.*a tar within a tar within a tar",
        ),
    ],
)
def test_refusals(tmp_path: Path, archive: bytes, kind: type[FastinetError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        scan_bytes(tmp_path, archive)
    assert caught.value.archive == str(tmp_path / "x.tar")
    assert caught.value.offset is not None


def test_a_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.JPEG", JPEG)
    with pytest.raises(UnsupportedError, match="zip"):
        scan(path)


def test_what_only_looks_like_an_inner_tar(tmp_path: Path) -> None:
    """A resource fork of macOS, and a .tar two levels down that is none."""
    archive = tar({"._n01.tar": b"\0\5\x16\7" + bytes(600), "a.tar": tar({"b.tar": b"text" * 200})})
    assert [name for name, _, _ in found(scan_bytes(tmp_path, archive))] == ["._n01.tar", "a/b.tar"]


def test_padding_may_hold_anything_but_a_header(tmp_path: Path) -> None:
    members = scan_bytes(tmp_path, tar({"a": JPEG}) + b"left over from a tape" * 100)
    assert len(members.offsets) == 1


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="No such file"):
        scan(tmp_path / "x.tar")
    with pytest.raises(MissingError):
        scan(Path(__file__) / "x.tar")
    with pytest.raises(UnsupportedError, match="not a regular file"):
        scan(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UnsupportedError, match="not a regular file"):
        scan(tmp_path / "fifo")


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    members = scan_bytes(tmp_path, tar({"\udcff.JPEG": JPEG}))
    assert members.names.tobytes() == b"\xff.JPEG"
    path = tmp_path / "\udcff.tar"
    with pytest.raises(MissingError) as caught:
        scan(path)
    assert caught.value.archive == str(path)


def test_progress_grows_to_the_end_and_may_stop_the_scan(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar({f"{i}.JPEG": JPEG for i in range(10_000)}))
    reports: list[tuple[int, int]] = []
    scan(path, progress=lambda position, total: reports.append((position, total)))
    size = path.stat().st_size
    assert len(reports) > 2
    assert reports == sorted(reports)
    assert reports[-1] == (size, size)

    def stop(_position: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(path, progress=stop)
    # Ctrl-C is seen between two steps, also where nobody asked for progress.
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012  # the signal may come at any line
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            while True:
                scan(path)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("corpus", ["tar", "stream", "index"])
def test_the_fuzzers_corpus_is_what_its_script_writes(corpus: str, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    script = root / "tools" / f"make_{corpus}_corpus.py"
    subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    committed = root / "csrc" / "fuzz" / "corpus" / corpus
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in committed.iterdir()
    }
