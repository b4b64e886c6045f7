"""Hypothesis strategies for trees as people have them: splits, classes, junk, links, companions."""

from __future__ import annotations

from hypothesis import strategies as st
from support.trees import JPEG, PNG, EmptyFolder, Entry, HardLink, InnerTar, SymbolicLink

WNIDS = ("n01440764", "n01443537", "n02123045", "n15075141")

KNOWN_SPLITS = (
    *("train", "Train", "training", "TRAIN", "imagenet_train", "ILSVRC2012_img_train"),
    *("val", "Val", "VAL", "valid", "validation", "dev", "imagenet_val", "val_images"),
    *("test", "Test", "testing", "holdout"),
)
"""Folders whose names are usual spellings of a split's."""

DERIVED = ("train_canny", "val_canny", "train_backup", "train_1", "val-blurred", "canny", "extra")
"""Folders beside them that people put copies into."""

JUNK: tuple[tuple[str, bytes], ...] = (
    ("{folder}.DS_Store", b"Bud1"),
    ("{folder}._{base}", b"\x00\x05\x16\x07appledouble"),
    ("{folder}.{base}.AbC123", JPEG + b"partial"),
    ("{folder}.{base}", JPEG + b"hidden"),
    ("{folder}.ipynb_checkpoints/{base}", JPEG + b"notebook"),
    ("{folder}@eaDir/{base}/SYNOPHOTO_THUMB_M.jpg", JPEG + b"thumbnail"),
    ("$RECYCLE.BIN/{base}", JPEG + b"recycled"),
    ("lost+found/{base}", JPEG + b"lost"),
    ("__MACOSX/{folder}._{base}", b"\x00\x05\x16\x07appledouble"),
    (".git/{base}", JPEG + b"git"),
)
"""What other programs leave among images: how it is called beside one, and its content."""

OTHER_FILES: tuple[tuple[str, bytes], ...] = (
    ("README.txt", b"read me"),
    ("{folder}Thumbs.db", b"\xd0\xcf\x11\xe0"),
    ("{folder}words.csv", b"a,b"),
    ("LOC_synset_mapping.txt", b"n01440764 tench"),
)
"""Files that are no images by name or content."""


def content(number: int, magic: bytes = JPEG) -> bytes:
    """The beginning of an image, which no other number has."""
    return magic + number.to_bytes(4, "big")


_BASES = st.sampled_from(
    (
        *("{wnid}_{number}.JPEG", "{number}.jpg", "img {number}.v2.jpg", "{number}.PNG"),
        *("{wnid}_{number}", "é{number}.jpeg", "{number}.Jpeg", "-{number}+a.jpg"),
        *("\udcff{number}.jpg", f"{'long' * 30}{{number}}.jpg"),
    )
)


@st.composite
def class_folders(draw: st.DrawFn, splits: st.SearchStrategy[list[str]]) -> dict[str, Entry]:
    """Folders of splits with folders of classes with images in them; some may be empty."""
    tree: dict[str, Entry] = {}
    above = draw(st.sampled_from(("", "", "", "ILSVRC/Data/CLS-LOC/", "imagenet/")))
    number = 0
    for split in draw(splits):
        folder = f"{above}{split}/" if split else above
        counts = draw(st.dictionaries(st.sampled_from(WNIDS), st.integers(0, 2), max_size=3))
        for wnid, count in counts.items():
            if not count:
                tree[f"{folder}{wnid}"] = EmptyFolder()
            for _ in range(count):
                base = draw(_BASES).format(wnid=wnid, number=number)
                magic = PNG if base.endswith("PNG") else JPEG
                tree[f"{folder}{wnid}/{base}"] = content(number, magic)
                number += 1
    if not number:
        tree[f"{folder}{WNIDS[0]}/0.jpg"] = content(0)
        tree.pop(f"{folder}{WNIDS[0]}", None)
    return tree


@st.composite
def with_junk(draw: st.DrawFn, trees: st.SearchStrategy[dict[str, Entry]]) -> dict[str, Entry]:
    """What other programs and people leave, put beside images."""
    tree = draw(trees)
    images = [path for path, what in tree.items() if isinstance(what, bytes)]
    if not images:
        return tree
    for pattern, data in draw(st.lists(st.sampled_from(JUNK + OTHER_FILES), max_size=3)):
        folder, _, base = draw(st.sampled_from(images)).rpartition("/")
        path = pattern.format(folder=f"{folder}/" if folder else "", base=base)
        tree.setdefault(path, data)
    return tree


@st.composite
def with_links(draw: st.DrawFn, trees: st.SearchStrategy[dict[str, Entry]]) -> dict[str, Entry]:
    """Other names of images, in their own folders and elsewhere; links that lead outside."""
    tree = draw(trees)
    images = [path for path, what in tree.items() if isinstance(what, bytes)]
    if not images:
        return tree
    for number in range(draw(st.integers(0, 2))):
        target = draw(st.sampled_from(images))
        beside = draw(st.sampled_from(images))
        folder, _, _ = beside.rpartition("/")
        path = f"{folder}/link{number}.jpg" if folder else f"n01440764_{number}00.jpg"
        up = "../" * path.count("/")
        kind = draw(st.sampled_from(("hard", "hard", "symbolic", "folder", "outside", "absolute")))
        if kind == "folder":
            _add_link_to_folder(tree, target.rpartition("/")[0], draw(st.sampled_from(WNIDS)))
            continue
        tree[path] = {
            "hard": HardLink(target),
            "symbolic": SymbolicLink(up + target),
            "outside": SymbolicLink(f"{up}../elsewhere/{number}.jpg"),
            "absolute": SymbolicLink(f"/nonexistent/{number}.jpg"),
        }[kind]
    return tree


def _add_link_to_folder(tree: dict[str, Entry], folder: str, name: str) -> None:
    """Another name of a class folder, as a class beside it, unless there is such a class."""
    above = folder.rpartition("/")[0]
    path = f"{above}/{name}" if above else name
    if folder and not any(each == path or each.startswith(f"{path}/") for each in tree):
        tree[path] = SymbolicLink(folder.rpartition("/")[2])


SPLITS = st.one_of(
    st.just([""]),
    st.lists(st.sampled_from(KNOWN_SPLITS), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(KNOWN_SPLITS[:12] + DERIVED), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(("", "a", "b", *DERIVED)), min_size=1, max_size=3, unique=True),
)
"""The folders of one archive's splits; "": classes lie at the top."""

CLASS_TREES = class_folders(SPLITS)


@st.composite
def numbered_images(draw: st.DrawFn) -> dict[str, Entry]:
    """Validation and test images by number, flat or in class folders, and training images."""
    tree: dict[str, Entry] = {}
    for kind in draw(st.lists(st.sampled_from(("val", "test", "train")), min_size=1, unique=True)):
        folder = draw(st.sampled_from(("", f"{kind}/", f"{kind}/", "images/", f"{kind}set/")))
        in_classes = kind == "train" or (kind == "val" and draw(st.booleans()))
        numbers = draw(st.lists(st.integers(1, 50_000), min_size=1, max_size=4, unique=True))
        for number in numbers:
            wnid = WNIDS[number % len(WNIDS)]
            base = f"ILSVRC2012_{kind}_{number:08d}.JPEG"
            if kind == "train":
                base = f"{wnid}_{number}.JPEG"
            path = f"{folder}{wnid}/{base}" if in_classes else f"{folder}{base}"
            tree[path] = content(number + {"val": 0, "test": 1 << 20, "train": 1 << 21}[kind])
    return tree


@st.composite
def class_tars(draw: st.DrawFn) -> dict[str, Entry]:
    """A tar for each class, some without an image, as ILSVRC2012_img_train.tar has them."""
    tree: dict[str, Entry] = {}
    folder = draw(st.sampled_from(("", "", "train/")))
    counts = draw(st.dictionaries(st.sampled_from(WNIDS), st.integers(0, 2), min_size=1))
    counts[WNIDS[1]] = 1
    number = 0
    for wnid, count in counts.items():
        images = ((f"{wnid}_{number + i}.JPEG", content(number + i)) for i in range(count))
        tree[f"{folder}{wnid}.tar"] = InnerTar(tuple(images))
        number += count
    return tree


@st.composite
def with_tars(draw: st.DrawFn, trees: st.SearchStrategy[dict[str, Entry]]) -> dict[str, Entry]:
    """Tars beside what a tree has: downloads that were left there, more of it, tars of classes."""
    tree = draw(trees)
    images = [path for path, what in tree.items() if isinstance(what, bytes)]
    for number in range(draw(st.integers(1, 2))):
        above = draw(st.sampled_from(("", "", *images))).rpartition("/")[0]
        name = draw(st.sampled_from(("train", "val", "backup", "part-0", "images.v2", *WNIDS[1:3])))
        pattern = (
            "{wnid}/{number}.jpg" if len(name) < 9 or "." in name else f"{name}_{{number}}.JPEG"
        )
        pattern = draw(st.sampled_from((pattern, pattern, "{number}.jpg", "README.txt")))
        if name in WNIDS and above.rpartition("/")[2] in WNIDS:  # no class within a class
            above = above.rpartition("/")[0]
        files = []
        for image in range(draw(st.integers(0, 2))):
            base = pattern.format(wnid=draw(st.sampled_from(WNIDS)), number=image)
            files.append((base, content(1 << 22 | number << 4 | image)))
        path = f"{above}/{name}.tar" if above else f"{name}.tar"
        tree.setdefault(path, InnerTar(tuple(dict(files).items())))
    return tree


@st.composite
def flat_images(draw: st.DrawFn) -> dict[str, Entry]:
    """Images whose file names alone tell the class, as in Hugging Face's tars."""
    tree: dict[str, Entry] = {}
    pattern = draw(
        st.sampled_from(
            (
                *("{wnid}_{number}.JPEG", "{wnid}_{number}_{wnid}.JPEG"),
                *("ILSVRC2012_val_{number:08d}_{wnid}.JPEG", "images/{wnid}_{number}.jpg"),
                *("train\\{wnid}\\{number}.JPEG", "{wnid}\\{number}.JPEG"),
            )
        )
    )
    for number in range(1, draw(st.integers(2, 5))):
        wnid = draw(st.sampled_from(WNIDS))
        tree[pattern.format(wnid=wnid, number=number)] = content(number)
    return tree


@st.composite
def numbered_folders(draw: st.DrawFn) -> dict[str, Entry]:
    """ImageNet-V2's folders, which are called by labels."""
    above = draw(st.sampled_from(("imagenetv2-top-images-format-val/", "")))
    labels = draw(st.lists(st.integers(0, 999), min_size=1, max_size=4, unique=True))
    return {f"{above}{label}/{number}.jpeg": content(number) for number, label in enumerate(labels)}


@st.composite
def samples(draw: st.DrawFn) -> dict[str, Entry]:
    """WebDataset's samples: images with files beside them that have their names."""
    tree: dict[str, Entry] = {}
    kinds = draw(
        st.lists(
            st.sampled_from(("cls", "json", "txt", "seg.png", "webp")), max_size=3, unique=True
        )
    )
    in_folders = draw(st.booleans())
    lacking = draw(st.booleans())
    for number in range(draw(st.integers(1, 4))):
        label = draw(st.integers(0, 3))
        folder = f"{WNIDS[label]}/" if in_folders else ""
        dots = draw(st.sampled_from(("", "", ".v2")))
        tree[f"{folder}s{number:03d}{dots}.jpg"] = content(number)
        for kind in kinds:
            if lacking and number == 1:
                continue
            data = {
                "cls": str(label).encode(),
                "json": b'{"label": %d, "caption": "c"}' % label,
                "txt": b"a caption",
                "seg.png": content(number, PNG),
                "webp": b"RIFF....WEBP",
            }[kind]
            tree[f"{folder}s{number:03d}.{kind}"] = data
    return tree


@st.composite
def corrupted_images(draw: st.DrawFn) -> dict[str, Entry]:
    """ImageNet-C's layout: corruptions in severities, with class folders; some may be empty."""
    tree: dict[str, Entry] = {}
    aboves = draw(st.sampled_from(([""], ["", ""], ["Tiny-ImageNet-C/"], ["", "copy/"])))
    numbered = draw(st.booleans())
    number = 0
    for above in aboves:
        corruption = draw(st.sampled_from(("fog", "gaussian_noise", "plasma_noise")))
        for severity in draw(st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True)):
            folder = f"{above}{corruption}/{severity}"
            for wnid in draw(st.lists(st.sampled_from(WNIDS), min_size=1, max_size=2, unique=True)):
                number += 1
                if number > 1 and draw(st.integers(0, 5)) == 0:
                    tree[f"{folder}/{wnid}"] = EmptyFolder()
                    continue
                base = f"ILSVRC2012_val_{number:08d}" if numbered else f"test_{number}"
                tree[f"{folder}/{wnid}/{base}.JPEG"] = content(number)
    return tree


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Entry]:
    """ObjectNet's layout: folders by titles of classes, and its own files beside them."""
    top = draw(st.sampled_from(("objectnet-1.0/images/", "images/", "")))
    titles = ("alarm_clock", "air_freshener", "t-shirt", "wine_bottle")
    tree: dict[str, Entry] = {"mappings/folder_to_objectnet_label.json": b"{}"}
    for number in range(draw(st.integers(1, 5))):
        tree[f"{top}{draw(st.sampled_from(titles))}/{number:015x}.png"] = content(number, PNG)
    if draw(st.booleans()):
        tree["README"] = b"read me"
    return tree


@st.composite
def tiny_images(draw: st.DrawFn) -> dict[str, Entry]:
    """Tiny-ImageNet's layout: a file has the classes of the validation images."""
    top = draw(st.sampled_from(("tiny-imagenet-200/", "")))
    tree: dict[str, Entry] = {f"{top}wnids.txt": b"-"}
    lines = ""
    for number in range(draw(st.integers(1, 3))):
        wnid = draw(st.sampled_from(WNIDS))
        tree[f"{top}train/{wnid}/images/{wnid}_{number}.JPEG"] = content(number)
        tree[f"{top}val/images/val_{number}.JPEG"] = content(number + 10)
        tree[f"{top}test/images/test_{number}.JPEG"] = content(number + 20)
        lines += f"val_{number}.JPEG\t{draw(st.sampled_from(WNIDS))}\t0\t0\t9\t9\n"
    tree[f"{top}val/val_annotations.txt"] = lines.encode()
    return tree


UNREAD: tuple[tuple[str, Entry], ...] = (
    ("{folder}more.webp", b"RIFF....WEBP"),
    ("{folder}more.TIFF", b"-"),
    ("{folder}more", b"GIF89a"),
    ("{folder}more.JPEG", SymbolicLink("gone.JPEG")),
    ("{folder}more.png", SymbolicLink("/nonexistent/more.png")),
)
"""Images that nobody reads: of other formats, and links that lead to nothing."""


@st.composite
def with_unread(draw: st.DrawFn, trees: st.SearchStrategy[dict[str, Entry]]) -> dict[str, Entry]:
    """The same trees, half of them with images that are not read."""
    tree = draw(trees)
    images = [path for path, what in tree.items() if isinstance(what, bytes)]
    if images and draw(st.booleans()):
        pattern, what = draw(st.sampled_from(UNREAD))
        folder, slash, _ = draw(st.sampled_from(images)).rpartition("/")
        tree.setdefault(pattern.format(folder=folder + slash), what)
    return tree
