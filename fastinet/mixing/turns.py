"""Which batch of which epoch is mixed: told, known by the batch, or counted."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from fastinet.base.checks import checked_epoch, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Way"]


class Way(ABC):
    """What mixes batches. What it draws for a batch is a function of (seed, epoch, batch).

    There are three ways to say which batch it is::

        mix(images, labels, epoch=epoch, batch=number * world + rank)
        mix(batch)  # of a loader of this package: it knows all of that
        mix(images, labels)  # counted

    Counted are the calls of this object that say nothing else: they are batches 0, 1, 2, ... of
    epoch 0, or of the epoch that `set_epoch` named last. No two of them are mixed alike. All ranks
    count alike, so that they draw alike unless their seeds differ. A run that resumes keeps
    `state_dict` beside the loader's, which ``mix(batch)`` has no need of.
    """

    @abstractmethod
    def mixed(self, images: Any, labels: Any, epoch: int, batch: int) -> tuple[Any, Any]:
        """What becomes of the images and labels of a batch that is known to be this one."""

    def __call__(
        self, images: Any, labels: Any = None, *, epoch: int | None = None, batch: int | None = None
    ) -> tuple[Any, Any]:
        """Mixes a batch.

        Args:
            images: see `mixed`; or a whole batch, of `fastinet.Loader`, `fastinet.StreamLoader`,
                `fastinet.torch.Loader` or `fastinet.jax.feed`, which brings its labels, its epoch
                and its place in it.
            labels: see `mixed`. Of a batch that has soft labels as well, say which:
                ``mix(batch, batch.soft_labels)``.
            epoch: 0 .. 2**32 - 1.
            batch: where in the epoch, 0 .. 2**32 - 1; ``batch * world + rank`` lets ranks differ.

        Returns:
            Images like those given, and float32 targets [B, C].

        Raises:
            TypeError: no labels; one of `epoch` and `batch` without the other; a batch that does
                not know its place.
            ValueError: see `mixed`; a batch with two kinds of labels.
        """
        if (epoch is None) != (batch is None):
            given, missing = ("batch", "epoch") if epoch is None else ("epoch", "batch")
            raise TypeError(
                f"{given}= without {missing}= does not say which batch it is: give both, or none"
            )
        if _is_batch(images):
            whole, (images, own) = images, images
            if labels is None:
                if whole.soft_labels is not None:
                    raise ValueError(
                        "this batch has classes and soft labels: say which are to be mixed, "
                        "mix(batch, batch.soft_labels) or mix(batch, batch.labels)"
                    )
                labels = own
            if epoch is None:
                epoch, batch = whole.epoch, whole.place
                if epoch is None or batch is None:
                    raise TypeError(
                        "this batch does not know its place in an epoch, as those of chosen items "
                        "do not: give epoch= and batch=, or mix(batch.images, batch.labels), which "
                        "counts"
                    )
        elif labels is None:
            raise TypeError(
                "labels are missing: mix(images, labels), or mix(batch) with a batch of a loader, "
                f"not of {type(images).__name__} alone"
            )
        if epoch is None or batch is None:
            epoch, batch = self._turns.take()
        return self.mixed(images, labels, epoch, batch)

    def set_epoch(self, epoch: int) -> None:
        """Lets the next batch that is counted be the first of this epoch, 0 .. 2**32 - 1."""
        self._turns.move(checked_epoch(epoch), 0)

    def state_dict(self) -> dict[str, int]:
        """Which batch is counted next: ``{"epoch": ..., "batch": ...}``."""
        return dict(zip(("epoch", "batch"), self._turns.next, strict=True))

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Goes on counting where `state_dict` was taken.

        Raises:
            ValueError: it is no such state.
        """
        if set(state) != {"epoch", "batch"}:
            raise ValueError(
                f"a state of what mixes has epoch and batch, not {', '.join(map(str, state))}"
            )
        batch = whole_number("batch", state["batch"], 0, 2**32 - 1)
        self._turns.move(checked_epoch(state["epoch"]), batch)

    @property
    def _turns(self) -> _Turns:
        # Not a field: ways that mix alike are equal, however many batches they have seen.
        turns: _Turns = vars(self).setdefault("_counted", _Turns())
        return turns


class _Turns:
    """Batches, counted by any thread."""

    def __init__(self, epoch: int = 0, batch: int = 0) -> None:
        self.next = (epoch, batch)
        self._lock = threading.Lock()

    def take(self) -> tuple[int, int]:
        with self._lock:
            epoch, batch = self.next
            self.next = (epoch, batch + 1)
            return epoch, batch

    def move(self, epoch: int, batch: int) -> None:
        with self._lock:
            self.next = (epoch, batch)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Turns, self.next


def _is_batch(images: Any) -> bool:
    """Whether it is a whole batch of a loader, which this layer does not know."""
    return all(hasattr(images, name) for name in ("place", "epoch", "labels", "soft_labels"))
