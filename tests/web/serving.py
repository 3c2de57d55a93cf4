"""The page's server in a thread, and a client that says exactly what it is told to."""

import contextlib
import http.client
import json
import math
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fakes import IdealMatcher
from siamfc.tracking import Stepper, fitting_settings
from siamfc.web.access import Access
from siamfc.web.limits import Limits
from siamfc.web.server import access_for, make_server
from siamfc.web.session import Session


class SlowMatcher(IdealMatcher):
    """Takes its time, and can be held, so that a job is caught at work."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._answers_left = math.inf
        self._is_free = threading.Event()

    def respond(self, exemplars: Any, searches: Any) -> Any:
        time.sleep(self._seconds)
        if self._answers_left <= 0:
            assert self._is_free.wait(timeout=600)
        self._answers_left -= 1
        return super().respond(exemplars, searches)

    @contextlib.contextmanager
    def held(self, after: int = 0) -> Iterator[None]:
        """Answer `after` times more, then not until the block ends."""
        self._is_free.clear()
        self._answers_left = after
        try:
            yield
        finally:
            self._answers_left = math.inf
            self._is_free.set()


class Answer:
    """Status, headers and body."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """A running server, and requests to it as the page would send them."""

    def __init__(self, session: Session, access: Access) -> None:
        self.session = session
        self.port = port = access.port
        self.token = token = access.token
        self.name = access.name
        self.origin = f"http://127.0.0.1:{port}"
        self.address = f"{self.origin}/?token={token}"

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        drop: tuple[str, ...] = (),
        **headers: str,
    ) -> Answer:
        """Send a request with the page's headers, less those in `drop`, changed by `headers`."""
        sent = {
            "Host": f"127.0.0.1:{self.port}",
            "Origin": self.origin,
            "Sec-Fetch-Site": "same-origin",
            "Cookie": f"siamfc-{self.port}={self.token}",
        }
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if name not in drop:
                    connection.putheader(name, value)
            if content is not None:
                connection.putheader("Content-Length", str(len(content)))
            connection.endheaders(content)
            return Answer(connection.getresponse())

    def upload(self, path: Path, name: str = "clip.mp4") -> Answer:
        """Upload a file and open it as a job."""
        upload = self.ask("POST", "/api/uploads", {"name": name, "images": False, "count": 1})
        number = upload.json()["id"]
        received = self.ask("PUT", f"/api/uploads/{number}/0", path.read_bytes())
        assert received.status == 204, received.body
        return self.ask("POST", f"/api/uploads/{number}")

    def open(self, path: Path) -> str:
        """Upload a film that is fine; its job's number."""
        answer = self.upload(path)
        assert answer.status == 201, answer.body
        return str(answer.json()["id"])

    def job(self, number: str) -> dict[str, Any]:
        """Return a job as the server describes it."""
        return next(
            job for job in self.ask("GET", "/api/state").json()["jobs"] if job["id"] == number
        )

    def rows(self, number: str, *, columns: int = 5) -> Any:
        """The rows of a job, (F, N, 5) x, y, w, h, score, of frames 0 to its end."""
        answer = self.ask("GET", f"/api/news?job={number}&version=-1")
        (length,) = struct.unpack_from("<I", answer.body)
        head = json.loads(answer.body[4 : 4 + length])
        job = next(job for job in head["jobs"] if job["id"] == number)
        targets = [target["id"] for target in job["targets"]]
        table = np.full((len(targets), job["frameCount"] + 64, 7), np.nan, np.float32)
        offset = 4 + length
        for target, start, count in head["rows"]["patches"]:
            values = np.frombuffer(answer.body, "<f4", 7 * count, offset=offset).reshape(-1, 7)
            table[targets.index(target), start : start + count] = values
            offset += values.nbytes
        return table[:, : job["end"], :columns].swapaxes(0, 1)

    def wait(self, number: str, *states: str, seconds: float = 120) -> dict[str, Any]:
        """Wait until a job is in one of some states."""
        deadline = time.monotonic() + seconds
        while (job := self.job(number))["state"] not in states:
            assert time.monotonic() < deadline, job
            time.sleep(0.02)
        return job

    def files(self) -> set[Path]:
        """Return the files in the private folder."""
        return {path for path in self.session.folder.rglob("*") if path.is_file()}


@contextlib.contextmanager
def running(
    folder: Path,
    *,
    root: Path | None = None,
    limits: Limits | None = None,
    matcher: Any = None,
) -> Iterator[Server]:
    """Run a server until the block ends."""
    chosen = matcher or IdealMatcher()
    stepper = Stepper(chosen, fitting_settings(chosen))
    session = Session(stepper, folder=folder, root=root, limits=limits)
    listener = socket.create_server(("127.0.0.1", 0))
    access = access_for("127.0.0.1", listener.getsockname()[1])
    server = make_server(session, access)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield Server(session, access)
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        session.close()
        listener.close()
