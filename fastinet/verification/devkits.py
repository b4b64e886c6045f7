"""Compares a development kit's files with the published ones, and reads them."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from typing import TYPE_CHECKING

from fastinet.datasets.devkit import read_devkit
from fastinet.errors import FastinetError, OutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastinet.datasets.published import PublishedArchive
    from fastinet.verification.findings import Findings

__all__ = ["check_devkit_files"]


def check_devkit_files(findings: Findings, path: Path, published: PublishedArchive | None) -> None:
    """Adds what is wrong with the kit at `path`: a folder, a tar or a compressed tar.

    A kit must be readable, and its files must have the digests that are `published`, if any are.
    """
    try:
        read_devkit(path)
    except OutOfMemoryError:
        raise  # it says nothing of the kit
    except FastinetError as error:
        findings.error("devkit", error.cause, member=error.member, offset=error.offset)
    if published is None:
        return
    missing = dict(published.member_sha256)
    try:
        for name, digest in _digests(path):
            expected = missing.pop(_known_name(name, missing), digest)
            if digest != expected:
                findings.error(
                    "damaged member", f"its SHA-256 is {digest}, not {expected}", member=name
                )
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        findings.error("devkit", f"it cannot be read to its end: {error}")
    for name in missing:
        findings.error("missing members", f"{name} is missing", member=name)


def _known_name(name: str, names: dict[str, str]) -> str:
    """The one of `names` that is `name` without its top folders; "" where there is none."""
    return next((known for known in names if f"/{name}".endswith(f"/{known}")), "")


def _digests(path: Path) -> Iterator[tuple[str, str]]:
    """(name, SHA-256) of every file."""
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file():
                name = file.relative_to(path).as_posix()
                yield name, hashlib.sha256(file.read_bytes()).hexdigest()
        return
    with tarfile.open(path) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name.removeprefix("./"), hashlib.sha256(content.read()).hexdigest()
