"""What all tests share."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _interrupts_reach_the_programs_that_tests_start() -> Iterator[None]:
    """Undo what a background job inherits from its shell: SIGINT ignored, by its children too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
