"""The part of the server with which a page changes a job, tracks, and takes things away."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from siamfc.web.downloads import boxes_file, safe_stem, still
from siamfc.web.drawing import Drawing
from siamfc.web.imports import read_boxes
from siamfc.web.recorder import Recording
from siamfc.web.requests import (
    attachment,
    body_of,
    box_in,
    in_thread,
    integer_in,
    job_of,
    json_object,
    place_of,
    session_of,
    text_in,
)

_MEDIA_TYPES = {
    ".txt": "text/plain", ".csv": "text/csv", ".jsonl": "application/jsonl",
    ".json": "application/json", ".xml": "application/xml", ".zip": "application/zip",
}  # fmt: skip


async def draw_box(request: Request) -> Response:
    """PUT {"box": [x, y, w, h]}: say where a target is in a frame; null: it left the picture."""
    frame, target = place_of(request, "frame"), place_of(request, "target")
    values = await json_object(request)
    box = None if values.get("box", 0) is None else box_in(values)
    job = job_of(request)
    await in_thread(request, lambda: job.change(frame, lambda t: t.draw(frame, target, box)))
    return Response(status_code=204)


async def move_box(request: Request) -> Response:
    """POST {"to": frame}: take a key frame to another frame."""
    frame, target = place_of(request, "frame"), place_of(request, "target")
    to = integer_in(await json_object(request), "to")
    job = job_of(request)
    await in_thread(request, lambda: job.change(to, lambda t: t.move(frame, target, to)))
    return Response(status_code=204)


async def erase_box(request: Request) -> Response:
    """DELETE a key frame."""
    job, frame, target = job_of(request), place_of(request, "frame"), place_of(request, "target")
    await in_thread(request, lambda: job.change(None, lambda t: t.erase(frame, target)))
    return Response(status_code=204)


async def change_target(request: Request) -> Response:
    """PUT {"name"}: give a target a name; {"backwards": true}: track back from where it begins."""
    job, target, values = job_of(request), place_of(request, "target"), await json_object(request)
    if isinstance(backwards := values.get("backwards"), bool):
        await in_thread(
            request, lambda: job.change(None, lambda t: t.reach_back(target, backwards))
        )
    else:
        name = text_in(values, "name", limit=60)
        await in_thread(request, lambda: job.change(None, lambda t: t.rename(target, name)))
    return Response(status_code=204)


async def remove_target(request: Request) -> Response:
    """DELETE a target with all its boxes."""
    job, target = job_of(request), place_of(request, "target")
    await in_thread(request, lambda: job.change(None, lambda t: t.remove(target)))
    return Response(status_code=204)


async def import_boxes(request: Request) -> Response:
    """POST the content of a file of boxes; ?name= tells its ending."""
    session, job = session_of(request), job_of(request)
    name = text_in(request.query_params, "name")
    content = await body_of(request, session.limits.import_bytes)

    def load() -> None:
        tracks = read_boxes(content, name, session.folder)
        job.load(tracks)

    await in_thread(request, load)
    return Response(status_code=204)


async def steer(request: Request) -> Response:
    """POST start, pause, undo, redo, smooth or raw boxes, or `finish` to end a recording."""
    job, action = job_of(request), request.path_params["action"]
    if action == "start":
        job.start()
    elif action == "pause":
        job.pause()
    elif action in ("undo", "redo"):
        change = Drawing.undo if action == "undo" else Drawing.redo
        await in_thread(request, lambda: job.change(None, change))
    elif action in ("smooth", "raw"):
        await in_thread(request, lambda: job.smooth(action == "smooth"))
    elif action == "finish" and isinstance(job.clip, Recording):
        job.clip.close()
    else:
        raise HTTPException(404, "expected start, pause, undo, redo, smooth, raw or finish")
    return Response(status_code=204)


async def close_job(request: Request) -> Response:
    """DELETE a job with all its files."""
    session, job = session_of(request), job_of(request)
    await in_thread(request, lambda: session.close_job(job))
    return Response(status_code=204)


async def give_boxes(request: Request) -> Response:
    """GET the boxes as a file."""
    job, kind = job_of(request), request.path_params["kind"]
    content, name = await in_thread(
        request, lambda: boxes_file(job, kind, session_of(request).folder)
    )
    return attachment(content, name, _MEDIA_TYPES[Path(name).suffix])


async def give_still(request: Request) -> Response:
    """GET a frame with its boxes as PNG."""
    job, index = job_of(request), place_of(request, "frame")
    content, name = await in_thread(request, lambda: still(job, index))
    return attachment(content, name, "image/png")


async def make_video(request: Request) -> Response:
    """POST, with options as JSON: begin to write a video; `news` says how far it is."""
    job, kind = job_of(request), request.path_params["kind"]
    has_options = request.headers.get("content-length", "0") != "0"
    options = await json_object(request) if has_options else {}
    video = session_of(request).video_of(job)
    await in_thread(request, lambda: video.make(job, kind, options))
    return Response(status_code=202)


async def give_video(request: Request) -> Response:
    """GET the video once it is ready."""
    job = job_of(request)
    video = session_of(request).video_of(job)
    if video.path is None:
        raise HTTPException(409, "the video is not ready")
    name = f"{safe_stem(job.clip.name)}-{video.kind}.mp4"
    return FileResponse(video.path, media_type="video/mp4", filename=name)


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
