import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from killing import after_progress, run, tree_digest
from siamfc.errors import InputError, OutputError
from siamfc.synthetic import (
    SquareVideo,
    SquareVideoSettings,
    SyntheticDataset,
    SyntheticDatasetSettings,
    bytes_needed,
    read_dataset_settings,
    write_dataset,
    write_otb,
)
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.workers import Workers

SMALL = SyntheticDatasetSettings(images=22, folders=4, size=64, square=20, seed=3)


def test_files_hold_the_drawn_images_and_the_ground_truth_in_otb_layout(tmp_path):
    out = tmp_path / "data"
    counts = []
    write_dataset(out, SMALL, on_images=counts.append)
    assert sum(counts) == 22
    dataset = SyntheticDataset(SMALL)
    for folder in range(4):
        place = out / f"{folder + 1:04d}"
        images = sorted((place / "img").iterdir())
        assert [path.name for path in images] == [
            f"{index + 1:04d}.png" for index in range(dataset.folder_length(folder))
        ]
        for index, path in enumerate(images):
            np.testing.assert_array_equal(np.asarray(Image.open(path)), dataset.draw(folder, index))
        truth = (place / "groundtruth_rect.txt").read_text().splitlines()
        # A margin of 22 pixels, counted from 1 as in OTB.
        assert truth == ["23,23,20,20"] * len(images)
        facts = json.loads((place / "folder.json").read_text())
        assert tuple(facts["square"]) == dataset.colours(folder).square
        assert facts["noise"][-1]["kind"] == dataset.noise(folder, len(images) - 1).kind
    assert read_dataset_settings(out) == SMALL


def test_any_number_of_workers_gives_the_same_bytes(tmp_path):
    write_dataset(tmp_path / "one", SMALL)
    with Workers(2) as workers:
        write_dataset(tmp_path / "two", SMALL, workers=workers)
    assert tree_digest(tmp_path / "one") == tree_digest(tmp_path / "two")


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(tmp_path):
    settings = SyntheticDatasetSettings(images=640, folders=32, size=96, square=30, seed=1)
    write_dataset(tmp_path / "whole", settings)
    out = tmp_path / "killed"
    code = (
        "from pathlib import Path\n"
        "from siamfc.synthetic import *\n"
        "from siamfc.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    with Workers(2) as workers:\n"
        f"        write_dataset(Path({str(out)!r}), {settings!r}, workers=workers)\n"
    )
    chance = random.Random(7)

    def folders() -> int:
        return len(list(out.glob("[0-9]*")))

    kills = 0
    while not run(
        code, kill=after_progress(folders, least=chance.randint(5, 14), wait=chance.random() / 5)
    ):
        kills += 1
    assert kills >= 1
    assert tree_digest(out) == tree_digest(tmp_path / "whole")


def test_a_folder_that_is_complete_is_not_written_again(tmp_path):
    write_dataset(tmp_path, SMALL)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    counts = []
    write_dataset(tmp_path, SMALL, on_images=counts.append)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")} == before
    assert sum(counts) == 22


def test_jpeg_is_smaller_and_close(tmp_path):
    settings = SyntheticDatasetSettings(images=4, folders=1, gaussian=10, speckle=0.1, seed=2)
    write_dataset(tmp_path, settings, image_format="jpeg")
    path = tmp_path / "0001" / "img" / "0001.jpg"
    drawn = SyntheticDataset(settings).draw(0, 0).astype(int)
    assert np.abs(np.asarray(Image.open(path), dtype=int) - drawn).mean() < 4


@pytest.mark.parametrize("image_format", ["png", "jpeg"])
def test_the_disk_space_needed_is_predicted(tmp_path, image_format):
    settings = SyntheticDatasetSettings(images=150, folders=15, size=128, square=40, seed=9)
    predicted = bytes_needed(settings, image_format)
    write_dataset(tmp_path, settings, image_format=image_format)
    taken = sum(-(-path.stat().st_size // 4096) * 4096 for path in tmp_path.rglob("*.[pj]*g"))
    assert predicted == pytest.approx(taken, rel=0.15)


def test_too_large_a_data_set_is_refused_before_anything_is_written(tmp_path):
    settings = SyntheticDatasetSettings(images=10**12, folders=10)
    with pytest.raises(OutputError, match=r"TB are needed and .* are free"):
        write_dataset(tmp_path / "data", settings)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda out: out.write_text("x"), "expected a folder, found a file"),
        (lambda out: _folder_with(out, "notes.txt", "x"), "expected an empty folder or a synth"),
        (lambda out: _folder_with(out, "dataset.json", "{"), "expected an empty folder or a syn"),
        (lambda out: _folder_with(out, "dataset.json", "[]"), "expected an empty folder or a sy"),
        (
            lambda out: _folder_with(
                out, "dataset.json", '{"format": "siamfc synthetic dataset", "version": 9}'
            ),
            "holds a data set of version 9, this program writes version 1",
        ),
        (
            lambda out: write_dataset(out, SyntheticDatasetSettings(images=2, folders=1, size=64)),
            "holds a data set with images 2, got 22",
        ),
        (
            lambda out: write_dataset(out, SMALL, image_format="jpeg"),
            "holds a data set with image_format 'jpeg', got 'png'",
        ),
    ],
    ids=["a file", "other files", "broken", "foreign", "version", "settings", "format"],
)
def test_a_folder_with_other_content_is_refused(tmp_path, prepare, message):
    out = tmp_path / "data"
    prepare(out)
    before = tree_digest(tmp_path)
    with pytest.raises(OutputError, match=message):
        write_dataset(out, SMALL)
    assert tree_digest(tmp_path) == before


def _folder_with(out: Path, name: str, text: str) -> None:
    out.mkdir()
    (out / name).write_text(text)


def test_an_unknown_image_format_is_refused(tmp_path):
    with pytest.raises(InputError, match="image format: expected png or jpeg, got 'gif'"):
        write_dataset(tmp_path, SMALL, image_format="gif")


def test_two_writers_into_one_folder_are_refused(tmp_path):
    from siamfc.folder_lock import lock_folder

    with (
        lock_folder(tmp_path),
        pytest.raises(OutputError, match="is writing here"),
    ):
        write_dataset(tmp_path, SMALL)


def test_a_full_disk_is_one_line_and_leaves_no_partial_folder(tmp_path):
    """A file size limit simulates the full disk."""
    out = tmp_path / "data"
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from siamfc.synthetic import *\n"
        "from siamfc.errors import OutputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, resource.RLIM_INFINITY))\n"
        "try:\n"
        f"    write_dataset(Path({str(out)!r}), {SMALL!r})\n"
        "except OutputError as error:\n"
        "    sys.exit(0 if 'the disk is full' in str(error) else str(error))\n"
        "sys.exit('no error')\n"
    )
    assert run(code)
    assert not list(out.glob(".*.partial"))
    write_dataset(out, SMALL)
    write_dataset(tmp_path / "whole", SMALL)
    assert tree_digest(out) == tree_digest(tmp_path / "whole")


@pytest.mark.parametrize(
    "video",
    [
        SquareVideo(SquareVideoSettings(frames=5, size=64, target=10, seed=1)),
        ProceduralClip(ClipSettings(frames=5, width=96, height=64, target=12)),
    ],
    ids=["square", "clip"],
)
def test_a_video_in_otb_layout_reads_back(tmp_path, video):
    out = tmp_path / "video"
    frames = []
    write_otb(out, video, on_frame=lambda: frames.append(1))
    assert len(frames) == 5
    paths = sorted((out / "img").iterdir())
    assert [path.name for path in paths] == [f"{number:04d}.png" for number in range(1, 6)]
    for path, frame in zip(paths, video, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), frame)
    boxes = np.loadtxt(out / "groundtruth_rect.txt", delimiter=",") - [1, 1, 0, 0]
    np.testing.assert_allclose(boxes, video.boxes, atol=1e-6)
    np.testing.assert_allclose(np.loadtxt(out / "visibility.txt"), video.visibility, atol=1e-6)


def test_a_video_does_not_overwrite_another(tmp_path):
    video = SquareVideo(SquareVideoSettings(frames=2, size=64, target=10))
    write_otb(tmp_path / "video", video)
    before = tree_digest(tmp_path)
    with pytest.raises(OutputError, match="video is not empty: choose another folder"):
        write_otb(tmp_path / "video", video)
    assert tree_digest(tmp_path) == before


def test_the_current_folder_is_refused_as_a_video(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="expected the name of a new folder, got the current one"):
        write_otb(Path(), SquareVideo(SquareVideoSettings(frames=1)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "settings",
    [{}, {"settings": None}, {"settings": {"pictures": 7}}, {"settings": {"images": 0}}],
    ids=["none", "null", "of another name", "out of range"],
)
def test_damaged_settings_of_a_data_set_are_refused(tmp_path, settings):
    record = {"format": "siamfc synthetic dataset", "version": 1, **settings}
    (tmp_path / "dataset.json").write_text(json.dumps(record))
    with pytest.raises(OutputError, match=r"dataset\.json: expected the settings of a data set"):
        write_dataset(tmp_path, SMALL)
    with pytest.raises(OutputError, match=r"dataset\.json: expected the settings of a data set"):
        read_dataset_settings(tmp_path)


def test_whole_boxes_are_written_as_whole_numbers(tmp_path):
    write_otb(tmp_path / "v", SquareVideo(SquareVideoSettings(frames=1)))
    assert (tmp_path / "v" / "groundtruth_rect.txt").read_text() == "108,108,40,40\n"
