"""Table of verbs, the only place where a verb is registered."""

from typing import NamedTuple


class Verb(NamedTuple):
    """A row of `siamfc --help`.

    The verb is the function `name` of the module `siamfc.cli.name`, or a cyclopts App if it has
    subcommands. It is imported only when called; its help begins with `summary`.
    """

    name: str
    """Name on the command line."""
    group: str
    """Heading of the row; rows of one group are adjacent."""
    summary: str
    """One line of help."""


VERBS = (
    Verb(name="track", group="Track", summary="Track objects through a video."),
    Verb(name="review", group="Track", summary="List the frames of a track that deserve a look."),
    Verb(
        name="serve",
        group="Track",
        summary="Open a page to draw boxes, track, correct and export.",
    ),
    Verb(name="demo", group="Track", summary="Track a synthetic video and print the accuracy."),
    Verb(name="redact", group="Edit", summary="Blur, pixelate or black out objects in a video."),
    Verb(
        name="reframe",
        group="Edit",
        summary="Crop a video to another aspect ratio, such as vertical, keeping objects in view.",
    ),
    Verb(
        name="stabilise",
        group="Edit",
        summary="Hold an object still in the middle of a video.",
    ),
    Verb(
        name="crop",
        group="Edit",
        summary="Crop an object, as a video or a folder of thumbnails.",
    ),
    Verb(
        name="synth",
        group="Data",
        summary="Make synthetic images and videos, with exact boxes.",
    ),
    Verb(
        name="curate",
        group="Data",
        summary="Crop a data set's targets into a store for training.",
    ),
    Verb(name="datasets", group="Data", summary="List the data sets that can be read."),
    Verb(
        name="train",
        group="Train",
        summary="Train a network and keep everything about the run in a folder.",
    ),
    Verb(
        name="evaluate",
        group="Evaluate",
        summary="Track a data set's sequences and score the boxes.",
    ),
    Verb(name="report", group="Evaluate", summary="Show results as a page, tables and plots."),
    Verb(
        name="experiment",
        group="Evaluate",
        summary="Repeat an experiment of the thesis and compare its tables with ours.",
    ),
    Verb(
        name="compare",
        group="Evaluate",
        summary="Compare other trackers with siamfc on one object, in one video.",
    ),
    Verb(
        name="trax",
        group="Evaluate",
        summary="Serve a TraX client, such as the VOT toolkit.",
    ),
    Verb(name="export", group="Share", summary="Write weights as ONNX graphs for deployment."),
    Verb(
        name="models",
        group="About",
        summary="List available models (* = default).",
    ),
    Verb(name="doctor", group="About", summary="Check this installation and say how to fix it."),
    Verb(
        name="completion",
        group="About",
        summary="Print or install shell completion.",
    ),
)
