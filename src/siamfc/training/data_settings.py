"""Settings of a recipe's pairs: procedural scenes, synthetic squares, or crops from stores."""

from dataclasses import dataclass, field
from typing import Literal

from siamfc.checks import check_number, check_whole
from siamfc.crops.augment import AugmentSettings
from siamfc.crops.pairs import PairSampling
from siamfc.errors import InputError
from siamfc.procedural.pair_settings import PairSettings
from siamfc.procedural.textures import TextureSettings
from siamfc.synthetic.dataset import SyntheticDatasetSettings


@dataclass(frozen=True, kw_only=True)
class ProceduralData:
    """Pairs of procedural scenes, drawn on the device; see `siamfc.procedural`."""

    pairs: PairSettings = field(default_factory=PairSettings)
    textures: TextureSettings = field(default_factory=TextureSettings)
    renew_every: int = 2000
    """Number of steps after which new textures are drawn."""
    validation_textures: int = 256
    """Number of textures of the validation pairs, which training never sees."""

    def __post_init__(self) -> None:
        check_whole("renew_every", self.renew_every, 1)
        check_whole("validation_textures", self.validation_textures, 1)

    @property
    def sizes(self) -> tuple[int, int]:
        """Sides of exemplar and search images, pixels."""
        return self.pairs.exemplar_size, self.pairs.search_size


@dataclass(frozen=True, kw_only=True)
class SquareData:
    """Pairs of the thesis's synthetic data set (4.1.4), drawn on the fly."""

    dataset: SyntheticDatasetSettings = field(default_factory=SyntheticDatasetSettings)
    augmentation: AugmentSettings = field(default_factory=AugmentSettings)
    validation_share: float = 0.1
    """Fraction of the folders, which stand for videos, that training never sees."""

    def __post_init__(self) -> None:
        check_number("validation_share", self.validation_share, 0, 1)

    @property
    def sizes(self) -> tuple[int, int]:
        """Sides of exemplar and search images, pixels."""
        return self.augmentation.exemplar_size, self.augmentation.search_size


@dataclass(frozen=True, kw_only=True)
class StoreData:
    """Crops of real videos that `siamfc curate` wrote."""

    max_frame_gap: int = 100
    """Largest distance between exemplar and search image, in frames of the video."""
    sample_by: Literal["video", "frame"] = "video"
    """Draw every video with equal probability, as in the paper, or every crop."""
    pair_with_itself: bool = True
    """Pair a crop with itself if its track has no other in range."""
    negative_share: float = 0.0
    """Fraction of pairs whose exemplar is from another track, for a network that predicts boxes."""
    augmentation: AugmentSettings = field(default_factory=AugmentSettings)
    mix: float = 0.0
    """Fraction of procedural pairs in each batch; they keep the network from forgetting."""
    procedural: ProceduralData = field(default_factory=ProceduralData)
    """Content of the procedural pairs."""
    procedural_batches: int = 64
    """Number of different batches of procedural pairs, which are repeated: drawing one takes a CPU
    far longer than training on it."""
    validation_share: float = 0.1
    """Fraction of the videos that training never sees."""
    workers: int = 2
    """Number of processes that read and decode for each training process; 0: it reads itself."""

    def __post_init__(self) -> None:
        check_number("validation_share", self.validation_share, 0, 1)
        check_number("mix", self.mix, 0, 1)
        check_whole("procedural_batches", self.procedural_batches, 1)
        if self.mix and self.procedural.sizes != self.sizes:
            raise InputError(
                f"procedural: expected images of {self.sizes} pixels as of the stores, "
                f"got {self.procedural.sizes}"
            )
        check_whole("workers", self.workers, 0)
        self.sampling(pairs=1, seed=0)

    def sampling(self, *, pairs: int, seed: int) -> PairSampling:
        """Return the settings by which an epoch of `pairs` pairs is sampled."""
        return PairSampling(
            max_frame_gap=self.max_frame_gap,
            sample_by=self.sample_by,
            pair_with_itself=self.pair_with_itself,
            negative_share=self.negative_share,
            pairs_per_epoch=pairs,
            seed=seed,
        )

    def procedural_pairs(self, batch: int) -> int:
        """Return the number of procedural pairs, which come first, in a batch of `batch` pairs."""
        return round(self.mix * batch)

    @property
    def sizes(self) -> tuple[int, int]:
        """Sides of exemplar and search images, pixels."""
        return self.augmentation.exemplar_size, self.augmentation.search_size


Data = ProceduralData | SquareData | StoreData
