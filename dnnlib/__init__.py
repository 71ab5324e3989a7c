"""The floor of the project: sessions, networks, pickles, TFRecords, downloads, run directories, image files."""

from dnnlib import util
from dnnlib.util import EasyDict

__all__ = ['EasyDict', 'util']


def __getattr__(name):
    return util.find_original(__name__, name)
