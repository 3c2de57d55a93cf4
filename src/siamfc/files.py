"""Files and folders that appear complete or not at all: written under another name, then renamed.

A draft that is neither committed nor discarded, because the process was interrupted, is removed
when the interpreter exits. The draft of a killed process is removed by the next process that writes
to the same folder.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from siamfc.drafts import Draft
from siamfc.errors import OutputError

_OUR_NAMES = re.compile(r"[0-9]{6}\.png")
"""Names that the PNG writer gives; only a folder of nothing else is ever replaced."""

_HOW_TO_OVERWRITE = "overwrite it (--overwrite, overwrite=True)"


def check_file_target(target: Path, *, overwrite: bool) -> None:
    """Check that a file may be written at `target`.

    Raises:
        OutputError: the target is a folder, or exists and `overwrite` is not set.
    """
    if not _exists(target):
        return
    if target.is_dir():
        raise OutputError(f"{target} is a folder: name a file")
    if not overwrite:
        raise OutputError(f"{target} exists: name another file, or {_HOW_TO_OVERWRITE}")


def write_file(path: str | Path, content: bytes, *, overwrite: bool = False) -> None:
    """Write to a temporary name beside `path`, then rename; missing folders are created.

    Raises:
        OutputError: the file exists and `overwrite` is not set, or it cannot be written.
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


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents.

    Raises:
        OutputError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created: {error.strerror}") from None


def check_folder_kind(path: Path, mark: str, kind: str) -> None:
    """Check that a folder is missing, empty (hidden files apart) or of a certain `kind`.

    A folder of that kind contains a file named `mark`.

    Raises:
        OutputError: it contains something else.
    """
    if (path / mark).exists() or not path.is_dir():
        return
    others = sorted(one.name for one in path.iterdir() if not one.name.startswith("."))
    if others:
        raise OutputError(
            f"{path}: expected an empty folder or {kind} with its {mark}, found {others[0]}; "
            "choose another folder"
        )


@contextmanager
def staged_folder(
    target: Path, *, contents: Sequence[str] = (), overwrite: bool = False
) -> Iterator[Path]:
    """Yield an empty folder beside `target`; it replaces `target` when the block succeeds.

    Args:
        target: must not exist, or be empty, or be a folder that may be replaced.
        contents: patterns of the names in a folder of this kind; only one that contains the first
            and nothing beside them is ever replaced. Empty: no folder is.
        overwrite: allow replacing it.

    Raises:
        OutputError: `target` may not be replaced, or cannot be written.
    """
    check_folder_target(target, contents, overwrite)
    target = _behind_link(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Draft(target, Path.mkdir)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from None
    try:
        yield draft.path
        check_folder_target(target, contents, overwrite)  # it may have appeared since
        _put_in_place(draft.path, target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from None
    finally:
        draft.discard()


class Staging(ABC):
    """A draft at `path` that moves to `target` when it is complete.

    Raises:
        OutputError: the target exists and may not be replaced, or its folder cannot be written.
    """

    def __init__(self, target: Path, *, overwrite: bool) -> None:
        self._overwrite = overwrite
        self.target = target
        self.check()
        self.target = _behind_link(target)
        try:
            self._draft = Draft(self.target, self._make)
        except OSError as error:
            raise _refusal(target, error) from None
        self.path = self._draft.path

    def commit(self) -> None:
        """Move the draft to the target.

        Raises:
            OutputError: the target has appeared since and may not be replaced.
        """
        self.check()
        self._move()
        self._draft.discard()

    def discard(self) -> None:
        """Remove the draft; the target is unchanged. Does nothing after `commit`."""
        self._draft.discard()

    @abstractmethod
    def check(self) -> None:
        """Check that the target may be written.

        Raises:
            OutputError: it may not.
        """

    @abstractmethod
    def _make(self, path: Path) -> None:
        """Create an empty draft."""

    @abstractmethod
    def _move(self) -> None:
        """Rename the draft to the target."""


class StagedFile(Staging):
    """A draft of a file."""

    def check(self) -> None:
        """Check that the target may be written; see `check_file_target`."""
        check_file_target(self.target, overwrite=self._overwrite)

    def _make(self, path: Path) -> None:
        path.touch(exist_ok=False)

    def _move(self) -> None:
        self.path.replace(self.target)


class StagedFolder(Staging):
    """A draft of a folder of numbered PNG files."""

    def check(self) -> None:
        """Check that the target is missing, empty, or such a folder that may be replaced."""
        names = _names(self.target)
        if names and not self._overwrite:
            raise OutputError(
                f"{self.target} is not empty: name another folder, or {_HOW_TO_OVERWRITE}"
            )
        foreign = [name for name in names if not _OUR_NAMES.fullmatch(name)]
        if foreign:
            raise OutputError(
                f"{self.target} holds more than numbered PNG files, such as {foreign[0]}, and is "
                "left as it is: name another folder"
            )

    def _make(self, path: Path) -> None:
        path.mkdir()

    def _move(self) -> None:
        _put_in_place(self.path, self.target)


def check_folder_target(target: Path, contents: Sequence[str], overwrite: bool) -> None:
    """Check that `staged_folder` may replace `target`.

    Raises:
        OutputError: it may not.
    """
    try:
        names = [path.name for path in target.iterdir()] if target.exists() else []
    except OSError as error:
        raise OutputError(f"{target}: expected a folder to write; {error.strerror}") from None
    if not names:
        return
    if not any(fnmatchcase(name, one) for name in names for one in contents[:1]):
        raise OutputError(f"{target} is not empty: choose another folder")
    if not overwrite:
        raise OutputError(f"{target} exists: choose another folder, or allow to overwrite it")
    foreign = [name for name in names if not any(fnmatchcase(name, one) for one in contents)]
    if foreign:
        raise OutputError(
            f"{target} also holds {sorted(foreign)[0]}, which would be lost, and is left as it is: "
            "choose another folder"
        )


def _behind_link(target: Path) -> Path:
    """Return where a target lies: a link stays, and what it leads to is written.

    Raises:
        OutputError: it is the current folder, which cannot be put in place by a rename.
    """
    if not target.name:
        raise OutputError(f"{target}: expected the name of a new folder, got the current one")
    return target.resolve() if target.is_symlink() else target


def _put_in_place(staging: Path, target: Path) -> None:
    """Rename a folder to the target, then delete the folder that it replaced."""
    if not target.exists():
        staging.replace(target)
        return
    # The name must not match a draft's, or a later process would delete the user's files.
    replaced = target.with_name(f".{target.name[:50]}-replaced-{secrets.token_hex(4)}")
    target.replace(replaced)
    try:
        staging.replace(target)
    except OSError:
        replaced.replace(target)
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def _exists(target: Path) -> bool:
    """Return whether the target exists.

    Raises:
        OutputError: the path is impossible: too long, say, or not allowed.
    """
    try:
        target.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _refusal(target, error) from None
    except ValueError as error:  # a null byte
        raise OutputError(f"{target!r} cannot be written: {error}") from None
    return True


def _names(folder: Path) -> list[str]:
    """Return the names in a folder; none if it does not exist."""
    if not _exists(folder):
        return []
    if not folder.is_dir():
        raise OutputError(f"{folder} is a file: name a folder")
    try:
        return [path.name for path in folder.iterdir()]
    except OSError as error:
        raise _refusal(folder, error) from None


def _refusal(target: Path, error: OSError) -> OutputError:
    if error.errno == errno.ENOENT and not target.parent.exists():
        return OutputError(f"{target} cannot be written: there is no folder {target.parent}")
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return OutputError(f"{target} cannot be written: {reason}")
