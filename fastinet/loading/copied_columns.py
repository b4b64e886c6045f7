"""What the host knows of a batch whose slot is given back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fastinet._native import _engine
    from fastinet.loading.failures import RowFailure

__all__ = ["CopiedColumns"]


@dataclass
class CopiedColumns:
    """Copies of what the host knows of a batch's rows. They stay when its slot is given back.

    Names, shapes and contents are those of `_engine.Batch`, for which it stands in.
    """

    items: NDArray[np.int64]
    copies: NDArray[np.int32]
    boxes: NDArray[np.int32]
    flips: NDArray[np.bool_]
    vflips: NDArray[np.bool_]
    windows: NDArray[np.int32]
    interpolations: NDArray[np.uint8]
    image_sizes: NDArray[np.int32]
    valid: NDArray[np.bool_]
    steps: list[Any] | None
    lighting: NDArray[np.float64] | None
    failures: list[RowFailure]
    number: int

    @classmethod
    def of(cls, lease: _engine.Batch) -> CopiedColumns:
        """Copies of a leased slot's columns."""

        def copied(column: Any) -> Any:
            return column.copy() if hasattr(column, "copy") else column

        return cls(*[copied(getattr(lease, name)) for name in cls.__dataclass_fields__])

    def __len__(self) -> int:
        """B."""
        return len(self.items)
