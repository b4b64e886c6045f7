"""The options of loaders: those that all share, checked; and those that adapters pass on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from fastinet.base.checks import checked_seed, whole_number
from fastinet.base.cpus import available_cpus, checked_affinity, cpus_of_rank
from fastinet.base.draws import checked_draws
from fastinet.loading.blocks import DEFAULT_BLOCK, DEFAULT_WINDOW
from fastinet.loading.own_rank import OwnRank
from fastinet.loading.stats import LoaderStats
from fastinet.loading.then import Then, checked_then
from fastinet.pixels.output import OutputFormat
from fastinet.pixels.rendering import RenderOptions
from fastinet.pixels.transforms import CenterCrop, Resize
from fastinet.pixels.view_groups import Transform, checked_transform, groups_of, lightings_of

if TYPE_CHECKING:
    from fastinet.annotations.bounding_boxes import Boxes
    from fastinet.annotations.item_boxes import ItemBoxes
    from fastinet.annotations.relabel import ItemLabelMaps, LabelMaps
    from fastinet.augment.lighting import Lighting
    from fastinet.loading.ranks import PadLast
    from fastinet.loading.size_per_batch import SizePerBatch

__all__ = [
    "DEFAULT_RANK",
    "DEFAULT_STREAM_WINDOW",
    "DEFAULT_WORLD",
    "EpochArguments",
    "LoaderOptions",
    "OnError",
    "RowArguments",
    "checked_shuffle",
    "checked_stream_window",
    "draws_nothing",
    "most_copies",
    "refuse_options",
]

OnError = Literal["raise", "mask", "replace"]

DEFAULT_STREAM_WINDOW: Final = 2048
"""Items to draw among: some 230 MB of ImageNet."""


class _Default(int):
    """A number that a signature gives when the caller does not; equal to the plain number.

    It is told from that by its type alone: a loader that was not told its world is warned of under
    a launcher, and one that was told 1 is not.
    """

    def __repr__(self) -> str:
        return int.__repr__(self)


DEFAULT_RANK: Final[int] = _Default(0)
DEFAULT_WORLD: Final[int] = _Default(1)

_MOST_VIEWS = 2**16  # of an item, in all its copies: AugmentKey::kMostViews in csrc/rng/philox.h
_MOST_THREADS = 4096
_MOST_PREFETCH = 2**16
_MOST_STREAM_WINDOW = 2**24  # more items than any window fits in memory


@dataclass(frozen=True)
class LoaderOptions:
    """How any loader makes batches, wherever its items come from.

    Users give these options one by one: the signature of each loader has their names and defaults,
    and the docstring of `fastinet.Loader` says what each means. `of` takes them from there, checks
    them and looks up what was left open: every value here is final, None included, but for the rank
    where that is to be found.

    Attributes:
        transform: with the `views` that were given besides it.
        output: `dtype`, `layout`, `mean` and `std`.
        own_rank: `rank` and `world`.
        render: `exact`, `exif_orientation` and `max_pixels`.
        affinity: CPUs in order; empty: not bound to any.

    The other attributes have the names of the options.
    """

    batch_size: int
    transform: Transform
    output: OutputFormat
    render: RenderOptions
    repeats: int
    seed: int
    draws: str
    threads: int
    affinity: tuple[int, ...]
    on_error: OnError
    drop_last: bool
    own_rank: OwnRank
    prefetch: int
    record: bool
    then: Then | None
    log: Callable[[LoaderStats], object] | None
    log_every: float

    @property
    def rank(self) -> int:
        """Of this process, "auto" looked up now."""
        return self.own_rank.now()[0]

    @property
    def world(self) -> int:
        """Number of ranks, "auto" looked up now."""
        return self.own_rank.now()[1]

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> LoaderOptions:
        """The options among the arguments of a loader, checked.

        Args:
            arguments: by name, as ``locals()`` gives them at the start of a loader's ``__init__``;
                what is no option of all loaders is passed over.

        Raises:
            TypeError: `transform` is no transform.
            ValueError: an option that makes no sense; the message names it.
        """
        transform = checked_transform(arguments["transform"], arguments["views"])
        output = OutputFormat(
            arguments["dtype"], arguments["layout"], arguments["mean"], arguments["std"]
        )
        for lighting in lightings_of(transform):
            _check_lighting(lighting, output)
        render = RenderOptions(
            bool(arguments["exact"]), bool(arguments["exif_orientation"]), arguments["max_pixels"]
        )
        on_error = arguments["on_error"]
        if on_error not in ("raise", "mask", "replace"):
            raise ValueError(f'on_error must be "raise", "mask" or "replace", not {on_error!r}')
        batch_size = whole_number("batch_size", arguments["batch_size"], 1, 2**31 - 1)
        seed, draws = checked_seed(arguments["seed"]), checked_draws(arguments["draws"])
        affinity = checked_affinity(arguments["affinity"])
        threads = _checked_threads(arguments["threads"], affinity)
        return cls(
            batch_size=batch_size,
            transform=transform,
            output=output,
            render=render,
            repeats=_checked_repeats(arguments["repeats"], transform),
            seed=seed,
            draws=draws,
            threads=threads,
            affinity=affinity,
            on_error=on_error,
            drop_last=bool(arguments["drop_last"]),
            own_rank=_own_rank(arguments["rank"], arguments["world"]),
            prefetch=_checked_prefetch(arguments["prefetch"], threads, batch_size),
            record=bool(arguments["record"]),
            then=checked_then(arguments["then"], transform, output),
            log=arguments["log"],
            log_every=arguments["log_every"],
        )


def _check_lighting(lighting: Lighting, output: OutputFormat) -> None:
    """Refuses rows that cannot hold what lighting makes of pixels."""
    if output.dtype == "uint8":
        raise ValueError(
            f"{lighting} shifts colours by parts of a value, which uint8 cannot hold: take "
            'dtype="float32" or another float'
        )
    output.check_range(lighting.largest_shift)


class RowArguments(TypedDict, total=False):
    """Arguments of `fastinet.Loader` that rows depend on, and all that is built on it passes on."""

    affinity: Iterable[int] | None
    exact: bool
    max_pixels: int | None
    views: int | None
    exif_orientation: bool
    boxes: Boxes | ItemBoxes | None
    soft_labels: LabelMaps | ItemLabelMaps | None
    sizes: Mapping[int, int | tuple[int, int]] | SizePerBatch | None
    draws: str
    then: Callable[..., Any] | Then | None


class EpochArguments(RowArguments, total=False):
    """These, and what decides which batches an epoch has, and what is done while it runs."""

    shuffle: bool | Literal["blocked"]
    repeats: int
    seed: int
    threads: int | None
    on_error: OnError
    drop_last: bool
    pad_last: PadLast | None
    rank: int | Literal["auto"]
    world: int | Literal["auto"]
    window: int | None
    block: int | None
    prefetch: int | None
    record: bool
    log: Callable[[LoaderStats], object] | None
    log_every: float


_SAMPLERS = "order is the sampler's business"
_DATA_LOADERS = "batches are DataLoader's business"

# What a kind of loader that is built on `fastinet.Loader`, and passes its arguments on, decides in
# another way: {kind: {option: which way}}.
_DECIDED_OTHERWISE: Final[Mapping[str, Mapping[str, str]]] = {
    "fastinet.torch.Loader": dict.fromkeys(("layout", "out"), "see channels_last"),
    "ImageDataset": {
        **dict.fromkeys(("shuffle", "drop_last", "pad_last", "rank", "world"), _SAMPLERS),
        **dict.fromkeys(("window", "block", "on_error", "out"), _SAMPLERS),
        "repeats": "order is the sampler's business, see fastinet.torch.CopySampler",
        "record": "it gives images and labels; fastinet.augment.draw_steps says what is drawn",
        "prefetch": f"{_DATA_LOADERS}, see its prefetch_factor",
        **dict.fromkeys(("log", "log_every"), f"{_DATA_LOADERS}, and of each process that fetches"),
    },
}

# What a program gives to it that belongs to what is made of it: {kind: ({name}, where it belongs)}.
_OF_ANOTHER: Final[Mapping[str, tuple[Collection[str], str]]] = {
    "ImageDataset": (
        [
            "batch_size",
            "num_workers",
            "sampler",
            "batch_sampler",
            "collate_fn",
            "pin_memory",
            "pin_memory_device",
            "persistent_workers",
            "prefetch_factor",
            "worker_init_fn",
            "generator",
            "multiprocessing_context",
            "timeout",
            "in_order",
        ],
        "give it to DataLoader, as in DataLoader(images, batch_size=256, num_workers=4)",
    ),
}


def refuse_options(kind: str, given: Collection[str]) -> None:
    """Refuses, among the names `given`, options of other kinds of loader that `kind` does not have.

    Raises:
        TypeError: there is one; the message names it and says why.
    """
    others, where = _OF_ANOTHER.get(kind, ((), ""))
    for name, reason in {**_DECIDED_OTHERWISE[kind], **dict.fromkeys(others, where)}.items():
        if name in given:
            raise TypeError(f"{name} is not for {kind}: {reason}")


def checked_shuffle(
    shuffle: Any, window: int | None, block: int | None
) -> tuple[bool | Literal["blocked"], int | None, int | None]:
    """The `shuffle`, `window` and `block` of a `fastinet.Loader`.

    Window and block are bytes, their defaults where None was given, if the shuffle is blocked; else
    None.
    """
    if shuffle != "blocked":
        if isinstance(shuffle, str):
            raise ValueError(f'shuffle must be True, False or "blocked", not {shuffle!r}')
        if window is not None or block is not None:
            raise ValueError(f'window and block go with shuffle="blocked", not {shuffle!r}')
        return bool(shuffle), None, None
    block = whole_number("block", DEFAULT_BLOCK if block is None else block, 1, 2**40)
    window = whole_number("window", DEFAULT_WINDOW if window is None else window, block, 2**50)
    return "blocked", window, block


def checked_stream_window(shuffle: Any, window: int | None) -> int:
    """How many items a `fastinet.StreamLoader` draws among: 1 where it keeps the stream's order."""
    if not shuffle:
        return 1
    wanted = DEFAULT_STREAM_WINDOW if window is None else window
    return whole_number("window", wanted, 1, _MOST_STREAM_WINDOW)


def most_copies(transform: Transform) -> int:
    """How many copies of an item can be told apart: each takes the numbers of its views."""
    return _MOST_VIEWS // sum(group.count for group in groups_of(transform))


def draws_nothing(transform: Transform) -> bool:
    """Whether a transform makes the same row of an item each time."""
    return all(isinstance(view.transform, CenterCrop | Resize) for view in groups_of(transform))


def _checked_repeats(repeats: Any, transform: Transform) -> int:
    """Copies of each item in an epoch; more than one differ only if the transform draws anything.

    Raises:
        ValueError: a number that makes no sense, or copies that would all be the same.
    """
    checked = whole_number("repeats", repeats, 1, most_copies(transform))
    if checked > 1 and draws_nothing(transform):
        raise ValueError(f"repeats={repeats!r} of {transform!r} would all be the same")
    return checked


def _checked_threads(threads: int | None, cpus: tuple[int, ...]) -> int:
    """Worker threads; by default one for each of `cpus`, or of this rank's CPUs."""
    usable = min(available_cpus(), len(cpus)) if cpus else cpus_of_rank()
    return whole_number("threads", usable if threads is None else threads, 1, _MOST_THREADS)


def _checked_prefetch(prefetch: int | None, threads: int, batch_size: int) -> int:
    """Batches ahead of the loop; by default as many as keep the threads busy, and at least 2.

    While a batch changes hands, the others must have two items for each thread: one to work on, and
    one to go on with.
    """
    others = -(-2 * threads // batch_size)
    enough = max(2, others + 1)
    return whole_number("prefetch", enough if prefetch is None else prefetch, 1, _MOST_PREFETCH)


def _own_rank(rank: int | Literal["auto"], world: int | Literal["auto"]) -> OwnRank:
    """This process's rank, checked."""
    return OwnRank(rank, world, told=rank is not DEFAULT_RANK or world is not DEFAULT_WORLD)
