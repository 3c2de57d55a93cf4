"""The table of verbs: the one place where a verb is registered."""

from typing import NamedTuple


class Verb(NamedTuple):
    """A row of `siamfc --help`.

    The verb is the function `name` of the module `siamfc.cli.name`, or a cyclopts App where it
    has verbs of its own, imported only when it is called; its help begins with `summary`.
    """

    name: str
    """What is typed."""
    group: str
    """The heading that it stands under; rows of one group follow each other."""
    summary: str
    """One line."""


VERBS = (
    Verb(name="track", group="Track", summary="Follow objects through a video."),
    Verb(name="review", group="Track", summary="List where a track deserves a look."),
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
        summary="Cut a video to another aspect, such as upright, and keep objects in view.",
    ),
    Verb(
        name="stabilise",
        group="Edit",
        summary="Hold an object still in the middle of a video.",
    ),
    Verb(
        name="crop",
        group="Edit",
        summary="Cut an object out, as a video or as a folder of thumbnails.",
    ),
    Verb(
        name="synth",
        group="Data",
        summary="Make synthetic images and videos, with exact boxes.",
    ),
    Verb(
        name="curate",
        group="Data",
        summary="Cut a data set's targets out into a store for training.",
    ),
    Verb(name="datasets", group="Data", summary="List the data sets that can be read."),
    Verb(
        name="train",
        group="Train",
        summary="Train a network and keep everything about the run in a folder.",
    ),
    Verb(
        name="evaluate", group="Judge", summary="Track a data set's sequences and score the boxes."
    ),
    Verb(name="report", group="Judge", summary="Show results as a page, tables and plots."),
    Verb(
        name="experiment",
        group="Judge",
        summary="Repeat an experiment of the thesis, its tables beside ours.",
    ),
    Verb(
        name="compare",
        group="Judge",
        summary="Track an object with OpenCV's trackers too, and draw all boxes.",
    ),
    Verb(
        name="trax",
        group="Judge",
        summary="Track for a program that speaks TraX, such as the VOT toolkit.",
    ),
    Verb(name="export", group="Share", summary="Write weights as ONNX graphs, for use elsewhere."),
    Verb(
        name="models",
        group="About",
        summary="List the weights at hand; a star marks those taken unless others are named.",
    ),
    Verb(name="doctor", group="About", summary="Check this installation and say what to do."),
    Verb(
        name="completion",
        group="About",
        summary="Let the shell complete verbs, flags and file names.",
    ),
)
