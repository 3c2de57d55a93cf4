"""Parameters that several verbs take, said once, with their help."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from cyclopts import Parameter, Token

from siamfc.checks import shown

if TYPE_CHECKING:
    from siamfc.tracking import Settings


def _whole_number(_type: object, tokens: Sequence[Token]) -> int:
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected a whole number, got {shown(text)}") from None


Whole = Annotated[int, Parameter(converter=_whole_number)]
"""A whole number. As a plain `int`, 1.5 would be taken too, and rounded."""

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
"""A switch: off unless named, without a `--no-…` twin."""

Json = Annotated[Flag, Parameter(help="Print one JSON object instead of text.")]

Source = Annotated[
    str | Path,
    Parameter(
        help="A video file, a folder or glob of images, a camera's number, a stream's URL, or - "
        "for standard input."
    ),
]
"""It is parsed as text, for a URL is no path; by the mention of `Path` shells complete file
names."""

StreamNumber = Annotated[
    Whole | None,
    Parameter(
        help="Number of the video in a file of several, as `ffprobe` counts streams; by default "
        "the largest."
    ),
]

Weights = Annotated[str, Parameter(help="A name that `siamfc models` lists, or a path.")]

DeviceName = Literal["auto", "cpu", "cuda", "directml", "coreml", "openvino"]
"""`auto` takes an NVIDIA GPU if one can be used. The last three need a build of ONNX Runtime that
has them; `siamfc doctor` says so."""

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
"""Formats that boxes are written in."""


def _device(_type: object, tokens: Sequence[Token]) -> str:
    text = tokens[0].value
    name = text.lower()
    if name in get_args(DeviceName):
        return name
    advice = "; for a GPU write --device cuda" if _GPU.fullmatch(name) else ""
    known = ", ".join(get_args(DeviceName))
    raise ValueError(f"expected one of {known}, got {shown(text)}{advice}")


_GPU = re.compile(r"gpu|cuda:?\d*|nvidia|gpu:?\d+")

Device = Annotated[
    DeviceName, Parameter(converter=_device, help="Where the network runs: auto, cpu or cuda.")
]

Scales = Annotated[
    Whole | None,
    Parameter(
        help="Sizes of the object that are tried in each frame: an odd number, 3 by default. "
        "Only for networks that search scales: --weights siamfc."
    ),
]


Threads = Annotated[
    Whole | None,
    Parameter(help="Threads of the network on a CPU; by default one for each core."),
]

Out = Annotated[Path, Parameter(alias="-o")]
"""What a verb writes."""

Assignments = Annotated[
    list[str] | None, Parameter(name="--set", negative=(), allow_leading_hyphen=True)
]
"""NAME=VALUE, as `siamfc.overrides.read_assignments` takes them."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """How to search for the object."""

    scales: Scales = None
    update: Literal["none", "previous", "average", "sure", "both", "recent"] | None = None
    """What to search for. none: the object as it was in the first frame. previous: as it was
    one frame ago. average: a moving average. sure: one of the frames with a high score. both: the
    first frame and such an average together. recent: the first frame and a recent one with a high
    score together. By default recent with --weights light and none with siamfc."""
    search_again: Annotated[bool | None, Parameter(negative="--no-search-again", n_tokens=0)] = None
    """Search the whole frame for a lost object, which takes several times as long while it is
    lost. By default --weights light does and siamfc doesn't."""
    assignments: Assignments = None
    """NAME=VALUE changes one of the tracker's settings, such as window_influence=0.3 or
    lost.lost_threshold=0.5; may be given several times."""

    def settings(self, weights: str) -> "Settings":
        """The tracker's settings with these weights."""
        from siamfc.overrides import change, read_assignments
        from siamfc.tracking import settings_for_weights

        settings = settings_for_weights(
            weights, self.scales, update=self.update, search_again=self.search_again
        )
        return change(settings, read_assignments(self.assignments or ()), title="settings")
