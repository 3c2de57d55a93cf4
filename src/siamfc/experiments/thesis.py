"""Numbers that the thesis reports in chapters 4.2 to 4.4, each with its table or figure."""

from typing import NamedTuple

BEST_EPOCH = 7
"""Best epoch of experiment 1, by the validation loss (figure 11)."""
EPOCHS = 50
"""Epochs of every training (table 6)."""
CENTER_ERROR_1 = 1.70
"""Error in pixels of the tracker trained on squares, steps up to 4 pixels, one scale (table 7)."""
CENTER_ERROR_2 = 4.19
"""Error in pixels of the tracker trained on ImageNet VID, on the same video (table 8)."""
VID_VIDEOS = 4417
"""Number of training videos of experiment 2 (4.1.2)."""
STEPS = (4, 16, 32)
"""Longest steps of videos 1 to 3, pixels (4.4)."""


class VideoRow(NamedTuple):
    """A video of experiment 3: its row of table 9, and of table 10."""

    name: str
    source: str
    frames: int
    size: str
    description: str
    appearance: str
    motion: str
    synthetic_error: float
    """Centre error of the tracker trained on squares, pixels."""
    imagenet_error: float
    """Centre error of the tracker trained on ImageNet VID, pixels."""


_SQUARE = ("Synthetic", 300, "255 × 255", "Black square on white", "None")

VIDEOS = (
    VideoRow("Video 1", *_SQUARE, "Low", 3.95, 4.19),
    VideoRow("Video 2", *_SQUARE, "Medium", 4.18, 17.70),
    VideoRow("Video 3", *_SQUARE, "High", 4.34, 18.72),
    VideoRow("Video 4", "ImageNet", 464, "1280 × 720", "Turtle, still", "Low", "Low", 9.40, 8.63),
    VideoRow(
        "Video 5", "ImageNet", 264, "1280 × 720", "Helicopter", "Medium", "Medium", 253.90, 41.45
    ),
    VideoRow(
        "Video 6", "ImageNet", 419, "1280 × 720", "Running dog", "High", "High", 291.33, 246.37
    ),
    VideoRow("Video 7", "LaSOT", 1335, "1280 × 720", "Polar bear", "Low", "Low", 14.38, 9.54),
    VideoRow(
        "Video 8", "LaSOT", 3000, "1280 × 720", "Boat at sea", "Medium", "Medium", 48.90, 39.75
    ),
    VideoRow(
        "Video 9", "LaSOT", 2660, "1280 × 720", "Helicopter", "Very high", "High", 388.94, 302.06
    ),
)
"""Tables 9 and 10."""
