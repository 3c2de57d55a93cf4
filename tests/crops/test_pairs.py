"""The choice of pairs, its frequencies, and its dependence on seed and number only."""

from collections import Counter

import numpy as np
import pytest

from siamfc.crops.curation_settings import CurationSettings, Outcome
from siamfc.crops.pairs import PairSampling, StorePairs, split_videos, uniform_numbers
from siamfc.crops.store import Store
from siamfc.crops.store_format import RECORD
from siamfc.errors import DatasetError, InputError
from stores import curate_vid
from vid_tree import write_vid


class IndexOnly:
    """A store without pictures: tracks as (video, frames); omitted frames are negative."""

    def __init__(self, *tracks, settings=None):
        self.settings = settings or CurationSettings()
        self.video_names = [video for video, _ in tracks]
        self.track_numbers = np.repeat(np.arange(len(tracks)), [len(f) for _, f in tracks])
        self.records = np.zeros(len(self.track_numbers), dtype=RECORD)
        self.records["frame"] = [abs(frame) for _, frames in tracks for frame in frames]
        left_out = [frame < 0 for _, frames in tracks for frame in frames]
        self.records["outcome"] = np.where(left_out, Outcome.HIDDEN, Outcome.KEPT)
        self.boxes_crop = np.zeros((len(self.records), 4))

    def read_into(self, row, out):
        out[...] = row


def _count(store, sampling, pairs=6000, **more):
    rows = StorePairs([store], sampling, **more).rows(0, range(pairs))
    return rows, Counter(rows.exemplar.tolist())


def test_by_video_every_video_and_every_track_in_it_has_the_same_chance():
    store = IndexOnly(("a", [0]), ("b", [0, 1, 2, 3]), ("b", [0, 1]), ("c", list(range(10))))
    _, counts = _count(store, PairSampling())
    shares = np.array([counts[row] for row in range(17)]) / 6000
    expected = [1 / 3] + [1 / 24] * 4 + [1 / 12] * 2 + [1 / 30] * 10
    # Five standard deviations of a fraction of a third in 6000 are 0.03.
    np.testing.assert_allclose(shares, expected, atol=0.03)


def test_by_frame_every_crop_has_the_same_chance():
    store = IndexOnly(("a", [0]), ("b", [0, 1, 2, 3]), ("c", list(range(10))))
    _, counts = _count(store, PairSampling(sample_by="frame"))
    np.testing.assert_allclose([counts[row] / 6000 for row in range(15)], 1 / 15, atol=0.02)


def test_the_search_is_another_crop_of_the_track_within_reach_each_as_likely():
    frames = [0, 3, 4, 50, 58, 60, 61, 200]
    store = IndexOnly(("a", [0, 1]), ("b", frames), ("c", [0, 5]))
    rows, _ = _count(store, PairSampling(max_frame_gap=10, pair_with_itself=False), pairs=30_000)
    partners = {row: Counter() for row in range(12)}
    for exemplar, search in zip(rows.exemplar.tolist(), rows.search.tolist(), strict=True):
        partners[exemplar][search] += 1
    reach = {
        2 + first: {2 + second for second, other in enumerate(frames)
                    if second != first and abs(other - frame) <= 10}
        for first, frame in enumerate(frames)
    }  # fmt: skip
    assert partners[9] == {}  # frame 200 has nobody
    for row in range(2, 9):
        assert set(partners[row]) == reach[row]
        counts = np.array(list(partners[row].values()))
        np.testing.assert_allclose(counts / counts.sum(), 1 / len(counts), atol=0.08)
    assert set(partners[0]) == {1}
    assert set(partners[10]) == {11}


def test_a_single_image_makes_a_pair_with_itself_if_that_is_allowed():
    store = IndexOnly(("a", [5]), ("b", [0, 1]))
    rows, counts = _count(store, PairSampling(), pairs=200)
    assert set(counts) == {0, 1, 2}
    assert (rows.search[rows.exemplar == 0] == 0).all()
    assert (rows.search[rows.exemplar != 0] != rows.exemplar[rows.exemplar != 0]).all()
    _, counts = _count(store, PairSampling(pair_with_itself=False), pairs=200)
    assert set(counts) == {1, 2}


def test_omitted_frames_make_no_pairs():
    store = IndexOnly(("a", [0, -1, 2, -3, 4]))
    rows, counts = _count(store, PairSampling(), pairs=300)
    assert set(counts) == set(rows.search.tolist()) == {0, 2, 4}


def test_stores_are_mixed_by_weight():
    stores = [IndexOnly(("a", [0, 1])), IndexOnly(("a", [0, 1])), IndexOnly(("a", [0, 1]))]
    rows = StorePairs(stores, weights=[1, 0, 3]).rows(0, range(6000))
    counts = np.bincount(rows.store, minlength=3) / 6000
    np.testing.assert_allclose(counts, [0.25, 0, 0.75], atol=0.03)
    even = np.bincount(StorePairs(stores).rows(0, range(6000)).store) / 6000
    np.testing.assert_allclose(even, 1 / 3, atol=0.03)


def test_only_the_named_videos_are_used():
    store = IndexOnly(("a", [0, 1]), ("b", [0, 1]), ("c", [0, 1]))
    _, counts = _count(store, PairSampling(), pairs=300, videos=[{"a", "c"}])
    assert set(counts) == {0, 1, 4, 5}


def test_a_pair_depends_only_on_seed_epoch_and_index():
    store = IndexOnly(("a", list(range(50))), ("b", list(range(80))))
    pairs = StorePairs([store], PairSampling(seed=3))
    whole = np.stack(pairs.rows(2, range(100)))
    parts = [np.stack(pairs.rows(2, range(first, first + 10))) for first in range(0, 100, 10)]
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))
    backwards = np.stack(pairs.rows(2, range(99, -1, -1)))
    np.testing.assert_array_equal(whole, backwards[:, ::-1])
    again = np.stack(StorePairs([store], PairSampling(seed=3)).rows(2, range(100)))
    np.testing.assert_array_equal(whole, again)
    for other in (pairs.rows(3, range(100)), StorePairs([store]).rows(2, range(100))):
        assert (whole != np.stack(other)).any()


def test_the_numbers_are_uniform_and_independent():
    numbers = uniform_numbers((7, 1, 0), range(4000), 24)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = np.histogram(numbers, bins=20, range=(0, 1))[0]
    # 4800 in each bin: five standard deviations are 338.
    assert np.abs(counts - 4800).max() < 338
    correlation = np.corrcoef(numbers.T) - np.eye(24)
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)
    neighbours = np.corrcoef(numbers[:-1].ravel(), numbers[1:].ravel())[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(4000 * 24)
    keys = uniform_numbers((7, 1, 1), range(4000), 24)
    assert abs(np.corrcoef(numbers.ravel(), keys.ravel())[0, 1]) < 5 / np.sqrt(4000 * 24)


def test_pairs_are_decoded_from_a_real_store(tmp_path):
    write_vid(tmp_path / "vid", videos=2)
    curate_vid(tmp_path / "vid", tmp_path / "store")
    with Store(tmp_path / "store") as store:
        pairs = StorePairs([store], PairSampling(pairs_per_epoch=40))
        raw = pairs.read(1, range(8))
        rows = pairs.rows(1, range(8))
        assert raw.exemplars.shape == raw.searches.shape == (8, 285, 285, 3)
        for place in range(8):
            exemplar, search = int(rows.exemplar[place]), int(rows.search[place])
            assert store.track_numbers[exemplar] == store.track_numbers[search]
            np.testing.assert_array_equal(raw.exemplars[place], store.image(exemplar))
            np.testing.assert_array_equal(raw.searches[place], store.image(search))
            np.testing.assert_allclose(
                raw.search_sizes[place], store.boxes_crop[search, 2:], rtol=1e-6
            )
        alone = pairs.read(1, [5])
        np.testing.assert_array_equal(alone.searches[0], raw.searches[5])
        np.testing.assert_array_equal(alone.uniforms[0], raw.uniforms[5])
        assert len(pairs) == 40


def test_videos_are_split_whole_by_seed():
    names = [f"video {number}" for number in range(50)] * 3
    train, apart = split_videos(names, 0.1, seed=4)
    assert (len(train), len(apart)) == (45, 5)
    assert not set(train) & set(apart)
    assert split_videos(reversed(names), 0.1, seed=4) == (train, apart)
    assert split_videos(names, 0.1, seed=5) != (train, apart)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: StorePairs([]), InputError, "pairs: expected at least one store, got none"),
        (
            lambda: StorePairs([IndexOnly()]),
            DatasetError,
            "expected crops that make pairs, found none of 0",
        ),
        (
            lambda: StorePairs(
                [IndexOnly(("a", [0, 50]))], PairSampling(pair_with_itself=False, max_frame_gap=9)
            ),
            DatasetError,
            "expected crops that make pairs, found none of 2; curate with wider filters",
        ),
        (
            lambda: StorePairs([IndexOnly(("a", [0, 1]))], videos=[["b"]]),
            DatasetError,
            "expected crops that make pairs, found none of 0",
        ),
        (
            lambda: StorePairs([
                IndexOnly(("a", [0, 1])),
                IndexOnly(("a", [0, 1]), settings=CurationSettings(max_shift=4)),
            ]),
            InputError,
            "expected stores of one crop size and scale, got 277 pixels at 127/0.5, 285 pixels",
        ),
        (
            lambda: StorePairs([IndexOnly(("a", [0, 1]))], weights=[0]),
            InputError,
            "weights: expected 1 numbers of at least 0, not all 0, got",
        ),
        (
            lambda: StorePairs([IndexOnly(("a", [0, 1]))], weights=[1, 2]),
            InputError,
            "weights: expected 1 numbers",
        ),
        (lambda: PairSampling(sample_by="luck"), InputError, "sample_by: expected video or frame"),
        (lambda: PairSampling(max_frame_gap=0), InputError, "max_frame_gap: expected a whole"),
        (lambda: split_videos(["a"], 0.5), DatasetError, "expected at least 2 videos, to keep 0.5"),
        (lambda: split_videos(["a", "b"], 1.0), DatasetError, "2 videos, to keep 1 of them"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_negative_exemplar_is_of_another_target_that_is_not_in_sight():
    # Three targets in a video's images: the second near the first, the third far away, and a
    # fourth that is not annotated in the images of the others. Another video has one more.
    store = IndexOnly(
        ("a", [0, 1, 2]), ("a", [0, 1, 2]), ("a", [0, 1, 2]), ("a", [3, 4]), ("b", [0, 1])
    )
    store.records["image"] = [0, 1, 2] * 3 + [3, 4] + [5, 6]
    for track, x in enumerate((0, 60, 900, 900, 0)):
        store.records["box"][store.track_numbers == track] = (x, 0, 40, 40)
    rows, _ = _count(store, PairSampling(negative_share=1.0), pairs=4000)
    tracks = [store.track_numbers[one] for one in (rows.exemplar, rows.search)]
    absent = Counter(zip(*(track[~rows.present].tolist() for track in tracks), strict=True))
    in_sight = {(0, 1), (1, 0)}
    unknown = {(one, 3) for one in range(3)} | {(3, one) for one in range(3)}
    others = {(one, other) for one in range(5) for other in range(5) if one != other}
    assert set(absent) == others - in_sight - unknown
    assert (tracks[0] == tracks[1])[rows.present].all()
    plain, _ = _count(store, PairSampling(), pairs=4000)
    assert plain.present.all()
    assert (plain.search == rows.search).all()
    some, _ = _count(store, PairSampling(negative_share=0.2), pairs=4000)
    assert 0 < (~some.present).mean() < 0.2
