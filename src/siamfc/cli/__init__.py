"""The command line: one verb per file; each parses, calls the library and prints."""

import signal
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; see `siamfc.cli.app`.

    `arguments` are those after the program's name, by default the process's own.
    """
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # such an early Ctrl-C must not show a traceback
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from siamfc.cli.app import main as begin

    signal.signal(signal.SIGINT, handler)
    return begin(arguments)
