"""States: where loaders stand, in plain numbers that a checkpoint of a training run can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from fastinet.base.checks import check_state, checked_epoch, checked_seed, whole_number
from fastinet.loading.position import EpochPosition

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "STATE_VERSION",
    "STREAM_STATE_VERSION",
    "LoaderState",
    "StreamLoaderState",
    "repeated",
    "seed_and_position",
    "stream_seed_and_position",
]

# Version 1 knew no blocked shuffle: it lacks window, block and blocks. Version 3 has `repeats`, and
# is written only where items are repeated: earlier versions of fastinet read the others, and would
# go on with other items in a state of that kind.
STATE_VERSION: Final = 2
REPEATED_STATE_VERSION: Final = 3
STREAM_STATE_VERSION: Final = 1
REPEATED_STREAM_STATE_VERSION: Final = 2  # has `repeats`, too


class RepeatedState(TypedDict, total=False):
    """What a state has besides where items are repeated: how many copies of each there are."""

    repeats: int


class LoaderState(RepeatedState):
    """Where a loader stands: plain numbers, fit for JSON.

    `position` counts the rows of the epoch's global order that all ranks together have had, so a
    state may be loaded under another batch size or another number of ranks. `window`, `block`
    and `blocks` (a checksum over where the blocks begin) are None unless the shuffle is blocked.
    """

    version: int
    seed: int
    shuffle: bool | Literal["blocked"]
    window: int | None
    block: int | None
    blocks: int | None
    items: int
    epoch: int
    position: int


class StreamLoaderState(RepeatedState):
    """Where a pass stands, in numbers fit for JSON; `position` is that of all ranks together."""

    version: int
    seed: int
    window: int
    epoch: int
    position: int


def repeated(repeats: int, plain: int, with_repeats: int) -> tuple[int, RepeatedState]:
    """The version of a state of so many copies, of the two that there are, and what it has more."""
    return (plain, {}) if repeats == 1 else (with_repeats, {"repeats": repeats})


def seed_and_position(state: Any, own: LoaderState) -> tuple[int, EpochPosition]:
    """The seed and the position that a loader takes over from `state`.

    Args:
        state: of any version, as the user gave it.
        own: the loader's own state, for comparison: the items and the kind of order must be equal.

    Raises:
        TypeError: no state.
        ValueError: a state of another version, of a dataset of another length, or of another kind
            of order.
    """
    names = ("seed", "shuffle", "items", "epoch", "position")
    check_state(state, *names, versions=(1, STATE_VERSION, REPEATED_STATE_VERSION))
    if state["items"] != own["items"]:
        raise ValueError(f"state is of {state['items']} items, the dataset has {own['items']}")
    mine: Mapping[str, object] = own
    for name in ("shuffle", "window", "block"):
        if state.get(name) != mine[name]:
            raise ValueError(f"state has {name}={state.get(name)!r}, the loader {mine[name]!r}")
    if state.get("blocks") != own["blocks"]:
        raise ValueError("state is of a dataset whose items lie in other blocks")
    _check_repeats(state, own.get("repeats", 1))
    return checked_seed(state["seed"]), _checked_position(state, own["items"])


def stream_seed_and_position(
    state: Any, window: int, repeats: int = 1
) -> tuple[int, EpochPosition]:
    """The seed and the position that a stream's loader takes over from `state`.

    Args:
        state: as the user gave it.
        window: items that the loader draws among; `state` must have the same.
        repeats: copies that the loader makes of each; `state` must have the same.

    Raises:
        TypeError: no state.
        ValueError: a state of another version, another window, or another number of copies.
    """
    names = ("seed", "window", "epoch", "position")
    check_state(state, *names, versions=(STREAM_STATE_VERSION, REPEATED_STREAM_STATE_VERSION))
    if state["window"] != window:
        raise ValueError(f"state has window={state['window']}, the loader {window}")
    _check_repeats(state, repeats)
    # A stream's length is known at its end only; no position of one is beyond the core's integers.
    return checked_seed(state["seed"]), _checked_position(state, 2**62)


def _check_repeats(state: Any, own: int) -> None:
    """Refuses a state of another number of copies: its position is that of another item."""
    theirs = state.get("repeats", 1)
    if theirs != own:
        raise ValueError(
            f"state has repeats={theirs!r}, the loader {own}: its position {state['position']} is "
            "that of another item there; give the loader the same, or begin an epoch of its own"
        )


def _checked_position(state: Any, last: int) -> EpochPosition:
    return EpochPosition(
        checked_epoch(state["epoch"]), whole_number("position", state["position"], 0, last)
    )
