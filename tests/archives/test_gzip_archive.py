"""Datasets of gzipped tars, which are those of the plain tars."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support.checkpointed import small_images, write_archive
from support.gzipped import epoch, log_of, obtain, one_image, train_bytes, write

import fastinet
from fastinet.cli import main
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import tar

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """One dataset as a plain tar and as a gzipped one."""
    plain = write_archive(tmp_path / "train.tar", small_images(40))
    return plain, write(tmp_path / "train.tar.gz", gzip.compress(plain.read_bytes()))


def test_the_same_items_and_batches(pair: tuple[Path, Path]) -> None:
    plain, zipped = (fastinet.open(path) for path in pair)
    assert list(plain.keys) == list(zipped.keys)
    assert plain.family == zipped.family
    np.testing.assert_array_equal(plain.labels, zipped.labels)
    for i in range(len(plain)):
        assert plain.read(i) == zipped.read(i)
    for checkpointed in (False, True):
        if checkpointed:
            plain.build_checkpoints()
            zipped = fastinet.open(pair[1])
            zipped.build_checkpoints()
            assert zipped.checkpoints.covered == len(zipped)
        for one, other in zip(epoch(plain), epoch(zipped, threads=3), strict=True):
            np.testing.assert_array_equal(one.images, other.images)
            np.testing.assert_array_equal(one.labels, other.labels)
            np.testing.assert_array_equal(one.boxes, other.boxes)


def test_the_same_blocks(pair: tuple[Path, Path]) -> None:
    """Blocks go by where items lie in the inflated data, so that compression changes no order."""
    epochs = []
    for path in pair:
        loader = fastinet.Loader(
            fastinet.open(path),
            batch_size=8,
            transform=fastinet.RandomResizedCrop(32),
            shuffle="blocked",
            window=16_000,
            block=4_000,
            seed=3,
        )
        epochs.append(list(loader))
    for one, other in zip(*epochs, strict=True):
        np.testing.assert_array_equal(one.indices, other.indices)
        np.testing.assert_array_equal(one.images, other.images)


def test_a_child_reads_what_its_parent_opened(pair: tuple[Path, Path]) -> None:
    plain, zipped = (fastinet.open(path) for path in pair)
    zipped.read(0)  # a stretch is open
    child = os.fork()
    if child == 0:
        same = all(zipped.read(i) == plain.read(i) for i in (0, 39, 7))
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert zipped.read(1) == plain.read(1)


def test_the_command(pair: tuple[Path, Path]) -> None:
    _, zipped = pair
    done = CliRunner().invoke(main, ["index", str(zipped), "--checkpoints", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["items"] == told["checkpointed_items"] == 40
    assert log_of(zipped).exists()


def test_interrupting_the_command(tmp_path: Path) -> None:
    """Ctrl-C, sent when the first chunk has been kept."""
    path = write(tmp_path / "t.tar.gz", gzip.compress(train_bytes()))
    script = (
        "import os, signal, sys\n"
        "from fastinet import cli\nfrom fastinet.archives import seek_log\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored\n"
        "append = seek_log.SeekLog.append\n"
        "def interrupted(self, *arguments):\n"
        "    append(self, *arguments)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "seek_log.SeekLog.append = interrupted\n"
        "seek_log.obtain_seek_index.__kwdefaults__.update(chunk_bytes=100_000, spacing=32_768)\n"
        "cli.main(sys.argv[1:])\n"
    )
    command = [sys.executable, "-c", script, "index", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (1, -signal.SIGINT)
    assert "seek index is kept" in done.stderr
    assert "Traceback" not in done.stderr
    size = log_of(path).stat().st_size
    assert b"CHNK" in log_of(path).read_bytes()
    obtain(path, chunk_bytes=100_000)
    assert log_of(path).stat().st_size > size


def test_resume(pair: tuple[Path, Path]) -> None:
    loaders = [
        fastinet.Loader(
            fastinet.open(path), batch_size=8, transform=fastinet.RandomResizedCrop(32), seed=2
        )
        for path in pair
    ]
    batches = iter(loaders[0])
    for _ in range(2):
        next(batches)
    loaders[1].load_state_dict(loaders[0].state_dict())
    for one, other in zip(batches, loaders[1], strict=True):
        np.testing.assert_array_equal(one.images, other.images)


def test_the_content_decides_not_the_name(pair: tuple[Path, Path]) -> None:
    plain, zipped = pair
    called_gz = write(plain.with_name("v2.tar.gz"), plain.read_bytes())
    assert len(fastinet.open(called_gz)) == 40
    assert not log_of(called_gz).exists()
    called_tar = write(plain.with_name("zipped.tar"), zipped.read_bytes())
    assert len(fastinet.open(called_tar)) == 40
    assert log_of(called_tar).exists()


def test_a_published_digest_is_compared(pair: tuple[Path, Path]) -> None:
    _, zipped = pair
    named = write(zipped.with_name("winter21_whole.tar.gz"), zipped.read_bytes())
    told = f"its MD5 is {hashlib.md5(zipped.read_bytes()).hexdigest()}, .*ab313ce03179fd803a401b02c"  # noqa: S324
    for _ in range(2):  # the index remembers
        with pytest.warns(FastinetWarning, match=told):
            assert len(fastinet.open(named)) == 40


def test_a_gzipped_class_tar_keeps_its_keys(tmp_path: Path) -> None:
    image = one_image()
    data = gzip.compress(tar({"n01440764_1.JPEG": image}))
    write(tmp_path / "n01440764.tar", data)
    assert list(fastinet.open(tmp_path / "n01440764.tar").keys) == ["n01440764/n01440764_1.JPEG"]
    assert list(fastinet.open(tmp_path).keys) == ["n01440764/n01440764_1.JPEG"]


def test_a_seek_index_that_is_made_for_a_read_is_told_of(pair: tuple[Path, Path]) -> None:
    """Opening finds the index of items, so that the pass begins with the first read."""
    plain, zipped = (fastinet.open(path) for path in pair)
    log_of(pair[1]).unlink()
    told = f"the seek index of '{pair[1]}' is not there.* one pass over {pair[1].stat().st_size:,}"
    with pytest.warns(FastinetWarning, match=told) as caught:
        assert zipped.read(3) == plain.read(3)
    assert len(caught) == 1
    assert log_of(pair[1]).exists()
    assert Path(caught[0].filename) == Path(__file__)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fastinet.open(pair[1]).read(3) == plain.read(3)
