"""Contact sheets as commands make them: from a batch to a file, with a word on what is missing."""

from __future__ import annotations

import types
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from fastinet.cli.output import literal, note, say
from fastinet.errors import FastinetError, FastinetWarning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    import fastinet
    from fastinet import Batch

NO_ERRORS: Mapping[int, Exception] = types.MappingProxyType({})


def first_batch(
    loader: fastinet.Loader | fastinet.StreamLoader,
) -> tuple[Batch | None, dict[int, Exception]]:
    """The first batch, and why rows of it are masked; no warning, since they are shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)
        batches: Iterator[Batch] = iter(loader)
        batch = next(batches, None)
        del batches  # which ends the epoch, so that it warns here
    return batch, {} if batch is None else batch.errors


def write_pictures(
    images: Sequence[NDArray[np.uint8] | None],
    captions: Sequence[Sequence[str]],
    output: str | Path,
    frames: Sequence[NDArray[np.float32]] | None = None,
    errors: Mapping[int, Exception] = NO_ERRORS,
    columns: int = 8,
) -> None:
    """Writes pictures as a contact sheet of so many columns.

    Those with an error are crossed out, and captioned with its cause. `frames` are boxes [n, 4] to
    draw on each: xmin, ymin, xmax, ymax in its pixels.
    """
    from fastinet.pixels.contact_sheet import contact_sheet  # noqa: PLC0415 - it needs Pillow

    sound = [None if row in errors else image for row, image in enumerate(images)]
    lines = [
        (_cause(errors[row]), *caption[1:]) if row in errors else caption
        for row, caption in enumerate(captions)
    ]
    sheet = contact_sheet(sound, lines, columns, frames=frames)
    try:
        sheet.save(Path(output), "PNG")
    except OSError as error:  # that of a full disk does not say which file it is
        raise OSError(error.errno, error.strerror, str(output)) from error


def _cause(error: Exception) -> str:
    """Why an item gave no picture, without the place, which is too long for a caption."""
    return error.cause if isinstance(error, FastinetError) else str(error)


def say_what_was_drawn(output: str, images: int, errors: Mapping[int, Exception]) -> None:
    """Names the images that gave no picture on stderr, and says how many there are."""
    for row in sorted(errors):
        note(f"[yellow]no picture:[/] {literal(errors[row])}")
    bad = f", {len(errors)} of them crossed: they gave no picture" if errors else ""
    say(f"{literal(output)}: {images} images{bad}")
