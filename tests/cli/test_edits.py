"""`siamfc redact`, `reframe`, `stabilise` and `crop`."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from frames.media import make_clip, widen
from siamfc.annotations import VideoAnnotation, write_annotation
from siamfc.cli.app import run
from siamfc.frames import VideoFile, open_source
from siamfc.tracking import export_results, read_results

VERBS = ("redact", "reframe", "stabilise", "crop")


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """The track of an object in the five frames of the film, lost in the last two."""
    path = tmp_path / "boxes.csv"
    rows = [
        f"{k},{k / 25},1,{30 + k},30,24,24,0.9,{'true' if k > 2 else 'false'}" for k in range(5)
    ]
    path.write_text("\n".join(["frame,time,target,x,y,w,h,score,lost", *rows]) + "\n")
    return path


@pytest.mark.parametrize("verb", VERBS)
def test_each_writes_all_frames_with_their_times(
    verb: str, film: Path, boxes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    assert run([verb, str(film), "--results", str(boxes), "-o", str(out)]) == 0
    with open_source(film) as before, open_source(out) as after:
        times = [frame.time for frame in before]
        assert [frame.time for frame in after] == pytest.approx(times, abs=1e-3)
    assert capsys.readouterr().out.startswith(f"5 frames: {out}\n")


@pytest.mark.parametrize("verb", VERBS)
def test_a_box_is_tracked_first(
    verb: str, film: Path, box: str, weights: str, tmp_path: Path
) -> None:
    out = tmp_path / "frames"
    arguments = [verb, str(film), "--box", box, "--weights", weights, "-o", str(out)]
    assert run(arguments) == 0
    assert len(list(out.iterdir())) == 5


def test_tracking_before_an_edit_shows_its_progress(
    film: Path,
    box: str,
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("siamfc.cli.progress.INTERVAL_SECONDS", 0.0)
    out = tmp_path / "frames"
    assert run(["crop", str(film), "--box", box, "--weights", weights, "-o", str(out)]) == 0
    assert "track: 5/5 frames" in capsys.readouterr().err


def test_redact_says_which_frames_were_bridged(
    film: Path, boxes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["redact", str(film), "--results", str(boxes), "--margin", "0"]
    assert run([*arguments, "-o", str(tmp_path / "a.mp4")]) == 0
    line = "bridged: 2 of 5 frames, covered with a growing margin: 3-4\n"
    assert capsys.readouterr().out.endswith(line)
    assert run([*arguments, "-o", str(tmp_path / "b.mp4"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bridged"] == [[3, 4]]


def test_an_object_may_have_boxes_in_several_frames(
    film: Path, box: str, weights: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    given = ["--box", box, "--box", f"4:{box}", "--weights", weights]
    assert run(["redact", str(film), *given, "-o", str(out)]) == 0
    assert out.exists()


def test_boxes_of_an_annotation_tool_are_read(film: Path, tmp_path: Path) -> None:
    given = VideoAnnotation(
        frames=np.arange(5), boxes=np.tile([20.0, 20, 30, 30], (5, 1, 1)), size=(96, 96)
    )
    write_annotation(tmp_path / "boxes.xml", given)
    out = tmp_path / "out"
    arguments = ["redact", str(film), "--results", str(tmp_path / "boxes.xml"), "-o", str(out)]
    assert run([*arguments, "--style", "fill", "--shape", "box", "--margin", "0"]) == 0
    with open_source(out) as frames:
        for frame in frames:
            assert not frame.image[20:50, 20:50].any()
            assert frame.image[55:].any()


def test_crop_writes_thumbnails_of_some_frames(film: Path, boxes: Path, tmp_path: Path) -> None:
    out = tmp_path / "thumbnails"
    arguments = ["crop", str(film), "--results", str(boxes), "-o", str(out)]
    assert run([*arguments, "--every", "2", "--size", "64x48"]) == 0
    with open_source(out) as frames:
        assert [frame.image.shape for frame in frames] == [(48, 64, 3)] * 3


def test_reframe_has_the_aspect_that_is_asked_for(
    film: Path, boxes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    arguments = ["reframe", str(film), "--results", str(boxes), "-o", str(out), "--json"]
    assert run([*arguments, "--aspect", "1:2"]) == 0
    assert json.loads(capsys.readouterr().out)["size"] == [48, 96]


WRONG = [
    (["redact"], 2, "expected either --box X,Y,W,H or --results FILE, got neither"),
    (["redact", "--box", "1,2,3"], 2, "--box: expected 4 numbers"),
    (["redact", "--box", "1,2,30,30", "--results", "a.csv"], 2, "got both"),
    (["redact", "--results", "gone.csv"], 1, "gone.csv"),
    (["redact", "--results", "a.csv", "--name", "x"], 2, "--name: expected a --box for each"),
    (["redact", "--results", "a.csv", "--except", "--margin", "1"], 2, "--except or --margin"),
    (["reframe", "--results", "a.csv", "--aspect", "9x16"], 2, "--aspect: expected W:H"),
    (["reframe", "--results", "a.csv", "--zoom", "7"], 1, "zoom: expected 0.05 to 1, got 7"),
    (["crop", "--results", "a.csv", "--size", "12"], 2, "--size: expected WxH"),
    (["crop", "--results", "a.csv", "--every", "0"], 2, "--every: expected at least 1"),
    (["crop", "--results", "a.csv", "--margin", "-1"], 1, "margin: expected 0 to 10, got -1"),
]


@pytest.mark.parametrize(("arguments", "status", "message"), WRONG)
def test_bad_input_is_one_line_and_writes_nothing(
    arguments, status, message, film: Path, boxes: Path, tmp_path: Path, capsys
) -> None:
    verb, *rest = [str(boxes) if one == "a.csv" else one for one in arguments]
    out = tmp_path / "out.mp4"
    assert run([verb, str(film), *rest, "-o", str(out)]) == status
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("verb", VERBS)
def test_the_source_is_never_overwritten(verb: str, boxes: Path, film: Path, capsys) -> None:
    content = film.read_bytes()
    arguments = [verb, str(film), "--results", str(boxes), "-o", str(film), "--overwrite"]
    assert run(arguments) == 1
    assert "is the source itself" in capsys.readouterr().err
    assert film.read_bytes() == content


def test_boxes_of_another_video_are_noticed(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def redact(name: str, frames: range, size: tuple[int, int] | None) -> tuple[int, str]:
        boxes = np.full((len(frames), 1, 4), 20.0)
        annotation = VideoAnnotation(frames=np.array(frames), boxes=boxes, size=size)
        write_annotation(tmp_path / name, annotation, overwrite=True)
        out = ["-o", str(tmp_path / "out.mp4"), "--overwrite"]
        status = run(["redact", str(film), "--results", str(tmp_path / name), *out])
        return status, capsys.readouterr().err

    status, error = redact("a.json", range(5), (1920, 1080))
    assert status == 1
    assert "expected boxes in frames of 96×96 pixels, as the video's, got 1920×1080" in error
    assert not (tmp_path / "out.mp4").exists()
    status, error = redact("a.json", range(9), (96, 96))
    assert status == 0
    assert "has boxes up to frame 8, the video only frames 0 to 4" in error
    assert "outside" not in error
    status, error = redact("a.xml", range(7, 9), None)
    assert status == 1
    assert "expected boxes in frames 0 to 4, got the first in frame 7" in error


def test_redact_warns_of_boxes_outside_the_frame_which_would_hide_nothing(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corners = np.array([-5.0, 90.0, np.nan, 96.0, 97.0])  # the frame is 96 pixels wide
    boxes = np.stack([corners, *np.full((3, 5), 20.0)], axis=-1)[:, None]
    annotation = VideoAnnotation(frames=np.arange(5), boxes=boxes)
    write_annotation(tmp_path / "a.txt", annotation)
    arguments = ["redact", str(film), "--results", str(tmp_path / "a.txt")]
    assert run([*arguments, "-o", str(tmp_path / "out.mp4")]) == 0
    assert "a box outside the frames of 96×96 pixels, first in frame 3" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_an_existing_video_is_refused_before_tracking(
    verb: str, film: Path, box: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    out.write_text("mine")
    arguments = [verb, str(film), "--box", box, "--weights", "no-such-weights", "-o", str(out)]
    assert run(arguments) == 1
    assert capsys.readouterr().err.startswith(f"error: {out} exists: ")
    assert out.read_text() == "mine"


def test_a_cut_has_its_shape_on_the_screen_where_pixels_are_not_square(
    boxes: Path, tmp_path: Path
) -> None:
    black, out = np.zeros((96, 96, 3), np.uint8), tmp_path / "out.mp4"
    wide = make_clip(
        tmp_path / "wide.mkv", "mpeg4", count=5, picture=lambda _: black, prepare=widen
    )
    arguments = ["reframe", str(wide), "--results", str(boxes), "--aspect", "1:1", "-o", str(out)]
    assert run(arguments) == 0
    with VideoFile(out) as source:
        assert source.pixel_aspect == 2
        assert source.size == (48, 96)


@pytest.mark.parametrize(("name", "warns"), [("a.txt", True), ("a.jsonl", False), ("a.xml", False)])
def test_redact_warns_of_boxes_that_do_not_say_where_the_object_was_lost(
    name: str,
    warns: bool,
    film: Path,
    boxes: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    export_results(tmp_path / name, read_results(boxes))
    out = ["-o", str(tmp_path / "out.mp4")]
    assert run(["redact", str(film), "--results", str(tmp_path / name), *out]) == 0
    assert ("does not say in which frames an object was lost" in caplog.text) == warns


def test_one_frame_is_not_called_frames(
    film: Path, boxes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["crop", str(film), "--results", str(boxes), "--every", "9", "-o", str(out)]
    assert run(arguments) == 0
    assert capsys.readouterr().out == f"1 frame: {out}\n"


def test_an_animation_is_edited_as_a_video(boxes: Path, tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (96, 96), (40 * k, 0, 0)) for k in range(5)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=80)
    source, out = tmp_path / "a.gif", tmp_path / "out.mp4"
    assert run(["redact", str(source), "--results", str(boxes), "-o", str(out)]) == 0
    with open_source(out) as made:
        assert [frame.time for frame in made] == pytest.approx([0, 0.08, 0.16, 0.24, 0.32])


def test_a_camera_is_refused(boxes: Path, tmp_path: Path, capsys) -> None:
    status = run(["redact", "0", "--results", str(boxes), "-o", str(tmp_path / "out.mp4")])
    assert status == 1
    assert "error: " in capsys.readouterr().err
