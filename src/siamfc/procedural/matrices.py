"""2×2 matrices by component: as library products they would be millions of small calls."""

import torch
from torch import Tensor


def rotation(angle: Tensor) -> Tensor:
    """Return rotation matrices (…, 2, 2)."""
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return torch.stack([torch.stack([cosine, -sine], -1), torch.stack([sine, cosine], -1)], -2)


def apply(matrix: Tensor, vector: Tensor) -> Tensor:
    """Multiply 2×2 matrices by vectors, broadcast: (…, 2, 2), (…, 2) → (…, 2)."""
    return (matrix * vector[..., None, :]).sum(-1)


def multiply(first: Tensor, second: Tensor) -> Tensor:
    """Multiply 2×2 matrices, broadcast: (…, 2, 2), (…, 2, 2) → (…, 2, 2)."""
    return (first[..., :, :, None] * second[..., None, :, :]).sum(-2)


def inverse(matrix: Tensor) -> Tensor:
    """Invert 2×2 matrices (…, 2, 2)."""
    a, b, c, d = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 0], matrix[..., 1, 1]
    determinant = a * d - b * c
    rows = torch.stack([torch.stack([d, -b], -1), torch.stack([-c, a], -1)], -2)
    return rows / determinant[..., None, None]
