"""A static host, and a tab that notes whatever goes wrong in it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

LONG = 180_000
"""Milliseconds that a loaded machine may take for a step."""


class _Handler(SimpleHTTPRequestHandler):
    isolated = False

    def guess_type(self, path: Any) -> str:
        return "text/javascript" if str(path).endswith("js") else super().guess_type(path)

    def end_headers(self) -> None:
        if self.isolated:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(folder: Path, *, isolated: bool) -> Iterator[str]:
    """Serve a folder on this machine, with the headers that threads need or without any."""
    kind = type("Handler", (_Handler,), {"isolated": isolated})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(kind, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def browser_tab(origin: str, **options: Any) -> Iterator[Any]:
    """A tab that must ask no other host and complain of nothing."""
    pytest.importorskip("playwright.sync_api", reason="needs playwright")
    from web.browsing import CHROMIUM, launched

    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    faults: list[str] = []
    ours = (origin, f"blob:{origin}", "data:")
    with launched() as browser:
        context = browser.new_context(**options)
        context.set_default_timeout(LONG)
        context.on(
            "request", lambda one: faults.append(one.url) if not one.url.startswith(ours) else None
        )
        tab = context.new_page()
        tab.on(
            "console",
            lambda one: faults.append(one.text) if one.type in ("error", "warning") else None,
        )
        tab.on("pageerror", lambda error: faults.append(str(error)))
        yield tab
    assert faults == [], faults
