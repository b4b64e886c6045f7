"""A patch: its images take the place of those with the same file names."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.small_challenge import JPEG, check, expected_test

import fastinet
from fastinet.errors import CorruptError, FastinetWarning, MissingError, UnsupportedError
from fastinet.testing.archives import END, entry
from fastinet.testing.ilsvrc import Members, MiniatureChallenge, miniature_challenge, write_archive


@pytest.fixture(scope="module")
def challenge() -> MiniatureChallenge:
    return miniature_challenge()


def patched(challenge: MiniatureChallenge, numbers: list[int]) -> Members:
    return {
        f"ILSVRC2012_test_{number:08d}.JPEG": challenge.val[number] for number in numbers
    }  # other images, which the file names do not tell


@pytest.mark.parametrize("form", ["tar", "folder"])
def test_a_patch_overrides_by_name(
    tmp_path: Path, challenge: MiniatureChallenge, form: str
) -> None:
    members = challenge.official_test(folder="test/")
    path = write_archive(tmp_path / "test.tar", members, form=form)  # type: ignore[arg-type]
    patch = write_archive(tmp_path / "patch.tar", patched(challenge, [4, 2]), prefix="./")
    plain = expected_test(challenge)
    wanted = [
        (key, challenge.val[number] if number in (2, 4) else content, None)
        for number, (key, content, _) in enumerate(plain, start=1)
    ]
    for _ in range(2):
        check(fastinet.open(path, patch=patch), wanted)
        check(fastinet.open(path), plain)
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {
        "test.tar",
        "patch.tar",
        "test.tar.fastinet",
        "test.tar+patch.tar.fastinet",
    }
    dataset = fastinet.open(path, patch=patch)
    dataset.build_checkpoints()
    check(fastinet.open(path, patch=patch), wanted)
    check(fastinet.open(path), plain)  # and no word about somebody else's checkpoints


def test_patches_that_do_not_fit(tmp_path: Path, challenge: MiniatureChallenge) -> None:
    path = write_archive(tmp_path / "test.tar", challenge.official_test())
    members = {**patched(challenge, [2]), "ILSVRC2012_test_00000099.JPEG": JPEG, "README": b"!"}
    patch = write_archive(tmp_path / "patch.tar", members)
    with pytest.warns(FastinetWarning) as caught:
        dataset = fastinet.open(path, patch=patch)
    messages = " | ".join(str(warning.message) for warning in caught)
    assert "1 images of the patch replace nothing: ILSVRC2012_test_00000099.JPEG" in messages
    assert "1 entries of the patch skipped" in messages
    assert (dataset.skipped, dataset.read(1)) == (2, challenge.val[2])
    other = write_archive(tmp_path / "other.tar", challenge.official_val())
    with pytest.raises(CorruptError, match="patch of another archive"):
        fastinet.open(path, patch=other)
    with pytest.raises(UnsupportedError, match="a patch is an archive"):
        fastinet.open(path, patch=tmp_path)
    with pytest.raises(MissingError, match="no such file"):
        fastinet.open(path, patch=tmp_path / "none.tar")


def test_of_one_name_twice_in_a_patch_the_last_counts(
    tmp_path: Path, challenge: MiniatureChallenge
) -> None:
    path = write_archive(tmp_path / "test.tar", challenge.official_test())
    name = "ILSVRC2012_test_00000005.JPEG"
    patch = tmp_path / "patch.tar"
    patch.write_bytes(entry(name, JPEG) + entry(f"new/{name}", challenge.val[2]) + END)
    assert fastinet.open(path, patch=patch).read(4) == challenge.val[2]


def test_a_patch_of_a_folder_of_class_tars(tmp_path: Path, challenge: MiniatureChallenge) -> None:
    folder = write_archive(tmp_path / "tars", challenge.official_train(), form="folder")
    name = next(iter(challenge.train["n01440764"]))
    patch = write_archive(tmp_path / "patch.tar", {name: challenge.val[1]})
    dataset = fastinet.open(folder, patch=patch)
    row = list(dataset.keys).index(f"n01440764/{name}")
    assert dataset.read(row) == challenge.val[1]
    plain = fastinet.open(folder)
    assert [dataset.read(i) for i in range(len(plain)) if i != row] == [
        plain.read(i) for i in range(len(plain)) if i != row
    ]
