"""Silent connections, which must not keep the page's owner out."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 60.0
"""Longest wait for the head of a first request: on a busy machine a browser is slow, too."""
SILENT = 128
"""Connections without a request at once; a further one closes the oldest. No more are accepted at a
time (see `server`), so that none is closed whose request has come but was not read yet."""


class PatientProtocol(H11Protocol):
    """HTTP/1.1 on a connection that is closed unless a request comes in time.

    Requests without the secret are answered and their connections closed at once. So whoever does
    not know it can hold no more than `SILENT` connections, for `HEAD_SECONDS` each.
    """

    _silent: dict[PatientProtocol, asyncio.TimerHandle] = {}  # noqa: RUF012 - of all connections

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        if len(self._silent) >= SILENT:
            next(iter(self._silent))._give_up()
        self._silent[self] = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def handle_events(self) -> None:
        """Stop waiting once a request's head is complete."""
        super().handle_events()
        if self.scope is not None:
            self._forget()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._forget()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        self._forget()
        self.transport.abort()

    def _forget(self) -> None:
        timer = self._silent.pop(self, None)
        if timer is not None:
            timer.cancel()
