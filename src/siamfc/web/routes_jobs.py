"""The part of the server that a page watches and steers a job with."""

import base64

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from siamfc.frames.draw import PALETTE
from siamfc.web.downloads import boxes_file, safe_stem, still
from siamfc.web.events import news, summary_of
from siamfc.web.pictures import encode_jpeg
from siamfc.web.recorder import Recording
from siamfc.web.requests import (
    attachment,
    box_in,
    in_thread,
    job_of,
    json_object,
    place_of,
    session_of,
)

_EXAMINED_SIDE = 2560
"""Longest side of a single frame that is sent, pixels."""
_MEDIA_TYPES = {"txt": "text/plain", "csv": "text/csv", "jsonl": "application/jsonl"}


async def describe(request: Request) -> Response:
    """GET: what doesn't change, and the jobs that are open."""
    session = session_of(request)
    return JSONResponse(
        {
            "palette": ["#{:02x}{:02x}{:02x}".format(*color) for color in PALETTE],
            "targets": session.limits.targets,
            "folder": session.library is not None,
            "jobs": [summary_of(request, job) for job in session.jobs],
        }
    )


async def show_frame(request: Request) -> Response:
    """GET one frame as JPEG."""
    job, index = job_of(request), place_of(request, "frame")

    def encode() -> bytes:
        if isinstance(job.clip, Recording):
            return job.clip.jpeg(index)
        return encode_jpeg(job.clip[index].image, quality=85, longest=_EXAMINED_SIDE)

    return Response(await in_thread(request, encode), media_type="image/jpeg")


async def show_network(request: Request) -> Response:
    """GET what the network saw of a target in a frame; null if it wasn't followed there."""
    job = job_of(request)
    frame, target = place_of(request, "frame"), place_of(request, "target")
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


async def draw_box(request: Request) -> Response:
    """PUT {"box": [x, y, w, h]}: say where a target is in a frame."""
    job, frame, target = job_of(request), place_of(request, "frame"), place_of(request, "target")
    box = box_in(await json_object(request))
    await in_thread(request, lambda: job.draw(frame, target, box))
    return Response(status_code=204)


async def erase_box(request: Request) -> Response:
    """DELETE a box that was drawn in a frame."""
    job, frame, target = job_of(request), place_of(request, "frame"), place_of(request, "target")
    await in_thread(request, lambda: job.erase(frame, target))
    return Response(status_code=204)


async def remove_target(request: Request) -> Response:
    """DELETE a target with all its boxes."""
    job, target = job_of(request), place_of(request, "target")
    await in_thread(request, lambda: job.remove(target))
    return Response(status_code=204)


async def steer(request: Request) -> Response:
    """POST start, step or pause, or `finish` to end a recording."""
    job, action = job_of(request), request.path_params["action"]
    if action == "start":
        job.start()
    elif action == "step":
        job.start(steps=1)
    elif action == "pause":
        job.pause()
    elif action == "finish" and isinstance(job.clip, Recording):
        job.clip.close()
    else:
        raise HTTPException(404, "start, step, pause or finish")
    return Response(status_code=204)


async def close_job(request: Request) -> Response:
    """DELETE a job with all its files."""
    session, job = session_of(request), job_of(request)
    await in_thread(request, lambda: session.close_job(job))
    return Response(status_code=204)


async def give_boxes(request: Request) -> Response:
    """GET the boxes as a file."""
    job, suffix = job_of(request), request.path_params["suffix"]
    content, name = await in_thread(
        request, lambda: boxes_file(job, suffix, session_of(request).folder)
    )
    media_type = "application/zip" if name.endswith(".zip") else _MEDIA_TYPES[suffix]
    return attachment(content, name, media_type)


async def give_still(request: Request) -> Response:
    """GET a frame with its boxes as PNG."""
    job, index = job_of(request), place_of(request, "frame")
    content, name = await in_thread(request, lambda: still(job, index))
    return attachment(content, name, "image/png")


async def make_film(request: Request) -> Response:
    """POST: begin to write the film; `news` says how far it is."""
    job = job_of(request)
    await in_thread(request, lambda: session_of(request).film(job).make(job))
    return Response(status_code=202)


async def give_film(request: Request) -> Response:
    """GET the film once it is ready."""
    job = job_of(request)
    path = session_of(request).film(job).path
    if path is None:
        raise HTTPException(409, "the film is not ready")
    name = f"{safe_stem(job.clip.name)}-tracked.mp4"
    return FileResponse(path, media_type="video/mp4", filename=name)


_JOB = "/api/jobs/{job}"

ROUTES: list[BaseRoute] = [
    Route("/api/state", describe),
    Route("/api/news", news),
    Route(_JOB, close_job, methods=["DELETE"]),
    Route(_JOB + "/frames/{frame}", show_frame),
    Route(_JOB + "/network/{frame}/{target}", show_network),
    Route(_JOB + "/boxes/{frame}/{target}", draw_box, methods=["PUT"]),
    Route(_JOB + "/boxes/{frame}/{target}", erase_box, methods=["DELETE"]),
    Route(_JOB + "/targets/{target}", remove_target, methods=["DELETE"]),
    Route(_JOB + "/boxes.{suffix}", give_boxes),
    Route(_JOB + "/still/{frame}", give_still),
    Route(_JOB + "/film", make_film, methods=["POST"]),
    Route(_JOB + "/film.mp4", give_film),
    Route(_JOB + "/{action}", steer, methods=["POST"]),
]
