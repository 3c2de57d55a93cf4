"""The tracker under evaluation: made in each process, and described for the record."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from siamfc.network import load_matcher
from siamfc.network.loading import read_metadata
from siamfc.tracking import Settings, Tracker, settings_for_weights


@dataclass(frozen=True, kw_only=True)
class PretrainedTracker:
    """Makes a tracker of this package when it is called; can be sent to other processes."""

    weights: str | Path = "default"
    """A name that `siamfc models` lists, a folder of weights or a checkpoint."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    threads: int | None = None
    """Of the network on a CPU; None: as many as there are cores."""
    settings: Settings | None = None
    """Of the tracker; None: the defaults that go with the network."""

    deterministic = True
    """Whether a track is the same each time, on one machine."""

    def __call__(self) -> Tracker:
        """Load the network and make a tracker.

        Raises:
            CheckpointError: weights that are unknown, damaged or unsafe.
            InputError: settings that don't go with the network.
        """
        matcher = load_matcher(self.weights, device=self.device, threads=self.threads)
        return Tracker(matcher, self.settings)

    def record(self) -> dict[str, Any]:
        """Describe all that decides where the boxes are, for the record of a run.

        Raises:
            CheckpointError: weights that are unknown or damaged.
        """
        return {
            "name": "siamfc",
            "digest": weights_digest(self.weights),
            "device": self.device,
            "settings": asdict(self.settings or settings_for_weights(self.weights)),
        }


def weights_digest(weights: str | Path) -> str:
    """SHA-256 of weights and of how they are fed, without loading the network.

    Raises:
        CheckpointError: weights that are unknown or damaged.
    """
    return read_metadata(weights).digest
