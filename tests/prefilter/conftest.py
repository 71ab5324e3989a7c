"""What tests of the filter share."""

import functools
import pickle
import shutil
from unittest import mock

import pytest
from click.testing import CliRunner
from PIL import Image
from shelves import Here

from prefilter.__main__ import main


@pytest.fixture(scope='session')
def picture_of():
    """`draw_distributions`, which draws the same numbers once only; it takes as long as all else of a small dataset."""
    from prefilter.distributions import draw_distributions

    drawn = functools.lru_cache(maxsize=None)(lambda pickled: draw_distributions(pickle.loads(pickled)))
    return lambda panels: drawn(pickle.dumps(panels))


@pytest.fixture
def charts_drawn_once(picture_of):
    """Datasets of the test get their `distributions.png` from those that were drawn already."""
    with mock.patch('prefilter.report.draw_distributions', picture_of):
        yield


@pytest.fixture
def run_in_processes(monkeypatch):
    """The command, with the processes that it starts."""
    monkeypatch.setattr('prefilter.__main__.exit_on_signals', lambda: None)
    return lambda *args: CliRunner(mix_stderr=False).invoke(main, [str(arg) for arg in args])


@pytest.fixture
def run(run_in_processes, monkeypatch):
    """The command, which examines the images itself."""
    monkeypatch.setattr('prefilter.pipeline.Workers', Here)
    return run_in_processes


@pytest.fixture
def filtered(run, tmp_path):
    """Runs the command without a search for faces; returns its result and the folder it made."""

    def filter_images(source, *flags):
        out = tmp_path / 'out'
        return run(source, '--out', out, '--no-detect', '--size', 4, '--no-shuffle', '--workers', 1, *flags), out

    return filter_images


@pytest.fixture
def photographs(tmp_path, bundled):
    """Three faces of two people, two images without a face, two that cannot be read, and notes."""
    folder = tmp_path / 'photos'
    for person in ('eileen', 'man'):
        (folder / person).mkdir(parents=True)
    shutil.copy(str(bundled / 'astronaut.png'), str(folder / 'eileen' / '1.png'))
    Image.open(str(bundled / 'astronaut.png')).transpose(Image.FLIP_LEFT_RIGHT).save(str(folder / 'eileen' / '2.jpg'))
    shutil.copy(str(bundled / 'camera.png'), str(folder / 'man' / '1.png'))
    shutil.copy(str(bundled / 'coins.png'), str(folder / 'coins.png'))
    shutil.copy(str(bundled / 'rocket.jpg'), str(folder / 'rocket.jpg'))
    (folder / 'empty.jpg').write_bytes(b'')
    (folder / 'text.png').write_text('no image')
    (folder / 'notes.txt').write_text('ignored')
    return folder
