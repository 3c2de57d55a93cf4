import math
from pathlib import Path

import media
import numpy as np
import pytest

from siamfc.errors import InputError, SourceError
from siamfc.frames import ImageFiles, open_source


def test_images_are_in_natural_order_for_any_case_of_their_suffixes(tmp_path: Path) -> None:
    names = ["1.png", "2.PNG", "3.jpg", "10.JPEG", "11.Tif", "100.bmp"]
    media.save_images(tmp_path, names)
    with open_source(tmp_path) as source:
        frames = list(source)
    assert [media.number_of(frame.image) for frame in frames] == list(range(6))
    assert [frame.index for frame in frames] == list(range(6))
    assert (source.frame_count, source.size, source.name) == (6, media.SIZE, tmp_path.name)


def test_other_and_hidden_files_are_ignored(tmp_path: Path) -> None:
    media.save_images(tmp_path, ["1.png", "2.png"])
    for name in ("notes.txt", "._1.png", ".png", "1.png.part"):
        (tmp_path / name).write_text("no image")
    (tmp_path / "more.png").mkdir()
    assert len(list(open_source(str(tmp_path)))) == 2


def test_a_glob_picks_images_in_natural_order(tmp_path: Path) -> None:
    media.save_images(tmp_path, ["left_2.png", "left_10.png", "right_1.png"])
    with open_source(str(tmp_path / "left_*.png")) as source:
        assert [media.number_of(frame.image) for frame in source] == [0, 1]


def test_a_glob_reaches_into_folders(tmp_path: Path) -> None:
    for index, name in enumerate(["b", "a"]):
        media.save_images(tmp_path / name, [f"{index}.png"])
    with open_source(str(tmp_path / "**" / "*.png")) as source:
        assert [path.parent.name for path in source.paths] == ["a", "b"]


def test_a_folder_whose_name_looks_like_a_glob_is_a_folder(tmp_path: Path) -> None:
    media.save_images(tmp_path / "take[1]", ["1.png"])
    assert open_source(tmp_path / "take[1]").frame_count == 1


def test_one_image_is_a_source_of_one_frame(tmp_path: Path) -> None:
    (path,) = media.save_images(tmp_path, ["one.PNG"])
    assert len(list(open_source(path))) == 1


def test_images_have_times_only_if_a_rate_is_given(tmp_path: Path) -> None:
    media.save_images(tmp_path, ["1.png", "2.png", "3.png"])
    assert all(math.isnan(frame.time) for frame in open_source(tmp_path))
    with open_source(tmp_path, frame_rate=20) as source:
        assert [frame.time for frame in source] == [0, 0.05, 0.1]
        assert source.frame_rate == 20


def test_a_folder_can_be_read_repeatedly_and_from_any_position(tmp_path: Path) -> None:
    media.save_images(tmp_path, [f"{index}.png" for index in range(5)])
    with ImageFiles(sorted(tmp_path.iterdir()), name="five") as source:
        assert len(list(source)) == len(list(source)) == 5
        assert [frame.index for frame in source.frames(3)] == [3, 4]
        np.testing.assert_array_equal(source[2].image, media.numbered(2))
        for index in (-1, 5):
            with pytest.raises(InputError, match=f"five has frames 0 to 4; got {index}"):
                source[index]


def test_an_unreadable_image_ends_the_frames_and_is_named(tmp_path: Path) -> None:
    media.save_images(tmp_path, ["1.png", "2.png", "3.png"])
    (tmp_path / "2.png").write_bytes(b"torn")
    frames = iter(open_source(tmp_path))
    assert next(frames).index == 0
    with pytest.raises(SourceError, match=r"2\.png cannot be read as an image"):
        next(frames)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], "the folder is empty"),
        (["a.txt", "b.mp4"], "none of its 2 files is an image"),
        (["img/1.png", "truth.txt"], r"did you mean .*img\?"),
    ],
)
def test_a_folder_without_images_is_refused(names: list[str], says: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    with pytest.raises(SourceError, match=says):
        open_source(tmp_path)
