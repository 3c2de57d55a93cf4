"""Tracking a whole video with one call: `track`, which returns a `Track`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from siamfc.errors import InputError, MissingDependencyError, SiamFCError
from siamfc.tracking.both_ways import WHOLE, FrameRange, follow, require_indexed
from siamfc.tracking.defaults import Settings
from siamfc.tracking.doubts import Doubt, review
from siamfc.tracking.key_frames import GivenBoxes, TargetBoxes, as_key_frames, one_given
from siamfc.tracking.results import FrameResult
from siamfc.tracking.tracker import Color, check_color, to_rgb

if TYPE_CHECKING:
    import pandas as pd

    from siamfc.frames import Frame, FrameSource
    from siamfc.network.matcher import Network


def track(
    source: str | Path | int | Iterable[NDArray[np.uint8]] | FrameSource,
    boxes: GivenBoxes | None = None,
    *,
    box: TargetBoxes | None = None,
    start: int = 0,
    end: int | None = None,
    every: int = 1,
    smooth: bool = False,
    weights: str | Path = "default",
    device: str = "auto",
    threads: int | None = None,
    color: Color = "rgb",
    settings: Settings | None = None,
    matcher: Network | None = None,
) -> Track:
    """Track one or several objects through a video, given their boxes in one or several frames.

    >>> track = siamfc.track("video.mp4", box=(120, 80, 60, 40))  # doctest: +SKIP
    >>> track.save("tracked.mp4")  # doctest: +SKIP

    Where the track goes wrong, give the box in that frame too: between two given boxes the object
    is tracked forwards from the first and backwards from the second.

    >>> track = siamfc.track("video.mp4", {0: (120, 80, 60, 40), 96: (180, 90, 55, 42)})
    ... # doctest: +SKIP

    Nothing is opened and no network is loaded until the first result is requested. A source opened
    here is closed at the end; one that was passed in open stays open.

    Args:
        source: a video file, a folder or glob of images, a camera number, a stream's URL, an
            iterable of pictures (H, W, 3) uint8, or what `siamfc.open_source` returns.
        boxes: for one object, its box x, y, w, h in the first frame, in pixels from the frame's top
            left corner, or its boxes by 0-based frame. For several objects, a sequence of those or
            a mapping from names to those.
        box: box of a single object, in place of `boxes`.
        start: first frame to track.
        end: last frame to track; None: the source's last.
        every: step between tracked frames; frames with a given box are always tracked.
        smooth: remove jitter from the boxes and bridge stretches in which an object is lost. The
            whole source is then tracked before the first result is available.
        weights: a name that `siamfc models` lists, or a path.
        device: "auto", "cpu" or "cuda".
        threads: number of threads for the network on a CPU; None: depends on the number of cores.
        color: "bgr" for an iterable of OpenCV pictures; the track's frames are always RGB.
        settings: None: the network's defaults.
        matcher: a loaded network, in place of `weights`, `device` and `threads`.

    Returns:
        A track: loop over it for one result per frame, or convert it to a table, file or video.

    Raises:
        InputError: neither `box` nor `boxes`, or both; `box` is not one box; not a source; or
            "bgr" for a source with its own channel order.
    """
    given = one_given(box, boxes)
    check_color(color)
    if color == "bgr":
        source = _reversed_channels(source)

    def load() -> Network:
        from siamfc.network import load_matcher

        if matcher is not None:
            return matcher
        return load_matcher(weights, device=device, threads=threads)

    frame_range = FrameRange(start=start, end=end, every=every)
    return Track(source, given, load, settings, frame_range=frame_range, smooth=smooth)


class Track:
    """Boxes of objects in a video, tracked on demand, frame by frame, and kept.

    Each loop over a track starts at the first frame: it repeats the existing results at once, then
    continues to track. A result takes about half a kilobyte; pictures are not kept. Several threads
    may use a track at once.

    In a notebook, a track displays the last tracked frame with its boxes. Pickling tracks to the
    end: the copy has all results, and reads the source again only for its frames.

    Args:
        source: as for `track`.
        boxes: as for `track`.
        load: loads the network; called when it is first needed.
        settings: None: the network's defaults.
        frame_range: which frames are tracked.
        smooth: as for `track`.

    Every method that continues to track raises:
        InputError: a box that cannot be tracked.
        SourceError: a source that cannot be read, has no frame, or whose frames change size.
        CheckpointError: weights that are unknown, damaged or unsafe.
    """

    def __init__(
        self,
        source: str | Path | int | Iterable[NDArray[np.uint8]] | FrameSource,
        boxes: GivenBoxes,
        load: Callable[[], Network],
        settings: Settings | None = None,
        *,
        frame_range: FrameRange = WHOLE,
        smooth: bool = False,
    ) -> None:
        from siamfc.frames import open_source

        self._source = source if isinstance(source, str | Path | int) else open_source(source)
        self._boxes = boxes
        self._range = frame_range
        self._results: list[FrameResult] = []
        self._begin(self._follow(load, settings, smooth=smooth))

    def _begin(self, pairs: Generator[tuple[Frame, FrameResult]]) -> None:
        """Set what a pickle does not hold; `pairs` has the frames still to be tracked."""
        self._pairs = pairs
        self._opened: FrameSource | None = None
        self._held = ExitStack()
        self._last: tuple[Frame, FrameResult] | None = None
        self._failure: Exception | None = None
        self._lock = RLock()

    def __getstate__(self) -> dict[str, Any]:
        from siamfc.frames import ArraySource

        source = self._source
        is_list = isinstance(source, ArraySource) and source.frame_count is not None
        if not (is_list or isinstance(source, str | Path | int)):
            raise InputError(
                f"the track of an open source cannot be pickled, got {self._name}: track a file by "
                "its name, or pickle list(track)"
            )
        results = list(self)
        return {
            "_source": source,
            "_boxes": self._boxes,
            "_range": self._range,
            "_results": results,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        nothing: list[tuple[Frame, FrameResult]] = []
        self._begin(pair for pair in nothing)

    # --- Results ----------------------------------------------------------------------------------

    @property
    def results(self) -> list[FrameResult]:
        """Results so far; `list(track)` tracks to the end and returns all."""
        return list(self._results)

    def __iter__(self) -> Iterator[FrameResult]:
        position = 0
        while self._reach(position):
            yield self._results[position]
            position += 1

    def frames(self) -> Iterator[tuple[Frame, FrameResult]]:
        """Yield each frame with its result, from the first, to show or to draw on.

        >>> for frame, result in track.frames():  # doctest: +SKIP
        ...     show(result.draw(frame.image))

        Frames tracked earlier are read from the source again.

        Raises:
            SourceError: a camera, a stream or a generator, which cannot be read again.
        """
        position = 0
        while True:
            with self._lock:
                if len(self._results) != position:
                    break
                if not self._advance():
                    return
                last = self._last
            assert last is not None  # what `_advance` has tracked
            yield last
            position += 1
        yield from islice(self._read_again(), position, None)

    def close(self) -> None:
        """Stop tracking and release the source; results are kept. May be called twice."""
        with self._lock:
            self._pairs.close()
            self._held.close()

    def review(self) -> list[Doubt]:
        """Track to the end and list the stretches that need a review, worst first."""
        return review(self)

    # --- As tables and files ----------------------------------------------------------------------

    def to_dicts(self) -> list[dict[str, Any]]:
        """Track to the end and return a dict per frame, see `FrameResult.to_dict`."""
        return [result.to_dict() for result in self]

    def to_rows(self) -> list[dict[str, Any]]:
        """Track to the end and return a row per frame and target, see `FrameResult.to_rows`."""
        return [row for result in self for row in result.to_rows()]

    def to_pandas(self) -> pd.DataFrame:
        """Track to the end and return a table with a row per frame and target.

        Its columns are those of a .csv file: frame, time, target, x, y, w, h, score, lost, status,
        agreement, name. Frames count from 0, targets from 1; NaN or "" where unknown.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError:
            raise MissingDependencyError(
                "a table needs the package pandas: `pip install pandas` (to_rows gives the same "
                "without it)"
            ) from None
        return DataFrame(self.to_rows())

    def save(
        self,
        path: str | Path,
        *,
        format: str | None = None,
        labels: Sequence[str] = (),
        overwrite: bool = False,
    ) -> list[Path]:
        """Track to the end and write a file, completely or not at all; return the files' paths.

        The suffix selects the format: .csv, .jsonl, .txt (OTB convention, one file per target),
        .json (COCO) or .xml (CVAT) for the boxes; .mp4, .mov, .mkv or .webm, or a folder of PNG
        files (a name without a suffix), for the video with the boxes drawn in.

        Args:
            path: file or folder to write.
            format: format of the boxes in place of the suffix's: csv, jsonl, otb, vot, lasot,
                got10k, mot, coco, cvat, yolo, label-studio or voc.
            labels: class of each target, or one for all; by default its name.
            overwrite: replace existing files.

        Raises:
            InputError: an unknown format or suffix.
            OutputError: a file that exists, unless `overwrite`, or cannot be written.
            SourceError: a video from a source that can be read only once; see `frames`.
        """
        from siamfc.frames.paths import check_not_source
        from siamfc.tracking.exports import EXPORT_SUFFIXES, export_paths, open_export

        if format is not None or Path(path).suffix.lower() in EXPORT_SUFFIXES:
            source = self._open()
            targets = len(as_key_frames(self._boxes, self._range.start))
            paths = export_paths(path, targets, format)
            for file in paths:
                check_not_source(file, source)
            with open_export(
                path,
                targets=targets,
                format=format,
                video=source,
                labels=labels,
                overwrite=overwrite,
            ) as add:
                for result in self:
                    add(result)
            return paths
        self._save_video(path, overwrite)
        return [Path(path)]

    def _save_video(self, path: str | Path, overwrite: bool) -> None:
        from siamfc.frames import VIDEO_SUFFIXES, open_writer
        from siamfc.tracking.exports import EXPORT_SUFFIXES

        if Path(path).suffix and Path(path).suffix.lower() not in VIDEO_SUFFIXES:
            raise InputError(
                f"expected a name in {', '.join(EXPORT_SUFFIXES)} for boxes or "
                f"{', '.join(VIDEO_SUFFIXES)} for a video, got {path}"
            )
        with open_writer(path, like=self._open(lazy=False), overwrite=overwrite) as writer:
            for frame, result in self.frames():
                writer.write(result.draw(frame.image), frame.time)

    # --- Display ----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<Track of {self._name}: {self._progress}>"

    def _repr_html_(self) -> str:
        """Return the current state as HTML for a notebook; tracks nothing."""
        from siamfc.tracking.notebook import to_html

        picture = None
        if self._last is not None:
            frame, result = self._last
            picture = result.draw(frame.image)
        return to_html(f"Track of {self._name}", self._progress, picture)

    @property
    def _name(self) -> str:
        if self._opened is not None:
            return self._opened.name
        return str(
            self._source if isinstance(self._source, str | Path | int) else self._source.name
        )

    @property
    def _progress(self) -> str:
        if not self._results:
            return "nothing tracked yet"
        targets = len(self._results[-1].boxes)
        count = len(self._results)
        objects = f"{targets} object{'s' if targets > 1 else ''}"
        return f"{objects}, {count} frame{'s' if count > 1 else ''} so far"

    # --- Tracking ---------------------------------------------------------------------------------

    def _open(self, *, lazy: bool = True) -> FrameSource:
        """Return the source, opened on the first call; see `open_source` for `lazy`."""
        from siamfc.frames import open_source

        with self._lock:
            if self._opened is None:
                self._opened = open_source(self._source, lazy=lazy)
                if self._opened is not self._source:
                    self._held.callback(self._opened.close)
            return self._opened

    def _follow(
        self, load: Callable[[], Network], settings: Settings | None, *, smooth: bool
    ) -> Generator[tuple[Frame, FrameResult]]:
        with self._held:
            yield from follow(
                self._open(),
                self._boxes,
                load(),
                settings,
                frame_range=self._range,
                smooth=smooth,
            )

    def _reach(self, position: int) -> bool:
        """Track until the result at a position is known; return False if there is none."""
        with self._lock:
            return position < len(self._results) or self._advance()

    def _advance(self) -> bool:
        """Track one more frame; return False at the end. A failure is raised on every call."""
        if self._failure is not None:
            raise self._failure
        try:
            pair = next(self._pairs, None)
        except KeyboardInterrupt:
            self._failure = SiamFCError(
                f"tracking was interrupted after {len(self._results)} frames: track.results has "
                "them; call siamfc.track again for the whole"
            )
            raise
        except Exception as error:
            self._failure = error
            raise
        if pair is None:
            return False
        self._last = pair
        self._results.append(pair[1])
        return True

    def _read_again(self) -> Iterator[tuple[Frame, FrameResult]]:
        """Yield each frame with its result, reading the source a second time."""
        from siamfc.frames import open_source

        require_indexed(self._open(), "ask for its frames, or for the video, before anything else")
        again = open_source(self._source)  # for pictures, which are used whole
        try:
            key_frames = as_key_frames(self._boxes, self._range.start)
            yield from zip(self._range.frames(again, key_frames), self, strict=False)
        finally:
            if again is not self._source:
                again.close()


def _reversed_channels(source: object) -> Iterable[NDArray[np.uint8]]:
    """Yield or list pictures in memory with their channels reversed."""
    from siamfc.frames import FrameSource

    if isinstance(source, str | Path | int | FrameSource) or not isinstance(source, Iterable):
        raise InputError(f"color: 'bgr' is for pictures in memory, got {source!r}")
    if isinstance(source, Sequence | np.ndarray):
        return [to_rgb(picture, "bgr") for picture in source]
    return (to_rgb(picture, "bgr") for picture in source)
