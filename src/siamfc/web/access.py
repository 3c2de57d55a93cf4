"""The guard of the server: the holder of its address may use it, from the page itself.

Another page in the same browser can send requests to 127.0.0.1, and a foreign name can be made to
resolve to it (DNS rebinding). So every request must name this server as its host, come from this
page where the browser says where it comes from, and hold the secret of the address: once in the
address itself, later as a cookie that no script can read and no other site can send.

Browsers send a cookie to every port of a host. So the address has a random host name of its own
beneath `localhost`, which leads to this machine in every current browser and which no other server
uses.
"""

import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
"""Sent with every answer."""

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_POLICY_VIOLATION = 1008
"""The WebSocket close code."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Names, origin and secret that a request must have."""

    port: int
    """Port on which the server listens."""
    name: str = "127.0.0.1"
    """Host name in the address that the user is given."""
    names: frozenset[str] = LOOPBACK_NAMES
    """Host names that a request may use."""
    any_address: bool = False
    """True if a request may also use any numeric address."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """The secret."""

    @property
    def cookie(self) -> str:
        """Name of the cookie. It contains the port, since browsers send cookies to every port."""
        return f"siamfc-{self.port}"

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Return status and reason if a request must be refused; None if it may pass."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_our_host(hosts[0]):
            return 421, "unknown host name: open the address that the server printed"
        is_opening = self.is_opening(scope)
        origin = headers.get("origin")
        needs_origin = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if (origin is not None or needs_origin) and origin != f"http://{hosts[0]}":
            return 403, "only the page itself may send this request"
        if headers.get("sec-fetch-site", "none") not in {"same-origin", "none"} and not is_opening:
            return 403, "only the page itself may send this request"
        if not is_opening and not self._is_known(headers.getlist("cookie")):
            return 403, "open the address that the server printed, with its token"
        return None

    def is_opening(self, scope: Scope) -> bool:
        """Return True if a request has the secret in its address; the answer sets the cookie."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        return len(given) == 1 and self._is_token(given[0])

    def _is_known(self, cookies: Iterable[str]) -> bool:
        # Split by hand: a parser of the standard refuses all for one odd cookie of another program.
        pairs = (part.strip().partition("=") for text in cookies for part in text.split(";"))
        return any(name == self.cookie and self._is_token(value) for name, _, value in pairs)

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self.token.encode())

    def _is_our_host(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port or 80
        except ValueError:
            return False
        if parts.netloc != parts.netloc.rpartition("@")[2] or parts.path or port != self.port:
            return False
        return name in self.names or (self.any_address and _address(name) is not None)


class Guard:
    """Refuses requests by `access`, and adds `HEADERS` to every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        app, cookie = self._app, None
        refusal = self._access.refusal(scope)
        if refusal is not None and scope["type"] == "websocket":
            app = WebSocketClose(_POLICY_VIOLATION)
        elif refusal is not None:
            status, reason = refusal
            app = PlainTextResponse(f"{reason}\n", status, headers={"Connection": "close"})
        elif self._access.is_opening(scope):
            cookie = (
                f"{self._access.cookie}={self._access.token}; Path=/; HttpOnly; SameSite=Strict"
            )

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if cookie is not None:
                    headers.append("Set-Cookie", cookie)
            await send(message)

        await app(scope, receive, send_with_headers)


def own_name() -> str:
    """Return a host name that leads to this machine and that no other server uses."""
    return f"siamfc-{secrets.token_hex(4)}.localhost"


def is_loopback(host: str) -> bool:
    """Return True if only programs on this machine can reach a server that listens on `host`.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
