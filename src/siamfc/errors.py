"""Every error that siamfc raises on purpose.

SiamFCError
├── InputError              an argument, a box, a setting (also a ValueError)
├── SourceError             a video, folder, camera or stream that cannot be read
├── OutputError             a file that cannot or must not be written
├── CheckpointError         weights that are damaged, foreign or unsafe
├── DatasetError            a data set, store or result file that is not as expected
└── MissingDependencyError  an optional package is not installed

Each message is one line: what was expected, what came, what to do.
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
    """A file of weights that is damaged, foreign or unsafe."""


class DatasetError(SiamFCError):
    """A data set, store or result file that is not as its format says."""


class MissingDependencyError(SiamFCError):
    """An optional package that is not installed; the message says which extra brings it."""


def install_command(extras: str, options: str = "") -> str:
    """What to type for optional packages; the checkout's path, for the name isn't published.

    >>> install_command("train")
    "pip install '.[train]' in the checkout of siamfc"
    """
    target = f"'.[{extras}]'" if extras else "."
    return f"pip install {options}{target} in the checkout of siamfc"


def suggest(name: str, known: Collection[str], otherwise: str = "") -> str:
    """What a message on an unknown name advises: the nearest known one, or what is expected.

    >>> suggest("procedual", ["paper", "procedural"])
    "did you mean 'procedural'?"
    >>> suggest("mine", ["paper", "procedural"])
    'expected one of paper, procedural'
    """
    from difflib import get_close_matches  # slow to import, and seldom needed

    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return otherwise or f"expected one of {', '.join(known)}"
