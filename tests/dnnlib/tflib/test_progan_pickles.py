"""Pickles of ProGAN's own program: they open with its results, and are written back in its form."""

import pickle

import numpy as np
import pytest

from dnnlib import tflib
from dnnlib.network_file import PROGAN, STYLEGAN, read_network_file
from tests.goldens.files import FOLDER
from tests.goldens.kinds import assert_agreement, golden_cases
from training import networks_progan

FUSED = FOLDER / 'progan_tiny_32_fused_nosrc.pkl'
PLAIN = FOLDER / 'progan_tiny_16_plain_label_nosrc.pkl'


@golden_cases('progan_*_expected')
def test_files_of_the_program_open_with_its_results(open_layout_session, kind, path, case):
    assert_agreement(kind, path, case, open_layout_session)


@pytest.mark.parametrize('path', [FUSED, PLAIN], ids=['fused', 'plain'])
@pytest.mark.slow
def test_files_are_written_back_in_their_form_and_then_with_the_same_bytes(session, tmp_path, path):
    source, first, second = str(path), str(tmp_path / 'first.pkl'), str(tmp_path / 'second.pkl')
    tflib.save_networks(first, tflib.load_networks(source))
    tflib.save_networks(second, tflib.load_networks(first))
    with open(first, 'rb') as one, open(second, 'rb') as other:
        content = one.read()
        assert content == other.read() and b'tfutil' in content and b'dnnlib' not in content
    assert len(content) < path.stat().st_size
    for theirs, ours in zip(*(read_network_file(name).networks for name in (source, first))):
        assert list(theirs) == list(ours)
        variables = dict(theirs.pop('variables')), dict(ours.pop('variables'))
        assert theirs == ours and list(variables[0]) == list(variables[1])
        for name, value in variables[0].items():
            np.testing.assert_array_equal(variables[1][name], value, err_msg=name)
            assert variables[1][name].dtype == value.dtype


def test_one_network_or_a_clone_keeps_the_program(session, tmp_path):
    Gs = tflib.load_generator(str(PLAIN))
    clone, latents, labels = Gs.clone('other'), np.random.RandomState(0).randn(2, 12), np.eye(4)[:2]
    assert (Gs.program, clone.program, clone.name) == (PROGAN, PROGAN, 'other')
    np.testing.assert_array_equal(Gs.run(latents, labels), clone.run(latents, labels))
    tflib.save_networks(tmp_path / 'one.pkl', clone)
    file = read_network_file(str(tmp_path / 'one.pkl'))
    assert not file.is_tuple and file.networks[0]['program'] == PROGAN and file.networks[0]['version'] == 2


def test_pickle_itself_refuses_them_because_it_cannot_keep_their_program(session):
    with pytest.raises(TypeError, match="Network 'G_paper' is of ProGAN's own program: save it by tflib.save_networks"):
        pickle.dumps(tflib.load_generator(str(PLAIN)))


def test_networks_in_the_form_of_stylegan_have_the_other_meaning(session, tmp_path):
    """A kernel of as many inputs as outputs has one shape in both programs: only the class tells them apart."""
    G = tflib.Network('G', networks_progan.G_paper, resolution=8, fmap_max=4, fmap_base=64)
    tflib.save_networks(tmp_path / 'G.pkl', G)
    state = read_network_file(str(tmp_path / 'G.pkl')).networks[0]
    assert (state['program'], state['version'], state['build_func_name']) == (STYLEGAN, 3, 'G_paper')
    latents, theirs = np.random.RandomState(0).randn(2, 4), tflib.load_generator(str(FUSED))
    again = tflib.load_networks(tmp_path / 'G.pkl')
    assert again.program == STYLEGAN and theirs.program == PROGAN
    np.testing.assert_array_equal(G.run(latents, None), again.run(latents, None))
    kernel = np.random.RandomState(1).randn(3, 3, 4, 4)
    other = tflib.Network('G', 'training.networks_progan_2018.G_paper', resolution=8, fmap_max=4, fmap_base=64)
    other.copy_vars_from(G)
    G.set_var('8x8/Conv0_up/weight', kernel), other.set_var('8x8/Conv0_up/weight', kernel.transpose(0, 1, 3, 2))
    np.testing.assert_allclose(G.run(latents, None), other.run(latents, None), atol=1e-5)
    other.set_var('8x8/Conv0_up/weight', kernel)
    assert np.abs(G.run(latents, None) - other.run(latents, None)).max() > 0.1
