"""What a batch needs to know besides what its slot holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fastinet.items.dataset import Dataset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fastinet.annotations.item_boxes import ItemBoxes
    from fastinet.datasets.keys import Keys
    from fastinet.datasets.label_sets import LabelSets
    from fastinet.loading.erasure import ErasureWatch
    from fastinet.pixels.view_groups import Transform

__all__ = ["ArrivedItems", "BatchItems", "BatchKind", "Places"]


class BatchItems(Protocol):
    """What a batch asks about its items: a dataset answers, or the `StreamedItems` of a stream."""

    @property
    def keys(self) -> Keys | Mapping[int, str]:
        """The items' keys, by item id."""

    @property
    def label_sets(self) -> LabelSets | None:
        """The sets of labels of all items, by item id; None where items have one label each."""

    def companions_of(self, items: Iterable[int], extension: str) -> list[bytes | None]:
        """See `fastinet.Dataset.companions_of`."""


class ArrivedItems(BatchItems, Protocol):
    """What a batch asks about the items of a stream besides, since their bytes have passed."""

    def explained(self, error: Exception, item: int) -> Exception:
        """The error of an item that gave no row, saying what its bytes are if they are no image."""


@dataclass(frozen=True)
class Places:
    """Where the batches of an epoch are among those of the run.

    Attributes:
        epoch: number of the epoch.
        first: number of the first batch in the whole epoch: 0, or where a state goes on.
        rank: of the loader.
        world: number of ranks.
    """

    epoch: int
    first: int
    rank: int
    world: int


@dataclass(frozen=True)
class BatchKind:
    """What a batch needs to know besides what its slot holds; for keys, shapes and `objects`.

    The batches of an epoch share one. In a pass over a stream each has its own, with its own items.

    Attributes:
        items: knows keys and label sets by item id.
        has_views: whether arrays have an axis for views.
        has_groups: whether the views come in groups, an array for each, as of a `MultiCrop`.
        annotated: the annotated boxes of the items, and the transform, which says where crops put
            them; None for a loader without `boxes`.
        erasure: is told that somebody asks what is to be erased; None where nobody needs to.
        is_erased: rows are erased already, although the engine has not done it.
        places: where batches are in the run; None where they are in no epoch.
    """

    items: Dataset | ArrivedItems
    has_views: bool
    has_groups: bool = False
    annotated: tuple[ItemBoxes, Transform] | None = None
    erasure: ErasureWatch | None = None
    is_erased: bool = False
    places: Places | None = None

    def explained(self, error: Exception, item: int | None = None) -> Exception:
        """The error of an item that gave no row, saying what its bytes are if they are no image.

        See `ItemColumns.explained`. Of a stream, whose bytes have passed, a batch has kept those
        that say it.
        """
        if isinstance(self.items, Dataset):
            return self.items.columns.explained(error, item)
        return error if item is None else self.items.explained(error, item)
