"""The steps that cost: one set of functions in torch, for any device, one of Triton's kernels.

Both draw the same images from the same views, up to rounding; only the camera's noise comes from
streams of their own. `renderer_for` chooses for a device.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from siamfc.procedural import leaves, render
from siamfc.procedural.kernels import runs_on
from siamfc.procedural.leaves import Leaves
from siamfc.procedural.render import Camera
from siamfc.procedural.scene import View


@dataclass(frozen=True, kw_only=True)
class Renderer:
    """Functions that measure and draw; `render` and `leaves` document each."""

    prepare: Callable[[View], View]
    target_box: Callable[[View, Tensor], Tensor]
    visible_share: Callable[[View, Tensor, Tensor], Tensor]
    render_source: Callable[
        [View, Tensor, Camera, Tensor, Tensor, int, torch.Generator, Tensor | None], Tensor
    ]
    mean_color: Callable[[Tensor], Tensor]
    crop: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, int, Tensor, Tensor], Tensor]
    throw_leaves: Callable[[Tensor, Tensor, Leaves, Tensor], Tensor]


TORCH = Renderer(
    prepare=render.prepare,
    target_box=render.target_box,
    visible_share=render.visible_share,
    render_source=render.render_source,
    mean_color=render.mean_color,
    crop=render.crop,
    throw_leaves=leaves.throw_leaves,
)
"""Runs anywhere, and defines what is drawn."""


def kernel_drawing() -> Renderer:
    """Triton's kernels: for CUDA, or for Triton's interpreter."""
    from siamfc.procedural.kernels import camera, measure, paint
    from siamfc.procedural.kernels import layers as table
    from siamfc.procedural.kernels import leaves as leaf_kernels

    return Renderer(
        prepare=table.prepare,
        target_box=measure.target_box,
        visible_share=measure.visible_share,
        render_source=paint.render_source,
        mean_color=camera.mean_color,
        crop=camera.crop,
        throw_leaves=leaf_kernels.throw_leaves,
    )


def renderer_for(device: torch.device) -> Renderer:
    """The fastest that runs on the device."""
    return kernel_drawing() if runs_on(device) else TORCH
