"""How much fastinet takes on: limits of what other people's files may ask for, in one place.

What a file says of its own size is no reason to take memory or time for it. Each limit is far above
what archives of the ImageNet family have, and can be raised by whoever has larger ones.
"""

from __future__ import annotations

import contextlib
import dataclasses
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from fastinet.base.checks import whole_number
from fastinet.errors import TooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST_PIXELS", "Limits", "check_member_count", "current_limits", "limits"]

# The most that each may be set to: what the core has numbers for.
MOST_PIXELS: Final = 2**40  # any image: the largest side, squared, is 2**34
_MOST: Final = {"pixels": MOST_PIXELS, "scans": 2**31 - 1, "members": 2**40, "loader_bytes": 2**62}


@dataclasses.dataclass(frozen=True)
class Limits:
    """The most that is taken on; each at least 1.

    Attributes:
        pixels: of an image. The default is twice Pillow's limit for decompression bombs, 1024**3 /
            12 pixels, where Pillow too refuses.
        scans: of a progressive JPEG, each of which costs a pass over the whole image. Encoders make
            10 or so.
        members: entries of one archive, which take some 100 bytes of memory each while it is
            indexed. ImageNet-21K has 14 million.
        loader_bytes: of memory for the batches that a loader has under way.
    """

    pixels: int = 178_956_970
    scans: int = 1000
    members: int = 1 << 26
    loader_bytes: int = 1 << 40

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            object.__setattr__(self, name, whole_number(name, getattr(self, name), 1, most))


_limits: ContextVar[Limits] = ContextVar("fastinet.limits", default=Limits())  # noqa: B039 - frozen


def current_limits() -> Limits:
    """Those that hold here."""
    return _limits.get()


@contextlib.contextmanager
def limits(
    *,
    pixels: int | None = None,
    scans: int | None = None,
    members: int | None = None,
    loader_bytes: int | None = None,
) -> Iterator[Limits]:
    """Sets limits for what is opened, made and decoded within a ``with`` statement.

    For archives and images that are larger than the defaults allow::

        with fastinet.limits(pixels=10**9, members=10**9):
            ds = fastinet.open("large.tar")
            loader = fastinet.Loader(ds, 32, fastinet.CenterCrop(224))

    What was made there keeps its limits, also afterwards and in other processes. Limits that are
    not named stay as they are, so that one statement may stand within another. They hold for this
    thread, and in asyncio for this task: other threads have the defaults until they say otherwise.

    Args:
        pixels: see `Limits`, and so for the others; 1 to 2**40.
        scans: 1 to 2**31 - 1.
        members: 1 to 2**40.
        loader_bytes: 1 to 2**62.

    Yields:
        All limits that hold within. ``with fastinet.limits() as now`` tells them and sets none.

    Raises:
        ValueError: a limit that makes no sense; the message names it.
    """
    given = {"pixels": pixels, "scans": scans, "members": members, "loader_bytes": loader_bytes}
    changes = {name: value for name, value in given.items() if value is not None}
    token = _limits.set(dataclasses.replace(_limits.get(), **changes))
    try:
        yield _limits.get()
    finally:
        _limits.reset(token)


def check_member_count(count: int, path: str) -> None:
    """Raises TooLargeError if `count` entries, what `path` has so far, are too many."""
    most = _limits.get().members
    if count > most:
        raise TooLargeError(
            f"more than {most:,} entries; `with fastinet.limits(members=N):` around fastinet.open "
            "allows more, at some 100 bytes of memory each",
            archive=path,
        )
