"""Sizes of an experiment: the thesis's, minutes on one GPU, or minutes on two cores."""

from dataclasses import dataclass, replace
from typing import Literal

from siamfc.crops.augment import AugmentSettings
from siamfc.training.data_settings import ProceduralData, SquareData, StoreData
from siamfc.training.labels import LabelSettings
from siamfc.training.losses import LossSettings
from siamfc.training.optimizer import adamw
from siamfc.training.recipes import Recipe, procedural, thesis, with_stores

Size = Literal["full", "gpu", "tiny"]


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Lengths that depend on the size, apart from the training."""

    video_frames: int
    """Frames of each synthetic video."""
    loss_steps: int
    """Steps of each short training that compares forms of the loss."""
    term_frames: int
    """Frames of the synthetic video on which the published geometry's faults are compared."""


EXTENTS: dict[Size, Extent] = {
    "full": Extent(video_frames=300, loss_steps=20, term_frames=300),
    "gpu": Extent(video_frames=300, loss_steps=20, term_frames=150),
    "tiny": Extent(video_frames=60, loss_steps=4, term_frames=20),
}


def square_recipe(size: Size) -> Recipe:
    """Return experiment 1's training recipe, on the synthetic data set.

    `full` is table 6 unchanged. The others are made for sub-pixel precision, which the thesis's
    labels cannot teach: within 16 pixels every cell is equally good, so nothing determines where
    between the cells the target lies. Their labels are Gaussians around the target's exact centre,
    and the response, as one distribution over its cells, is trained to equal that Gaussian
    (`peak_entropy`). The logarithm of a Gaussian is a parabola, which the tracker's spline and
    parabolic peak reading leave in place. The Gaussian is narrow, since the cosine window pulls a
    blunt peak towards the last position. The exemplar is cut around the target's exact centre.

    `gpu` is deliberately short. Ten times as many pairs keep lowering the background's logits, and
    then the window, which is mixed with a response whose minimum was subtracted, pulls harder.

    `tiny` must succeed from any seed and with any processor's rounding, which
    `benchmarks/tiny_training.py` measures. When trained with a search image of 159 pixels and
    shifts of 12, a network had seen no cell further than 28 pixels from its target. Some networks
    then responded 40 pixels away from it, and after a long step, with the target at the window's
    rim, the tracker chose that nearer response. So shifts reach further, the background's label is
    above 0, and the rate is lower with more pairs: a high one left offsets of up to a pixel.
    """
    if size == "full":
        return thesis()
    augmentation = AugmentSettings(max_shift=12.0, exemplar_shift=0.0)
    precise = Recipe(
        name="thesis-gpu",
        epochs=8,
        pairs_per_epoch=25 * 256,
        batch=256,
        validation_pairs=1024,
        validation_batch=128,
        log_every=25,
        labels=LabelSettings(radius=8.0, soft=True),
        loss=LossSettings(peak_weight=4.0),
        optimiser=adamw(2e-3, warm_up_steps=50, ema_decay=0.97),
        data=SquareData(augmentation=augmentation),
    )
    if size == "gpu":
        return precise
    return replace(
        precise,
        name="thesis-tiny",
        epochs=5,
        pairs_per_epoch=48 * 4,
        batch=4,
        validation_pairs=16,
        validation_batch=4,
        log_every=8,
        labels=replace(precise.labels, background=0.1),
        optimiser=adamw(5e-4, warm_up_steps=10, ema_decay=0.95),
        data=SquareData(augmentation=replace(augmentation, search_size=175, max_shift=28.0)),
    )


def real_recipe(size: Size) -> Recipe:
    """Return experiment 2's recipe for stores of real videos: table 6, or a quick form of it."""
    if size == "full":
        return with_stores(thesis())
    if size == "gpu":
        return replace(
            procedural(),
            name="stores-gpu",
            epochs=10,
            pairs_per_epoch=100 * 512,
            optimiser=replace(procedural().optimiser, warm_up_steps=100, ema_decay=0.998),
            data=StoreData(workers=8),
        )
    return replace(
        square_recipe("tiny"),
        name="stores-tiny",
        data=StoreData(augmentation=AugmentSettings(search_size=159), workers=0),
    )


def procedural_recipe(size: Size) -> Recipe:
    """Return experiment 2's training recipe without a data set: procedural pairs."""
    if size == "full":
        return procedural()
    if size == "gpu":
        return replace(procedural(), name="procedural-gpu", epochs=10, pairs_per_epoch=100 * 512)
    few = ProceduralData()
    return replace(
        square_recipe("tiny"),
        name="procedural-tiny",
        data=replace(
            few,
            pairs=replace(few.pairs, search_size=159),
            textures=replace(few.textures, count=16, size=128, leaves=60),
            validation_textures=8,
        ),
    )
