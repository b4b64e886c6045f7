"""Lists of members: what they lie in, inner tars and directories; and parts of a list, joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet._native._scan import Members, Passed

__all__ = ["directories", "inner_tars", "join_members"]


def inner_tars(members: Members) -> list[int]:
    """Which rows of ``members.container_names`` are inner tars; the others are directories."""
    return [row for row, name in enumerate(members.container_names) if not name.endswith("/")]


def directories(members: Members) -> list[str]:
    """Paths of the directories in it, and of its inner tars, as of folders: "train/n01440764".

    Paths of directories in inner tars begin with the tars' folders, as the members' names do.
    """
    tars = [members.container_names[row] for row in inner_tars(members)]
    folders = {f"{tar}/": f"{tar.removesuffix('.tar')}/" for tar in tars}
    found = []
    for name in members.container_names:
        path = name if name.endswith("/") else f"{name}/"
        end = path.find("/")
        while folders and end >= 0 and (tar := path[: end + 1]) not in folders:
            end = path.find("/", end + 1)
        if folders and end >= 0:
            path = folders[tar] + path[len(tar) :]
        found.append(path.rstrip("/"))
    return found


def join_members(parts: Sequence[Members]) -> Members:
    """The members of a scan in several parts, as one scan would give them."""
    before = np.cumsum([0, *(len(part.names) for part in parts)]).astype(np.uint64)
    all_passed = [part.passed for part in parts]
    passed: list[Passed] | None = []
    for some in all_passed:
        if some is None or passed is None:
            passed = None
        else:
            passed += some
    return parts[0]._replace(
        offsets=np.concatenate([part.offsets for part in parts]),
        sizes=np.concatenate([part.sizes for part in parts]),
        containers=np.concatenate([part.containers for part in parts]),
        heads=np.concatenate([part.heads for part in parts]),
        names=np.concatenate([part.names for part in parts]),
        name_ends=np.concatenate(
            [part.name_ends + start for part, start in zip(parts, before[:-1], strict=True)]
        ),
        container_names=[name for part in parts for name in part.container_names],
        special_entries=sum(part.special_entries for part in parts),
        passed=passed,
        notes=[note for part in parts for note in part.notes],
    )
