"""Archives that arrive and cannot be gone back in: standard input, pipes, sockets, file objects."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from fastinet.datasets.classes import ClassInfo, class_table, imagenet1k_wnids
from fastinet.datasets.companions import LabelFunction, label_of
from fastinet.datasets.names import WNID_LENGTH
from fastinet.datasets.scanned import wnid_number
from fastinet.datasets.validation import VALIDATION_IMAGES, validation_labels
from fastinet.errors import MissingError, ReadError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LabelFunction", "Readable", "Stream", "is_stream", "open_stream"]

_PUMP_BYTES = 1 << 18


class Readable(Protocol):
    """A Python file object, open for reading bytes."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""


class Stream:
    """A tar that arrives, gzipped or not, for one pass by a :class:`~fastinet.StreamLoader`.

    Made by :func:`open_stream`, or by :func:`fastinet.open` of "-", of a named pipe, or of a file
    object. It has no length, and no item can be asked for: what there is, is known when it comes.

    Attributes:
        name: for messages.
        classes: in label order.
    """

    def __init__(
        self,
        source: int | Readable,
        name: str,
        classes: Sequence[str],
        labels: LabelFunction | None,
    ) -> None:
        """The stream of a descriptor or file object; see :func:`open_stream`."""
        self.name = name
        self.classes: tuple[ClassInfo, ...] = class_table(tuple(classes))
        self._source = source
        self._label = labels or _KeyLabels(classes)
        self._pump: _Pump | None = None
        self._begun = False

    def __repr__(self) -> str:
        return f"<Stream {self.name!r}{', begun' if self._begun else ''}>"

    def __len__(self) -> int:
        raise TypeError(f"the stream {self.name!r} has no length before it has ended")

    def __bool__(self) -> bool:
        return True

    def __reduce__(self) -> NoReturn:
        raise TypeError("a stream stays in its process")

    @contextlib.contextmanager
    def begin(self) -> Iterator[int]:
        """The descriptor to read, once; whoever reads it takes a duplicate.

        Raises:
            UnsupportedError: it has been read before.
        """
        if self._begun:
            raise UnsupportedError(
                "a stream passes once; for another epoch, or the same one from its start, open it "
                "anew",
                archive=self.name,
            )
        self._begun = True
        if isinstance(self._source, int):
            yield self._source
            return
        self._pump = _Pump(self._source)
        try:
            yield self._pump.outlet
        finally:
            os.close(self._pump.outlet)  # the pump stops when the duplicate is closed, too

    def label(self, key: str, companions: Mapping[str, bytes]) -> int:
        """The label of an item that has arrived.

        Raises:
            ValueError: it has none; the message says what to do.
        """
        try:
            return int(self._label(key, companions))
        except ValueError as error:
            raise ValueError(f"'{self.name}', item '{key}': {error}") from error

    def check(self) -> None:
        """Raises ReadError if the file object failed while it was read."""
        if self._pump is not None and self._pump.failure is not None:
            raise ReadError(
                f"the file object cannot be read: {self._pump.failure!r}", archive=self.name
            ) from self._pump.failure


def is_stream(source: object) -> bool:
    """Whether `fastinet.open` is to take this for a stream: "-", a file object, a named pipe."""
    if hasattr(source, "read") or source == "-":
        return True
    try:
        return stat.S_ISFIFO(Path(source).stat().st_mode)  # type: ignore[arg-type]
    except (OSError, TypeError, ValueError):
        return False


def open_stream(
    source: str | os.PathLike[str] | int | Readable,
    *,
    classes: Sequence[str] | None = None,
    labels: LabelFunction | None = None,
    name: str | None = None,
) -> Stream:
    """Opens an archive that arrives: nothing of it is kept, and nothing is needed but the stream.

    It may be any tar that :func:`fastinet.open` reads, tars of tars included, or WebDataset
    shards one behind the other through ``cat``-like tools that keep tars apart; gzip is recognised
    by its first bytes. Items come in the stream's order, number 0, 1, and so on.

    Args:
        source: "-" for standard input, the path of a named pipe or of a file to be read once, a
            descriptor, or a Python file object, which a thread then reads. The caller closes
            descriptors and file objects.
        classes: wnids in label order; None takes the 1000 of ImageNet-1K. A stream cannot be asked
            beforehand which ones it has.
        labels: a function of an item's key and companions (what has its name but for the
            extension, as ``{"cls": b"7"}``). None takes a ``.cls`` or ``.json`` companion's label,
            else the published one of a validation image's number, -1 for a test image's, and else
            the class that is the innermost folder that is a wnid, or that the file name begins
            with.
        name: for messages.

    Raises:
        MissingError, ReadError: there is nothing at that path, or it cannot be opened.
    """
    wnids = imagenet1k_wnids() if classes is None else tuple(classes)
    if isinstance(source, int):
        return Stream(source, name or f"descriptor {source}", wnids, labels)
    if isinstance(source, str | os.PathLike):
        if source == "-":
            return Stream(0, name or "standard input", wnids, labels)
        path = Path(source)
        try:
            # A named pipe waits here for whoever writes to it.
            file = path.open("rb", buffering=0)
        except OSError as error:
            kind = MissingError if isinstance(error, FileNotFoundError) else ReadError
            raise kind(f"cannot open: {error.strerror}", archive=str(path)) from error
        return _OwnFile(file, name or str(path), wnids, labels)
    if not callable(getattr(source, "read", None)):
        raise TypeError(
            f"source must be '-', a path, a descriptor or a file object, not {source!r}"
        )
    return Stream(source, name or str(getattr(source, "name", "file object")), wnids, labels)


class _OwnFile(Stream):
    """A stream over a file that nobody else has open."""

    def __init__(
        self, file: Any, name: str, classes: Sequence[str], labels: LabelFunction | None
    ) -> None:
        super().__init__(file.fileno(), name, classes, labels)
        self._file = file  # closed with the stream


class _KeyLabels:
    """Labels as an item's name and companions tell them; see :func:`open_stream`."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._labels = {wnid: label for label, wnid in enumerate(classes)}

    def __call__(self, key: str, companions: Mapping[str, bytes]) -> int:
        for extension in ("cls", "json"):
            if extension in companions:
                return label_of(companions[extension], extension)
        *folders, base = key.split("/")
        for folder in reversed(folders):
            if wnid_number(folder) >= 0:
                return self._of_class(folder)
        number = base[15:23]
        if base.startswith("ILSVRC2012_val_") and number.isdecimal():
            if not 0 < int(number) <= VALIDATION_IMAGES:
                raise ValueError(f"there is no validation image {number}")
            return int(validation_labels()[int(number) - 1])
        if base.startswith("ILSVRC2012_test_"):
            return -1
        wnid = base[:WNID_LENGTH]
        if wnid_number(wnid) < 0:
            raise ValueError("neither its name nor a companion has a label; give labels=")
        return self._of_class(wnid)

    def _of_class(self, wnid: str) -> int:
        if wnid not in self._labels:
            raise ValueError(
                f"class {wnid} is none of the {len(self._labels)} that the stream is said to have; "
                "give classes=, all wnids in label order"
            )
        return self._labels[wnid]


class _Pump(threading.Thread):
    """Reads a file object into a pipe, so that the engine's threads need not touch Python."""

    def __init__(self, file: Readable) -> None:
        # A daemon, since nothing can end a read() that waits for somebody else.
        super().__init__(name="fastinet stream", daemon=True)
        self.failure: Exception | None = None
        self._file = file
        self.outlet, self._inlet = os.pipe()
        self.start()

    def run(self) -> None:
        """Pumps until the file or the interest in it ends."""
        try:
            while data := self._file.read(_PUMP_BYTES):
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(self._inlet, rest) :]
        except BrokenPipeError:
            pass
        except Exception as error:  # noqa: BLE001  # told where the stream is read
            self.failure = error
        finally:
            os.close(self._inlet)
