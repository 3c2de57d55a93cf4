"""The two networks, their checkpoints and runtimes, and the weights that ship.

The names exported here need no torch; `siamfc.model` and `light.model` define the networks in
torch, for training.
"""

from siamfc.network.checkpoint import Checkpoint
from siamfc.network.export import export_weights
from siamfc.network.loader import (
    DEFAULT_WEIGHTS,
    Weights,
    available_weights,
    find_weights,
    load_checkpoint,
    load_matcher,
)
from siamfc.network.matcher import BoxMatcher, Embedding, EmbeddingSpec, Matcher, Network
from siamfc.network.metadata import Metadata
from siamfc.network.normalisation import Normalisation

__all__ = [
    "DEFAULT_WEIGHTS",
    "BoxMatcher",
    "Checkpoint",
    "Embedding",
    "EmbeddingSpec",
    "Matcher",
    "Metadata",
    "Network",
    "Normalisation",
    "Weights",
    "available_weights",
    "export_weights",
    "find_weights",
    "load_checkpoint",
    "load_matcher",
]
