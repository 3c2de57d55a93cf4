from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reader_trees import write_images
from siamfc.datasets.sequences import FrameFiles, Problem, Sequence, Video, raise_problem
from siamfc.errors import DatasetError, SourceError

BOXES = np.array([[0.0, 0, 4, 4], [1, 0, 4, 4], [np.nan] * 4])


def make(**changes: Any) -> Sequence:
    frames = FrameFiles(Path("cat"), ["1.jpg", "2.jpg", "3.jpg"])
    return Sequence(**{"name": "cat", "frames": frames, "boxes": BOXES} | changes)


def test_what_a_data_set_does_not_say_is_filled_in() -> None:
    cat = make()
    assert not cat.absent.any()
    assert not cat.occluded.any()
    assert np.isnan(cat.visibility).all()
    assert cat.video == "cat"
    assert cat.annotated.tolist() == [True, True, False]
    assert len(cat) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"frames": FrameFiles(Path("c"), ["1.jpg"])}, "expected 3 frames", id="frames"
        ),
        pytest.param({"absent": np.zeros(2, bool)}, "expected 3 absent", id="flags"),
        pytest.param({"tags": {"blur": np.zeros(4, bool)}}, "expected 3 blur", id="tags"),
        pytest.param({"boxes": np.zeros((3, 5))}, r"shape \(F, 4\), got \(3, 5\)", id="box width"),
        pytest.param(
            {"absent": np.array([False, True, True])},
            "NaN row where the target is absent, got .* in frame 1",
            id="a box of an absent target",
        ),
    ],
)
def test_parts_that_do_not_agree_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        make(**changes)


def test_images_come_in_the_order_of_frames(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png", "b.png"], size=(5, 4))
    write_images(tmp_path, ["b.png"], size=(6, 4))
    frames = FrameFiles(tmp_path, ["b.png", "a.png"])
    sequence = make(frames=frames, boxes=BOXES[:2])
    assert [image.shape for image in sequence.images()] == [(4, 6, 3), (4, 5, 3)]


def test_an_image_that_is_not_there_is_named(tmp_path: Path) -> None:
    sequence = make(frames=FrameFiles(tmp_path, ["gone.png"]), boxes=BOXES[:1])
    with pytest.raises(SourceError, match=r"gone\.png"):
        next(iter(sequence.images()))


def test_frame_files_are_a_sequence_of_paths() -> None:
    frames = FrameFiles(Path("f"), ["1", "2", "3"])
    assert list(frames) == [Path("f/1"), Path("f/2"), Path("f/3")]
    assert list(frames[1:]) == [Path("f/2"), Path("f/3")]
    assert Path("f/2") in frames


def test_reading_refuses_only_what_keeps_frames_and_boxes_apart() -> None:
    def problem(kind: Any) -> Problem:
        return Problem(kind=kind, sequence="cat", message="expected more")

    raise_problem(problem("empty box"))
    with pytest.raises(DatasetError, match="cat: expected more"):
        raise_problem(problem("missing frame"))
    video = Video(name="cat", load=lambda on_problem: (on_problem(problem("wrong count")), ())[1])
    with pytest.raises(DatasetError, match="cat: expected more"):
        video.read()
    heard: list[Problem] = []
    assert video.read(heard.append) == ()
    assert [one.kind for one in heard] == ["wrong count"]
