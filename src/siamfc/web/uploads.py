"""Files that a browser sends: streamed into the private folder, within limits, or not at all."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from siamfc.disk import format_bytes, free_bytes
from siamfc.web.clips import FileClip, open_images, open_video
from siamfc.web.limits import Limits
from siamfc.web.private import free_name


@dataclass(kw_only=True)
class Upload:
    """Files that are being received."""

    name: str
    """Its name; shown, never used as a path."""
    count: int
    """Number of its files."""
    is_images: bool
    folder: Path
    key: str
    """Identifies files that are opened again."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    paths: dict[int, Path] = field(default_factory=dict)
    """Files by number, those that are being received included."""
    arrived: set[int] = field(default_factory=set)
    """Numbers of the files that are complete."""
    bytes_taken: int = 0
    touched: float = field(default_factory=time.monotonic)

    def open(self, limits: Limits) -> FileClip:
        """Open the complete upload.

        Raises:
            SourceError: it is no video, or not images, or beyond the limits.
            HTTPException: files are missing.
        """
        if len(self.arrived) != self.count:
            raise HTTPException(409, f"{len(self.arrived)} of {self.count} files have arrived")
        if not self.is_images:
            return open_video(self.paths[0], self.name, limits)
        numbers = range(self.count)
        names = [f"image {number + 1} of {self.name}" for number in numbers]
        return open_images([self.paths[number] for number in numbers], names, self.name, limits)


class Uploads:
    """The uploads under way; used on the event loop alone.

    Args:
        folder: each upload gets a folder of its own in it.
        limits: bounds on what is accepted.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._uploads: dict[str, Upload] = {}

    def begin(self, name: str, count: int, *, is_images: bool, key: str = "") -> Upload:
        """Announce an upload of so many files.

        Raises:
            HTTPException: too many files, or too many uploads under way.
        """
        self._drop_idle()
        most = self._limits.upload_files if is_images else 1
        if not 1 <= count <= most:
            raise HTTPException(413, f"expected 1 to {most} files in one upload, got {count}")
        if len(self._uploads) >= self._limits.uploads:
            raise HTTPException(429, "too many uploads at once: wait until one has finished")
        folder = free_name(self._folder)
        folder.mkdir(mode=0o700)
        upload = Upload(name=name, count=count, is_images=is_images, folder=folder, key=key)
        self._uploads[upload.id] = upload
        return upload

    def find(self, upload_id: str) -> Upload:
        """Return an upload under way; HTTPException 404 if there is none."""
        try:
            return self._uploads[upload_id]
        except KeyError:
            raise HTTPException(404, "no such upload is under way") from None

    def finish(self, upload: Upload) -> None:
        """Take an upload off the list; its files stay, for a job to own."""
        self._uploads.pop(upload.id, None)

    def discard(self, upload: Upload) -> None:
        """Abandon an upload and remove its files."""
        self.finish(upload)
        shutil.rmtree(upload.folder, ignore_errors=True)

    async def receive(
        self, upload: Upload, number: int, stated: int, chunks: AsyncIterator[bytes]
    ) -> None:
        """Write one file. Whatever goes wrong, nothing of the file stays.

        Args:
            upload: the upload that the file belongs to.
            number: the number of the file in it.
            stated: its length as the request says, 0 if it doesn't.
            chunks: its bytes.

        Raises:
            HTTPException: 404 no such file was announced; 408 it stalls; 413 it is too large;
                507 the disk is, or would be, full.
        """
        if not 0 <= number < upload.count or number in upload.paths:
            raise HTTPException(404, "this file was not announced, or has already been received")
        self._check_room(upload, stated)
        path = upload.paths[number] = free_name(upload.folder, ".part")
        length = 0
        try:
            with path.open("xb") as file:
                async for buffer in self._buffers(chunks):
                    length += len(buffer)
                    upload.bytes_taken += len(buffer)
                    upload.touched = time.monotonic()
                    self._check_room(upload)
                    await run_in_threadpool(file.write, buffer)
            if self._uploads.get(upload.id) is not upload:
                raise HTTPException(404, "the upload was discarded")
            upload.arrived.add(number)
        except OSError as error:
            raise HTTPException(507, f"the file cannot be stored: {error.strerror}") from None
        finally:
            if number not in upload.arrived:
                upload.bytes_taken -= length
                del upload.paths[number]
                path.unlink(missing_ok=True)

    async def _buffers(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Join chunks to larger ones; HTTPException 408 if they come too slowly."""
        is_over = False
        while not is_over:
            buffer = bytearray()
            try:
                async with asyncio.timeout(self._limits.stall_seconds):
                    while len(buffer) < self._limits.stall_bytes and not is_over:
                        chunk = await anext(chunks, None)
                        is_over = chunk is None
                        buffer += chunk or b""
            except TimeoutError:
                raise HTTPException(408, "the upload stalled") from None
            yield bytes(buffer)

    def _check_room(self, upload: Upload, more: int = 0) -> None:
        most = self._limits.upload_bytes
        if upload.bytes_taken + more > most:
            raise HTTPException(413, f"at most {format_bytes(most)} may come in one upload")
        if free_bytes(self._folder) < self._limits.free_bytes:
            raise HTTPException(507, "the disk is nearly full")

    def _drop_idle(self) -> None:
        """Remove uploads that were announced and then forgotten."""
        oldest = time.monotonic() - 4 * self._limits.stall_seconds
        for upload in list(self._uploads.values()):
            if upload.touched < oldest:
                self.discard(upload)
