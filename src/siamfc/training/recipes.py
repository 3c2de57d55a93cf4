"""Recipes: functions that return all settings of a training run.

A variant is `replace(procedural(), …)`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from siamfc.checks import check_number, check_whole
from siamfc.crops.augment import AugmentSettings
from siamfc.errors import InputError, suggest
from siamfc.network.architectures import ARCHITECTURES
from siamfc.network.light.architecture import LAYOUTS
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.normalisation import Normalisation
from siamfc.network.siamfc.architecture import embedding_size
from siamfc.procedural.pair_settings import PairSettings
from siamfc.procedural.scene import SceneSettings
from siamfc.procedural.textures import TextureSettings
from siamfc.training.box_losses import BoxLossSettings
from siamfc.training.data_settings import Data, ProceduralData, SquareData, StoreData
from siamfc.training.labels import LabelSettings
from siamfc.training.losses import LossSettings
from siamfc.training.optimizer import OptimiserSettings, adamw


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of a training run."""

    name: str
    network: Literal["siamfc", "light", "paired", "large"] = "siamfc"
    seed: int = 0
    """Seed of the initial weights, the split of the videos, and every pair."""
    epochs: int = 50
    pairs_per_epoch: int = 53_200
    """Pairs in an epoch, the paper's number; the remainder after whole batches is not used."""
    batch: int = 8
    """Pairs in one step, over all processes."""
    validation_pairs: int = 5_320
    """Number of pairs, always the same, of the validation after each epoch."""
    validation_batch: int = 8
    calibration_pairs: int = 512
    """Number of pairs from the stores' validation videos to which the score is calibrated."""
    log_every: int = 50
    """Number of steps between two lines of the log; only then does the host wait for the device."""
    labels: LabelSettings = field(default_factory=LabelSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    boxes: BoxLossSettings = field(default_factory=BoxLossSettings)
    """Settings of the light network's loss, which replaces `labels` and `loss`."""
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    frozen_statistics: bool = False
    """Keep the initial weights' statistics of batch normalisation."""
    initial_fraction: float = 0.0
    """Fraction of the initial weights, 0 to 1, in the mean with the trained ones that is validated
    and written. It forgets less: Wortsman et al. 2022, Robust fine-tuning of zero-shot models,
    https://arxiv.org/abs/2109.01903."""
    data: Data = field(default_factory=StoreData)
    spec: EmbeddingSpec = field(default_factory=EmbeddingSpec)
    """Sizes of the images in tracking; search images may have another size in training."""
    normalisation: Normalisation = field(
        default_factory=lambda: Normalisation(mean=(0.45,) * 3, std=(0.25,) * 3)
    )

    def __post_init__(self) -> None:
        check_whole("seed", self.seed, 0, 2**63 - 1)
        for name in ("epochs", "batch", "validation_batch", "log_every"):
            check_whole(name, getattr(self, name), 1)
        check_whole("pairs_per_epoch", self.pairs_per_epoch, self.batch)
        for name in ("validation_pairs", "calibration_pairs"):
            check_whole(name, getattr(self, name), self.validation_batch)
        check_number("initial_fraction", self.initial_fraction, 0, 1)
        if self.loss.kind == "logistic" and not self.labels.is_hard:
            raise InputError("loss.kind: expected bce, whose labels may be soft, got logistic")
        if self.data.sizes[0] != self.spec.exemplar_size:
            raise InputError(
                f"exemplar_size: expected the {self.spec.exemplar_size} pixels of spec, "
                f"got {self.data.sizes[0]} in data"
            )
        self._check_network()
        check_whole("response_size", self.response_size, 1)

    def _check_network(self) -> None:
        try:
            ARCHITECTURES[self.network].check_sizes(self.spec)
        except InputError as error:
            raise InputError(f"spec: {error}, as the network {self.network} has") from None
        if self.network == "siamfc":
            self._check_siamfc()
            return
        if self.data.sizes[1] != self.spec.search_size:
            raise InputError(
                f"search_size: expected the {self.spec.search_size} pixels of spec, got "
                f"{self.data.sizes[1]} in data: the network {self.network} has one size"
            )
        together = LAYOUTS[self.network].exemplars > 1
        if isinstance(self.data, StoreData) and not together:
            return
        if not isinstance(self.data, ProceduralData):
            missing = "boxes" if isinstance(self.data, SquareData) else "second exemplars"
            raise InputError(
                f"network: expected siamfc with these data, got {self.network}, which needs the "
                f"{missing} that procedural pairs have"
            )
        if together and not self.data.pairs.recent:
            raise InputError(
                f"data.pairs.recent: expected true for the network {self.network}, which looks at "
                "two exemplars, got false"
            )

    def _check_siamfc(self) -> None:
        if self.frozen_statistics:
            raise InputError(
                "frozen_statistics: expected false for the network siamfc, which normalises each "
                "batch by its own statistics"
            )
        absent = _absent_share(self.data)
        if absent:
            raise InputError(
                "expected a target in every search image for the network siamfc, got "
                f"{absent:g} of them without one: set negative_share and absent_share to 0"
            )

    @property
    def steps_per_epoch(self) -> int:
        """Steps between two validations."""
        return self.pairs_per_epoch // self.batch

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    @property
    def response_size(self) -> int:
        """Cells on a side of the response while training."""
        if self.network != "siamfc":
            return self.spec.response_size
        exemplar, search = self.data.sizes
        return embedding_size(search) - embedding_size(exemplar) + 1


def _absent_share(data: Data) -> float:
    """Return the fraction of search images, of any one kind, without the exemplar's target."""
    if isinstance(data, StoreData):
        generated = data.procedural.pairs.absent_share if data.mix else 0.0
        return max(data.negative_share, generated)
    return data.pairs.absent_share if isinstance(data, ProceduralData) else 0.0


def thesis() -> Recipe:
    """Train by table 6 of the thesis, on its synthetic data set (4.1.4); with stores, experiment 2.

    The loss is the cross-entropy of eq. (7) with equal weights for all cells, since the thesis
    could not apply eq. (5). Momentum, weight decay and the length of an epoch, which it does not
    name, are the paper's. The data set's 500,000 images are drawn on the fly, 53,200 pairs per
    epoch.
    """
    return Recipe(name="thesis", labels=LabelSettings(balanced=False), data=SquareData())


def paper() -> Recipe:
    """Train on stores as the code of Bertinetto et al. does.

    Logistic loss with balanced classes; SGD with momentum 0.9 and weight decay 5e-4. The learning
    rate falls by equal factors after each of 50 epochs, from 1e-2 to 1e-5.
    """
    return Recipe(
        name="paper",
        loss=LossSettings(kind="logistic"),
        optimiser=OptimiserSettings(schedule="step", step_drops=49),
        data=StoreData(),
    )


def procedural() -> Recipe:
    """Train SiamFC's bundled weights: 5.08 million procedural pairs, on one GPU or several."""
    return Recipe(
        name="procedural",
        epochs=8,
        pairs_per_epoch=1241 * 512,
        batch=512,
        validation_pairs=2048,
        validation_batch=128,
        log_every=100,
        labels=LabelSettings(radius=12.0),
        optimiser=adamw(3e-3, warm_up_steps=300, ema_decay=0.9995),
        data=ProceduralData(),
    )


def light() -> Recipe:
    """Train the light network's bundled weights: 15.9 million procedural pairs, on one GPU."""
    return replace(
        procedural(),
        name="light",
        network="light",
        epochs=5,
        pairs_per_epoch=6200 * 512,
        labels=LabelSettings(),
        optimiser=adamw(4e-3, warm_up_steps=500, ema_decay=0.9998, clip_norm=5.0),
        data=_light_data(),
        spec=EmbeddingSpec(response_size=16, stride=16),
    )


def _light_data() -> ProceduralData:
    return ProceduralData(
        pairs=PairSettings(
            far_share=0.5,
            near_deviation=20.0,
            reach=64.0,
            scale_deviation=0.16,
            wide_scale_share=0.1,
            box_noise=0.07,
            piece_share=0.15,
            exact_pieces=True,
            part_share=0.15,
            leaving_share=0.05,
            exemplar_occluded_share=0.1,
            relit_share=0.25,
            scene=SceneSettings(turning_share=0.15, twin_share=0.1, close_occluder_share=0.2),
        ),
        renew_every=1000,
    )


def paired() -> Recipe:
    """Train a light network that uses two exemplars together."""
    data = _light_data()
    pairs = replace(
        data.pairs,
        recent=True,
        absent_share=0.12,
        reach=96.0,
        scene=replace(data.pairs.scene, twin_share=0.15),
    )
    return replace(light(), name="paired", network="paired", data=replace(data, pairs=pairs))


def large() -> Recipe:
    """Train a network like `paired` with three times the operations."""
    return replace(paired(), name="large", network="large")


def finetune(network: str = "light") -> Recipe:
    """Adapt weights to one's own videos in a short run with a small learning rate.

    Args:
        network: network of the initial weights, `siamfc` or `light`; with `light`, half of the
            pairs are procedural.

    Raises:
        InputError: a network that pairs from stores cannot train.
    """
    if network == "light":
        return _finetune_light()
    if network != "siamfc":
        raise InputError(
            f"weights: expected those of a network that stores can train, siamfc or light, got "
            f"{network}, which compares two exemplars"
        )
    return replace(
        procedural(),
        name="finetune",
        epochs=5,
        pairs_per_epoch=4_000,
        batch=16,
        validation_pairs=512,
        validation_batch=16,
        log_every=25,
        optimiser=adamw(1e-4, warm_up_steps=50, ema_decay=0.995),
        data=StoreData(),
    )


def _finetune_light() -> Recipe:
    return replace(
        light(),
        name="finetune",
        epochs=2,
        pairs_per_epoch=1_024,
        batch=32,
        validation_pairs=64,
        validation_batch=32,
        log_every=8,
        optimiser=adamw(3e-4, warm_up_steps=16, ema_decay=0.98, clip_norm=5.0),
        frozen_statistics=True,
        initial_fraction=0.5,
        data=StoreData(
            negative_share=0.15,
            augmentation=AugmentSettings(
                max_shift=64.0, exemplar_shift=0.0, max_zoom=0.3, box_noise=0.1, fit=True,
                brightness=0.2, contrast=0.2, colour=0.1,
            ),
            mix=0.5,
            # A CPU can draw so many textures, so small, in seconds.
            procedural=replace(
                _light_data(),
                textures=TextureSettings(count=64, size=128, leaves=60),
                validation_textures=32,
            ),
            procedural_batches=16,
        ),
    )  # fmt: skip


def tiny() -> Recipe:
    """Train for a minute on two CPU cores, on synthetic squares with smaller search images."""
    return Recipe(
        name="tiny",
        epochs=4,
        pairs_per_epoch=80,
        batch=4,
        validation_pairs=16,
        validation_batch=4,
        log_every=10,
        labels=LabelSettings(radius=8.0),
        optimiser=OptimiserSettings(
            learning_rate=5e-3, schedule="cosine", warm_up_steps=4, ema_decay=0.95
        ),
        data=SquareData(augmentation=AugmentSettings(search_size=159, max_shift=12.0)),
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    recipe.__name__: recipe
    for recipe in (thesis, paper, procedural, light, paired, large, finetune, tiny)
}


def find_recipe(name: str, architecture: str | None = None) -> Recipe:
    """Return a recipe by its name.

    Args:
        name: a name in `RECIPES`.
        architecture: architecture of the initial weights, which determines the recipe `finetune`.

    Raises:
        InputError: no recipe has this name, or `finetune` cannot train such weights.
    """
    if name == "finetune" and architecture is not None:
        return finetune(*(key for key, one in ARCHITECTURES.items() if one.name == architecture))
    if name in RECIPES:
        return RECIPES[name]()
    raise InputError(f"no recipe named {name!r}: {suggest(name, RECIPES)}")


def with_stores(recipe: Recipe) -> Recipe:
    """Return the same recipe on pairs from stores."""
    return recipe if isinstance(recipe.data, StoreData) else replace(recipe, data=StoreData())
