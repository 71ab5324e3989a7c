"""What tests of several packages share.

All tests: `python -m pytest -n 2 --dist loadfile`. A part of them: a file or a folder, `-k NAME`, what `make test`
leaves out (`-m "slow or thorough"`), or `--layout NCHW`. The markers are in pyproject.toml.
"""

import functools
import gc
import os
import pathlib
import shutil
import signal
import sys
from unittest import mock

import hypothesis
import numpy as np
import pytest

import dnnlib.quiet  # noqa: F401

# No test has a time limit: machines differ, and are busy at times. No test states a target; with this phase, hypothesis
# would spend four fifths of its time on shrinking examples that pass.
hypothesis.settings.register_profile(
    'untimed', deadline=None, phases=[phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.target]
)
hypothesis.settings.load_profile('untimed')

# ---------------------------------------------------------------------------------------------------------------------
# Layouts: a test, or a fixture of it, that has an argument `layout` runs in each layout that this machine executes.


def pytest_addoption(parser):
    parser.addoption('--layout', metavar='LAYOUT', help='Run only what the layout matters to, in this one: NCHW.')
    parser.addoption(
        '--engine', default='collectives', help='What joins processes that train together: collectives or horovod.'
    )
    parser.addoption(
        '--second-time',
        action='store_true',
        help='With TensorFlow 2 or --layout: leave out what these do not change, see tests/selection.py.',
    )


def pytest_configure(config):
    wanted = config.getoption('layout')
    if wanted is not None:
        from tests.layouts import LAYOUTS

        if wanted not in LAYOUTS:
            raise pytest.UsageError(
                f'--layout {wanted}: TensorFlow executes {", ".join(LAYOUTS)} here; NCHW takes a '
                'GPU, or intel-tensorflow (make test-nchw).'
            )


def pytest_ignore_collect(collection_path, config):
    """Files that are left out as a whole are not imported either."""
    if not config.getoption('second_time'):
        return None
    from tests.selection import is_left_out_whole

    path = os.path.relpath(str(collection_path), str(config.rootpath))
    return is_left_out_whole(config.getoption('layout'), path + '/' * collection_path.is_dir()) or None


def pytest_generate_tests(metafunc):
    if 'layout' in metafunc.fixturenames:
        from tests.layouts import LAYOUTS

        metafunc.parametrize('layout', LAYOUTS)


@pytest.hookimpl(tryfirst=True)  # before the marks are looked at, so that all tests are there
def pytest_collection_modifyitems(config, items):
    wanted, kept = config.getoption('layout'), list(items)
    if config.getoption('second_time'):
        from tests.selection import left_out

        beginnings = left_out(wanted)
        unknown = [
            each for each in beginnings if '::' in each and not any(item.nodeid.startswith(each) for item in items)
        ]
        if unknown:
            raise pytest.UsageError(f'tests/selection.py names what is not there: {", ".join(unknown)}.')
        kept = [item for item in kept if not item.nodeid.startswith(beginnings)]
    if wanted is not None:
        kept = [item for item in kept if hasattr(item, 'callspec') and item.callspec.params.get('layout') == wanted]
    kept_ids = {id(item) for item in kept}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept_ids])
    items[:] = kept


def pytest_collection_finish():
    """What has been imported stays. Otherwise Python looks through it again and again for what it could give back."""
    gc.freeze()
    if 'tensorflow' in sys.modules:
        from tests.sessions import shorten_stacks

        shorten_stacks()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """A test that stops a command in this process, which then ignores signals, leaves them as it found them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there is nothing to hand out
def pytest_xdist_make_scheduler(config, log):
    """Hands out the files that take longest first; see `tests.scheduling`."""
    if config.getoption('dist') != 'loadfile':
        return None
    from tests.scheduling import DearestFirst

    return DearestFirst(config, log)


# ---------------------------------------------------------------------------------------------------------------------
# Fixtures


@pytest.fixture(scope='session')
def engine(pytestconfig):
    """What joins processes that train together."""
    return pytestconfig.getoption('engine')


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory):
    """No test finds what another one, or a user, has cached."""
    # Not by monkeypatch, which would then outlive the fixtures below.
    with mock.patch('config.CACHE_DIR', str(tmp_path_factory.mktemp('cache'))):
        yield


@pytest.fixture(autouse=True)
def plain_sessions(request):
    """Sessions run graphs as they are, but for tests marked `optimized`."""
    if 'tensorflow' not in sys.modules or request.node.get_closest_marker('optimized'):
        yield
        return
    from tests.sessions import without_graph_optimizer

    with without_graph_optimizer():
        yield


@pytest.fixture(autouse=True)
def leave_no_session_open():
    """Commands open the process's session for good; the next test is to find none."""
    yield
    if 'tensorflow' in sys.modules:
        from tests.sessions import close_open_sessions

        close_open_sessions()


@pytest.fixture
def open_session():
    """`tflib.init_tf`, in a fresh graph; session and graph end with the test."""
    from tests.sessions import one_session_at_a_time

    with one_session_at_a_time() as init_tf:
        yield init_tf


@pytest.fixture
def session(open_session):
    """The default session, on the CPU, in a fresh graph: graphs that grow over tests become slow."""
    return open_session(device='cpu', seed=1)


@pytest.fixture(scope='session')
def built_steps():
    """The training steps that are built already, as `tests.steps.SharedSteps`."""
    from tests.steps import SharedSteps

    steps = SharedSteps()
    yield steps
    steps.close()


@pytest.fixture
def shared_step(built_steps):
    """A function that stands for `TrainingStep`: it returns a step as if newly built, for the default session."""
    with built_steps.in_use() as make:
        yield make


@pytest.fixture(scope='session')
def built_networks():
    """The networks of pickles that are built already, as `tests.shared_networks.SharedNetworks`."""
    from tests.shared_networks import SharedNetworks

    networks = SharedNetworks()
    yield networks
    networks.close()


@pytest.fixture
def shared_networks(request, built_networks):
    """A default session with networks that are built already, which commands use too: a `SharedNetworks`.

    Not in tests with the fixture `own_sessions`.
    """
    if 'own_sessions' in request.fixturenames:
        yield None
        return
    with built_networks.in_use():
        yield built_networks


@pytest.fixture
def own_sessions():
    """Commands open sessions of their own, as they do for users."""


@pytest.fixture(scope='session')
def trained(built_steps, tmp_path_factory):
    """A run of `train.py` with TINY of tests/train_command.py, in this process: (folder, not to be changed; output)."""
    from tests.sessions import without_graph_optimizer
    from tests.toy_run import make_dataset
    from tests.train_command import NAME, TINY, run_here

    folder = tmp_path_factory.mktemp('trained')
    data = make_dataset(str(folder / 'toy'))
    with without_graph_optimizer():
        result = run_here(built_steps, ['--data', data, '--results', folder / 'results', *TINY])
    assert result.exit_code == 0, result.output
    return folder / 'results' / NAME, result.output


@pytest.fixture
def read_pickle_once(monkeypatch):
    """`training.pickled_networks.read_pickle`, which takes seconds: `train.py` reads each pickle once in this test."""
    from training.pickled_networks import read_pickle

    read_once = functools.lru_cache(maxsize=None)(read_pickle)
    for module in ('train', 'training.loop'):
        monkeypatch.setattr(f'{module}.read_pickle', read_once)
    return read_once


@pytest.fixture
def open_layout_session(open_session, layout):
    """`open_session` for networks in a layout; the test runs in each one that this machine executes."""
    from tests.layouts import device_for, networks_in

    with networks_in(layout):
        yield lambda **options: open_session(**{'device': device_for(layout), **options})


@pytest.fixture
def layout_session(open_layout_session):
    """The default session for networks in a layout, in a fresh graph."""
    return open_layout_session(seed=1)


@pytest.fixture(scope='session')
def finished(tmp_path_factory):
    """A run in miniature and its dataset: paths of their folders, not to be changed."""
    from tests.toy_run import make_dataset, make_run

    folder = str(tmp_path_factory.mktemp('finished'))
    data = make_dataset(os.path.join(folder, 'data'))
    return make_run(os.path.join(folder, 'run'), data), data


@pytest.fixture
def run_dir(finished, tmp_path):
    """A copy of that run."""
    return shutil.copytree(finished[0], str(tmp_path / 'run'))


@pytest.fixture
def published_toy(finished, tmp_path, monkeypatch):
    """The name of a published network that is in the cache already: that run's last one."""
    from dnnlib.download import cache_path

    entry = {
        'url': 'https://127.0.0.1:9/uc?id=1',
        'file': 'toy.pkl',
        'kind': 'generator',
        'licence': 'MIT',
        'size': None,
        'sha256': None,
        'mirror': None,
    }
    monkeypatch.setattr('config.NETWORKS', {'toy-8x8': entry})
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path / 'cache'))
    monkeypatch.setattr('config.RESULTS_DIR', str(tmp_path / 'results'))
    os.makedirs(str(tmp_path / 'cache'))
    shutil.copy(os.path.join(finished[0], 'network-final.pkl'), cache_path(entry, str(tmp_path / 'cache')))
    return 'toy-8x8'


@pytest.fixture
def few_images(monkeypatch):
    """The metric fd_onet5k takes few images."""
    from metrics import registry

    monkeypatch.setitem(registry.METRICS, 'fd_onet5k', registry.FrechetDistance('fd_onet5k', 'onet', 40, 30))


# ---------------------------------------------------------------------------------------------------------------------
# Photographs and face detectors.


@pytest.fixture(scope='session')
def detector():
    from dnnlib.faces.detector import FaceDetector

    return FaceDetector()


@pytest.fixture(scope='session')
def bundled():
    """The folder of photographs inside scikit-image."""
    import skimage.data

    return pathlib.Path(skimage.data.__file__).parent


@pytest.fixture(scope='session')
def reference():
    """What `mtcnn.MTCNN` computes in its third stage, before it truncates: image to float64 [N, 5]."""
    from tests.package_models import package_detector

    (package, detect_faces), boxes = package_detector(), []
    third_stage = package._MTCNN__stage3

    def third_stage_listened_to(*args):
        boxes[:], points = [third_stage(*args)[0]], np.empty([10, 0])
        return boxes[0], points

    package._MTCNN__stage3 = third_stage_listened_to

    def detect(image):
        detect_faces(image)
        return boxes[0] if boxes[0].size else np.empty([0, 5])

    return detect


@pytest.fixture(scope='session')
def scenes():
    """Eight images, 250x250, of a face of LFW in a background of LFW, enlarged."""
    from tests.pictures import face_scenes

    return face_scenes(8)
