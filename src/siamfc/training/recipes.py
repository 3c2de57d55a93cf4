"""All settings of a training run, as functions: a variant is `replace(procedural(), …)`."""

from dataclasses import dataclass, field

from siamfc.data.procedural.pairs import PairSettings
from siamfc.data.procedural.textures import TextureSettings
from siamfc.errors import InputError
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.normalisation import Normalisation
from siamfc.training.labels import LabelSettings
from siamfc.training.optimisation import OptimiserSettings


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole training run on procedural pairs."""

    name: str
    seed: int = 0
    """Of the weights, the textures and every pair."""
    steps: int = 20_000
    batch: int = 256
    """Pairs in one step, over all processes."""
    peak_weight: float = 0.0
    """Weight of `losses.peak_entropy` beside the balanced cross-entropy."""
    renew_textures_every: int = 2000
    """Steps after which the bank is drawn anew."""
    validate_every: int = 2000
    """Steps between two validations."""
    labels: LabelSettings = field(default_factory=LabelSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    pairs: PairSettings = field(default_factory=PairSettings)
    textures: TextureSettings = field(default_factory=TextureSettings)
    spec: EmbeddingSpec = field(default_factory=EmbeddingSpec)
    normalisation: Normalisation = field(
        default_factory=lambda: Normalisation(mean=(0.45,) * 3, std=(0.25,) * 3)
    )

    def __post_init__(self) -> None:
        counts = (self.steps, self.batch, self.renew_textures_every, self.validate_every)
        if min(counts) < 1:
            raise InputError(f"expected at least one step, pair and so on, got {self}")


def procedural() -> Recipe:
    """Make the weights that ship: procedural pairs alone, on a GPU."""
    return Recipe(name="procedural")
