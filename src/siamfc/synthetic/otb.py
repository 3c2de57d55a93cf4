"""Synthetic videos in OTB layout: images in `img/`, boxes in `groundtruth_rect.txt`."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from siamfc.disk import explained_full_disk
from siamfc.files import staged_folder

TRUTH_NAME = "groundtruth_rect.txt"


class AnnotatedVideo(Protocol):
    """Frames with their ground truth, such as `SquareVideo` and `ProceduralClip`."""

    @property
    def boxes(self) -> NDArray[np.float64]:
        """(F, 4) x, y, w, h in pixels of the frame."""

    @property
    def visibility(self) -> NDArray[np.float64]:
        """(F,) visible fraction of the target, 0 to 1."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]: ...


def format_truth(boxes: NDArray[np.float64]) -> str:
    r"""Format boxes (F, 4) as in OTB: one line `x,y,w,h` per frame, x and y 1-based.

    Whole numbers are written without decimals, others with at most six.

    >>> format_truth(np.array([[0, 9.25, 40, 30]]))
    '1,10.25,40,30\n'
    """
    return format_rows(boxes + np.array([1, 1, 0, 0]))


def format_rows(rows: NDArray[np.float64]) -> str:
    """Format numbers (F, N) as lines of text, with at most six decimals."""
    lines = []
    for row in rows.tolist():
        numbers = (f"{value:.6f}".rstrip("0").rstrip(".") for value in row)
        lines.append(",".join(numbers) + "\n")
    return "".join(lines)


def write_otb(
    out: Path, video: AnnotatedVideo, *, on_frame: Callable[[], None] | None = None
) -> None:
    """Write a video as lossless PNG in OTB layout, with `visibility.txt` beside the boxes.

    Args:
        out: a folder that does not exist or is empty; it appears when it is complete.
        video: frames and ground truth.
        on_frame: called after each frame.

    Raises:
        OutputError: `out` exists and is not an empty folder, or the disk is full.
    """
    with staged_folder(out) as folder, explained_full_disk(out):
        (folder / "img").mkdir()
        digits = max(4, len(str(len(video))))
        for index in range(len(video)):
            image = Image.fromarray(video[index])
            image.save(folder / "img" / f"{index + 1:0{digits}d}.png")
            if on_frame is not None:
                on_frame()
        (folder / TRUTH_NAME).write_text(format_truth(video.boxes))
        (folder / "visibility.txt").write_text(format_rows(video.visibility[:, None]))
