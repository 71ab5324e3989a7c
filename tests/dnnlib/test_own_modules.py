"""Programs with modules named like ours: their folder comes first on Python's path."""

import os
import pathlib
import subprocess
import sys

import pytest

import config
from dnnlib.own_modules import own_module
from tests.goldens.files import FOLDER

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = """
import sys
import dnnlib.quiet
from dnnlib import tflib
from dnnlib.download.published import find_entry
import config, training
assert not hasattr(config, 'NETWORKS') and find_entry('celeba-256x256')
G, D, Gs = tflib.load_networks(sys.argv[1])
tflib.save_networks('copy.pkl', (G, D, Gs.clone()))
tflib.save_networks('progan.pkl', tflib.load_networks(sys.argv[2]))
print(G.output_shape, training.__file__)
"""


def test_a_module_that_nothing_hides_is_the_module(monkeypatch):
    assert own_module('config') is config


@pytest.mark.slow
def test_programs_may_have_a_config_and_a_folder_training_of_their_own(tmp_path):
    (tmp_path / 'config.py').write_text("cache_dir = 'cache'")
    (tmp_path / 'training').mkdir()
    (tmp_path / 'training' / '__init__.py').touch()
    (tmp_path / 'use.py').write_text(PROGRAM)
    progan = FOLDER / 'progan_tiny_16_plain_label_nosrc.pkl'
    process = subprocess.run(
        [sys.executable, 'use.py', str(FOLDER / 'crossing/tensorflow-1.15/run/network-final.pkl'), str(progan)],
        cwd=str(tmp_path),
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.returncode == 0, process.stdout
    assert process.stdout.startswith(f'[None, 3, 8, 8] {tmp_path}') and (tmp_path / 'copy.pkl').exists()
    assert b'tfutil' in (tmp_path / 'progan.pkl').read_bytes()[:100]
