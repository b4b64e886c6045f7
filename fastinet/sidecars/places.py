"""Where the sidecars of an archive lie: beside it, in the user's cache folder, or where told.

=================  =================================================================================
beside it          ``train.tar.fastinet``; others have one more suffix, ``train.tar.fastinet.seek``
beside its target  where the path is a symbolic link or leads through one
the cache folder   ``train.tar-<hash>.fastinet``; the hash is of the archive's content, so that
                   every copy finds it, wherever it lies. Earlier versions had one of its path.
=================  =================================================================================

The first place that has a usable sidecar serves; a new one is kept in the first that can be written
to. ``index=`` as the user gave it takes the place of all these.

Sidecars are believed where they belong to the user, the super-user or the archive's owner
(:mod:`fastinet.sidecars.owners`). One that belongs to somebody else is left where it is, and
another is made in the next place. The cache folder is the user's own or it is not used: one that
belongs to another user (but the super-user), or that everybody may write to, counts as absent. So
does one whose path is not known or not absolute.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from fastinet.sidecars.owners import Owners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["SUFFIX", "Sidecars", "given_index", "is_sidecar", "make_folder", "shown_failures"]

SUFFIX: Final = ".fastinet"
"""Of the index; other sidecars have one more: ``.fastinet.checkpoints``."""

_KINDS = (
    "checkpoints",
    "seek",
    "boxes",
    "label_maps",
    "duplicates",
    "verify",
    "walk",
    "lock",  # fastinet.sidecars.turns
    "tmp",  # fastinet.sidecars.replacing
)
_SIDECAR = re.compile(
    rf"{re.escape(SUFFIX)}((\..*)?\.({'|'.join(_KINDS)}))?\Z", re.DOTALL | re.ASCII
)


@dataclass(frozen=True)
class Sidecars:
    """Where the sidecars of one archive lie, or of several that are opened as one dataset."""

    path: Path
    """Of the archive, or what the sidecars of several are named by; made absolute."""
    index: bool | str = True
    """As the user said: True looks in the usual places; a path is that of the index, which the
    names of the others begin with, or of a folder (one that is there, or with a slash at its end)
    for all of them; False: nowhere."""
    content: str = ""
    """See :func:`fastinet.sidecars.identity.content_hash`; "": not known."""
    target: Path | None = None
    """What `path` would be without symbolic links; None: to be asked of the disk."""
    part: str = field(default="", kw_only=True)
    """Put behind the index's name where `index` is that path: which of several archives it is."""
    owners: Owners = field(default=Owners(), kw_only=True)
    """Whose sidecars are believed."""

    def places(self, suffix: str = "") -> tuple[Path, ...]:
        """Where a sidecar may be, best place first.

        Args:
            suffix: which sidecar, ``".checkpoints"``; "" is the index.
        """
        if self.index is False:
            return ()
        path = self.path.absolute()
        if self.index is not True:
            index = Path(self.index).absolute()
            if _is_folder(self.index):
                return (index / (path.name + SUFFIX + suffix),)
            return (index.with_name(index.name + self.part + suffix),)
        target = self.target or Path(os.path.realpath(path))
        beside = dict.fromkeys(
            each.with_name(each.name + SUFFIX + suffix) for each in (path, target)
        )
        cache, _ = _cache_folder()
        if cache is None:
            return tuple(beside)
        of_path = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        labels = [self.content, of_path] if self.content else [of_path]
        cached = (cache / f"{path.name}-{label}{SUFFIX}{suffix}" for label in labels)
        return (*beside, *cached)

    def places_of_own(self, suffix: str) -> tuple[Path, ...]:
        """Those of a sidecar that is the only one of its archive: a path given as index is its."""
        is_file = isinstance(self.index, str) and not _is_folder(self.index)
        return self.places("" if is_file else suffix)

    def renamed(self, rename: Callable[[str], str]) -> Sidecars:
        """The sidecars of archives that are named otherwise, in the same folders."""
        target = self.target or Path(os.path.realpath(self.path.absolute()))
        return replace(
            self,
            path=self.path.with_name(rename(self.path.name)),
            target=target.with_name(rename(target.name)),
        )

    def advice(self) -> str:
        """What a user can do where a sidecar can be kept nowhere."""
        if self.index is not True:
            return "index= may name another place"
        _, reason = _cache_folder()
        cache = f"{reason}; " if reason else ""
        return (
            f"{cache}index=PATH keeps it in a place of your own, and XDG_CACHE_HOME may name a "
            "folder that can be written"
        )


def _cache_folder() -> tuple[Path | None, str]:
    """The folder for sidecars in the user's cache folder; or None, and why it cannot be used."""
    try:
        own = platformdirs.user_cache_path("fastinet", appauthor=False)
    except (OSError, RuntimeError, KeyError) as error:  # no home, or a user id without a name
        return None, f"the user's cache folder is not known ({error})"
    if not own.is_absolute():  # "~" stays where nobody knows the home
        return None, f"the user's cache folder is not known (it would be '{own}': is HOME set?)"
    folder = own / "indexes"
    trusted = {0, os.geteuid()}
    for place in (folder, *folder.parents):
        try:
            status = place.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            return None, f"the cache folder '{folder}' cannot be used ({error.strerror})"
        if not stat.S_ISDIR(status.st_mode):
            return None, f"the cache folder '{folder}' cannot be used ('{place}' is no folder)"
        if status.st_uid not in trusted:
            whose = f"'{place}' belongs to another user, {status.st_uid}"
            return None, f"the cache folder '{folder}' is not used ({whose})"
        if place == folder and status.st_mode & stat.S_IWOTH:
            return None, f"the cache folder '{folder}' is not used (everybody can write to it)"
        if place != folder:
            break
    return folder, ""


def given_index(index: bool | str | os.PathLike[str]) -> bool | str:
    """What a user gave as ``index=``, as :class:`Sidecars` takes it."""
    if isinstance(index, bool):
        return index
    return os.path.join(os.getcwd(), os.fspath(index))  # noqa: PTH109, PTH118  # a slash stays


def _is_folder(index: str) -> bool:
    """Whether a path that a user gave as ``index=`` means a folder."""
    return index.endswith(os.sep) or os.path.isdir(index)  # noqa: PTH112  # it never raises


def make_folder(folder: Path) -> None:
    """Makes a folder for sidecars, and those above it, where there is none; OSError if it cannot.

    It is not for everybody to write to, whatever the umask: one in the cache would not be used.
    """
    folder.mkdir(mode=0o775, parents=True, exist_ok=True)


def shown_failures(failures: Iterable[tuple[Path, OSError]]) -> str:
    """What was tried, and why it failed; a folder stands there once."""
    causes: dict[tuple[Path, str], Path] = {}
    for place, error in failures:
        causes.setdefault((place.parent, error.strerror or str(error)), place)
    return "; ".join(f"'{place}': {cause}" for (_, cause), place in causes.items())


def is_sidecar(name: str) -> bool:
    """Whether a file of this name is an index, or lies beside one, and is none of the user's."""
    return _SIDECAR.search(name) is not None
