"""The keys of items, kept as bytes and decoded when one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from fastinet.sidecars.column_file import LaterColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Keys"]


class Keys(Sequence[str]):
    """Names of items, decoded one at a time: 1.28 million strings would cost some 100 MB."""

    def __init__(
        self,
        text: NDArray[np.uint8] | LaterColumn,
        starts: NDArray[np.uint64],
        ends: NDArray[np.uint64],
    ) -> None:
        """Key i is ``text[starts[i]:ends[i]]``, UTF-8 (other bytes come out as surrogates)."""
        self._held_text = text
        self._starts = starts
        self._ends = ends

    @property
    def _text(self) -> NDArray[np.uint8]:
        """Raises ReadError where the index, which it is read from when a key is wanted, was cut."""
        text = self._held_text
        return text.array() if isinstance(text, LaterColumn) else text

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Keys: ...
    def __getitem__(self, index: int | slice) -> str | Keys:
        if isinstance(index, slice):
            return Keys(self._held_text, self._starts[index], self._ends[index])
        text = self._text[self._starts[index] : self._ends[index]]
        return text.tobytes().decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        for i in range(len(self)):
            yield self[i]

    def __repr__(self) -> str:
        shown = [*map(repr, self[:3]), *(["..."] if len(self) > 3 else [])]
        return f"<{len(self)} keys: {', '.join(shown)}>"

    def take(self, rows: NDArray[np.int64]) -> Keys:
        """The keys of ``rows``, in that order."""
        return Keys(self._held_text, self._starts[rows], self._ends[rows])

    def columns(self) -> tuple[NDArray[np.uint8], NDArray[np.uint64], NDArray[np.uint64]]:
        """Undecoded, for questions to all keys at once: key i is ``text[starts[i]:ends[i]]``."""
        return self._text, self._starts, self._ends
