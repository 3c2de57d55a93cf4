"""Renderers: the expensive steps, as functions in torch for any device, or as Triton kernels.

Both draw the same images from the same views, up to rounding; only the camera's noise comes from
different streams. `renderer_for` chooses one for a device.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from siamfc.network.devices import runs_kernels
from siamfc.procedural import leaves, render
from siamfc.procedural.leaves import Leaves
from siamfc.procedural.render import Camera
from siamfc.procedural.scene import View


@dataclass(frozen=True, kw_only=True)
class Renderer:
    """Functions that measure and draw; `render` and `leaves` document them."""

    prepare: Callable[[View], View]
    target_box: Callable[[View, Tensor], Tensor]
    visible_fraction: Callable[[View, Tensor, Tensor], Tensor]
    render_source: Callable[
        [View, Tensor, Camera, Tensor, Tensor, int, torch.Generator, Tensor | None], Tensor
    ]
    mean_color: Callable[[Tensor], Tensor]
    crop: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, int, Tensor, Tensor], Tensor]
    throw_leaves: Callable[[Tensor, Tensor, Leaves, Tensor], Tensor]


TORCH = Renderer(
    prepare=render.prepare,
    target_box=render.target_box,
    visible_fraction=render.visible_fraction,
    render_source=render.render_source,
    mean_color=render.mean_color,
    crop=render.crop,
    throw_leaves=leaves.throw_leaves,
)
"""Reference renderer, which runs on any device."""


def triton_renderer() -> Renderer:
    """Return the Triton kernels, for CUDA or for Triton's interpreter."""
    from siamfc.procedural.kernels import camera, measure, paint
    from siamfc.procedural.kernels import layers as table
    from siamfc.procedural.kernels import leaves as leaf_kernels

    return Renderer(
        prepare=table.prepare,
        target_box=measure.target_box,
        visible_fraction=measure.visible_fraction,
        render_source=paint.render_source,
        mean_color=camera.mean_color,
        crop=camera.crop,
        throw_leaves=leaf_kernels.throw_leaves,
    )


def renderer_for(device: torch.device) -> Renderer:
    """Return the fastest renderer for a device."""
    return triton_renderer() if runs_kernels(device) else TORCH
