"""Questions about the names of members, answered for all of them at once.

A train archive has 1.28 million members, so names stay bytes in one array and are never made into
strings here.
"""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fastinet._native import _paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["WNID_LENGTH", "Bools", "Ints", "Names", "Octets"]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Octets = NDArray[np.uint8]

WNID_LENGTH = 9
"""A wnid is "n" and eight digits."""

_NUMBER_LENGTH = 8  # of the number in ILSVRC2012_val_00000001
_POWERS_OF_TEN = 10 ** np.arange(_NUMBER_LENGTH - 1, -1, -1, dtype=np.int64)
_ZEROS_BEHIND = 64  # zeros behind the text: more than any prefix or suffix that is asked for
_ROWS_AT_ONCE = 1 << 14  # names of which a working set fits the cache
_SLASH, _DOT, _UNDERSCORE = b"/._"
_LOWER = np.array([ord(chr(code).lower()) if code < 128 else code for code in range(256)], np.uint8)


class Names:
    """N names: paths whose folders are separated by slashes.

    The last part of a path is its *base*; what of it stands before the last dot is its *stem*.
    Names that are equal up to the base's first dot are of one *sample* in WebDataset's words.
    """

    def __init__(self, text: Octets, starts: Ints, ends: Ints) -> None:
        """Name i is ``text[starts[i]:ends[i]]``."""
        # Reading around an end needs no bounds check then: NumPy takes -1 for the last.
        self._text = np.concatenate([text, np.zeros(_ZEROS_BEHIND, np.uint8)])
        self._starts = starts
        self._ends = ends

    @classmethod
    def of(cls, texts: Sequence[str]) -> Names:
        """The names that these texts are; surrogates stand for bytes that are no UTF-8."""
        encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
        lengths = np.array([len(name) for name in encoded], np.int64)
        ends = np.cumsum(lengths)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), ends - lengths, ends)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, row: int) -> str:
        """One name; bytes that are no UTF-8 come out as surrogates."""
        name = self._text[self._starts[row] : self._ends[row]]
        return name.tobytes().decode("utf-8", "surrogateescape")

    def take(self, rows: Ints) -> Names:
        """The names of ``rows``, in that order."""
        taken = copy.copy(self)  # of the same text, whose slashes need not be found again
        for of_all in ("_base", "_stem_ends", "_sample_ends"):
            taken.__dict__.pop(of_all, None)
        taken._starts, taken._ends = self._starts[rows], self._ends[rows]  # noqa: SLF001
        return taken

    def packed(self, rows: Ints) -> tuple[NDArray[np.uint64], Octets]:
        """Names of ``rows`` one after another: [n + 1] where each begins, and ends; the bytes."""
        lengths = (self._ends - self._starts)[rows]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        starts = self._starts[rows]
        if np.array_equal(starts, offsets[:-1]):  # from the first on, without gaps
            return offsets.astype(np.uint64), self._text[: offsets[-1]]
        text = np.empty(offsets[-1], np.uint8)
        shifts = starts - offsets[:-1]
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            chunk = slice(first, min(first + _ROWS_AT_ONCE, len(rows)))
            begin, end = offsets[chunk.start], offsets[chunk.stop]
            text[begin:end] = self._text[
                np.arange(begin, end) + np.repeat(shifts[chunk], lengths[chunk])
            ]
        return offsets.astype(np.uint64), text

    def bases(self) -> NDArray[np.bytes_]:
        """[N] the names without their folders, as NumPy's strings of bytes."""
        starts, lengths = self._base, self._ends - self._base
        width = max(1, int(lengths.max(initial=0)))
        columns = np.arange(width)
        letters = self._text[np.minimum(starts[:, None] + columns, len(self._text) - 1)]
        letters[columns >= lengths[:, None]] = 0
        return np.ascontiguousarray(letters).view(f"S{width}").reshape(-1)

    def ends_with(self, suffix: str) -> Bools:
        """[N] whether the name ends so, in any case of letters."""
        found: Bools = self._ends - self._starts >= len(suffix)
        for i, letter in enumerate(reversed(suffix.encode("ascii")), start=1):
            found &= _LOWER[self._text[self._ends - i]] == letter
        return found

    def have_extension(self, extension: str) -> Bools:
        """[N] whether what follows the base's first dot is this, in any case of letters."""
        lengths = self._ends - self._sample_ends - 1
        return np.asarray(self.ends_with(extension) & (lengths == len(extension)))

    def sample_keys(self) -> Iterator[bytes]:
        """The N names up to the first dots of their bases."""
        return self._until(self._sample_ends)

    def stems(self) -> Iterator[bytes]:
        """The N names up to the last dots of their bases."""
        return self._until(self._stem_ends)

    def whole(self) -> Iterator[bytes]:
        """The N names."""
        return self._until(self._ends)

    def have_several_dots(self) -> Bools:
        """[N] whether the base's last dot is not its first."""
        return np.asarray(self._stem_ends > self._sample_ends)

    def _until(self, ends: Ints) -> Iterator[bytes]:
        """Each name from its start to one of `ends`."""
        if not len(self):
            return
        first = int(self._starts.min())  # names that were taken are a part of the text
        text = self._text[first : int(self._ends.max())].tobytes()
        for start, end in zip(
            (self._starts - first).tolist(), (ends - first).tolist(), strict=True
        ):
            yield text[start:end]

    def go_on_a_sample(self) -> Bools:
        """[N] whether a name equals the one before it, up to the first dots of their bases."""
        return self._go_on(self._sample_ends)

    def _go_on(self, ends: Ints) -> Bools:
        """[N] whether a name equals the one before it, each up to its own of `ends`."""
        lengths = ends - self._starts
        alike: Bools = np.zeros(len(self), np.bool_)
        rows = 1 + np.flatnonzero(lengths[1:] == lengths[:-1])
        alike[rows] = True
        back = 1  # from the end on, for that is where neighbours differ
        while len(rows := rows[lengths[rows] >= back]):
            same = self._text[ends[rows] - back] == self._text[ends[rows - 1] - back]
            alike[rows[~same]] = False
            rows, back = rows[same], back + 1
        return alike

    def folders(self) -> tuple[NDArray[np.int32], list[str]]:
        """[N] index of the folder that each lies in, and the folders, each once; "" is none."""
        return _paths.folders_of(self._text, self._starts, self._ends)

    def lie_in_folders(self) -> Bools:
        """[N] whether something stands before the base."""
        return np.asarray(self._base > self._starts)

    def base_begins_with(self, prefix: str) -> Bools:
        """[N] whether the base begins so."""
        return self._begin_with(self._base, self._ends, prefix)

    def base_wnids(self) -> Ints:
        """[N] number of the wnid that the base begins with; -1: none."""
        return self._wnids_at(self._base, self._ends)

    def called_as_images_are(self) -> Bools:
        """[N] whether the base begins with a wnid and an underscore."""
        behind = self._base + WNID_LENGTH
        underscored = (behind < self._ends) & (self._text[behind] == _UNDERSCORE)
        return np.asarray(underscored & (self.base_wnids() >= 0))

    def folder_wnids(self) -> Ints:
        """[N] number of the wnid that is the name of the innermost such folder; -1: none."""
        of_names, folders = self.folders()
        told = [_paths.tell_of_folder(folder).wnid for folder in folders]
        return np.array(told, np.int64)[of_names]

    def stem_wnids(self) -> Ints:
        """[N] number of the wnid that the stem ends with, after an underscore; -1: none."""
        ends = self._stem_ends
        starts = ends - WNID_LENGTH
        wnids = self._wnids_at(starts, ends)
        return np.where(
            (starts > self._base) & (self._text[starts - 1] == _UNDERSCORE), wnids, np.int64(-1)
        )

    def numbers_after(self, prefix: str) -> Ints:
        """[N] the eight digits, as a number, that follow ``prefix`` at the base's start; -1: none.

        A dot, an underscore or nothing must come after them.
        """
        numbers = np.full(len(self), -1, np.int64)
        rows = np.flatnonzero(self.base_begins_with(prefix))
        if not len(rows):
            return numbers
        starts, ends = self._base[rows] + len(prefix), self._ends[rows]
        found = self._digits_at(starts, ends)
        after = self._text[starts + _NUMBER_LENGTH]
        closed = (starts + _NUMBER_LENGTH == ends) | (after == _DOT) | (after == _UNDERSCORE)
        numbers[rows] = np.where(closed, found, -1)
        return numbers

    def innermost_folder_of(self, folders: Sequence[str]) -> Ints:
        """[N] which of ``folders`` is the name of the innermost such folder; -1: none."""
        return self.innermost_folder_ending([f"/{folder}" for folder in folders])

    def innermost_folder_ending(self, endings: Sequence[str]) -> Ints:
        """[N] which of ``endings`` the innermost such folder's path ends with; -1: none.

        An ending that begins with a slash is a folder's whole name, any other one the end of it. Of
        several endings of one folder the first counts.
        """

        def which(starts: Ints, ends: Ints) -> Ints:
            found = np.full(len(starts), -1, np.int64)
            for number, ending in enumerate(endings):
                wanted = ending.removeprefix("/")
                lengths = ends - starts
                fitting = lengths == len(wanted) if ending != wanted else lengths >= len(wanted)
                rows = np.flatnonzero(fitting & (found < 0))
                begins = self._begin_with(ends[rows] - len(wanted), ends[rows], wanted)
                found[rows[begins]] = number
            return found

        return self._innermost_folder(which)

    def _innermost_folder(self, match: Callable[[Ints, Ints], Ints]) -> Ints:
        """[N] what ``match`` gives for the innermost folder for which it gives no -1."""
        result = np.full(len(self), -1, np.int64)
        rows = np.flatnonzero(self._base > self._starts)
        ends = self._base[rows] - 1  # of a folder's name, at its slash
        while len(rows):
            starts = self._after_slash(ends, self._starts[rows])
            found = match(starts, ends)
            result[rows] = found
            further = (found < 0) & (starts > self._starts[rows])
            rows, ends = rows[further], starts[further] - 1
        return result

    @functools.cached_property
    def _base(self) -> Ints:
        """[N] where the base begins."""
        return self._after_slash(self._ends, self._starts)

    @functools.cached_property
    def _stem_ends(self) -> Ints:
        """[N] where the stem ends: at the base's last dot, or where there is none, at its end."""
        dots = np.flatnonzero(self._text == _DOT)
        if not len(dots):
            return self._ends
        before = np.searchsorted(dots, self._ends) - 1
        last = dots[np.maximum(before, 0)]
        return np.where((before >= 0) & (last >= self._base), last, self._ends)

    @functools.cached_property
    def _sample_ends(self) -> Ints:
        """[N] where the base's first dot is; where there is none, the name's end."""
        dots = np.append(np.flatnonzero(self._text == _DOT), len(self._text))
        return np.asarray(np.minimum(dots[np.searchsorted(dots, self._base)], self._ends))

    @functools.cached_property
    def _slashes(self) -> Ints:
        return np.flatnonzero(self._text == _SLASH)

    def _after_slash(self, ends: Ints, starts: Ints) -> Ints:
        """Behind the last slash before each of ``ends``, or at ``starts`` where there is none."""
        if not len(self._slashes):
            return starts
        before = np.searchsorted(self._slashes, ends) - 1
        return np.where(before >= 0, np.maximum(self._slashes[before] + 1, starts), starts)

    def _wnids_at(self, starts: Ints, ends: Ints) -> Ints:
        """Numbers of the wnids that the texts ``starts`` to ``ends`` begin with; -1: none."""
        is_noun = self._text[starts] == ord("n")
        return np.where(is_noun, self._digits_at(starts + 1, ends), np.int64(-1))

    def _begin_with(self, starts: Ints, ends: Ints, prefix: str) -> Bools:
        """Which of the texts ``starts`` to ``ends`` begin so."""
        found = np.zeros(len(starts), np.bool_)
        wanted = np.frombuffer(prefix.encode("ascii"), np.uint8)
        rows = np.flatnonzero(ends - starts >= len(wanted))
        if len(wanted):  # most names differ in their first letter already
            rows = rows[self._text[starts[rows]] == wanted[0]]
        if len(rows):
            letters = self._text[starts[rows][:, np.newaxis] + np.arange(len(wanted))]
            rows = rows[(letters == wanted).all(axis=1)]
        found[rows] = True
        return found

    def _digits_at(self, starts: Ints, ends: Ints) -> Ints:
        """The eight digits that the texts ``starts`` to ``ends`` begin with; -1: not so many."""
        letters = self._text[starts[:, np.newaxis] + np.arange(_NUMBER_LENGTH)]
        digits = letters - np.uint8(ord("0"))  # what is less than "0" wraps around
        valid = (digits <= 9).all(axis=1) & (ends - starts >= _NUMBER_LENGTH)
        return np.where(valid, digits @ _POWERS_OF_TEN, np.int64(-1))
