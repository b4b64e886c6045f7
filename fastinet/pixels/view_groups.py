"""Several views of an image: groups of crops, each with its own transform, and what they share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from fastinet.augment.erasing import RandomErasing
from fastinet.augment.lighting import Lighting
from fastinet.augment.operation import Augment, augment_tuple
from fastinet.augment.shared import Shared
from fastinet.base.checks import whole_number
from fastinet.pixels.transform_parts import (
    Interpolation,
    checked_size,
    height_width,
    set_interpolation,
)
from fastinet.pixels.transforms import (
    MAX_VIEWS,
    RandomCrop,
    RandomTransform,
    SingleTransform,
    check_after_normalisation,
)

__all__ = [
    "MultiCrop",
    "SameCrop",
    "Transform",
    "View",
    "ViewGroup",
    "checked_transform",
    "erasings_of",
    "groups_of",
    "has_views",
    "lightings_of",
    "needs_boxes",
]


@dataclass(frozen=True)
class SameCrop:
    """The crop of another view of the item once more, with operations of its own: for a `View`.

    Box, window and flips are that view's, whatever they were drawn to be. What is drawn besides,
    operations, erasing and lighting, is drawn for each view by itself. So several augmentations of
    one crop can be compared, as AugMix's consistency loss does it, and a teacher can see what a
    student sees, unchanged or larger::

        MultiCrop(
            View(RandomResizedCrop(224)),                    # clean
            View(SameCrop(0, augment=AugMix()), count=2),    # and two mixtures of the same crop
        )

    Attributes:
        view: number of the other view, counted over all groups; a view before this one, by a
            transform that draws, and none that shows another's crop itself.
        size: height and width of the row [pixels]; None: the other's. The box of a
            `RandomResizedCrop` is resized to it; a `RandomCrop` has one size.
        interpolation: how the box is resized; None: as it is for the other view, which may have
            drawn that.
        augment: what happens to the pixels of the crop, see `RandomResizedCrop`; nothing of the
            other view's.
        erase: boxes of the row that are replaced after it was normalised, likewise.
        lighting: a random shift of all colours, likewise.

    Raises:
        TypeError: `augment` is no operation.
        ValueError: a value that makes no sense; the message names it.
    """

    view: int = 0
    size: int | tuple[int, int] | None = None
    interpolation: Interpolation | None = None
    augment: Augment = ()
    erase: RandomErasing | None = None
    lighting: Lighting | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "view", whole_number("view", self.view, 0, MAX_VIEWS - 1))
        if self.size is not None:
            object.__setattr__(self, "size", checked_size(self.size))
        if self.interpolation is not None:
            set_interpolation(self)
        object.__setattr__(self, "augment", augment_tuple("augment", self.augment))
        check_after_normalisation(self.erase, self.lighting)


@dataclass(frozen=True)
class View:
    """A group of a `MultiCrop`'s views: crops of each item by one transform, in one array.

    Attributes:
        transform: `RandomResizedCrop`, `RandomCrop`, `CenterCrop` or `Resize`, which says the
            views' size; or `SameCrop`, for the crop of another view.
        count: how many crops of each item, 1 to 1024, each drawn by itself; more than one needs a
            transform that draws. Of a `SameCrop` all show one crop, and its operations are drawn.

    Raises:
        TypeError: `transform` is none of these.
        ValueError: a count that makes no sense, or a transform that has views itself.
    """

    transform: SingleTransform | SameCrop
    count: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.transform, SameCrop):
            _checked_single(self.transform, "the transform of a View")
        object.__setattr__(self, "count", whole_number("count", self.count, 1, MAX_VIEWS))
        if self.count > 1 and not _draws(self.transform):
            raise ValueError(f"count={self.count} of {self.transform} would all be the same")
        if getattr(self.transform, "views", None) is not None:
            raise ValueError(f"say how many views there are by View(count=), not {self.transform}")


@dataclass(frozen=True, init=False, repr=False)
class MultiCrop:
    """Several groups of views of each item, for self-supervised training: DINO's, SwAV's, ...

    ::

        MultiCrop(
            View(RandomResizedCrop(224, scale=(0.4, 1), interpolation="bicubic"), count=2),
            View(RandomResizedCrop(96, scale=(0.05, 0.4), interpolation="bicubic"), count=8),
        )

    Batches then have `crops`, an array [B, count, ...] for each group; loops get ``crops, labels``.
    Views are numbered over all groups in order, as in `boxes` [B, views, 4] and `flips` [B, views];
    view number i is what its transform gives as view i of a ``RandomResizedCrop(views=...)``,
    whatever the other views are; that of a `SameCrop` has the box and the flips of the view that it
    names. What the boxes of several views have in common is decoded once where that is cheaper.

    Attributes:
        groups: the `View` of each group.

    Raises:
        TypeError: what was given is no `View`.
        ValueError: no views at all, or more than 1024 together; a `SameCrop` of a view that is not
            there before it; or operations that are to be `Shared`, and are not the same.
    """

    groups: tuple[View, ...]

    def __init__(self, *groups: View) -> None:
        if not groups:
            raise ValueError("a MultiCrop needs a View(transform, count) at least")
        for group in groups:
            if not isinstance(group, View):
                raise TypeError(
                    "a MultiCrop consists of View(transform, count), each an argument of its own, "
                    f"not of {group!r}"
                )
        whole_number("the number of views", sum(group.count for group in groups), 1, MAX_VIEWS)
        object.__setattr__(self, "groups", groups)
        _check_shared(groups_of(self))  # both refuse what is not there, or not the same

    def __repr__(self) -> str:
        return f"MultiCrop({', '.join(map(repr, self.groups))})"


Transform: TypeAlias = SingleTransform | MultiCrop


@dataclass(frozen=True)
class ViewGroup:
    """How the views of a group come about, with all that a `SameCrop` has of another view.

    Attributes:
        transform: with the size of their rows, and their operations.
        count: how many there are.
        crop_of: number of the view whose crop they show; None: each draws its own.
    """

    transform: SingleTransform
    count: int = 1
    crop_of: int | None = None


def groups_of(transform: Transform) -> tuple[ViewGroup, ...]:
    """The groups of views that a transform gives; one, unless it is a `MultiCrop`."""
    if isinstance(transform, RandomTransform):
        return (ViewGroup(replace(transform, views=None), transform.views or 1),)
    if not isinstance(transform, MultiCrop):
        return (ViewGroup(transform),)
    groups: list[ViewGroup] = []
    for view in transform.groups:
        if isinstance(view.transform, SameCrop):
            shown = _with_crop_of(_shown_by(view.transform, groups), view.transform)
            groups.append(ViewGroup(shown, view.count, view.transform.view))
        else:
            groups.append(ViewGroup(view.transform, view.count))
    return tuple(groups)


def _check_shared(groups: tuple[ViewGroup, ...]) -> None:
    """Refuses views that would draw other operations from the same random numbers.

    Raises:
        ValueError: the first, second, ... `Shared` of one group is not that of another.
    """
    known: list[Shared] = []
    for number, group in enumerate(groups):
        augment = getattr(group.transform, "augment", ())
        for place, shared in enumerate(each for each in augment if isinstance(each, Shared)):
            if place == len(known):
                known.append(shared)
            elif shared != known[place]:
                raise ValueError(
                    f"Shared number {place} of group {number} is {shared}, and that of a group "
                    f"before it {known[place]}: they draw the same random numbers, so they have to "
                    "be the same operations; leave Shared out where groups are to differ"
                )


def _draws(transform: SingleTransform | SameCrop) -> bool:
    """Whether views of one item differ."""
    if isinstance(transform, SameCrop):
        drawn = transform.erase is not None or transform.lighting is not None
        return drawn or bool(transform.augment)
    return isinstance(transform, RandomTransform)


def _with_crop_of(other: RandomTransform, same: SameCrop) -> RandomTransform:
    """The transform of views that show the crops of `other` as `same` says.

    Raises:
        ValueError: `other` has one size, and `same` another, or one that an operation cannot have.
    """
    size = other.size if same.size is None else same.size
    if isinstance(other, RandomCrop) and height_width(size) != height_width(other.size):
        raise ValueError(
            f"size={size} is not that of view {same.view}, {other}: a RandomCrop is a part of the "
            "resized image, which has one size; leave it out"
        )
    own: dict[str, Any] = {
        "size": size,
        "interpolation": same.interpolation or other.interpolation,
        "color_jitter": None,
        "augment": same.augment,
        "erase": same.erase,
        "lighting": same.lighting,
    }
    return replace(other, **own)


def _shown_by(same: SameCrop, before: list[ViewGroup]) -> RandomTransform:
    """The transform of the view that `same` names, in one of the groups before it.

    Raises:
        ValueError: there is none, or none whose crop could be shown.
    """
    views = [group for group in before for _ in range(group.count)]
    if same.view >= len(views):
        there = f"the views before it are 0 to {len(views) - 1}" if views else "it is the first one"
        raise ValueError(f"{same} is to show the crop of view {same.view}, and {there}")
    group = views[same.view]
    if group.crop_of is not None:
        raise ValueError(
            f"{same} is to show the crop of view {same.view}, which shows that of view "
            f"{group.crop_of}: name that"
        )
    if not isinstance(group.transform, RandomTransform):
        # The type is fine, that it be shown once more is not.
        raise ValueError(  # noqa: TRY004
            f"{same} is to show the crop of view {same.view}, {group.transform}, which draws "
            "nothing: take that transform itself"
        )
    return group.transform


def erasings_of(transform: Transform) -> list[RandomErasing]:
    """What is erased in the groups of views, of those in which something is."""
    erasings = (getattr(view.transform, "erase", None) for view in groups_of(transform))
    return [erasing for erasing in erasings if erasing is not None]


def lightings_of(transform: Transform) -> list[Lighting]:
    """The lighting of the groups of views, of those that have one."""
    lightings = (getattr(view.transform, "lighting", None) for view in groups_of(transform))
    return [lighting for lighting in lightings if lighting is not None]


def needs_boxes(transform: Transform) -> bool:
    """Whether crops depend on the bounding boxes of the items, which must then be given."""
    return any(getattr(group.transform, "needs_boxes", False) for group in groups_of(transform))


def has_views(transform: Transform) -> bool:
    """Whether the arrays of batches have an axis for views."""
    return isinstance(transform, MultiCrop) or getattr(transform, "views", None) is not None


def checked_transform(transform: Any, views: int | None) -> Transform:
    """What a caller passed as a loader's `transform` and `views`, as one transform.

    Raises:
        TypeError: no transform.
        ValueError: views of a transform that draws nothing, or other ones than its own.
    """
    if isinstance(transform, MultiCrop):
        if views is not None:
            raise ValueError(f"views={views!r}, but a MultiCrop says itself which views there are")
        return transform
    single = _checked_single(transform, "transform")
    if views is None:
        return single
    if not isinstance(single, RandomTransform):
        # The type is fine, what it makes of `views` is not.
        raise ValueError(f"views={views!r} of {single!r} would all be the same")  # noqa: TRY004
    if single.views not in (None, views):
        raise ValueError(f"views={views!r}, but the transform has views={single.views}")
    return replace(single, views=views)


def _checked_single(transform: Any, name: str) -> SingleTransform:
    """What a caller passed as a transform that gives one crop, or several that are alike."""
    if isinstance(transform, SameCrop):
        raise TypeError(
            f"{name} is {transform!r}, which shows the crop of another view: it belongs into a "
            "View of a MultiCrop, behind that view"
        )
    if not isinstance(transform, SingleTransform):
        raise TypeError(
            f"{name} must be a RandomResizedCrop, RandomCrop, CenterCrop or Resize, not "
            f"{transform!r}"
        )
    return transform
