"""Runs that are killed: a program in its own process, ended by SIGKILL at a chosen moment."""

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def run(code: str, *, kill: Callable[[], bool] = lambda: False) -> bool:
    """Run Python code, kill it once `kill` is true, and return whether it ended by itself.

    Code may kill itself by SIGKILL, too.

    Code that starts processes keeps to `if __name__ == "__main__"` like any script.
    """
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    while process.poll() is None and not kill():
        time.sleep(0.005)
    ended = process.poll() not in (None, -signal.SIGKILL)
    process.kill()
    _, complaint = process.communicate()
    assert not ended or process.returncode == 0, complaint.decode()
    return ended


def after_progress(amount: Callable[[], int], *, least: int, wait: float) -> Callable[[], bool]:
    """Say when `amount` has grown by `least` since now, and `wait` seconds have passed since.

    So a run always gets somewhere before it is killed, on a slow machine too.
    """
    goal = amount() + least
    reached: list[float] = []

    def moment() -> bool:
        if not reached and amount() >= goal:
            reached.append(time.monotonic())
        return bool(reached) and time.monotonic() - reached[0] >= wait

    return moment


def tree_digest(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder but the lock's, by path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
