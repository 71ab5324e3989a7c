"""What tests of networks and their pickles share."""

import pytest
from raw_pickles import OFFICIAL, states_of


@pytest.fixture
def discriminator_state():
    """The state of D in OFFICIAL."""
    return states_of(OFFICIAL)[1]
