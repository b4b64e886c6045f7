"""`fastinet.open` and `fastinet.open_stream`.

They make a `Dataset` of archives on disk, or a `Stream` of an archive that arrives.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from fastinet._native import _scan
from fastinet._native._paths import known_split
from fastinet.archives.pump import Readable
from fastinet.archives.shards import why_missing
from fastinet.archives.tar_notes import ALLOW, EndMarker, check_end_markers, is_marker_required
from fastinet.base.progress_bar import drawn
from fastinet.base.warning import warn
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.companions import check_label_function
from fastinet.datasets.devkit import Devkit, read_devkit
from fastinet.datasets.names import Names
from fastinet.datasets.path_splits import ALL, find_split, lie_in_folder
from fastinet.datasets.scanned import names_around
from fastinet.errors import CorruptError, MissingError, ReadError, printable
from fastinet.items.class_numbering import GivenClasses, wnids_of
from fastinet.items.dataset import Dataset
from fastinet.items.discovery import (
    find_archives,
    keep_sidecars,
    patch_at,
    with_end_marker,
)
from fastinet.items.given_labels import (
    GivenLabels,
    refuse_strange_devkit,
)
from fastinet.items.index import obtain_listing
from fastinet.items.item_columns import ItemColumns
from fastinet.items.scanning import scan_archives
from fastinet.items.siblings import lacking_note, siblings_note
from fastinet.items.stream import Stream
from fastinet.sidecars.identity import content_hash
from fastinet.sidecars.places import given_index

if TYPE_CHECKING:
    from fastinet.base.progress import Progress
    from fastinet.datasets.companions import LabelFunction
    from fastinet.datasets.listing import Listing

__all__ = ["is_stream", "open", "open_stream"]

_DEFAULT = "train"


@overload
def open(  # type: ignore[overload-overlap]  # noqa: A001  # "-" is a str like any other
    path: Literal["-"] | Readable,
    *,
    split: str | None = None,
    labels: LabelFunction | None = None,
    classes: GivenClasses | None = None,
    end_marker: EndMarker = "required",
) -> Stream: ...
@overload
def open(  # noqa: A001
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    split: str | None = None,
    labels: GivenLabels | LabelFunction | None = None,
    devkit: str | os.PathLike[str] | Devkit | None = None,
    patch: str | os.PathLike[str] | None = None,
    index: bool | str | os.PathLike[str] = True,
    progress: Progress | bool | None = None,
    classes: GivenClasses | None = None,
    end_marker: EndMarker = "required",
) -> Dataset: ...
def open(  # noqa: A001  # read as fastinet.open
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Readable,
    *,
    split: str | None = None,
    labels: GivenLabels | LabelFunction | None = None,
    devkit: str | os.PathLike[str] | Devkit | None = None,
    patch: str | os.PathLike[str] | None = None,
    index: bool | str | os.PathLike[str] = True,
    progress: Progress | bool | None = None,
    classes: GivenClasses | None = None,
    end_marker: EndMarker = "required",
) -> Dataset | Stream:
    """Opens an archive, several, a folder of them, or the folder that one was extracted to.

    What it is shows from its content; docs/archives.md lists every archive that is recognised.

    The first time, the headers are scanned and an index is kept beside the archive
    (``<path>.fastinet``), or in the user's cache folder where that place cannot be written; later
    the index alone is read. Copies of the archive are known by size and samples of their content,
    so that sidecars copied with it serve there. Where nothing can be kept, a FastinetWarning says
    what was tried, and the open goes on without. Of processes that open it at once, one scans, and
    the others wait for it. An index that is stale, damaged or of another format version is built
    anew, and a :class:`~fastinet.errors.FastinetWarning` says so; so does one for members that are
    no items.

    An archive that arrives ("-" for standard input, a named pipe, a file object) is a
    :class:`~fastinet.Stream`, for one pass by a :class:`~fastinet.StreamLoader`: see
    :func:`fastinet.open_stream`, which takes what is left of the arguments then.

    Args:
        path: the archive or folder; a pattern like ``"train-{0000..0146}.tar"``, or a list of
            archives, for shards, which have one index, beside the first of them; or what an archive
            arrives by.
        split: which part of an archive that has several: "train", "val", "test", or as its folder
            is called, with a slash behind for the folder by this very name ("train/"); "all" takes
            all of them. Folders tell (:mod:`fastinet.datasets.path_splits` has the rule), the name
            of what was opened, and the names of images
            (``ILSVRC2012_val_00000001.JPEG``). None takes "train", and warns when there are others;
            where there are several others and no train, it is an error.
        labels: other labels for the split's items than the archive's own: a development kit, a
            ground truth, ReaL's ``real.json``, int [N], or a collection of ints for each item; see
            :meth:`Dataset.with_labels`. Or a function that gives the label of every image in the
            archive from its key, and from the contents of the other members of its WebDataset
            sample by their extensions: ``labels=lambda key, files: int(files["txt"])``. What it
            gives is not kept, so that each open scans the archive and asks again.
        devkit: a development kit that tells more of the classes: their WordNet parents, and the
            names of those that the package does not know. One that is given as `labels` does so,
            too.
        patch: a second archive, whose images take the place of those with the same file names in
            the first, as the patch of 2019 for the test images does. Members that replace
            no image are passed over with a warning.
        index: where the sidecars lie: the index, the seek index, checkpoints and duplicates. True
            as above; a path is that of the index, with the others beside it (``<index>.seek``, and
            so on), or of a folder, for all of them; False neither reads nor writes any, so that
            each open scans, and a gzip file is inflated once more.
        progress: called during a scan, here or in the process that is waited for, with (bytes
            passed, bytes in all); of a folder, (files looked at, files in all). It may raise to
            stop. True draws a bar, in a terminal or in a notebook's cell.
        classes: what labels number, in place of the archive's own classes: "imagenet1k", or what
            else :meth:`Dataset.with_classes` takes, as for ImageNet-A, whose 200 classes have
            labels 0 to 199 otherwise. Of a stream see :func:`fastinet.open_stream`.
        end_marker: "optional" also reads tars that end without their end-of-archive marker, inner
            ones too, as some programs write them. One that was cut between two members looks the
            same, so that this is for archives that are known to be whole. The index keeps it, and
            is then for those who give this, too. (Half a marker is read with a warning: it shows
            that all members came before.)

    Raises:
        MissingError: no such file, shards that are not all there, or a folder without images and
            class tars.
        ReadError: it cannot be read.
        CorruptError: it is no tar, is truncated or damaged, or holds no image.
        UnsupportedError: of a family or compression that fastinet does not read.
        ValueError: the archive has no such split, or `labels` or `classes` do not fit it, or
            `patch` is of another archive; a pattern whose braces do not match; or an argument that
            makes no sense for a stream.
        TypeError: `path` is none of these, or a function as `labels` does not take two arguments.
    """
    check_label_function(labels)
    marker_required = is_marker_required(end_marker)
    if is_stream(path):
        refused = {
            "devkit": devkit is not None,
            "patch": patch is not None,
            "index": index is not True,
            "progress": progress not in (None, False),
        }
        options: dict[str, Any] = {
            "classes": classes,
            "split": split,
            "labels": labels,
            "end_marker": end_marker,
        }
        return _opened_stream(path, options, [name for name in refused if refused[name]])
    if not isinstance(path, str | os.PathLike | Sequence):
        raise TypeError(f"path must be a path, several, '-' or a file object, not {path!r}")
    if path == "":  # an unset variable, which Path takes for the current folder
        raise MissingError("no such file or folder", archive="")
    absolute, sidecars, archives, notes = find_archives(path)
    function = labels if callable(labels) else None
    if patch is not None:
        archives.append(patch_at(Path(patch).absolute()))
        # The two together have an index of their own, beside that of the archive alone.
        sidecars = sidecars.renamed(lambda name: f"{name}+{archives[-1].name}")
    keeping = given_index(index)
    archives = with_end_marker(keep_sidecars(archives, keeping), required=marker_required)
    identities = [archive.identify() for archive in archives]
    sidecars = replace(sidecars, index=keeping, content=content_hash(identities))
    listing, kept_at = obtain_listing(
        # What a function gave is not kept; all else is.
        sidecars if function is None else replace(sidecars, index=False),
        identities,
        build=lambda progress: scan_archives(
            absolute, archives, progress, patched=patch is not None, label_function=function
        ),
        progress=drawn(progress, f"index of {printable(absolute.name)}"),
    )
    if marker_required:
        for each in listing.unmarked:  # kept by somebody who gave the other
            archive = archives[min(each.archive, len(archives) - 1)].path
            try:
                check_end_markers([_scan.Note(each.kind, each.name, each.offset)], str(archive))
            except CorruptError as error:
                raise error.advising(ALLOW) from None
    for note in (*notes, *listing.notes):  # these may say why there is no such split
        warn(f"'{absolute}': {note}")
    chosen, split_notes = _chosen_split(absolute, listing, split)
    if chosen != ALL:
        split_notes += lacking_note(listing, [name for name, _ in listing.splits].index(chosen))
    beside = siblings_note(absolute, listing, look_at_indexes=keeping is True)
    for note in (*split_notes, *beside):
        warn(f"'{absolute}': {note}")
    kit = devkit if devkit is None or isinstance(devkit, Devkit) else read_devkit(devkit)
    if kit is not None:
        refuse_strange_devkit(kit, [wnid for _, wnids in listing.splits for wnid in wnids])
    dataset = Dataset(
        str(absolute),
        ItemColumns.of(archives, listing),
        index=None if kept_at is None else str(kept_at),
        split=chosen,
        sidecars=sidecars,
        devkit=kit,
    )
    if classes is not None:
        dataset = dataset.with_classes(classes)
    return dataset if labels is None or callable(labels) else dataset.with_labels(labels)


def _opened_stream(source: Any, options: dict[str, Any], refused: Sequence[str]) -> Stream:
    """The stream of `source`; ValueError if there is an argument that is refused."""
    if options["labels"] is not None and not callable(options["labels"]):
        refused = [*refused, "labels that are no function of key and companions"]
    if refused:
        raise ValueError(f"{refused[0]} makes no sense for a stream, which passes once")
    return open_stream(source, **options)


def _chosen_split(path: Path, listing: Listing, wanted: str | None) -> tuple[str, list[str]]:
    """The name of the split to take, and what the user should hear about that.

    Raises:
        ValueError: there is no such split, or it is not plain which is meant.
    """
    names = [name for name, _ in listing.splits]
    shown = ", ".join(names)
    if wanted is None:
        if len(names) == 1:
            return names[0], []
        if _DEFAULT not in names:
            raise _refusal(
                f"'{path}' has several splits, {shown}, and none of them is plainly '{_DEFAULT}':"
                f" split= takes one of them, split='{ALL}' all"
            )
        others = ", ".join(name for name in names if name != _DEFAULT)
        return _DEFAULT, [f"this is its split '{_DEFAULT}'; split= takes the others: {others}"]
    if wanted == ALL:
        return names[0] if len(names) == 1 else ALL, []
    if wanted.endswith("/"):
        return names[_split_in_folder(path, listing, wanted)], []
    found = find_split(names, wanted)
    if not found:
        raise _refusal(f"'{path}' has no split '{wanted}'; it has {shown}")
    if len(found) > 1:
        several = ", ".join(names[number] for number in found)
        raise _refusal(f"'{path}' has several splits that '{wanted}' may mean: {several}")
    return names[found[0]], []


def _split_in_folder(path: Path, listing: Listing, wanted: str) -> int:
    """The split that has what is in the folder of this spelling, and nothing else.

    Raises:
        ValueError: there is none.
    """
    names = [name for name, _ in listing.splits]
    bounds = listing.key_offsets.astype(np.int64)
    keys = Names(listing.key_bytes, bounds[:-1], bounds[1:])
    inside = lie_in_folder(keys, wanted)
    if not inside.any():
        raise _refusal(
            f"'{path}' has no images in a folder '{wanted}'; it has the splits {', '.join(names)}"
        )
    of_items = listing.item_split
    if of_items is None:
        of_items = np.zeros(len(inside), np.int8)
    found = np.unique(of_items[inside]).tolist()
    if len(found) > 1:
        several = ", ".join(names[number] for number in found)
        raise _refusal(
            f"'{path}' has several splits in folders '{wanted}': {several}; split= takes one of"
            " these"
        )
    outside = np.flatnonzero((of_items == found[0]) & ~inside)
    if len(outside):
        name = names[found[0]]
        raise _refusal(
            f"'{path}' has images of the split '{name}' elsewhere than in a folder '{wanted}', too,"
            f" the first is '{keys[int(outside[0])]}'; split='{name}' takes them together"
        )
    return int(found[0])


def _refusal(message: str) -> ValueError:
    """The error with this message, whose names of folders may be any."""
    return ValueError(printable(message))


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
    classes: GivenClasses | None = None,
    split: str | None = None,
    labels: LabelFunction | None = None,
    name: str | None = None,
    end_marker: EndMarker = "required",
) -> Stream:
    """Opens an archive that arrives: nothing of it is kept, and nothing is needed but the stream.

    It may be any tar that :func:`fastinet.open` reads, tars of tars included, or a WebDataset
    shard; gzip is recognised by its first bytes. Tars may come one behind the other, as ``cat``
    sends them. Items come in the stream's order, number 0, 1, and so on.

    Members that follow one another and have the same path up to the first dot of the file name are
    one sample (up to the last dot where only that gives its images labels). If there is a label
    among them, a ``.cls`` or a ``.json`` that has one, or with `labels` outside of class folders,
    one image of it is an item: the one that is called .jpg, else .jpeg, else .png. Else all are.
    The sample's other files of up to 64 KiB are the item's companions. What else there is,
    second images among it, is counted and warned of. These are the items that :func:`fastinet.open`
    has of the same archive; members of a sample that do not follow one another, which it brings
    together, are an error in a stream.

    Args:
        source: "-" for standard input, the path of a named pipe or of a file to be read once, a
            descriptor, or a Python file object, which a thread then reads. The caller closes
            descriptors and file objects.
        classes: what labels number, which a stream cannot know before it ends: the name of a
            published list, "imagenet1k", "imagenet21k-p" or "imagenet22k" (which has all of
            ImageNet-21K's; see :func:`~fastinet.datasets.published.published_classes`), or wnids in
            label order, or the ``classes`` of a dataset. None does for labels of ``.cls`` and
            ``.json``, and for those among the 1000 of ImageNet-1K: of validation images and of
            ImageNet-V2. An item whose path has the wnid of its class is an error then.
        split: "train", "val", "test", or as a folder is called: only its items come, as if there
            were no others. "val/" is the folder by this very name, where others may be meant,
            "a/val/" one in a folder a, "./val/" the one at the top.
            The rule is that of :func:`fastinet.open`
            (:mod:`fastinet.datasets.path_splits`). None takes the split that the first item is of,
            and an item of another one is an error that names both; "all" takes everything.
        labels: a function of an item's key and companions (what has its name but for the
            extension, as ``{"cls": b"7"}``). None takes a ``.cls`` or ``.json`` companion's label,
            else the class that is the innermost folder that is a wnid, the label that is the folder
            of an image of ImageNet-V2, the wnid that the file name ends with, the published label
            of a validation image's number, -1 for a test image's, and else the wnid that the file
            name begins with. Labels by companions and by keys in one stream are an error.
        name: of the archive, where `source` has none: for messages, and as what is around the
            members, since all that is in ``train.tar`` is for training.
        end_marker: as of :func:`fastinet.open`.

    Raises:
        MissingError, ReadError: there is nothing at that path, or it cannot be opened.
        ValueError: no list of classes of that name, a class that comes twice, or no name for a
            split.
        TypeError: `source` or `classes` are none of these, or `labels` does not take two arguments.
    """
    check_label_function(labels)
    marker_required = is_marker_required(end_marker)
    wnids = imagenet1k_wnids() if classes is None else wnids_of(classes)
    if split is not None and not (isinstance(split, str) and split):
        raise ValueError(f"split must be the name of one, or of its folder, not {split!r}")

    def stream(
        source: int | Readable,
        found_name: str,
        own_file: io.FileIO | None = None,
        around: str | None = None,
    ) -> Stream:
        around = Path(name).name if name else around
        return Stream(
            source,
            name or found_name,
            wnids,
            labels,
            known_classes=classes is not None,
            split=split,
            around=None if around is None else known_split(names_around(around, [""])[0]),
            own_file=own_file,
            end_marker_required=marker_required,
        )

    if isinstance(source, int):
        return stream(source, f"descriptor {source}")
    if isinstance(source, str | os.PathLike):
        if source == "-":
            return stream(0, "standard input")
        path = Path(source)
        try:
            # Opening a named pipe waits for the process that writes to it.
            file = io.FileIO(path)
        except OSError as error:
            kind = MissingError if isinstance(error, FileNotFoundError) else ReadError
            advice = _why_no_stream(path) if isinstance(error, FileNotFoundError) else ""
            raise kind(f"cannot open: {error.strerror}{advice}", archive=str(path)) from error
        return stream(file.fileno(), str(path), file, path.name)
    if not callable(getattr(source, "read", None)):
        raise TypeError(
            f"source must be '-', a path, a descriptor or a file object, not {source!r}"
        )
    found_name = getattr(source, "name", None)
    if isinstance(found_name, int):  # of a pipe, as subprocess.Popen has it
        return stream(source, f"descriptor {found_name}", around=None)
    around = Path(found_name).name if isinstance(found_name, str) else None
    return stream(source, str(found_name or "file object"), around=around)


def _why_no_stream(path: Path) -> str:
    """What may be wrong with the path of a stream that is not there."""
    if "{" in path.name:
        return (
            f"; a stream is one file: fastinet.open takes patterns, or `cat {path.name} |` sends"
            ' all of them to fastinet.open_stream("-")'
        )
    return why_missing(path.absolute())
