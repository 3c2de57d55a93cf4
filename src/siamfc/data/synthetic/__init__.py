"""Synthetic squares: the thesis's video (4.1.5) and its training images (4.1.4)."""

from siamfc.data.synthetic.video import SquareVideo, SquareVideoSettings

__all__ = ["SquareVideo", "SquareVideoSettings"]
