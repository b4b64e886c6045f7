"""The members of a damaged or cut gzip archive, as far as they can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastinet._native import _scan
from fastinet.archives.containers import join_members
from fastinet.base.limits import check_member_count
from fastinet.base.texts import take_texts
from fastinet.errors import FastinetError, OutOfMemoryError, ReadError

if TYPE_CHECKING:
    from pathlib import Path

    from fastinet.base.progress import Progress

__all__ = ["walk_gzip"]

_STEP_BYTES = 1 << 23
_STEPS_AT_ONCE = 32  # between two collections, so that seek points do not pile up


def walk_gzip(
    path: Path, folder: str = "", progress: Progress | None = None
) -> tuple[_scan.Members, list[FastinetError]]:
    """Inflates the archive up to its first damage, since nothing behind it can be read.

    Args:
        path: of the archive.
        folder: put before the members' names, with a slash.
        progress: called now and then with (compressed bytes passed, in all).

    Returns:
        The members that are whole up to there, their offsets in the inflated data, and what is
        wrong.

    Raises:
        ReadError: it cannot be read.
        TooLargeError: it has more entries than `fastinet.limits` allows.
    """
    walk = _scan.SeekPass(path, folder)
    parts: list[_scan.Members] = []
    errors: list[FastinetError] = []
    steps = 0
    while not walk.done and not errors:
        try:
            walk.step(_STEP_BYTES)
        except (OutOfMemoryError, ReadError):  # they say nothing of the archive
            raise
        except FastinetError as error:
            errors.append(error)
        check_member_count(
            sum(len(part.offsets) for part in parts) + walk.waiting_members, str(path)
        )
        steps += 1
        if steps % _STEPS_AT_ONCE == 0:
            parts.append(walk.take().members)
        if progress is not None:
            progress(walk.position_bytes, walk.size_bytes)
    parts.append(walk.take().members)
    if errors:
        parts.append(walk.rest())
    members = join_members(parts)
    return _whole(members, walk.inflated_bytes), errors


def _whole(members: _scan.Members, inflated_bytes: int) -> _scan.Members:
    """The members without one whose content does not end within the inflated data."""
    whole = members.offsets + members.sizes <= inflated_bytes
    if whole.all():
        return members
    rows = np.flatnonzero(whole)
    starts = np.concatenate([np.zeros(1, np.uint64), members.name_ends])
    names, offsets = take_texts(members.names, starts, rows)
    return members._replace(
        offsets=members.offsets[rows],
        sizes=members.sizes[rows],
        containers=members.containers[rows],
        heads=members.heads[rows],
        names=names,
        name_ends=offsets[1:],
    )
