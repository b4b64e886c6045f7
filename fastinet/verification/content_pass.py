"""The pass over an archive's content: its digest, and every image in it.

Both go through the archive side by side, window by window, so that its bytes come from the disk
once: the digest on one thread, the images on all.
"""

from __future__ import annotations

import concurrent.futures
import functools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fastinet._native import _engine
from fastinet.base.limits import current_limits
from fastinet.base.threads import submitted
from fastinet.formats.not_images import explained_cause
from fastinet.sidecars.schema import Count, Hexadecimal
from fastinet.verification.known import INVALID
from fastinet.verification.report import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fastinet.base.progress import Progress
    from fastinet.verification.digests import FileDigest

__all__ = ["ContentPass", "Images", "PassState"]

# A moment's work, so that Ctrl-C is heard soon and little is lost.
_WINDOW_BYTES = 1 << 26
_WINDOW_IMAGES = 1024
_SAVING_SECONDS = 2.0

_JPEG_BYTE, _GZIP_BYTE = 0xFF, 0x1F  # what an image begins with


@dataclass
class PassState:
    """How far the pass has come, and what it has found: what the journal keeps of it."""

    position: Count = 0
    """Bytes of the file that are done."""
    images: Count = 0
    """How many images are done."""
    digest: Hexadecimal = ""
    """State of the digest."""
    findings: list[Finding] = field(default_factory=list)
    """What is wrong with the images so far."""
    four_components: list[str] = field(default_factory=list)
    """Keys of the JPEGs with four components (CMYK). A PNG has four where it has alpha, which is
    nothing to tell."""
    wrapped: list[str] = field(default_factory=list)
    """Keys of the images in a gzip wrapper."""


@dataclass(frozen=True)
class Images:
    """The images to look at, n of them, in the order in which they lie."""

    sources: Sequence[_engine.Source]
    archive: NDArray[np.int32]
    """[n] index into `sources`."""
    offsets: NDArray[np.uint64]
    sizes: NDArray[np.uint64]
    heads: NDArray[np.uint8]
    """[n, 8] first content bytes."""
    key: Callable[[int], str]
    """Name of image i."""

    def __len__(self) -> int:
        return len(self.sizes)

    def read_head(self, image: int, count: int) -> bytes:
        """Up to `count` of the first bytes of image `image`. Raises as a read of its archive."""
        source = self.sources[int(self.archive[image])]
        return source.read(int(self.offsets[image]), min(count, int(self.sizes[image])))

    @classmethod
    def none(cls) -> Images:
        """No images, for files of which only the digest is compared."""
        empty = np.zeros(0, np.uint64)
        return cls([], np.zeros(0, np.int32), empty, empty, np.zeros((0, 8), np.uint8), str)


class ContentPass:
    """One pass over the content: of one file with its digest, or of several archives without."""

    def __init__(
        self,
        images: Images,
        digest: FileDigest | None,
        file_bytes: int,
        *,
        decode: bool,
        threads: int,
        state: PassState,
    ) -> None:
        """Goes on from `state`; images are too large by the limits that hold here.

        Args:
            images: to look at.
            digest: of the file, as far as `state` says; None: none.
            file_bytes: of the file, where there is a digest.
            decode: every pixel, in place of headers alone.
            threads: for the images.
            state: where to begin.
        """
        self._images = images
        self._digest = digest
        self._decode = decode
        self._threads = threads
        self._limits = current_limits()
        self.state = state
        self._ends = np.cumsum(images.sizes, dtype=np.uint64).astype(np.int64)
        self._file_bytes = file_bytes
        self._table = _engine.ItemTable(
            images.sources, images.archive, images.offsets, images.sizes
        )

    @property
    def total(self) -> int:
        """Bytes that the pass goes through."""
        return self._file_bytes if self._digest is not None else self._image_bytes(len(self._ends))

    def run(self, progress: Progress | None, save: Callable[[PassState], None]) -> None:
        """Goes to the end; saves its state now and then, and when it is interrupted.

        Raises:
            ReadError: the digest's file cannot be read.
        """
        saved = time.monotonic()
        try:
            with concurrent.futures.ThreadPoolExecutor(1) as helper:
                for position, images in self._windows():
                    if progress is not None:
                        progress(self._done(), self.total)
                    self._window(helper, position, images)
                    if time.monotonic() - saved > _SAVING_SECONDS:
                        save(self.state)
                        saved = time.monotonic()
        except BaseException:
            save(self.state)
            raise
        if progress is not None:
            progress(self.total, self.total)

    def _windows(self) -> Iterator[tuple[int, int]]:
        """(bytes of the file, images) that are done when each window is."""
        count = len(self._images)
        if self._digest is None:
            while self.state.images < count:
                yield 0, min(self.state.images + _WINDOW_IMAGES, count)
            return
        while self.state.position < self._file_bytes or self.state.images < count:
            position = min(self.state.position + _WINDOW_BYTES, self._file_bytes)
            images = int(np.searchsorted(self._images.offsets, position))
            yield position, count if position == self._file_bytes else images

    def _window(self, helper: concurrent.futures.Executor, position: int, images: int) -> None:
        """Reads one window, and sets the state to its end when all of it is done.

        Args:
            helper: the thread that reads for the digest, beside the threads that look at images.
            position: bytes of the file that are done then.
            images: how many images are done then.
        """
        digest = self._digest
        reading = None if digest is None else submitted(helper, digest.advance, position)
        first = self.state.images
        components, failures = _engine.check_items(
            self._table,
            first,
            images - first,
            decode=self._decode,
            threads=self._threads,
            max_pixels=self._limits.pixels,
            max_scans=self._limits.scans,
        )
        if reading is not None:
            reading.result()
        heads = self._images.heads[first:images]
        four = first + np.flatnonzero((components == 4) & (heads[:, 0] == _JPEG_BYTE))
        wrapped = first + np.flatnonzero((components > 0) & (heads[:, 0] == _GZIP_BYTE))
        state = self.state
        # One assignment, so that Ctrl-C finds the state before the window or behind it.
        self.state = PassState(
            position,
            images,
            "" if digest is None else digest.state,
            state.findings + [self._judge(*failure) for failure in failures],
            state.four_components + [self._images.key(row) for row in four.tolist()],
            state.wrapped + [self._images.key(row) for row in wrapped.tolist()],
        )

    def _judge(self, image: int, code: str, cause: str, archive: str, offset: int) -> Finding:
        """The finding for an image that failed with a status of the core."""
        key = self._images.key(image)
        cause = explained_cause(
            cause,
            functools.partial(self._images.read_head, image),
            int(self._images.sizes[image]),
        )
        name = key.rpartition("/")[2].partition(".")[0]
        context = (archive, key, offset if offset >= 0 else None)
        if name in INVALID:
            return Finding("note", "odd image", f"no image, as in every copy: {cause}", *context)
        if code in ("io", "missing"):
            advice = "The disk or the network failed: look at its messages, then try again."
            return Finding("error", "unreadable image", cause, *context, advice, transient=True)
        if code == "out of memory":
            advice = "It says nothing of the image: try again with more memory, or fewer threads."
            return Finding("error", "unreadable image", cause, *context, advice, transient=True)
        if code == "too large":
            return Finding("warning", "unreadable image", cause, *context)
        kind = "damaged image" if code == "corrupt" else "unreadable image"
        advice = "Training skips or stops at it, as on_error= says; a sound copy has none such."
        return Finding("error", kind, cause, *context, advice)

    def _done(self) -> int:
        if self._digest is not None:
            return self.state.position
        return self._image_bytes(self.state.images)

    def _image_bytes(self, count: int) -> int:
        return int(self._ends[count - 1]) if count else 0
