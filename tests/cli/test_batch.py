"""Several videos in one call: boxes, files, resuming, failures."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from clusters import local_cluster
from siamfc.cli.app import run
from siamfc.errors import DatasetError, InputError
from siamfc.tracking import read_results, read_track
from siamfc.tracking.batch_inputs import expand_sources, name_sources, read_boxes

BOX = "20,20,20,20"


@pytest.fixture(autouse=True)
def videos(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three videos, in the working folder."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a", "b", "c"):
        shutil.copy(film, folder / f"{name}.mp4")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def arguments(weights: str) -> list[str]:
    return ["--weights", weights, "--scales", "1"]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "typed", [["videos"], ["videos/*.mp4"], ["videos/a.mp4", "videos/b.mp4", "videos/c.mp4"]]
)
def test_every_video_gets_its_files(arguments: list[str], typed: list[str]) -> None:
    assert run(["track", *typed, *arguments, "--box", BOX, "--results", "boxes", "-o", "out"]) == 0
    assert files(Path("boxes")) == ["a.csv", "b.csv", "batch.json", "c.csv"]
    assert files(Path("out")) == ["a.mp4", "b.mp4", "c.mp4"]
    assert len(read_results("boxes/b.csv")) == 5


@pytest.mark.parametrize(
    ("format", "name"),
    [
        ("jsonl", "a.jsonl"),
        ("otb", "a.txt"),
        ("vot", "a.txt"),
        ("coco", "a.json"),
        ("label-studio", "a.json"),
        ("mot", "a"),
    ],
)
def test_files_have_the_suffix_of_their_format(
    arguments: list[str], format: str, name: str
) -> None:
    line = ["track", "videos/a.mp4", "videos/b.mp4", *arguments, "--box", BOX]
    assert run([*line, "--results", "boxes", "--format", format]) == 0
    assert files(Path("boxes"))[0] == name


def test_what_was_done_before_is_not_done_again(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["track", "videos", *arguments, "--box", BOX, "--results", "boxes", "--json"]
    assert run(line) == 0
    whole = {name: Path("boxes", name).read_bytes() for name in files(Path("boxes"))}
    Path("boxes/b.csv").unlink()
    before = Path("boxes/a.csv").stat().st_mtime_ns
    capsys.readouterr()
    assert run(line) == 0
    states = [one["state"] for one in json.loads(capsys.readouterr().out)["videos"]]
    assert states == ["done before", "done", "done before"]
    assert Path("boxes/a.csv").stat().st_mtime_ns == before
    assert {name: Path("boxes", name).read_bytes() for name in files(Path("boxes"))} == whole


def test_results_of_other_settings_are_not_mixed(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["track", "videos", *arguments, "--box", BOX, "--results", "boxes"]
    assert run(line) == 0
    assert run([*line, "--smooth"]) == 1
    assert "expected results of the same weights, settings and options" in capsys.readouterr().err
    assert run([*line, "--smooth", "--overwrite"]) == 0


def test_results_of_other_boxes_are_not_taken_for_done(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["track", "videos", *arguments, "--results", "boxes"]
    assert run([*line, "--box", BOX]) == 0
    before = Path("boxes/a.csv").read_bytes()
    Path("boxes/b.csv").unlink()
    assert run([*line, "--box", "30,20,20,20"]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("its files were made from other boxes: delete them, or add") == 2
    assert Path("boxes/a.csv").read_bytes() == before
    assert read_results("boxes/b.csv")[0].box[0] == 30
    assert run([*line, "--box", "30,20,20,20", "--overwrite"]) == 0
    assert read_results("boxes/a.csv")[0].box[0] == 30


def test_one_that_fails_does_not_stop_the_others(
    videos: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (videos / "b.mp4").write_bytes(b"no video at all")
    assert run(["track", "videos", *arguments, "--box", BOX, "--results", "boxes"]) == 1
    assert files(Path("boxes")) == ["a.csv", "batch.json", "c.csv"]
    printed = capsys.readouterr()
    assert [line.split()[1] for line in printed.out.splitlines()] == [
        "state",
        "done",
        "failed",
        "done",
    ]
    (line,) = printed.err.splitlines()
    assert "b.mp4" in line


def test_a_source_is_never_taken_for_its_output(
    videos: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in videos.iterdir()}
    for more in ([], ["--overwrite"]):
        assert run(["track", "videos", *arguments, "--box", BOX, "-o", "videos", *more]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "is the source itself: name another folder" in line
    assert {path: path.read_bytes() for path in videos.iterdir()} == before


def test_no_results_take_the_place_of_the_record(
    videos: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (videos / "a.mp4").rename(videos / "batch.mp4")
    line = ["track", "videos", *arguments, "--box", BOX, "--results", "out", "--format", "coco"]
    assert run(line) == 1
    assert "out/batch.json is the name of the batch's record" in capsys.readouterr().err
    assert not Path("out").exists()


def test_workers_write_the_same(arguments: list[str]) -> None:
    line = ["track", "videos", *arguments, "--box", BOX]
    assert run([*line, "--results", "alone", "--threads", "1"]) == 0
    assert run([*line, "--results", "shared", "--workers", "2"]) == 0
    assert files(Path("alone")) == files(Path("shared"))
    for name in files(Path("alone")):
        assert Path("alone", name).read_bytes() == Path("shared", name).read_bytes()


@pytest.mark.slow
def test_a_cluster_writes_the_same(arguments: list[str], tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="distributed isn't installed")
    line = ["track", "videos", *arguments, "--box", BOX]
    assert run([*line, "--results", "alone", "--threads", "1"]) == 0
    with local_cluster(tmp_path / "dask") as cluster:
        spread = ["--results", "spread", "--cluster", cluster.scheduler_address]
        assert run([*line, *spread]) == 0
        Path("spread/b.csv").unlink()
        assert run([*line, *spread]) == 0
    assert files(Path("alone")) == files(Path("spread"))
    for name in files(Path("alone")):
        assert Path("alone", name).read_bytes() == Path("spread", name).read_bytes()


def test_a_class_is_that_of_every_object(arguments: list[str]) -> None:
    line = ["track", "videos", *arguments, "--box", BOX, "--name", "cat", "--class", "animal"]
    assert run([*line, "--results", "out", "--format", "cvat"]) == 0
    for name in "abc":
        assert read_track(f"out/{name}.xml").labels == ("animal",)


def test_boxes_come_from_a_table(arguments: list[str]) -> None:
    Path("boxes.csv").write_text(
        "source,frame,x,y,w,h,name\n"
        "videos/a.mp4,,20,20,20,20,\n"
        "b.mp4,1,20,20,20,20,cat\nb.mp4,4,30,20,20,20,cat\nb.mp4,0,50,50,20,20,dog\n"
        "c,,20,20,20,20,\nc,,50,50,20,20,\n"
    )
    assert run(["track", "videos", *arguments, "--boxes", "boxes.csv", "--results", "out"]) == 0
    a, b, c = (read_results(f"out/{name}.csv") for name in "abc")
    assert a[0].box.tolist() == [20, 20, 20, 20]
    assert b[0].names == ("cat", "dog")
    given = [[status == "keyframe" for status in one.statuses] for one in b]
    assert given == [[False, True], [True, False], [False] * 2, [False] * 2, [True, False]]
    assert len(c[0].boxes) == 2


def test_boxes_come_from_a_folder_of_results(arguments: list[str]) -> None:
    first = ["track", "videos", *arguments, "--box", f"1:{BOX}", "--box", f"3:{BOX}"]
    assert run([*first, "--name", "cat", "--results", "first"]) == 0
    assert run(["track", "videos", *arguments, "--boxes", "first", "--results", "again"]) == 0
    for name in "abc":
        assert Path(f"first/{name}.csv").read_bytes() == Path(f"again/{name}.csv").read_bytes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "expected --box X,Y,W,H for all of 3 sources, or --boxes"),
        (["--box", BOX], "expected --results FOLDER or -o FOLDER for 3 sources"),
        (["--box", BOX, "--results", "all.csv"], "--results: expected a folder for 3 sources"),
        (["--box", BOX, "--boxes", "b.csv", "--results", "out"], "either --box or --boxes"),
        (["--box", f"0:01:{BOX}", "--results", "out"], "expected a frame's number for several"),
        (["--box", BOX, "--start", "0:01", "--results", "out"], "expected a frame's number for"),
        (
            ["--box", BOX, "-o", "out", "--codec", "vp9"],
            "--codec, --trail, --no-sound, --stream: exp",
        ),
        (["--boxes", "none.csv", "--results", "out"], "none.csv: expected a table of boxes"),
        (["--boxes", "videos", "--results", "out"], "expected results a.csv or a.jsonl"),
    ],
)
def test_what_is_missing_is_one_line(
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
    given: list[str],
    message: str,
) -> None:
    assert run(["track", "videos", *arguments, *given]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source,x,y\n", "line 1: expected the columns source,x,y,w,h"),
        ("source,x,y,w,h\na,1,2,3\n", "line 2: expected source,x,y,w,h; expected a number, got ''"),
        ("source,x,y,w,h\na,1,2,three,4\n", "line 2: .* expected a number, got 'three'"),
        ("source,x,y,w,h\na,1,2,3,4,5\n", "line 2: expected source,x,y,w,h; got 6 values"),
        ("source,x,y,w,h\na,1,2,nan,4\n", "line 2: .* box: expected four finite numbers"),
        ("source,x,y,w,h,frame\na,1,2,3,4,-1\n", "line 2: .* expected a whole number from 0"),
        ("source,x,y,w,h,name\na,1,2,3,4,cat\na,9,2,3,4,cat\n", "two of 'cat' in the same frame"),
        ("source,x,y,w,h,frame\na,1,2,3,4,0\na,9,2,3,4,0\n", "without a name in the same frame"),
        (
            "source,x,y,w,h,frame,name\na,1,2,3,4,,cat\na,9,2,3,4,7,cat\n",
            "two of 'cat' in frames of which one has no number",
        ),
        ("source,x,y,w,h\nb,1,2,3,4\n", "expected a box of a.mp4, got none"),
        ("", "line 1: expected the columns"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "boxes.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_boxes(tmp_path / "boxes.csv", ["a.mp4"], ["a"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("cat.mp4,1,2,3,4\n", "'cat.mp4' may be a/cat.mp4 or b/cat.mp4; .* write the path of each"),
        ("cat,1,2,3,4\nb/cat.mp4,1,2,3,4\n", "'cat' may be a/cat.mp4 or b/cat.mp4"),
        ("a/cat.mp4,1,2,3,4\na-cat,1,2,3,4\n", "writing a/cat.mp4, got 'a/cat.mp4' and 'a-cat'"),
    ],
    ids=["one name for both", "name of both beside a path", "two names of one"],
)
def test_a_table_whose_names_do_not_tell_sources_apart_is_refused(
    tmp_path: Path, rows: str, message: str
) -> None:
    (tmp_path / "boxes.csv").write_text("source,x,y,w,h\n" + rows)
    with pytest.raises(DatasetError, match=message):
        read_boxes(tmp_path / "boxes.csv", ["a/cat.mp4", "b/cat.mp4"], ["a-cat", "b-cat"])


def test_the_path_of_one_source_is_not_the_name_of_another(tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text("source,x,y,w,h\ncat.mp4,1,2,3,4\nb/cat.mp4,5,6,7,8\n")
    boxes = read_boxes(tmp_path / "boxes.csv", ["b/cat.mp4", "cat.mp4"], ["b-cat", "x-cat"])
    assert [np.asarray(one).tolist() for one in boxes.values()] == [[[5, 6, 7, 8]], [[1, 2, 3, 4]]]


def test_a_folder_of_images_is_one_source(tmp_path: Path) -> None:
    for name in ("x/1.png", "x/2.png", "y/1.png", "z.mp4", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert expand_sources([str(tmp_path / "x")]) == [str(tmp_path / "x")]
    assert expand_sources([str(tmp_path)]) == [str(tmp_path / name) for name in ("x", "y", "z.mp4")]
    assert expand_sources([str(tmp_path / "x" / "*.png")]) == [str(tmp_path / "x" / "*.png")]
    assert expand_sources(["0", "rtsp://x/*", ""]) == ["0", "rtsp://x/*", ""]


def test_sources_that_differ_only_in_their_endings_are_named() -> None:
    with pytest.raises(InputError, match=r"got .*b\.mkv and .*b\.mp4: track each alone"):
        name_sources(["a.mp4", "b.mkv", "b.mp4"])


def test_a_source_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected each source once, got .*a\.mp4 twice"):
        name_sources(["a.mp4", "./a.mp4"])
