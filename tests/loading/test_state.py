"""States of every version that was ever written give the batches that they gave then.

The states below are what ``state_dict()`` printed, and the items are those that followed. They
never change: whoever has a run's checkpoint goes on with it.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

import fastinet
from fastinet import Loader, RandomResizedCrop, Resize, StreamLoader
from fastinet.testing.archives import train_tar

if TYPE_CHECKING:
    from pathlib import Path

# Rows are functions of (seed, epoch, item), so the items say it all; these are no images, whose
# sizes would be an encoder's.
ARCHIVE = train_tar(
    {
        "n01440764": {
            f"n01440764_{number}.JPEG": b"no image" * (30 + 37 * number % 90)
            for number in range(23)
        }
    }
)

FULL_SHUFFLE = [[3, 7, 15, 21], [9, 6, 5, 13], [22, 18, 8, 0], [2, 19, 12], [10, 13, 12, 14]]
IN_ORDER = [[8, 9, 10, 11], [12, 13, 14, 15], [16, 17, 18, 19], [20, 21, 22], [0, 1, 2, 3]]
BLOCKED = [[5, 20, 7, 9], [11, 8, 22, 0], [1, 10, 19, 21], [3, 2, 4], [10, 3, 20, 9]]

# What the loader is told besides, the state, and the rest of its epoch with the next one's first
# batch.
LOADER_STATES: dict[str, tuple[dict[str, Any], str, list[list[int]]]] = {
    "version 1, shuffled": (
        {"shuffle": True},
        (
            '{"version": 1, "seed": 9223372036854775813, "shuffle": true, "items": 23, "epoch": 1, '
            '"position": 8}'
        ),
        FULL_SHUFFLE,
    ),
    "version 1, in order": (
        {},
        (
            '{"version": 1, "seed": 9223372036854775813, "shuffle": false, "items": 23, '
            '"epoch": 1, "position": 8}'
        ),
        IN_ORDER,
    ),
    "version 2, shuffled": (
        {"shuffle": True},
        (
            '{"version": 2, "seed": 9223372036854775813, "shuffle": true, "window": null, '
            '"block": null, "blocks": null, "items": 23, "epoch": 1, "position": 8}'
        ),
        FULL_SHUFFLE,
    ),
    "version 2, in order": (
        {},
        (
            '{"version": 2, "seed": 9223372036854775813, "shuffle": false, "window": null, '
            '"block": null, "blocks": null, "items": 23, "epoch": 1, "position": 8}'
        ),
        IN_ORDER,
    ),
    "version 2, blocked": (
        {"shuffle": "blocked", "block": 1024, "window": 4096},
        (
            '{"version": 2, "seed": 9223372036854775813, "shuffle": "blocked", "window": 4096, '
            '"block": 1024, "blocks": 2674896953, "items": 23, "epoch": 1, "position": 8}'
        ),
        BLOCKED,
    ),
    "version 3, repeated": (
        {"shuffle": True, "repeats": 3},
        (
            '{"version": 3, "seed": 9223372036854775813, "shuffle": true, "window": null, '
            '"block": null, "blocks": null, "items": 23, "epoch": 1, "position": 8, "repeats": 3}'
        ),
        [[10, 16, 16, 16], [14, 14, 14, 20], [20, 20, 4, 4], [4, 17, 17], [10, 10, 10, 13]],
    ),
    "version 3, repeated in blocks": (
        {"shuffle": "blocked", "block": 1024, "window": 4096, "repeats": 3},
        (
            '{"version": 3, "seed": 9223372036854775813, "shuffle": "blocked", "window": 4096, '
            '"block": 1024, "blocks": 2674896953, "items": 23, "epoch": 1, "position": 8, '
            '"repeats": 3}'
        ),
        [[13, 15, 15, 15], [18, 18, 18, 14], [14, 14, 6, 6], [6, 17, 17], [10, 10, 10, 3]],
    ),
}

STREAM_STATES: dict[str, tuple[dict[str, Any], str, list[list[int]]]] = {
    "version 1, shuffled": (
        {"shuffle": True, "window": 6},
        '{"version": 1, "seed": 9223372036854775813, "window": 6, "epoch": 3, "position": 8}',
        [[10, 13, 3, 16], [9, 17, 12, 20], [21, 19, 11, 14], [18, 22, 15]],
    ),
    "version 1, in order": (
        {},
        '{"version": 1, "seed": 9223372036854775813, "window": 1, "epoch": 3, "position": 8}',
        IN_ORDER[:4],
    ),
    "version 2, repeated": (
        {"shuffle": True, "window": 6, "repeats": 3},
        (
            '{"version": 2, "seed": 9223372036854775813, "window": 6, "epoch": 3, "position": 50, '
            '"repeats": 3}'
        ),
        [[21, 19, 19, 19], [11, 11, 11, 14], [14, 14, 18, 18], [18, 22, 22, 22], [15, 15, 15]],
    ),
}

pytestmark = pytest.mark.filterwarnings("ignore:.*items gave no row")


@pytest.mark.parametrize("name", LOADER_STATES)
def test_a_loader_goes_on_from_a_state_of_any_version(tmp_path: Path, name: str) -> None:
    options, state, batches = LOADER_STATES[name]
    (tmp_path / "train.tar").write_bytes(ARCHIVE)
    dataset = fastinet.open(tmp_path / "train.tar", index=False)
    loader = Loader(dataset, 4, RandomResizedCrop(8), on_error="mask", **options)
    loader.load_state_dict(json.loads(state))
    assert loader.state_dict() == {
        **dict.fromkeys(["window", "block", "blocks"]),
        **json.loads(state),
        "version": 3 if "repeats" in options else 2,
    }
    rest = [batch.indices.tolist() for batch in loader]
    assert [*rest, next(iter(loader)).indices.tolist()] == batches


@pytest.mark.parametrize("name", STREAM_STATES)
def test_a_streams_loader_goes_on_from_a_state_of_any_version(name: str) -> None:
    options, state, batches = STREAM_STATES[name]
    stream = fastinet.open_stream(io.BytesIO(ARCHIVE), classes=["n01440764"])
    loader = StreamLoader(stream, 4, RandomResizedCrop(8), on_error="mask", **options)
    loader.load_state_dict(json.loads(state))
    assert loader.state_dict() == json.loads(state)
    assert [batch.indices.tolist() for batch in loader] == batches
    assert loader.state_dict() == {**json.loads(state), "epoch": 4, "position": 0}


def test_positions_that_a_state_may_have(tmp_path: Path) -> None:
    """Those within a dataset's epoch; a stream's length shows at its end only."""
    (tmp_path / "train.tar").write_bytes(ARCHIVE)
    stream = fastinet.open_stream(io.BytesIO(ARCHIVE), classes=["n01440764"])
    items = fastinet.open(tmp_path / "train.tar", index=False)
    loader, streaming = Loader(items, 4, Resize(8)), StreamLoader(stream, 4, Resize(8))
    for loads, last in ((loader, 23), (streaming, 2**62)):
        state = loads.state_dict()
        for position in (0, 1, last):
            loads.load_state_dict({**state, "position": position})
            assert loads.state_dict()["position"] == position
        for position in (-1, last + 1):
            with pytest.raises(ValueError, match=f"position must be 0 to {last}, not {position}"):
                loads.load_state_dict({**state, "position": position})
