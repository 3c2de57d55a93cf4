"""The state of a run as one file: safetensors, so that nothing is ever unpickled."""

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from siamfc.errors import CheckpointError
from siamfc.files import write_file

_STEP = "step"


def save_state(path: Path, step: int, tensors: Mapping[str, Tensor]) -> None:
    """Write `TrainState.state` after `step` steps, completely or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    from safetensors.torch import save

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_file(path, save(plain, metadata={_STEP: json.dumps(step)}), overwrite=True)


def load_state(path: Path) -> tuple[int, dict[str, Tensor]]:
    """Read what `save_state` wrote: the number of steps, and the tensors by name.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            step = json.loads((file.metadata() or {})[_STEP])
            names = file.keys()
            return int(step), {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path}: expected the state of a training run, whole and undamaged: {error}"
        ) from None
