"""Parsing and checking of requests."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from siamfc.errors import InputError
from siamfc.web.job import Job
from siamfc.web.runs import Box
from siamfc.web.session import Session

_BODY_SECONDS = 10.0


def session_of(request: Any) -> Session:
    """Return the session that a request, or WebSocket, is for."""
    session: Session = request.app.state.session
    return session


def job_of(request: Any) -> Job:
    """Return the job that a request's address names; HTTPException 404 if there is none."""
    return session_of(request).find(request.path_params["job"])


def takes_json(
    handle: Callable[[Request, dict[str, Any]], Response],
) -> Callable[[Request], Awaitable[Response]]:
    """Make a route of a function that takes the JSON object in a body; it runs in a thread."""

    @wraps(handle)
    async def read(request: Request) -> Response:
        return await run_in_threadpool(handle, request, await json_object(request))

    return read


async def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request's body, an empty one if there is no body.

    Raises:
        HTTPException: 400 it is none; 408 it doesn't come; 413 it is too large.
    """
    try:
        value = json.loads(await body_of(request, session_of(request).limits.json_bytes) or "{}")
    except (ValueError, RecursionError):
        value = None
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
    """Return a short text of an object, without control characters; HTTPException 400 if none."""
    value = values.get(key)
    if not isinstance(value, str) or not value.strip():
        raise HTTPException(400, f"{key}: expected a text")
    return "".join(sign for sign in value[:limit] if sign.isprintable()).strip() or "untitled"


def integer_in(values: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """Return a whole number of an object or query; HTTPException 400 otherwise."""
    value = values.get(key, default)
    try:
        number = int(value) if type(value) in (int, str) else None  # no bool
    except ValueError:
        number = None
    if number is None or not -1 <= number < 2**31:
        raise HTTPException(400, f"{key}: expected a whole number")
    return number


def place_of(request: Request, key: str) -> int:
    """Return a number in a request's address, such as a frame's; HTTPException 400 otherwise."""
    return integer_in(request.path_params, key)


def box_in(values: Mapping[str, Any]) -> Box:
    """Return the box of an object; InputError unless it is four numbers of plausible size."""
    match values.get("box"):
        case [x, y, w, h] if all(type(n) in (int, float) and abs(n) < 1e9 for n in (x, y, w, h)):
            return float(x), float(y), float(w), float(h)
    raise InputError("expected a box of four numbers x, y, w, h")
