"""Shard patterns: many archives under one name, as WebDataset writes them."""

from __future__ import annotations

import glob
import hashlib
import itertools
import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from fastinet.base.checks import whole_number
from fastinet.base.paths import exists, is_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["expand_braces", "shard_paths", "sidecar_base", "title", "why_missing"]

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MOST_SHARDS = 1 << 20
_GLOB = re.compile(r"[*?]|\[[^\]/]+\]")


def expand_braces(pattern: str) -> list[str]:
    """The names that a pattern stands for, in order, as a shell expands braces.

    ``train-{0000..0002}.tar`` is train-0000.tar, train-0001.tar, train-0002.tar; the numbers are as
    wide as the wider end if one of them begins with a zero. ``{train,val}.tar`` is a list. Several
    braces multiply, the last one running fastest; braces within braces are not taken apart.

    Raises:
        ValueError: unmatched or nested braces, something else than numbers or a list in them, a
            range that runs backwards, or more than a million names.
    """
    parts = _BRACES.split(pattern)
    if any("{" in part or "}" in part for part in parts[::2]):
        raise ValueError(f"the braces in '{pattern}' do not match, or are nested")
    choices = [
        _choices(part, pattern) if number % 2 else [part] for number, part in enumerate(parts)
    ]
    count = math.prod(map(len, choices))
    whole_number(f"the number of shards in '{pattern}'", count, 1, _MOST_SHARDS)
    return ["".join(pieces) for pieces in itertools.product(*choices)]


def _choices(braces: str, pattern: str) -> list[str]:
    """What one pair of braces stands for."""
    numbers = _RANGE.fullmatch(braces)
    if numbers is None:
        if "," not in braces:
            raise ValueError(
                f"{{{braces}}} in '{pattern}' is neither numbers like {{00..31}} nor a list like"
                " {a,b}"
            )
        return braces.split(",")
    ends = numbers.groups()
    first, last = map(int, ends)
    if last < first:
        raise ValueError(f"the range {{{braces}}} in '{pattern}' runs backwards")
    whole_number(f"the number of shards in '{pattern}'", last - first + 1, 1, _MOST_SHARDS)
    padded = any(end.startswith("0") and len(end) > 1 for end in ends)
    width = max(map(len, ends)) if padded else 0
    return [str(number).zfill(width) for number in range(first, last + 1)]


def shard_paths(path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[Path]:
    """The absolute paths that a path, a pattern, or a list of either stands for; at least one.

    A name with braces is a pattern unless there is a file that is called so.

    Raises:
        ValueError: there is none, one stands there twice, or as :func:`expand_braces`.
    """
    if isinstance(path, str | os.PathLike):
        paths = _expanded(path)
    else:
        paths = [shard for part in path for shard in _expanded(part)]
    if not paths:
        raise ValueError("an empty list of archives")
    seen: set[Path] = set()
    for shard in paths:
        if shard in seen:
            raise ValueError(f"'{shard}' stands there twice: its items would come twice an epoch")
        seen.add(shard)
    return paths


def _expanded(path: str | os.PathLike[str]) -> list[Path]:
    name = os.fspath(path)
    if not ("{" in name or "}" in name) or exists(Path(name)):
        return [Path(name).absolute()]
    return [Path(shard).absolute() for shard in expand_braces(name)]


def title(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], paths: Sequence[Path]
) -> Path:
    """What several archives are called: by the pattern, or by the first one of a list."""
    if isinstance(path, str | os.PathLike):
        return Path(path).absolute()
    return paths[0].with_name(f"{paths[0].name} and {len(paths) - 1} more")


def sidecar_base(paths: Sequence[Path]) -> Path:
    """The path that the sidecars of several archives together are named by, beside the first.

    It has a hash over the archives' paths relative to the first: other archives have other
    sidecars, and all of them may move together.
    """
    first = paths[0]
    relative = [os.fsencode(os.path.relpath(path, first.parent)) for path in paths]
    digest = hashlib.sha256(b"\0".join(relative)).hexdigest()[:16]
    return first.with_name(f"{first.name}+{len(paths) - 1}-{digest}")


def why_missing(path: Path) -> str:
    """What may be wrong with the path of a file that is not there, with "; " before it; or "".

    Names that a shell would have expanded, and files beside it that differ in their numbers alone.
    """
    name = str(path)
    if found := _GLOB.search(name):
        matching = len(list(itertools.islice(glob.iglob(name), _MOST_SHARDS)))  # noqa: PTH207
        return (
            f"; {found[0]} is not expanded here: give a list, as sorted(glob.glob(...)) does, which"
            f" finds {matching} of that name; or numbers, as in train-{{0000..0146}}.tar"
        )
    if any(part.startswith("~") for part in path.parts):
        return "; ~ is not expanded here: os.path.expanduser does that"
    if "$" in name:
        return "; variables are not expanded here: os.path.expandvars does that"
    if "::" in name:
        return "; several archives are a list here, or a pattern like train-{0000..0146}.tar"
    if name != name.rstrip() and exists(Path(name.rstrip())):
        return f"; there is '{name.rstrip()}', without the white space behind it"
    folder = path.parent
    if not is_folder(folder):
        nearest = next(parent for parent in folder.parents if exists(parent))
        return f"; its folder is not there either: '{nearest}' is as far as the path leads"
    like_it = re.compile(re.sub(r"\d+", r"\\d+", re.escape(path.name)))
    try:
        siblings = sorted(each.name for each in folder.iterdir() if like_it.fullmatch(each.name))
    except OSError:
        return ""
    if not siblings:
        return ""
    shown = ", ".join([*siblings[:3], *(["..."] if len(siblings) > 3 else [])])
    return f"; beside it there are {len(siblings)} with other numbers: {shown}"
