"""The variants that the study trains: one row each, and what they leave out of the pictures.

A row's texts are overrides of the recipe `light`, as `siamfc train --set` takes them. What no
setting turns off is left out while drawing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from siamfc.procedural.pairs import Pairs
    from siamfc.procedural.renderer import Renderer

BASE = "all"
"""The recipe as it is; every other variant is compared with it."""
_NOWHERE = -1e3
"""Reach of a layer that is not to be seen."""
_SHARPEST = 0.35
"""Least deviation of the optics' blur, source pixels."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Differences from the recipe."""

    title: str
    """Label in a plot."""
    overrides: tuple[str, ...] = ()
    leave_out: Callable[["Renderer"], "Renderer"] | None = None
    """Draws training's pictures without something."""
    change_pairs: Callable[["Pairs"], "Pairs"] | None = None
    """Alters what the network is given of training's pairs."""


def without_distractors(renderer: "Renderer") -> "Renderer":
    """No objects beside, before or behind the target; the occluder stays."""
    from siamfc.procedural.scene import BACK, FRONT

    def prepare(view: Any) -> Any:
        reach = view.layers["reach"].clone()
        reach[:, FRONT] = _NOWHERE
        reach[:, BACK] = _NOWHERE
        return renderer.prepare(view._replace(layers={**view.layers, "reach": reach}))

    return replace(renderer, prepare=prepare)


def without_waves(renderer: "Renderer") -> "Renderer":
    """No target bends, and none turns out of the image's plane."""

    def prepare(view: Any) -> Any:
        flat = {name: view.layers[name] * 0 for name in ("depth", "wave_size")}
        return renderer.prepare(view._replace(layers={**view.layers, **flat}))

    return replace(renderer, prepare=prepare)


def without_light(renderer: "Renderer") -> "Renderer":
    """No shading, no dark rims, and the same exposure and contrast in all pictures."""

    def prepare(view: Any) -> Any:
        even = {name: view.layers[name] * 0 for name in ("shade", "rim")}
        return renderer.prepare(
            view._replace(
                layers={**view.layers, **even},
                exposure=view.exposure * 0 + 1,
                gamma=view.gamma * 0 + 1,
            )
        )

    return replace(renderer, prepare=prepare)


def _with_camera(renderer: "Renderer", change: Callable[[Any], Any]) -> "Renderer":
    def render_source(view: Any, bank: Any, camera: Any, *rest: Any) -> Any:
        return renderer.render_source(view, bank, change(camera), *rest)

    return replace(renderer, render_source=render_source)


def without_blur(renderer: "Renderer") -> "Renderer":
    """The sharpest optics, and no motion blur."""
    return _with_camera(
        renderer,
        lambda camera: camera._replace(blur=camera.blur * 0 + _SHARPEST, motion=camera.motion * 0),
    )


def without_noise(renderer: "Renderer") -> "Renderer":
    """No noise of the sensor, and no compression."""
    return _with_camera(
        renderer,
        lambda camera: camera._replace(noise=camera.noise * 0, quantum=camera.quantum * 0),
    )


def hide_sizes(pairs: "Pairs") -> "Pairs":
    """Tell the network another pair's size of box: of the same kind, and without information."""
    sizes = pairs.exemplar_sizes
    return pairs._replace(exemplar_sizes=sizes.roll(len(sizes) // 2, 0))


_PAIRS, _SCENE = "data.pairs.", "data.pairs.scene."
_LESS = {
    "no-pieces": ("no background pieces as targets", f"{_PAIRS}piece_share=0.0"),
    "no-box-noise": ("boxes drawn without error", f"{_PAIRS}box_noise=0.0"),
    "no-occluders": ("no occluders", f"{_PAIRS}occluded_share=0.0"),
    "no-coarse": ("no coarse frames", f"{_PAIRS}coarse_share=0.0"),
    "no-grey": ("no grey pictures", f"{_PAIRS}grey_share=0.0"),
    "no-border": ("no frame borders in sight", f"{_PAIRS}border_share=0.0"),
    "no-camouflage": ("no camouflage", f"{_SCENE}camouflage_share=0.0"),
    "no-scale-error": ("search side without error", f"{_PAIRS}scale_deviation=0.0"),
    "no-far": ("targets near the centre alone", f"{_PAIRS}far_share=0.0"),
    "no-turning": ("turning in the plane as of all objects", f"{_SCENE}turning_share=0.07"),
    "no-twins": ("no twins close to the target", f"{_SCENE}twin_share=0.0"),
    "no-close-occluders": ("no occluders that hide much", f"{_SCENE}close_occluder_share=0.0"),
    "no-exemplar-occluded": ("no occluders in exemplars", f"{_PAIRS}exemplar_occluded_share=0.0"),
    "no-wide-scale": ("no large errors of the search side", f"{_PAIRS}wide_scale_share=0.0"),
    "no-leaving": ("no targets that leave the frame", f"{_PAIRS}leaving_share=0.0"),
    "no-relit": ("images exposed alike", f"{_PAIRS}relit_share=0.0"),
    "no-parts": ("no parts of targets boxed", f"{_PAIRS}part_share=0.0"),
    "no-exact-pieces": ("boxes of pieces that stay as they were", f"{_PAIRS}exact_pieces=false"),
    "no-strangers": ("a target in every search image", "boxes.negative_share=0.0"),
    "clouds": ("clouds for textures, no leaves", "data.textures.cloud_share=1.0"),
    "few-textures": (
        "64 textures, drawn once", "data.textures.count=64", "data.renew_every=1000000",
    ),
}  # fmt: skip
"""Name, title, overrides: what the recipe has is left out. `no-strangers` alone changes the loss,
and so is compiled anew."""
_MORE = {
    "turning": ("more turning in the plane", f"{_SCENE}turning_share=0.3"),
    "twins": ("more twins close to the target", f"{_SCENE}twin_share=0.3"),
    "camouflage": ("more camouflage", f"{_SCENE}camouflage_share=0.3"),
    "close-occluders": ("more occluders that hide much", f"{_SCENE}close_occluder_share=0.5"),
    "exemplar-occluded": ("more occluders in exemplars", f"{_PAIRS}exemplar_occluded_share=0.2"),
    "wide-scale": ("more large errors of the search side", f"{_PAIRS}wide_scale_share=0.2"),
    "leaving": ("more targets that leave the frame", f"{_PAIRS}leaving_share=0.1"),
    "relit": ("more images exposed by themselves", f"{_PAIRS}relit_share=0.5"),
    "parts": ("more parts of targets boxed", f"{_PAIRS}part_share=0.3"),
}
"""The same of what there could be more of."""
_DRAWN = {
    "no-size": Variant(title="box size not told to the network", change_pairs=hide_sizes),
    "no-distractors": Variant(title="no distractors", leave_out=without_distractors),
    "no-waves": Variant(title="no bending, no perspective", leave_out=without_waves),
    "no-light": Variant(title="no light", leave_out=without_light),
    "no-blur": Variant(title="no blur", leave_out=without_blur),
    "no-noise": Variant(title="no noise, no compression", leave_out=without_noise),
}


def _rows(table: Mapping[str, tuple[str, ...]]) -> dict[str, Variant]:
    return {name: Variant(title=row[0], overrides=row[1:]) for name, row in table.items()}


VARIANTS: dict[str, Variant] = {
    BASE: Variant(title="all"),
    **_rows(_LESS),
    **_DRAWN,
    **_rows(_MORE),
    "hardest": Variant(
        title="more of all these",
        overrides=tuple(text for row in _MORE.values() for text in row[1:]),
    ),
}
"""Variants by name."""
