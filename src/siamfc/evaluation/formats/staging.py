"""Folders that appear whole or not at all."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from siamfc.errors import OutputError


@contextmanager
def whole_folder(
    target: Path, *, mark: str | None = None, overwrite: bool = False
) -> Iterator[Path]:
    """Give an empty folder beside `target` that takes its place when the block ends well.

    Args:
        target: must not exist, or be empty, or be a folder that may be replaced.
        mark: name of a file by which a folder of the same kind is told; only such a one is ever
            replaced.
        overwrite: whether it is.

    Raises:
        OutputError: something is in the way, or it cannot be written.
    """
    _require_replaceable(target, mark, overwrite)
    staging = target.with_name(f".{target.name}-{secrets.token_hex(4)}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging.mkdir()
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from None
    try:
        yield staging
        _put_in_place(staging, target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _require_replaceable(target: Path, mark: str | None, overwrite: bool) -> None:
    try:
        names = [path.name for path in target.iterdir()] if target.exists() else []
    except OSError as error:
        raise OutputError(f"{target}: expected a folder to write; {error.strerror}") from None
    if not names:
        return
    if mark is None or mark not in names:
        raise OutputError(f"{target} is not empty: choose another folder")
    if not overwrite:
        raise OutputError(f"{target} exists: choose another folder, or allow to overwrite it")


def _put_in_place(staging: Path, target: Path) -> None:
    """Rename; what was there before goes last."""
    if not target.exists():
        staging.replace(target)
        return
    replaced = staging.with_name(f"{staging.name}.old")
    target.replace(replaced)
    try:
        staging.replace(target)
    except OSError:
        replaced.replace(target)
        raise
    shutil.rmtree(replaced, ignore_errors=True)
