"""Archives that arrive and cannot be gone back in: standard input, pipes, sockets, file objects."""

from __future__ import annotations

import concurrent.futures
import contextlib
import io
import os
import socket
import stat
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol

from fastinet._native import _engine
from fastinet.base.checks import whole_number
from fastinet.datasets import path_splits
from fastinet.datasets.classes import ClassInfo, class_table, imagenet1k_wnids
from fastinet.datasets.companions import LabelFunction, label_of
from fastinet.datasets.imagenet_v2 import label_of_member
from fastinet.datasets.names import WNID_LENGTH
from fastinet.datasets.published import lists_with_class, published_classes
from fastinet.datasets.scanned import wnid_number
from fastinet.datasets.validation import VALIDATION_IMAGES, validation_labels
from fastinet.errors import FastinetError, MissingError, ReadError, UnsupportedError
from fastinet.pixels.rendering import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

__all__ = [
    "LabelFunction",
    "Readable",
    "Stream",
    "StreamClasses",
    "StreamItem",
    "is_stream",
    "open_stream",
]

StreamClasses = str | Sequence[str] | Sequence[ClassInfo]
"""The name of a published list, wnids in label order, or the ``classes`` of a dataset."""

_PUMP_BYTES = 1 << 18


class Readable(Protocol):
    """A Python file object, open for reading bytes."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""


class StreamItem(NamedTuple):
    """An image that has arrived."""

    key: str
    """Path of the member, where an inner tar counts as a folder."""
    companions: dict[str, bytes]
    """Small members beside it that have its name, by extension: ``{"cls": b"7"}``."""
    size: int
    """[bytes]"""
    data: bytes
    """The original bytes."""


class Stream:
    """A tar that arrives, gzipped or not, for one pass by a :class:`~fastinet.StreamLoader`.

    Made by :func:`open_stream`, or by :func:`fastinet.open` of "-", of a named pipe, or of a file
    object. It has no length, and no item can be asked for: what there is, is known when it comes.

    Attributes:
        name: for messages.
        classes: in label order.
        rules: what of it is an item, for the engine.
        skipped: how many members were passed over: no items, nor small files that belong to one and
            are no images. Known when the pass is over.
    """

    def __init__(
        self,
        source: int | Readable,
        name: str,
        classes: Sequence[str],
        labels: LabelFunction | None,
        *,
        known_classes: bool,
        split: str | None = None,
        own_file: io.FileIO | None = None,
    ) -> None:
        """The stream of a descriptor or file object; see :func:`open_stream`.

        With `known_classes` labels beyond `classes` are refused. `own_file` is the file that the
        descriptor is of, if nobody else has it.
        """
        self.name = name
        self.classes: tuple[ClassInfo, ...] = class_table(tuple(classes))
        self._source = source
        self._known_classes = known_classes
        self._label = labels or _KeyLabels(classes)
        self.rules = _engine.ItemRules(
            one_of_a_sample=labels is not None,
            split=split or "",
            prefixes=path_splits.PREFIXES,
            folders=path_splits.FOLDERS,
            otherwise=path_splits.OTHERWISE,
        )
        self._close = weakref.finalize(self, _nothing if own_file is None else own_file.close)
        self._pump: _Pump | None = None
        self._begun = False
        self.skipped = 0

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
            try:
                yield self._source
            finally:
                self._close()
            return
        self._pump = _Pump(self._source)
        try:
            yield self._pump.outlet.fileno()
        except BaseException:
            self._pump.stop()
            raise

    def end(self) -> None:
        """Nothing of it will be read any more."""
        if self._pump is not None:
            self._pump.stop()

    def items(self, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Generator[StreamItem, None, None]:
        """The items as they are, while they arrive: the one pass, in place of a loader's.

        Args:
            max_pixels: items of more bytes than an image of so many can have come without them.

        Raises:
            FastinetError: what is wrong with the stream, after the items that are complete.
            MissingError: nothing in it is of its `split`.
        """
        with self.begin() as descriptor:
            name = self.name.encode("utf-8", "surrogateescape")
            native = _engine.StreamItems(descriptor, name, self.rules, max_pixels=max_pixels)
        # In a thread, so that Ctrl-C interrupts the waiting.
        reader = concurrent.futures.ThreadPoolExecutor(1)
        try:
            while (found := reader.submit(native.next).result()) is not None:
                key, companions, size, data = found
                yield StreamItem(key, dict(reversed(companions)), size, data)
        except FastinetError:
            self.check()
            raise
        finally:
            native.interrupt()
            self.end()
            reader.shutdown()
            self.skipped = native.skipped
        self.check()

    def label(self, key: str, companions: Mapping[str, bytes]) -> int:
        """The label of an item that has arrived.

        Raises:
            ValueError: it has none; the message says what to do.
        """
        try:
            label = whole_number("its label", self._label(key, companions), -1, 2**63 - 1)
            if self._known_classes and label >= len(self.classes):
                raise ValueError(f"label {label}, and there are {len(self.classes)} classes")
        except ValueError as error:
            raise ValueError(f"'{self.name}', item '{key}': {error}") from error
        return label

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
    classes: StreamClasses | None = None,
    split: str | None = None,
    labels: LabelFunction | None = None,
    name: str | None = None,
) -> Stream:
    """Opens an archive that arrives: nothing of it is kept, and nothing is needed but the stream.

    It may be any tar that :func:`fastinet.open` reads, tars of tars included, or a WebDataset
    shard; gzip is recognised by its first bytes. Tars may come one behind the other, as ``cat``
    sends them. Items come in the stream's order, number 0, 1, and so on.

    Members that follow one another and have the same path up to the first dot of the file name are
    one sample. If a ``.cls`` or ``.json`` is among them, or with `labels`, one image of it is an
    item: the first that is called .jpg, .jpeg or .png, else the first. Without, all are. The
    sample's other files of up to 64 KiB are the item's companions. What else there is, second
    images among it, is counted and warned of. These are the items that :func:`fastinet.open` has of
    the same archive.

    Args:
        source: "-" for standard input, the path of a named pipe or of a file to be read once, a
            descriptor, or a Python file object, which a thread then reads. The caller closes
            descriptors and file objects.
        classes: those of the labels, which a stream cannot be asked for beforehand: the name of a
            published list, "imagenet1k", "imagenet21k-p" or "imagenet22k" (which has all of
            ImageNet-21K's; see :func:`~fastinet.datasets.published.published_classes`), or wnids in
            label order, or the ``classes`` of a dataset. None takes the 1000 of ImageNet-1K.
        split: "train", "val", "test", or ImageNet-21K-P's "small_classes": only its items come, as
            if there were no others. The names of images tell (``ILSVRC2012_val_00000001.JPEG``),
            else the folders that they lie in; what has neither is of "train". None takes all.
        labels: a function of an item's key and companions (what has its name but for the
            extension, as ``{"cls": b"7"}``). None takes a ``.cls`` or ``.json`` companion's label,
            else the class that is the innermost folder that is a wnid, the label that is the folder
            of an image of ImageNet-V2, the published label of a validation image's number, -1 for a
            test image's, and else the wnid that the file name begins with.
        name: for messages.

    Raises:
        MissingError, ReadError: there is nothing at that path, or it cannot be opened.
        ValueError: no such split, no list of classes of that name, or a class that comes twice.
        TypeError: `source` or `classes` are none of these.
    """
    wnids = imagenet1k_wnids() if classes is None else _wnids_of(classes)
    if split is not None and split not in path_splits.PATH_SPLITS:
        raise ValueError(f"split must be one of {path_splits.PATH_SPLITS}, not {split!r}")

    def stream(
        source: int | Readable, found_name: str, own_file: io.FileIO | None = None
    ) -> Stream:
        return Stream(
            source,
            name or found_name,
            wnids,
            labels,
            known_classes=classes is not None,
            split=split,
            own_file=own_file,
        )

    if isinstance(source, int):
        return stream(source, f"descriptor {source}")
    if isinstance(source, str | os.PathLike):
        if source == "-":
            return stream(0, "standard input")
        path = Path(source)
        try:
            # A named pipe waits here for whoever writes to it.
            file = io.FileIO(path)
        except OSError as error:
            kind = MissingError if isinstance(error, FileNotFoundError) else ReadError
            raise kind(f"cannot open: {error.strerror}", archive=str(path)) from error
        return stream(file.fileno(), str(path), file)
    if not callable(getattr(source, "read", None)):
        raise TypeError(
            f"source must be '-', a path, a descriptor or a file object, not {source!r}"
        )
    return stream(source, str(getattr(source, "name", "file object")))


def _wnids_of(classes: StreamClasses) -> tuple[str, ...]:
    if isinstance(classes, str):
        return published_classes(classes)
    if not isinstance(classes, Iterable):
        raise TypeError(f"classes must be wnids or the name of a list of them, not {classes!r}")
    wnids = tuple(info.wnid if isinstance(info, ClassInfo) else info for info in classes)
    for wnid in wnids:
        if not isinstance(wnid, str):
            raise TypeError(f"classes must be wnids, not {wnid!r}")
    if len(set(wnids)) < len(wnids):
        twice = next(wnid for wnid in wnids if wnids.count(wnid) > 1)
        raise ValueError(f"classes have {twice!r} twice")
    return wnids


class _KeyLabels:
    """Labels as an item's name and companions tell them; see :func:`open_stream`."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._labels = {wnid: label for label, wnid in enumerate(classes)}
        self._imagenet1k = imagenet1k_wnids()

    def __call__(self, key: str, companions: Mapping[str, bytes]) -> int:
        for extension in ("cls", "json"):
            if extension in companions:
                return label_of(companions[extension], extension)
        *folders, base = key.split("/")
        for folder in reversed(folders):
            if wnid_number(folder) >= 0:
                return self._of_class(folder)
        if folders and folders[-1].isdecimal():
            label = label_of_member(key, "")
            if label >= 0:
                return self._of_class(self._imagenet1k[label])
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
            lists = [f'"{name}"' for name in lists_with_class(wnid)]
            advice = f"give classes={' or '.join(lists)}, or" if lists else "give classes="
            raise ValueError(
                f"class {wnid} is none of the {len(self._labels):,} that the stream is said to "
                f"have; {advice} all wnids in label order"
            )
        return self._labels[wnid]


class _Pump(threading.Thread):
    """Reads a file object into a socket, so that the engine's threads need not touch Python.

    A socket and not a pipe, because its ends can be shut down: a pipe's reader would wait for as
    long as a forked child has the other end, too.
    """

    def __init__(self, file: Readable) -> None:
        # A daemon, since nothing can end a read() that waits for somebody else.
        super().__init__(name="fastinet stream", daemon=True)
        self.failure: BaseException | None = None
        self._file = file
        self._process = os.getpid()
        self.outlet, self._inlet = socket.socketpair()
        self._inlet.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PUMP_BYTES)
        self.start()

    def run(self) -> None:
        """Pumps until the file or the interest in it ends."""
        try:
            while (data := self._read()) and self._send(data):
                pass
        except BaseException as error:  # noqa: BLE001  # told where the stream is read
            self.failure = error
        finally:
            with contextlib.suppress(OSError):
                self._inlet.shutdown(socket.SHUT_RDWR)
            self._inlet.close()

    def _read(self) -> bytes:
        data: object = self._file.read(_PUMP_BYTES)
        if isinstance(data, bytes | bytearray | memoryview):
            return data  # type: ignore[return-value]
        raise TypeError(
            f"read() gave {type(data).__name__} in place of bytes; open the file in binary mode, "
            "and let it block"
        )

    def _send(self, data: bytes) -> bool:
        """Whether there is still interest in it."""
        try:
            self._inlet.sendall(data)
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Ends the interest in what is still to come."""
        if os.getpid() != self._process:
            return  # the socket is the parent's
        with contextlib.suppress(OSError):  # it is closed, or the other side is
            self.outlet.shutdown(socket.SHUT_RDWR)
        self.outlet.close()


def _nothing() -> None:
    """Stands where there is nothing to close."""
