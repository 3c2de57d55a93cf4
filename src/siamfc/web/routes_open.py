"""The part of the server that opens sources: uploads, the folder, streams, the camera."""

import base64
import struct
from contextlib import closing, suppress
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from siamfc.errors import InputError
from siamfc.web.pictures import decode_jpeg, encode_jpeg
from siamfc.web.recorder import Recording
from siamfc.web.requests import (
    integer_in,
    job_of,
    json_object,
    place_of,
    session_of,
    takes_json,
    text_in,
)

_TIME = struct.Struct("<d")
_LONGEST_SECONDS = 1e9
_THUMBNAIL_SIDE = 240
_UNSUPPORTED_DATA = 1003


def list_library(request: Request) -> Response:
    """GET the videos and folders of images in the folder that the server was started in."""
    return JSONResponse([entry.summary() for entry in session_of(request).library.entries()])


def open_entry(request: Request) -> Response:
    """POST: open an entry of the folder."""
    session, entry = session_of(request), request.path_params["entry"]
    job = session.find_open(f"library/{entry}") or session.add_entry(entry)
    return JSONResponse({"id": job.id}, 201)


def look_at_entry(request: Request) -> Response:
    """GET a small picture, the size and the length of an entry of the folder."""
    with closing(session_of(request).library.open(request.path_params["entry"])) as clip:
        jpeg = encode_jpeg(clip[0].image, quality=70, longest=_THUMBNAIL_SIDE)
        facts = {
            "picture": base64.b64encode(jpeg).decode(),
            "size": clip.size,
            "seconds": clip.frame_count / clip.frame_rate if clip.frame_rate else None,
            "frames": clip.frame_count,
        }
    return JSONResponse(facts)


def open_sample(request: Request) -> Response:
    """POST: open a synthetic video that the server makes."""
    session = session_of(request)
    job = session.find_open("sample") or session.add_sample()
    return JSONResponse({"id": job.id}, 201)


async def begin_upload(request: Request) -> Response:
    """POST {"name", "images", "count"}: announce a video, or the images of a folder.

    With a "key" that an open video was announced with, the answer is that video's job.
    """
    session = session_of(request)
    values = await json_object(request)
    key = f"upload/{text_in(values, 'key')}" if "key" in values else ""
    if key and (job := session.find_open(key)) is not None:
        return JSONResponse({"job": job.id})
    session.check_room()
    name, count = text_in(values, "name"), integer_in(values, "count")
    is_images = values.get("images") is True
    upload = session.uploads.begin(name, count, is_images=is_images, key=key)
    return JSONResponse({"id": upload.id}, 201)


async def receive_file(request: Request) -> Response:
    """PUT the bytes of one file."""
    uploads = session_of(request).uploads
    upload = uploads.find(request.path_params["upload"])
    stated = request.headers.get("content-length", "0")
    length = int(stated) if stated.isdecimal() else 0
    await uploads.receive(upload, place_of(request, "number"), length, request.stream())
    return Response(status_code=204)


async def open_upload(request: Request) -> Response:
    """POST: open an upload whose files have all come. One that can't be opened is removed."""
    session = session_of(request)
    upload = session.uploads.find(request.path_params["upload"])
    session.uploads.finish(upload)  # before anything is awaited: a second request finds none
    job = await run_in_threadpool(session.add_upload, upload)
    return JSONResponse({"id": job.id}, 201)


async def discard_upload(request: Request) -> Response:
    """DELETE an upload that is no longer wanted."""
    uploads = session_of(request).uploads
    uploads.discard(uploads.find(request.path_params["upload"]))
    return Response(status_code=204)


@takes_json
def open_stream(request: Request, values: dict[str, Any]) -> Response:
    """POST {"url"}: connect to a stream."""
    job = session_of(request).add_stream(text_in(values, "url", limit=2000))
    return JSONResponse({"id": job.id}, 201)


@takes_json
def open_camera(request: Request, values: dict[str, Any]) -> Response:
    """POST {"width", "height"}: announce the pictures of the browser's camera."""
    size = (integer_in(values, "width"), integer_in(values, "height"))
    return JSONResponse({"id": session_of(request).add_camera(size).id}, 201)


async def receive_camera(socket: WebSocket) -> None:
    """WebSocket: pictures as float64 seconds, little-endian, and JPEG; each is answered.

    The answer is the count of pictures kept so far, and the browser waits for it: so it sends no
    faster than the tracker takes them. When it goes, the recording ends and stays.
    """
    try:
        recording = job_of(socket).clip
    except HTTPException:
        recording = None
    if not isinstance(recording, Recording) or not recording.claim():
        await socket.close(_UNSUPPORTED_DATA)
        return
    await socket.accept()
    try:
        while recording.is_live:
            await run_in_threadpool(_keep, recording, await socket.receive_bytes())
            await socket.send_json({"count": recording.frame_count})
        await socket.close()
    except (InputError, OSError, KeyError) as error:
        with suppress(WebSocketDisconnect):
            await socket.close(_UNSUPPORTED_DATA, str(error)[:100])
    except WebSocketDisconnect:
        pass
    finally:
        recording.close()


def _keep(recording: Recording, message: bytes) -> None:
    if len(message) < _TIME.size:
        raise InputError("expected a time and a picture")
    width, height = recording.size
    seconds, jpeg = _TIME.unpack_from(message)[0], message[_TIME.size :]
    if not 0 <= seconds < _LONGEST_SECONDS:
        raise InputError("expected the seconds since the first picture")
    image = decode_jpeg(jpeg, pixels=width * height)
    if image.shape[:2] != (height, width):
        raise InputError("the camera changed its size: open it again")
    recording.append(jpeg, seconds)


ROUTES: list[BaseRoute] = [
    Route("/api/library", list_library),
    Route("/api/library/{entry}", open_entry, methods=["POST"]),
    Route("/api/library/{entry}", look_at_entry),
    Route("/api/sample", open_sample, methods=["POST"]),
    Route("/api/uploads", begin_upload, methods=["POST"]),
    Route("/api/uploads/{upload}", open_upload, methods=["POST"]),
    Route("/api/uploads/{upload}", discard_upload, methods=["DELETE"]),
    Route("/api/uploads/{upload}/{number}", receive_file, methods=["PUT"]),
    Route("/api/streams", open_stream, methods=["POST"]),
    Route("/api/cameras", open_camera, methods=["POST"]),
    WebSocketRoute("/api/jobs/{job}/camera", receive_camera),
]
