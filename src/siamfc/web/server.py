"""Serve the page until it is interrupted."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from siamfc.errors import InputError
from siamfc.network import Network
from siamfc.tracking import Settings
from siamfc.web.access import LOOPBACK_NAMES, Access, is_loopback
from siamfc.web.app import create_app
from siamfc.web.limits import Limits
from siamfc.web.private import private_folder
from siamfc.web.session import Session

_CONNECTIONS = 256
"""At once; more are answered with 503."""
_WILDCARDS = frozenset({"0.0.0.0", "::"})


def serve(
    matcher: Network,
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    root: Path | None = None,
    source: str | None = None,
    limits: Limits | None = None,
    on_ready: Callable[[str], None],
) -> None:
    """Serve the page; returns, or raises KeyboardInterrupt, when it is interrupted.

    Args:
        matcher: a network ready to track with.
        settings: of the tracker.
        host: name or address to listen on.
        port: 0: a free one.
        root: folder whose videos are offered; None: none are.
        source: opened at once, if given: as `siamfc.frames.open_source` takes it.
        limits: how much is taken.
        on_ready: called with the address to open, token included, once the server listens.

    Raises:
        InputError: it cannot listen there.
        SourceError: `source` cannot be opened.
    """
    limits = limits or Limits()
    with _listen(host, port) as listener, private_folder() as folder:
        access = access_for(host, int(listener.getsockname()[1]))
        session = Session(matcher, settings, folder=folder, root=root, limits=limits)
        try:
            job = None if source is None else session.add_source(source)
            server = make_server(session, access)
            on_ready(_address(host, access) + ("" if job is None else f"#{job.id}"))
            server.run(sockets=[listener])
        finally:
            session.close()


def make_server(session: Session, access: Access) -> uvicorn.Server:
    """Make the server of an application; it listens where it is told when it is run."""
    app = create_app(session, access)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="websockets-sansio",
        ws_max_size=session.limits.message_bytes,
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    app.state.is_stopping = lambda: server.should_exit
    return server


def access_for(host: str, port: int) -> Access:
    """By which names a server that listens on `host` may be called."""
    if is_loopback(host):
        return Access(port=port, names=LOOPBACK_NAMES | {host})
    names = {host} if host not in _WILDCARDS else {socket.gethostname().lower()}
    return Access(port=port, names=LOOPBACK_NAMES | names, any_address=host in _WILDCARDS)


def _address(host: str, access: Access) -> str:
    name = socket.gethostname().lower() if host in _WILDCARDS else host
    shown = f"[{name}]" if ":" in name else name
    return f"http://{shown}:{access.port}/?token={access.token}"


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port < 65536:
        raise InputError(f"port: expected 0 to 65535, got {port}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"cannot listen on {host} port {port}: {reason.lower()}; choose another --port"
        ) from None
