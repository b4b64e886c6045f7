"""Operations that all views of an item share: drawn once, and made in each."""

from __future__ import annotations

from dataclasses import dataclass

from fastinet._native import _engine
from fastinet.augment.operation import Augment, Operation, Row, augment_tuple, native_operations

__all__ = ["Shared"]


@dataclass(frozen=True)
class Shared(Operation):
    """Operations that are drawn once for an item, and made alike in all views that have them.

    ``Shared(ColorJitter(0.4, 0.4, 0.2, 0.1, p=0.8))`` in the operations of each `View` gives all
    views of an item the same factors, in the same order, or none of them the jitter. The first
    `Shared` of a view draws what the first of another view does, the second what the second does,
    wherever they stand among the others; so they have to be the same operations. Copies of an item
    (``Loader(repeats=)``) draw their own.

    Operations see the view's own pixels: contrast goes by the mean of the crop, not of the image.

    Attributes:
        operations: an operation, or a tuple of them in order; not `Shared` themselves.

    Raises:
        TypeError: these are no operations.
        ValueError: there is none, or one is `Shared`, which does not lie within another operation.
    """

    operations: Augment

    def __post_init__(self) -> None:
        parts = augment_tuple("operations", self.operations)
        if not parts:
            raise ValueError("Shared takes an operation at least, such as Shared(ColorJitter(0.4))")
        if any(isinstance(part, Shared) for part in parts):
            raise ValueError("Shared within Shared: one of them is enough")
        object.__setattr__(self, "operations", parts)

    def native(self, row: Row) -> _engine.Operation:
        """See :class:`Operation`."""
        parts = native_operations(self.operations, row)
        return _engine.Operation.sequence(parts, probability=1.0, shared=True)
