"""Entry point of the command line: finds the verb, parses its arguments and reports errors.

Exit status: 0 success; 1 an error with a message of siamfc; 2 an invalid command line; 129 hung up,
130 stopped by Ctrl-C, 141 by a closed pipe, 143 by a request to terminate.

Slow imports wait until a verb needs them: `siamfc --help` reads only the table.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from siamfc.cli.console import guard_streams, print_error
from siamfc.cli.interrupt import Terminated, raise_on_termination, signal_name
from siamfc.cli.usage import UsageError, require_one_word
from siamfc.cli.verbs import VERBS
from siamfc.errors import SiamFCError, suggest
from siamfc.system import commit, limit_blas_threads, version

if TYPE_CHECKING:
    from cyclopts import MissingArgumentError

_HELP = ("--help", "-h", "help")
_VERSION = ("--version", "-V", "version")
_WITH_SOURCE = frozenset({"track", "compare", "redact", "reframe", "stabilise", "crop"})
"""Verbs whose first argument is a source of pictures, which `-` may name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    `arguments` are those after the program's name, by default the process's own.
    """
    limit_blas_threads()  # before any verb imports numpy
    raise_on_termination()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a `?` is better than no message
    guard_streams()
    try:
        status = run(sys.argv[1:] if arguments is None else list(arguments))
        if sys.stdout is not None:  # None: it was closed before the start
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
        OSError: standard output cannot be written.
    """
    if len(arguments) > 1 and arguments[0] == "help":
        arguments = [arguments[1], "--help"]
    if not arguments or arguments[0] in _HELP:
        print(help_text())
        return 0
    if arguments[0] in _VERSION:
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
        cause = _termination_behind(error)
        if isinstance(cause, Terminated):
            print_error(f"stopped by {signal_name(cause.number)}")
            return 128 + cause.number
        if not isinstance(cause, KeyboardInterrupt):
            raise cause from None
        print_error("stopped by Ctrl-C")
        return 130
    except Terminated as error:
        print_error(f"stopped by {signal_name(error.number)}")
        return 128 + error.number


def help_text() -> str:
    """Return the verbs under their headings."""
    width = max(len(verb.name) for verb in VERBS)
    lines = ["Follow any object through a video from one box.", "", "Usage: siamfc VERB …"]
    for heading, verbs in groupby(VERBS, key=lambda verb: verb.group):
        lines += ["", heading]
        lines += [f"  {verb.name:{width}}  {verb.summary}" for verb in verbs]
    lines += ["", "`siamfc VERB --help` explains a verb; `siamfc --version` prints the version."]
    return "\n".join(lines)


def version_text() -> str:
    """Return the version and, if known, the commit: `siamfc 0.1.0 (9607870)`.

    The commit ends in `-dirty` if there are uncommitted changes.
    """
    digits, *changed = (commit() or "").split("-")
    known = "-".join([digits[:7], *changed])
    return f"siamfc {version()}" + (f" ({known})" if known else "")


def _call(name: str, arguments: list[str]) -> int:
    names = [verb.name for verb in VERBS]
    if name not in names:
        kind = "option" if name.startswith("-") else "verb"
        advice = (
            suggest(name, ["--help", "--version"])
            if kind == "option"
            else suggest(name, [*names, "help", "version"], f"expected one of {', '.join(names)}")
        )
        print_error(f"unknown {kind} {name!r}: {advice}")
        return 2

    from cyclopts import App, CycloptsError, MissingArgumentError, UnusedCliTokensError

    from siamfc.cli.console import show_warnings

    show_warnings()
    require_one_word(arguments)
    app = App(name="siamfc", help_format="markdown", suppress_keyboard_interrupt=False)
    app.command(getattr(import_module(f"siamfc.cli.{name}"), name), name=name)
    try:
        status = app(
            [name, *(_with_standard_input(arguments) if name in _WITH_SOURCE else arguments)],
            exit_on_error=False,
            print_error=False,
            verbose=False,
            result_action="return_value",
        )
    except UnusedCliTokensError as error:
        surplus = " ".join(error.unused_tokens or ())
        raise UsageError(f"expected no further argument, got {surplus!r}") from None
    except MissingArgumentError as error:
        raise UsageError(_missing(error, arguments)) from None
    except CycloptsError as error:
        text = str(error).removesuffix(".")
        raise UsageError(text[:1].lower() + text[1:]) from None
    return status if isinstance(status, int) else 0


def _missing(error: "MissingArgumentError", arguments: list[str]) -> str:
    """Say which argument is missing, or which flag has no value."""
    if error.keyword is not None:
        if (error.keyword, "-") in pairwise(arguments):
            return (
                f"{error.keyword}: expected a value, got -; standard output is not supported, and "
                "standard input only as a source"
            )
        return f"{error.keyword}: expected a value, got none"
    return f"expected {error.argument.name if error.argument else 'an argument'}, got none"


def _with_standard_input(arguments: list[str]) -> list[str]:
    """Replace `-` by another word for standard input where it is a source, not an option's value.

    >>> _with_standard_input(["-", "--box", "1,2,3,4", "-o", "-"])
    ['pipe:', '--box', '1,2,3,4', '-o', '-']
    """
    before = ["", *arguments]
    return [
        "pipe:" if word == "-" and not previous.startswith("-") else word
        for previous, word in zip(before, arguments, strict=False)
    ]


def _termination_behind(error: BaseException) -> BaseException:
    """Return the termination request behind an error, or the error itself if there is none.

    A package may turn such a request into another error while it is imported.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt | SystemExit):
        cause = cause.__cause__ or cause.__context__
    return cause or error


def _reason(error: OSError) -> str:
    """Return the system's message, with the file's name if there is one, but without its number."""
    name = "" if error.filename is None else f"{error.filename}: "
    return f"{name}{error.strerror}" if error.strerror else str(error)


def _drop_output() -> None:
    """Redirect standard output to a sink, since Python flushes it again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
