"""Training pairs from stores: the choice of two crops, decoding, and numbers for augmentation.

A pair is an exemplar and a search crop of one track, a limited number of frames apart (Bertinetto
et al. 2016, section 2.4; thesis 3.1.2). Pair `index` of `epoch` depends only on the seed and these
two numbers, in any process and any batch.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc.array_types import BoolArray, FloatArray, IntArray
from siamfc.checks import check_number, check_whole
from siamfc.crops.curation_settings import CurationSettings, Outcome
from siamfc.errors import DatasetError, InputError

AUGMENTATION_DRAWS = 24
"""Number of random numbers for the augmentation of a pair."""
_SAMPLING_DRAWS = 8


class CropStore(Protocol):
    """Interface of a store for drawing pairs; `siamfc.crops.store.Store` implements it."""

    settings: CurationSettings
    records: NDArray[np.void]
    track_numbers: IntArray

    @property
    def video_names(self) -> Sequence[str]:
        """Name of each track's video."""

    @property
    def boxes_crop(self) -> FloatArray:
        """(R, 4) box of each row's target in its crop."""

    def read_into(self, row: int, out: NDArray[np.uint8]) -> None:
        """Decode the crop of a row into `out`, (size, size, 3) RGB."""


@dataclass(frozen=True, kw_only=True)
class PairSampling:
    """Settings of the choice of pairs.

    Attributes:
        max_frame_gap: largest number of frames between exemplar and search crop.
        sample_by: `video` gives every video the same probability, and every track in it, as in the
            paper; `frame` gives every crop the same probability.
        pair_with_itself: pair a crop with itself if its track has no other within reach, as in
            data sets of single images; otherwise such crops are omitted.
        negative_share: fraction of pairs with an exemplar of another track; in half of them, the
            track is in the same video, if its target is known to be outside the search crop.
            Pairs for which there is none keep their exemplar.
        pairs_per_epoch: length of an epoch; the paper's is 53,200.
        seed: seed of the choice and the augmentation.
    """

    max_frame_gap: int = 100
    sample_by: Literal["video", "frame"] = "video"
    pair_with_itself: bool = True
    negative_share: float = 0.0
    pairs_per_epoch: int = 53_200
    seed: int = 0

    def __post_init__(self) -> None:
        check_number("negative_share", self.negative_share, 0, 1)
        check_whole("max_frame_gap", self.max_frame_gap, 1)
        check_whole("pairs_per_epoch", self.pairs_per_epoch, 1)
        check_whole("seed", self.seed, 0, 2**63 - 1)
        if self.sample_by not in ("video", "frame"):
            raise InputError(f"sample_by: expected video or frame, got {self.sample_by!r}")


class PairRows(NamedTuple):
    """Rows of the crops that form pairs; arrays of B integers."""

    store: IntArray
    """Index of the store."""
    exemplar: IntArray
    """Row of the exemplar in the store."""
    search: IntArray
    """Row of the search crop in the store."""
    present: BoolArray
    """False if the exemplar's target is not in the search crop."""


class RawPairs(NamedTuple):
    """B decoded pairs before augmentation, n × n pixels each, with the target in the centre."""

    exemplars: NDArray[np.uint8]
    """(B, n, n, 3) RGB."""
    searches: NDArray[np.uint8]
    """(B, n, n, 3) RGB."""
    search_sizes: NDArray[np.float32]
    """(B, 2) width and height of the target in the search crop, in its pixels."""
    uniforms: NDArray[np.float32]
    """(B, AUGMENTATION_DRAWS) in [0, 1), for `augment`."""
    exemplar_sizes: NDArray[np.float32]
    """(B, 2) width and height of the target in the exemplar crop, in its pixels."""
    present: NDArray[np.float32]
    """(B,) 1, or 0 for an exemplar of another track, which is not in the search crop."""


class StorePairs:
    """Pairs from one or several stores.

    Args:
        stores: stores of crops with a common size and scale.
        sampling: settings of the choice.
        weights: relative frequency of pairs from each store; None: equal.
        videos: names of the videos to choose from, for each store; None: all.

    Raises:
        InputError: stores whose crops differ in size or scale, or invalid weights.
        DatasetError: a store from which no pair can be formed.
    """

    def __init__(
        self,
        stores: Sequence[CropStore],
        sampling: PairSampling | None = None,
        *,
        weights: Sequence[float] | None = None,
        videos: Sequence[Collection[str]] | None = None,
    ) -> None:
        self.sampling = sampling or PairSampling()
        self.stores = tuple(stores)
        self.crop_size = _common_crop_size(self.stores)
        self._shares = _normalised(weights, len(self.stores))
        chosen = [None] * len(self.stores) if videos is None else list(videos)
        self._choices = [
            _Choice(store, self.sampling, names)
            for store, names in zip(self.stores, chosen, strict=True)
        ]

    def __len__(self) -> int:
        """Return the number of pairs in an epoch."""
        return self.sampling.pairs_per_epoch

    def rows(self, epoch: int, indices: ArrayLike) -> PairRows:
        """Choose the stores and rows of pairs, for indices (B,) of an epoch."""
        draws = uniform_numbers(
            (self.sampling.seed, 0, epoch), indices, _SAMPLING_DRAWS
        )  # stream 0: the choice
        store = np.minimum(
            np.searchsorted(np.cumsum(self._shares), draws[:, 0], side="right"),
            len(self.stores) - 1,
        )
        exemplar, search = (np.empty(len(draws), dtype=np.int64) for _ in range(2))
        present = np.ones(len(draws), dtype=np.bool_)
        for number, choice in enumerate(self._choices):
            here = store == number
            exemplar[here], search[here] = choice.choose(draws[here, 1:5])
            negative = here & (draws[:, 5] < self.sampling.negative_share)
            if negative.any():
                other, absent = choice.choose_other(search[negative], draws[negative, 6:])
                exemplar[negative] = np.where(absent, other, exemplar[negative])
                present[negative] = ~absent
        return PairRows(store, exemplar, search, present)

    def read(self, epoch: int, indices: ArrayLike) -> RawPairs:
        """Choose and decode pairs, for indices (B,) of an epoch.

        Raises:
            DatasetError: a damaged store.
        """
        rows = self.rows(epoch, indices)
        count = len(rows.store)
        shape = (count, self.crop_size, self.crop_size, 3)
        exemplars, searches = (np.empty(shape, dtype=np.uint8) for _ in range(2))
        sizes, exemplar_sizes = (np.empty((count, 2), dtype=np.float32) for _ in range(2))
        chosen = zip(*map(_listed, rows[:3]), strict=True)
        for place, (number, exemplar, search) in enumerate(chosen):
            store = self.stores[number]
            store.read_into(exemplar, exemplars[place])
            store.read_into(search, searches[place])
            sizes[place] = store.boxes_crop[search, 2:]
            exemplar_sizes[place] = store.boxes_crop[exemplar, 2:]
        uniforms = uniform_numbers((self.sampling.seed, 1, epoch), indices, AUGMENTATION_DRAWS)
        present = rows.present.astype(np.float32)
        return RawPairs(
            exemplars, searches, sizes, uniforms.astype(np.float32), exemplar_sizes, present
        )


class _Choice:
    """Crops of one store that can form pairs, and their possible partners.

    Crops are numbered in the order of tracks and frames; `low` and `high` delimit the crops within
    reach of each.
    """

    def __init__(
        self, store: CropStore, sampling: PairSampling, videos: Collection[str] | None
    ) -> None:
        self._by_video = sampling.sample_by == "video"
        kept = store.records["outcome"] == Outcome.KEPT
        track_videos = np.array(store.video_names, dtype=object)
        if videos is not None:
            wanted = np.array([name in videos for name in track_videos], dtype=np.bool_)
            kept &= wanted[store.track_numbers] if len(wanted) else False
        rows = np.flatnonzero(kept)
        track, frame = store.track_numbers[rows], store.records["frame"][rows].astype(np.int64)
        key = track * 2**33 + frame  # ascending; tracks are farther apart than any frames
        low = np.searchsorted(key, key - sampling.max_frame_gap, side="left")
        high = np.searchsorted(key, key + sampling.max_frame_gap, side="right")
        self._rows, self._low, self._high = rows, low, high
        # An exemplar needs a partner: another crop within reach, or itself if that is allowed.
        usable = np.flatnonzero((high - low > 1) | sampling.pair_with_itself)
        if not len(usable):
            raise DatasetError(
                f"{getattr(store, 'path', 'store')}: expected crops that make pairs, found none "
                f"of {len(rows)}; curate with wider filters, or allow frames further apart"
            )
        self._usable = usable
        self._track_starts = _starts(track[usable])
        names = track_videos[track[usable[self._track_starts]]]
        self._video_starts = _starts(names)
        self._video_ends = np.append(self._track_starts, len(usable))[
            np.append(self._video_starts[1:], len(self._track_starts))
        ]
        self._seen = _BoxIndex(store) if sampling.negative_share else None

    def choose(self, draws: FloatArray) -> tuple[IntArray, IntArray]:
        """Choose rows of exemplars and searches from uniform numbers (B, 4)."""
        if self._by_video:
            video = _pick(draws[:, 0], 0, len(self._video_starts))
            tracks = np.append(self._video_starts, len(self._track_starts))
            track = _pick(draws[:, 1], tracks[video], tracks[video + 1])
            crops = np.append(self._track_starts, len(self._usable))
            place = _pick(draws[:, 2], crops[track], crops[track + 1])
        else:
            place = _pick(draws[:, 2], 0, len(self._usable))
        exemplar = self._usable[place]
        low, high = self._low[exemplar], self._high[exemplar]
        # Skip the exemplar itself: the indices from it on are shifted by one.
        search = _pick(draws[:, 3], low, np.maximum(high - 1, low + 1))
        search = np.where(high - low > 1, search + (search >= exemplar), exemplar)
        return self._rows[exemplar], self._rows[search]

    def choose_other(self, search: IntArray, draws: FloatArray) -> tuple[IntArray, BoolArray]:
        """Choose rows of other tracks for search rows (B,) from uniform numbers (B, 2).

        Returns:
            The rows, and True where their targets are known to be absent from the search crops.
        """
        first = self._track_starts[self._video_starts]
        place = np.searchsorted(self._rows[self._usable], search, side="right") - 1
        video = np.searchsorted(first, np.maximum(place, 0), side="right") - 1
        same = draws[:, 0] < 0.5
        low = np.where(same, first[video], 0)
        high = np.where(same, self._video_ends[video], len(self._usable))
        other = self._rows[self._usable[_pick(draws[:, 1], low, high)]]
        assert self._seen is not None
        return other, self._seen.are_absent(other, search)


class _BoxIndex:
    """Index of every target's box in every image of a store."""

    def __init__(self, store: CropStore) -> None:
        self._store = store
        names = np.array(store.video_names, dtype=object)
        _, self._videos = np.unique(names.astype(str), return_inverse=True)
        key = self._key(store.track_numbers, store.records["image"])
        self._order = np.argsort(key, kind="stable")
        self._sorted = key[self._order]

    def are_absent(self, exemplar: IntArray, search: IntArray) -> BoolArray:
        """Find exemplar rows (B,) whose targets are known to be absent from search rows (B,).

        Targets of another video are. One of the same video must be annotated in the search crop's
        image, outside the crop.
        """
        records, tracks = self._store.records, self._store.track_numbers
        other, own = tracks[exemplar], tracks[search]
        wanted = self._key(other, records["image"][search])
        place = np.minimum(np.searchsorted(self._sorted, wanted), len(self._sorted) - 1)
        found = self._sorted[place] == wanted
        theirs, boxes = records["box"][self._order[place]], records["box"][search]
        side = self._store.settings.crop_side(boxes[:, 2:])[:, None]
        center = boxes[:, :2] + boxes[:, 2:] / 2
        distance = np.abs(theirs[:, :2] + theirs[:, 2:] / 2 - center)
        outside = (distance > (side + theirs[:, 2:]) / 2).any(axis=1)  # false for NaN
        absent = (self._videos[other] != self._videos[own]) | (found & outside)
        return np.asarray(absent & (other != own))

    @staticmethod
    def _key(track: IntArray, image: NDArray[np.generic]) -> IntArray:
        return np.asarray(track * 2**33 + image.astype(np.int64))


def split_videos(
    names: Collection[str], fraction: float = 0.1, *, seed: int = 0
) -> tuple[list[str], list[str]]:
    """Split videos into a training part and a part for validation, by seed.

    Whole videos are split, so that no target is in both parts (thesis, table 6: 90/10).

    Raises:
        DatasetError: too few `names` for one on each side.

    >>> split_videos(["a", "b", "c", "d"], 0.25, seed=1)
    (['b', 'c', 'd'], ['a'])
    """
    unique = sorted(set(names))
    count = max(round(fraction * len(unique)), 1)
    if not 0 < fraction < 1 or count >= len(unique):
        raise DatasetError(
            f"split: expected at least 2 videos, to keep {fraction:g} of them apart, got "
            f"{len(unique)}; curate more videos"
        )
    generator = np.random.Generator(np.random.PCG64(seed))
    apart = set(generator.permutation(len(unique))[:count].tolist())
    return (
        [name for index, name in enumerate(unique) if index not in apart],
        [name for index, name in enumerate(unique) if index in apart],
    )


def uniform_numbers(key: Sequence[int], indices: ArrayLike, count: int) -> FloatArray:
    """Return uniform numbers in [0, 1), (B, count), each a function of key, index and column.

    A hash instead of a generator: SplitMix64's finaliser (Steele, Lea & Flood 2014) over all three,
    so that the numbers of a single pair can be computed without any others.
    """
    state = np.zeros(1, dtype=np.uint64)
    for part in key:
        state = _mix(state ^ np.uint64(part))
    rows = _mix(state ^ np.asarray(indices, dtype=np.uint64).reshape(-1, 1))
    bits = _mix(rows ^ np.arange(1, count + 1, dtype=np.uint64))
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = state + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _pick(draw: FloatArray, low: ArrayLike, high: ArrayLike) -> IntArray:
    """Map uniform numbers to integers from `low` to below `high`."""
    first, end = np.asarray(low), np.asarray(high)
    chosen: IntArray = (first + np.floor(draw * (end - first))).astype(np.int64)
    return chosen


def _starts(groups: NDArray[np.generic]) -> IntArray:
    """Return the start of each run of equal values."""
    changes = np.flatnonzero(groups[1:] != groups[:-1]) + 1
    return np.concatenate([[0], changes]).astype(np.int64)


def _common_crop_size(stores: Sequence[CropStore]) -> int:
    if not stores:
        raise InputError("pairs: expected at least one store, got none")
    forms = {
        (one.settings.crop_size, one.settings.exemplar_size, one.settings.context_amount)
        for one in stores
    }
    if len(forms) > 1:
        shown = ", ".join(
            f"{size} pixels at {exemplar}/{c:g}" for size, exemplar, c in sorted(forms)
        )
        raise InputError(f"pairs: expected stores of one crop size and scale, got {shown}")
    return stores[0].settings.crop_size


def _normalised(weights: Sequence[float] | None, count: int) -> FloatArray:
    values = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    fine = values.shape == (count,) and np.isfinite(values).all() and (values >= 0).all()
    if not fine or values.sum() <= 0:
        raise InputError(
            f"weights: expected {count} numbers of at least 0, not all 0, got {values.tolist()}"
        )
    return np.asarray(values / values.sum())


def _listed(values: IntArray) -> list[int]:
    items: list[int] = values.tolist()
    return items
