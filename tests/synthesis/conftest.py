"""What tests of synthetic sets share."""

import pytest
from sets import end_shared


@pytest.fixture(scope='session', autouse=True)
def processes_end():
    """Ends the processes that make images when the session ends."""
    yield
    end_shared()
