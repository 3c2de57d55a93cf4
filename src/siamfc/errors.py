"""Errors that siamfc raises deliberately.

SiamFCError
├── InputError              an argument, a box, a setting (also a ValueError)
├── SourceError             a video, folder, camera or stream that cannot be read
├── OutputError             a file that cannot or must not be written
├── CheckpointError         weights that are damaged, in another format or unsafe
├── DatasetError            a data set, store or result file that breaks its format
└── MissingDependencyError  an optional package is not installed

Each message is one line: what was expected, what was found, what to do.
"""

from collections.abc import Collection


class SiamFCError(Exception):
    """Base of all errors below; the command line prints it as one line and exits with 1."""


class InputError(SiamFCError, ValueError):
    """An argument, box or setting that cannot be used."""


class SourceError(SiamFCError):
    """A source of frames that cannot be opened or decoded."""


class OutputError(SiamFCError):
    """A file that cannot be written, or exists and must not be overwritten."""


class CheckpointError(SiamFCError):
    """A weights file that is damaged, in another format or unsafe."""


class DatasetError(SiamFCError):
    """A data set, store or result file that breaks its format."""


class MissingDependencyError(SiamFCError):
    """An optional package that is not installed; the message names the extra to install."""


def install_command(extras: str, options: str = "") -> str:
    """Return the command that installs optional packages; siamfc is not on PyPI.

    >>> install_command("train")
    "pip install '.[train]' in the source folder of siamfc"
    """
    target = f"'.[{extras}]'" if extras else "."
    return f"pip install {options}{target} in the source folder of siamfc"


def suggest(name: str, known: Collection[str], otherwise: str = "") -> str:
    """Return advice for an unknown name: the nearest known one, or the expected names.

    >>> suggest("procedual", ["paper", "procedural"])
    "did you mean 'procedural'?"
    >>> suggest("mine", ["paper", "procedural"])
    'expected one of paper, procedural'
    """
    from difflib import get_close_matches  # slow to import and rarely needed

    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return otherwise or f"expected one of {', '.join(known)}"
