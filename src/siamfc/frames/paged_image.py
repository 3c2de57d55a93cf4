"""Source of frames from one image file with several pictures: WebP, GIF, APNG, AVIF, TIFF."""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Iterator
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from PIL import Image as PillowImage

from siamfc.frames.arrays import check_frame_rate
from siamfc.frames.frame import Frame, Image
from siamfc.frames.grey import GreyRange
from siamfc.frames.images import find_grey_range, frame_pages, open_image, to_rgb
from siamfc.frames.missing_end import missing_end
from siamfc.frames.paths import require_file
from siamfc.frames.read_ahead import IndexedReadAheadSource

_logger = logging.getLogger(__name__)

_DEFAULT_SECONDS = 0.1
"""Duration of a picture that states none or almost none, as in browsers."""
_SHORTEST_SECONDS = 0.011
_TIMED_PICTURES = 16
"""Number of pictures whose durations give the frame rate: each must be decoded."""
_HELD_BYTES = 256e6
"""Memory for pictures while frames are read backwards."""

_SIGNATURES = (b"GIF8", b"II*\0", b"MM\0*")


class _Page(NamedTuple):
    number: int
    image: Image
    seconds: float
    """Duration of the picture; NaN if the format has no clock."""


class PagedImage(IndexedReadAheadSource):
    """The pictures of one file, one per frame, with the durations stated in the file.

    From a truncated file, the pictures before the break are read, with a warning in the log.

    Args:
        path: The file.
        frame_rate: Frames per second of a TIFF file's pages, which have no clock; None: the times
            are NaN.
        read_ahead: Number of pictures decoded ahead, at least 1.

    Raises:
        InputError: `frame_rate` is not above 0, or `read_ahead` is less than 1.
        SourceError: No such file, or no picture in it that can be decoded.
    """

    def __init__(
        self, path: str | Path, *, frame_rate: float | None = None, read_ahead: int = 4
    ) -> None:
        super().__init__(read_ahead)
        check_frame_rate(frame_rate)
        self.path = path = Path(path)
        self.name = path.name
        self.fault = ""
        """Problem found when reading to the end; empty if none so far."""
        self._step = math.nan if frame_rate is None else 1 / frame_rate
        with open_image(path) as image:
            pages = frame_pages(image)
            self._is_tiff = image.format == "TIFF"
            self._grey: GreyRange | None = None
            if image.mode.startswith("I"):
                self._grey = find_grey_range(_sample(image, pages), name=self.name)
        self._pages = pages
        first, *more = islice(self._decoded(0), _TIMED_PICTURES)
        height, width, _ = first.image.shape
        self.size = (width, height)
        mean = fmean(page.seconds for page in (first, *more))
        self.frame_rate = None if math.isnan(mean) else 1 / mean
        """Mean over the first pictures; the first one alone often stays longer than the others."""

    @property
    def frame_count(self) -> int:
        """Number of pictures."""
        return len(self._pages)

    def count_frames(self) -> int:
        """Count the pictures that can be decoded."""
        return sum(1 for _ in self._frames_from(0))

    def _count(self) -> int:
        return self.frame_count

    def _frames_from(self, start: int) -> Generator[Frame]:
        """Decode from the first picture, since each may depend on the last one; not so in TIFF."""
        first = start if self._is_tiff else 0
        time = first * self._step if first else 0.0
        for page in self._decoded(first):
            if page.number >= start:
                yield Frame(page.image, page.number, math.nan if math.isnan(page.seconds) else time)
            time += page.seconds

    def _frames_back(self, start: int, stop: int) -> Generator[Frame]:
        width, height = self.size
        block = max(1, int(_HELD_BYTES / (3 * width * height)))
        while stop > start:
            first = max(start, stop - block)
            yield from reversed(list(islice(self._frames_from(first), stop - first)))
            stop = first

    def _decoded(self, start: int) -> Iterator[_Page]:
        count = start
        with open_image(self.path) as image:
            for number, page in enumerate(self._pages[start:], start):
                try:
                    image.seek(page)
                    pixels = to_rgb(image, self._grey)
                except Exception as error:  # decoders raise whatever they like on damaged files
                    if not count:
                        raise
                    self._note(f"is cut off after {count} of {len(self._pages)} frames ({error})")
                    return
                count += 1
                yield _Page(number, pixels, self._seconds(image))
        end = missing_end(self.path, 0)
        if end:
            self._note(f"is cut off after {count} frames: {end}")

    def _seconds(self, image: PillowImage.Image) -> float:
        if self._is_tiff:
            return self._step
        stated = float(image.info.get("duration", 0)) / 1000
        return stated if stated >= _SHORTEST_SECONDS else _DEFAULT_SECONDS

    def _note(self, fault: str) -> None:
        if not self.fault:
            _logger.warning("%s %s", self.path, fault)
        self.fault = fault


def _sample(image: PillowImage.Image, pages: list[int]) -> Iterator[PillowImage.Image]:
    """Yield a few evenly spaced pages."""
    for page in pages[:: max(1, len(pages) // 8)]:
        image.seek(page)
        yield image


def is_paged_format(path: Path) -> bool:
    """Return True for content in a format that can hold several pictures, whatever its name."""
    require_file(path)
    with path.open("rb") as file:
        start = file.read(16)
    is_avif = start[4:8] == b"ftyp" and start[8:12] in (b"avif", b"avis")
    is_webp = start.startswith(b"RIFF") and start[8:12] == b"WEBP"
    return start.startswith(_SIGNATURES) or is_avif or is_webp
