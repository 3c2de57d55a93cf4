"""On a GPU, a run that was stopped and resumed by another process ends with the same bits.

Where bits can come to differ there: cuDNN times its algorithms and takes the fastest, in every
process anew, and some of them add up a weight's gradient by atomic additions, in whatever order
the blocks arrive; cuBLAS may split a product's sum by the room that it is given; compiled code
chooses its tiles by timing. `RunOptions.deterministic` forbids each of these. Pairs, normalisation
and pooling come from kernels of this package, which use no atomic addition and fixed tiles.

So short a run of the light network is not compiled.
`pytest -rP` prints the deviations.
"""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from siamfc.overrides import change
from siamfc.training.folder import STATE
from siamfc.training.recipes import find_recipe
from siamfc.training.run import RunOptions, run
from siamfc.training.state import load_state

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SMALL = {
    "epochs": 2,
    "pairs_per_epoch": 12 * 32,
    "batch": 32,
    "validation_pairs": 32,
    "validation_batch": 32,
    "log_every": 4,
    "optimiser.warm_up_steps": 4,
    "data.textures.count": 64,
    "data.textures.size": 128,
    "data.renew_every": 10,
    "data.validation_textures": 16,
}
STOPPED_AT = 20
"""A line of the log in the second epoch; the state is that of the line before, 16."""
PROGRAM = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_gpu_resume import train
train(sys.argv[1], Path(sys.argv[2]), deterministic=True, resume=True)
"""


class Stopped(Exception):  # noqa: N818 - not an error
    pass


def train(name, out, *, deterministic, stop=False, resume=False):
    """A small run of the recipe; the state that it ends with."""

    def on_log(line):
        if stop and line.step == STOPPED_AT:
            raise Stopped

    options = RunOptions(
        device=DEVICE,
        deterministic=deterministic,
        resume=resume,
        on_log=on_log,
        save_seconds=0,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(change(find_recipe(name), SMALL), out, options=options)
    for text in sorted({str(warning.message).splitlines()[0] for warning in caught}):
        print(f"{name}: {text}")  # noqa: T201 - what torch has no reproducible form of
    return load_state(out / STATE)[1]


def stop(name, out, *, deterministic):
    with pytest.raises(Stopped):
        train(name, out, deterministic=deterministic, stop=True)
    assert load_state(out / STATE)[0] == STOPPED_AT - SMALL["log_every"]


def deviation(one, other):
    """Largest difference of two states, relative to the largest value of the tensor."""
    assert one.keys() == other.keys()
    return max(
        float((one[name].double() - other[name].double()).abs().max())
        / max(float(one[name].double().abs().max()), 1e-12)
        for name in one
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["procedural", "light"])
def test_another_process_goes_on_to_the_same_bits(name, tmp_path):
    straight, again = (
        train(name, tmp_path / folder, deterministic=True) for folder in ("straight", "again")
    )
    out = tmp_path / "stopped"
    stop(name, out, deterministic=True)
    command = [sys.executable, "-c", PROGRAM, name, str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    resumed = load_state(out / STATE)[1]
    apart = deviation(straight, again), deviation(straight, resumed)
    print(f"{name}, deterministic: twice {apart[0]:.3g}, resumed {apart[1]:.3g}")  # noqa: T201
    assert apart == (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["procedural", "light"])
def test_by_default_a_resumed_run_deviates_as_a_second_run_does(name, tmp_path):
    straight, again, third = (
        train(name, tmp_path / folder, deterministic=False) for folder in ("one", "two", "three")
    )
    out = tmp_path / "stopped"
    stop(name, out, deterministic=False)
    resumed = train(name, out, deterministic=False, resume=True)
    usual = max(deviation(straight, again), deviation(straight, third), deviation(again, third))
    apart = deviation(straight, resumed)
    print(f"{name}, by default: thrice {usual:.3g}, resumed {apart:.3g}")  # noqa: T201
    assert apart <= 10 * usual
