"""What the library logs and warns of, as lines on standard error."""

import logging
import sys
import warnings

from siamfc.cli.console import one_line


def show_warnings() -> None:
    """Send what the library logs and warns of to standard error, `warning: …` a line."""
    logger = logging.getLogger("siamfc")
    if not any(isinstance(handler, _WarningHandler) for handler in logger.handlers):
        logger.addHandler(_WarningHandler(logging.WARNING))
    root = logging.getLogger()
    if not root.handlers:  # what other packages log is said again by the error that they raise
        root.addHandler(logging.NullHandler())
    warnings.showwarning = lambda message, *_, **__: logger.warning("%s", message)


class _WarningHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print(f"{record.levelname.lower()}: {one_line(record.getMessage())}", file=sys.stderr)
