"""The digest of a file, taken piece by piece.

MD5 goes on where an interrupted run was, since our own MD5 can put its state aside. SHA-256 comes
from hashlib, which cannot: it is used only where no MD5 is published, for archives of some 1.2 GB,
and begins anew.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fastinet._native._digest import Md5
from fastinet.errors import ReadError

if TYPE_CHECKING:
    from pathlib import Path

    from fastinet.datasets.published import PublishedArchive

__all__ = ["FileDigest", "published_digest"]

_BUFFER_BYTES = 1 << 20


def published_digest(archive: PublishedArchive) -> tuple[str, str] | None:
    """(algorithm, digest in hexadecimal) to compare with: MD5 where there is one."""
    if archive.md5 is not None:
        return "MD5", archive.md5
    if archive.sha256 is not None:
        return "SHA-256", archive.sha256
    return None


class FileDigest:
    """The digest of the file's first `position` bytes."""

    def __init__(self, path: Path, algorithm: str, state: str = "", position: int = 0) -> None:
        """Of no bytes yet, or of the first `position` bytes, for which `state` stands."""
        self.algorithm = algorithm
        self._path = path
        self._sha256 = hashlib.sha256()
        resumed = algorithm == "MD5" and state != ""
        self._md5 = Md5(bytes.fromhex(state)) if resumed else Md5()
        self.position = position if resumed else 0

    @property
    def state(self) -> str:
        """For another process to go on; "" where it has to begin anew."""
        return self._md5.state().hex() if self.algorithm == "MD5" else ""

    def advance(self, end: int) -> None:
        """Takes in the bytes up to `end`, or none where it is there already.

        Raises:
            ReadError: the file cannot be read, or ends before.
        """
        if self.position >= end:
            return
        update = self._md5.update if self.algorithm == "MD5" else self._sha256.update
        buffer = memoryview(bytearray(min(_BUFFER_BYTES, end - self.position)))
        try:
            with self._path.open("rb", buffering=0) as file:
                file.seek(self.position)
                while self.position < end:
                    count = file.readinto(buffer[: end - self.position])
                    if not count:
                        raise ReadError(
                            "the file has become shorter while it was verified",
                            archive=str(self._path),
                            offset=self.position,
                        )
                    update(buffer[:count])
                    self.position += count
        except OSError as error:
            if isinstance(error, ReadError):
                raise
            raise ReadError(
                f"cannot be read: {error.strerror}", archive=str(self._path), offset=self.position
            ) from error

    def hexdigest(self) -> str:
        """In hexadecimal."""
        return self._md5.hexdigest() if self.algorithm == "MD5" else self._sha256.hexdigest()
