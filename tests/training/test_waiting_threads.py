"""Waiting of torch's threads, as its OpenMP runtime reports it when it is loaded."""

import os
import re
import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' OpenMP does not say")
@pytest.mark.parametrize(
    ("variables", "spins"),
    [
        ({}, False),  # alone the runtime would let its threads spin 300,000 times
        ({"OMP_WAIT_POLICY": "ACTIVE"}, True),  # the user's choice stays
        ({"OMP_WAIT_POLICY": "PASSIVE"}, False),
    ],
)
@pytest.mark.parametrize(
    "program",
    [
        "import siamfc.training.recipes",
        "import siamfc, torch",
        # A process's children inherit it, siamfc's or not.
        "import siamfc, subprocess, sys; subprocess.run([sys.executable, '-c', 'import torch'])",
    ],
)
def test_torchs_threads_do_not_spin_unless_the_user_says_so(program, variables, spins):
    inherited = {name: v for name, v in os.environ.items() if not name.startswith(("OMP", "GOMP"))}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**inherited, **variables, "OMP_DISPLAY_ENV": "VERBOSE"},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    counts = re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)
    assert counts
    assert all((int(count) > 0) == spins for count in counts)
