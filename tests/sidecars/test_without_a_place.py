"""Does anything stop where no sidecar can be kept? Homes and folders that cannot be used."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.checkpointed import small_images

import fastinet
from fastinet.errors import FastinetWarning, ReadError
from fastinet.testing.archives import extract, tar, train_tar

IMAGES = list(small_images(6).values())
CLASSES = {
    "n01440764": {f"n01440764_{i}.JPEG": IMAGES[i] for i in range(3)},
    "n01443537": {f"n01443537_{i}.JPEG": IMAGES[i] for i in range(2, 6)},
}
ITEMS = 7

# A user of no name: nothing on this machine is called so.
STRANGER, OTHER_STRANGER = 51_234, 51_235

needs_super_user = pytest.mark.skipif(
    os.geteuid() != 0, reason="only the super-user can become another user"
)


def archives(folder: Path) -> list[str]:
    """A tar, a gzipped one and a tree in `folder`, and nothing else."""
    data = train_tar(CLASSES)
    (folder / "train.tar").write_bytes(data)
    (folder / "train.tar.gz").write_bytes(gzip.compress(data))
    extract(
        {f"{w}/{name}": b for w, c in CLASSES.items() for name, b in c.items()}, folder / "tree"
    )
    return ["train.tar", "train.tar.gz", "tree"]


# ---------------------------------------------------------------------- as another user, in earnest

# What it imports at its first use may lie where that user cannot read: all is used once before.
AS_A_USER = """
import json, os, pathlib, shutil, sys, tempfile, warnings
import fastinet

def use(path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dataset = fastinet.open(path)
        found = fastinet.find_duplicates(dataset)
        covered = dataset.checkpoints.covered
        rows = sum(len(b) for b in fastinet.Loader(dataset, 4, fastinet.CenterCrop(8), world=1))
        report = fastinet.verify(path, published=())
    return dict(
        index=dataset.index, duplicates=str(found.path), groups=len(found), rows=rows,
        ok=report.ok, told=[str(warning.message) for warning in caught],
    )

user, folder, names = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
with tempfile.TemporaryDirectory() as scratch:
    for name in names:
        source, copy = folder / name, pathlib.Path(scratch, name)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy)
        use(copy)
if user:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
print(json.dumps([use(folder / name) for name in names]))
"""


def used_by(
    user: int, folder: Path, names: Sequence[str], environment: dict[str, str]
) -> list[dict[str, Any]]:
    """What a process of that user makes of the archives, in an environment that has no more."""
    root = str(Path(fastinet.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", AS_A_USER, str(user), str(folder), *names],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": root, "PATH": os.environ["PATH"], **environment},
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert [(each["rows"], each["groups"], each["ok"]) for each in found] == [
        (ITEMS, 1, True)
    ] * len(names)
    return found


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that every user can enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@needs_super_user
@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "the user's cache folder is not known"),
        ({"HOME": ""}, "the user's cache folder is not known"),
        ({"XDG_CACHE_HOME": "relative"}, "the user's cache folder is not known"),
        ({"XDG_CACHE_HOME": "", "HOME": "/"}, "'/.cache/fastinet/indexes/"),
        ({"HOME": "/"}, "'/.cache/fastinet/indexes/"),
        ({"HOME": "{folder}/locked"}, "cannot be used (Permission denied)"),
        ({"HOME": "{folder}/train.tar"}, "cannot be used (Not a directory)"),
        ({"HOME": "{folder}/others"}, "others' belongs to another user, 51235"),
        ({"XDG_CACHE_HOME": "{folder}/others"}, "others' belongs to another user, 51235"),
        ({"XDG_CACHE_HOME": "{folder}/open"}, "(everybody can write to it)"),
        ({"HOME": "{folder}/not there"}, "not there/.cache/fastinet/indexes/"),
        ({"XDG_CACHE_HOME": "{folder}/readable"}, "readable/fastinet/indexes/"),
    ],
)
def test_a_stranger(environment: dict[str, str], told: str, open_folder: Path) -> None:
    """Nothing stops, each thing that cannot be kept is said once, and nothing is left behind."""
    names = archives(open_folder)
    for name, mode, owner in (("locked", 0o700, 0), ("others", 0o777, OTHER_STRANGER)):
        (open_folder / name).mkdir()
        (open_folder / name).chmod(mode)
        os.chown(open_folder / name, owner, -1)
    (open_folder / "readable" / "fastinet" / "indexes").mkdir(parents=True)
    everybodys = open_folder / "open" / "fastinet" / "indexes"
    everybodys.mkdir(parents=True)
    everybodys.chmod(0o777)
    there = sorted(open_folder.rglob("*"))
    filled = {name: value.format(folder=open_folder) for name, value in environment.items()}
    for name, found in zip(names, used_by(STRANGER, open_folder, names, filled), strict=True):
        assert (found["index"], found["duplicates"]) == (None, "None")
        kinds = ["the index could", "the duplicates could", "the progress of the verification"]
        if name.endswith(".gz"):  # by verify once more, which opens it by itself
            kinds = ["the seek index of", "the index could", "the duplicates could"]
            kinds += ["the seek index of", "the progress of the verification"]
        assert len(found["told"]) == len(kinds)
        for kind, text in zip(kinds, found["told"], strict=True):
            assert text.startswith(kind)
            assert f"'{open_folder}/{name}.fastinet" in text
            assert "Permission denied" in text
            assert told in text
            assert "index=PATH keeps it in a place of your own" in text
    assert sorted(open_folder.rglob("*")) == there


@needs_super_user
@pytest.mark.parametrize("umask", [0o022, 0o000, 0o077])
def test_a_home_of_ones_own(umask: int, open_folder: Path) -> None:
    """Also in a folder for everybody, as /tmp is; another user then does not take what is there."""
    names = archives(open_folder)
    home = open_folder / "home"
    home.mkdir()
    home.chmod(0o1777)
    before = os.umask(umask)
    try:
        for _ in range(2):
            for name, found in zip(
                names, used_by(STRANGER, open_folder, names, {"HOME": str(home)}), strict=True
            ):
                assert found["told"] == []
                assert found["index"].startswith(f"{home}/.cache/fastinet/indexes/{name}-")
        folder = (home / ".cache" / "fastinet" / "indexes").stat()
        assert (folder.st_uid, folder.st_mode & stat.S_IWOTH) == (STRANGER, 0)
        for found in used_by(OTHER_STRANGER, open_folder, names, {"HOME": str(home)}):
            assert found["index"] is None
            assert all("index" in text for text in found["told"])
        # The super-user leaves nothing in another's home that its owner could not remove.
        os.chown(home, STRANGER, -1)
        there = sorted(open_folder.rglob("*"))
        open_folder.joinpath("tree").rename(open_folder / "tree.fastinet")  # in the index's place
        shutil.copytree(open_folder / "tree.fastinet", open_folder / "tree")
        (found,) = used_by(0, open_folder, ["tree"], {"HOME": str(home)})
        assert found["index"] is None
        assert set(open_folder.glob("home/**/*")) <= set(there)
    finally:
        os.umask(before)


# ---------------------------------------------------------------------------------- by injection


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EACCES])
def test_folders_that_take_nothing(
    number: int, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every way to write a file fails, in every place."""
    names = archives(tmp_path)
    there = sorted(tmp_path.rglob("*"))
    plain_open, plain_os_open = Path.open, os.open

    def refusing(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if mode[0] in "awx" or "+" in mode:
            raise OSError(number, os.strerror(number), str(self))
        return plain_open(self, mode, *args, **kwargs)

    def os_refusing(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise OSError(number, os.strerror(number), str(path))
        return plain_os_open(path, flags, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refusing)
    monkeypatch.setattr(os, "open", os_refusing)
    for name in names:
        with pytest.warns(FastinetWarning) as caught:
            dataset = fastinet.open(tmp_path / name)
        with warnings.catch_warnings():
            warnings.simplefilter("error", FastinetWarning)
            assert all(dataset.read(row) for row in range(ITEMS))
        assert len(caught) == (2 if name.endswith(".gz") else 1)
        for warning in caught:
            assert f"'{tmp_path}/{name}.fastinet" in str(warning.message)
            assert os.strerror(number) in str(warning.message)
            assert warning.filename == __file__
        assert dataset.index is None
        with pytest.raises(ReadError, match=r"checkpoint index cannot be written .*index=PATH"):
            dataset.build_checkpoints()
    shutil.rmtree(own_cache)  # the folders are all there is
    assert sorted(tmp_path.rglob("*")) == there


@pytest.mark.usefixtures("own_cache")
def test_a_thousand_shards_are_one_complaint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"{number}.tar.gz")
        paths[-1].write_bytes(gzip.compress(tar({f"n01440764/{number}.JPEG": IMAGES[number]})))

    def refuse(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    for module in ("replacing", "log", "turns"):
        monkeypatch.setattr(f"fastinet.sidecars.{module}.make_folder", refuse)
    with pytest.warns(FastinetWarning) as caught:
        dataset = fastinet.open(paths)
    first, second = (str(warning.message) for warning in caught)
    assert first.startswith(f"the seek index of '{paths[0]}' could not be kept")
    assert second.startswith("the index could not be kept")
    assert [dataset.read(row) for row in range(5)] == IMAGES[:5]


# -------------------------------------------------------------------------------- index= and none


@pytest.mark.parametrize("name", ["train.tar", "train.tar.gz", "tree"])
def test_index_false_keeps_nothing(name: str, tmp_path: Path, own_cache: Path) -> None:
    """Nothing is read, either: what is there is of another archive, and nobody hears of it."""
    archives(tmp_path)
    for suffix in ("", ".seek", ".checkpoints", ".duplicates", ".verify"):
        (tmp_path / f"{name}.fastinet{suffix}").write_bytes(b"something else")
    there = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with warnings.catch_warnings():
        warnings.simplefilter("error", FastinetWarning)
        dataset = fastinet.open(tmp_path / name, index=False)
        assert [len(group) for group in fastinet.find_duplicates(dataset)] == [2]
        assert dataset.checkpoints.path is None
        assert fastinet.verify(tmp_path / name, index=False, published=()).ok
    with pytest.raises(ReadError, match="not to be kept anywhere, since index= was False"):
        dataset.build_checkpoints()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == there
    assert not own_cache.exists()


def test_index_false_inflates_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for every worker process, nor for every view."""
    import pickle

    archives(tmp_path)
    dataset = fastinet.open(tmp_path / "train.tar.gz", index=False)
    sent = pickle.dumps(dataset.select([6, 0]))
    monkeypatch.setattr("fastinet._native._scan.SeekPass", None)
    received = pickle.loads(sent)  # noqa: S301
    assert [received.read(0), received.read(1)] == [IMAGES[5], IMAGES[0]]
    assert dataset.read(1) == IMAGES[1]


def test_index_governs_all_sidecars(tmp_path: Path, own_cache: Path) -> None:
    for name in archives(tmp_path):
        for given, expected in (
            (tmp_path / "a" / "my.index", "a/my.index"),
            (f"{tmp_path}/b/", f"b/{name}.fastinet"),
        ):
            for _ in range(2):
                dataset = fastinet.open(tmp_path / name, index=given)
                dataset.build_checkpoints()
                fastinet.find_duplicates(dataset)
                fastinet.verify(tmp_path / name, index=given, published=())
            kinds = ["", ".checkpoints", ".duplicates", ".verify"]
            kinds += [".seek"] if name.endswith(".gz") else []
            folder = (tmp_path / expected).parent
            assert {str(path.relative_to(tmp_path)) for path in folder.iterdir()} == {
                expected + kind for kind in kinds
            }
            shutil.rmtree(folder)
    assert not list(tmp_path.glob("*.fastinet*"))
    assert not own_cache.exists()


def test_index_of_shards_of_one_name(tmp_path: Path, own_cache: Path) -> None:
    """Each has a seek index of its own, in a folder or beside the index."""
    paths = []
    for number, name in enumerate(("a/0.tar.gz", "b/0.tar.gz", "b/1.tar.gz")):
        paths.append(tmp_path / name)
        paths[-1].parent.mkdir(exist_ok=True)
        paths[-1].write_bytes(gzip.compress(tar({f"n01440764/{number}.JPEG": IMAGES[number]})))
    for given in (tmp_path / "x" / "my.index", f"{tmp_path}/y/"):
        for _ in range(2):
            with warnings.catch_warnings():
                warnings.simplefilter("error", FastinetWarning)
                dataset = fastinet.open(paths, index=given)
            assert [dataset.read(row) for row in range(3)] == IMAGES[:3]
    seek = {path.name for path in (tmp_path / "x").glob("*.seek")}
    assert seek == {f"my.index.{name}.seek" for name in ("0-0.tar.gz", "1-0.tar.gz", "1.tar.gz")}
    seek = {path.name for path in (tmp_path / "y").glob("*.seek")}
    assert seek == {f"{name}.fastinet.seek" for name in ("0-0.tar.gz", "1-0.tar.gz", "1.tar.gz")}
    assert not list(tmp_path.glob("?/*.tar.gz.fastinet.seek.lock"))
    assert not own_cache.exists()
