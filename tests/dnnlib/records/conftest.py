"""What tests of records share."""

import numpy as np
import pytest
from small_datasets import some_images, write


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / 'set', some_images(5, 16), labels=np.zeros([5, 2], np.float32))
