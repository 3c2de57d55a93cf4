"""Events for a page: states, rows and pictures, as they come."""

import asyncio
import json
import struct
import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from siamfc.array_types import FloatArray
from siamfc.web.job import Job
from siamfc.web.requests import integer_in, session_of

_WAIT_SECONDS = 5.0
"""Longest wait for news; then a request is answered without any."""
_COUNTS_SECONDS = 0.2
"""The same if only counts have grown."""
_LOOK_SECONDS = 0.02
"""Wait between two looks for news."""
_REST = 4.0
"""The same as a multiple of the time that a look takes: thousands of key frames make it long."""
_ROWS = 20_000
"""Most rows of an answer."""
_COUNTS = ("firstFrame", "frameCount", "end", "framesLeft")
"""Fields of a summary that grow while nothing else happens."""
_ESTIMATES = ("rate", "secondsLeft")
"""Fields that are sent along with other news; no news by themselves."""


async def news(request: Request) -> Response:
    """GET the changes since the page last asked; wait a few seconds if there are none.

    Query: `job` that is looked at; `version` of the rows that the page holds, −1 if none;
    `picture`, the frame that it shows if it wants newer ones, −1 if it shows none; `seen`, the last
    answer's.

    The answer is the length of its JSON as uint32, little-endian, the JSON, the rows as float32,
    and the newest picture as JPEG. While a video is tracked there are answers as often as there are
    pictures: a frame of a fast network is no news of its own.
    """
    version = integer_in(request.query_params, "version", -1)
    job, summaries, seen, has_picture = await _wait_for_news(request)
    head: dict[str, Any] = {}
    jpeg = b""
    if job is not None and has_picture and (picture := await run_in_threadpool(job.picture)):
        head["picture"], jpeg = picture
        # The boxes of the picture are to come with it.
        summaries = [one.summary() for one in session_of(request).jobs]
        seen = _fingerprints(summaries)
    head |= {"seen": ".".join(seen), "jobs": summaries}
    patches: list[tuple[int, int, FloatArray]] = []
    if job is not None:
        reached, patches = job.track.patches(version, _ROWS)
        sizes = [[target, start, len(rows)] for target, start, rows in patches]
        head["rows"] = {"version": reached, "patches": sizes}
    text = json.dumps(head, ensure_ascii=False).encode()
    rows = [rows.astype("<f4").tobytes() for _, _, rows in patches]
    content = b"".join([struct.pack("<I", len(text)), text, *rows, jpeg])
    return Response(content, media_type="application/octet-stream")


async def _wait_for_news(
    request: Request,
) -> tuple[Job | None, list[dict[str, Any]], tuple[str, str], bool]:
    """Return the job that is looked at, all summaries, their fingerprints, and a flag.

    The flag is True if the job has a newer picture than the page.
    """
    session, query = session_of(request), request.query_params
    shown = integer_in(query, "picture", -1) if "picture" in query else None
    seen_states, _, seen_counts = query.get("seen", "").partition(".")
    begun = time.monotonic()
    while True:
        looked = time.monotonic()
        summaries = [job.summary() for job in session.jobs]
        job = next((job for job in session.jobs if job.id == query.get("job")), None)
        states, counts = seen = _fingerprints(summaries)
        took, waited = time.monotonic() - looked, time.monotonic() - begun
        has_picture = job is not None and shown is not None and job.has_picture(shown)
        has_counts = counts != seen_counts and waited >= _COUNTS_SECONDS
        if states != seen_states or has_counts or has_picture or waited >= _WAIT_SECONDS:
            return job, summaries, seen, has_picture
        if request.app.state.is_stopping():
            return job, summaries, seen, has_picture
        await asyncio.sleep(max(_LOOK_SECONDS, _REST * took))


def _fingerprints(summaries: list[dict[str, Any]]) -> tuple[str, str]:
    """Return a fingerprint of what a page must learn at once, and one of the counts."""
    counts = [[each[name] for name in _COUNTS] + [each["video"]["done"]] for each in summaries]
    unset = dict.fromkeys((*_COUNTS, *_ESTIMATES))
    states = [{**each, **unset, "video": {**each["video"], "done": 0}} for each in summaries]
    return f"{hash(repr(states)):x}", f"{hash(repr(counts)):x}"
