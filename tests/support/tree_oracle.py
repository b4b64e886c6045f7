"""What is right for a tree of class folders, in plain Python: items, classes and splits.

It knows fastinet's rules and none of its code. Where a tree can be read in several ways, and
fastinet is free to refuse it or has rules of its own, it has no opinion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from support.trees import (
    JPEG,
    PNG,
    EmptyFolder,
    HardLink,
    InnerTar,
    SymbolicLink,
    Tree,
    folders_of,
)

SPELLINGS = {
    "train": {"train", "training", "trn"},
    "val": {"val", "valid", "validation", "dev"},
    "test": {"test", "testing"},
    "holdout": {"holdout"},
}
SAY_NOTHING = {"imagenet", "ilsvrc2012", "img", "images", "data"}
CORRUPTIONS = {"fog", "gaussian_noise"}
"""Of ImageNet-C's. Folders of other names are corruptions where the images have numbers."""
UNREAD = (".gif", ".webp", ".bmp", ".tif", ".tiff")
PROGRAMS_OWN = {"@eaDir", "$RECYCLE.BIN", "lost+found", "__MACOSX"}


@dataclass(frozen=True)
class Expected:
    """What a split must have."""

    items: tuple[tuple[str, bytes, int], ...]
    """(key, content, label) of each, in the order of the archive."""
    classes: tuple[str, ...]


def is_wnid(name: str) -> bool:
    return re.fullmatch("n[0-9]{8}", name) is not None


def is_junk(path: str) -> bool:
    """Whether it is hidden, or another program's own: in such a folder, or called so."""
    return any(part.startswith(".") or part in PROGRAMS_OWN for part in path.split("/"))


def content_at(tree: Tree, path: str) -> bytes | None:
    """The bytes of the file at the path, links followed; None where there is none."""
    what = tree.get(path)
    if isinstance(what, HardLink):
        return content_at(tree, what.to)
    if isinstance(what, SymbolicLink):
        parts: list[str] = list(PurePosixPath(path).parent.parts)
        for part in PurePosixPath(what.to).parts:
            if part == "/" or (part == ".." and not parts):
                return None  # it leads out of the tree
            parts = parts[:-1] if part == ".." else [*parts, part]
        return content_at(tree, "/".join(parts))
    return what if isinstance(what, bytes) else None


def is_image(path: str, content: bytes) -> bool:
    named = path.lower().endswith((".jpg", ".jpeg", ".png"))
    return named or content.startswith((JPEG[:3], PNG))


def known_split(folder: str) -> str | None:
    """The split that a folder of this name is of."""
    words = [word for word in re.split(r"[-_. ]+", folder.lower()) if word]
    while words and words[0] in SAY_NOTHING:
        words.pop(0)
    while words and words[-1] in SAY_NOTHING:
        words.pop()
    for split, spellings in SPELLINGS.items():
        if len(words) == 1 and words[0] in spellings:
            return split
    return None


def root_and_class(path: str) -> tuple[str, str]:
    """The path above the innermost class folder, and the class; "" where there is none."""
    folders = path.split("/")[:-1]
    for depth in reversed(range(len(folders))):
        if is_wnid(folders[depth]):
            return "/".join(folders[:depth]), folders[depth]
    return "/".join(folders), ""


def passed_over(tree: Tree) -> list[str]:
    """What lies in the tree and is none of its items, nor a file that belongs to one.

    That is junk, other files, and links to outside; not what CLS-LOC's archives and ObjectNet's
    have beside images.
    """
    is_objectnet = any(path.startswith("mappings/") for path in tree)
    items = {path for path in tree if is_item(tree, path)}
    samples = {sample_of(path) for path in items}
    return [
        path
        for path, what in tree.items()
        if not isinstance(what, EmptyFolder)
        and path not in items
        and sample_of(path) not in samples
        and "LOC_" not in path
        and not (is_objectnet and path.startswith(("mappings/", "README")))
    ]


def sample_of(path: str) -> str:
    """What files have in common that belong to one image: the path up to the name's first dot."""
    folder, _, base = path.rpartition("/")
    return f"{folder}/{base.partition('.')[0] or base}"


def is_item(tree: Tree, path: str) -> bool:
    """Whether it is an image that counts."""
    content = content_at(tree, path)
    return content is not None and not is_junk(path) and is_image(path, content)


def has_items(tree: Tree) -> bool:
    """Whether there is any."""
    return any(is_item(tree, path) for path in tree)


def is_class_tar(path: str) -> bool:
    return is_wnid(path.rpartition("/")[2].removesuffix(".tar"))


def without_closed_tars(tree: Tree) -> Tree:
    """The tree without the tars that nobody looks into: no class tars, and beside images."""
    others = {
        path: what
        for path, what in tree.items()
        if not isinstance(what, InnerTar) or is_class_tar(path)
    }
    has_class_tar = any(isinstance(what, InnerTar) and what.files for what in others.values())
    told = any(is_item(others, path) and re.search(r"(^|/)n[0-9]{8}[/_]", path) for path in others)
    has_labels = has_items(others) and any(path.endswith((".cls", ".json")) for path in others)
    return others if has_class_tar or told or has_labels else tree


def expected(tree: Tree, name: str) -> dict[str, Expected] | None:
    """What each split of the tree must have; None: no opinion.

    Args:
        tree: what is packed, or lies in a folder, in the order of the archive; inner tars as
            folders.
        name: of the folder, or of the tar without ".tar".
    """
    if any(path.endswith((".cls", ".json")) or "ILSVRC2012_" in path for path in tree):
        return None  # they may be labels, or tell splits
    items = [(path, content_at(tree, path)) for path in tree if is_item(tree, path)]
    if any(not root_and_class(path)[1] for path, _ in items):
        return None
    corrupted = [_corrupted(path) for path, _ in items]
    if any(corrupted):
        return _of_corruptions(tree, items) if all(corrupted) else None
    split_of = splits_of_roots({root_and_class(path)[0] for path, _ in items}, name)
    if split_of is None or not items:
        return None
    classes = set()
    for folder in folders_of(tree):
        root, wnid = root_and_class(f"{folder}/")
        if wnid and not is_junk(folder):
            if root not in split_of and not is_known(root, name):
                return None
            classes.add(wnid)
    table = tuple(sorted(classes))
    found: dict[str, list[tuple[str, bytes, int]]] = {}
    for path, content in items:
        root, wnid = root_and_class(path)
        found.setdefault(split_of[root], []).append((path, content, table.index(wnid)))
    return {split: Expected(tuple(rows), table) for split, rows in found.items()}


def _corrupted(path: str) -> tuple[str, str] | None:
    """The folder above, and the corruption and severity; None: it is none that is published."""
    found = re.fullmatch(r"(.*/)?([^/]+)/([1-9][0-9]?)/n[0-9]{8}/[^/]*", path)
    return (found[1] or "", f"{found[2]}/{found[3]}") if found and found[2] in CORRUPTIONS else None


def _of_corruptions(
    tree: Tree, items: list[tuple[str, bytes | None]]
) -> dict[str, Expected] | None:
    """What is right where each corruption in a severity is a split; None: no opinion."""
    folders = {each: place for each in folders_of(tree) if (place := _corrupted(f"{each}/"))}
    if len({above for above, _ in folders.values()}) > 1:
        return None  # one corruption may be in two folders
    table = tuple(sorted({each.rpartition("/")[2] for each in folders}))
    found: dict[str, list[tuple[str, bytes, int]]] = {}
    for path, content in items:
        place = _corrupted(path)
        assert place is not None
        assert content is not None
        label = table.index(root_and_class(path)[1])
        found.setdefault(place[1], []).append((path, content, label))
    return {split: Expected(tuple(rows), table) for split, rows in found.items()}


def unread(tree: Tree) -> list[str]:
    """What looks like an image and is none that is read: another format, a link without a file."""
    found = []
    for path, what in tree.items():
        content = content_at(tree, path)
        is_lost = isinstance(what, SymbolicLink) and content is None
        if is_junk(path) or isinstance(what, EmptyFolder):
            continue
        if is_lost and path.lower().endswith((".jpg", ".jpeg", ".png")):
            found.append(path)
        if content is not None and not is_image(path, content):
            looks = path.lower().endswith(UNREAD) or content.startswith(b"GIF8")
            found += [path] if looks else []
    return found


def splits_of_roots(roots: set[str], name: str) -> dict[str, str] | None:
    """The split that each root is; None: no opinion."""
    if not all(is_known(root, name) for root in roots):
        # One root of any name is all there is, and is for training.
        is_all = len(roots) == 1 and not known_split(name)
        return dict.fromkeys(roots, "train") if is_all else None
    folders = {root: folder_of(root, name) for root in roots}
    if len(set(folders.values())) < len(folders):
        return None  # two folders of one name
    spellings = [known_split(folder) for folder in folders.values()]
    return {
        root: str(known_split(folder)) if spellings.count(known_split(folder)) == 1 else folder
        for root, folder in folders.items()
    }


def folder_of(root: str, name: str) -> str:
    """The name of the root's innermost folder; of the top that of what is opened."""
    return root.rpartition("/")[2] or name


def is_known(root: str, name: str) -> bool:
    """Whether the root is called as a split is."""
    return known_split(folder_of(root, name)) is not None
