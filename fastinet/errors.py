"""What can go wrong, as exceptions that name the archive, the member, the byte and the cause.

Every failure of the native core arrives here as a status code (``csrc/base/status.h``) and leaves
as one of these classes. *Corrupt* (the bytes break their own format's rules), *unsupported* (legal,
but not read by fastinet) and *too large* (legal, beyond a limit) are kept apart. Arguments that
make no sense raise plain :class:`ValueError`.
"""

from __future__ import annotations

import errno
import re
from typing import Any, Final

__all__ = [
    "CancelledError",
    "CorruptError",
    "FastinetError",
    "FastinetWarning",
    "InternalError",
    "MissingError",
    "OutOfMemoryError",
    "ReadError",
    "ThenError",
    "TooLargeError",
    "UnsupportedError",
    "from_status",
]


# C0 and C1 controls (Unicode, category Cc), line and paragraph separators (Zl, Zp), marks that set
# the direction of text (UAX 9, section 2), and surrogates.
_NOT_SHOWN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class FastinetWarning(UserWarning):
    """Something that fastinet did without being told to, and that the user should know of."""


class FastinetError(Exception):
    """Base of everything fastinet raises about data, as opposed to arguments.

    Attributes:
        cause: the sentence alone, without archive, member and byte.
        archive: path of the archive, or None.
        member: name of the member within it, or None.
        offset: byte offset in the archive (in the member's own bytes when no archive is named), or
            None.
    """

    def __init__(
        self,
        cause: str,
        *,
        archive: str | None = None,
        member: str | None = None,
        offset: int | None = None,
    ) -> None:
        super().__init__(_message(cause, archive, member, offset))
        self.cause = cause
        self.archive = archive
        self.member = member
        self.offset = offset

    def in_member(self, member: str) -> FastinetError:
        """A copy of this error that names the member, unless it names one already."""
        context = (self.archive, self.member or member, self.offset)
        return _rebuild(type(self), self.cause, *context)

    def in_archive(self, archive: str) -> FastinetError:
        """A copy of this error that names the archive, unless it names one already."""
        context = (self.archive or archive, self.member, self.offset)
        return _rebuild(type(self), self.cause, *context)

    def advising(self, advice: str) -> FastinetError:
        """A copy of this error whose cause ends with what can be done about it."""
        context = (self.archive, self.member, self.offset)
        return _rebuild(type(self), f"{self.cause}; {advice}", *context)

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call the class with the finished message as its cause.
        return _rebuild, (type(self), self.cause, self.archive, self.member, self.offset)


class CorruptError(FastinetError, ValueError):
    """The bytes break the rules of their own format: damaged, truncated, or not what they claim."""


class UnsupportedError(FastinetError, ValueError):
    """The bytes are legal, but fastinet does not read that kind."""


class TooLargeError(FastinetError, ValueError):
    """Legal, but beyond a limit."""


class OutOfMemoryError(TooLargeError, MemoryError):
    """Memory ran out, which says nothing of the data: with more of it they may be read.

    A `TooLargeError`, as which it came before it had a class of its own.
    """


class MissingError(FastinetError, FileNotFoundError):
    """A file or member that is not there."""

    errno = errno.ENOENT


class ReadError(FastinetError, OSError):
    """The operating system refused to open or read."""


class CancelledError(FastinetError):
    """The work was stopped on purpose."""


class InternalError(FastinetError):
    """A bug in fastinet; please report it."""


class ThenError(FastinetError):
    """The user's own function, `then=` of a loader, failed; ``__cause__`` is what it raised.

    Attributes:
        item: id of the item whose row it was given; of a batch, the first.
        epoch: of the row.
    """

    def __init__(
        self,
        cause: str,
        *,
        archive: str | None = None,
        member: str | None = None,
        offset: int | None = None,
        item: int | None = None,
        epoch: int | None = None,
    ) -> None:
        super().__init__(cause, archive=archive, member=member, offset=offset)
        self.item = item
        self.epoch = epoch

    def __reduce__(self) -> tuple[Any, ...]:
        return (*super().__reduce__(), {"item": self.item, "epoch": self.epoch})


# Keys are the names that StatusCodeName in csrc/base/status.cc gives.
_CLASSES: dict[str, type[FastinetError]] = {
    "corrupt": CorruptError,
    "unsupported": UnsupportedError,
    "too large": TooLargeError,
    "missing": MissingError,
    "io": ReadError,
    "cancelled": CancelledError,
    "internal": InternalError,
    "out of memory": OutOfMemoryError,
}


def from_status(
    code: str, cause: str, archive: str = "", member: str = "", offset: int = -1
) -> Exception:
    """The exception for a status of the native core.

    Args:
        code: name of the status code, as ``csrc/base/status.cc`` gives it.
        cause: the sentence.
        archive: path of the archive; "": not known.
        member: name of the member; "": not known.
        offset: byte offset; -1: not known.
    """
    context = {
        "archive": archive or None,
        "member": member or None,
        "offset": offset if offset >= 0 else None,
    }
    if code == "invalid argument":
        return ValueError(_message(cause, **context))  # type: ignore[arg-type]
    return _CLASSES.get(code, InternalError)(cause, **context)  # type: ignore[arg-type]


def _message(cause: str, archive: str | None, member: str | None, offset: int | None) -> str:
    """The message of an exception: archive, member and byte as far as they are known, and cause."""
    context = []
    if archive is not None:
        context.append(f"archive '{archive}'")
    if member is not None:
        context.append(f"member '{member}'")
    if offset is not None:
        context.append(f"byte {offset}")
    return printable(f"{', '.join(context)}: {cause}" if context else cause)


def _rebuild(
    kind: type[FastinetError],
    cause: str,
    archive: str | None,
    member: str | None,
    offset: int | None,
) -> FastinetError:
    """An error with these attributes: what `pickle` and the methods above make a copy by."""
    return kind(cause, archive=archive, member=member, offset=offset)


def printable(text: str) -> str:
    r"""`text` in one line: what would break it, or cannot be printed, as "\n", "\x1b", "\udcff".

    A name may have a line break, an escape sequence that a terminal obeys, a mark that turns the
    rest of the line around, or bytes that are no UTF-8, which Python keeps as surrogates and cannot
    print. Every message, warning and line of the command line goes through here on its way out;
    keys and attributes of errors stay what they are.
    """
    return _NOT_SHOWN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
