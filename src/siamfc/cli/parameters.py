"""Parameters shared by several verbs, defined once with their help."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args

from cyclopts import Parameter, Token

from siamfc.checks import shown


def _whole_number(_type: object, tokens: Sequence[Token]) -> int:
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected a whole number, got {shown(text)}") from None


Whole = Annotated[int, Parameter(converter=_whole_number)]
"""A whole number. A plain `int` would also accept 1.5, and round it."""

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
"""A switch: off unless named, without a `--no-…` counterpart."""

Json = Annotated[Flag, Parameter(help="Print one JSON object instead of text.")]

Source = Annotated[
    str | Path,
    Parameter(
        help="A video file, a folder or glob of images, a camera's number, a stream's URL, or - "
        "for standard input."
    ),
]
"""Parsed as text, since a URL is not a path; mentioning `Path` makes shells complete file names."""
SourceReadTwice = Annotated[
    str | Path, Parameter(help="A video file, or a folder or glob of images.")
]
"""A source that is tracked before it is edited, so neither a camera nor a stream."""

StreamNumber = Annotated[
    Whole | None,
    Parameter(
        help="Number of the video in a file of several, as `ffprobe` counts streams; by default "
        "the largest."
    ),
]

Weights = Annotated[str, Parameter(help="A name that `siamfc models` lists, or a path.")]

DeviceName = Literal["auto", "cpu", "cuda", "directml", "coreml", "openvino"]
"""`auto` selects an NVIDIA GPU if one is usable. The last three need a build of ONNX Runtime with
that provider; `siamfc doctor` shows which it has.
"""

ExportFormat = Literal[
    "csv",
    "jsonl",
    "otb",
    "vot",
    "lasot",
    "got10k",
    "mot",
    "coco",
    "cvat",
    "yolo",
    "label-studio",
    "voc",
]
"""Output formats of boxes."""


def _device(_type: object, tokens: Sequence[Token]) -> str:
    text = tokens[0].value
    name = text.lower()
    if name in get_args(DeviceName):
        return name
    advice = "; for a GPU write --device cuda" if _GPU.fullmatch(name) else ""
    known = ", ".join(get_args(DeviceName))
    raise ValueError(f"expected one of {known}, got {shown(text)}{advice}")


_GPU = re.compile(r"gpu|cuda:?\d*|nvidia|gpu:?\d+")

Device = Annotated[DeviceName, Parameter(converter=_device, help="Device that runs the network.")]

Threads = Annotated[
    Whole | None,
    Parameter(help="Threads of the network on a CPU; by default one per core."),
]

Out = Annotated[Path, Parameter(alias="-o")]
"""Output of a verb."""

Assignments = Annotated[
    list[str] | None, Parameter(name="--set", negative=(), allow_leading_hyphen=True)
]
"""NAME=VALUE, as for `siamfc.overrides.read_assignments`."""
