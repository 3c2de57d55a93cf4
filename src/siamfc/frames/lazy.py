"""Frames of a video that keep the decoded picture and convert its pixels when they are used."""

from __future__ import annotations

from functools import cached_property
from typing import cast

import av
import numpy as np

from siamfc.cropping import Planes
from siamfc.frames.conversion import RgbConverter
from siamfc.frames.frame import Frame, Image


class LazyFrame(Frame):
    """A decoded frame that is converted by the thread that uses it, and only as far as it does.

    Args:
        picture: The decoded picture, of which `converter` can convert parts.
        converter: The stream's converter.
        index: Position in the source.
        time: Seconds since the source's first frame.
    """

    __slots__ = ("_converter", "_picture", "_whole")
    _picture: av.VideoFrame
    _converter: RgbConverter
    _whole: Image | None

    def __init__(
        self, picture: av.VideoFrame, converter: RgbConverter, index: int, time: float
    ) -> None:
        for name, value in (
            ("index", index),
            ("time", time),
            ("_picture", picture),
            ("_converter", converter),
            ("_whole", None),
        ):
            object.__setattr__(self, name, value)

    @property
    def image(self) -> Image:
        """The whole picture, converted on first use."""
        return self.convert() if self._whole is None else self._whole

    def convert(self) -> Image:
        """Convert the whole picture, and keep and return it."""
        whole = self._converter(self._picture, self.index)
        object.__setattr__(self, "_whole", whole)
        return whole

    @property
    def pixels(self) -> Image:
        """The picture with its planes; only the slices that are taken are converted."""
        return cast(Image, _Parts(self._picture, self._converter, self._whole))

    def __reduce__(self) -> tuple[type[Frame], tuple[Image, int, float]]:
        return Frame, (self.image, self.index, self.time)


class _Parts:
    """The part of an array's interface that cropping uses: shape, type, and `[rows, columns]`."""

    def __init__(
        self, picture: av.VideoFrame, converter: RgbConverter, whole: Image | None
    ) -> None:
        self.shape = picture.height, picture.width, 3
        self.dtype = np.dtype(np.uint8)
        self._picture, self._converter, self._whole = picture, converter, whole

    @cached_property
    def planes(self) -> Planes | None:
        """Planes from which cropping averages, whether the picture has been converted or not."""
        return self._converter.planes(self._picture)

    def __getitem__(self, place: tuple[slice, slice]) -> Image:
        if self._whole is not None:
            return self._whole[place]
        rows, columns = (
            slice(*one.indices(length)) for one, length in zip(place, self.shape[:2], strict=True)
        )
        return self._converter.convert_part(self._picture, rows, columns)


def decoded_frame(
    picture: av.VideoFrame, converter: RgbConverter, index: int, time: float, *, lazy: bool
) -> Frame:
    """Return a decoded picture as a frame, converted now unless `lazy` and this is possible.

    Crops are the same in both cases: a frame that has been converted keeps its planes for them.
    """
    if not converter.can_convert_parts(picture):
        return Frame(converter(picture, index), index, time)
    frame = LazyFrame(picture, converter, index, time)
    if not lazy:
        frame.convert()
    return frame
