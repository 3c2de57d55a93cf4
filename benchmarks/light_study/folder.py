"""The folder of one job of the study, whose files appear one by one, each whole.

settings.json        what the weights depend on
state.safetensors    of a training that was stopped, to go on from
weights.safetensors  the averaged weights at the end
scores.npz           `iou` and `score` of each frame of the procedural videos
result.json          AUC of each procedural video, and how it came about
sequences.json       AUC of each real sequence

Weights that were trained elsewhere join in under the name of a job, such as `all-12697600-0`: they
track the real sequences (`--limit 0`, or the job would be done), and have no `result.json`.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from siamfc.errors import OutputError
from siamfc.files import write_file
from siamfc.folder_lock import lock_folder

SETTINGS, STATE, WEIGHTS = "settings.json", "state.safetensors", "weights.safetensors"
SCORES, RESULT, SEQUENCES = "scores.npz", "result.json", "sequences.json"


class Job(NamedTuple):
    """One training."""

    variant: str
    pairs: int
    seed: int

    @property
    def name(self) -> str:
        """Name of the job's folder."""
        return f"{self.variant}-{self.pairs}-{self.seed}"

    @classmethod
    def from_name(cls, name: str) -> Self:
        """Return the job of a folder; ValueError if the name is not a job's.

        >>> Job.from_name("no-blur-500000-1")
        Job(variant='no-blur', pairs=500000, seed=1)
        """
        variant, pairs, seed = name.rsplit("-", 2)
        return cls(variant, int(pairs), int(seed))


@contextmanager
def claim(folder: Path) -> Iterator[bool]:
    """Yield True if no other process works in a folder; others wait until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(lock_folder(folder))
            free = True
        except OutputError:
            free = False
        yield free


def keep_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write down what the weights depend on.

    Raises:
        OutputError: it was something else.
    """
    text = json.dumps(settings, indent=1) + "\n"
    path = folder / SETTINGS
    if not path.exists():
        write_file(path, text.encode())
    elif path.read_text(encoding="utf-8") != text:
        raise OutputError(
            f"{path}: expected the settings of this job, found others: choose another --out"
        )
