"""A target's box and visible fraction: `render.target_box` and `render.visible_fraction`."""

# Triton is untyped, and missing from torch's CPU builds.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# mypy: disable-error-code="import-untyped, import-not-found"
# Arguments in capitals are compile-time constants.
# ruff: noqa: N803

import torch
import triton
import triton.language as tl
from torch import Tensor

from siamfc.procedural.kernels.layers import EDGE, REACH, shape, table_of
from siamfc.procedural.render import (
    MEASURED_CELLS,
    MEASURED_REACH,
    NARROWEST,
    VISIBLE_CELLS,
    box_of_profiles,
)
from siamfc.procedural.scene import TARGET, View

_ROWS = 8
"""Rows of the grid measured at a time; a divisor of their number."""


def target_box(view: View, position: Tensor) -> Tensor:
    """Measure the target's box; see `render.target_box`."""
    table = table_of(view)
    count, layers, columns = table.shape
    profiles = table.new_empty((2, count, MEASURED_CELLS))
    with torch.cuda.device_of(table):
        _profiles[(count,)](
            profiles[0],
            profiles[1],
            table.contiguous(),
            position.contiguous(),
            LAYERS=layers,
            COLUMNS=columns,
            FIRST=TARGET.start,
            LAST=TARGET.stop,
            CELLS=MEASURED_CELLS,
            WIDTH=triton.next_power_of_2(MEASURED_CELLS),
            FARTHEST=MEASURED_REACH,
            NARROWEST=NARROWEST,
            ROWS=_ROWS,
        )
    return box_of_profiles(profiles[0], profiles[1], position)


def visible_fraction(view: View, box: Tensor, frame: Tensor) -> Tensor:
    """Measure the target's visible fraction; see `render.visible_fraction`."""
    table = table_of(view)
    count, layers, columns = table.shape
    visible = table.new_empty(count)
    with torch.cuda.device_of(table):
        _visible[(count,)](
            visible,
            table.contiguous(),
            box.contiguous(),
            frame.contiguous(),
            LAYERS=layers,
            COLUMNS=columns,
            FIRST=TARGET.start,
            LAST=TARGET.stop,
            CELLS=VISIBLE_CELLS,
            POINTS=triton.next_power_of_2(VISIBLE_CELLS**2),
        )
    return visible


@triton.jit
def _profiles(
    column_profiles,
    row_profiles,
    table,
    positions,
    LAYERS: tl.constexpr,
    COLUMNS: tl.constexpr,
    FIRST: tl.constexpr,
    LAST: tl.constexpr,
    CELLS: tl.constexpr,
    WIDTH: tl.constexpr,
    FARTHEST: tl.constexpr,
    NARROWEST: tl.constexpr,
    ROWS: tl.constexpr,
):
    """Compute the largest distance inside the target, world pixels, per grid column and row."""
    image = tl.program_id(0)
    step = 2 * FARTHEST / CELLS
    column, row = tl.arange(0, WIDTH), tl.arange(0, ROWS)
    x = tl.load(positions + 2 * image) + (column[None, :] + 0.5) * step - FARTHEST
    highest = tl.full((ROWS, WIDTH), -float("inf"), tl.float32)
    for first in range(0, CELLS, ROWS):
        y = tl.load(positions + 2 * image + 1) + (first + row[:, None] + 0.5) * step - FARTHEST
        distance = tl.full((ROWS, WIDTH), -float("inf"), tl.float32)
        for layer in range(FIRST, LAST):
            entry = table + (image * LAYERS + layer) * COLUMNS
            _, _, inside = shape(entry, x, y)
            distance = tl.maximum(distance, inside * tl.maximum(tl.load(entry + EDGE), NARROWEST))
        distance = tl.where(column[None, :] < CELLS, distance, -float("inf"))
        tl.store(row_profiles + image * CELLS + first + row, tl.max(distance, 1))
        highest = tl.maximum(highest, distance)
    place = column_profiles + image * CELLS + column
    tl.store(place, tl.max(highest, 0), mask=column < CELLS)


@triton.jit
def _visible(
    shares,
    table,
    boxes,
    frames,
    LAYERS: tl.constexpr,
    COLUMNS: tl.constexpr,
    FIRST: tl.constexpr,
    LAST: tl.constexpr,
    CELLS: tl.constexpr,
    POINTS: tl.constexpr,
):
    """Compute the fraction of the target's grid points inside the frame that no layer covers."""
    image = tl.program_id(0)
    point = tl.arange(0, POINTS)
    box, frame = boxes + 4 * image, frames + 4 * image
    x = tl.load(box) + (point % CELLS + 0.5) / CELLS * tl.load(box + 2)
    y = tl.load(box + 1) + (point // CELLS + 0.5) / CELLS * tl.load(box + 3)
    in_grid = point < CELLS * CELLS
    beyond = (x < tl.load(frame)) | (x > tl.load(frame + 2))
    beyond |= (y < tl.load(frame + 1)) | (y > tl.load(frame + 3))
    reach = tl.load(table + (image * LAYERS + FIRST) * COLUMNS + REACH)
    boundless = tl.where(in_grid, reach, 0.0) < 0
    hidden, whole = beyond.to(tl.int32), boundless.to(tl.int32)
    for layer in range(LAST):
        _, _, inside = shape(table + (image * LAYERS + layer) * COLUMNS, x, y)
        covered = ((inside > 0) & in_grid).to(tl.int32)
        if layer < FIRST:
            hidden |= covered
        else:
            whole |= covered
    seen = tl.sum(whole * (1 - hidden)).to(tl.float32)
    tl.store(shares + image, seen / tl.maximum(tl.sum(whole), 1).to(tl.float32))
