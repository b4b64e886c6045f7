"""Where sidecars lie: beside the archive or in the user's cache, and what is one by its name."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastinet.sidecars.places import SUFFIX, is_sidecar, places

suffixes = st.sampled_from(["", ".checkpoints", ".seek", ".verify", ".verify.walk"])
file_names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda name: name not in {".", ".."} and SUFFIX not in name)
relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@relaxed
@given(name=file_names, suffix=suffixes)
def test_beside_the_archive_or_in_the_cache(own_cache: Path, name: str, suffix: str) -> None:
    archive = Path("/data") / name
    beside, cached = places(archive, suffix)
    assert beside == Path(f"/data/{name}.fastinet{suffix}")
    assert cached.parent == own_cache / "indexes"
    label = hashlib.sha256(os.fsencode(archive)).hexdigest()[:16]
    assert cached.name == f"{name}-{label}.fastinet{suffix}"


@pytest.mark.usefixtures("own_cache")
def test_archives_of_one_name_have_their_own_sidecars_in_the_cache() -> None:
    archives = [Path("/data/train.tar"), Path("/data/2/train.tar"), Path("/mnt/train.tar")]
    assert len({places(archive)[1] for archive in archives}) == 3
    assert len({places(archives[0], suffix) for suffix in ("", ".checkpoints", ".seek")}) == 3


@pytest.mark.usefixtures("own_cache")
def test_a_relative_path_is_that_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = Path.cwd()
    assert places(Path("train.tar")) == places(here / "train.tar")
    monkeypatch.chdir("/")
    assert places(Path("train.tar")) != places(here / "train.tar")


@pytest.mark.usefixtures("own_cache")
def test_a_name_that_is_no_text_has_sidecars_too() -> None:
    archive = Path(os.fsdecode(b"/data/\xff.tar"))
    beside, cached = places(archive)
    assert os.fsencode(beside) == b"/data/\xff.tar.fastinet"
    assert os.fsencode(cached.name).startswith(b"\xff.tar-")


@relaxed
@given(name=file_names, suffix=suffixes)
@pytest.mark.usefixtures("own_cache")
def test_every_sidecar_is_one_by_its_name(name: str, suffix: str) -> None:
    assert not is_sidecar(name)
    for place in places(Path("/data") / name, suffix):
        assert is_sidecar(place.name)
        assert is_sidecar(place.name + ".tmp")
        assert not is_sidecar(place.name.replace(SUFFIX, SUFFIX + "s"))


parts = st.sampled_from(["", ".", "a", ".tar", "fastinet", ".fastinet", ".seek", "\n"])


@given(st.lists(parts, max_size=5).map("".join))
def test_a_sidecar_is_called_so_or_goes_on_with_a_dot(name: str) -> None:
    before_the_first = r"(?:(?!\.fastinet).)*"
    assert is_sidecar(name) == bool(
        re.fullmatch(before_the_first + r"\.fastinet(?:\..*)?", name, re.DOTALL)
    )
