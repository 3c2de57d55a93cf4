"""The variants that `light_study.py` trains: one row each, and what they leave out of the pictures.

A row's texts are overrides of the recipe `light`, as `siamfc train --set` takes them. What no
setting turns off is left out while drawing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from siamfc.data.procedural.drawing import Drawing
    from siamfc.data.procedural.pairs import Pairs

BASE = "all"
"""The recipe as it is; every other variant is compared with it."""
_NOWHERE = -1e3
"""Reach of a layer that is not to be seen."""
_SHARPEST = 0.35
"""Least deviation of the optics' blur, source pixels."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What is otherwise than in the recipe."""

    title: str
    """What a plot says."""
    overrides: tuple[str, ...] = ()
    leave_out: Callable[["Drawing"], "Drawing"] | None = None
    """Draws training's pictures without something."""
    change_pairs: Callable[["Pairs"], "Pairs"] | None = None
    """Alters what the network is given of training's pairs."""


def without_distractors(drawing: "Drawing") -> "Drawing":
    """No objects beside, before or behind the target; the occluder stays."""
    from siamfc.data.procedural.scene import BACK, FRONT

    def prepare(view: Any) -> Any:
        reach = view.layers["reach"].clone()
        reach[:, FRONT] = _NOWHERE
        reach[:, BACK] = _NOWHERE
        return drawing.prepare(view._replace(layers={**view.layers, "reach": reach}))

    return replace(drawing, prepare=prepare)


def without_waves(drawing: "Drawing") -> "Drawing":
    """No target bends, and none turns out of the image's plane."""

    def prepare(view: Any) -> Any:
        flat = {name: view.layers[name] * 0 for name in ("depth", "wave_size")}
        return drawing.prepare(view._replace(layers={**view.layers, **flat}))

    return replace(drawing, prepare=prepare)


def without_light(drawing: "Drawing") -> "Drawing":
    """No shading, no dark rims, and the same exposure and contrast in all pictures."""

    def prepare(view: Any) -> Any:
        even = {name: view.layers[name] * 0 for name in ("shade", "rim")}
        return drawing.prepare(
            view._replace(
                layers={**view.layers, **even},
                exposure=view.exposure * 0 + 1,
                gamma=view.gamma * 0 + 1,
            )
        )

    return replace(drawing, prepare=prepare)


def _with_camera(drawing: "Drawing", change: Callable[[Any], Any]) -> "Drawing":
    def photograph(view: Any, bank: Any, camera: Any, *rest: Any) -> Any:
        return drawing.photograph(view, bank, change(camera), *rest)

    return replace(drawing, photograph=photograph)


def without_blur(drawing: "Drawing") -> "Drawing":
    """The sharpest optics, and no motion blur."""
    return _with_camera(
        drawing,
        lambda camera: camera._replace(blur=camera.blur * 0 + _SHARPEST, motion=camera.motion * 0),
    )


def without_noise(drawing: "Drawing") -> "Drawing":
    """No noise of the sensor, and no compression."""
    return _with_camera(
        drawing,
        lambda camera: camera._replace(noise=camera.noise * 0, quantum=camera.quantum * 0),
    )


def hide_sizes(pairs: "Pairs") -> "Pairs":
    """Tell the network another pair's size of box: of the same kind, and without information."""
    sizes = pairs.exemplar_sizes
    return pairs._replace(exemplar_sizes=sizes.roll(len(sizes) // 2, 0))


VARIANTS: dict[str, Variant] = {
    BASE: Variant(title="all"),
    "no-pieces": Variant(
        title="no background pieces as targets", overrides=("data.pairs.piece_share=0.0",)
    ),
    "no-box-noise": Variant(
        title="boxes drawn without error", overrides=("data.pairs.box_noise=0.0",)
    ),
    "no-size": Variant(title="box size not told to the network", change_pairs=hide_sizes),
    "no-distractors": Variant(title="no distractors", leave_out=without_distractors),
    "no-occluders": Variant(title="no occluders", overrides=("data.pairs.occluded_share=0.0",)),
    "no-waves": Variant(title="no bending, no perspective", leave_out=without_waves),
    "no-light": Variant(title="no light", leave_out=without_light),
    "no-blur": Variant(title="no blur", leave_out=without_blur),
    "no-noise": Variant(title="no noise, no compression", leave_out=without_noise),
    "no-coarse": Variant(title="no coarse frames", overrides=("data.pairs.coarse_share=0.0",)),
    "no-grey": Variant(title="no grey pictures", overrides=("data.pairs.grey_share=0.0",)),
    "no-border": Variant(
        title="no frame borders in sight", overrides=("data.pairs.border_share=0.0",)
    ),
    "no-scale-error": Variant(
        title="search side without error", overrides=("data.pairs.scale_deviation=0.0",)
    ),
    "no-far": Variant(
        title="targets near the centre alone", overrides=("data.pairs.far_share=0.0",)
    ),
    "no-strangers": Variant(
        title="a target in every search image", overrides=("boxes.stranger_share=0.0",)
    ),
    "clouds": Variant(
        title="clouds for textures, no leaves", overrides=("data.textures.cloud_share=1.0",)
    ),
    "few-textures": Variant(
        title="64 textures, drawn once",
        overrides=("data.textures.count=64", "data.renew_every=1000000"),
    ),
}
"""By name. `no-strangers` changes the loss and so is compiled anew; all others change the pairs."""
