"""The state of the page's server: the network, the open jobs, and their files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

from siamfc.errors import InputError, SourceError
from siamfc.frames import FrameSource, ImageFiles, open_source, open_writer
from siamfc.frames.live import STREAM_SCHEMES, LiveSource, stream_address
from siamfc.network import Network
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.tracking import Settings
from siamfc.web.clips import Clip, FileClip, FileSource, ServedFiles, open_video
from siamfc.web.job import Job
from siamfc.web.library import Library
from siamfc.web.limits import Limits
from siamfc.web.private import free_name
from siamfc.web.recorder import Recording, StreamRecorder
from siamfc.web.uploads import Uploads
from siamfc.web.video_export import VideoExport

_SAMPLE_RATE = 30.0
_STREAM_SECONDS = 10.0
"""Without data after which a stream counts as broken off."""


class Session:
    """Opens sources as jobs and finds them again.

    Args:
        matcher: a network ready to track with.
        settings: the tracker's settings.
        folder: private, for uploads, recordings and videos.
        root: the folder whose videos are offered; None: none are.
        limits: bounds on what is accepted.
    """

    def __init__(
        self,
        matcher: Network,
        settings: Settings,
        *,
        folder: Path,
        root: Path | None,
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.folder = folder
        self.library = None if root is None else Library(root)
        self.uploads = Uploads(folder, self.limits)
        self._matcher = matcher
        self._settings = settings
        self._worker = ThreadPoolExecutor(1, "siamfc-track")
        """Jobs take turns: they would take the network's threads from each other."""
        self._jobs: dict[str, Job] = {}
        self._videos: dict[str, VideoExport] = {}

    @property
    def jobs(self) -> list[Job]:
        """In the order in which they were opened."""
        return list(self._jobs.values())

    def find(self, job_id: str) -> Job:
        """Return a job; HTTPException 404 if there is none of this number."""
        try:
            return self._jobs[job_id]
        except KeyError:
            raise HTTPException(404, "this video is no longer open") from None

    def video_of(self, job: Job) -> VideoExport:
        """The video that is made of a job."""
        return self._videos[job.id]

    @property
    def lost_threshold(self) -> float:
        """The score below which a target counts as lost."""
        return self._settings.lost.lost_threshold

    def find_open(self, key: str) -> Job | None:
        """The job that was opened under a key, if it is open."""
        return next((job for job in self.jobs if job.key == key), None)

    def check_room(self) -> None:
        """Raise HTTPException if no further job may be opened."""
        if len(self._jobs) >= self.limits.jobs:
            raise HTTPException(429, f"{len(self._jobs)} videos are open: close one first")

    def add(self, clip: Clip, *, key: str = "") -> Job:
        """Make a job of an open clip, which is closed if there is no room for it any more.

        Args:
            clip: the video to track in.
            key: tells when the same video is opened again.
        """
        try:
            self.check_room()
        except HTTPException:
            clip.close()
            raise
        job = Job(
            clip,
            self._matcher,
            self._settings,
            max_targets=self.limits.targets,
            submit=self._worker.submit,
        )
        job.key = key
        self._videos[job.id] = VideoExport(self.folder, is_tracking=self._is_tracking)
        self._jobs[job.id] = job
        return job

    def add_files(self, clip: FileClip, folder: Path, *, key: str = "") -> Job:
        """Make a job of an upload whose files go when it is closed."""
        job = self.add(clip, key=key)
        job.on_close(lambda: shutil.rmtree(folder, ignore_errors=True))
        return job

    def add_source(self, source: str) -> Job:
        """Open what the command line names: a file, folder, glob, camera or URL.

        Raises:
            SourceError, InputError: it cannot be opened.
        """
        opened = open_source(source)
        if isinstance(opened, FileSource):
            paths = opened.paths if isinstance(opened, ImageFiles) else [opened.path]
            files = ServedFiles({path: path.name for path in paths})
            return self.add(FileClip(opened, opened.name, files))
        return self._record(opened)

    def add_sample(self) -> Job:
        """Make a synthetic video and open it."""
        folder = free_name(self.folder)
        folder.mkdir(mode=0o700)
        path = folder / "sample.mp4"
        try:
            with open_writer(path, frame_rate=_SAMPLE_RATE) as writer:
                for index, image in enumerate(ProceduralClip(ClipSettings(frames=120, seed=2))):
                    writer.write(image, index / _SAMPLE_RATE)
            clip = open_video(path, "Sample video", self.limits)
            return self.add_files(clip, folder, key="sample")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def add_stream(self, url: str) -> Job:
        """Connect to a stream.

        Raises:
            SourceError: not a stream's URL, or no connection.
        """
        if urlsplit(url).scheme.lower() not in STREAM_SCHEMES:
            raise SourceError("expected a stream's address, such as rtsp://camera.local/live")
        address = stream_address(url, timeout=_STREAM_SECONDS)
        opened = LiveSource(replace(address, max_pixels=self.limits.pixels))
        try:
            return self._record(opened)
        except BaseException:
            opened.close()
            raise

    def add_camera(self, name: str, size: tuple[int, int]) -> Job:
        """Make a job of the browser's camera, whose pictures come later.

        Raises:
            InputError: a size that is none, or too large.
        """
        width, height = size
        if width < 16 or height < 16 or width * height > self.limits.pixels:
            raise InputError(f"a camera of {width}×{height} pixels cannot be used")
        recording, remove = self._recording(name, "camera", size, None)
        job = self.add(recording)
        job.on_close(remove)
        return job

    def close_job(self, job: Job) -> None:
        """Stop a job and remove its files."""
        self._jobs.pop(job.id, None)
        job.close()
        video = self._videos.pop(job.id, None)
        if video is not None:
            video.discard()

    def close(self) -> None:
        """Stop all jobs."""
        for job in self.jobs:
            self.close_job(job)
        self._worker.shutdown(cancel_futures=True)

    def _is_tracking(self) -> bool:
        return any(job.state == "running" for job in self.jobs)

    def _record(self, source: FrameSource) -> Job:
        if source.size is None:
            raise SourceError(f"{source.name} does not state the size of its frames")
        recording, remove = self._recording(source.name, "stream", source.size, source.frame_rate)
        recorder = StreamRecorder(source, recording)
        job = self.add(recording)
        job.on_close(recorder.close)
        job.on_close(remove)
        return job

    def _recording(
        self, name: str, kind: str, size: tuple[int, int], rate: float | None
    ) -> tuple[Recording, Callable[[], None]]:
        folder = free_name(self.folder)
        folder.mkdir(mode=0o700)
        limit = self.limits.recording_bytes
        recording = Recording(folder, name, kind, size=size, frame_rate=rate, limit_bytes=limit)
        return recording, lambda: shutil.rmtree(folder, ignore_errors=True)
