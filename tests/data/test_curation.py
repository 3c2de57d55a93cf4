"""Curation end to end: what is in the store, whatever happened on the way."""

import io
import random
from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from killing import after_progress, run
from PIL import Image
from stores import content, curate_vid
from vid_tree import write_vid

from siamfc.boxes import center
from siamfc.data import curation_plan, curation_work
from siamfc.data.curation import curate
from siamfc.data.curation_settings import CurationSettings, Outcome
from siamfc.data.locking import exclusive
from siamfc.data.readers import open_dataset
from siamfc.data.sequences import Sequence, Video
from siamfc.data.store import Store
from siamfc.data.synthetic import SquareVideo, SquareVideoSettings
from siamfc.data.synthetic.film import write_film
from siamfc.errors import DatasetError, OutputError
from siamfc.frames import read_image
from siamfc.geometry import PictureCropper, crop, mean_color
from siamfc.workers import Workers


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("vid")
    write_vid(root)
    return root


@pytest.fixture(scope="module")
def store(tree, tmp_path_factory):
    place = tmp_path_factory.mktemp("stores") / "store"
    curate_vid(tree, place)
    with Store(place) as opened:
        yield opened


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


def test_frames_that_are_left_out_have_their_reason(store):
    counts = Counter(store.records["outcome"].tolist())
    # Three videos: the second track is absent from 4 of 12 frames.
    assert counts == {Outcome.KEPT: 60, Outcome.NO_BOX: 12}
    assert store.state.outcomes == {"kept": 60, "no_box": 12}
    assert len(store) == 60
    absent = store.records[store.records["outcome"] == Outcome.NO_BOX]
    assert set(absent["frame"].tolist()) == {0, 3, 6, 9}


def test_a_crop_is_the_square_about_its_target(tree, store):
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
    """The second track is drawn over everything, in a colour of its own."""
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
    """And the crops are those of the whole image all the same."""
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

    def counting(path):
        read[path] += 1
        return opened(path)

    opened = Image.open
    monkeypatch.setattr(Image, "open", counting)
    return read


def test_an_image_is_decoded_once_however_many_tracks_it_has(tree, tmp_path, monkeypatch):
    read = _count_openings(monkeypatch)
    curate_vid(tree, tmp_path / "store")
    assert len(read) == 36
    assert set(read.values()) == {1}


def test_an_image_that_nobody_needs_is_not_decoded(tree, tmp_path, monkeypatch):
    read = _count_openings(monkeypatch)
    state = curate_vid(tree, tmp_path / "store", CurationSettings(least_side=100))
    assert not read
    assert state.outcomes == {"small_side": 60, "no_box": 12}


def test_every_nth_frame_is_taken_on_request(tree, tmp_path):
    curate_vid(tree, tmp_path / "store", CurationSettings(frame_step=5))
    with Store(tmp_path / "store") as store:
        kept = store.records[store.records["outcome"] == Outcome.KEPT]
        assert set(kept["frame"].tolist()) == {0, 5, 10}


def test_any_number_of_workers_gives_the_same_content(tree, store, tmp_path):
    with Workers(2) as workers:
        curate_vid(tree, tmp_path / "store", workers=workers)
    assert content(tmp_path / "store") == content(store.path)


def test_where_the_data_set_lies_does_not_matter(store, tmp_path):
    write_vid(tmp_path / "elsewhere")
    curate_vid(tmp_path / "elsewhere", tmp_path / "store")
    assert content(tmp_path / "store") == content(store.path)


def test_a_long_video_is_cut_and_a_track_stays_together(tree, store, tmp_path, monkeypatch):
    monkeypatch.setattr(curation_plan, "CHUNK_IMAGES", 5)
    curate_vid(tree, tmp_path / "store")
    with Store(tmp_path / "store") as cut:
        assert cut.records.tobytes() == store.records.tobytes()
        assert cut.image_names == store.image_names
        assert [cut.jpeg(row) for row in cut.kept_rows(2)] == [
            store.jpeg(row) for row in store.kept_rows(2)
        ]


class _StoppedError(Exception):
    pass


@pytest.mark.parametrize("chunks", range(1, 8))
def test_a_run_that_fails_anywhere_goes_on_with_the_same_content(
    tree, tmp_path, monkeypatch, chunks
):
    """Chunks of five images of videos of twelve: most end within a video."""
    monkeypatch.setattr(curation_plan, "CHUNK_IMAGES", 5)
    videos = open_dataset("vid", tree)
    done = []

    def stop(images, finished):
        done.append((images, finished))
        if len(done) > chunks:
            raise _StoppedError

    place = tmp_path / "store"
    monkeypatch.setattr("siamfc.data.store_writer._COMMIT_BYTES", 0)  # after every chunk
    with pytest.raises(_StoppedError):
        curate(videos, place, root=tree, source="vid", on_chunk=stop)
    with pytest.raises(DatasetError, match="is not finished; run the same `siamfc curate` again"):
        Store(place)
    progress = []
    curate(videos, place, root=tree, source="vid", on_chunk=lambda *two: progress.append(two))
    assert progress[0][0] == 5 * chunks
    assert np.sum(progress, axis=0).tolist() == [36, 3]
    curate_vid(tree, tmp_path / "whole")
    assert content(place) == content(tmp_path / "whole")


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_content(tmp_path):
    root = tmp_path / "vid"
    write_vid(root, videos=8, frames=40)
    curate_vid(root, tmp_path / "whole")
    place = tmp_path / "killed"
    code = (
        "from pathlib import Path\n"
        "from siamfc.data import store_writer\n"
        "from siamfc.data.curation import curate\n"
        "from siamfc.data.readers import open_dataset\n"
        "from siamfc.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    store_writer._COMMIT_BYTES = 100_000\n"
        f"    root = Path({str(root)!r})\n"
        "    with Workers(2) as workers:\n"
        f"        curate(open_dataset('vid', root), Path({str(place)!r}), root=root,\n"
        "               source='vid', workers=workers)\n"
    )
    chance = random.Random(5)
    file = place / "data.mdb"

    def size() -> int:
        return file.stat().st_size if file.exists() else 0

    kills = 0
    while not run(
        code,
        kill=after_progress(size, least=chance.randrange(2_000_000), wait=chance.random() / 10),
    ):
        kills += 1
    assert kills >= 1
    assert content(place) == content(tmp_path / "whole")
    with Store(place) as store:
        assert store.verify() == len(store)


def test_a_store_that_is_complete_is_left_alone(tree, tmp_path):
    place = tmp_path / "store"
    first = curate_vid(tree, place)
    before = (place / "data.mdb").read_bytes()
    assert curate_vid(tree, place) == first
    assert (place / "data.mdb").read_bytes() == before


def test_a_film_gives_the_same_crops_as_its_frames(tmp_path, monkeypatch):
    monkeypatch.setattr(curation_plan, "CHUNK_IMAGES", 4)
    video = SquareVideo(SquareVideoSettings(frames=10, size=128, target=30, seed=2))
    write_film(tmp_path / "square.mkv", video, lossless=True)
    film = Sequence(name="film", frames=tmp_path / "square.mkv", boxes=video.boxes)
    place = tmp_path / "store"
    curate([Video(name="film", load=partial(_give, film))], place, root=tmp_path)
    with Store(place) as store:
        assert store.image_names[7] == "square.mkv#7"
        for row, (image, box) in enumerate(zip(video, video.boxes, strict=True)):
            side = float(store.settings.crop_side(box[2:]))
            expected = crop(image, center(box), side, 285, mean_color(image))
            assert np.abs(store.image(row).astype(int) - expected).mean() < 2


def test_a_film_that_is_too_short_leaves_the_rest_out(tmp_path):
    video = SquareVideo(SquareVideoSettings(frames=4, size=128, target=30))
    write_film(tmp_path / "square.mkv", video, lossless=True)
    boxes = np.tile(video.boxes[:1], (6, 1))
    film = Sequence(name="film", frames=tmp_path / "square.mkv", boxes=boxes)
    lost = replace(film, name="lost", frames=tmp_path / "lost.mkv")
    videos = [Video(name=one.name, load=partial(_give, one)) for one in (film, lost)]
    state = curate(videos, tmp_path / "store", root=tmp_path)
    assert state.outcomes == {"kept": 4, "unreadable_image": 2, "missing_image": 6}


def _give(sequence, _on_problem):
    return [sequence]


def test_broken_parts_of_a_data_set_are_told_of_and_the_rest_is_curated(tmp_path):
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


def test_two_curations_into_one_store_are_refused(tree, tmp_path):
    place = tmp_path / "store"
    place.mkdir()
    with exclusive(place), pytest.raises(OutputError, match="another process is writing here"):
        curate_vid(tree, place)
    curate_vid(tree, place)


@pytest.mark.parametrize(
    ("begin", "message"),
    [
        (
            lambda tree, place: curate_vid(tree, place, CurationSettings(jpeg_quality=80)),
            "was begun with jpeg_quality 80, asked for 90",
        ),
        (
            lambda tree, place: curate(
                open_dataset("vid", tree)[:2], place, root=tree, source="vid"
            ),
            "was begun with videos '2, names ",
        ),
        (
            lambda tree, place: curate(open_dataset("vid", tree), place, root=tree, source="coco"),
            "was begun with format 'coco', asked for 'vid'",
        ),
    ],
    ids=["settings", "videos", "format"],
)  # fmt: skip
def test_a_store_that_was_begun_otherwise_is_refused(tree, tmp_path, begin, message):
    place = tmp_path / "store"
    begin(tree, place)
    before = content(place)
    with pytest.raises(DatasetError, match=message):
        curate_vid(tree, place)
    assert content(place) == before


def test_a_place_that_holds_something_else_is_refused(tree, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="expected a folder for the store, found a file"):
        curate_vid(tree, tmp_path / "file")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="expected a store or an empty folder, found other"):
        curate_vid(tree, tmp_path / "folder")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["notes.txt"]


def test_a_worker_of_another_version_is_refused(tree, tmp_path, monkeypatch):
    versions = iter(["Pillow 1", "Pillow 2", "Pillow 1"])
    monkeypatch.setattr("siamfc.data.curation.encoder_version", lambda: next(versions))
    with pytest.raises(DatasetError, match=r"a worker has Pillow .*, this program Pillow 2"):
        curate_vid(tree, tmp_path / "store")


def test_a_full_disk_is_one_line_and_the_store_goes_on_afterwards(tree, store, tmp_path):
    """A limit on the size of a file stands for the full disk."""
    place = tmp_path / "store"
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from siamfc.data import curation_plan, store_writer\n"
        "from siamfc.data.curation import curate\n"
        "from siamfc.data.readers import open_dataset\n"
        "from siamfc.errors import OutputError\n"
        "curation_plan.CHUNK_IMAGES, store_writer._COMMIT_BYTES = 5, 0\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))\n"
        f"root = Path({str(tree)!r})\n"
        "try:\n"
        f"    curate(open_dataset('vid', root), Path({str(place)!r}), root=root, source='vid')\n"
        "except OutputError as error:\n"
        "    sys.exit(0 if 'the disk is full' in str(error) else str(error))\n"
        "sys.exit('no error')\n"
    )
    assert run(code)
    begun = [key for key in content(place) if key.startswith(b"c")]
    assert 0 < len(begun) < 60
    curate_vid(tree, place)
    with Store(place) as finished:
        assert finished.verify() == 60
        assert finished.records.tobytes() == store.records.tobytes()
