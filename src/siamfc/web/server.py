"""The server of the page: its application, and serving it until it is interrupted."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from siamfc.errors import InputError, SiamFCError
from siamfc.network import Network
from siamfc.tracking import KeyFrames, Settings, Stepper
from siamfc.web import routes_jobs, routes_open, routes_show
from siamfc.web.access import LOOPBACK_NAMES, Access, Guard, own_name
from siamfc.web.connections import SILENT, PatientProtocol
from siamfc.web.private import private_folder
from siamfc.web.session import Session

_logger = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
_WILDCARDS = frozenset({"0.0.0.0", "::"})
_THREADS = 4
"""Threads that decode and encode for browsers; more requests wait."""


def serve(
    matcher: Network,
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    root: Path | None = None,
    source: str | None = None,
    boxes: KeyFrames | None = None,
    on_ready: Callable[[str, Path], None],
) -> None:
    """Serve the page; returns, or raises KeyboardInterrupt, when it is interrupted.

    Args:
        matcher: a network ready to track with.
        settings: the tracker's settings.
        host: name or address to listen on.
        port: 0: a free one.
        root: folder whose videos are offered; None: none are.
        source: opened at once, if given: as `siamfc.frames.open_source` takes it.
        boxes: drawn in the source, whose tracking begins when a page shows it.
        on_ready: called once the server listens, with the address to open, token included, and
            with a file that leads there and that only its owner can read: other users can read the
            arguments of the browser that is started.

    Raises:
        InputError: it cannot listen there.
        SourceError: `source` cannot be opened.
    """
    with _listen(host, port) as listener, private_folder() as folder:
        access = access_for(host, int(listener.getsockname()[1]))
        session = Session(Stepper(matcher, settings), folder=folder, root=root)
        try:
            job = None if source is None else session.add_source(source)
            server = make_server(session, access)
            address = _address(access) + ("" if job is None else f"#{job.id}")
            if job is not None and boxes is not None:
                job.draw(boxes)
                address += "/track"
            on_ready(address, _write_redirect(folder, address))
            server.run(sockets=[listener])
        finally:
            session.close()


def make_server(session: Session, access: Access) -> uvicorn.Server:
    """Make the server of a session, which is not closed here.

    Args:
        session: the state behind the routes.
        access: names, origin and secret that a request must bring.

    Returns:
        The server; its `run` takes the sockets to listen on.
    """
    app = Starlette(
        routes=[
            Route("/", show_page),
            *routes_show.ROUTES,
            *routes_open.ROUTES,
            *routes_jobs.ROUTES,
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, access=access)],
        exception_handlers=dict.fromkeys(
            (HTTPException, SiamFCError, ClientDisconnect, Exception), _explain
        ),
        lifespan=_limit_threads,
    )
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        backlog=SILENT,
        ws="websockets-sansio",
        ws_max_size=session.limits.message_bytes,
        ws_per_message_deflate=False,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    app.state.session = session
    app.state.is_stopping = lambda: server.should_exit
    return server


def show_page(_request: Request) -> Response:
    """GET the page."""
    return FileResponse(STATIC / "index.html", media_type="text/html")


def access_for(host: str, port: int) -> Access:
    """Make the access to a server that listens on `host`: its names, and a secret."""
    if host in {"127.0.0.1", "localhost"}:
        name = own_name()
    else:
        name = socket.gethostname().lower() if host in _WILDCARDS else host
    names = LOOPBACK_NAMES | {name}
    return Access(port=port, name=name, names=names, any_address=host in _WILDCARDS)


@asynccontextmanager
async def _limit_threads(_app: Starlette) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = _THREADS
    yield


async def _explain(_request: Request, error: Exception) -> Response:
    """Answer a request that failed in words."""
    status, text = 400, " ".join(str(error).split())
    if isinstance(error, HTTPException):
        status, text = error.status_code, error.detail
    elif not isinstance(error, SiamFCError | ClientDisconnect):
        _logger.error("an unexpected error", exc_info=error)
        status, text = 500, "an unexpected error; the server's log has it"
    return JSONResponse({"error": text}, status)


def _address(access: Access) -> str:
    shown = f"[{access.name}]" if ":" in access.name else access.name
    return f"http://{shown}:{access.port}/?token={access.token}"


def _write_redirect(folder: Path, address: str) -> Path:
    path = folder / "open.html"
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={address}">\n')
    return path


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port < 65536:
        raise InputError(f"port: expected 0 to 65535, got {port}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"cannot listen on {host} port {port}: {reason.lower()}; choose another --port"
        ) from None
