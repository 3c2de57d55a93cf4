import pytest
from network_samples import make_checkpoint

from siamfc.network import Checkpoint


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    return make_checkpoint()
