"""A tracker for the experiments of the GOT-10k toolkit.

>>> from siamfc.evaluation.trackers.got10k import Got10kTracker
>>> experiment = ExperimentGOT10k("GOT-10k", subset="val")  # doctest: +SKIP
>>> experiment.run(Got10kTracker.from_pretrained())  # doctest: +SKIP
"""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from siamfc.array_types import FloatArray
from siamfc.evaluation.runs import SingleTargetTracker
from siamfc.frames import read_image
from siamfc.tracking import Settings, Tracker


class Got10kTracker:
    """Any tracker behind the interface of `got10k.trackers.Tracker`, without needing that package.

    Args:
        tracker: the wrapped tracker.
        name: name under which the toolkit files the results.
        is_deterministic: the tracker always returns the same boxes, so the toolkit runs it once.
        index_base: number of the first pixel in the toolkit's boxes, which it takes unchanged from
            a data set's files: 0 for GOT-10k, 1 for OTB, LaSOT, UAV123 and VOT.
    """

    def __init__(
        self,
        tracker: SingleTargetTracker,
        *,
        name: str = "siamfc",
        is_deterministic: bool = True,
        index_base: float = 0.0,
    ) -> None:
        self.name = name
        self.is_deterministic = is_deterministic
        self._tracker = tracker
        self._shift = np.array([index_base, index_base, 0.0, 0.0])

    @classmethod
    def from_pretrained(
        cls,
        weights: str | Path = "default",
        device: str = "auto",
        settings: Settings | None = None,
        *,
        name: str = "siamfc",
        index_base: float = 0.0,
    ) -> Self:
        """Load a tracker from weights, as `Tracker.from_pretrained` does.

        Raises:
            CheckpointError: the weights are unknown, damaged or unsafe.
        """
        tracker = Tracker.from_pretrained(weights, device, settings)
        return cls(tracker, name=name, index_base=index_base)

    def init(self, image: Image.Image, box: ArrayLike) -> None:
        """Start tracking, with a Pillow image and the target's box in it."""
        init_box = np.asarray(box, dtype=np.float64) - self._shift
        self._tracker.init(np.asarray(image.convert("RGB")), init_box)

    def update(self, image: Image.Image) -> FloatArray:
        """Return the target's box (4,) in the next image."""
        found = self._tracker.update(np.asarray(image.convert("RGB")))
        return np.asarray(np.asarray(found, dtype=np.float64) + self._shift)

    def track(
        self, img_files: Iterable[str], box: ArrayLike, visualize: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Track through image files, the toolkit's main call.

        Args:
            img_files: paths of the frames.
            box: in the first of them.
            visualize: must be off; `siamfc track --out` writes a video.

        Returns:
            The boxes (F, 4) and the seconds spent in the tracker (F,).

        Raises:
            NotImplementedError: `visualize` is on.
        """
        if visualize:
            raise NotImplementedError("siamfc cannot visualize here: use `siamfc track --out`")
        boxes: list[FloatArray] = []
        seconds = []
        for path in img_files:
            image: Any = Image.fromarray(read_image(path))
            start = time.perf_counter()
            if boxes:
                boxes.append(self.update(image))
            else:
                self.init(image, box)
                boxes.append(np.asarray(box, dtype=np.float64))
            seconds.append(time.perf_counter() - start)
        return np.stack(boxes), np.array(seconds)
