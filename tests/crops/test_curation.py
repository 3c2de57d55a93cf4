"""Curation: the store's content compared with the source images and boxes."""

import io
from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

from siamfc.boxes import center
from siamfc.crops import curation_plan, curation_work
from siamfc.crops.curation import curate
from siamfc.crops.curation_settings import CurationSettings, Outcome
from siamfc.crops.store import Store
from siamfc.datasets.sequences import Sequence, Video
from siamfc.frames import read_image
from siamfc.geometry import PictureCropper, crop, mean_color
from siamfc.synthetic import SquareVideo, SquareVideoSettings
from siamfc.synthetic.video_files import write_video_file
from stores import curate_vid
from vid_tree import write_vid


def test_every_track_and_frame_is_in_the_index_with_its_source(tree, store):
    assert [track.sequence for track in store.tracks] == [
        f"train/set_0000/video_{video:02d}/{track}" for video in range(3) for track in range(2)
    ]
    assert {track.split for track in store.tracks} == {"train"}
    assert {track.label for track in store.tracks} == {"n01"}
    for number, track in enumerate(store.tracks):
        rows = store.track_rows(number)
        assert store.records["frame"][rows.start : rows.stop].tolist() == list(range(12))
        for row in rows:
            name = store.image_names[store.records["image"][row]]
            assert name == f"Data/VID/{track.video}/{store.records['frame'][row]:06d}.JPEG"
            assert (tree / name).exists()
    assert store.root == str(tree)


def test_omitted_frames_have_a_reason(store):
    counts = Counter(store.records["outcome"].tolist())
    # Three videos: the second track is absent from 4 of 12 frames.
    assert counts == {Outcome.KEPT: 60, Outcome.NO_BOX: 12}
    assert store.state.outcomes == {"kept": 60, "no_box": 12}
    assert len(store) == 60
    absent = store.records[store.records["outcome"] == Outcome.NO_BOX]
    assert set(absent["frame"].tolist()) == {0, 3, 6, 9}


def test_a_crop_is_the_square_around_its_target(tree, store):
    settings = store.settings
    for row in store.kept_rows(1)[:3].tolist():
        image = read_image(tree / store.image_names[store.records["image"][row]])
        box = store.records["box"][row]
        side = float(settings.crop_side(box[2:]))
        expected = crop(image, center(box), side, settings.crop_size, mean_color(image))
        difference = np.abs(store.image(row).astype(int) - expected)
        assert difference.mean() < 2.5  # what JPEG costs
        assert np.median(difference) <= 2


def test_the_target_fills_its_box_in_the_crop(store):
    """The second track is drawn on top, in its own colour."""
    colour = np.array([110, 120, 60])
    for row in store.kept_rows(3).tolist():
        close = np.abs(store.image(row).astype(int) - colour).max(axis=2) < 25
        x, y, w, h = store.boxes_crop[row]
        inside = close[round(y) + 2 : round(y + h) - 2, round(x) + 2 : round(x + w) - 2]
        assert inside.mean() > 0.98
        columns = np.flatnonzero(close[int(y + h / 2)])
        assert abs(columns.min() - x) < 2
        assert abs(columns.max() + 1 - (x + w)) < 2


def test_outside_the_frame_is_the_images_mean(tmp_path):
    write_vid(tmp_path, videos=1, frames=1, tracks=2)
    curate_vid(tmp_path, tmp_path / "store", CurationSettings(max_shift=60))
    with Store(tmp_path / "store") as store:
        image = read_image(tmp_path / store.image_names[0])
        corner = store.image(0)[:20, :20].reshape(-1, 3)
        np.testing.assert_allclose(corner.mean(axis=0), mean_color(image), atol=2)


@pytest.mark.parametrize(("exemplar_size", "cell"), [(40, 2), (20, 4), (9, 8)])
def test_images_are_decoded_no_finer_than_their_crops_need(
    tree, tmp_path, monkeypatch, exemplar_size, cell
):
    """The crops equal those of the full image nevertheless."""
    cells = []

    def noting(*arguments, **options):
        cells.append(options["cell"])
        return PictureCropper(*arguments, **options)

    monkeypatch.setattr(curation_work, "PictureCropper", noting)
    settings = CurationSettings(
        exemplar_size=exemplar_size, search_size=2 * exemplar_size, max_shift=2
    )
    curate_vid(tree, tmp_path / "store", settings)
    assert set(cells) == {cell}
    with Store(tmp_path / "store") as store:
        for row in (0, 13, 30):
            image = read_image(tree / store.image_names[store.records["image"][row]])
            box = store.records["box"][row]
            side = float(settings.crop_side(box[2:]))
            expected = crop(image, center(box), side, settings.crop_size, mean_color(image))
            stored = io.BytesIO()
            Image.fromarray(expected).save(stored, "JPEG", quality=90, subsampling="4:2:0")
            difference = np.asarray(Image.open(stored)).astype(int) - store.image(row)
            assert np.abs(difference).mean() < 2  # the fill may differ by a level


def _count_openings(monkeypatch):
    read = Counter()

    def counting(path, **options):
        read[path] += 1
        return opened(path, **options)

    opened = Image.open
    monkeypatch.setattr(Image, "open", counting)
    return read


def test_an_image_is_decoded_once_however_many_tracks_it_has(tree, tmp_path, monkeypatch):
    read = _count_openings(monkeypatch)
    curate_vid(tree, tmp_path / "store")
    assert len(read) == 36
    assert set(read.values()) == {1}


def test_an_image_without_kept_targets_is_not_decoded(tree, tmp_path, monkeypatch):
    read = _count_openings(monkeypatch)
    state = curate_vid(tree, tmp_path / "store", CurationSettings(least_side=100))
    assert not read
    assert state.outcomes == {"small_side": 60, "no_box": 12}


def test_every_nth_frame_is_used_on_request(tree, tmp_path):
    curate_vid(tree, tmp_path / "store", CurationSettings(frame_step=5))
    with Store(tmp_path / "store") as store:
        kept = store.records[store.records["outcome"] == Outcome.KEPT]
        assert set(kept["frame"].tolist()) == {0, 5, 10}


def test_a_video_gives_the_same_crops_as_its_frames(tmp_path, monkeypatch):
    monkeypatch.setattr(curation_plan, "CHUNK_IMAGES", 4)
    video = SquareVideo(SquareVideoSettings(frames=10, size=128, target=30, seed=2))
    write_video_file(tmp_path / "square.mkv", video, lossless=True)
    clip = Sequence(name="clip", frames=tmp_path / "square.mkv", boxes=video.boxes)
    place = tmp_path / "store"
    curate([Video(name="clip", load=partial(_give, clip))], place, root=tmp_path)
    with Store(place) as store:
        assert store.image_names[7] == "square.mkv#7"
        for row, (image, box) in enumerate(zip(video, video.boxes, strict=True)):
            side = float(store.settings.crop_side(box[2:]))
            expected = crop(image, center(box), side, 285, mean_color(image))
            assert np.abs(store.image(row).astype(int) - expected).mean() < 2


def test_frames_beyond_the_end_of_a_video_are_omitted(tmp_path):
    video = SquareVideo(SquareVideoSettings(frames=4, size=128, target=30))
    write_video_file(tmp_path / "square.mkv", video, lossless=True)
    boxes = np.tile(video.boxes[:1], (6, 1))
    clip = Sequence(name="clip", frames=tmp_path / "square.mkv", boxes=boxes)
    lost = replace(clip, name="lost", frames=tmp_path / "lost.mkv")
    videos = [Video(name=one.name, load=partial(_give, one)) for one in (clip, lost)]
    state = curate(videos, tmp_path / "store", root=tmp_path)
    assert state.outcomes == {"kept": 4, "unreadable_image": 2, "missing_image": 6}


@pytest.mark.parametrize("boxes", [3, 5])
def test_a_video_with_another_number_of_boxes_than_frames_is_a_problem(tmp_path, boxes):
    video = SquareVideo(SquareVideoSettings(frames=4, size=128, target=30))
    for name in ("right", "wrong"):
        write_video_file(tmp_path / f"{name}.mkv", video, lossless=True)
    right = Sequence(name="right", frames=tmp_path / "right.mkv", boxes=video.boxes)
    other = np.tile(video.boxes[:1], (boxes, 1))
    wrong = Sequence(name="wrong", frames=tmp_path / "wrong.mkv", boxes=other)
    videos = [Video(name=one.name, load=partial(_give, one)) for one in (right, wrong)]
    state = curate(videos, tmp_path / "store", root=tmp_path)
    assert state.problems == [
        f"{tmp_path / 'wrong.mkv'}: expected {boxes} frames for as many boxes, got 4"
    ]


def _give(sequence, _on_problem):
    return [sequence]


def test_damaged_parts_of_a_data_set_are_reported_and_the_rest_is_curated(tmp_path):
    write_vid(tmp_path, videos=4)
    data = tmp_path / "Data" / "VID" / "train" / "set_0000"
    annotations = tmp_path / "Annotations" / "VID" / "train" / "set_0000"
    (data / "video_00" / "000004.JPEG").write_bytes(b"no image")
    (data / "video_00" / "000005.JPEG").unlink()
    whole = (data / "video_00" / "000007.JPEG").read_bytes()
    (data / "video_00" / "000007.JPEG").write_bytes(whole[: len(whole) // 2])
    (annotations / "video_01" / "000002.xml").write_text("<annotation></annotation>")
    (annotations / "video_02" / "000002.xml").write_text("<annotation>")
    state = curate_vid(tmp_path, tmp_path / "store")
    assert state.problem_count == 1
    assert "video_02/000002.xml: expected an XML annotation" in state.problems[0]
    with Store(tmp_path / "store") as store:
        outcomes = store.records["outcome"][: 2 * 12].reshape(2, 12)
        assert outcomes[0, 4:8].tolist() == [
            Outcome.UNREADABLE_IMAGE, Outcome.MISSING_IMAGE, Outcome.KEPT, Outcome.UNREADABLE_IMAGE,
        ]  # fmt: skip
        no_objects = store.records[store.track_rows(2)[2]]
        assert no_objects["outcome"] == Outcome.NO_BOX
        assert {track.video for track in store.tracks} == {
            f"train/set_0000/video_{number:02d}" for number in (0, 1, 3)
        }


def test_a_data_set_without_any_target_gives_an_empty_store(tmp_path):
    write_vid(tmp_path, videos=2, tracks=0)
    state = curate_vid(tmp_path, tmp_path / "store")
    assert state.outcomes == {}
    with Store(tmp_path / "store") as store:
        assert (len(store), len(store.tracks)) == (0, 0)
        assert store.verify() == 0
