"""A network with NanoTrackV2's layers and no training, for what OpenCV's tracker costs.

    python benchmarks/nanotrack_layers.py FOLDER

writes FOLDER/backbone.onnx and FOLDER/head.onnx for `benchmarks/light.py --nano`. What a
convolution costs depends on its shape and not on its weights, so the speed of `cv2.TrackerNano`
can be measured in the same run as ours on a machine that has no NanoTrack files. The numbers of
channels, kernels and strides are those that its authors publish (HonglinChu/SiamTrackers,
NanoTrack: the MobileNetV3-small backbone up to stride 16 and the second version's head). Batch
normalisation is part of the convolutions, as in an exported graph. The last layers say the same
everywhere: the target is a square half as wide as the exemplar, in the middle, so that the box
neither grows nor shrinks.
"""

import argparse
import math
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

BLOCKS = (
    # kernel, inner channels, output channels, squeeze and excitation, hard swish, stride
    (3, 16, 16, True, False, 2),
    (3, 72, 24, False, False, 2),
    (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2),
    (5, 240, 40, True, True, 1),
    (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1),
    (5, 144, 48, True, True, 1),
)
FEATURES, EXEMPLAR_CELLS, TOWER, DEPTH = 48, 64, 96, 6


class Excitation(nn.Module):
    """Weighs channels by what all of them are on average."""

    def __init__(self, channels: int, inner: int, gate: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, inner, 1),
            nn.ReLU(),
            nn.Conv2d(inner, channels, 1),
            gate,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, C, h, w), weighed."""
        return x * self.layers(x)


class Block(nn.Module):
    """An inverted residual block (Howard et al. 2019)."""

    def __init__(
        self, inputs: int, kernel: int, inner: int, outputs: int, se: bool, swish: bool, stride: int
    ) -> None:
        super().__init__()
        act = nn.Hardswish if swish else nn.ReLU
        widen = [nn.Conv2d(inputs, inner, 1), act()] if inner != inputs else []
        across = nn.Conv2d(inner, inner, kernel, stride, kernel // 2, groups=inner)
        squeezed = max(8, (inner // 4 + 4) // 8 * 8)
        excite = [Excitation(inner, squeezed, nn.Hardsigmoid())] if se else []
        gate = [*excite, act()] if widen else [act(), *excite]
        self.layers = nn.Sequential(*widen, across, *gate, nn.Conv2d(inner, outputs, 1))
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, C, h, w) to the next."""
        return x + self.layers(x) if self.is_residual else self.layers(x)


def backbone() -> nn.Module:
    """Images (1, 3, 127 or 255, …) to features (1, 48, 8 or 16, …)."""
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 2, 1), nn.Hardswish()]
    channels = 16
    for kernel, inner, outputs, se, swish, stride in BLOCKS:
        layers.append(Block(channels, kernel, inner, outputs, se, swish, stride))
        channels = outputs
    return nn.Sequential(*layers)


class Branch(nn.Module):
    """Compares each cell of the search image with each of the exemplar, and concludes from it."""

    def __init__(self, outputs: int, constant: float) -> None:
        super().__init__()
        self.exemplar, self.search = (nn.Conv2d(FEATURES, FEATURES, 1) for _ in range(2))
        self.attention = Excitation(EXEMPLAR_CELLS, EXEMPLAR_CELLS, nn.Sigmoid())
        layers: list[nn.Module] = []
        for inputs in (EXEMPLAR_CELLS, *[TOWER] * (DEPTH - 1)):
            layers += [
                nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
                nn.Conv2d(inputs, TOWER, 1),
                nn.ReLU6(),
            ]
        last = nn.Conv2d(TOWER, outputs, 1)
        nn.init.normal_(last.weight, std=1e-6)
        nn.init.constant_(last.bias, constant)
        self.tower = nn.Sequential(*layers, last)

    def forward(self, exemplar: Tensor, search: Tensor) -> Tensor:
        """Return the outputs for each cell of the search image: (1, outputs, 16, 16)."""
        keys, cells = self.exemplar(exemplar).flatten(2), self.search(search)
        alike = (keys.transpose(1, 2) @ cells.flatten(2)).reshape(1, -1, *cells.shape[2:])
        return self.tower(self.attention(alike))


class Head(nn.Module):
    """Features (1, 48, 8, 8) and (1, 48, 16, 16) to scores (1, 2, 16, 16), sides (1, 4, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.classes, self.sides = Branch(2, 0.0), Branch(4, math.log(32))

    def forward(self, exemplar: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and, by exp, distances to the sides."""
        return self.classes(exemplar, search), torch.exp(self.sides(exemplar, search))


def write(folder: Path) -> tuple[Path, Path]:
    """Write both graphs; their paths."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "backbone.onnx", folder / "head.onnx"
    feature = torch.zeros(1, FEATURES, 8, 8), torch.zeros(1, FEATURES, 16, 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(
            backbone().eval(),
            (torch.zeros(1, 3, 255, 255),),
            paths[0],
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": {2: "h", 3: "w"}, "output": {2: "i", 3: "j"}},
            opset_version=14,
            dynamo=False,
        )
        torch.onnx.export(
            Head().eval(),
            feature,
            paths[1],
            input_names=["input1", "input2"],
            output_names=["output1", "output2"],
            opset_version=14,
            dynamo=False,
        )
    return paths


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    for path in write(parser.parse_args().folder):
        print(path)


if __name__ == "__main__":
    main()
