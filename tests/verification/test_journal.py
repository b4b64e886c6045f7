"""What a verification keeps: it is remembered until the archive changes, and damage is noticed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.verified import Classes, Interrupted, kinds

import fastinet
from fastinet.archives.file_archive import FileArchive
from fastinet.datasets.published import PublishedArchive
from fastinet.errors import FastinetWarning
from fastinet.sidecars.identity import identify_file
from fastinet.verification import content_pass

pytestmark = pytest.mark.usefixtures("own_cache")


def test_what_was_found_is_remembered_until_the_archive_changes(
    train: tuple[Path, list[PublishedArchive]],
) -> None:
    path, published = train
    first = fastinet.verify(path, published=published)
    again = fastinet.verify(path, published=published)
    assert (first.remembered, again.remembered) == (False, True)
    assert again.findings == first.findings
    assert not fastinet.verify(path, published=published, again=True).remembered
    assert not fastinet.verify(path, published=published, decode=True).remembered
    with path.open("ab") as file:
        file.write(bytes(512))
    changed = fastinet.verify(path, published=published)
    assert not changed.remembered
    assert kinds(changed) == ["trailing bytes"]


def test_a_journal_that_is_no_journal_is_replaced(
    train: tuple[Path, list[PublishedArchive]],
) -> None:
    path, published = train
    journal = path.with_name("train.tar.fastinet.verify")
    for content in (b"", b"{", b"[]", bytes(100)):
        journal.write_bytes(content)
        with pytest.warns(FastinetWarning, match=r"'.*\.verify' is damaged: .* done anew") as said:
            assert fastinet.verify(path, published=published).ok
        assert len(said) == 1
        assert json.loads(journal.read_bytes())["report"]["ok"]
    journal.write_bytes(b'{"format": 1}')  # of another verification: nothing to tell
    assert fastinet.verify(path, published=published).ok
    assert not list(path.parent.glob("*.tmp"))


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("members", "many", "'members' is \"many\", and must be a whole number"),
        ("images", -1, "'images' is -1, and must be 0 to 9223372036854775807"),
        ("checks", [{"name": "size"}], r"it lacks 'checks\[0\].state'"),
        ("checks", [{"name": "size", "state": "odd", "detail": ""}], "must be one of 'passed'"),
        ("findings", {}, "'findings' is {}, and must be an array"),
        ("remembered", 1, "must be true or false"),
    ],
)
def test_a_remembered_report_of_the_wrong_types_is_refused(
    train: tuple[Path, list[PublishedArchive]], name: str, value: object, what: str
) -> None:
    path, published = train
    sound = fastinet.verify(path, published=published)
    journal = path.with_name("train.tar.fastinet.verify")
    content = json.loads(journal.read_bytes())
    content["report"][name] = value
    journal.write_text(json.dumps(content))
    with pytest.warns(FastinetWarning, match=f"is damaged: .*{what}"):
        assert fastinet.verify(path, published=published) == sound


@pytest.mark.skipif(os.geteuid() != 0, reason="takes the super-user, who can give a file away")
def test_a_journal_of_another_user_is_not_believed(
    train: tuple[Path, list[PublishedArchive]],
) -> None:
    """One that says that a damaged archive is sound, with all that a real one has."""
    path, published = train
    assert fastinet.verify(path, published=published).ok
    journal = path.with_name("train.tar.fastinet.verify")
    content = json.loads(journal.read_bytes())
    damaged = bytearray(path.read_bytes())
    damaged[5000] ^= 1
    path.write_bytes(damaged)
    identity = identify_file(path)
    content["archives"] = [identity.exact_fields()]
    content["stamps"] = [FileArchive(path).stamp()]
    journal.write_text(json.dumps(content))
    assert fastinet.verify(path, published=published).ok  # what the user's own says is believed
    os.chown(journal, 51234, -1)
    with pytest.warns(FastinetWarning, match="belongs to another user, 51234"):
        assert "digest" in kinds(fastinet.verify(path, published=published))


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_was_damaged_without_another_time_is_verified_again(
    train: tuple[Path, list[PublishedArchive]], classes: Classes, kind: str
) -> None:
    """As a disk, or `cp -p` of a copy that failed, leaves it: size and time as before."""
    path, published = train
    damaged = path
    if kind == "folder":
        path = path.with_name("extracted")
        for wnid, images in classes.items():
            (path / wnid).mkdir(parents=True)
            for name, image in images.items():
                damaged = path / wnid / name
                damaged.write_bytes(image)
    fastinet.verify(path, published=published, decode=True)
    assert fastinet.verify(path, published=published, decode=True).remembered
    status = damaged.stat()
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 255
    damaged.write_bytes(content)
    os.utime(damaged, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not fastinet.verify(path, published=published, decode=True).remembered


def test_a_state_of_other_bytes_is_not_taken_up(
    train: tuple[Path, list[PublishedArchive]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_pass, "_WINDOW_BYTES", 3000)
    path, published = train

    def interrupt(stage: str, done: int, _: int) -> None:
        if stage == "content" and done > 10_000:
            raise Interrupted

    with pytest.raises(Interrupted):
        fastinet.verify(path, published=published, progress=interrupt)
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    assert "digest" in kinds(fastinet.verify(path, published=published))


def test_a_place_that_cannot_be_written_costs_the_journal_alone(
    train: tuple[Path, list[PublishedArchive]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, published = train

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fastinet.verification.journal.replace_file", refuse)
    with pytest.warns(fastinet.errors.FastinetWarning, match="cannot be kept"):
        assert fastinet.verify(path, published=published).ok
