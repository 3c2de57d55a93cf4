"""`siamfc synth`."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from siamfc.cli.parameters import Flag, Whole
from siamfc.cli.progress import Progress, resumed_progress
from siamfc.disk import format_bytes, free_bytes
from siamfc.errors import InputError
from siamfc.synthetic import (
    AnnotatedVideo,
    SquareVideo,
    SquareVideoSettings,
    SyntheticDatasetSettings,
    bytes_needed,
    write_dataset,
    write_otb,
)
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.synthetic.otb import TRUTH_NAME
from siamfc.synthetic.video_files import write_video_file
from siamfc.workers import Workers

VideoPath = Annotated[
    Path,
    Parameter(
        help="A video, .mp4, .mkv or .mov, with boxes and visibility as .txt beside it; any other "
        "name: a folder in the layout of OTB."
    ),
]
Lossless = Annotated[Flag, Parameter(help="Keep every pixel of the video (.mkv).")]

synth = App(name="synth", help="Make synthetic images and videos, with exact boxes.")


@synth.command
def dataset(
    out: Path,
    *,
    images: Whole = SyntheticDatasetSettings.images,
    folders: Whole = SyntheticDatasetSettings.folders,
    size: Whole = SyntheticDatasetSettings.size,
    square: Whole = SyntheticDatasetSettings.square,
    seed: Whole = SyntheticDatasetSettings.seed,
    format: Literal["png", "jpeg"] = "png",
    workers: Whole = 1,
) -> None:
    """Write noisy images of a centred square, in folders that stand for videos.

    If it is stopped, the same command resumes it. The same seed gives the same files, with any
    number of workers.

    Parameters
    ----------
    out
        Folder to write.
    images
        Total number of images.
    folders
        Number of folders; each has its own colours.
    size
        Side of an image in pixels.
    square
        Side of the square in pixels.
    seed
        Seed of colours and noise.
    format
        png keeps every pixel, jpeg takes less than half the space.
    workers
        Number of processes that draw.
    """
    settings = SyntheticDatasetSettings(
        images=images, folders=folders, size=size, square=square, seed=seed
    )
    need, free = bytes_needed(settings, format), free_bytes(out)
    print(
        f"{images} images in {folders} folders take about {format_bytes(need)} in all; "
        f"{format_bytes(free)} are free",
        file=sys.stderr,
    )
    with (
        Workers(workers) as processes,
        resumed_progress("draw", images, unit="images") as advance,
    ):
        write_dataset(out, settings, image_format=format, workers=processes, on_images=advance)
    print(f"{out}: {images} images in {folders} folders, settings in dataset.json")


@synth.command
def video(
    out: VideoPath,
    *,
    frames: Whole = SquareVideoSettings.frames,
    size: Whole = SquareVideoSettings.size,
    target: Whole = SquareVideoSettings.target,
    max_displacement: Whole = SquareVideoSettings.max_displacement,
    seed: Whole = SquareVideoSettings.seed,
    lossless: Lossless = False,
) -> None:
    """Write a video of a black square that moves over white.

    Parameters
    ----------
    frames
        Number of frames.
    size
        Side of the frame in pixels.
    target
        Side of the square in pixels.
    max_displacement
        Longest step from frame to frame on each axis, in pixels.
    seed
        Seed of the path.
    """
    settings = SquareVideoSettings(
        frames=frames, size=size, target=target, max_displacement=max_displacement, seed=seed
    )
    _write(out, SquareVideo(settings), lossless=lossless)


@synth.command
def clip(
    out: VideoPath,
    *,
    frames: Whole = ClipSettings.frames,
    width: Whole = ClipSettings.width,
    height: Whole = ClipSettings.height,
    target: Whole = ClipSettings.target,
    noise: float = ClipSettings.noise,
    seed: Whole = ClipSettings.seed,
    lossless: Lossless = False,
) -> None:
    """Write a procedural video: a textured object that turns, scales and is hidden for a while.

    Parameters
    ----------
    frames
        Number of frames.
    width
        Width of the frame in pixels.
    height
        Height of the frame in pixels.
    target
        Mean diameter of the object in pixels, before it scales.
    noise
        Standard deviation of the sensor noise in grey levels.
    seed
        Seed of everything.
    """
    settings = ClipSettings(
        frames=frames, width=width, height=height, target=target, noise=noise, seed=seed
    )
    _write(out, ProceduralClip(settings), lossless=lossless)


def _write(out: Path, made: AnnotatedVideo, *, lossless: bool) -> None:
    """Write a video or a folder, as the name requires, and print its path."""
    with Progress("frames", len(made)) as progress:
        if out.suffix:
            truth, _ = write_video_file(out, made, lossless=lossless, on_frame=progress.advance)
        elif lossless:
            raise InputError(f"--lossless: a folder always is; omit it, or name a video: {out}")
        else:
            write_otb(out, made, on_frame=progress.advance)
            truth = out / TRUTH_NAME
    print(f"{out}: {len(made)} frames, boxes in {truth}")
