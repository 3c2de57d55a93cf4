"""Runs one command line in a child process, and says what is wrong with how it ended."""

import os
import re
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60.0
"""After which a command hangs."""
MOST_GROWTH = 1 << 30
"""Bytes of memory above those of a program that has done nothing."""
_LONGEST_LINE = 1500
_LINE = re.compile(
    r"(error|warning|note|hint): .+|\d+ images in .+|resumes after .+|epoch \d+/.+|"
    r"\w+: \d+(/\d+)? \w+(, .+)?"
)
_LOCKS = frozenset({".lock", ".lock-holder"})


@dataclass(frozen=True, kw_only=True)
class Ending:
    """End of a command."""

    status: int
    """Of the process; negative: the signal that killed it."""
    output: str
    errors: str
    peak: int
    """Bytes of memory at most."""
    hung: bool

    def fault(self, arguments: list[str], base: int, folder: Path) -> str | None:
        """Return what is wrong with it; None if it is as it should be."""
        lines = self.errors.splitlines()
        told = [line for line in lines if line.startswith("error: ")]
        several = arguments[0] == "evaluate"  # a line for each sequence that failed
        without = arguments[0] == "curate" and "--check" in arguments  # problems are its output
        unclean = [line for line in lines if not _LINE.fullmatch(line)]
        left = [path.name for path in folder.rglob(".*") if path.name not in _LOCKS]
        checks = (
            (self.hung, f"no end within {SECONDS:g} s"),
            (self.status < 0 and not self.hung, f"killed by signal {-self.status}"),
            ("Traceback" in self.errors + self.output, "a traceback"),
            (self.status not in (0, 1, 2), f"exit status {self.status}"),
            (bool(unclean), f"a line that is no message: {unclean[:1]}"),
            (max(map(len, lines), default=0) > _LONGEST_LINE, "a line of endless length"),
            (self.status == 0 and bool(told), "an error, and exit status 0"),
            (self.status > 0 and not told and not without, "no error line"),
            (len(told) > 1 and not several, "several error lines"),
            (self.peak - base > MOST_GROWTH, f"{(self.peak - base) >> 20} MiB more memory"),
            (bool(left), f"left behind: {left[:1]}"),
        )
        return next((text for is_wrong, text in checks if is_wrong), None)


def run_child(folder: Path, work: Callable[[], int | None]) -> Ending:
    """Call `work` in a fork of this process, whose packages are loaded already."""
    paths = [folder.with_name(f"{folder.name}.{name}") for name in ("out", "err")]
    number = os.fork()
    if number == 0:
        _be_child(folder, paths, work)
    started, hung = time.monotonic(), False
    while True:
        done, status, usage = os.wait4(number, os.WNOHANG)
        if done:
            break
        if time.monotonic() - started > SECONDS and not hung:
            hung = True
            os.killpg(number, signal.SIGKILL)
        time.sleep(0.002)
    output, errors = (path.read_text(errors="replace") for path in paths)
    return Ending(
        status=os.waitstatus_to_exitcode(status),
        output=output,
        errors=errors,
        peak=usage.ru_maxrss << 10,
        hung=hung,
    )


def _be_child(folder: Path, paths: list[Path], work: Callable[[], int | None]) -> None:
    """Never returns."""
    status = 99
    try:
        os.setsid()
        os.chdir(folder)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
        for descriptor, path in enumerate((Path(os.devnull), *paths)):
            flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(path, flags, 0o600), descriptor)
        sys.stdout, sys.stderr = (open(n, "w", closefd=False) for n in (1, 2))  # noqa: SIM115
        status = work() or 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
