import pickle
from pathlib import Path

import numpy as np
import pytest

from reader_trees import numbered, write_images, write_rows
from siamfc.datasets.readers import FORMATS, Format, find_format, open_dataset
from siamfc.datasets.sequences import read_sequences
from siamfc.errors import DatasetError

EVERY_FORMAT = [pytest.param(one, id=name) for name, one in FORMATS.items()]


@pytest.mark.parametrize("one", EVERY_FORMAT)
def test_every_format_states_its_conventions(one: Format) -> None:
    for fact in (one.title, one.boxes, one.missing, one.source, one.homepage, *one.tree):
        assert fact.strip()
        assert "\n" not in fact
    assert any(base in one.boxes for base in ("0-based", "1-based"))
    assert one.evaluated is None or one.evaluated in one.splits


@pytest.mark.parametrize("one", EVERY_FORMAT)
def test_every_format_shows_its_tree_for_a_root_that_is_none(one: Format, tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "notes.md").write_text("nothing")
    with pytest.raises(DatasetError) as caught:
        one.open(tmp_path)
    message = str(caught.value)
    assert str(tmp_path) in message
    assert all(path in message for path in one.tree)
    assert "\n" not in message


def test_a_root_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such file or folder"):
        open_dataset("otb", tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        pytest.param("got10", "did you mean 'got10k'", id="nearly right"),
        pytest.param("xyzzy", "expected one of vid, got10k", id="nothing like it"),
    ],
)
def test_an_unknown_format_gets_advice(name: str, advice: str) -> None:
    with pytest.raises(DatasetError, match=advice):
        find_format(name)


def test_a_split_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected one of train, val, test for got10k"):
        open_dataset("got10k", tmp_path, split="trian")
    with pytest.raises(DatasetError, match="expected none for otb"):
        open_dataset("otb", tmp_path, split="train")


def test_a_video_can_be_sent_to_another_process(tmp_path: Path) -> None:
    write_images(tmp_path / "Cat" / "img", numbered(1, 2))
    write_rows(tmp_path / "Cat" / "groundtruth_rect.txt", [(2, 3, 4, 5)] * 2)
    (video,) = pickle.loads(pickle.dumps(open_dataset("otb", tmp_path)))
    (cat,) = video.read()
    (again,) = pickle.loads(pickle.dumps([cat]))
    np.testing.assert_array_equal(again.boxes, [[1, 2, 4, 5]] * 2)
    assert list(again.frames) == [tmp_path / "Cat" / "img" / name for name in numbered(1, 2)]


@pytest.mark.sequences
def test_the_real_sequences_are_read() -> None:
    import os

    folder = os.environ.get("SIAMFC_SEQUENCES")
    if not folder:
        pytest.skip("SIAMFC_SEQUENCES names no folder of sequences in OTB layout")
    sequences = list(read_sequences(open_dataset("otb", folder)))
    assert sequences
    for sequence in sequences:
        assert sequence.annotated[0]
        image = next(iter(sequence.images()))
        x, y, w, h = sequence.boxes[0]
        assert -w < x < image.shape[1]
        assert -h < y < image.shape[0]
