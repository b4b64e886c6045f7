"""Archives that arrive and cannot be gone back in: standard input, pipes, sockets, file objects."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from fastinet._native import _engine, _scan
from fastinet.archives.explaining import explained_stream
from fastinet.archives.pump import Pump, Readable
from fastinet.archives.tar_notes import sentence
from fastinet.base.checks import whole_number
from fastinet.base.threads import refused_thread
from fastinet.base.warning import warn
from fastinet.datasets.classes import ClassInfo, class_table
from fastinet.datasets.companions import LabelFunction, asked_label, by_extension
from fastinet.datasets.key_labels import KeyLabels
from fastinet.errors import FastinetError, ReadError, UnsupportedError, printable
from fastinet.pixels.rendering import RenderOptions

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Generator, Iterator

__all__ = ["Stream", "StreamItem"]


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
        skipped_names: the first three of them.
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
        around: str | None = None,
        own_file: io.FileIO | None = None,
        end_marker_required: bool = True,
    ) -> None:
        """The stream of a descriptor or file object; see :func:`open_stream`.

        With `known_classes` labels beyond `classes` are refused. `around` is the split that the
        archive's name is, "" where it is none's, and None where nobody knows the name. `own_file`
        is the file that the descriptor is of, where it is for this stream to close. Unless
        `end_marker_required`, tars may end without their end-of-archive markers.
        """
        self.name = name
        self.classes: tuple[ClassInfo, ...] = class_table(tuple(classes))
        self._source = source
        self._known_classes = known_classes
        self._label_function = labels
        self._key_labels = KeyLabels(classes if known_classes else None, split or "")
        self.rules = _engine.ItemRules(
            labels_by_function=labels is not None,
            split=split or "",
            around=around or "",
            is_named=around is not None,
            end_marker_required=end_marker_required,
        )
        self._close = weakref.finalize(self, _nothing if own_file is None else own_file.close)
        self._pump: Pump | None = None
        self._pass = threading.Lock()  # taken by the one pass, of several that begin at once too
        self.skipped = 0
        self.skipped_names: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Stream {self.name!r}{', begun' if self._pass.locked() else ''}>"

    def __len__(self) -> int:
        raise TypeError(f"the stream {self.name!r} has no length before it has ended")

    def __bool__(self) -> bool:
        return True

    def __reduce__(self) -> NoReturn:
        raise TypeError("a stream stays in its process")

    @property
    def is_read(self) -> bool:
        """Whether a pass over it has begun."""
        return self._pass.locked()

    def check_unread(self) -> None:
        """Raises UnsupportedError if it has been read before."""
        if self.is_read:
            raise self._was_read()

    def _was_read(self) -> UnsupportedError:
        return UnsupportedError(
            "a stream passes once; for another epoch, or the same one from its start, open it anew",
            archive=self.name,
        )

    @contextlib.contextmanager
    def begin(self) -> Iterator[int]:
        """The descriptor to read, once. The reader takes a duplicate of it.

        Raises:
            UnsupportedError: it has been read before.
        """
        if not self._pass.acquire(blocking=False):
            raise self._was_read()
        if isinstance(self._source, int):
            try:
                yield self._source
            finally:
                self._close()
            return
        self._pump = Pump(self._source)
        try:
            yield self._pump.outlet.fileno()
        except BaseException:
            self._pump.stop()
            raise

    def end(self) -> None:
        """Says that nothing more of the stream will be read, and warns of labels that were odd."""
        if self._pump is not None:
            self._pump.stop()
        if (note := self._key_labels.take_contradictions()) and not sys.is_finalizing():
            warn(printable(f"'{self.name}': {note}"))

    def say_odd(self, notes: Sequence[tuple[int, int, str, int]]) -> None:
        """Warns of what is odd about the tars, as `_engine.StreamEpoch.notes` has it."""
        for kind, count, name, offset in () if sys.is_finalizing() else notes:
            note = _scan.Note(_scan.NOTE_KINDS[kind], name, offset)
            warn(printable(f"'{self.name}': {sentence(count, note)}"))

    def items(self, *, max_pixels: int | None = None) -> Generator[StreamItem, None, None]:
        """The items as they are, while they arrive: the one pass, in place of a loader's.

        Args:
            max_pixels: items of more bytes than an image of so many can have come without them.

        Raises:
            FastinetError: what is wrong with the stream, after the items that are complete.
            MissingError: nothing in it is of its `split`.
        """
        import concurrent.futures  # noqa: PLC0415 - loaders do not come this way

        limit = RenderOptions(max_pixels=max_pixels).native()["max_pixels"]
        with self.begin() as descriptor:
            name = self.name.encode("utf-8", "surrogateescape")
            native = _engine.StreamItems(descriptor, name, self.rules, max_pixels=limit)
        # In a thread, so that Ctrl-C interrupts the waiting.
        reader = concurrent.futures.ThreadPoolExecutor(1)
        try:
            while (found := self._next(reader, native)) is not None:
                key, companions, size, data = found
                yield StreamItem(key, by_extension(companions), size, data)
        except FastinetError as error:
            self.check()
            raise self.explained(error, native.head) from None
        finally:
            native.interrupt()
            self.end()
            reader.shutdown()
            self.skipped, self.skipped_names = native.skipped, tuple(native.skipped_names)
        self.say_odd(native.notes)
        self.check()

    def _next(
        self, reader: concurrent.futures.Executor, native: _engine.StreamItems
    ) -> tuple[str, list[tuple[str, bytes | None]], int, bytes] | None:
        try:
            return reader.submit(native.next).result()
        except RuntimeError as error:
            raise ReadError(refused_thread("read the stream"), archive=self.name) from error

    def label(self, key: str, companions: Mapping[str, bytes]) -> int:
        """The label of an item that has arrived.

        Raises:
            ValueError: it has none; the message says what to do.
        """
        return self.labels_of([(key, companions)])[0]

    def labels_of(self, items: Sequence[tuple[str, Mapping[str, bytes]]]) -> list[int]:
        """The labels of several items that have arrived: much faster than one by one.

        Args:
            items: (key, companions) of each.

        Raises:
            ValueError: an item has none, the first of these; the message says what to do. What the
                user's function raises comes out, see :func:`asked_label`.
        """
        found = self._key_labels(items) if self._label_function is None else None
        labels = []
        for key, companions in items:
            given: Any = None
            if self._label_function is not None:
                given = asked_label(self._label_function, key, companions, self.name)
            try:
                given = given if found is None else next(found)
                label = whole_number("its label", given, -1, 2**63 - 1)
                if self._known_classes and label >= len(self.classes):
                    raise ValueError(f"label {label}, and there are {len(self.classes)} classes")
            except ValueError as error:
                raise ValueError(printable(f"'{self.name}', item '{key}': {error}")) from error
            labels.append(label)
        return labels

    def explained(self, error: FastinetError, head: bytes) -> FastinetError:
        """An error of the engine, saying what the stream is, and what can be done.

        Args:
            error: of the stream, not of an item.
            head: the first bytes of the stream, as the engine has kept them.
        """
        return explained_stream(error, head)

    def check(self) -> None:
        """Raises ReadError if the file object failed while it was read."""
        if self._pump is not None and self._pump.failure is not None:
            raise ReadError(
                f"the file object cannot be read: {self._pump.failure!r}", archive=self.name
            ) from self._pump.failure


def _nothing() -> None:
    """Stands where there is nothing to close."""
