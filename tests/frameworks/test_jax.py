"""fastinet.jax: a loader's stream as JAX arrays, on several devices that the CPU plays.

JAX takes its number of devices when it is imported, so the checks run in a process of their own.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax")

PREPARE = """
import gc, sys
import jax, numpy as np
import fastinet
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

dataset = fastinet.open(sys.argv[1], index=False)

def loader(batch_size=8, **options):
    options = {"shuffle": True, "seed": 3, "threads": 2, "drop_last": True, **options}
    return fastinet.Loader(dataset, batch_size, fastinet.RandomResizedCrop(16), **options)

mesh = Mesh(np.array(jax.devices()), ("data",))
rows = NamedSharding(mesh, PartitionSpec("data"))
assert len(jax.devices()) == 2
"""


def run(archive: Path, code: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PREPARE + code, str(archive)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@needs_jax
def test_groups_of_views_on_two_devices(archive_path: Path) -> None:
    run(
        archive_path,
        """
from fastinet import MultiCrop, RandomResizedCrop, View
views = MultiCrop(View(RandomResizedCrop(16), count=2), View(RandomResizedCrop(9), count=3))
options = {"shuffle": True, "seed": 3, "threads": 2, "drop_last": True}
native = fastinet.Loader(dataset, 8, views, **options)
for sharding in (rows, None):
    feed = fastinet.jax.feed(fastinet.Loader(dataset, 8, views, **options), sharding)
    for batch, expected in zip(feed, native.epoch(0), strict=True):
        crops, labels = batch
        assert [each.shape for each in crops] == [(8, 2, 16, 16, 3), (8, 3, 9, 9, 3)]
        for own, other in zip(crops, expected.crops, strict=True):
            assert len(own.sharding.device_set) == (1 if sharding is None else 2)
            assert np.array_equal(np.asarray(own), other)
        assert np.array_equal(np.asarray(labels), expected.labels)
alike = MultiCrop(View(RandomResizedCrop(16)), View(RandomResizedCrop(16)))
feed = fastinet.jax.feed(fastinet.Loader(dataset, 8, alike, **options), rows)
(expected, *_) = fastinet.Loader(dataset, 8, RandomResizedCrop(16), views=2, **options)
assert np.array_equal(np.asarray(next(iter(feed)).images), expected.images)
for dtype in ("uint8", "float32"):
    through = fastinet.Loader(
        dataset, 8, views, dtype=dtype, then=lambda row: 255 - row, **options
    )
    kept = [batch.crops for batch in fastinet.jax.feed(through, rows)]
    for crops, expected in zip(kept, native.epoch(0), strict=True):
        for own, other in zip(crops, expected.crops, strict=True):
            pixels = 255 - other
            scale = 1 if dtype == "uint8" else np.float32(1 / 255)
            assert np.array_equal(np.asarray(own), pixels * np.asarray(scale, own.dtype))
""",
    )


@needs_jax
def test_erasing(archive_path: Path) -> None:
    """Rows of uint8 are erased by the step, with boxes that have come along."""
    run(
        archive_path,
        """
import functools
import jax.numpy as jnp
from fastinet.augment import RandomErasing

@jax.jit
def step(images, erased):
    return fastinet.augment.erase(images * jnp.float32(0.5), erased, 2, layout="NHWC")

crop = fastinet.RandomResizedCrop(16, erase=RandomErasing(0.7, count=2, value=2))
options = {"shuffle": True, "seed": 3, "drop_last": True}
for sharding in (rows, None):
    loader = fastinet.Loader(dataset, 8, crop, **options)
    native = fastinet.Loader(
        dataset, 8, crop, dtype="float32", mean=0, std=2 / 255, **options
    )
    for batch, expected in zip(fastinet.jax.feed(loader, sharding), native, strict=True):
        assert isinstance(batch.erased, jax.Array)
        assert len(batch.erased.sharding.device_set) == (1 if sharding is None else 2)
        assert np.array_equal(np.asarray(batch.erased), expected.erased)
        images = np.asarray(step(batch.images, batch.erased))
        assert np.array_equal(images, expected.images)

noisy = fastinet.RandomResizedCrop(16, erase=RandomErasing(mode="pixel"))
fastinet.jax.feed(fastinet.Loader(dataset, 8, noisy, dtype="bfloat16"), rows)
try:
    fastinet.jax.feed(fastinet.Loader(dataset, 8, noisy), rows)
except ValueError as error:
    assert "take a float dtype" in str(error), error
else:
    raise AssertionError("noise for rows of uint8 was promised")
""",
    )


@needs_jax
def test_same_stream_on_two_devices(archive_path: Path) -> None:
    run(
        archive_path,
        """
for dtype in ("uint8", "bfloat16", "float32"):
    kept = []
    for sharding in (rows, NamedSharding(mesh, PartitionSpec("data", None, None, None)), None):
        feed = fastinet.jax.feed(loader(dtype=dtype), sharding)
        assert len(feed) == 5
        for _ in range(2):
            for batch, expected in zip(feed, loader(dtype=dtype).epoch(_), strict=True):
                images, labels = batch
                assert isinstance(images, jax.Array) and images.dtype == expected.images.dtype
                assert len(images.sharding.device_set) == (1 if sharding is None else 2)
                assert len(labels.sharding.device_set) == (1 if sharding is None else 2)
                assert images.addressable_shards[-1].data.shape[0] == (8 if sharding is None else 4)
                assert np.array_equal(np.asarray(images), expected.images)
                assert np.array_equal(np.asarray(labels), expected.labels)
                assert np.array_equal(batch.indices, expected.indices)
                assert np.array_equal(batch.boxes, expected.boxes)
                assert batch.keys == expected.keys
                kept.append((images, expected.images.copy()))
    gc.collect()
    assert all(np.array_equal(np.asarray(images), copy) for images, copy in kept)
""",
    )


@needs_jax
def test_labels_are_sharded_by_rows_only(archive_path: Path) -> None:
    """Images may be cut across, too; the classes of soft labels are not their lines."""
    run(
        archive_path,
        """
from pathlib import Path
from fastinet.testing.label_maps import label_map_files, write_label_maps
odd = Path(sys.argv[1]).with_name("odd_maps.tar")
path = write_label_maps(odd, label_map_files(dataset.keys))
maps = fastinet.open_label_maps(path, index=False).of(dataset, classes=1001)
lines = Mesh(np.array(jax.devices())[None], ("data", "line"))
across = NamedSharding(lines, PartitionSpec("data", "line"))
feed = fastinet.jax.feed(loader(soft_labels=maps), across)
for batch, expected in zip(feed, loader(soft_labels=maps), strict=True):
    assert batch.images.addressable_shards[0].data.shape == (8, 8, 16, 3)
    assert batch.soft_labels.addressable_shards[0].data.shape == (8, 1001)
    assert np.array_equal(np.asarray(batch.images), expected.images)
    assert np.array_equal(np.asarray(batch.soft_labels), expected.soft_labels)
    assert np.array_equal(np.asarray(batch.labels), expected.labels)
""",
    )


@needs_jax
def test_state_and_resume(archive_path: Path) -> None:
    run(
        archive_path,
        """
import json
unbroken = [batch.indices for epoch in range(2) for batch in loader().epoch(epoch)]
feed, seen = fastinet.jax.feed(loader(), rows, ahead=2), []
for batch in feed:
    seen.append(batch.indices)
    if len(seen) == 3:
        break
other = fastinet.jax.feed(loader(threads=1), rows)
other.load_state_dict(json.loads(json.dumps(feed.state_dict())))
seen += [batch.indices for _ in range(2) for batch in other]
assert np.array_equal(np.concatenate(seen), np.concatenate(unbroken))
""",
    )


@needs_jax
def test_rows_that_do_not_divide(archive_path: Path) -> None:
    run(
        archive_path,
        """
try:
    list(fastinet.jax.feed(loader(5), rows))
except ValueError as error:
    assert "5" in str(error), error
else:
    raise AssertionError("five rows on two devices")
""",
    )


@needs_jax
def test_mixing_takes_jax_arrays(archive_path: Path) -> None:
    run(
        archive_path,
        """
from fastinet.mixing import CutMix, Mixup
for images, labels in fastinet.jax.feed(loader(dtype="float32"), rows):
    for way in (Mixup(5, 0.4, 0.1), CutMix(5, layout="NHWC")):
        mixed, targets = way(images, labels, epoch=1, batch=2)
        ours = way(np.asarray(images), np.asarray(labels), epoch=1, batch=2)
        assert isinstance(mixed, jax.Array) and mixed.dtype == images.dtype
        np.testing.assert_allclose(np.asarray(mixed), ours[0], rtol=1e-6)
        np.testing.assert_allclose(np.asarray(targets), ours[1], rtol=1e-6)
""",
    )
