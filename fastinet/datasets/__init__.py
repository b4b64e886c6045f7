"""The archive families: what lies where in each, and what its labels mean.

One file a family. Its ``recognise`` looks at what was found in the archives, never at the archives'
names alone, and returns their :class:`~fastinet.catalog.Listing`, or None when they are another
family's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastinet.datasets import ilsvrc, imagenet21k_p, imagenet_v2
from fastinet.datasets.scanned import ScannedMembers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastinet.catalog import Listing
    from fastinet.datasets.scanned import ScannedArchive

__all__ = ["recognise"]

# In the order in which they are asked.
_RECOGNISERS = (imagenet_v2.recognise, imagenet21k_p.recognise, ilsvrc.recognise)


def recognise(archives: Sequence[ScannedArchive]) -> Listing | None:
    """The listing by the first family that takes these archives for its own, or None."""
    members = ScannedMembers(archives)
    for recognise_family in _RECOGNISERS:
        listing = recognise_family(members)
        if listing is not None:
            return listing
    return None
