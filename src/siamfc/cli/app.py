"""Finds the verb, parses its arguments, turns errors into one line and an exit status.

Exit status: 0 done; 1 an error that siamfc names; 2 a command line that cannot be understood;
129 hung up on, 130 stopped by Ctrl-C, 141 by a closed pipe, 143 by a request to terminate.

Everything slow to import waits until a verb needs it: `siamfc --help` reads the table only.
"""

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from itertools import groupby
from types import FrameType
from typing import NoReturn

from siamfc.cli.console import print_error
from siamfc.cli.usage import UsageError
from siamfc.cli.verbs import VERBS
from siamfc.errors import SiamFCError, suggest
from siamfc.system import commit, limit_blas_threads, version


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    `arguments` are those after the program's name, by default the process's own.
    """
    limit_blas_threads()  # before any verb imports numpy
    _leave_well()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # rather a `?` than no message at all
    try:
        status = run(sys.argv[1:] if arguments is None else list(arguments))
        if sys.stdout is not None:  # or it was closed before we began
            sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return 141
    except OSError as error:
        _drop_output()
        print_error(_reason(error))
        return 1
    return status


def run(arguments: list[str]) -> int:
    """Call the verb that `arguments` name and return the exit status; errors become one line.

    Raises:
        OSError: standard output takes no more.
    """
    if not arguments or arguments[0] in ("--help", "-h"):
        print(help_text())
        return 0
    if arguments[0] == "--version":
        print(version_text())
        return 0
    verb = arguments[0]
    try:
        return _call(verb, arguments[1:])
    except UsageError as error:
        print_error(f"{error} (see `siamfc {verb} --help`)")
        return 2
    except SiamFCError as error:
        print_error(str(error))
        return 1
    except BrokenPipeError:
        raise
    except OSError as error:
        print_error(_reason(error))
        return 1
    except (KeyboardInterrupt, ImportError) as error:
        cause = _what_ended_it(error)
        if not isinstance(cause, KeyboardInterrupt):
            raise cause from None
        print_error("stopped by Ctrl-C")
        return 130


def help_text() -> str:
    """The verbs under their headings."""
    width = max(len(verb.name) for verb in VERBS)
    lines = ["Follow any object through a video from one box.", "", "Usage: siamfc VERB …"]
    for heading, verbs in groupby(VERBS, key=lambda verb: verb.group):
        lines += ["", heading]
        lines += [f"  {verb.name:{width}}  {verb.summary}" for verb in verbs]
    lines += ["", "`siamfc VERB --help` says more of each; `siamfc --version` says which this is."]
    return "\n".join(lines)


def version_text() -> str:
    """The version and, where it is known, the commit: `siamfc 0.1.0 (9607870)`.

    A commit with changes that aren't in it ends in `-dirty`.
    """
    digits, *changed = (commit() or "").split("-")
    known = "-".join([digits[:7], *changed])
    return f"siamfc {version()}" + (f" ({known})" if known else "")


def _call(name: str, arguments: list[str]) -> int:
    names = [verb.name for verb in VERBS]
    if name not in names:
        print_error(f"unknown verb {name!r}: {suggest(name, names)}")
        return 2

    from cyclopts import App, CycloptsError, UnusedCliTokensError

    from siamfc.cli.logs import show_warnings

    show_warnings()
    app = App(name="siamfc", help_format="markdown", suppress_keyboard_interrupt=False)
    app.command(getattr(import_module(f"siamfc.cli.{name}"), name), name=name)
    try:
        status = app(
            [name, *arguments],
            exit_on_error=False,
            print_error=False,
            verbose=False,
            result_action="return_value",
        )
    except UnusedCliTokensError as error:
        surplus = " ".join(error.unused_tokens or ())
        raise UsageError(f"expected no further argument, got {surplus!r}") from None
    except CycloptsError as error:
        text = str(error).removesuffix(".")
        raise UsageError(text[:1].lower() + text[1:]) from None
    return status if isinstance(status, int) else 0


def _leave_well() -> None:
    """Turn requests to end into exceptions, so that `with` statements leave nothing half-written.

    What is to be ignored, as `nohup` asks for, stays so.
    """
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", None)):  # Windows hangs up on nobody
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _what_ended_it(error: BaseException) -> BaseException:
    """A request to end, which a package may turn into another error while it is imported.

    The error itself if no such request is behind it.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt | SystemExit):
        cause = cause.__cause__ or cause.__context__
    return cause or error


def _reason(error: OSError) -> str:
    """What the system says, and of which file if it was one; without its number."""
    name = "" if error.filename is None else f"{error.filename}: "
    return f"{name}{error.strerror}" if error.strerror else str(error)


def _drop_output() -> None:
    """Python flushes standard output again at exit: give it a sink."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
