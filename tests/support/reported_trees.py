"""Trees from bug reports, of fastinet and of others, that a property test is to try each time."""

from __future__ import annotations

from support.trees import JPEG, EmptyFolder, Entry, HardLink, SymbolicLink

TENCH, GOLDFISH, CAT = "n01440764", "n01443537", "n02123045"


def images(*paths: str) -> dict[str, Entry]:
    """An image at each path, each another one."""
    return {path: JPEG + path.encode() for path in paths}


REPORTED: dict[str, dict[str, Entry]] = {
    "validation spelled out": images(f"train/{TENCH}/1.JPEG", f"validation/{TENCH}/2.JPEG"),
    "capital letters": images(f"Train/{TENCH}/1.JPEG", f"Val/{TENCH}/2.JPEG"),
    "a prefix": images(f"train/{TENCH}/1.JPEG", f"imagenet_val/{TENCH}/2.JPEG"),
    "a holdout": images(f"train/{TENCH}/1.JPEG", f"holdout/{TENCH}/2.JPEG"),
    "val and validation": images(
        f"train/{TENCH}/1.JPEG", f"val/{TENCH}/2.JPEG", f"validation/{TENCH}/3.JPEG"
    ),
    "derived copies": images(
        *(f"{split}{kind}/{TENCH}/1.JPEG" for split in ("train", "val") for kind in ("", "_canny"))
    ),
    "a derived copy of the training images alone": images(
        f"train_canny/{TENCH}/1.JPEG", f"train_rgb/{TENCH}/1.JPEG"
    ),
    "derived copies below a split": images(f"val/canny/{TENCH}/1.JPEG", f"val/rgb/{TENCH}/1.JPEG"),
    "parts of a training set": images(f"part1/{TENCH}/1.JPEG", f"part2/{GOLDFISH}/1.JPEG"),
    "a backup": images(f"train/{TENCH}/1.JPEG", f"train_backup/{TENCH}/1.JPEG"),
    "two datasets": images(f"a/val/{TENCH}/1.JPEG", f"b/val/{TENCH}/1.JPEG"),
    "a small val": images(
        f"train/{TENCH}/1.JPEG", f"train/{GOLDFISH}/1.JPEG", f"val/{GOLDFISH}/1.JPEG"
    ),
    "a class whose images are held out": {
        **images(f"train/{GOLDFISH}/1.JPEG", f"val/{TENCH}/1.JPEG", f"val/{GOLDFISH}/1.JPEG"),
        f"train/{TENCH}": EmptyFolder(),
    },
    "an empty class alone": {**images(f"{GOLDFISH}/1.JPEG"), TENCH: EmptyFolder()},
    "a class with junk alone": {
        **images(f"train/{GOLDFISH}/1.JPEG"),
        f"train/{TENCH}/.DS_Store": b"Bud1",
    },
    "rsync in the middle": images(f"train/{TENCH}/1.JPEG", f"train/{TENCH}/.1.JPEG.AbC123"),
    "notebooks": images(
        f"train/{TENCH}/1.JPEG", f"train/{TENCH}/.ipynb_checkpoints/1-checkpoint.JPEG"
    ),
    "a disk station": images(
        f"train/{TENCH}/1.JPEG", f"train/{TENCH}/@eaDir/1.JPEG/SYNOFILE_THUMB_M.jpg"
    ),
    "a ZIP of macOS": {
        **images(f"train/{TENCH}/1.JPEG"),
        f"__MACOSX/train/{TENCH}/._1.JPEG": b"\x00\x05\x16\x07",
    },
    "a bin of Windows": images(f"train/{TENCH}/1.JPEG", f"$RECYCLE.BIN/{TENCH}/$R1.JPEG"),
    "files found after a crash": images(f"train/{TENCH}/1.JPEG", f"lost+found/{TENCH}_1.JPEG"),
    "one file in two classes, by a hard link": {
        **images(f"{TENCH}/{TENCH}_1.JPEG"),
        f"{GOLDFISH}/{TENCH}_1.JPEG": HardLink(f"{TENCH}/{TENCH}_1.JPEG"),
    },
    "a hard link that comes first": {
        **images(f"{GOLDFISH}/1.JPEG"),
        f"{TENCH}/1.JPEG": HardLink(f"{GOLDFISH}/1.JPEG"),
    },
    "one file in two classes, by a symbolic link": {
        **images(f"{TENCH}/{TENCH}_1.JPEG"),
        f"{GOLDFISH}/{TENCH}_1.JPEG": SymbolicLink(f"../{TENCH}/{TENCH}_1.JPEG"),
    },
    "a link to what comes later": {
        **images(f"{GOLDFISH}/1.JPEG"),
        f"{TENCH}/1.JPEG": SymbolicLink(f"../{GOLDFISH}/1.JPEG"),
    },
    "a subset of links that lead outside": {
        **images(f"train/{TENCH}/1.JPEG"),
        f"train/{TENCH}/2.JPEG": SymbolicLink("/nonexistent/imagenet/2.JPEG"),
    },
    "a class that is a link to another": {
        **images(f"train/{GOLDFISH}/1.JPEG"),
        f"train/{TENCH}": SymbolicLink(GOLDFISH),
    },
    "labels beside some images": {
        **images("a/1.jpg", f"{TENCH}/2.jpg", "a/3.jpg"),
        "a/1.cls": b"7",
        "a/3.cls": b"7",
    },
    "labels in class folders": {
        **images(f"{TENCH}/1.jpg", f"{GOLDFISH}/2.jpg"),
        f"{TENCH}/1.cls": b"0",
        f"{GOLDFISH}/2.cls": b"1",
    },
    "captions in class folders": {
        **images(f"{TENCH}/1.jpg", f"{GOLDFISH}/2.jpg"),
        f"{TENCH}/1.txt": b"a tench",
        f"{GOLDFISH}/2.json": b'{"caption": "a goldfish"}',
    },
    "names with dots": {
        **images("img0.v2.jpg", "img1.v2.jpg"),
        "img0.v2.cls": b"3",
        "img1.v2.cls": b"4",
    },
    "names with dots, and labels without": {
        **images("img0.v2.jpg", "img1.v2.jpg"),
        "img0.cls": b"3",
        "img1.cls": b"4",
    },
    "images and labels in folders of their own": {
        **images("images/1.jpg", "images/2.jpg"),
        "labels/1.cls": b"3",
        "labels/2.cls": b"4",
    },
    "validation images beside training images": {
        **images(f"train/{TENCH}/{TENCH}_1.JPEG", "val/ILSVRC2012_val_00000001.JPEG"),
        "LOC_val_solution.csv": b"ImageId,PredictionString",
    },
    "validation images in class folders": images(
        f"val/{TENCH}/ILSVRC2012_val_00000002.JPEG", f"val/{GOLDFISH}/ILSVRC2012_val_00000001.JPEG"
    ),
    "validation images among training images": images(
        f"train/{TENCH}/{TENCH}_1.JPEG", f"train/{TENCH}/ILSVRC2012_val_00000001.JPEG"
    ),
    "images at the top beside splits": images(f"{TENCH}/1.JPEG", f"val/{TENCH}/2.JPEG"),
    "nested class folders": images(f"train/{TENCH}/{GOLDFISH}/1.JPEG", f"train/{TENCH}/2.JPEG"),
    "a cat with a name of its own": images(f"train/{CAT}/tabby.png", f"train/{CAT}/tabby.jpg"),
}
"""What went wrong once, by what it is."""
