"""What takes the place of the arguments that other loaders have."""

from __future__ import annotations

from typing import Final

from fastinet.loading.options import EpochArguments

__all__ = ["OTHER_NAMES", "TOLD_TO_THE_LOADER"]

_THREADS = (
    "threads= says how many of its threads decode, one for each CPU by default; no other process "
    "does"
)
_ORDER = (
    "shuffle=, rank=, world= and repeats= say the order; for one of your own take "
    "ds.select(order) without shuffle, or DataLoader over fastinet.torch.ImageDataset"
)
_WHOLE = "batches are made in one piece; what is to happen to one is done to it in the loop"
_PINNED = (
    "fastinet.torch.Loader(..., device=...) decodes into pinned memory and copies from there; "
    "out= takes buffers of your own"
)
_SEED = "all that is random is a function of seed=, the epoch and the item"
_AHEAD = "prefetch= says how many batches are made ahead"
_RANK = 'rank= and world= share an epoch out; "auto" finds both'
_TRANSFORM = "transform= is a fastinet.RandomResizedCrop or another, which has the size"
_THREADS_LIVE = "its threads live as long as the process; leave it out"
_EPOCHS = "each loop is one epoch: loop as often as you want, or loader.epoch(7)"
_MEAN = "mean= and std= normalise, in units of 0..1"

OTHER_NAMES: Final = {
    # torch.utils.data.DataLoader's, and what is set beside it
    "num_workers": _THREADS,
    "workers": _THREADS,
    "sampler": _ORDER,
    "batch_sampler": _ORDER,
    "collate_fn": _WHOLE,
    "pin_memory": _PINNED,
    "pin_memory_device": _PINNED,
    "non_blocking": _PINNED,
    "persistent_workers": _THREADS_LIVE,
    "multiprocessing_context": _THREADS_LIVE,
    "worker_init_fn": "there is nothing to be set up in its threads, which run no Python; " + _SEED,
    "generator": _SEED,
    "random_state": _SEED,
    "prefetch_factor": _AHEAD,
    "timeout": "a batch is waited for until it is there or has failed; leave it out",
    "in_order": "batches always come in order; leave it out",
    "num_replicas": _RANK,
    "target_transform": "ds.with_labels(...) gives other labels, before the loader is made",
    "device": "fastinet.torch.Loader takes batches to a device, and fastinet.jax.feed does",
    "channels_last": 'layout="NHWC" is that; fastinet.torch.Loader has channels_last=',
    "indices": "ds.select(indices) gives the dataset of these items",
    "subset": "ds.select(indices) gives the dataset of these items",
    # tf.data's, Keras' and DALI's
    "drop_remainder": "it is called drop_last= here",
    "num_parallel_calls": _THREADS,
    "num_threads": "it is called threads= here",
    "buffer_size": "shuffle=True is a shuffle of everything, and needs no buffer",
    "shuffle_buffer": "shuffle=True is a shuffle of everything, and needs no buffer",
    "repeat": _EPOCHS,
    "epochs": _EPOCHS,
    "num_epochs": _EPOCHS,
    "epoch": "loader.set_epoch(7) makes the next loop epoch 7, loader.epoch(7) begins it",
    "image_size": _TRANSFORM,
    "size": _TRANSFORM,
    "resolution": _TRANSFORM,
    "shard_id": _RANK,
    "num_shards": _RANK,
    # FFCV's, timm's and WebDataset's
    "order": _ORDER,
    "distributed": _RANK,
    "batches_ahead": _AHEAD,
    "num_aug_repeats": "it is called repeats= here",
    "normalize": _MEAN,
    "normalise": _MEAN,
    "is_training": "transform=, shuffle= and drop_last= say one by one what differs in training",
    "stream": 'draws="local", or another name, draws other crops for the same items',
}

TOLD_TO_THE_LOADER: Final = {
    **{
        name: f"the loader that it is given has none either: {said}"
        for name, said in OTHER_NAMES.items()
    },
    **{
        name: f"it is the loader's, which is made before: fastinet.Loader(..., {name}=...)"
        for name in (
            *("dataset", "batch_size", "transform", "dtype", "layout", "mean", "std", "out"),
            *EpochArguments.__annotations__,
        )
    },
}
"""The same for what takes a loader that was made already."""
