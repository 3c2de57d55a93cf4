"""Events for a page: states, rows and pictures, as they come."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Self

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from siamfc.web.job import Job
from siamfc.web.recorder import Recording
from siamfc.web.requests import envelope, in_thread, integer_in, session_of

_WAIT_SECONDS = 5.0
"""Wait after which a question for news is answered though there are none."""
_COUNTS_SECONDS = 0.2
"""Wait after which it is answered if there are no news but counts that have grown."""
_LOOK_SECONDS = 0.02
_ROWS = 20_000
"""Most rows of an answer."""
_COUNTS = ("firstFrame", "frameCount", "end", "framesLeft")
"""Fields of a summary that grow while nothing else happens."""
_ESTIMATES = ("rate", "secondsLeft")
"""Fields that are sent along with other news; no news by themselves."""


async def news(request: Request) -> Response:
    """GET the changes since the page last asked; waits for one a few seconds.

    Query: `job` that is looked at; `version` of the rows that the page holds, −1 if none;
    `picture`, the frame that it shows if it wants newer ones, −1 if it shows none; `seen`, the last
    answer's.

    The answer is an envelope: JSON, the rows as float32, and the newest picture as JPEG. While a
    video is tracked there are answers as often as there are pictures: a frame of a fast network is
    no news of its own.
    """
    asked = _Question.of(request.query_params)
    begun = time.monotonic()
    while True:
        session = session_of(request)
        job = next((job for job in session.jobs if job.id == asked.job), None)
        summaries = [summary_of(request, each) for each in session.jobs]
        version = _Version.of(summaries)
        waited = time.monotonic() - begun
        if asked.is_answered_by(version, job, waited) or request.app.state.is_stopping():
            break
        await asyncio.sleep(_LOOK_SECONDS)
    head: dict[str, Any] = {}
    jpeg = b""
    if job is not None and asked.wants_picture_of(job):
        picture = await in_thread(request, lambda: _picture(job))
        if picture is not None:
            head["picture"], jpeg = picture
            summaries = [summary_of(request, each) for each in session.jobs]
            version = _Version.of(summaries)
    head |= {"seen": str(version), "jobs": summaries}
    if job is None:
        return envelope(head)
    reached, patches = job.track.patches(asked.version, _ROWS)
    head["rows"] = {
        "version": reached,
        "patches": [[target, start, len(rows)] for target, start, rows in patches],
    }
    return envelope(head, *(rows.astype("<f4").tobytes() for _, _, rows in patches), jpeg)


def summary_of(request: Request, job: Job) -> dict[str, Any]:
    """Return a job as the page gets it, its video export included."""
    return {**job.summary(), "video": session_of(request).video_of(job).summary()}


@dataclass(frozen=True)
class _Version:
    """Two fingerprints of all summaries: of what a page must learn at once, and of counts."""

    states: str
    counts: str

    @classmethod
    def of(cls, summaries: list[dict[str, Any]]) -> Self:
        counts = [[each[name] for name in _COUNTS] + [each["video"]["done"]] for each in summaries]
        unset = dict.fromkeys((*_COUNTS, *_ESTIMATES))
        states = [{**each, **unset, "video": {**each["video"], "done": 0}} for each in summaries]
        return cls(*(format(hash(repr(value)) & (1 << 64) - 1, "x") for value in (states, counts)))

    def __str__(self) -> str:
        return f"{self.states}.{self.counts}"


@dataclass(frozen=True)
class _Question:
    """The query of `news`."""

    job: str | None
    version: int
    shown: int | None
    seen: str

    @classmethod
    def of(cls, query: QueryParams) -> Self:
        return cls(
            job=query.get("job"),
            version=integer_in(query, "version", -1),
            shown=integer_in(query, "picture", -1) if "picture" in query else None,
            seen=query.get("seen", ""),
        )

    def is_answered_by(self, version: _Version, job: Job | None, waited: float) -> bool:
        """Return whether there is something to tell."""
        states, _, counts = self.seen.partition(".")
        return (
            states != version.states
            or (counts != version.counts and waited >= _COUNTS_SECONDS)
            or (job is not None and self.wants_picture_of(job))
            or waited >= _WAIT_SECONDS
        )

    def wants_picture_of(self, job: Job) -> bool:
        """Return whether there is a picture newer than the one shown, and the page follows them."""
        if self.shown is None:
            return False
        if isinstance(job.clip, Recording):
            return _newest_recorded(job, job.clip) not in (None, self.shown)
        return job.preview.has_picture(self.shown)


def _newest_recorded(job: Job, recording: Recording) -> int | None:
    """The frame that is tracked, or else recorded; None if there is none that is new."""
    if job.preview.index is not None:
        return job.preview.index
    return recording.frame_count - 1 if recording.is_live and recording.frame_count else None


def _picture(job: Job) -> tuple[int, bytes] | None:
    """The index of the newest frame to be shown, and its JPEG."""
    if not isinstance(job.clip, Recording):
        return job.preview.picture()
    index = _newest_recorded(job, job.clip)
    return None if index is None else (index, job.clip.jpeg(index))
