"""Read and check what a request brings; wrap what is answered."""

import asyncio
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread
import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from siamfc.errors import InputError
from siamfc.web.job import Job
from siamfc.web.runs import Box
from siamfc.web.session import Session

T = TypeVar("T")

_THREADS = 3
"""Threads that decode and encode for browsers; more requests wait."""
_BODY_SECONDS = 10.0


def session_of(request: Any) -> Session:
    """Return the session that a request, or WebSocket, is for."""
    session: Session = request.app.state.session
    return session


def job_of(request: Any) -> Job:
    """Return the job that a request's address names; HTTPException 404 if there is none."""
    return session_of(request).find(request.path_params["job"])


async def in_thread(request: Any, work: Callable[[], T]) -> T:
    """Run something slow beside the event loop, a few at a time."""
    state = request.app.state
    if not hasattr(state, "threads"):
        state.threads = anyio.CapacityLimiter(_THREADS)
    return await anyio.to_thread.run_sync(work, limiter=state.threads)


async def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request's body.

    Raises:
        HTTPException: 400 it is none; 408 it doesn't come; 413 it is too large.
    """
    try:
        value = json.loads(await body_of(request, session_of(request).limits.json_bytes))
    except (ValueError, RecursionError):
        raise HTTPException(400, "expected a JSON object") from None
    if not isinstance(value, dict):
        raise HTTPException(400, "expected a JSON object")
    return value


async def body_of(request: Request, limit: int) -> bytes:
    """Return a request's body.

    Raises:
        HTTPException: 408 it doesn't come; 413 it is too large.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise HTTPException(413, "the request is too large")
    except TimeoutError:
        raise HTTPException(408, "the request did not arrive in time") from None
    return bytes(body)


def text_in(values: Mapping[str, Any], key: str, *, limit: int = 300) -> str:
    """A short text of an object, without control characters; HTTPException 400 otherwise."""
    value = values.get(key)
    if not isinstance(value, str) or not value.strip():
        raise HTTPException(400, f"{key}: expected a text")
    return "".join(sign for sign in value[:limit] if sign.isprintable()).strip() or "untitled"


def integer_in(values: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """A whole number of an object or query; HTTPException 400 otherwise."""
    value = values.get(key, default)
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        number = int(value)
    except ValueError:
        raise HTTPException(400, f"{key}: expected a whole number") from None
    if not -1 <= number < 2**31:
        raise HTTPException(400, f"{key} is out of range")
    return number


def place_of(request: Request, key: str) -> int:
    """A frame's, target's or file's number in a request's address; HTTPException 400 otherwise."""
    return integer_in(request.path_params, key)


def box_in(values: Mapping[str, Any]) -> Box:
    """The box of an object; InputError if it is not four finite numbers."""
    box = values.get("box")
    try:
        if isinstance(box, list) and len(box) == 4 and not any(isinstance(n, bool) for n in box):
            x, y, w, h = (float(n) for n in box if isinstance(n, int | float))
            if np.isfinite([x, y, w, h]).all():
                return x, y, w, h
    except (OverflowError, ValueError):  # more digits than a float holds; not all were numbers
        pass
    raise InputError("expected a box of four numbers x, y, w, h")


def attachment(content: bytes, name: str, media_type: str) -> Response:
    """A file to download, under a name of plain letters."""
    headers = {"Content-Disposition": f'attachment; filename="{quote(name)}"'}
    return Response(content, media_type=media_type, headers=headers)


def envelope(head: Mapping[str, Any], *parts: bytes) -> Response:
    """JSON and binary parts in one answer: the JSON's length as uint32, little-endian, then all."""
    text = json.dumps(head, ensure_ascii=False).encode()
    content = b"".join([struct.pack("<I", len(text)), text, *parts])
    return Response(content, media_type="application/octet-stream")
