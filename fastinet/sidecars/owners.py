"""Whose sidecars are believed: one's own, the super-user's, and those of the archive's owner.

A checksum shows damage, and every value in a sidecar is checked to be possible. That the labels in
it are the right ones shows nowhere: whoever can write a file beside an archive can make one whose
labels are permuted. In a folder that several users write to that is everybody. So it counts whose
file it is, as git asks before it follows a folder's settings (``safe.directory``). The owner of the
archive could change that itself, so what he says of it is believed.

A sidecar that everybody may write to is believed where everybody may write to the archive, too: on
a file system without owners, say.

``FASTINET_TRUSTED_OWNERS`` names further users, by name or number, with commas between them; ``*``
stands for all.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from fastinet.sidecars.schema import UnusableSidecarError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import FileIO

__all__ = ["OWNERS_VARIABLE", "Owners", "Ownership", "UntrustedSidecarError"]

OWNERS_VARIABLE: Final = "FASTINET_TRUSTED_OWNERS"


class UntrustedSidecarError(UnusableSidecarError):
    """Another user could have written this sidecar. It is passed over, and not replaced either."""


class Ownership(NamedTuple):
    """Whose an archive is."""

    user: int
    everybody: bool
    """Whether all users may write to it."""

    @classmethod
    def of(cls, status: os.stat_result) -> Ownership:
        """That of the file with this status."""
        return cls(status.st_uid, bool(status.st_mode & stat.S_IWOTH))


@dataclass(frozen=True)
class Owners:
    """The users that a sidecar of some archives may belong to, besides this one and the super-user.

    Attributes:
        users: their numbers.
        everybody: whether all users may write to the archives.
    """

    users: frozenset[int] = frozenset()
    everybody: bool = False

    @classmethod
    def of(cls, archives: Iterable[Ownership]) -> Owners:
        """The users that each of these archives belongs to: as a rule one, or none."""
        found = set(archives)
        users = frozenset(each.user for each in found)
        return cls(
            users if len(users) == 1 else frozenset(),
            bool(found) and all(each.everybody for each in found),
        )

    def check(self, file: FileIO) -> None:
        """Refuses a sidecar that somebody else may have written.

        Raises:
            UntrustedSidecarError: its text says who, and what to do.
        """
        status = os.fstat(file.fileno())
        if not self._are_believed(status.st_uid):
            name = _name_of(status.st_uid)
            raise UntrustedSidecarError(
                f"belongs to the user {name}, who is neither you nor the owner of the archive, and"
                f" is not believed ({OWNERS_VARIABLE}={name} allows it)"
            )
        if status.st_mode & stat.S_IWOTH and not self.everybody and "*" not in _named():
            raise UntrustedSidecarError(
                "can be written by everybody, which the archive cannot, and is not believed"
                f" (`chmod o-w`, or {OWNERS_VARIABLE}=*, allows it)"
            )

    def _are_believed(self, user: int) -> bool:
        if user in (0, os.geteuid()) or user in self.users:
            return True
        named = _named()
        return "*" in named or str(user) in named or _name_of(user) in named


def _named() -> set[str]:
    """The users that the environment names."""
    return {name.strip() for name in os.environ.get(OWNERS_VARIABLE, "").split(",")} - {""}


def _name_of(user: int) -> str:
    """The user's name; the number where there is none."""
    try:
        return pwd.getpwuid(user).pw_name
    except (KeyError, OSError):
        return str(user)
