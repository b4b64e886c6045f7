"""fastinet eval: the scores of predictions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import click
import numpy as np

from fastinet import metrics
from fastinet.cli.eval_boxes import read_located, read_true_boxes
from fastinet.cli.eval_classes import in_classes_of
from fastinet.cli.eval_inputs import read_predictions, read_truth
from fastinet.cli.output import json_option, note, print_json, print_table
from fastinet.datasets.classes import IMAGENET1K_CLASSES, class_table, imagenet1k_wnids
from fastinet.errors import FastinetError
from fastinet.items.given_labels import kind_of
from fastinet.metrics.labels import label_sets
from fastinet.metrics.localization import MOST_GUESSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet.metrics.devkit_text import Order

_ORDERS = click.Choice(["id", "label", "tf"])
_ORDER_HELP = (
    "How {} number classes: id (ILSVRC2012_ID, 1 to 1000), label (sorted wnids, 0 to 999),"
    " tf (0 is background). By default id in text and label in arrays."
)


def _numbers(context: click.Context, option: click.Parameter, text: str) -> tuple[int, ...]:
    """Numbers from 1 on, separated by commas."""
    words = text.split(",")
    if not all(word.isascii() and word.isdigit() and int(word) for word in words):
        raise click.BadParameter(
            f"{text!r} are no numbers from 1 on, separated by commas", context, option
        )
    return tuple(map(int, words))


@click.command("eval")
@click.argument("predictions")
@click.argument("labels")
@click.option(
    "--topk", default="1,5", show_default=True, callback=_numbers, help="The k, by commas."
)
@click.option("--per-class", is_flag=True, help="Tell the accuracy of every class, worst first.")
@click.option(
    "--localization",
    metavar="BOXES",
    help="True boxes: ILSVRC2012_bbox_val_v3.tgz, a folder of its XML files, or the devkit's text;"
    " PREDICTIONS, or --boxes, has those to compare.",
)
@click.option(
    "--boxes",
    metavar="FILE",
    help="Predicted boxes, xmin ymin xmax ymax in pixels: .npy, .npz or text of [N, 4] (for all"
    " guesses), [N, k, 4] (for each guess) or, beside scores, [N, C, 4] (for each class)."
    "  [default: those in PREDICTIONS]",
)
@click.option(
    "--blacklist",
    metavar="FILE",
    help="Images that the localisation error leaves out.  [default: those of LABELS, where they are"
    " a development kit that lists some]",
)
@click.option("--key", help="The array in a .npz or .pt with several.")
@click.option("--prediction-order", type=_ORDERS, help=_ORDER_HELP.format("predictions"))
@click.option("--label-order", type=_ORDERS, help=_ORDER_HELP.format("labels and boxes"))
@click.option(
    "--columns",
    type=click.Choice(["all", "labels"]),
    default="all",
    show_default=True,
    help="Which scores count: those of all classes, or those of the classes that LABELS have, as"
    " ImageNet-A, ImageNet-R and ObjectNet are evaluated.",
)
@click.option("--split", help="Of LABELS that are an archive.  [default: val, or the first]")
@json_option
def eval_command(
    predictions: str,
    labels: str,
    topk: tuple[int, ...],
    per_class: bool,
    localization: str | None,
    boxes: str | None,
    blacklist: str | None,
    key: str | None,
    prediction_order: str | None,
    label_order: str | None,
    columns: str,
    split: str | None,
    as_json: bool,
) -> None:
    """Tell how good PREDICTIONS are, given LABELS.

    PREDICTIONS are scores [N, C] or ranked labels [N, k] in a .npy, .npz or .pt (a tensor, or a
    dict of some), or text as the development kit takes it: a line for each image with up to five
    labels, the best first; with --localization, up to five times "label xmin ymin xmax ymax". A
    .npz or .pt may have the boxes as "boxes". Commas may stand between the numbers of a line.

    LABELS are text (a label in each line), .npy, .npz, .pt, ReaL's real.json, a development kit,
    for its validation images, or an archive of images. Both are in the order of the archive's
    items, which for validation images is that of their names. Labels of an archive of some of
    ImageNet-1K's classes meet predictions of all 1000 by their wnids. So do those of ObjectNet,
    where any of several classes may be right, and images of none are left out.
    """
    if blacklist is not None and localization is None:
        raise click.UsageError("--blacklist is for the localisation error: --localization BOXES")
    if boxes is not None and localization is None:
        raise click.UsageError("--boxes are compared with true ones: --localization BOXES")
    guess_order = cast("Order | None", prediction_order)
    truth_order = cast("Order | None", label_order)
    facts: dict[str, Any] = {"predictions": predictions, "labels": labels}
    with _one_line_errors():
        given = read_truth(labels, key, truth_order, split)
        is_text = kind_of(predictions) == "text"
        if localization is None:
            guesses = read_predictions(predictions, key, guess_order)
            located = None
        else:
            guesses, located = read_located(predictions, boxes, key, guess_order)
        found = in_classes_of(
            guesses, given, guess_order, of_imagenet1k=is_text or guess_order is not None
        )
        truth, wnids, _, listed, _ = found
        chosen = None
        if columns == "labels":
            chosen = np.unique(label_sets(truth).label) if wnids is None else found.columns
            facts["columns"] = len(wnids or ()) if chosen is None else len(chosen)
        accumulator = metrics.Accumulator(topk, columns=chosen)
        accumulator.update(guesses, truth)
        facts |= accumulator.result()
        ranked = _ranked(guesses, located)
        if isinstance(truth, np.ndarray) and ranked is not None:
            facts["flat_errors"] = metrics.flat_errors(ranked, truth).tolist()
        if localization is not None and located is not None:
            single = _single_labels(truth)
            true_boxes = read_true_boxes(localization, len(single), truth_order, wnids)
            if blacklist is not None:
                listed = metrics.read_blacklist(blacklist)
            left_out = () if listed is None else np.unique(listed)
            errors = metrics.localization_errors(
                located.guesses, located.boxes, single, true_boxes, left_out
            )
            facts |= {"blacklisted": len(left_out), "localization_errors": errors.tolist()}
        if per_class:
            if wnids is None and _may_be_of_imagenet1k(guesses):
                wnids = imagenet1k_wnids()
            facts["per_class"] = _class_rows(accumulator.per_class(), topk, wnids)
    if as_json:
        print_json(facts)
        return
    _print(facts, topk)
    if columns == "all" and found.columns is not None and guesses.dtype.kind not in "iu":
        note(
            f"All {guesses.shape[1]:,} scores count; LABELS have {len(found.columns):,} of these"
            " classes, and --columns labels takes their scores alone."
        )


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    """Shapes that do not fit, NaN and the like are the user's data: no traceback."""
    try:
        yield
    except FastinetError:
        raise
    except ValueError as error:
        raise FastinetError(str(error)) from error


def _ranked(
    guesses: NDArray[Any], located: metrics.LocatedGuesses | None
) -> NDArray[np.int64] | None:
    """The labels that flat errors count; None: scores, and not all of their guesses have a box."""
    if guesses.dtype.kind in "iu":
        return guesses
    if located is None or located.guesses.shape[1] < min(MOST_GUESSES, guesses.shape[1]):
        return None
    return located.guesses


def _may_be_of_imagenet1k(guesses: NDArray[Any]) -> bool:
    """Whether they are labels, or scores of as many classes as ImageNet-1K has."""
    return guesses.dtype.kind in "iu" or guesses.shape[1] == IMAGENET1K_CLASSES


def _single_labels(truth: Any) -> NDArray[np.int64]:
    if not isinstance(truth, np.ndarray):
        raise FastinetError("the localisation error needs one label for each image, not label sets")
    return truth


def _print(facts: dict[str, Any], topk: tuple[int, ...]) -> None:
    print_table(
        f"{facts['n']:,} images"
        + (f"; scores of {facts['columns']:,} classes" if "columns" in facts else ""),
        ["", "accuracy", "error"],
        [(f"top-{k}", f"{facts[f'top{k}']:.3%}", f"{1 - facts[f'top{k}']:.3%}") for k in topk],
    )
    kinds = {"flat": "flat_errors", "localisation": "localization_errors"}
    shown = {heading: facts[name] for heading, name in kinds.items() if name in facts}
    if shown:
        left_out = facts.get("blacklisted", 0)
        print_table(
            "Errors by number of guesses, as the development kit defines them"
            + (f"; localisation without {left_out:,} blacklisted images" if left_out else ""),
            ["guesses", *shown],
            [
                (f"{number + 1}", *(f"{errors[number]:.4f}" for errors in shown.values()))
                for number in range(MOST_GUESSES)
            ],
        )
    if "per_class" in facts:
        print_table(
            "Classes, the worst first",
            ["label", "class", "images", *(f"top-{k}" for k in topk)],
            [
                (
                    f"{row['label']}",
                    row["name"],
                    f"{row['n']}",
                    *(f"{row[f'top{k}']:.1%}" for k in topk),
                )
                for row in facts["per_class"]
            ],
        )


def _class_rows(
    by_class: dict[str, NDArray[Any]], topk: tuple[int, ...], wnids: Sequence[str] | None
) -> list[dict[str, Any]]:
    """A row for each class that has images, the lowest accuracy first; `wnids` tell the names."""
    counts = by_class["n"]
    names = [""] * len(counts)
    if wnids is not None and len(counts) <= len(wnids):
        names = [info.names[0] if info.names else info.wnid for info in class_table(wnids)]
    rows = [
        {
            "label": label,
            "name": names[label],
            "n": int(counts[label]),
            **{f"top{k}": float(by_class[f"top{k}"][label]) for k in topk},
        }
        for label in np.flatnonzero(counts).tolist()
    ]
    return sorted(rows, key=lambda row: (row[f"top{topk[0]}"], row["label"]))
