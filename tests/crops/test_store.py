import io
import json
import multiprocessing
import os
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import lmdb
import numpy as np
import pytest
from PIL import Image

from siamfc.crops.curation import curate
from siamfc.crops.curation_settings import CurationSettings, Outcome
from siamfc.crops.store import Store
from siamfc.crops.store_format import SETTINGS_KEY, crop_key, image_key, record_key, track_key
from siamfc.errors import DatasetError
from stores import change, content, curate_vid
from vid_tree import write_vid


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("vid")
    write_vid(root, videos=2)
    curate_vid(root, root / "store")
    return root / "store"


@pytest.fixture
def place(made, tmp_path):
    """A copy that tests may damage."""
    return shutil.copytree(made, tmp_path / "store")


def test_rows_are_ordered_by_track_and_frame_and_kept_rows_have_crops(made):
    with Store(made) as store:
        assert [list(store.track_rows(track))[::11] for track in range(4)] == [
            [0, 11], [12, 23], [24, 35], [36, 47],
        ]  # fmt: skip
        assert store.track_numbers.tolist() == [0] * 12 + [1] * 12 + [2] * 12 + [3] * 12
        kept = [store.kept_rows(track).tolist() for track in range(4)]
        assert kept[0] == list(range(12))
        assert kept[3] == [37, 38, 40, 41, 43, 44, 46, 47]
        assert len(store) == sum(map(len, kept)) == 40
        for row in kept[3]:
            assert store.image(row).shape == (285, 285, 3)
        assert np.isnan(store.boxes_crop[36]).all()
        assert np.isfinite(store.boxes_crop[kept[3]]).all()


def test_a_row_without_a_crop_says_why(made):
    with (
        Store(made) as store,
        pytest.raises(DatasetError, match="video_01/1, frame 0, is missing: left out, NO_BOX"),
    ):
        store.image(36)


def test_the_settings_and_the_source_are_in_the_store(made):
    with Store(made) as store:
        assert store.settings == CurationSettings()
        assert store.source["format"] == "vid"
        assert store.state.outcomes == {"kept": 40, "no_box": 8}


def test_two_stores_open_one_file_and_each_may_be_closed(made):
    first, second = Store(made), Store(made)
    image = first.image(0)
    first.close()
    np.testing.assert_array_equal(second.image(0), image)
    np.testing.assert_array_equal(first.image(0), image)  # opens again
    first.close()
    second.close()


def test_a_store_may_be_sent_to_another_process(made):
    with Store(made) as store:
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(store)).image(3), store.image(3))


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_processes_read_a_store_at_the_same_time(made, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot start processes by {method}")
    with Store(made) as store:
        rows = store.kept_rows(0).tolist()
        expected = [int(store.image(row).sum()) for row in rows]
        with multiprocessing.get_context(method).Pool(2, _take, (store,)) as pool:
            assert pool.map(_sum, rows, chunksize=1) == expected
        assert [int(store.image(row).sum()) for row in rows] == expected


def _take(store):
    global _store
    _store = store


def _sum(row):
    return int(_store.image(row).sum())


def test_threads_read_a_store_at_the_same_time(made):
    with Store(made) as store, ThreadPoolExecutor(4) as pool:
        rows = store.kept_rows(0).tolist() * 20
        expected = [store.jpeg(row) for row in rows]
        assert list(pool.map(store.jpeg, rows)) == expected


def test_threads_open_a_store_at_the_same_time(made, monkeypatch):
    with Store(made) as store:
        expected = store.jpeg(0)
    together, opening, open_file = Barrier(2), Event(), lmdb.open

    def open_slowly(*arguments, **options):
        opening.wait(0.2)  # only a thread that does not wait for this one can end it early
        opening.set()
        return open_file(*arguments, **options)

    monkeypatch.setattr(lmdb, "open", open_slowly)

    def read(_):
        together.wait()
        return store.jpeg(0)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(read, range(2))) == [expected] * 2


def test_a_whole_store_verifies(made):
    with Store(made) as store:
        assert store.verify() == 40


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (crop_key(1, 2), None, "video_00/1, frame 2, is missing"),
        (crop_key(1, 2), lambda old: old[:-1] + b"x", "video_00/1, frame 2, is not what was"),
        (crop_key(9, 9), lambda old: old + b"x", "crops that the index doesn't know"),
        (record_key(2, 0), lambda old: old[:20] + b"\1" + old[21:], "the index's digest is"),
        (track_key(3), lambda old: old.replace(b"n01", b"n02"), "the index's digest is"),
        (image_key(0), lambda old: old.replace(b"video_00", b"video_77"), "the index's digest"),
    ],
    ids=["crop lost", "crop changed", "crop too many", "record", "track", "image name"],
)
def test_damage_is_found_and_named(place, key, value, message):
    old = content(place).get(key, b"")
    change(place, key, None if value is None else value(old))
    with Store(place) as store, pytest.raises(DatasetError, match=message):
        store.verify()


def test_a_crop_that_is_damaged_is_named_when_it_is_read(place):
    change(place, crop_key(1, 2), b"no jpeg")
    change(place, crop_key(1, 4), None)
    with Store(place) as store:
        with pytest.raises(DatasetError, match="video_00/1, frame 2, cannot be decoded"):
            store.image(14)
        with pytest.raises(DatasetError, match="frame 4, is missing: the store is damaged"):
            store.image(16)


@pytest.mark.parametrize(
    ("size", "keep", "message"),
    [
        ((9, 9), None, "expected pixels of shape"),  # a whole picture, but no crop of this store
        (None, 0.6, "cannot be decoded"),  # cut off
    ],
)
def test_a_crop_of_another_size_or_cut_off_is_not_taken(place, size, keep, message):
    with Store(place) as store:
        jpeg = store.jpeg(14)
    if size is not None:
        file = io.BytesIO()
        Image.new("RGB", size).save(file, "JPEG")
        jpeg = file.getvalue()
    change(place, crop_key(1, 2), jpeg if keep is None else jpeg[: int(keep * len(jpeg))])
    with Store(place) as store, pytest.raises(DatasetError, match=message):
        store.image(14)


def test_a_decoded_crop_is_that_of_pillow(place):
    with Store(place) as store, Image.open(io.BytesIO(store.jpeg(14))) as image:
        assert np.array_equal(store.image(14), np.asarray(image))


def test_a_store_of_another_version_is_refused(place):
    made = json.loads(content(place)[SETTINGS_KEY])
    change(place, SETTINGS_KEY, json.dumps({**made, "version": 9}).encode())
    with pytest.raises(DatasetError, match="is a store of version 9, this program reads version 1"):
        Store(place)
    with pytest.raises(DatasetError, match="is a store of version 9, this program writes version"):
        curate([], place, root=place.parent)


@pytest.mark.parametrize("lost", [1, 100_000])
def test_a_partially_copied_store_is_refused(place, lost):
    """Reading it would kill the process, because LMDB maps the file."""
    file = place / "data.mdb"
    os.truncate(file, file.stat().st_size - lost)
    message = r"data.mdb has \d+ of the \d+ bytes .* copy it again"
    with pytest.raises(DatasetError, match=message):
        Store(place)
    with pytest.raises(DatasetError, match=message):
        curate([], place, root=place.parent)


@pytest.mark.parametrize(
    ("value", "message"),
    [(None, "is an LMDB file but no store"), (b"{", "is an LMDB file but no store")],
)
def test_another_lmdb_file_is_refused(place, value, message):
    change(place, SETTINGS_KEY, value)
    with pytest.raises(DatasetError, match=message):
        Store(place)


def test_an_invalid_store_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="expected a store made by `siamfc curate`, found none"):
        Store(tmp_path)
    (tmp_path / "data.mdb").write_bytes(b"nothing of the kind" * 1000)
    with pytest.raises(DatasetError, match="cannot be opened as a store"):
        Store(tmp_path)


def test_the_outcomes_have_a_text_each():
    from siamfc.crops.curation_settings import OUTCOME_TEXTS

    assert list(OUTCOME_TEXTS) == list(Outcome)
