"""What the command prints about a file, and that it does so without TensorFlow."""

import json
import subprocess
import sys

import numpy as np
from click.testing import CliRunner

from dnnlib.describe import describe_kind, main, own_source
from tests.goldens.files import FOLDER
from tests.hostile_pickles import network, pickled, plain, text

OFFICIAL = str(FOLDER / 'official_tiny_16_nosrc.pkl')
STRUCTURE = json.loads((FOLDER / 'official_tiny_16_structure.json').read_text())


def run(*args):
    outcome = CliRunner(mix_stderr=False).invoke(main, args)
    return outcome.exit_code, outcome.stdout, outcome.stderr


def test_everything_in_a_file_is_named():
    status, output, _ = run(OFFICIAL)
    assert status == 0 and f'{OFFICIAL}: 3 networks, 219,038 bytes, SHA-256 ' in output
    for name, state in STRUCTURE['state'].items():
        for prefix, part in ((name, state), *((f'{name}/{p["name"]}', p) for p in state['components'].values())):
            section = next(s for s in output.split('\n\n') if s.startswith(f'{prefix}: {part["build_func_name"]}, '))
            for key, value in part['static_kwargs'].items():
                assert f'  {key} = {value}\n' in section + '\n'
            lines = [line.split() for line in section.splitlines() if line.startswith('    ')]
            assert [(line[0], line[1], line[2]) for line in lines] == [
                (variable, 'x'.join(map(str, shape)) or 'scalar', dtype)
                for variable, shape, dtype, _ in part['variables']
            ]
    assert 'Gs: G_style, state version 3, 18,251 parameters and buffers with its components' in output
    assert "16 characters of another version or code; not run: this project's G_style is" in output
    assert run(OFFICIAL, '--no-variables')[1].count('\n') < output.count('\n') / 2


def test_our_source_and_foreign_builders_are_told_apart(tmp_path):
    path = tmp_path / 'one.pkl'
    path.write_bytes(pickled(network(build_module_src=text(own_source('D_basic')))))
    assert "  source  this project's, as it is here; not run" in run(str(path))[1]
    path.write_bytes(pickled(network(build_func_name=text('inception'), static_kwargs=plain({'a': '\x1b[2J' * 99}))))
    output = run(str(path))[1]
    assert 'not trusted, so it cannot be opened' in output and '\x1b' not in output and "a = '\\x1b[2J" in output


def test_family_size_and_growth_are_said():
    output = run(OFFICIAL, '--no-variables')[1]
    assert '  what    StyleGAN generator, 16x16 px, RGB, lod 0: finished growing\n' in output
    assert '  what    StyleGAN mapping network\n' in output and '  what    StyleGAN discriminator, 16x16 px' in output
    settings, variables = {'resolution': 64, 'label_size': 5}, [('lod', np.float32(2.25))]
    growing = describe_kind({'build_func_name': 'G_style', 'static_kwargs': settings, 'variables': variables})
    assert growing.startswith('StyleGAN generator, 64x64 px, labels of 5 numbers, lod 2.25: still growing, so its ')
    assert growing.endswith('images have the detail of 16 px')
    for name, settings, expected in (
        ('G_paper', {'resolution': 1024, 'num_channels': 3}, 'ProGAN generator, 1024x1024 px, RGB'),
        ('D_stylegan2', {'resolution': 256, 'num_channels': 1}, 'StyleGAN2 discriminator, 256x256 px, grey'),
        ('inception', {'resolution': 'x'}, 'of a program that is not known here'),
        ('G_style', {'resolution': 'x'}, 'StyleGAN generator'),
    ):
        assert describe_kind({'build_func_name': name, 'static_kwargs': settings, 'variables': []}) == expected


def test_tensorflow_does_not_start():
    script = (
        'import sys; from dnnlib.describe import describe; from dnnlib.network_file import read_network_file\n'
        'list(describe(read_network_file(sys.argv[1]))); print("tensorflow" in sys.modules)'
    )
    assert (
        subprocess.run([sys.executable, '-c', script, OFFICIAL], stdout=subprocess.PIPE, check=True, text=True).stdout
        == 'False\n'
    )


def test_what_cannot_be_described_is_a_sentence(tmp_path):
    (tmp_path / 'other.pkl').write_bytes(b'<html>')
    status, _, error = run(str(tmp_path / 'other.pkl'))
    assert status == 1 and 'other.pkl: is a web page, as servers' in error
    status, _, error = run(str(tmp_path / 'nothing.pkl'))
    assert status == 2 and 'no such file' in error
