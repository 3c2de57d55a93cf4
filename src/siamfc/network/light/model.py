"""The light network in torch: one search image per frame, and a box for every cell.

A small backbone with depthwise convolutions, designed for one CPU thread. The exemplar's 8×8 cells
are compared with each of the search image's 16×16 (pixel-wise correlation, as in Alpha-Refine, Yan
et al. 2021). The result and the search image's own features enter two branches: a score for each
cell, trained to be the IoU of its box, and the distances from the cell to the four sides of the box
(anchor-free, as in SiamBAN, Chen et al. 2020).

Coordinates are pixels of the search image with continuous edges, from 0 to 255. The layers are
listed in `architecture`; tracking runs the ONNX graphs.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from siamfc.network.light.architecture import (
    BRANCH_OUTPUTS,
    EXEMPLAR_CELLS,
    EXEMPLAR_SIZE,
    LARGEST_LOG_DISTANCE,
    LIGHT,
    PLACE_SCALE,
    SEARCH_CELLS,
    STRIDE,
    Block,
    Convolution,
    Layout,
)
from siamfc.network.normalisation import Normalisation

INITIAL_SHARPNESS = math.log(10.0)
_INITIAL_SCORE = -4.0
"""Initial logit: an untrained network takes hardly any cell for a target."""
_INITIAL_DISTANCE = math.log(32 / STRIDE)
"""Initial distance to a box's sides: half the side of a square target in an exemplar image."""


class JointNorm(nn.BatchNorm2d):
    """Batch normalisation of several tensors with common statistics.

    Exemplar and search images therefore pass through the same backbone, in training as in tracking.
    """

    def forward(self, tensors: Sequence[Tensor]) -> list[Tensor]:  # type: ignore[override]
        """Tensors (N, C, h, w) → the same shapes and types."""
        if not self.training:
            return [super(JointNorm, self).forward(tensor) for tensor in tensors]
        wide = [tensor.float() for tensor in tensors]
        count = sum(tensor.numel() // tensor.shape[1] for tensor in tensors)
        mean = torch.stack([tensor.sum((0, 2, 3)) for tensor in wide]).sum(0) / count
        square = torch.stack([(tensor * tensor).sum((0, 2, 3)) for tensor in wide]).sum(0) / count
        variance = (square - mean * mean).clamp(min=0)
        if self.running_mean is not None and self.running_var is not None:
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum or 0.1)
                self.running_var.lerp_(variance * (count / max(count - 1, 1)), self.momentum or 0.1)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return [
            (tensor * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)).to(source.dtype)
            for tensor, source in zip(wide, tensors, strict=True)
        ]


class ConvolutionModule(nn.Module):
    """One layer of the table: convolution, batch normalisation and, unless linear, a ReLU."""

    def __init__(self, row: Convolution) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            row.inputs,
            row.outputs,
            row.kernel,
            row.stride,
            padding=row.kernel // 2,
            groups=row.groups,
            bias=False,
        )
        self.norm = JointNorm(row.outputs)
        self.linear = row.linear

    def forward(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Tensors (N, C, h, w), one for each kind of image."""
        normalised = self.norm([self.conv(tensor) for tensor in tensors])
        return normalised if self.linear else [functional.relu(tensor) for tensor in normalised]


class BlockModule(nn.Module):
    """One block of the table, with the same layer names."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.residual = block.residual
        for row in block.layers:
            self.add_module(row.name.rpartition(".")[2], ConvolutionModule(row))

    def forward(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Tensors (N, C, h, w), one for each kind of image."""
        outputs = list(tensors)
        for layer in self.children():
            outputs = layer(outputs)
        if self.residual:
            return [x + y for x, y in zip(tensors, outputs, strict=True)]
        return outputs


class Branch(nn.Module):
    """Separable convolutions and a final 1×1 convolution over the cells of the search image."""

    def __init__(self, rows: Sequence[Convolution], outputs: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ConvolutionModule(row) for row in rows)
        self.last = nn.Conv2d(rows[-1].outputs, outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, C, 16, 16) → (N, outputs, 16, 16)."""
        tensors = [features]
        for layer in self.layers:
            tensors = layer(tensors)
        result: Tensor = self.last(tensors[0])
        return result


class LightNet(nn.Module):
    """The light network as a torch module; the module's docstring describes it."""

    points: Tensor
    """(2, 16, 16) centres x, y of the search cells' receptive fields, pixels of the search
    image."""
    exemplar_points: Tensor
    """(2, 8, 8) the same for the exemplar's cells, relative to its centre."""

    def __init__(self, layout: Layout = LIGHT) -> None:
        super().__init__()
        self.layout = layout
        self.backbone = nn.ModuleList(
            BlockModule(block) if len(block.layers) > 1 else ConvolutionModule(block.layers[0])
            for block in layout.backbone
        )
        self.norm = JointNorm(layout.keys)
        self.sharpness = nn.Parameter(torch.tensor(INITIAL_SHARPNESS))
        self.join = ConvolutionModule(layout.join)
        self.score = Branch(layout.branches["score"], BRANCH_OUTPUTS["score"])
        self.box = Branch(layout.branches["box"], BRANCH_OUTPUTS["box"])
        points = cell_points(SEARCH_CELLS)
        self.register_buffer("points", points, persistent=False)
        exemplar_points = cell_points(EXEMPLAR_CELLS) - EXEMPLAR_SIZE / 2
        self.register_buffer("exemplar_points", exemplar_points, persistent=False)
        initialise(self)

    def forward(
        self, exemplars: Sequence[Tensor], sizes: Sequence[Tensor], searches: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Normalised images (N, 3, 127, 127), (N, 3, 255, 255) → logits and boxes, see `compare`.

        Pass at most as many exemplar images as the layout uses together; `sizes` (N, 2) are width
        and height of the target's box in each, in its pixels.
        """
        *features, search_features = self.embed([*exemplars, searches])
        places = [self.places(each) for each in sizes]
        return self.compare(*self.memory(features, places), search_features)

    def embed(self, images: Sequence[Tensor]) -> list[Tensor]:
        """Normalised images (N, 3, s, s) of each size → features (N, C, s/16, s/16)."""
        tensors = list(images)
        for layer in self.backbone:
            tensors = layer(tensors)
        return tensors

    def places(self, sizes: Tensor) -> Tensor:
        """Describe each exemplar cell's position in the target's box: sizes (N, 2) → (N, 5, 64).

        The values are the distances to left, top, right and bottom, in units of 64 pixels, and 1
        for cells inside the box, else 0.
        """
        half = sizes[:, :, None, None] / 2
        distances = torch.cat([half + self.exemplar_points, half - self.exemplar_points], 1)
        inside = (distances.amin(1, keepdim=True) > 0).to(distances.dtype)
        return torch.cat([distances / PLACE_SCALE, inside], 1).flatten(2)

    def memory(self, exemplars: list[Tensor], places: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Join exemplars' features (N, C, 8, 8) and positions (N, 5, 64) to one set of keys.

        If there are fewer exemplars than the layout uses, the last one is repeated; if there are
        more, a layout with one exemplar uses their mean, as a tracker mixes them.
        """
        spare = self.layout.exemplars - len(exemplars)
        keys = [unit_columns(each) for each in exemplars]
        if spare < 0:
            return torch.stack(keys).mean(0), torch.stack(places).mean(0)
        return torch.cat(keys + keys[-1:] * spare, 2), torch.cat(places + places[-1:] * spare, 2)

    def compare(self, keys: Tensor, places: Tensor, searches: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, K), (N, 5, K), (N, C, 16, 16) → logits (N, 16, 16), boxes (N, 4, 16, 16).

        Boxes are left, top, right, bottom; both results are float32. Each cell of the search image
        looks up the box positions of the exemplar cells that it resembles (attention, with the
        sharpness as its only parameter), so the network is given the box and need not guess it. The
        cells of all exemplars compete in one softmax.
        """
        # A cell's similarities lie side by side: so its softmax is several times as fast on a GPU.
        similarity = (unit_columns(searches).transpose(1, 2) @ keys).float()
        attention = torch.softmax(similarity * self.sharpness.exp(), 2)
        best = [part.amax(2, keepdim=True) for part in similarity.chunk(self.layout.exemplars, 2)]
        found = torch.cat([attention @ places.transpose(1, 2), *best], 2)
        maps = self.norm([_as_map(similarity)])[0]
        parts = [maps.to(searches.dtype), searches, _as_map(found).to(searches.dtype)]
        features = self.join([torch.cat(parts, 1)])[0]
        logits = self.score(features)[:, 0].float()
        distances = STRIDE * torch.exp(self.box(features).float().clamp(max=LARGEST_LOG_DISTANCE))
        corners = [self.points - distances[:, :2], self.points + distances[:, 2:]]
        return logits, torch.cat(corners, 1)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Copy the weights and statistics by name, as a `Checkpoint` holds them."""
        state = self.state_dict()
        return {
            name: state[name].float().cpu().numpy().copy() for name in self.layout.tensor_shapes()
        }

    def load_tensors(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        """Load tensors in the form that `tensors` returns, in place."""
        state = {name: torch.from_numpy(tensor.copy()) for name, tensor in tensors.items()}
        self.load_state_dict({**self.state_dict(), **state})


def unit_columns(features: Tensor) -> Tensor:
    """Divide each cell's features by their norm, float32: (N, C, h, w) → (N, C, h · w)."""
    return functional.normalize(features.flatten(2).float(), dim=1)


def _as_map(cells: Tensor) -> Tensor:
    """View values of cells (N, 256, C) as a map (N, C, 16, 16)."""
    return cells.transpose(1, 2).reshape(len(cells), -1, SEARCH_CELLS, SEARCH_CELLS)


def cell_points(cells: int) -> Tensor:
    """Return the centres x, y of cells' receptive fields, continuous pixels, (2, cells, cells)."""
    line = torch.arange(cells) * STRIDE + 0.5
    return torch.stack(torch.meshgrid(line, line, indexing="xy"))


@torch.no_grad()
def initialise(model: LightNet, generator: torch.Generator | None = None) -> None:
    """Initialise every convolution in place; batch normalisations become the identity."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    model.sharpness.fill_(INITIAL_SHARPNESS)
    for branch, value in ((model.score, _INITIAL_SCORE), (model.box, _INITIAL_DISTANCE)):
        nn.init.normal_(branch.last.weight, std=1e-3, generator=generator)
        assert branch.last.bias is not None
        branch.last.bias.fill_(value)


def normalise_images(images: Tensor, normalisation: Normalisation) -> Tensor:
    """Pixels (N, H, W, 3) uint8 → (N, 3, H, W) float32, channels last."""
    multiplier = torch.tensor(normalisation.multiplier, device=images.device)
    offset = torch.tensor(normalisation.offset, device=images.device)
    return (images.float() * multiplier + offset).permute(0, 3, 1, 2)
