"""Rows of uint8, which somebody else has to erase, since they are normalised later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastinet.base.warning import warn
from fastinet.pixels.view_groups import erasings_of

if TYPE_CHECKING:
    from fastinet.pixels.output import OutputFormat
    from fastinet.pixels.view_groups import Transform

__all__ = ["ErasureWatch", "leaves_erasing", "refuse_unerased", "watch_for"]

_PATIENCE = 100
"""Batches until somebody has to have asked: more than anybody takes ahead of their use."""


def leaves_erasing(transform: Transform, output: OutputFormat) -> bool:
    """Whether rows come as they were before they are erased."""
    return output.dtype == "uint8" and bool(erasings_of(transform))


def refuse_unerased(kind: str, transform: Transform, output: OutputFormat) -> None:
    """Refuses what nobody could erase.

    Args:
        kind: gives images without the batch that knows what is erased.
        transform: of the loader behind it.
        output: of this loader.

    Raises:
        ValueError: it would leave that to somebody who does not hear of it.
    """
    if leaves_erasing(transform, output):
        raise ValueError(
            f"{kind} cannot erase rows of uint8, which are normalised later: take a float dtype "
            "with mean and std, or a transform without erase="
        )


class ErasureWatch:
    """Notices when a loader's batches are to be erased and nobody asks for their boxes."""

    def __init__(self) -> None:
        self._delivered = 0
        self._is_quiet = False

    def note_asked(self) -> None:
        """Somebody has looked what is to be erased."""
        self._is_quiet = True

    def note_delivered(self) -> None:
        """A batch is about to be delivered; warns, once, if nothing was asked for too long."""
        self._delivered += 1
        if self._delivered > _PATIENCE and not self._is_quiet:
            self._is_quiet = True
            warn(
                "rows of uint8 are not erased, since that comes after the normalisation: "
                "batch.erased has the boxes and fastinet.augment.erase erases them; or take a "
                "float dtype with mean and std, or fastinet.torch.Loader, which erases by itself"
            )


def watch_for(transform: Any, output: OutputFormat) -> ErasureWatch | None:
    """A watch for a loader that needs one."""
    return ErasureWatch() if leaves_erasing(transform, output) else None
