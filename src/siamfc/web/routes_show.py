"""Routes that show: state, frames, playing, the network's view."""

import asyncio
import base64
import math
import struct
import time
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from siamfc.errors import SiamFCError
from siamfc.frames import Image
from siamfc.frames.draw import PALETTE
from siamfc.web.box_files import box_formats
from siamfc.web.clips import frames_between
from siamfc.web.events import news
from siamfc.web.pictures import encode_jpeg, encode_shown
from siamfc.web.recorder import Recording
from siamfc.web.requests import integer_in, job_of, place_of, session_of
from siamfc.web.video_export import VIDEOS

_EXAMINED_SIDE = 2560
"""Longest side of a single frame that is sent, pixels, unless all are asked for."""
_LATE_SECONDS = 0.05
"""Delay from which on a frame that is played is left out …"""
_LONGEST_GAP_SECONDS = 0.25
"""… unless nothing was shown for so long."""
_PICTURE = struct.Struct("<IdI")
"""Before each JPEG of what is played: its frame, time and length."""


def describe(request: Request) -> Response:
    """GET the facts that don't change, and the jobs that are open."""
    session = session_of(request)
    return JSONResponse(
        {
            "palette": ["#{:02x}{:02x}{:02x}".format(*color) for color in PALETTE],
            "targets": session.limits.targets,
            "threshold": session.lost_threshold,
            "boxFormats": box_formats(),
            "videos": list(VIDEOS),
            "jobs": [job.summary() for job in session.jobs],
        }
    )


def show_frame(request: Request) -> Response:
    """GET one frame as JPEG; ?full=1 with all its pixels."""
    clip, index = job_of(request).clip, place_of(request, "frame")
    longest = None if request.query_params.get("full") else _EXAMINED_SIDE
    if isinstance(clip, Recording):
        jpeg, seconds = clip.jpeg(index), clip.time(index)
    else:
        frame = clip[index]
        jpeg, seconds = encode_jpeg(frame.image, quality=85, longest=longest), frame.time
    return Response(jpeg, media_type="image/jpeg", headers={"Frame-Time": str(seconds)})


async def play(request: Request) -> Response:
    """GET frames from ?start= on at the video's own pace, times ?percent= / 100.

    Frames that cannot be decoded and encoded in time are left out.
    """
    clip, start = job_of(request).clip, integer_in(request.query_params, "start")
    speed = min(max(integer_in(request.query_params, "percent", 100), 10), 1000) / 100
    rate = clip.frame_rate or 25.0

    async def pictures() -> AsyncIterator[bytes]:
        frames = frames_between(clip, start, clip.frame_count)
        begun = shown = time.monotonic()
        zero: float | None = None
        try:
            while (frame := await run_in_threadpool(next, frames, None)) is not None:
                seconds = frame.index / rate if math.isnan(frame.time) else frame.time
                if zero is None:  # the clock starts with the first frame, however late it comes
                    zero, begun = seconds, time.monotonic()
                late = time.monotonic() - begun - (seconds - zero) / speed
                is_last = frame.index == clip.frame_count - 1
                is_gap = time.monotonic() - shown > _LONGEST_GAP_SECONDS
                if late > _LATE_SECONDS and not is_gap and not is_last:
                    continue
                jpeg = await run_in_threadpool(encode_shown, frame.image)
                if late > _LATE_SECONDS:
                    begun += late
                await asyncio.sleep(begun + (seconds - zero) / speed - time.monotonic())
                shown = time.monotonic()
                yield _PICTURE.pack(frame.index, seconds, len(jpeg)) + jpeg
        except SiamFCError:  # what can be decoded has been shown
            return
        finally:
            frames.close()

    return StreamingResponse(pictures(), media_type="application/octet-stream")


def show_network(request: Request) -> Response:
    """GET the network's view of a target in a frame; null if it wasn't followed there."""
    view = job_of(request).view(place_of(request, "frame"), place_of(request, "target"))
    if view is None:
        return JSONResponse(None)
    return JSONResponse(
        {
            "exemplar": _as_text(view.exemplar),
            "search": None if view.search is None else _as_text(view.search),
            "response": None if view.response is None else view.response.round(4).tolist(),
            "area": view.area,
        }
    )


def _as_text(image: Image) -> str:
    return base64.b64encode(encode_jpeg(image, quality=92)).decode()


def review_track(request: Request) -> Response:
    """GET the stretches that deserve a look: target, first and last frame, reason."""
    return JSONResponse(job_of(request).track.review())


_JOB = "/api/jobs/{job}"

ROUTES: list[BaseRoute] = [
    Route("/api/state", describe),
    Route("/api/news", news),
    Route(_JOB + "/frames/{frame}", show_frame),
    Route(_JOB + "/play", play),
    Route(_JOB + "/network/{frame}/{target}", show_network),
    Route(_JOB + "/review", review_track),
]
