"""Sends mutated requests to a page's server."""

import json
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from random import Random

from .mutations import ODD_NUMBERS, damage_bytes, damage_json

SECONDS = 30.0
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_FINE = frozenset({501, 503, 507})
"""Statuses from 500 on that say what the server doesn't do, or has no room for."""

REQUESTS: tuple[tuple[str, str, object], ...] = (
    ("GET", "/", None),
    ("GET", "/static/main.js", None),
    ("GET", "/api/state", None),
    ("GET", "/api/library", None),
    ("GET", "/api/news?job=JOB&version=-1", None),
    ("POST", "/api/sample", {}),
    ("POST", "/api/uploads", {"name": "a.mp4", "images": False, "count": 1}),
    ("POST", "/api/streams", {"url": "file:///nothing.mp4"}),
    ("POST", "/api/cameras", {"width": 64, "height": 48}),
    ("PUT", "/api/uploads/1/0", b"content"),
    ("POST", "/api/uploads/1", None),
    ("DELETE", "/api/uploads/1", None),
    ("GET", "/api/jobs/JOB/frames/0", None),
    ("GET", "/api/jobs/JOB/play?start=0&percent=100", None),
    ("GET", "/api/jobs/JOB/network/0/1", None),
    ("GET", "/api/jobs/JOB/review", None),
    ("GET", "/api/jobs/JOB/boxes.csv", None),
    ("GET", "/api/jobs/JOB/still/0", None),
    ("GET", "/api/jobs/JOB/video.mp4", None),
    ("PUT", "/api/jobs/JOB/boxes/0/0", {"box": [10, 12, 20, 16]}),
    ("POST", "/api/jobs/JOB/boxes/0/1", {"to": 1}),
    ("DELETE", "/api/jobs/JOB/boxes/0/1", None),
    ("PUT", "/api/jobs/JOB/targets/1", {"name": "a"}),
    ("DELETE", "/api/jobs/JOB/targets/1", None),
    ("POST", "/api/jobs/JOB/boxes?name=a.csv", b"frame,time,target,x,y,w,h,score,lost\n"),
    ("POST", "/api/jobs/JOB/start", {}),
    ("POST", "/api/jobs/JOB/video/marked", {}),
)


class Page:
    """A server of its own on an unused port; restarted if it has ended."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._errors: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def ask(self, random: Random) -> tuple[bytes, str | None]:
        """Send one mutated request; what was sent, and what is wrong with the answer."""
        self._start()
        request = self._request(random)
        try:
            answer = self._send(request)
        except TimeoutError:
            return request, f"no answer within {SECONDS:g} s"
        except OSError:
            answer = b""
        status = _STATUS.match(answer)
        if self._process is None or self._process.poll() is not None:
            return request, "the server ended"
        if status and int(status[1]) >= 500 and int(status[1]) not in _FINE:
            return request, f"status {int(status[1])}"
        if any("Traceback" in line for line in self._errors):
            self._errors.clear()
            return request, "a traceback"
        if self._growth() > 1 << 30:
            return request, "more than 1 GiB of memory"
        return request, None

    def close(self) -> None:
        """End the server."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(SECONDS)
            self._process = None

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        command = [sys.executable, "-m", "siamfc", "serve", str(self._root), "--no-browser"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://([^/:]+):(\d+)/\?token=(\S+?)(#|$|\s)", line)
        assert found, f"expected the page's address, got {line!r}"
        self._host, self._port, self._token = f"{found[1]}:{found[2]}", int(found[2]), found[3]
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        self._base = self._memory()
        self._job = self._open()

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self._errors.append(line)
            del self._errors[:-200]

    def _open(self) -> str:
        entries = self._plain("GET", "/api/library")
        entry = re.search(rb'"id":\s*"?([\w.-]+)', entries)
        opened = self._plain("POST", f"/api/library/{entry[1].decode()}") if entry else b""
        number = re.search(rb'"id":\s*"?([\w.-]+)', opened)
        return number[1].decode() if number else "1"

    def _plain(self, method: str, path: str) -> bytes:
        return self._send(self._head(method, path, b""))

    def _head(self, method: str, path: str, body: bytes, *more: str) -> bytes:
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self._host}",
            f"Origin: http://{self._host}",
            "Sec-Fetch-Site: same-origin",
            f"Cookie: siamfc-{self._port}={self._token}",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *more,
        ]
        return "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body

    def _request(self, random: Random) -> bytes:
        method, path, content = random.choice(REQUESTS)
        path = path.replace("JOB", self._job)
        body = b""
        if isinstance(content, bytes):
            body = damage_bytes(content, random)
        elif content is not None:
            body = damage_json(json.dumps(content), random).encode("utf-8", "surrogatepass")
        kind = random.randrange(8)
        if kind == 0:
            method = random.choice(("GET", "PUT", "POST", "DELETE", "HEAD", "TRACE", "\x00"))
        if kind in (1, 2, 3):
            parts = re.split(r"(\d+)", path)
            numbers = list(range(1, len(parts), 2))
            if numbers:
                odd = random.choice(ODD_NUMBERS)
                parts[random.choice(numbers)] = odd.replace(" ", "%20")
            path = "".join(parts)
        if kind == 4:
            ends = ("/..", "/%2e%2e/%2e%2e/etc/passwd", "?" + "a" * 5000, "%00", "%")
            path += random.choice(ends)
        request = self._head(method, path, body)
        return damage_bytes(request, random) if kind == 5 else request

    def _send(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self._port), SECONDS) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while len(answer) < 1 << 16:
                part = connection.recv(1 << 14)
                if not part:
                    break
                answer += part
            return answer

    def _memory(self) -> int:
        assert self._process is not None
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) << 10

    def _growth(self) -> int:
        return self._memory() - self._base
