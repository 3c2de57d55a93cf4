import numpy as np
import pytest

from siamfc.errors import InputError, OutputError
from siamfc.frames import open_source
from siamfc.synthetic import SquareVideo, SquareVideoSettings
from siamfc.synthetic.video_files import write_video_file


@pytest.fixture(scope="module")
def video():
    return SquareVideo(SquareVideoSettings(frames=6, size=65, target=11, seed=2))


def test_a_lossless_video_keeps_every_pixel(tmp_path, video):
    counted = []
    write_video_file(tmp_path / "v.mkv", video, lossless=True, on_frame=lambda: counted.append(1))
    with open_source(tmp_path / "v.mkv") as source:
        frames = [frame.image for frame in source]
    np.testing.assert_array_equal(frames, list(video))
    assert len(counted) == 6


def test_an_h264_video_is_close_and_keeps_the_square_in_place(tmp_path, video):
    write_video_file(tmp_path / "v.mp4", video)
    with open_source(tmp_path / "v.mp4") as source:
        frames = [frame.image[:65, :65] for frame in source]
    assert len(frames) == 6
    for frame, drawn in zip(frames, video, strict=True):
        assert ((frame[..., 1] < 128) == (drawn[..., 1] < 128)).mean() > 0.998


def test_ground_truth_is_written_beside_the_video(tmp_path, video):
    truth, visibility = write_video_file(tmp_path / "v.mkv", video, lossless=True)
    assert truth == tmp_path / "v.txt"
    boxes = np.loadtxt(truth, delimiter=",") - [1, 1, 0, 0]
    np.testing.assert_array_equal(boxes, video.boxes)
    np.testing.assert_array_equal(np.loadtxt(visibility), np.ones(6))
    assert {path.name for path in tmp_path.iterdir()} == {"v.mkv", "v.txt", "v.visibility.txt"}


@pytest.mark.parametrize("name", ["v.mkv", "v.txt", "v.visibility.txt"])
def test_nothing_is_overwritten(tmp_path, video, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match=f"{name}: exists; choose another name"):
        write_video_file(tmp_path / "v.mkv", video)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_a_video_that_fails_midway_leaves_nothing(tmp_path, name):
    class Broken(SquareVideo):
        def __getitem__(self, index):
            if index == 3:
                raise RuntimeError("broken")
            return super().__getitem__(index)

    video = Broken(SquareVideoSettings(frames=6, size=64, target=10))
    with pytest.raises(RuntimeError, match="broken"):
        write_video_file(tmp_path / name, video, lossless=name.endswith("mkv"))
    assert list(tmp_path.iterdir()) == []


def test_a_suffix_that_cannot_hold_the_video_is_refused(tmp_path, video):
    with pytest.raises(InputError, match=r"a lossless video: expected a name ending in \.mkv"):
        write_video_file(tmp_path / "v.mp4", video, lossless=True)
    with pytest.raises(InputError, match=r"a video: expected a name ending in \.mp4 or"):
        write_video_file(tmp_path / "v.gif", video)
