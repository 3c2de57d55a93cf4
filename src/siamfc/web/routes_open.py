"""The part of the server that opens sources: uploads, the folder, streams, the camera."""

import base64
import struct
from contextlib import closing, suppress
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from siamfc.errors import InputError
from siamfc.web.pictures import decode_jpeg, encode_jpeg
from siamfc.web.recorder import Recording
from siamfc.web.requests import (
    in_thread,
    integer_in,
    job_of,
    json_object,
    place_of,
    session_of,
    text_in,
)

_TIME = struct.Struct("<d")
_LONGEST_SECONDS = 1e9
_THUMBNAIL_SIDE = 240
_UNSUPPORTED_DATA = 1003
_NAMES_BYTES = 20_000_000
"""Largest list of the files of a folder that is uploaded."""


async def list_library(request: Request) -> Response:
    """GET the videos and folders of images in the folder that the server was started in."""
    library = session_of(request).library
    entries = [] if library is None else await in_thread(request, library.entries)
    return JSONResponse([entry.summary() for entry in entries])


async def open_entry(request: Request) -> Response:
    """POST: open an entry of the folder."""
    session = session_of(request)
    library, entry = session.library, request.path_params["entry"]
    if library is None:
        raise HTTPException(404, "no folder is served")
    key = f"library/{entry}"
    if (job := session.find_open(key)) is not None:
        return JSONResponse({"id": job.id})
    session.check_room()
    clip = await in_thread(request, lambda: library.open(entry, session.limits))
    return JSONResponse({"id": session.add(clip, key=key).id}, 201)


async def look_at_entry(request: Request) -> Response:
    """GET a small picture, the size and the length of an entry of the folder."""
    session = session_of(request)
    library, entry = session.library, request.path_params["entry"]
    if library is None:
        raise HTTPException(404, "no folder is served")

    def look() -> dict[str, Any]:
        clip = library.open(entry, session.limits)
        with closing(clip):
            jpeg = encode_jpeg(clip[0].image, quality=70, longest=_THUMBNAIL_SIDE)
            return {
                "picture": base64.b64encode(jpeg).decode(),
                "size": clip.size,
                "seconds": clip.frame_count / clip.frame_rate if clip.frame_rate else None,
                "frames": clip.frame_count,
            }

    return JSONResponse(await in_thread(request, look))


async def open_sample(request: Request) -> Response:
    """POST: open a synthetic video that the server makes."""
    session = session_of(request)
    job = session.find_open("sample")
    if job is None:
        session.check_room()
        job = await in_thread(request, session.add_sample)
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
    is_images = values.get("images") is True
    count = integer_in(values, "count")
    if not 1 <= count <= session.limits.upload_files:
        raise HTTPException(413, f"at most {session.limits.upload_files} files are taken")
    name = text_in(values, "name")
    names = [f"image {number + 1} of {name}" for number in range(count)] if is_images else [name]
    upload = session.uploads.begin(name, names, is_images=is_images, key=key)
    return JSONResponse({"id": upload.id}, 201)


async def receive_file(request: Request) -> Response:
    """PUT the bytes of one file."""
    uploads = session_of(request).uploads
    upload = uploads.find(request.path_params["upload"])
    stated = request.headers.get("content-length")
    chunks = request.stream()
    length = int(stated) if stated is not None and stated.isdecimal() else None
    await uploads.receive(upload, place_of(request, "number"), length, chunks.__aiter__())
    return Response(status_code=204)


async def open_upload(request: Request) -> Response:
    """POST: open an upload whose files have all come. One that can't be opened is removed."""
    session = session_of(request)
    upload = session.uploads.find(request.path_params["upload"])
    session.uploads.finish(upload)  # before anything is awaited: a second request finds none
    try:
        session.check_room()
        clip = await in_thread(request, lambda: upload.open(session.limits))
    except BaseException:
        session.uploads.discard(upload)
        raise
    return JSONResponse({"id": session.add_files(clip, upload.folder, key=upload.key).id}, 201)


async def discard_upload(request: Request) -> Response:
    """DELETE an upload that is no longer wanted."""
    uploads = session_of(request).uploads
    uploads.discard(uploads.find(request.path_params["upload"]))
    return Response(status_code=204)


async def open_stream(request: Request) -> Response:
    """POST {"url"}: connect to a stream."""
    session = session_of(request)
    session.check_room()
    url = text_in(await json_object(request), "url", limit=2000)
    job = await in_thread(request, lambda: session.add_stream(url))
    return JSONResponse({"id": job.id}, 201)


async def open_camera(request: Request) -> Response:
    """POST {"width", "height"}: announce the pictures of the browser's camera."""
    session = session_of(request)
    session.check_room()
    values = await json_object(request)
    size = (integer_in(values, "width"), integer_in(values, "height"))
    return JSONResponse({"id": session.add_camera("Camera", size).id}, 201)


async def receive_camera(socket: WebSocket) -> None:
    """WebSocket: pictures as float64 seconds, little-endian, and JPEG; each is answered.

    The answer is the count of pictures kept so far, and the browser waits for it: so it sends no
    faster than the tracker takes them. When it goes, the recording ends and stays.
    """
    try:
        recording = job_of(socket).clip
    except HTTPException:
        await socket.close(_UNSUPPORTED_DATA)
        return
    if not isinstance(recording, Recording) or not recording.claim():
        await socket.close(_UNSUPPORTED_DATA)
        return
    await socket.accept()
    try:
        while recording.is_live:
            message = await socket.receive_bytes()
            await in_thread(socket, partial(_keep, recording, message))
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
