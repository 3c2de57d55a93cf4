"""Files that appear whole or not at all."""

import os
import tempfile
from pathlib import Path

from siamfc.errors import OutputError


def write_file(path: str | Path, content: bytes, *, overwrite: bool = False) -> None:
    """Write under a temporary name beside `path`, then rename; folders are made as needed.

    OutputError if the file exists and `overwrite` is not set, or if it cannot be written.
    """
    path = Path(path)
    check_absent(path, overwrite=overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).chmod(0o644)  # what mkstemp makes, only its owner can read
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def check_absent(path: Path, *, overwrite: bool) -> None:
    """OutputError if `path` exists and must not be replaced."""
    if path.is_dir():
        raise OutputError(f"{path}: expected a file to write, found a folder")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists: choose another name, or allow to overwrite it")
