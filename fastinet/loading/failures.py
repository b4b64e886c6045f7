"""The items of an epoch that gave no row: all of them, with their causes and what came instead."""

from __future__ import annotations

import struct
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, overload

from fastinet import errors
from fastinet.base.warning import warn

if TYPE_CHECKING:
    from fastinet.datasets.keys import Keys

__all__ = ["Failure", "Failures", "RowFailure"]

RowFailure: TypeAlias = "tuple[int, int, int, int, str, str, str, int]"
"""As `_engine.Batch.failures` has them: row, item, copy, replacement or -1, and the arguments of
`fastinet.errors.from_status` but for the member."""

_NAMED: Final = 3  # failures that a warning names
_RECORD: Final = struct.Struct("<3q2i")  # item, replacement, offset, number of the status, copy


@dataclass(frozen=True)
class Failure:
    """An item that gave no row in an epoch.

    Attributes:
        item: its id, 0 to N - 1; in a stream its number there.
        key: its name.
        archive: that it lies in; None where that is not known.
        error: what ``on_error="raise"`` would have raised: its message names archive, member, byte
            and cause.
        action: "masked" or "replaced".
        replacement: id of the item that came in its place; None if masked.
        replacement_key: the name of that item.
        copy: which copy of the item, and of its replacement, see `Batch.copies`.
    """

    item: int
    key: str
    archive: str | None
    error: Exception
    action: Literal["masked", "replaced"]
    replacement: int | None = None
    replacement_key: str | None = None
    copy: int = 0

    def __str__(self) -> str:
        """One line: the error, and what came in the item's place."""
        if self.replacement is None:
            return str(self.error)
        return f"{self.error} (replaced by '{self.replacement_key}')"


class Failures(Sequence[Failure]):
    """The items of one epoch that gave no row, as its batches came: a list of `Failure`.

    It has those of all batches that were delivered, so it grows while the epoch runs, and stays
    when that is over. It takes some 32 bytes for each, however many fail; causes that are alike are
    kept once, and keys and errors are made when they are asked for. An item that comes twice
    because of ``pad_last="wrap"`` is in it twice, and so is each copy that ``repeats`` gives.
    """

    def __init__(
        self,
        keys: Keys | Mapping[int, str],
        explained: Callable[[Exception, int], Exception] = lambda error, _item: error,
    ) -> None:
        """None yet; `keys` has names by item id, and `explained` adds to the error of an item."""
        self._keys = keys
        self._explained = explained
        self._records = bytearray()
        self._numbers: dict[tuple[str, str, str], int] = {}  # of (code, cause, archive)
        self._statuses: list[tuple[str, str, str]] = []
        self._lock = threading.Lock()  # several threads may take batches of one epoch

    def add(self, failures: Iterable[RowFailure]) -> None:
        """Takes those of one more batch."""
        with self._lock:
            for _row, item, copy, replacement, code, cause, archive, offset in failures:
                status = code, cause, archive
                number = self._numbers.setdefault(status, len(self._statuses))
                if number == len(self._statuses):
                    self._statuses.append(status)
                self._records += _RECORD.pack(item, replacement, offset, number, copy)

    def __len__(self) -> int:
        return len(self._records) // _RECORD.size

    @overload
    def __getitem__(self, index: int) -> Failure: ...
    @overload
    def __getitem__(self, index: slice) -> list[Failure]: ...
    def __getitem__(self, index: int | slice) -> Failure | list[Failure]:
        if isinstance(index, slice):
            return [self._at(number) for number in range(*index.indices(len(self)))]
        return self._at(range(len(self))[index])

    def __repr__(self) -> str:
        return f"<Failures: {len(self)} items that gave no row>"

    def warn(self) -> None:
        """Says how many there are, and names the first of them; says nothing where there are none.

        What is masked and what is replaced is one for all items of an epoch.
        """
        if not len(self) or sys.is_finalizing():
            return
        items = len({item for item, *_ in _RECORD.iter_unpack(bytes(self._records))})
        first = self[:_NAMED]
        action = "replaced" if first[0].action == "replaced" else "masked (label -1)"
        named = "; ".join(map(str, first))
        more = len(self) - len(first)
        rest = f"; and {more} more, which `failures` of the loader lists" if more else ""
        many = f"{items} items" if items != 1 else "1 item"
        were = "were" if items != 1 else "was"
        warn(f"{many} gave no row in this epoch and {were} {action}: {named}{rest}")

    def _at(self, number: int) -> Failure:
        item, replacement, offset, status, copy = _RECORD.unpack_from(
            self._records, number * _RECORD.size
        )
        code, cause, archive = self._statuses[status]
        key = self._keys[item]
        error = self._explained(errors.from_status(code, cause, archive, key, offset), item)
        if replacement < 0:
            return Failure(item, key, archive or None, error, "masked", copy=copy)
        other = self._keys[replacement]
        return Failure(item, key, archive or None, error, "replaced", replacement, other, copy)
