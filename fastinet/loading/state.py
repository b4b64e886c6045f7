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
    "seed_and_position",
    "stream_seed_and_position",
    "version_and_rest",
]

# Version 1 knew no blocked shuffle: it lacks window, block and blocks. Version 3 has `repeats`, and
# is written only where items are repeated: earlier versions of fastinet read the others, and would
# go on with other items in a state of that kind. Version 4 has `draws`, and `repeats` if there are
# any: likewise, since these would go on with other crops.
STATE_VERSION: Final = 2
STREAM_STATE_VERSION: Final = 1
_STATE_VERSIONS: Final = (1, STATE_VERSION, 3, 4)
_STREAM_STATE_VERSIONS: Final = (STREAM_STATE_VERSION, 2, 3)  # `repeats` since 2, `draws` since 3


class RarerParts(TypedDict, total=False):
    """What a state has besides where it is needed: copies of each item, the name of the draws."""

    repeats: int
    draws: str


class LoaderState(RarerParts):
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


class StreamLoaderState(RarerParts):
    """Where a pass stands, in numbers fit for JSON; `position` is that of all ranks together."""

    version: int
    seed: int
    window: int
    epoch: int
    position: int


def version_and_rest(plain: int, repeats: int, draws: str) -> tuple[int, RarerParts]:
    """The version of a state, and what it has more than one of version `plain`.

    It is the earliest version that has all of that: earlier releases of fastinet read theirs.
    """
    rest: RarerParts = {}
    if repeats > 1:
        rest["repeats"] = repeats
    if draws:
        rest["draws"] = draws
    return plain + (2 if draws else 1 if rest else 0), rest


def seed_and_position(state: Any, own: LoaderState) -> tuple[int, EpochPosition]:
    """The seed and the position that a loader takes over from `state`.

    Args:
        state: of any version, as the user gave it.
        own: the loader's own state, for comparison: the items and the kind of order must be equal.

    Raises:
        TypeError: no state.
        ValueError: a state of another version, of a dataset of another length, or of another kind
            of order, other repeats or other draws.
    """
    names = ("seed", "shuffle", "items", "epoch", "position")
    check_state(state, *names, versions=_STATE_VERSIONS)
    if state["items"] != own["items"]:
        raise ValueError(f"state is of {state['items']} items, the dataset has {own['items']}")
    mine: Mapping[str, object] = own
    for name in ("shuffle", "window", "block"):
        if state.get(name) != mine[name]:
            raise ValueError(f"state has {name}={state.get(name)!r}, the loader {mine[name]!r}")
    if state.get("blocks") != own["blocks"]:
        raise ValueError("state is of a dataset whose items lie in other blocks")
    _check_rest(state, own.get("repeats", 1), own.get("draws", ""))
    return checked_seed(state["seed"]), _checked_position(state, own["items"])


def stream_seed_and_position(
    state: Any, window: int, repeats: int = 1, draws: str = ""
) -> tuple[int, EpochPosition]:
    """The seed and the position that a stream's loader takes over from `state`.

    Args:
        state: as the user gave it.
        window: items that the loader draws among; `state` must have the same.
        repeats: copies that the loader makes of each; `state` must have the same.
        draws: the name of what the loader draws; likewise.

    Raises:
        TypeError: no state.
        ValueError: a state of another version, window, number of copies, or name of draws.
    """
    names = ("seed", "window", "epoch", "position")
    check_state(state, *names, versions=_STREAM_STATE_VERSIONS)
    if state["window"] != window:
        raise ValueError(f"state has window={state['window']}, the loader {window}")
    _check_rest(state, repeats, draws)
    # A stream's length is known at its end only; no position of one is beyond the core's integers.
    return checked_seed(state["seed"]), _checked_position(state, 2**62)


def _check_rest(state: Any, own: int, own_draws: str) -> None:
    """Refuses a state of other copies, whose position is another item's, or of other draws."""
    theirs = state.get("repeats", 1)
    if theirs != own:
        raise ValueError(
            f"state has repeats={theirs!r}, the loader {own}: its position {state['position']} is "
            "that of another item there; give the loader the same, or begin an epoch of its own"
        )
    if state.get("draws", "") != own_draws:
        raise ValueError(
            f"state has draws={state.get('draws', '')!r}, the loader {own_draws!r}, which crops "
            "items in another way: each loader takes a state of its own; give the loader the same "
            "draws, or let it begin an epoch with set_epoch"
        )


def _checked_position(state: Any, last: int) -> EpochPosition:
    return EpochPosition(
        checked_epoch(state["epoch"]), whole_number("position", state["position"], 0, last)
    )
