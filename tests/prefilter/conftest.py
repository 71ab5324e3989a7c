import pathlib

import pytest

import dnnlib.quiet  # noqa: F401


@pytest.fixture(scope='session')
def detector():
    from prefilter.detector import FaceDetector

    return FaceDetector()


@pytest.fixture(scope='session')
def bundled():
    """The folder of photographs inside scikit-image."""
    import skimage.data

    return pathlib.Path(skimage.data.__file__).parent
