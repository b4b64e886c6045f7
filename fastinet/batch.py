"""A batch: what one step of a training loop takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastinet import errors

if TYPE_CHECKING:
    from fastinet import _engine
    from fastinet.dataset import Dataset
    from fastinet.output import OutputFormat

__all__ = ["Batch"]


class Batch:
    """B rows of images and what is known about them; unpacks to ``images, labels``.

    `images`, `indices`, `boxes`, `flips` and `valid` lie in a slot of the engine. The slot is
    leased until the last of these arrays, every view of them, and the batch itself are gone, and is
    not written to before. They may outlive the loader; ``.copy()`` what you keep for long.

    Attributes:
        images: [B, H, W, 3] or [B, 3, H, W] of the loader's dtype, RGB, contiguous and writable.
        labels: int64 [B].
    """

    __slots__ = ("_dataset", "_lease", "images", "labels")

    images: NDArray[Any]
    labels: NDArray[np.int64]

    def __init__(self, lease: _engine.Batch, dataset: Dataset, output: OutputFormat) -> None:
        self._lease = lease
        self._dataset = dataset
        self.images = output.view(lease.images)
        self.labels = dataset.labels[lease.items]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        yield self.images
        yield self.labels

    def __len__(self) -> int:
        """B: fewer than the batch size in a short last batch."""
        return len(self._lease)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.images.shape))
        masked = len(self) - int(self.valid.sum())
        return f"<Batch images {self.images.dtype} {shape}{f', {masked} masked' if masked else ''}>"

    @property
    def indices(self) -> NDArray[np.int64]:
        """Item ids, int64 [B]: ``ds.read(batch.indices[j])`` are the bytes behind row j."""
        return self._lease.items

    @property
    def keys(self) -> list[str]:
        """Keys of the items: B strings."""
        keys = self._dataset.keys
        return [keys[item] for item in self.indices.tolist()]

    @property
    def boxes(self) -> NDArray[np.int32]:
        """Crop boxes, int32 [B, 4]: (x, y, width, height) in pixels of the original image.

        All of the image under CenterCrop, whose crop comes after the resize; zeros in masked rows.
        """
        return self._lease.boxes

    @property
    def flips(self) -> NDArray[np.bool_]:
        """Which rows are mirrored, bool [B]."""
        return self._lease.flips

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which rows hold their item, bool [B]. Masked rows are zero, and keep their label."""
        return self._lease.valid

    @property
    def errors(self) -> dict[int, Exception]:
        """Why rows are masked: {row: the exception that on_error="raise" would have raised}."""
        return {
            row: errors.from_status(code, cause, archive, self._dataset.keys[item], offset)
            for row, item, code, cause, archive, offset in self._lease.failures
        }
