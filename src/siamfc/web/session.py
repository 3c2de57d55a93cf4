"""The state of the page's server: the network, the open jobs, and their files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

from siamfc.errors import InputError, SourceError
from siamfc.frames import FrameSource, ImageFiles, open_source, open_writer
from siamfc.frames.live import STREAM_SCHEMES, LiveSource, stream_address
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.tracking import Stepper
from siamfc.web.clips import Clip, FileClip, FileSource, ServedFiles, open_video
from siamfc.web.job import Job
from siamfc.web.library import Library
from siamfc.web.limits import Limits
from siamfc.web.private import free_name
from siamfc.web.recorder import Recording
from siamfc.web.uploads import Upload, Uploads

_SAMPLE_RATE = 30.0
_STREAM_SECONDS = 10.0
"""Without data after which a stream counts as broken off."""


class Session:
    """Opens sources as jobs and finds them again. Its methods may be called from any thread.

    Those that open a job raise HTTPException if there is no room for a further one.

    Args:
        stepper: the network and the tracker's settings.
        folder: private, for uploads, recordings and videos.
        root: the folder whose videos are offered; None: none are.
        limits: bounds on what is accepted.
    """

    def __init__(
        self,
        stepper: Stepper,
        *,
        folder: Path,
        root: Path | None,
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.folder = folder
        self.library = Library(root, self.limits)
        self.uploads = Uploads(folder, self.limits)
        self._stepper = stepper
        self._worker = ThreadPoolExecutor(1, "siamfc-track")
        """Jobs take turns: they would take the network's threads from each other."""
        self._jobs: dict[str, Job] = {}

    @property
    def jobs(self) -> list[Job]:
        """Open jobs, in the order in which they were opened."""
        return list(self._jobs.values())

    def find(self, job_id: str) -> Job:
        """Return a job; HTTPException 404 if there is none of this number."""
        try:
            return self._jobs[job_id]
        except KeyError:
            raise HTTPException(404, "this video is no longer open") from None

    def find_open(self, key: str) -> Job | None:
        """Return the open job with a key; None if there is none."""
        return next((job for job in self.jobs if job.key == key), None)

    @property
    def lost_threshold(self) -> float:
        """Score below which a target counts as lost."""
        return self._stepper.settings.lost.lost_threshold

    def check_room(self) -> None:
        """Raise HTTPException if no further job may be opened."""
        if len(self._jobs) >= self.limits.jobs:
            raise HTTPException(429, f"{len(self._jobs)} videos are open: close one first")

    def add_source(self, source: str) -> Job:
        """Open a source named on the command line: a file, folder, glob, camera or URL.

        Raises:
            SourceError, InputError: it cannot be opened.
        """
        opened = open_source(source)
        if not isinstance(opened, FileSource):
            return self._record(opened)
        paths = opened.paths if isinstance(opened, ImageFiles) else [opened.path]
        files = ServedFiles({path: path.name for path in paths})
        with self._new_folder() as folder:
            return self._add(FileClip(opened, opened.name, files), folder)

    def add_entry(self, entry_id: str) -> Job:
        """Open an entry of the library.

        Raises:
            SourceError: it no longer exists, or cannot be opened.
        """
        with self._new_folder() as folder:
            return self._add(self.library.open(entry_id), folder, key=f"library/{entry_id}")

    def add_upload(self, upload: Upload) -> Job:
        """Open a complete upload; its files are removed if that fails.

        Raises:
            SourceError: it is no video, or not images, or beyond the limits.
            HTTPException: files are missing.
        """
        with self._new_folder(upload.folder):
            return self._add(upload.open(self.limits), upload.folder, key=upload.key)

    def add_sample(self) -> Job:
        """Make a synthetic video and open it."""
        with self._new_folder() as folder:
            path = folder / "sample.mp4"
            with open_writer(path, frame_rate=_SAMPLE_RATE) as writer:
                for index, image in enumerate(ProceduralClip(ClipSettings(frames=120, seed=2))):
                    writer.write(image, index / _SAMPLE_RATE)
            clip = open_video(path, "Sample video", self.limits)
            return self._add(clip, folder, key="sample")

    def add_stream(self, url: str) -> Job:
        """Connect to a stream.

        Raises:
            SourceError: not a stream's URL, or no connection.
        """
        self.check_room()
        if urlsplit(url).scheme.lower() not in STREAM_SCHEMES:
            raise SourceError("expected a stream's address, such as rtsp://camera.local/live")
        address = stream_address(url, timeout=_STREAM_SECONDS)
        return self._record(LiveSource(replace(address, max_pixels=self.limits.pixels)))

    def add_camera(self, size: tuple[int, int]) -> Job:
        """Make a job for the browser's camera, whose pictures follow.

        Raises:
            InputError: a size that is too small or too large.
        """
        width, height = size
        if width < 16 or height < 16 or width * height > self.limits.pixels:
            raise InputError(f"a camera of {width}×{height} pixels cannot be used")
        with self._new_folder() as folder:
            limit = self.limits.recording_bytes
            return self._add(Recording(folder, "Camera", size=size, limit_bytes=limit), folder)

    def close_job(self, job: Job) -> None:
        """Stop a job and remove its files."""
        self._jobs.pop(job.id, None)
        job.close()

    def close(self) -> None:
        """Stop all jobs."""
        for job in self.jobs:
            self.close_job(job)
        self._worker.shutdown(cancel_futures=True)

    def _record(self, source: FrameSource) -> Job:
        try:
            if source.size is None:
                raise SourceError(f"{source.name} does not state the size of its frames")
            with self._new_folder() as folder:
                recording = Recording(
                    folder,
                    source.name,
                    size=source.size,
                    frame_rate=source.frame_rate,
                    limit_bytes=self.limits.recording_bytes,
                )
                job = self._add(recording, folder)
        except BaseException:
            source.close()
            raise
        recording.record(source)
        return job

    def _add(self, clip: Clip, folder: Path, *, key: str = "") -> Job:
        """Make a job of an open clip and a folder for its files; `key` identifies its video."""
        job = Job(
            clip,
            self._stepper,
            folder=folder,
            key=key,
            max_targets=self.limits.targets,
            submit=self._worker.submit,
            is_tracking=lambda: any(job.state == "running" for job in self.jobs),
        )
        try:
            self.check_room()
        except HTTPException:
            job.close()
            raise
        self._jobs[job.id] = job
        return job

    @contextmanager
    def _new_folder(self, folder: Path | None = None) -> Iterator[Path]:
        """Make a folder for the files of a job; it is removed if the job cannot be opened."""
        folder = folder or free_name(self.folder)
        try:
            self.check_room()
            folder.mkdir(mode=0o700, exist_ok=True)
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
