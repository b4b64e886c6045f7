"""The pass over the content: every byte once, every image once, from wherever it was left."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet.testing.archives import train_tar
from fastinet.testing.small import small_jpeg
from fastinet.verification import content_pass
from fastinet.verification.content_pass import ContentPass, Images, PassState
from fastinet.verification.digests import FileDigest

if TYPE_CHECKING:
    from pathlib import Path

ITEMS = 20
CUT = (3, 11)


class Stopped(Exception):  # noqa: N818  # as Ctrl-C is
    """Raised by a callback."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive of 20 images, of which 3 and 11 are no images; windows are small."""
    monkeypatch.setattr(content_pass, "_WINDOW_BYTES", 7000)
    monkeypatch.setattr(content_pass, "_WINDOW_IMAGES", 3)
    rng = np.random.default_rng(0)
    images = {f"n01440764_{number}.JPEG": small_jpeg(rng) for number in range(ITEMS)}
    for number in CUT:
        images[f"n01440764_{number}.JPEG"] = b"\xff\xd8\xff\xe0 cut"
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({"n01440764": images}))
    return path


def pass_over(path: Path, state: PassState | None = None, *, digest: bool = True) -> ContentPass:
    dataset = fastinet.open(path, index=False)
    columns = dataset.columns
    images = Images(
        columns.sources(),
        np.zeros(len(dataset), np.int32),
        columns.offsets,
        dataset.sizes,
        np.array([list(dataset.read(i)[:8]) for i in range(len(dataset))], np.uint8),
        lambda image: dataset.keys[image],
    )
    state = state or PassState()
    taken = FileDigest(path, "MD5", state.digest, state.position) if digest else None
    size = path.stat().st_size if digest else 0
    return ContentPass(images, taken, size, decode=False, threads=2, state=state)


@pytest.mark.parametrize("digest", [True, False])
def test_every_byte_and_every_image(path: Path, digest: bool) -> None:
    told: list[tuple[int, int]] = []
    run = pass_over(path, digest=digest)
    run.run(lambda done, total: told.append((done, total)), lambda _: None)
    dataset = fastinet.open(path, index=False)
    total = path.stat().st_size if digest else int(dataset.sizes.sum())
    assert run.total == total
    assert told == sorted(told)
    assert told[0] == (0, total)
    assert told[-1] == (total, total)
    assert len(told) > 5
    assert run.state.images == ITEMS
    assert [each.member for each in run.state.findings] == [dataset.keys[row] for row in CUT]
    assert {each.kind for each in run.state.findings} == {"damaged image"}
    if digest:
        assert run.state.position == total
        md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        assert run._digest is not None
        assert run._digest.hexdigest() == md5


@pytest.mark.parametrize("digest", [True, False])
def test_left_anywhere_it_goes_on_to_the_same_end(path: Path, digest: bool) -> None:
    whole = pass_over(path, digest=digest)
    whole.run(None, lambda _: None)
    for windows in range(1, 7):
        saved: list[PassState] = []
        calls = 0

        def stop(_done: int, _total: int) -> None:
            nonlocal calls
            calls += 1
            if calls > windows:  # noqa: B023  # called within the loop
                raise Stopped

        with pytest.raises(Stopped):
            pass_over(path, digest=digest).run(stop, saved.append)
        (state,) = saved
        assert bool(state.digest) is digest, "else its bytes would be read once more"
        rest = pass_over(path, state, digest=digest)
        rest.run(None, lambda _: None)
        assert rest.state == whole.state


def test_images_that_cannot_be_judged(path: Path) -> None:
    run = pass_over(path)
    judged: Any = {
        code: run._judge(0, code, "the cause", "a.tar", offset)
        for code, offset in (("io", -1), ("missing", 0), ("too large", 5), ("corrupt", 7))
    }
    assert {code: each.severity for code, each in judged.items()} == {
        "io": "error",
        "missing": "error",
        "too large": "warning",
        "corrupt": "error",
    }
    assert judged["io"].offset is None
    assert judged["corrupt"].offset == 7
    assert "The disk or the network failed" in judged["missing"].advice
    assert judged["io"].kind == judged["too large"].kind == "unreadable image"
    assert run._judge(0, "unsupported", "12 bits", "a.tar", 0).kind == "unreadable image"


def test_an_image_that_there_was_no_memory_for_is_not_judged(path: Path) -> None:
    """Nor is anything remembered: with memory the same image may be well."""
    found = pass_over(path)._judge(0, "out of memory", "out of memory", "a.tar", 0)
    assert (found.severity, found.kind, found.transient) == ("error", "unreadable image", True)
    assert "says nothing of the image" in found.advice


def test_one_that_is_invalid_in_every_copy_is_a_note(path: Path) -> None:
    run = pass_over(path)
    object.__setattr__(run._images, "key", lambda _: "n06470073/n06470073_47249.JPEG")
    found = run._judge(0, "corrupt", "no image", "a.tar", 0)
    assert (found.severity, found.kind) == ("note", "odd image")


def test_no_images_leave_the_digest(path: Path) -> None:
    size = path.stat().st_size
    digest = FileDigest(path, "SHA-256")
    run = ContentPass(Images.none(), digest, size, decode=False, threads=1, state=PassState())
    run.run(None, lambda _: None)
    assert digest.hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (run.state.position, run.state.images) == (size, 0)
