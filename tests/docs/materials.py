"""The files that pages speak of: a video, folders of images, a small data set."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from snippets import name_of

from siamfc.evaluation import validators
from siamfc.frames import open_source, open_writer
from siamfc.procedural.textures import TextureSettings
from siamfc.synthetic import SquareVideo, SquareVideoSettings
from siamfc.synthetic.clip import ClipSettings, ProceduralClip

CLIP = ProceduralClip(ClipSettings(frames=40, seed=2))
"""The video that the pages make by `siamfc synth clip video.mp4 --frames 40 --seed 2`."""
FRAMES = 6
"""Number of its frames with which most pages are run."""


def make_video(folder: Path) -> None:
    """A video.mp4 with the first frames of the clip."""
    with open_writer(folder / "video.mp4", frame_rate=25) as writer:
        for index in range(FRAMES):
            writer.write(CLIP[index], index / 25)


def make_long_video(folder: Path) -> None:
    """A video.mp4 with all of the clip."""
    with open_writer(folder / "video.mp4", frame_rate=25) as writer:
        for index, image in enumerate(CLIP):
            writer.write(image, index / 25)


def make_frames(folder: Path) -> None:
    """A folder frames with three of them as images."""
    (folder / "frames").mkdir()
    for index in range(3):
        Image.fromarray(CLIP[index]).save(folder / "frames" / f"{index + 1}.png")


def make_otb(folder: Path) -> None:
    """A folder OTB100 with two sequences of three frames."""
    for number in (1, 2):
        video = SquareVideo(SquareVideoSettings(frames=3, size=120, target=24, seed=number))
        sequence = folder / "OTB100" / f"Square-{number}"
        (sequence / "img").mkdir(parents=True)
        for index, image in enumerate(video):
            Image.fromarray(image).save(sequence / "img" / f"{index + 1:04d}.jpg")
        _write_boxes(sequence / "groundtruth_rect.txt", np.array(video.boxes))


def make_clips(folder: Path) -> None:
    """A folder clips: dog.mp4 without boxes, and two videos with theirs; others in other-clips."""
    for name, seed in (
        ("clips/dog", 1),
        ("clips/cat", 2),
        ("clips/cow", 3),
        ("other-clips/cup", 4),
    ):
        path = folder / f"{name}.mp4"
        path.parent.mkdir(exist_ok=True)
        video = SquareVideo(SquareVideoSettings(frames=4, seed=seed))
        with open_writer(path, frame_rate=25) as writer:
            for index, image in enumerate(video):
                writer.write(image, index / 25)
        if not name.endswith("dog"):
            _write_boxes(path.with_suffix(".txt"), np.array(video.boxes))


def make_raw_films(folder: Path) -> None:
    """The video as raw frames of three and of four bytes a pixel."""
    with open_source(folder / "video.mp4") as source:
        images = [frame.image for frame in source]
    (folder / "frames.rgb").write_bytes(b"".join(image.tobytes() for image in images))
    opaque = np.full((*images[0].shape[:2], 1), 255, np.uint8)
    with (folder / "frames.rgba").open("wb") as film:
        for image in images:
            film.write(np.concatenate([image, opaque], axis=2).tobytes())


def _write_boxes(path: Path, boxes: np.ndarray) -> None:
    np.savetxt(path, boxes + np.array([1, 1, 0, 0]), fmt="%g", delimiter=",")


NEEDED: dict[str, tuple[Callable[[Path], None], ...]] = {
    "README.md": (make_video, make_otb),
    "blur.md": (make_video,),
    "correct.md": (make_long_video,),
    "deploy_siamfc.md": (make_video,),
    "evaluation.md": (make_otb,),
    "export.md": (make_video,),
    "fine_tuning.md": (make_clips,),
    "how_to.md": (make_video,),
    "reframe.md": (make_video,),
    "report.md": (make_video, make_otb),
    "settings.md": (make_otb,),
    "tracking.md": (make_video, make_frames),
    "tracking_options.md": (make_video, make_otb),
    "training.md": (make_video, make_otb),
}
"""Makers of what a reader's folder holds before the first line of a page is typed."""


def prepare(page: Path, folder: Path) -> None:
    """Make what a page needs; what pages make themselves is left to them."""
    for make in NEEDED.get(name_of(page), ()):
        make(folder)


def judge_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training judge its weights on two frames in place of hundreds; see `siamfc train`."""
    few = {"videos": 1, "frames": 2, "textures": TextureSettings(count=2, size=64, leaves=10)}
    short = {"video": SquareVideoSettings(frames=2)}
    for name, less in (
        ("procedural_validator", few),
        ("video_calibrator", few),
        ("square_validator", short),
    ):
        monkeypatch.setattr(validators, name, _with(getattr(validators, name), less))


def _with(
    make: Callable[..., validators.Validator], less: dict[str, object]
) -> Callable[..., validators.Validator]:
    return lambda *arguments, **more: make(*arguments, **{**more, **less})
