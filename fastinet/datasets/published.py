"""What is published of each archive: sizes, checksums, and how much is in it.

Nothing here is needed to read an archive; ``fastinet verify`` compares with it. It holds what two
independent sources or a checksum confirm, and leaves out the rest: of some archives the exact size
was never published, of fall11_whole.tar no checksum. The sources are the download page of
image-net.org as public readmes copy it, torchvision (``datasets/imagenet.py``), TensorFlow Datasets
(``imagenet2012``, ``imagenet_v2``, ``imagenet_a``, ``imagenet_r``), the readmes of the development
kit and of ImageNet-21K-P (Alibaba-MIIL), timm's class lists, and of ImageNet-A, -C, -O and -R
pytorch-ood and the authors' repositories.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.objectnet_classes import objectnet_classes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = [
    "CLASS_LISTS",
    "CORRUPTIONS",
    "PUBLISHED",
    "PublishedArchive",
    "PublishedSplit",
    "imagenet1k_subset_wnids",
    "imagenet21k_p_wnids",
    "imagenet22k_wnids",
    "lists_with_class",
    "lists_with_classes",
    "published_candidates",
    "published_classes",
]


@dataclass(frozen=True)
class PublishedSplit:
    """What is known of one split; None: nothing that is confirmed."""

    name: str
    """As :attr:`fastinet.Dataset.split`."""
    images: int | None = None
    classes: int | None = None
    images_per_class: tuple[int, int] | None = None
    """Of the class with the fewest, and of the one with the most."""
    class_list: str = ""
    """Which wnids its classes are, for :func:`published_classes`; "": not known."""

    @property
    def wnids(self) -> tuple[str, ...] | None:
        """The classes in label order, sorted by wnid; None where no list of them is known."""
        return published_classes(self.class_list) if self.class_list else None


@dataclass(frozen=True)
class PublishedArchive:
    """One release of one archive; None and empty: nothing that is confirmed."""

    name: str
    """File name as published."""
    family: str
    """As :attr:`fastinet.Dataset.family` of archives of images; else "devkit", "boxes", "real"."""
    title: str
    """What it is, in a few words."""
    aliases: tuple[str, ...] = ()
    """Other file names under which it goes round."""
    bytes: int | None = None
    md5: str | None = None
    sha256: str | None = None
    class_tars: int | None = None
    """Inner tars, one a class."""
    members: int | None = None
    """Files in it, of archives that hold no images."""
    splits: tuple[PublishedSplit, ...] = ()
    member_sha256: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 by member name, without the top folder."""
    one_source: bool = False
    """Its size and checksum stand in one source only: that a file has them proves what it is, that
    it has not proves nothing."""
    is_called_by_a_word: bool = False
    """Its file name is one that other files may have, too: only of its family it tells anything."""


CORRUPTIONS = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
    "extra": ("speckle_noise", "gaussian_blur", "spatter", "saturate"),
}
"""The corruptions of ImageNet-C, by the tar that has them."""

_V2_SPLITS = (PublishedSplit("val", 10_000, 1000, (10, 10), "imagenet-1k"),)

PUBLISHED: tuple[PublishedArchive, ...] = (
    PublishedArchive(
        "ILSVRC2012_img_train.tar",
        "train",
        "ImageNet-1K, training images",
        bytes=147_897_477_120,
        md5="1d675b47d978889d74fa0da5fadfb00e",
        sha256="b08200a27a8e34218a0e58fde36b0fe8f73bc377f4acea2d91602057c3ca45bb",
        class_tars=1000,
        # The devkit's readme: "732 to 1300 images per synset".
        splits=(PublishedSplit("train", 1_281_167, 1000, (732, 1300), "imagenet-1k"),),
    ),
    PublishedArchive(
        "ILSVRC2012_img_train_t3.tar",
        "train",
        "ILSVRC2012 task 3, training images of dogs",
        md5="ccaf1013018ac1037801578038d370da",
    ),
    PublishedArchive(
        "ILSVRC2012_img_val.tar",
        "val",
        "ImageNet-1K, validation images",
        bytes=6_744_924_160,
        md5="29b22e2961454d5413ddabcf34fc5622",
        sha256="c7e06a6c0baccf06d8dbeb6577d71efff84673a5dbdd50633ab44f8ea0456ae0",
        splits=(PublishedSplit("val", 50_000, 1000, (50, 50), "imagenet-1k"),),
    ),
    PublishedArchive(
        "ILSVRC2012_img_test.tar",
        "test",
        "ImageNet-1K, test images as before 2019",
        md5="fe64ceb247e473635708aed23ab6d839",
        splits=(PublishedSplit("test", 100_000),),
    ),
    PublishedArchive(
        "ILSVRC2012_img_test_v10102019.tar",
        "test",
        "ImageNet-1K, test images since 10 October 2019",
        md5="e1b8681fff3d63731c599df9b4b6fc02",
        sha256="9cf7f8249639510f17d3d8a0deb47cd22a435886ba8e29e2b3223e65a4079eb4",
        splits=(PublishedSplit("test", 100_000),),
    ),
    PublishedArchive(
        "ILSVRC2012_devkit_t12.tar.gz",
        "devkit",
        "ILSVRC2012 development kit, tasks 1 and 2",
        aliases=("ILSVRC2012_devkit_t12.tar",),
        md5="fa75699e90414af021442c21a62c3abf",
        sha256="b59243268c0d266621fd587d2018f69e906fb22875aca0e295b48cafaa927953",
        member_sha256={
            "COPYING": "5f4d5e6ba018a1c22c12bcb5d7d9c42c5ffe9672ab0165491203a4111a0b4463",
            "data/ILSVRC2012_validation_ground_truth.txt": (
                "88d44095bd81cb785618db8e72eeb025fa1f646adf359d9b0efbf625244e0df3"
            ),
            "data/meta.mat": "e159ee2fe4bcc4d03e7429e7ff35e6ec553b2a901018b559f400a2b0ae117a30",
            "readme.txt": "5172745470d3c087804f037ef18a21973e8dbaa96535334f23e2a42256ff2f72",
        },
    ),
    PublishedArchive(
        "ILSVRC2012_bbox_train_v2.tar.gz",
        "boxes",
        "ImageNet-1K, boxes of training images",
        # TensorFlow's pipelines download it as annotations.tar.gz.
        aliases=("ILSVRC2012_bbox_train_v2.tar", "annotations.tar.gz"),
        md5="9271167e2176350e65cfe4e546f14b17",
        members=544_546,
    ),
    PublishedArchive(
        "ILSVRC2012_bbox_train_dogs.tar.gz",
        "boxes",
        "ILSVRC2012 task 3, boxes of training images",
        md5="61ebd3cc0e4793899a841b6b27f3d6d8",
    ),
    PublishedArchive(
        "ILSVRC2012_bbox_val_v3.tgz",
        "boxes",
        "ImageNet-1K, boxes of validation images",
        md5="f4cd18b5ea29fe6bbea62ec9c20d80f0",
        members=50_000,
    ),
    PublishedArchive(
        "ILSVRC2012_bbox_test_dogs.zip",
        "boxes",
        "ILSVRC2012 task 3, boxes of test images",
        md5="2dfdb2677fd9661585d17d5a5d027624",
    ),
    PublishedArchive(
        "winter21_whole.tar.gz",
        "train",
        "ImageNet-21K, release of winter 2021",
        md5="ab313ce03179fd803a401b02c651c0a2",
        class_tars=19_167,
        splits=(PublishedSplit("train", classes=19_167),),
    ),
    PublishedArchive(
        "fall11_whole.tar",
        "train",
        "ImageNet-22K, release of fall 2011",
        class_tars=21_841,
        # The 14,197,122 images of the web site are not what every reader of the tar counts.
        splits=(PublishedSplit("train", classes=21_841, class_list="imagenet22k"),),
    ),
    PublishedArchive(
        "imagenet21k_resized.tar.gz",
        "imagenet21k_p",
        "ImageNet-21K-P, of winter 2021",
        md5="c314e95f17e357b3e9cbf0a18ef7ecd6",
        splits=(
            PublishedSplit("train", 11_060_223, 10_450, class_list="imagenet21k-p"),
            PublishedSplit("val", 522_500, 10_450, (50, 50), "imagenet21k-p"),
            PublishedSplit("small_classes"),
        ),
    ),
    PublishedArchive(
        "imagenetv2-matched-frequency.tar.gz",
        "imagenet_v2",
        "ImageNet-V2 MatchedFrequency",
        bytes=1_264_079_360,
        sha256="f0c37fdf925916b19ea1323cd9a2208cdb6959ba2c32eef2a7fc393835c9ca7c",
        splits=_V2_SPLITS,
    ),
    PublishedArchive(
        "imagenetv2-threshold0.7.tar.gz",
        "imagenet_v2",
        "ImageNet-V2 Threshold0.7",
        bytes=1_249_906_176,
        sha256="32142bfe998f9cfa4141be691f6a80eeb1e27b24bd532a668eb08c26d98897a2",
        splits=_V2_SPLITS,
    ),
    PublishedArchive(
        "imagenetv2-top-images.tar.gz",
        "imagenet_v2",
        "ImageNet-V2 TopImages",
        bytes=1_245_927_936,
        sha256="85e4ace30f3f0d660152062254b8759dda66267b27f7ec0fd8d5768f1073a04b",
        splits=_V2_SPLITS,
    ),
    PublishedArchive(
        "imagenetv2-matched-frequency.tar.gz",
        "imagenet_v2",
        "ImageNet-V2 MatchedFrequency, as of 2020",
        bytes=1_253_959_680,
        sha256="a32004f9e773279307499059d320336a23ccdc62cb32063da29bae9bd04c122c",
        one_source=True,
    ),
    PublishedArchive(
        "imagenetv2-threshold0.7.tar.gz",
        "imagenet_v2",
        "ImageNet-V2 Threshold0.7, as of 2020",
        bytes=605_399_040,
        sha256="bf2e2d9b625ae29c6e44982928f36220af62359b74602a995518a06840d0d76e",
        one_source=True,
    ),
    PublishedArchive(
        "imagenetv2-topimages.tar.gz",
        "imagenet_v2",
        "ImageNet-V2 TopImages, as of 2020",
        bytes=606_351_360,
        sha256="1ced1ef684934a84af854658bc8ff9adbbec553631e6eef3535ef816c3d3b98f",
        one_source=True,
    ),
    *(
        PublishedArchive(
            f"{kind}.tar",
            "imagenet_c",
            f"ImageNet-C, {kind}",
            is_called_by_a_word=True,
            md5=md5,
            splits=tuple(
                PublishedSplit(f"{corruption}/{severity}", 50_000, 1000, (50, 50), "imagenet-1k")
                for corruption in sorted(CORRUPTIONS[kind])
                for severity in range(1, 6)
            ),
        )
        for kind, md5 in (
            ("noise", "e80562d7f6c3f8834afb1ecf27252745"),
            ("blur", "2d8e81fdd8e07fef67b9334fa635e45c"),
            ("weather", "33ffea4db4d93fe4a428c40a6ce0c25d"),
            ("digital", "89157860d7b10d5797849337ca2e5c03"),
            ("extra", "d492dfba5fc162d8ec2c3cd8ee672984"),
        )
    ),
    PublishedArchive(
        "imagenet-a.tar",
        "train",  # as other trees of class folders
        "ImageNet-A, natural adversarial examples",
        bytes=687_552_512,
        md5="c3e55429088dc681f30d81f4726b6595",
        sha256="3bb3632277e6ba6392ea64c02ddbf4dd2266c9caffd6bc09c9656d28f012589e",
        splits=(PublishedSplit("train", 7500, 200, class_list="imagenet-a"),),
    ),
    PublishedArchive(
        "imagenet-o.tar",
        "train",
        "ImageNet-O, images of classes outside ImageNet-1K",
        md5="86bd7a50c1c4074fb18fc5f219d6d50b",
        splits=(PublishedSplit("train", 2000, 200),),
    ),
    PublishedArchive(
        "imagenet-r.tar",
        "train",
        "ImageNet-R, renditions",
        bytes=2_191_079_936,
        md5="a61312130a589d0ca1a8fca1f2bd3337",
        sha256="18c6bf493b39a0d975d48e587437f562caab9c52ae6327dcfa9dd8eb54aa1b52",
        splits=(PublishedSplit("train", 30_000, 200, class_list="imagenet-r"),),
    ),
    PublishedArchive(
        "real.json",
        "real",
        "reassessed labels of the validation images",
        bytes=388_478,
        md5="c03b536b209b127cb61430fd1ce950d5",
        sha256="d83e9bff374c631aae8439eb064c7019acc56e1b3bc3f56b8380c2a710b0220b",
    ),
)
"""All that are known; several releases may have one name."""


def published_candidates(
    name: str,
    size: int | None = None,
    family: str | None = None,
    table: Sequence[PublishedArchive] = PUBLISHED,
) -> tuple[PublishedArchive, ...]:
    """What a file may be a copy of, the likeliest first.

    First those of exactly this size; then those of this name; then, for files that were renamed and
    for what was extracted, those of this family. Nothing that is of another family, where that is
    given.

    Args:
        name: file name without folder; of an extracted folder, its name.
        size: of the file [bytes]; None: it is no file.
        family: what its content shows it to be; None: not known.
        table: the archives to choose from.
    """
    ranked = []
    for archive in table:
        if family not in (None, archive.family):
            continue
        if size is not None and archive.bytes == size:
            rank = 0
        elif name.lower() in (known.lower() for known in (archive.name, *archive.aliases)) and (
            family is not None or not archive.is_called_by_a_word
        ):
            rank = 1
        elif family is not None:
            rank = 2
        else:
            continue
        ranked.append((rank, archive))
    return tuple(archive for _, archive in sorted(ranked, key=lambda pair: pair[0]))


def imagenet1k_subset_wnids(name: str) -> tuple[str, ...]:
    """The 200 wnids of "imagenet-a" or "imagenet-r", sorted.

    From the programs that evaluate on them, eval.py of hendrycks/natural-adv-examples and of
    hendrycks/imagenet-r.
    """
    import csv  # noqa: PLC0415 - for few archives
    import importlib.resources  # noqa: PLC0415

    path = importlib.resources.files(__package__) / "imagenet1k_subsets.tsv"
    rows = csv.DictReader(path.read_text("ascii").splitlines(), delimiter="\t")
    return tuple(row["wnid"] for row in rows if name in row["subsets"].split())


def imagenet22k_wnids() -> tuple[str, ...]:
    """The 21,841 wnids of ImageNet-22K, fall 2011, sorted. n04399382 (teddy) is not among them."""
    return tuple(_imagenet22k())


def imagenet21k_p_wnids(release: str = "winter21") -> tuple[str, ...]:
    """The classes of ImageNet-21K-P in label order, sorted by wnid.

    Args:
        release: "winter21" is what imagenet21k_resized.tar.gz holds: 10,450 classes, all of them
            also among the 11,221 of "fall11".
    """
    if release not in ("winter21", "fall11"):
        raise ValueError(f'release must be "winter21" or "fall11", not {release!r}')
    wanted = (release, "winter21")
    return tuple(wnid for wnid, last in _imagenet22k().items() if last in wanted)


def published_classes(name: str) -> tuple[str, ...]:
    """The classes, in label order, that a name stands for: sorted wnids.

    "imagenet1k", "imagenet22k" (fall 2011, 21,841 classes; also "imagenet21k" and "fall11"),
    "imagenet21k-p" (10,450, of winter 2021), "imagenet21k-p-fall11" (11,221), "imagenet-a" and
    "imagenet-r" (200 of imagenet1k each), "imagenet-v2", "imagenet-c" and "imagenet-sketch" (those
    of imagenet1k), "objectnet" (313, by their titles). Case, spaces, hyphens and underscores do not
    matter.

    Raises:
        ValueError: no list of that name is known.
    """
    letters = "".join(filter(str.isalnum, name.lower()))
    if letters in _CLASS_LISTS:
        return _CLASS_LISTS[letters]()
    if letters.startswith("winter21"):
        raise ValueError(
            "the 19,167 classes of winter21_whole were published as the archive alone, and no list"
            " of them is known; give the wnids (ds.classes of the opened archive), or"
            ' "imagenet22k", of whose 21,841 classes they are a part'
        )
    known = ", ".join(map(repr, (*CLASS_LISTS, *_SUBSETS, "objectnet")))
    raise ValueError(
        f"no list of classes is known as {name!r}; there are {known}, and wnids in label order,"
        " such as ds.classes, can be given"
    )


def lists_with_class(wnid: str) -> list[str]:
    """The names of those :data:`CLASS_LISTS` that have the class, the shortest list first."""
    return lists_with_classes([wnid])


def lists_with_classes(wnids: Iterable[str]) -> list[str]:
    """The names of those :data:`CLASS_LISTS` that have all of the classes, the shortest first."""
    wanted = set(wnids)
    return [name for name in CLASS_LISTS if wanted.issubset(published_classes(name))]


CLASS_LISTS = ("imagenet1k", "imagenet21k-p", "imagenet21k-p-fall11", "imagenet22k")
"""Names for :func:`published_classes`, one of each list, by length."""

_SUBSETS = ("imagenet-a", "imagenet-r")

_CLASS_LISTS: dict[str, Callable[[], tuple[str, ...]]] = {
    "imagenet1k": imagenet1k_wnids,
    "imagenetv2": imagenet1k_wnids,
    "imagenetc": imagenet1k_wnids,
    "imagenetsketch": imagenet1k_wnids,
    "imageneta": functools.partial(imagenet1k_subset_wnids, "imagenet-a"),
    "imagenetr": functools.partial(imagenet1k_subset_wnids, "imagenet-r"),
    "objectnet": lambda: tuple(each.title for each in objectnet_classes()),
    "imagenet21kp": imagenet21k_p_wnids,
    "imagenet21kpfall11": functools.partial(imagenet21k_p_wnids, "fall11"),
    "imagenet22k": imagenet22k_wnids,
    "imagenet21k": imagenet22k_wnids,
    "fall11": imagenet22k_wnids,
}


@functools.cache
def _imagenet22k() -> dict[str, str]:
    """The wnids of fall 2011, and the last release of 21K-P that each is in ("": in none).

    From timm's lists imagenet22k_synsets.txt and imagenet21k_miil(_w21)_synsets.txt.
    """
    import csv  # noqa: PLC0415 - for few archives
    import gzip  # noqa: PLC0415
    import importlib.resources  # noqa: PLC0415

    path = importlib.resources.files(__package__) / "imagenet22k_classes.tsv.gz"
    rows = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
    return {row["wnid"]: row["21k_p"] for row in csv.DictReader(rows, delimiter="\t")}
