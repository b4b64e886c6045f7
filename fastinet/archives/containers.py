"""What members lie in: inner tars and directories, which a scan lists as containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastinet._native._scan import Members

__all__ = ["inner_tars"]


def inner_tars(members: Members) -> list[int]:
    """Which rows of ``members.container_names`` are inner tars; the others are directories."""
    return [row for row, name in enumerate(members.container_names) if not name.endswith("/")]
