"""Serve the page until it is interrupted."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from siamfc.errors import InputError
from siamfc.network import Network
from siamfc.tracking import KeyFrames, Settings
from siamfc.web.access import LOOPBACK_NAMES, Access, own_name
from siamfc.web.app import create_app
from siamfc.web.connections import SILENT, PatientProtocol
from siamfc.web.limits import Limits
from siamfc.web.private import private_folder
from siamfc.web.session import Session

_WILDCARDS = frozenset({"0.0.0.0", "::"})


def serve(
    matcher: Network,
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    root: Path | None = None,
    source: str | None = None,
    boxes: KeyFrames | None = None,
    limits: Limits | None = None,
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
        limits: bounds on what is accepted.
        on_ready: called once the server listens, with the address to open, token included, and
            with a file that leads there and that only its owner can read: other users can read the
            arguments of the browser that is started.

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
            address = _address(access) + ("" if job is None else f"#{job.id}")
            if job is not None and boxes is not None:
                job.draw(boxes)
                address += "/track"
            on_ready(address, _write_redirect(folder, address))
            server.run(sockets=[listener])
        finally:
            session.close()


def make_server(session: Session, access: Access) -> uvicorn.Server:
    """Make the server of an application; its `run` takes the sockets to listen on."""
    app = create_app(session, access)
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        backlog=SILENT,
        ws="websockets-sansio",
        ws_max_size=session.limits.message_bytes,
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    app.state.is_stopping = lambda: server.should_exit
    return server


def access_for(host: str, port: int) -> Access:
    """Make the access to a server that listens on `host`: its names, and a secret."""
    if host in {"127.0.0.1", "localhost"}:
        name = own_name()
    else:
        name = socket.gethostname().lower() if host in _WILDCARDS else host
    names = LOOPBACK_NAMES | {name}
    return Access(port=port, name=name, names=names, any_address=host in _WILDCARDS)


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
