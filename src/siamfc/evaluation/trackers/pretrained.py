"""siamfc's tracker under evaluation: made in each process and described for the record."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from siamfc.network import load_matcher
from siamfc.network.loader import read_metadata
from siamfc.tracking import Settings, Tracker, settings_for_weights


@dataclass(frozen=True, kw_only=True)
class PretrainedTracker:
    """Factory of siamfc's tracker; can be sent to other processes."""

    weights: str | Path = "default"
    """A name that `siamfc models` lists, a folder of weights or a checkpoint."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    threads: int | None = None
    """Threads of the network on a CPU; None: one per core."""
    settings: Settings | None = None
    """Settings of the tracker; None: the defaults of the network's kind."""

    deterministic = True
    """Tracks are reproducible on one machine."""

    def __call__(self) -> Tracker:
        """Load the network and make a tracker.

        Raises:
            CheckpointError: the weights are unknown, damaged or unsafe.
            InputError: the settings do not fit the network.
        """
        matcher = load_matcher(self.weights, device=self.device, threads=self.threads)
        return Tracker(matcher, self.settings)

    def record(self) -> dict[str, Any]:
        """Return all that determines the boxes, for the record of a run.

        Raises:
            CheckpointError: the weights are unknown or damaged.
        """
        return {
            "name": "siamfc",
            "digest": weights_digest(self.weights),
            "device": self.device,
            "settings": asdict(self.settings or settings_for_weights(self.weights)),
        }


def weights_digest(weights: str | Path) -> str:
    """Return the SHA-256 of weights and their input conventions, without loading the network.

    Raises:
        CheckpointError: the weights are unknown or damaged.
    """
    return read_metadata(weights).digest
