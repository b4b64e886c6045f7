"""Miniatures of the files that the documentation names, for the tests that run its code."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
from PIL import Image

from fastinet.datasets.published import published_classes
from fastinet.datasets.validation import validation_labels
from fastinet.testing.bounding_boxes import annotation_xml, write_boxes
from fastinet.testing.devkit import write_devkit
from fastinet.testing.ilsvrc import miniature_challenge, write_archive
from fastinet.testing.label_maps import label_map_files, write_label_maps
from fastinet.testing.robustness import (
    imagenet_a_members,
    imagenet_c_members,
    objectnet_members,
    tiny_imagenet_members,
)
from fastinet.testing.semantic_tree import write_semantic_tree
from fastinet.testing.webdataset import write_shards
from fastinet.testing.whole_archives import (
    imagenet21k_classes,
    imagenet21k_p_members,
    imagenet_v2_members,
    winter21_tar,
)

__all__ = ["TRAIN_IMAGES", "VAL_IMAGES", "write_documented_files"]

TRAIN_IMAGES = 5 * 51 + 2
"""One batch of 256, and one image more."""
VAL_IMAGES = 16


def write_documented_files(folder: Path) -> None:
    """Writes a miniature of every file that README and docs/ open."""
    challenge = miniature_challenge(per_class=51, val=VAL_IMAGES)
    train, val = challenge.official_train(), challenge.official_val()
    test = challenge.official_test()
    write_archive(folder / "ILSVRC2012_img_train.tar", train)
    write_archive(folder / "train.tar", train)
    dogs = {"n02105855.tar": train["n02105855.tar"], "n02012849.tar": train["n02012849.tar"]}
    write_archive(folder / "ILSVRC2012_img_train_t3.tar", dogs)
    write_archive(folder / "ILSVRC2012_img_val.tar", val)
    write_archive(folder / "ILSVRC2012_img_test.tar", test)
    write_archive(folder / "patch.tar", dict(list(test.items())[:2]))
    extracted = {name.removeprefix("ILSVRC/"): data for name, data in challenge.cls_loc().items()}
    write_archive(folder / "ILSVRC", extracted, form="folder")
    write_archive(folder / "imagenette2", challenge.class_tree(), form="folder")
    images = {
        f"{wnid}/{name}": data
        for wnid in challenge.train
        for name, data in list(challenge.train[wnid].items())[:1]
    }
    parts = {f"train.X{i % 4 + 1}/{key}": data for i, (key, data) in enumerate(images.items())}
    parts |= {f"val.X/{key}": data for key, data in images.items()}
    write_archive(folder / "imagenet100", parts, form="folder")
    write_archive(folder / "val_images.tar.gz", challenge.hugging_face("val"), form="tar.gz")
    labels = validation_labels()[:VAL_IMAGES]
    for name, year in (("ILSVRC2012_devkit_t12.tar.gz", 2012), ("ILSVRC2014_devkit.tar.gz", 2014)):
        write_devkit(folder / name, labels, year=year)  # type: ignore[arg-type]
    sets = [[int(label), 3] if item != 1 else [] for item, label in enumerate(labels)]
    (folder / "real.json").write_text(json.dumps(sets))

    whole = winter21_tar(imagenet21k_classes())
    (folder / "winter21_whole.tar.gz").write_bytes(gzip.compress(whole, 1))
    (folder / "1percent.txt").write_text("n01440764_10026.JPEG\nn02084071_3.JPEG\n")
    members = imagenet21k_p_members(classes=12)
    write_archive(folder / "imagenet21k_resized.tar.gz", members, form="tar.gz")
    wnids = sorted({name.split("/")[2] for name in members if "_train/" in name})
    parents = [-1] + [0] * (len(wnids) - 1)
    write_semantic_tree(folder / "imagenet21k_miil_tree.pth", wnids, parents)
    v2 = folder / "imagenetv2-matched-frequency.tar.gz"
    write_archive(v2, imagenet_v2_members())  # a plain tar, as the official one is
    write_archive(folder / "noise.tar", imagenet_c_members())
    write_archive(folder / "blur.tar", imagenet_c_members(("zoom_blur",)))
    write_archive(
        folder / "imagenet-a.tar", imagenet_a_members(published_classes("imagenet-a")[:6])
    )
    write_archive(folder, tiny_imagenet_members(), form="folder")
    write_archive(folder, objectnet_members(), form="folder")
    write_shards(folder / "shards", shards=147, images=300)

    keys = [
        f"{wnid}/{name.removesuffix('.JPEG')}"
        for wnid, images in challenge.train.items()
        for name in images
    ]
    boxes = {f"{key}.xml": annotation_xml((40, 40), [(key[:9], 1, 1, 30, 30)]) for key in keys}
    write_boxes(folder / "ILSVRC2012_bbox_train_v2.tar.gz", boxes)
    boxes = {
        f"val/ILSVRC2012_val_{number:08d}.xml": annotation_xml(
            (40, 40), [(challenge.val_wnid(number), 1, 1, 30, 30)]
        )
        for number in range(1, VAL_IMAGES + 1)
    }
    write_boxes(folder / "ILSVRC2012_bbox_val_v3.tgz", boxes)
    write_label_maps(folder / "relabel_imagenet.tar", label_map_files(keys))

    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (300, 400, 3), np.uint8)).save(folder / "image.jpg")
    np.save(folder / "logits.npy", rng.normal(size=(VAL_IMAGES, 1000)))
    np.save(folder / "logits_a.npy", rng.normal(size=(18, 1000)))
    np.save(folder / "logits_o.npy", rng.normal(size=(10, 1000)))
    np.save(folder / "boxes.npy", np.full((VAL_IMAGES, 4), (1, 1, 30, 30)))
    ids = range(1, VAL_IMAGES + 1)
    (folder / "predictions.txt").write_text("".join(f"{i} {i + 1} {i + 2}\n" for i in ids))
    (folder / "boxes.txt").write_text("".join(f"{i} 1 1 30 30\n" for i in ids))
    truth = folder / "ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("".join(f"{i}\n" for i in ids))
