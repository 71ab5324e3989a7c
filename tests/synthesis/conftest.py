"""What tests of synthetic sets share."""

import pytest
from painted_sets import Easel, Here
from sets import end_shared

from synthesis import generate
from synthesis.job import MakeImages


@pytest.fixture(scope='session', autouse=True)
def processes_end():
    """Ends the processes that make images when the session ends."""
    yield
    end_shared()


@pytest.fixture
def in_this_process(monkeypatch):
    """Sets are made in this process."""
    monkeypatch.setattr(generate, 'Workers', Here)


@pytest.fixture
def painted(in_this_process, monkeypatch):
    """A painter makes the images, at once."""
    monkeypatch.setattr(MakeImages, 'prepare', lambda self: Easel())
