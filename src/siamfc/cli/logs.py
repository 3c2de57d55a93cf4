"""The library's log messages and warnings, as lines on standard error."""

import logging
import sys
import warnings

from siamfc.cli.console import one_line


def show_warnings() -> None:
    """Print the library's log messages and warnings on standard error as `warning: …` lines."""
    logger = logging.getLogger("siamfc")
    if not any(isinstance(handler, _WarningHandler) for handler in logger.handlers):
        logger.addHandler(_WarningHandler(logging.WARNING))
    root = logging.getLogger()
    if not root.handlers:  # other packages' log messages repeat the errors that they raise
        root.addHandler(logging.NullHandler())
    warnings.showwarning = lambda message, *_, **__: logger.warning("%s", message)


class _WarningHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print(f"{record.levelname.lower()}: {one_line(record.getMessage())}", file=sys.stderr)
