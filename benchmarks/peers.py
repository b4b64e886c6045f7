"""Other libraries, each run as well as its documentation knows how.

Nothing is allocated for an image that a library can put elsewhere: decoders write into one buffer
(`buffer=`), OpenCV into the batch (`dst=`), and its flip is OpenCV's own. What is not installed is
None in the tables below, whose callers say so.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from pipelines import BATCH, RESIZE, SIZE, EpochPlan, OneThread

from fastinet.testing import reference

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

# The peers, and how each is installed. TensorFlow is large, so that no extra of ours has it.
PACKAGES = {
    "simplejpeg": "pip install simplejpeg",
    "cv2": "pip install opencv-python-headless",
    "leanjpeg_simple": "pip install leanjpeg-simple  (Python 3.13 and newer)",
    "tensorflow": "pip install tensorflow",
}

FAST = {"fastdct": True, "fastupsample": True}  # simplejpeg's flags that change pixels


def missing(*packages: str) -> str:
    """What of these is not installed, and how it is; "" where all of it is there."""
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    return "; ".join(f"{name} is not installed: {PACKAGES[name]}" for name in absent)


def decoder(
    package: str, most_pixels: int | None = None, **flags: bool
) -> Callable[[Any], NDArray[np.uint8]]:
    """`decode_jpeg` of simplejpeg, or of leanjpeg_simple, to RGB.

    With `most_pixels`, the most that an image has, into one buffer for all images.
    """
    decode: Callable[..., NDArray[np.uint8]] = importlib.import_module(package).decode_jpeg
    if most_pixels is None:
        return lambda data: decode(data, "RGB", **flags)
    buffer = np.zeros(3 * most_pixels, np.uint8)
    return lambda data: decode(data, "RGB", buffer=buffer, **flags)


def _largest(archive: Path) -> int:
    """Pixels of the largest image."""
    images = (reference.read_member(archive, m) for m in reference.list_members(archive))
    return max(width * height for width, height in (reference.open_image(i).size for i in images))


def _opencv() -> Any:
    """OpenCV on one thread."""
    cv2 = importlib.import_module("cv2")
    cv2.setNumThreads(1)
    return cv2


def simplejpeg_opencv(archive: Path, **flags: bool) -> OneThread:
    """Full decode by simplejpeg, OpenCV's linear resize of the crop, and its flip."""
    cv2 = _opencv()
    decode = decoder("simplejpeg", _largest(archive), **flags)
    unflipped = np.zeros((SIZE, SIZE, 3), np.uint8)

    def row(data: memoryview, box: NDArray[np.int32], flip: bool, row: NDArray[np.uint8]) -> None:
        x, y, width, height = box.tolist()
        part = decode(data)[y : y + height, x : x + width]
        if not flip:
            cv2.resize(part, (SIZE, SIZE), dst=row, interpolation=cv2.INTER_LINEAR)
            return
        cv2.resize(part, (SIZE, SIZE), dst=unflipped, interpolation=cv2.INTER_LINEAR)
        cv2.flip(unflipped, 1, dst=row)

    return OneThread(archive, row)


def simplejpeg_opencv_val(archive: Path) -> OneThread:
    """Full decode, and the linear resize of what the centre crop shows, straight into the batch.

    Less work than to resize the whole image and to crop it then, which gives the same pixels but
    for the places where they are sampled.
    """
    cv2 = _opencv()
    decode = decoder("simplejpeg", _largest(archive))

    def row(data: memoryview, _box: NDArray[np.int32], _flip: bool, row: NDArray[np.uint8]) -> None:
        image = decode(data)
        height, width = image.shape[:2]
        side = round(min(height, width) * SIZE / RESIZE)
        x, y = (width - side) // 2, (height - side) // 2
        part = image[y : y + side, x : x + side]
        cv2.resize(part, (SIZE, SIZE), dst=row, interpolation=cv2.INTER_LINEAR)

    return OneThread(archive, row)


class TensorFlowRoi:
    """tf.data with `decode_and_crop_jpeg`, which decodes the crop's rows alone; not antialiased.

    The images lie in `folder`, in files of their own, as `tf.io.read_file` wants them. One thread
    does the work. One iterator serves all epochs, so that none of them pays for its making; what an
    epoch holds is in variables.
    """

    def __init__(self, archive: Path, folder: Path, *, val: bool = False) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        self._tf: Any = importlib.import_module("tensorflow")
        tf = self._tf
        with contextlib.suppress(RuntimeError):  # it works already, on as many threads as it has
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        members = reference.list_members(archive)
        paths = [folder / f"{number}.jpg" for number in range(len(members))]
        for path, member in zip(paths, members, strict=True):
            if not path.exists():
                path.write_bytes(reference.read_member(archive, member))
        self._paths = tf.constant([str(path) for path in paths])
        self._items = tf.Variable(tf.zeros([len(paths)], tf.int64))
        self._windows = tf.Variable(tf.zeros([len(paths), 4], tf.int32))
        self._flips = tf.Variable(tf.zeros([len(paths)], tf.bool))
        options = tf.data.Options()
        options.threading.private_threadpool_size = 1
        options.threading.max_intra_op_parallelism = 1
        # Else a thread makes batches ahead, while others are measured.
        options.autotune.enabled = False
        options.experimental_optimization.inject_prefetch = False
        dataset = tf.data.Dataset.range(len(paths)).map(self._val_row if val else self._row)
        self._batches = iter(dataset.batch(BATCH).repeat().with_options(options))

    def epoch(self, plan: EpochPlan) -> int:
        """Makes all batches of `plan`; gives the number of images."""
        x, y, width, height = plan.boxes.T
        self._items.assign(plan.items)
        self._windows.assign(np.stack([y, x, height, width], axis=1))
        self._flips.assign(plan.flips)
        return sum(len(next(self._batches)) for _ in range(0, len(plan.items), BATCH))

    def _row(self, at: Any) -> Any:
        tf = self._tf
        data = tf.io.read_file(self._paths[self._items[at]])
        image = tf.image.decode_and_crop_jpeg(data, self._windows[at], channels=3)
        image = tf.cast(tf.image.resize(image, (SIZE, SIZE)), tf.uint8)
        return tf.cond(self._flips[at], lambda: tf.reverse(image, [1]), lambda: image)

    def _val_row(self, at: Any) -> Any:
        tf = self._tf
        data = tf.io.read_file(self._paths[self._items[at]])
        height, width, _ = tf.unstack(tf.io.extract_jpeg_shape(data))
        side = tf.cast(tf.minimum(height, width) * SIZE / RESIZE, tf.int32)
        window = tf.stack([(height - side) // 2, (width - side) // 2, side, side])
        image = tf.image.decode_and_crop_jpeg(data, window, channels=3)
        return tf.cast(tf.image.resize(image, (SIZE, SIZE)), tf.uint8)
