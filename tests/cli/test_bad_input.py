"""Bad input on the command line: one clear line, the exit status, and nothing left behind."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siamfc.cli.app import run
from siamfc.network import Checkpoint
from siamfc.tracking import read_results

Make = Callable[[Path], Path]
"""Makes a bad file or folder in a folder."""


def text_as_video(folder: Path) -> Path:
    path = folder / "text.mp4"
    path.write_text("This is no video.\n" * 50)
    return path


def empty_file(folder: Path) -> Path:
    path = folder / "empty.mp4"
    path.touch()
    return path


def folder_without_images(folder: Path) -> Path:
    path = folder / "bare"
    path.mkdir()
    return path


def images(folder: Path, *sizes: tuple[int, int]) -> Path:
    path = folder / "images"
    path.mkdir()
    for number, size in enumerate(sizes, start=1):
        Image.new("RGB", size, "white").save(path / f"{number}.png")
    return path


def change_of_size(folder: Path) -> Path:
    return images(folder, (96, 96), (96, 96), (64, 96))


def damaged_image(folder: Path) -> Path:
    path = images(folder, (96, 96), (96, 96), (96, 96))
    damaged = path / "2.png"
    damaged.write_bytes(damaged.read_bytes()[:60])
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "none.mp4", "no such file or folder"),
        (lambda _: "", "got no name"),
        (text_as_video, "not a video of a known format"),
        (empty_file, "is empty"),
        (folder_without_images, "no images"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_bad_sources(make: Make, message: str, weights: str, refused: "Refused") -> None:
    assert message in refused(
        1, str(make(refused.folder)), "--box", "10,10,20,20", "--weights", weights
    )


@pytest.mark.parametrize(
    ("make", "kept", "message"),
    [
        (change_of_size, 2, "expected a frame of 96×96 pixels as the first, got 64×96"),
        (damaged_image, 1, "2.png cannot be read as an image"),
    ],
)
def test_a_source_that_fails_midway_keeps_what_was_tracked(
    make: Make,
    kept: int,
    message: str,
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = tmp_path / "boxes.csv"
    given = ["--box", "10,10,20,20", "--weights", weights, "--results", str(results)]
    assert run(["track", str(make(tmp_path)), *given]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert len(read_results(results)) == kept


def test_a_film_cut_off_before_its_first_frame(film: Path, refused: "Refused") -> None:
    cut = refused.folder / "cut.mp4"
    content = film.read_bytes()
    cut.write_bytes(content[: content.index(b"mdat") + 8])
    assert "no frame that can be decoded" in refused(1, str(cut), "--box", "10,10,20,20")


@pytest.mark.parametrize(
    ("box", "status", "message"),
    [
        ("1,2,3", 2, "expected 4 numbers X,Y,W,H, got 3 in '1,2,3'"),
        ("1,2,3,4,5", 2, "got 5 in"),
        ("a,2,3,4", 2, "got 'a,2,3,4'"),
        ("nan,2,3,4", 2, "expected 4 finite numbers"),
        ("1,2,0,4", 2, "expected a width and height above 0"),
        ("1,2,3,-4", 2, "expected a width and height above 0"),
        (
            "10,10,1e-9,20",
            1,
            "expected a width and height of 0.01 pixels or more, got 1e-09 and 20",
        ),
        ("200,200,20,20", 1, "expected a box inside the frame of 96×96 pixels"),
        ("-50,10,20,20", 1, "expected a box inside the frame of 96×96 pixels"),
        ("0,0,500,500", 1, "larger than"),
    ],
)
def test_bad_boxes(
    box: str, status: int, message: str, film: Path, weights: str, refused: "Refused"
) -> None:
    assert message in refused(status, str(film), "--box", box, "--weights", weights)


def test_no_box(film: Path, refused: "Refused") -> None:
    assert "say with --box X,Y,W,H where the object is" in refused(2, str(film))


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["-o", "there.mp4"], 1, "there.mp4 exists"),
        (["--results", "there.csv"], 1, "there.csv exists"),
        (["-o", "no/folder/out.mp4"], 1, "there is no folder"),
        (["-o", "out.gif"], 1, "cannot write .gif; use .mkv, .mov, .mp4, .webm or a folder"),
        (["-o", "out.webm", "--codec", "h264"], 1, ".webm files hold vp9 or av1, not h264"),
        (["-o", "square.mp4", "--overwrite"], 1, "is the source itself"),
        (["-o", "there", "--overwrite"], 1, "is left as it is"),  # a folder of something else
        (["--results", "no/folder/out.csv"], 1, "there is no folder"),
        (["--results", "square.csv", "--overwrite"], 1, "is the source itself"),
        (["--results", "boxes.abc"], 1, "results: expected a name in .csv, "),
        (["--results", "there"], 1, "results: expected a name in .csv, "),
        (["--codec", "h265"], 2, "h265"),
        (["--scales", "2", "--weights", "siamfc"], 1, "scales: expected an odd number, got 2"),
        (["--scales", "5"], 1, "weights 'siamfc' search scales"),
        (["--weights", "defalt"], 1, "no weights named 'defalt'"),
        (["--weights", "none.safetensors"], 1, "no such file"),
        (
            ["--weights", "there"],
            1,
            "found no model.json: give such a folder, or a checkpoint",
        ),
        (["--weights", ""], 1, "weights: expected a name or a path, got ''"),
    ],
)
def test_bad_outputs_and_settings(
    arguments: list[str],
    status: int,
    message: str,
    film: Path,
    refused: "Refused",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(refused.folder)
    for name in ("there.mp4", "there.csv"):
        Path(name).write_text("keep me")
    Path("there").mkdir()
    Path("there/letter.txt").write_text("keep me")
    Path("square.mp4").write_bytes(film.read_bytes())
    Path("square.csv").symlink_to("square.mp4")
    assert message in refused(status, "square.mp4", "--box", "10,10,20,20", *arguments)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(film: Path, refused: "Refused") -> None:
    locked = refused.folder / "locked"
    locked.mkdir(mode=0o500)
    arguments = [str(film), "--box", "10,10,20,20", "-o", str(locked / "out.mp4")]
    assert "permission denied" in refused(1, *arguments)


def pickled(path: Path, _: Checkpoint) -> None:
    path.write_bytes(pickle.dumps({"weight": [1.0, 2.0]}))


def cut_off(path: Path, checkpoint: Checkpoint) -> None:
    checkpoint.save(path)
    path.write_bytes(path.read_bytes()[:5000])


def of_other_shapes(path: Path, checkpoint: Checkpoint) -> None:
    from safetensors.numpy import save_file

    tensors = {name: np.zeros((2, 2), np.float32) for name in checkpoint.tensors}
    save_file(tensors, path, metadata={"siamfc": checkpoint.metadata.to_json()})


@pytest.mark.parametrize("spoil", [pickled, cut_off, of_other_shapes])
def test_hostile_weights(
    spoil: Callable[[Path, Checkpoint], None],
    checkpoint: Checkpoint,
    film: Path,
    refused: "Refused",
) -> None:
    path = refused.folder / "model.safetensors"
    spoil(path, checkpoint)
    assert "model.safetensors" in refused(
        1, str(film), "--box", "10,10,20,20", "--weights", str(path)
    )


@pytest.mark.parametrize(
    "arguments", [["-o", "out.mp4"], ["-o", "frames/"], ["--results", "boxes.csv"]]
)
def test_a_full_disk(arguments: list[str], film: Path, weights: str, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk's end: the same calls fail."""
    code = (
        "import resource, sys\n"
        "from siamfc.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "track", str(film), "--box", "10,10,20,20"]
    answer = subprocess.run(
        [*command, "--weights", weights, "--scales", "1", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    name = arguments[1].strip("/")
    assert answer.returncode == 1
    assert answer.stderr.lower() == f"error: {name} cannot be written: file too large\n"
    assert answer.stdout == ""
    assert list(tmp_path.iterdir()) == []


class Refused:
    """Calls `siamfc track`, checks that it leaves the folder as it was, and gives its one line."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, status: int, *arguments: str) -> str:
        files = [] if "-o" in arguments else ["-o", str(self.folder / "out.mp4")]
        if "--results" not in arguments:
            files += ["--results", str(self.folder / "boxes.csv")]
        before = self._contents()
        assert run(["track", *arguments, *files]) == status
        printed = self._capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("error: ")
        assert printed.err.count("\n") == 1
        assert self._contents() == before
        return printed.err

    def _contents(self) -> dict[Path, bytes | None]:
        return {
            path: path.read_bytes() if path.is_file() else None for path in self.folder.rglob("*")
        }


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    return Refused(tmp_path, capsys)
