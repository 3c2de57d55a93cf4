"""Routes that show: state, frames, playing, the network's view."""

import asyncio
import base64
import math
import struct
import time
from collections.abc import AsyncIterator
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from siamfc.errors import SiamFCError
from siamfc.frames.draw import PALETTE
from siamfc.web.clips import frames_between
from siamfc.web.downloads import box_formats
from siamfc.web.events import news, summary_of
from siamfc.web.pictures import encode_jpeg, encode_shown
from siamfc.web.recorder import Recording
from siamfc.web.requests import in_thread, integer_in, job_of, place_of, session_of
from siamfc.web.video_export import VIDEOS

_EXAMINED_SIDE = 2560
"""Longest side of a single frame that is sent, pixels, unless all are asked for."""
_LATE_SECONDS = 0.05
"""Delay from which on a frame that is played is left out …"""
_LONGEST_GAP_SECONDS = 0.25
"""… unless nothing was shown for so long."""
_PICTURE = struct.Struct("<IdI")
"""Before each JPEG of what is played: its frame, time and length."""


async def describe(request: Request) -> Response:
    """GET the facts that don't change, and the jobs that are open."""
    session = session_of(request)
    return JSONResponse(
        {
            "palette": ["#{:02x}{:02x}{:02x}".format(*color) for color in PALETTE],
            "targets": session.limits.targets,
            "threshold": session.lost_threshold,
            "boxFormats": box_formats(),
            "videos": list(VIDEOS),
            "jobs": [summary_of(request, job) for job in session.jobs],
        }
    )


async def show_frame(request: Request) -> Response:
    """GET one frame as JPEG; ?full=1 with all its pixels."""
    job, index = job_of(request), place_of(request, "frame")
    longest = None if request.query_params.get("full") else _EXAMINED_SIDE

    def encode() -> tuple[bytes, float]:
        if isinstance(job.clip, Recording):
            return job.clip.jpeg(index), job.clip.time(index)
        frame = job.clip[index]
        return encode_jpeg(frame.image, quality=85, longest=longest), frame.time

    jpeg, seconds = await in_thread(request, encode)
    return Response(jpeg, media_type="image/jpeg", headers={"Frame-Time": str(seconds)})


async def play(request: Request) -> Response:
    """GET frames from ?start= on at the video's own pace, times ?percent= / 100.

    Frames that cannot be decoded and encoded in time are left out.
    """
    job, start = job_of(request), integer_in(request.query_params, "start")
    speed = min(max(integer_in(request.query_params, "percent", 100), 10), 1000) / 100
    rate = job.clip.frame_rate or 25.0

    async def pictures() -> AsyncIterator[bytes]:
        frames = frames_between(job.clip, start, job.clip.frame_count)
        begun = shown = time.monotonic()
        zero: float | None = None
        try:
            while (frame := await in_thread(request, lambda: next(frames, None))) is not None:
                seconds = frame.index / rate if math.isnan(frame.time) else frame.time
                zero = seconds if zero is None else zero
                late = time.monotonic() - begun - (seconds - zero) / speed
                is_last = frame.index == job.clip.frame_count - 1
                is_gap = time.monotonic() - shown > _LONGEST_GAP_SECONDS
                if late > _LATE_SECONDS and not is_gap and not is_last:
                    continue
                jpeg = await in_thread(request, partial(encode_shown, frame.image))
                if late > _LATE_SECONDS:
                    begun += late
                elif late < 0:
                    await asyncio.sleep(begun + (seconds - zero) / speed - time.monotonic())
                shown = time.monotonic()
                yield _PICTURE.pack(frame.index, seconds, len(jpeg)) + jpeg
        except SiamFCError:  # what can be decoded has been shown
            return
        finally:
            frames.close()

    return StreamingResponse(pictures(), media_type="application/octet-stream")


async def show_network(request: Request) -> Response:
    """GET the network's view of a target in a frame; null if it wasn't followed there."""
    job, frame, target = job_of(request), place_of(request, "frame"), place_of(request, "target")
    view = await in_thread(request, lambda: job.view(frame, target))
    if view is None:
        return JSONResponse(None)
    search, response = view.search, view.response
    return JSONResponse(
        {
            "exemplar": base64.b64encode(encode_jpeg(view.exemplar, quality=92)).decode(),
            "search": None
            if search is None
            else base64.b64encode(encode_jpeg(search, quality=92)).decode(),
            "response": None if response is None else response.round(4).tolist(),
            "area": view.area,
        }
    )


async def review_track(request: Request) -> Response:
    """GET the stretches that deserve a look: target, first and last frame, reason."""
    job = job_of(request)
    return JSONResponse(await in_thread(request, job.track.review))


_JOB = "/api/jobs/{job}"

ROUTES: list[BaseRoute] = [
    Route("/api/state", describe),
    Route("/api/news", news),
    Route(_JOB + "/frames/{frame}", show_frame),
    Route(_JOB + "/play", play),
    Route(_JOB + "/network/{frame}/{target}", show_network),
    Route(_JOB + "/review", review_track),
]
