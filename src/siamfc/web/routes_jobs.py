"""The part of the server with which a page changes a job, tracks, and takes things away."""

import mimetypes
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from siamfc.web.box_files import boxes_file, read_boxes, safe_stem, still
from siamfc.web.drawing import Drawing
from siamfc.web.job import Job
from siamfc.web.requests import (
    body_of,
    box_in,
    integer_in,
    job_of,
    place_of,
    session_of,
    takes_json,
    text_in,
)

_ACTIONS: dict[str, Callable[[Job], None]] = {
    "start": Job.start,
    "pause": Job.pause,
    "undo": lambda job: job.change(Drawing.undo),
    "redo": lambda job: job.change(Drawing.redo),
    "smooth": lambda job: job.smooth(True),
    "raw": lambda job: job.smooth(False),
    "finish": Job.finish,
}


@takes_json
def draw_box(request: Request, values: dict[str, Any]) -> Response:
    """PUT {"box": [x, y, w, h]}: say where a target is in a frame; null: it left the picture."""
    frame, target = place_of(request, "frame"), place_of(request, "target")
    box = None if values.get("box", 0) is None else box_in(values)
    job_of(request).change(lambda drawing: drawing.draw(frame, target, box), frame)
    return Response(status_code=204)


@takes_json
def move_box(request: Request, values: dict[str, Any]) -> Response:
    """POST {"to": frame}: take a key frame to another frame."""
    frame, target = place_of(request, "frame"), place_of(request, "target")
    to = integer_in(values, "to")
    job_of(request).change(lambda drawing: drawing.move(frame, target, to), to)
    return Response(status_code=204)


def erase_box(request: Request) -> Response:
    """DELETE a key frame."""
    frame, target = place_of(request, "frame"), place_of(request, "target")
    job_of(request).change(lambda drawing: drawing.erase(frame, target))
    return Response(status_code=204)


@takes_json
def change_target(request: Request, values: dict[str, Any]) -> Response:
    """PUT {"name"}: give a target a name; {"backwards": true}: track back from where it begins."""
    target, backwards = place_of(request, "target"), values.get("backwards")
    if isinstance(backwards, bool):
        job_of(request).change(lambda drawing: drawing.reach_back(target, backwards))
    else:
        name = text_in(values, "name", limit=60)
        job_of(request).change(lambda drawing: drawing.rename(target, name))
    return Response(status_code=204)


def remove_target(request: Request) -> Response:
    """DELETE a target with all its boxes."""
    target = place_of(request, "target")
    job_of(request).change(lambda drawing: drawing.remove(target))
    return Response(status_code=204)


async def import_boxes(request: Request) -> Response:
    """POST the content of a file of boxes; ?name= is its name, with the suffix."""
    session, job = session_of(request), job_of(request)
    name = text_in(request.query_params, "name")
    content = await body_of(request, session.limits.import_bytes)
    await run_in_threadpool(lambda: job.load(read_boxes(content, name, job.folder)))
    return Response(status_code=204)


def steer(request: Request) -> Response:
    """POST start, pause, undo, redo, smooth or raw boxes, or `finish` to end a recording."""
    action = _ACTIONS.get(request.path_params["action"])
    if action is None:
        raise HTTPException(404, f"expected {', '.join(_ACTIONS)}")
    action(job_of(request))
    return Response(status_code=204)


def close_job(request: Request) -> Response:
    """DELETE a job with all its files."""
    session_of(request).close_job(job_of(request))
    return Response(status_code=204)


def give_boxes(request: Request) -> Response:
    """GET the boxes as a file."""
    return _attachment(*boxes_file(job_of(request), request.path_params["kind"]))


def give_still(request: Request) -> Response:
    """GET a frame with its boxes as PNG."""
    return _attachment(*still(job_of(request), place_of(request, "frame")))


@takes_json
def make_video(request: Request, options: dict[str, Any]) -> Response:
    """POST, with options as JSON: begin to write a video; `news` says how far it is."""
    job = job_of(request)
    job.video.make(job.clip, job.track, request.path_params["kind"], options)
    return Response(status_code=202)


def give_video(request: Request) -> Response:
    """GET the video once it is ready."""
    job = job_of(request)
    if job.video.path is None:
        raise HTTPException(409, "the video is not ready")
    name = f"{safe_stem(job.clip.name)}-{job.video.kind}.mp4"
    return FileResponse(job.video.path, media_type="video/mp4", filename=name)


def _attachment(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=mimetypes.guess_type(name)[0], headers=headers)


_JOB = "/api/jobs/{job}"

ROUTES: list[BaseRoute] = [
    Route(_JOB, close_job, methods=["DELETE"]),
    Route(_JOB + "/boxes", import_boxes, methods=["POST"]),
    Route(_JOB + "/boxes/{frame}/{target}", draw_box, methods=["PUT"]),
    Route(_JOB + "/boxes/{frame}/{target}", move_box, methods=["POST"]),
    Route(_JOB + "/boxes/{frame}/{target}", erase_box, methods=["DELETE"]),
    Route(_JOB + "/targets/{target}", change_target, methods=["PUT"]),
    Route(_JOB + "/targets/{target}", remove_target, methods=["DELETE"]),
    Route(_JOB + "/boxes.{kind}", give_boxes),
    Route(_JOB + "/still/{frame}", give_still),
    Route(_JOB + "/video.mp4", give_video),
    Route(_JOB + "/video/{kind}", make_video, methods=["POST"]),
    Route(_JOB + "/{action}", steer, methods=["POST"]),
]
