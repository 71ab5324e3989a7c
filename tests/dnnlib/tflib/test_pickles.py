"""Pickles of the original code open here, ours are built alike, and reading one runs nobody's code."""

import ast
import inspect
import json
import os
import pathlib
import pickletools
import subprocess
import sys

import numpy as np
import pytest
from raw_pickles import OFFICIAL, plain_pickle_load, read_raw, states_of, write_raw

import dnnlib
from dnnlib import tflib
from tests.earlier import EARLIER
from tests.goldens.files import FOLDER, relative_error
from tests.goldens.kinds import assert_agreement, golden_cases
from tests.sessions import KeptSession
from training import networks_progan, networks_stylegan

STRUCTURE = json.loads((FOLDER / 'official_tiny_16_structure.json').read_text())


def structure_of(state):
    """A state in the terms of the structure file: no values, no source."""
    assert type(state) is dict and type(state['static_kwargs']) is dict and type(state['components']) is dict
    return dict(
        state,
        build_module_src=type(state['build_module_src']).__name__,
        components={role: structure_of(vars(part)) for role, part in state['components'].items()},
        variables=[
            [name, list(value.shape), value.dtype.name, type(value).__name__] for name, value in state['variables']
        ],
    )


def without_source_length(structure):
    return dict(
        structure,
        build_module_src=structure['build_module_src']['type'],
        components={role: without_source_length(part) for role, part in structure['components'].items()},
    )


@pytest.fixture(scope='module')
def loaded():
    """The networks of OFFICIAL, and the session that they stay in."""
    kept = KeptSession()
    with kept.as_default():
        networks = tflib.load_networks(OFFICIAL)
    yield kept, networks
    kept.close()


@pytest.fixture
def official(loaded):
    """The networks of OFFICIAL, in the default session; tests leave them as they are."""
    kept, networks = loaded
    with kept.as_default():
        yield networks


# Networks that are made here differ from the official ones by these arguments.
CHANGES = {
    'alike': {},
    'fused': {'fused_scale': True, 'resolution': 8, 'blur_filter': [1, 3, 3, 1], 'mapping_layers': 2},
    'progan': {},  # and made by other functions
}


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """For each entry of CHANGES: the session that the networks stay in, G, D and Gs, and the path of their pickle."""
    cases = {}
    for case, changes in CHANGES.items():
        kwargs = {name: dict(STRUCTURE['state'][name]['static_kwargs'], **changes) for name in ('G', 'D')}
        path = tmp_path_factory.mktemp(case) / 'ours.pkl'
        kept = KeptSession()
        with kept.as_default():
            if case == 'progan':
                G = tflib.Network('G', networks_progan.G_paper, **kwargs['G'])
                D = tflib.Network('D', 'training.networks_progan.D_paper', **kwargs['D'])
                Gs = G.clone('Gs')
            else:
                G = tflib.Network('G', networks_stylegan.G_style, **kwargs['G'])
                D = tflib.Network('D', 'training.networks_stylegan.D_basic', **dnnlib.EasyDict(kwargs['D']))
                Gs = G.clone('Gs')
                G.set_var('dlatent_avg', np.linspace(-1, 1, 16))
                Gs.set_var('G_synthesis/4x4/Const/bias', np.linspace(-1, 1, 16))
            tflib.save_networks(path, (G, D, Gs))
        cases[case] = kept, (G, D, Gs), path
    yield cases
    for kept, _, _ in cases.values():
        kept.close()


def assert_equal_variables(net, expected):
    for name, pair in tflib.run({name: (net.vars[name], variable) for name, variable in expected.vars.items()}).items():
        np.testing.assert_array_equal(*pair, err_msg=name)
    assert list(net.vars) == list(expected.vars)


def test_networks_of_an_earlier_version_make_the_same_images(session):
    _, D, Gs = tflib.load_networks(str(EARLIER / 'trained' / 'network-snapshot-000002.pkl'))
    with np.load(str(EARLIER / 'outputs.npz')) as expected:
        latents = np.random.RandomState(5).randn(4, 8)
        images = Gs.run(latents, None, truncation_psi=0.7, randomize_noise=False)
        # So little trained, the first layer is nearly constant: normalized, it shows the rounding of each TensorFlow.
        assert relative_error(images, expected['images']) < 1e-3
        assert relative_error(D.run(expected['images'], None), expected['scores']) < 1e-5


@golden_cases('official_*_expected')
def test_files_of_the_original_code_open_with_its_results(open_layout_session, kind, path, case):
    assert_agreement(kind, path, case, open_layout_session)


@pytest.mark.slow
def test_pickle_itself_opens_them_too(official):
    for net, theirs in zip(plain_pickle_load(OFFICIAL), official):
        assert_equal_variables(net, theirs)


def test_variables_that_a_file_lacks_keep_fresh_values_and_are_named(session, tmp_path, discriminator_state):
    values = dict(discriminator_state['variables'])
    discriminator_state['variables'].pop(1)
    path = write_raw(tmp_path / 'lacks.pkl', discriminator_state)
    with pytest.warns(UserWarning, match="'D': the file lacks values for 1 of the variables .*'FromRGB_lod0/weight'"):
        D = tflib.load_networks(path)
    assert 0.5 < D.get_var('FromRGB_lod0/weight').std() < 2
    np.testing.assert_array_equal(D.get_var('FromRGB_lod0/bias'), values['FromRGB_lod0/bias'])


def test_older_files_have_no_components(session, tmp_path, discriminator_state):
    del discriminator_state['components']
    D = tflib.load_networks(write_raw(tmp_path / 'old.pkl', dict(discriminator_state, version=2)))
    assert D.components == {} and list(D.vars) == [name for name, _ in discriminator_state['variables']]


# ---------------------------------------------------------------------------------------------------------------------
# Files written here


def test_files_written_here_are_built_like_the_originals(official, tmp_path):
    tflib.save_networks(tmp_path / 'ours.pkl', official)
    networks = read_raw(tmp_path / 'ours.pkl')
    assert type(networks) is tuple
    for raw, expected in zip(networks, STRUCTURE['state'].values()):
        actual = structure_of(vars(raw))
        # As text, so that the order of keys counts too.
        assert json.dumps(actual) == json.dumps(without_source_length(expected))
    steps = list(pickletools.genops((tmp_path / 'ours.pkl').read_bytes()))
    opcodes = {opcode.name for opcode, _, _ in steps}
    assert opcodes <= {*STRUCTURE['opcodes'], 'NEWTRUE'}  # numpy writes that for a 1 from 1.20 on
    modules = {argument for _, argument, _ in steps if isinstance(argument, str) and argument.startswith('numpy')}
    assert modules == {'numpy.core.multiarray', 'numpy'}  # numpy 2 alone knows numpy._core


@pytest.mark.slow
def test_new_networks_are_built_like_the_originals(made):
    for raw, expected in zip(read_raw(made['alike'][2]), STRUCTURE['state'].values()):
        assert json.dumps(structure_of(vars(raw))) == json.dumps(without_source_length(expected))
        assert raw.build_module_src == inspect.getsource(networks_stylegan)


def test_a_file_written_and_read_holds_the_same_networks(official, tmp_path):
    tflib.save_networks(tmp_path / 'ours.pkl', official[1:])
    for ours, theirs in zip(tflib.load_networks(str(tmp_path / 'ours.pkl')), official[1:]):
        assert (ours.name, ours.static_kwargs) == (theirs.name, theirs.static_kwargs)
        assert_equal_variables(ours, theirs)
    assert states_of(tmp_path / 'ours.pkl')[0]['build_module_src'].startswith('# source removed')


@pytest.mark.parametrize('load', [tflib.load_networks, plain_pickle_load])
def test_writing_what_was_read_gives_the_same_bytes(session, made, tmp_path, load):
    path = made['fused'][2]
    tflib.save_networks(tmp_path / 'again.pkl', load(str(path)))
    assert (tmp_path / 'again.pkl').read_bytes() == path.read_bytes()
    assert path.read_bytes().count(b'def G_style(') == 1  # the source text is in the file once, not for each network


def test_one_network_makes_a_file_of_its_own(official, tmp_path):
    tflib.save_networks(tmp_path / 'one.pkl', official[1])
    assert isinstance(tflib.load_networks(tmp_path / 'one.pkl'), tflib.Network)


def test_the_network_module_uses_only_what_the_original_code_has_too():
    """Its source goes into every pickle and is executed there."""
    tree = ast.parse(inspect.getsource(networks_stylegan))
    imports = [ast.dump(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert imports == [
        ast.dump(ast.parse(line).body[0])
        for line in ('import numpy as np', 'import tensorflow.compat.v1 as tf', 'import dnnlib.tflib as tflib')
    ]
    assert sum(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(tree)) == 3
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and getattr(node.value, 'id', None) == 'tflib'
    }
    assert used <= {
        'Network',
        'init_tf',
        'run',
        'set_vars',
        'lerp',
        'lerp_clip',
        'is_tf_expression',
        'absolute_name_scope',
    }


# ---------------------------------------------------------------------------------------------------------------------
# Ours, elsewhere


@pytest.fixture(scope='module')
def results_elsewhere(made, tmp_path_factory):
    """For each entry of CHANGES, what a process makes whose `dnnlib` is a stub: `tests/original_stub.py`."""
    folder = tmp_path_factory.mktemp('elsewhere')
    targets = {case: str(folder / f'{case}.npz') for case in made}
    subprocess.run(
        [
            sys.executable,
            str(pathlib.Path(__file__).parents[2] / 'original_stub.py'),
            *[word for case, target in targets.items() for word in (str(made[case][2]), target)],
        ],
        check=True,
        cwd=str(folder),
        env=dict(os.environ, PYTHONPATH='', TF_CPP_MIN_LOG_LEVEL='3'),
    )
    return targets


@pytest.mark.thorough
@pytest.mark.parametrize('case', CHANGES)
def test_the_source_in_our_files_makes_the_same_images_without_our_dnnlib(made, results_elsewhere, case):
    """The stub has only the names that the original code has too."""
    kept, (G, D, Gs), _ = made[case]
    with kept.as_default(), np.load(results_elsewhere[case]) as theirs:
        latents = theirs['latents']
        images = Gs.run(latents, None, randomize_noise=False, is_validation=True)
        for name, ours in (
            ('images', images),
            ('scores', D.run(images, None)),
            ('truncated', Gs.run(latents, None, randomize_noise=False)),
            ('trained', G.run(latents, None, is_training=True, style_mixing_prob=None, randomize_noise=False)),
        ):
            assert relative_error(theirs[name], ours) < 1e-6, name
    assert np.abs(images).max() > 0.1
