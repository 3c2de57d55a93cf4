"""Files that appear whole or not at all."""

from pathlib import Path

from siamfc.errors import OutputError
from siamfc.staging import StagedFile


def write_file(path: str | Path, content: bytes, *, overwrite: bool = False) -> None:
    """Write under a temporary name beside `path`, then rename; folders are made as needed.

    OutputError if the file exists and `overwrite` is not set, or if it cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = StagedFile(path, overwrite=overwrite)
        try:
            staged.path.write_bytes(content)
            staged.commit()
        finally:
            staged.discard()
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None
