"""Where sidecars lie: beside the archive, in the user's cache, or where told; and what is one."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastinet.annotations import bounding_boxes, relabel
from fastinet.archives import seek_index
from fastinet.items import checkpoints, duplicates
from fastinet.sidecars import turns
from fastinet.sidecars.places import SUFFIX, Sidecars, given_index, is_sidecar
from fastinet.verification import journal

KINDS = [
    "",
    bounding_boxes.SUFFIX,
    relabel.SUFFIX,
    seek_index.SUFFIX,
    checkpoints.SUFFIX,
    duplicates.SUFFIX,
    ".val" + duplicates.SUFFIX,
    journal.SUFFIX,
    journal.SUFFIX + journal.WALK_SUFFIX,
]
suffixes = st.sampled_from(KINDS)
file_names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda name: name not in {".", ".."} and SUFFIX not in name)
relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@relaxed
@given(name=file_names, suffix=suffixes)
def test_beside_the_archive_or_in_the_cache(own_cache: Path, name: str, suffix: str) -> None:
    """The cache has it by content, and by path as earlier versions named it."""
    archive = Path("/data") / name
    beside, by_content, by_path = Sidecars(archive, content="0123").places(suffix)
    assert beside == Path(f"/data/{name}.fastinet{suffix}")
    label = hashlib.sha256(os.fsencode(archive)).hexdigest()[:16]
    assert by_content == own_cache / "indexes" / f"{name}-0123.fastinet{suffix}"
    assert by_path == own_cache / "indexes" / f"{name}-{label}.fastinet{suffix}"
    assert Sidecars(archive).places(suffix) == (beside, by_path)


def test_copies_share_what_is_in_the_cache(own_cache: Path) -> None:
    paths = [Path("/data/train.tar"), Path("/scratch/7/train.tar")]
    found = [set(Sidecars(path, content="ab").places(".seek")) for path in paths]
    assert found[0] & found[1] == {own_cache / "indexes" / "train.tar-ab.fastinet.seek"}
    assert len(found[0] | found[1]) == 5


@pytest.mark.usefixtures("own_cache")
def test_a_relative_path_is_that_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = Path.cwd()
    assert Sidecars(Path("x.tar")).places() == Sidecars(here / "x.tar").places()
    given = given_index("x.index")
    monkeypatch.chdir("/")
    assert Sidecars(Path("x.tar")).places() != Sidecars(here / "x.tar").places()
    assert Sidecars(Path("x.tar"), given).places(".seek") == (here / "x.index.seek",)


@pytest.mark.usefixtures("own_cache")
def test_a_name_that_is_no_text_has_sidecars_too() -> None:
    archive = Path(os.fsdecode(b"/data/\xff.tar"))
    beside, cached = Sidecars(archive).places()
    assert os.fsencode(beside) == b"/data/\xff.tar.fastinet"
    assert os.fsencode(cached.name).startswith(b"\xff.tar-")


@pytest.mark.usefixtures("own_cache")
def test_beside_the_target_of_a_link(tmp_path: Path) -> None:
    """A link to the archive, and one to a folder above it; what is beside the link comes first."""
    store, view = tmp_path / "store", tmp_path / "view"
    store.mkdir()
    view.mkdir()
    (store / "x.tar").write_bytes(b"")
    (view / "train.tar").symlink_to("../store/x.tar")
    (tmp_path / "mounted").symlink_to(store)
    places = Sidecars(view / "train.tar").places(".seek")
    assert places[:2] == (view / "train.tar.fastinet.seek", store / "x.tar.fastinet.seek")
    places = Sidecars(tmp_path / "mounted" / "x.tar").places()
    assert places[:2] == (tmp_path / "mounted" / "x.tar.fastinet", store / "x.tar.fastinet")
    joined = Sidecars(view / "train.tar").renamed(lambda name: f"{name}+patch.tar").places()
    assert joined[1] == store / "x.tar+patch.tar.fastinet"


def test_a_path_given_as_index_governs_all(own_cache: Path, tmp_path: Path) -> None:
    archive = Path("/data/train.tar")
    file = Sidecars(archive, str(tmp_path / "my.index"), content="ab")
    assert file.places() == (tmp_path / "my.index",)
    assert file.places(".checkpoints") == (tmp_path / "my.index.checkpoints",)
    assert file.places_of_own(".boxes") == (tmp_path / "my.index",)
    one = dataclasses.replace(file, part=".0.tar")
    assert one.places(".seek") == (tmp_path / "my.index.0.tar.seek",)
    for folder in (str(tmp_path), f"{tmp_path}/not/yet/"):
        there = Sidecars(archive, folder)
        assert there.places(".seek") == (Path(folder) / "train.tar.fastinet.seek",)
        assert there.places_of_own(".boxes") == (Path(folder) / "train.tar.fastinet.boxes",)
    assert Sidecars(archive, index=False).places(".seek") == ()
    assert not own_cache.exists()


@relaxed
@given(name=file_names, suffix=suffixes)
@pytest.mark.usefixtures("own_cache")
def test_every_sidecar_is_one_by_its_name(name: str, suffix: str) -> None:
    assert not is_sidecar(name)
    for place in Sidecars(Path("/data") / name, content="ab").places(suffix):
        assert is_sidecar(place.name)
        assert is_sidecar(place.name + turns.SUFFIX)
        assert is_sidecar(place.name + ".123-0011aabb.tmp")
        assert not is_sidecar(place.name.replace(SUFFIX, SUFFIX + "s"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("my.fastinet-data.tar.fastinet", True),
        ("my.fastinet-data.tar.fastinet.seek", True),
        ("my.fastinet-data.tar", False),
        ("photographs.fastinet.tar", False),
        ("n01440764_1.fastinet.JPEG", False),
        ("x.fastinet.tar.fastinet", True),
        ("x.fastinet\n", False),
        ("x.fastinet.0.tar.gz.seek", True),
        ("seek", False),
        ("x.seek", False),
    ],
)
def test_a_users_file_may_have_the_word_in_its_name(name: str, expected: bool) -> None:
    assert is_sidecar(name) == expected


parts = st.sampled_from(["", ".", "a", ".tar", "fastinet", ".fastinet", ".seek", ".lock", "\n"])


@given(st.lists(parts, max_size=6).map("".join))
def test_a_sidecar_ends_with_the_word_or_with_its_kind(name: str) -> None:
    before, found, _ = name.rpartition(".")
    is_kind = bool(found) and re.fullmatch(r"seek|lock", name[len(before) + 1 :]) is not None
    expected = name.endswith(SUFFIX) or (
        is_kind and (before.endswith(SUFFIX) or SUFFIX + "." in before)
    )
    assert is_sidecar(name) == expected


# -------------------------------------------------------------------- caches that cannot be used


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (RuntimeError("Could not determine home directory."), "is not known (Could not determine"),
        (KeyError("getpwuid(): uid not found: 4711"), "is not known"),
        (Path("~/.cache/fastinet"), "would be '~/.cache/fastinet': is HOME set?"),
        (Path("/dev/null/.cache/fastinet"), "cannot be used (Not a directory)"),
        (Path("/proc/self/mem"), "cannot be used (Not a directory)"),
    ],
)
def test_a_cache_that_is_none(
    answer: Path | Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cache(*_: object, **__: object) -> Path:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("platformdirs.user_cache_path", cache)
    sidecars = Sidecars(Path("/data/x.tar"), content="ab")
    assert sidecars.places(".seek") == (Path("/data/x.tar.fastinet.seek"),)
    assert told in sidecars.advice()
    assert "index=PATH" in sidecars.advice()


@pytest.mark.parametrize("level", ["fastinet/indexes", "fastinet", "."])
def test_a_cache_of_another_user(
    level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever owns it, or the first folder that there is, could put there what they like."""
    top = tmp_path / "home" / ".cache"
    (top / level).mkdir(parents=True)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: top / "fastinet")
    sidecars = Sidecars(Path("/data/x.tar"))
    assert len(sidecars.places()) == 2
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 4711)
    owner = (top / level).stat().st_uid
    if owner == 0:  # the super-user's folders serve everybody
        assert len(sidecars.places()) == 2
        os.chown(top / level, 4712, -1)
        owner = 4712
    assert len(sidecars.places()) == 1
    assert f"belongs to another user, {owner}" in sidecars.advice()


def test_a_cache_that_everybody_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "fastinet")
    folder = tmp_path / "fastinet" / "indexes"
    folder.mkdir(parents=True)
    sidecars = Sidecars(Path("/data/x.tar"))
    folder.chmod(0o775)
    assert len(sidecars.places()) == 2
    folder.chmod(0o777)
    assert len(sidecars.places()) == 1
    assert f"the cache folder '{folder}' is not used (everybody can write to it)" in (
        sidecars.advice()
    )
