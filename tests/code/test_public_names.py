"""The public names: what users import, call and read stays, and what is new is listed here.

Each name of a public module stands in a table with its parameters in parentheses, and a class with
its methods, properties and documented attributes behind a colon. A class that only functions of the
package make ("Made by") has no parameters. A table says what must be there: parameters and members
may come, and a name that comes needs its line.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from typing import Any

import pytest

import fastinet
import fastinet.testing

PUBLIC = {
    "fastinet": {
        "Batch": (
            ": as_dict boxes companions copies crops epoch erased erased_pixels errors flips "
            "image_sizes images indices interpolations keys label_sets labels lighting number "
            "objects place replaced soft_labels steps valid vflips windows"
        ),
        "Boxes": ": boxes keys labels notes of path pixels sizes starts wnid_numbers wnids",
        "CenterCrop": (
            "(size, resize, interpolation, padding_mode, fill): fill interpolation padding_mode "
            "resize size"
        ),
        "ColorJitter": (
            "(brightness, contrast, saturation, hue): brightness contrast hue saturation"
        ),
        "Dataset": (
            ": build_checkpoints checkpoints classes companion_extensions companions companions_of "
            "devkit family index is_selection keys "
            "label_sets labels name path read select select_classes sizes skipped split "
            "split_items splits with_classes with_labels wnids"
        ),
        "Duplicates": (
            ": dataset first_copies first_items images items label_sets multi_label path "
            "without_copies"
        ),
        "ImageHeader": (
            "(format, width, height, components, bits_per_sample, progressive, arithmetic, "
            "sampling, restart_interval, quality, exif_orientation): arithmetic bits_per_sample "
            "components exif_orientation format height progressive quality restart_interval "
            "sampling width"
        ),
        "ItemBoxes": "(starts, boxes, labels): boxes labels starts",
        "ItemLabelMaps": (": axis classes dataset labels maps missing offsets sizes"),
        "LabelMaps": ": keys notes of offsets path shape size_bytes",
        "Loader": (
            "(dataset, batch_size, transform, *, shuffle, repeats, seed, draws, threads, affinity, "
            "dtype, layout, mean, std, exact, on_error, drop_last, pad_last, rank, world, prefetch,"
            " max_pixels, views, exif_orientation, boxes, soft_labels, window, block, sizes, "
            "record, then, log, log_every, out): affinity batch_sampler batch_size draws drop_last "
            "epoch failures load_state_dict on_error options output prefetch rank repeats sampler "
            "seed set_epoch state_dict stats threads transform transform_at world"
        ),
        "MultiCrop": "(*groups): groups",
        "Objects": (
            "(boxes, rows, views, labels, visible, indices): boxes indices labels rows views "
            "visible"
        ),
        "RandomCrop": (
            "(size, resize, padding, padding_mode, fill, hflip, vflip, interpolation, "
            "color_jitter, views, augment): augment color_jitter fill hflip interpolation padding "
            "padding_mode resize size vflip views"
        ),
        "RandomResizedCrop": (
            "(size, scale, ratio, interpolation, hflip, color_jitter, views, min_object_covered,"
            " augment, box_rule, vflip): augment box_rule color_jitter hflip interpolation "
            "min_object_covered needs_boxes ratio scale size vflip views"
        ),
        "Resize": "(size, interpolation): interpolation size",
        "SameCrop": (
            "(view, size, interpolation, augment, erase, lighting): augment erase interpolation "
            "lighting size view"
        ),
        "SemanticTree": (
            ": ancestors check depths level_classes level_depths level_weights names parents "
            "targets wnids"
        ),
        "SizePerBatch": "(sizes, rows, weights): draw rows sizes weights",
        "Stream": ": classes items label labels_of name skipped skipped_names",
        "StreamLoader": (
            "(stream, batch_size, transform, *, shuffle, window, repeats, seed, draws, epoch, "
            "threads, affinity, dtype, layout, mean, std, exact, on_error, drop_last, rank, world, "
            "prefetch, max_pixels, views, exif_orientation, record, then, log, log_every, out): "
            "affinity batch_size draws drop_last failures load_state_dict on_error options output "
            "prefetch rank repeats seed set_epoch state_dict stats threads transform world"
        ),
        "Then": (
            "(function, batch, random, shape, dtype, threads): batch dtype function random shape "
            "threads"
        ),
        "View": "(transform, count): count transform",
        "apply_steps": "(pixels, steps)",
        "augment": "",
        "build_info": "()",
        "concatenate": "(datasets)",
        "decode": (
            "(data, box, size, flip, exact, *, vflip, interpolation, transform, window, dtype, "
            "layout, mean, std, exif_orientation, max_pixels, out, steps, lighting)"
        ),
        "decode_batch": (
            "(images, boxes, size, flips, exact, *, vflips, threads, interpolation, transform, "
            "dtype, layout, mean, std, exif_orientation, max_pixels, out, steps)"
        ),
        "errors": "",
        "find_duplicates": "(dataset, *, threads, progress)",
        "imagenet5k": "(dataset, class_list, *, others)",
        "metrics": "",
        "mixing": "",
        "limits": "(*, pixels, scans, members, loader_bytes)",
        "Limits": ("(pixels, scans, members, loader_bytes): loader_bytes members pixels scans"),
        "recipe": "(name)",
        "recipes": "",
        "open": "(path, *, split, labels, devkit, patch, index, progress, classes)",
        "open_label_maps": "(path, *, index, progress)",
        "open_stream": "(source, *, classes, split, labels, name)",
        "read_boxes": "(path, *, index, progress)",
        "read_header": "(data, *, max_pixels)",
        "read_semantic_tree": "(path)",
        "verify": "(path, *, decode, digest, devkit, expect, published, again, threads, progress)",
    },
    "fastinet.augment": {
        "AugMix": (
            "(severity, mixture_width, chain_depth, all_ops, interpolation, fill, version, alpha): "
            "all_ops alpha chain_depth fill interpolation mixture_width severity timm version"
        ),
        "Augment": "",
        "AutoAugment": (
            "(policy, interpolation, fill, version): fill interpolation policy tensorflow "
            "timm version"
        ),
        "AutoContrast": "(p): p",
        "ColorJitter": (
            "(brightness, contrast, saturation, hue, p): brightness contrast hue p saturation"
        ),
        "ComposerRandAugment": (
            "(severity, depth, augmentation_set): augmentation_set depth severity"
        ),
        "Equalize": "(p): p",
        "EraseMode": "",
        "GaussianBlur": "(sigma, p, kernel): kernel p sigma",
        "Grayscale": "(p): p",
        "Invert": "(p): p",
        "Lighting": "(std): largest_shift std",
        "OneOf": "(operations, weights, p): operations p weights",
        "Operation": "(): ",
        "Posterize": "(bits, p): bits p",
        "RandAugment": (
            "(num_ops, magnitude, num_magnitude_bins, interpolation, fill, version): composer "
            "fill interpolation magnitude num_magnitude_bins num_ops tensorflow timm version"
        ),
        "RandomErasing": (
            "(p, scale, ratio, value, mode, count): count mode p ratio scale timm value"
        ),
        "Rotate": "(amount, interpolation, fill, p): amount fill interpolation p",
        "STEP_ARGUMENTS": "",
        "Sampling": "",
        "Shared": "(operations): operations",
        "Sharpness": "(factor, p): factor p",
        "ShearX": "(amount, interpolation, fill, p): amount fill interpolation p",
        "ShearY": "(amount, interpolation, fill, p): amount fill interpolation p",
        "Solarize": "(threshold, p): p threshold",
        "SolarizeAdd": "(addition, threshold, p): addition p threshold",
        "Step": "(op, arguments, sampling, fill): arguments fill op sampling",
        "TensorFlowAutoAugment": "(policy): policy",
        "TensorFlowRandAugment": "(num_layers, magnitude): magnitude num_layers",
        "ThreeAugment": "(jitter): jitter",
        "TimmAugment": "(config, interpolation, mean): config interpolation mean",
        "TranslateX": "(amount, interpolation, fill, p): amount fill interpolation p",
        "TranslateY": "(amount, interpolation, fill, p): amount fill interpolation p",
        "TrivialAugmentWide": (
            "(num_magnitude_bins, interpolation, fill, version): fill interpolation "
            "num_magnitude_bins version"
        ),
        "VerticalFlip": "(p): p",
        "draw_steps": "(augment, size, *, seed, epoch, item, view, interpolation, views, draws)",
        "erase": "(images, erased, value, *, layout)",
    },
    "fastinet.errors": {
        "CancelledError": ": advising archive cause in_archive in_member member offset",
        "CorruptError": ": advising archive cause in_archive in_member member offset",
        "FastinetError": ": advising archive cause in_archive in_member member offset",
        "FastinetWarning": ": ",
        "InternalError": ": advising archive cause in_archive in_member member offset",
        "MissingError": ": advising archive cause errno in_archive in_member member offset",
        "OutOfMemoryError": ": advising archive cause in_archive in_member member offset",
        "ReadError": ": advising archive cause in_archive in_member member offset",
        "ThenError": ": advising archive cause epoch in_archive in_member item member offset",
        "TooLargeError": ": advising archive cause in_archive in_member member offset",
        "UnsupportedError": ": advising archive cause in_archive in_member member offset",
        "from_status": "(code, cause, archive, member, offset)",
    },
    "fastinet.metrics": {
        "Accumulator": "(topk, *, duplicates): merge per_class result update",
        "LocatedGuesses": "(guesses, boxes): boxes guesses",
        "SemanticAccuracy": (
            "(accuracy, level_accuracies, level_items): accuracy level_accuracies level_items"
        ),
        "TrueBoxes": "(images, image, label, box): box image images label",
        "box_overlaps": "(boxes, others)",
        "class_columns": "(model, evaluation)",
        "evaluate": "(scores_or_ranked, labels, topk)",
        "flat_errors": "(guesses, labels)",
        "localization_errors": "(guesses, boxes, labels, truth, blacklist)",
        "located_guesses": "(predictions, boxes)",
        "read_blacklist": "(path)",
        "read_boxes": "(path, order)",
        "read_guesses": "(path, order)",
        "read_labels": "(path, order)",
        "read_located_guesses": "(path, order)",
        "real_labels": "(path)",
        "semantic_accuracy": "(scores, labels, tree)",
        "true_boxes": "(boxes, images)",
    },
    "fastinet.mixing": {
        "ColOut": (
            "(p_row, p_col, seed, layout): draw layout load_state_dict p_col p_row seed set_epoch "
            "state_dict"
        ),
        "CutMix": (
            "(classes, alpha, smoothing, seed, layout): alpha classes draw layout load_state_dict "
            "seed set_epoch smoothing state_dict"
        ),
        "InTurn": "(*ways): load_state_dict set_epoch state_dict",
        "Mixup": (
            "(classes, alpha, smoothing, seed): alpha classes draw load_state_dict seed set_epoch "
            "smoothing state_dict"
        ),
        "OneOf": "(*ways, *, weights, seed): draw load_state_dict set_epoch state_dict",
        "TimmMixup": (
            "(mixup_alpha, cutmix_alpha, cutmix_minmax, prob, switch_prob, mode, correct_lam, "
            "label_smoothing, num_classes, multi_label, *, seed, layout): draw load_state_dict "
            "set_epoch state_dict"
        ),
        "Unmixed": "(classes, smoothing): classes load_state_dict set_epoch smoothing state_dict",
        "Way": ": load_state_dict mixed set_epoch state_dict",
        "soft_labels": "(labels, classes, lam, smoothing)",
    },
    "fastinet.recipes": {
        "Mixing": (
            "(mixup, cutmix, switch, p, smoothing, colout): colout cutmix mixup p smoothing switch"
        ),
        "Recipe": (
            "(name, title, train, val, mixing, repeats, mean, std, sizes, source, note, "
            "not_verified): mean mixing name not_verified note repeats sizes source std title "
            "train train_options val val_options"
        ),
        "names": "()",
        "recipe": "(name)",
    },
    "fastinet.distributed": {
        "rank_and_world": "(rank, world)",
    },
    "fastinet.cli": {
        "main": "(*args, **kwargs)",
    },
    "fastinet.datasets.classes": {
        "ClassInfo": (
            "(index, wnid, names, gloss, parents, ancestors): ancestors gloss index names parents"
            " wnid zh"
        ),
        "class_table": "(wnids, devkit)",
        "ilsvrc2012_id_of_label": "(labels)",
        "imagenet1k_wnids": "()",
        "label_of_ilsvrc2012_id": "(ids)",
        "label_of_tf1001": "(numbers)",
        "tf1001_of_label": "(labels)",
    },
    "fastinet.datasets.devkit": {
        "Devkit": (
            "(path, synsets, validation_labels, blacklist): ancestors blacklist "
            "labels_of_validation parents path synsets validation_labels"
        ),
        "Synset": (
            "(id, wnid, words, gloss, children, wordnet_height, train_images): children gloss id "
            "train_images wnid wordnet_height words"
        ),
        "is_devkit": "(path)",
        "read_devkit": "(path)",
    },
    "fastinet.datasets.published": {
        "CLASS_LISTS": "",
        "CORRUPTIONS": "",
        "PUBLISHED": "",
        "PublishedArchive": (
            "(name, family, title, aliases, bytes, md5, sha256, class_tars, members, splits, "
            "member_sha256, one_source): aliases bytes class_tars family md5 member_sha256 "
            "members name one_source sha256 splits title"
        ),
        "PublishedSplit": (
            "(name, images, classes, images_per_class, class_list): class_list classes images "
            "images_per_class name wnids"
        ),
        "imagenet21k_p_wnids": "(release)",
        "imagenet22k_wnids": "()",
        "imagenet1k_subset_wnids": "(name)",
        "lists_with_class": "(wnid)",
        "lists_with_classes": "(wnids)",
        "published_candidates": "(name, size, family, table)",
        "published_classes": "(name)",
    },
    "fastinet.torch": {
        "Batch": (
            ": as_dict boxes companions copies crops erased errors flips image_sizes images"
            " indices keys label_sets labels objects replaced soft_labels steps valid"
        ),
        "CopySampler": "(sampler, *, rank, world): set_epoch",
        "ImageDataset": (
            "(dataset, transform, *, seed, dtype, layout, mean, std, threads, names, **options): "
            "dataset epoch set_epoch"
        ),
        "ImageFolder": (
            "(root, transform, target_transform, loader, is_valid_file, allow_empty, *, split): "
            "class_to_idx classes dataset imgs loader root samples target_transform targets "
            "transform wnid_to_idx wnids"
        ),
        "IterableDataset": "(loader): load_state_dict set_epoch state_dict",
        "Loader": (
            "(dataset, batch_size, transform, *, device, dtype, mean, std, channels_last, "
            "normalise_on_device, ahead, names, **options): ahead batch_size dataset device epoch "
            "failures batch_sampler load_state_dict loader names options sampler set_epoch "
            "state_dict stats"
        ),
        "TrainerLoader": (
            "(loader, mix, unmixed): batch_sampler batch_size dataset load_state_dict loader mix "
            "mixup_enabled sampler set_epoch state_dict stats"
        ),
        "open_root": "(root, split)",
        "train_loader": (
            "(recipe, dataset, batch_size, *, size, mixing, classes, seed, first_epoch, split, "
            "device, dtype, **options)"
        ),
        "val_loader": "(recipe, dataset, batch_size, *, size, split, device, dtype, **options)",
    },
    "fastinet.timm": {
        "ArchiveDataset": "(dataset, seed): dataset filename filenames seed transform",
        "create_dataset": "(name, root, split, *, seed, **options)",
        "create_loader": (
            "(dataset, input_size, batch_size, is_training, *, device, img_dtype, fp16, "
            "use_prefetcher, distributed, num_aug_repeats, collate_fn, mean, std, **options)"
        ),
    },
    "fastinet.jax": {
        "Batch": (
            ": as_dict boxes companions copies crops erased errors flips image_sizes images "
            "indices keys label_sets labels objects replaced soft_labels steps valid"
        ),
        "JaxFeed": (
            ": ahead batch_sampler batch_size dataset epoch failures load_state_dict loader "
            "options sampler set_epoch state_dict stats"
        ),
        "feed": "(loader, sharding, *, ahead)",
    },
    "fastinet.keras": {
        "EpochCallback": "(feed): feed on_epoch_begin",
        "KerasFeed": ": batch_size epoch loader num_batches",
        "feed": "(loader, *, inputs)",
    },
}

# Modules of fastinet.testing, and what in them users call.
TESTING = {
    "train_archive": "write_train_archive",
    "archives": "END RECORD_BYTES checksummed entry extract tar train_tar",
    "bounding_boxes": "FIRST_VALIDATION_BOX annotation_xml odd_annotations write_boxes",
    "devkit": "MatlabValue devkit_files matlab_file synset_records write_devkit",
    "gzips": "bgzip gzip_members",
    "ilsvrc": "Members MiniatureChallenge miniature_challenge val_name write_archive",
    "jpegs": (
        "Segment assemble exif_block parse sampled with_adobe_transform with_segment "
        "with_wide_tables xmp_packet"
    ),
    "label_maps": "label_map label_map_files write_label_maps",
    "pngs": "CHANNELS GREY GREY_ALPHA PALETTE RGB RGBA chunk png",
    "semantic_tree": "semantic_tree_content write_semantic_tree",
    "small": "small_jpeg",
    "torch_files": "legacy_torch_file zip_torch_file",
    "webdataset": "shard_members write_shards",
    "whole_archives": (
        "extract imagenet21k_classes imagenet21k_p_members imagenet_v2_members winter21_tar"
    ),
}


def parameters_of(value: Any) -> list[str]:
    """Names in order, with "*" before those that can only be given by name."""
    names: list[str] = []
    for parameter in inspect.signature(value).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in names:
            names.append("*")
        prefix = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(
            parameter.kind, ""
        )
        names.append(prefix + parameter.name)
    return names


def members_of(cls: type) -> set[str]:
    """Public methods, properties, fields, and attributes that a docstring lists."""
    found = set()
    for base in cls.__mro__:
        if not base.__module__.startswith("fastinet"):
            continue
        found |= {name for name in vars(base) if not name.startswith("_")}
        found |= set(getattr(base, "_fields", ()))
        if dataclasses.is_dataclass(base):
            found |= {field.name for field in dataclasses.fields(base)}
        section = re.search(
            r"Attributes:\n((?: {4,}.*\n|\n)+)", inspect.cleandoc(base.__doc__ or "") + "\n"
        )
        for line in section[1].splitlines() if section else ():
            if attributes := re.match(r" {4}([a-z]\w*(?:, [a-z]\w*)*): ", line):
                found |= set(attributes[1].split(", "))
    return found


def described(value: Any) -> str:
    """A line of the tables."""
    if inspect.ismodule(value) or not callable(value):
        return ""
    if not inspect.isclass(value):
        return f"({', '.join(parameters_of(value))})"
    is_made = "Made by" in (value.__doc__ or "") or issubclass(value, Exception)
    parameters = "" if is_made else f"({', '.join(parameters_of(value))})"
    return f"{parameters}: {' '.join(sorted(members_of(value)))}"


def module_named(name: str) -> Any:
    if name in ("fastinet.torch", "fastinet.jax", "fastinet.keras", "fastinet.timm"):
        pytest.importorskip(name.partition(".")[2].replace("timm", "torch"))
    return importlib.import_module(name)


def taken_apart(line: str) -> tuple[list[str], set[str]]:
    """Parameters and members of a line."""
    parameters, _, members = line.partition(":")
    return [name for name in parameters.strip("()").split(", ") if name], set(members.split())


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_listed(module: str) -> None:
    assert sorted(module_named(module).__all__) == sorted(PUBLIC[module])


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in PUBLIC.items() for name in names]
)
def test_public_names_stay(module: str, name: str) -> None:
    parameters, members = taken_apart(PUBLIC[module][name])
    found_parameters, found_members = taken_apart(described(getattr(module_named(module), name)))
    assert members <= found_members, "members have gone"
    by_position = parameters[: parameters.index("*")] if "*" in parameters else parameters
    assert found_parameters[: len(by_position)] == by_position
    assert set(parameters) <= set(found_parameters), "parameters have gone"


@pytest.mark.parametrize(
    "name", ["errors", "metrics", "mixing", "recipes", "jax", "keras", "torch"]
)
def test_modules_are_there_without_an_import_by_the_user(name: str) -> None:
    if name in ("jax", "keras", "torch"):
        pytest.importorskip(name)
    assert getattr(fastinet, name) is importlib.import_module(f"fastinet.{name}")


def test_modules_that_make_archives_stay() -> None:
    found = {module.name for module in pkgutil.iter_modules(fastinet.testing.__path__)}
    assert set(TESTING) <= found
    for module, names in TESTING.items():
        loaded = importlib.import_module(f"fastinet.testing.{module}")
        assert [name for name in names.split() if not hasattr(loaded, name)] == []


def test_a_name_that_goes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    for line, gone in (("(data, *, size)", "(data, *, box)"), ("(a, b): x", "(a): x"),
                       ("(a, b)", "(b, a)"), (": read", ": write")):  # fmt: skip
        monkeypatch.setitem(PUBLIC, "fastinet", {"open": line})
        monkeypatch.setattr(f"{__name__}.described", lambda _value, gone=gone: gone)
        with pytest.raises(AssertionError):
            test_public_names_stay("fastinet", "open")
