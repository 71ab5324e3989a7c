"""The documents say what is there: links, commands, flags, targets of make, and tables that repeat the code."""

import dataclasses
import importlib
import json
import pathlib
import re
import shlex
from unittest import mock

import click
import pytest

import dnnlib.records.names
import dnnlib.run_dir
from dnnlib.jobs.shards import SHARD_IMAGES
from dnnlib.pages import grid_pictures
from dnnlib.tflib.machine_code import GENERATIONS, first_start
from metrics.registry import GROUPS, METRICS
from metrics.results import RECORD_FIELDS
from metrics.stages import CHUNK
from prefilter.tasks import ALONE_TRIES, TOGETHER_TRIES
from training.checkpoint import STATES_KEPT
from training.options import TrainingOptions
from training.resume import CHANGEABLE
from training.run_state import new_counters
from training.ticks import tick_stats

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / name for name in ('README.md', 'CONTRIBUTING.md', 'CHANGELOG.md')] + sorted(
    (ROOT / 'docs').glob('*.md')
)
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding='utf-8') for page in PAGES}

# What is other people's and yet named.
FOREIGN_FLAGS = {'--logdir'}  # TensorBoard's
FOREIGN_MODULES = {'pytest'}


def outside_code(text):
    return re.sub(r'^```.*?^```$', '', text, flags=re.MULTILINE | re.DOTALL)


def code_lines(text):
    """Lines of the code blocks that a shell takes, those that end in a backslash joined with the next."""
    blocks = re.findall(r'^```(\w*)\n(.*?)^```$', text, flags=re.MULTILINE | re.DOTALL)
    return ''.join(block for language, block in blocks if not language).replace('\\\n', ' ').splitlines()


def commands(text):
    """(verb, words after it) of each `python ...` in code blocks and between backquotes."""
    inline = re.findall(r'`([^`\n]+)`', outside_code(text))
    for line in code_lines(text) + inline:
        found = re.match(r'(?:\S*/)?python (?:-m )?(\S+)(.*)', line)
        if found and '…' not in found.group(1):
            yield found.group(1), shlex.split(found.group(2), comments=True)


def verb_command(verb):
    """The click command behind `python VERB` or `python -m VERB`; None for other people's modules."""
    if verb in FOREIGN_MODULES:
        return None
    module = verb[: -len('.py')] if verb.endswith('.py') else verb
    if (ROOT / module.replace('.', '/') / '__main__.py').exists():
        module += '.__main__'
    return importlib.import_module(module).main


def single_commands(command):
    """The commands of a group, or the command itself."""
    if not isinstance(command, click.Group):
        return [command]
    context = click.Context(command)
    verbs = (command.get_command(context, name) for name in command.list_commands(context))
    return [single for verb in verbs for single in single_commands(verb)]


def flags_of(command):
    options = (option.opts + option.secondary_opts for single in single_commands(command) for option in single.params)
    return {'--help'}.union(*options)


def all_verbs():
    """Every verb of the project that is a click command: the scripts, and the modules that run as such."""
    folders = ('dnnlib', 'metrics', 'prefilter', 'synthesis', 'training', 'benchmarks', 'tests')
    paths = [*ROOT.glob('*.py'), *(path for folder in folders for path in (ROOT / folder).rglob('*.py'))]
    for path in sorted(paths):
        text = path.read_text(encoding='utf-8')
        if re.search(r"^if __name__ == '__main__':\n    main\(", text, re.MULTILINE) and '@click.' in text:
            name = path.relative_to(ROOT).as_posix()
            verb = name if '/' not in name else name[: -len('.py')].replace('/', '.')
            yield verb[: -len('.__main__')] if verb.endswith('.__main__') else verb


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r'^#+ (.*)$', outside_code(text), flags=re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-') for title in titles}


def table(page, title):
    """The rows of the table whose first column has this title, each a list of its cells."""
    text = TEXTS[page]
    rows = text[text.index(f'\n| {title} |') :].lstrip('\n').split('\n\n')[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip('|').split('|')] for row in rows]


def quoted(cell):
    return re.findall('`([^`]*)`', cell)


@pytest.mark.parametrize('name', TEXTS)
def test_links_lead_somewhere(name):
    links = re.findall(r'\]\(([^)\s]+)\)', outside_code(TEXTS[name]))
    for link in links:
        if re.match('https?:', link):
            continue
        path, _, anchor = link.partition('#')
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding='utf-8')), link


def test_every_page_is_in_the_list():
    listed = set(re.findall(r'\]\((docs/\w+\.md)\)', TEXTS['README.md']))
    assert listed == {name for name in TEXTS if name.startswith('docs/')}


@pytest.mark.parametrize('name', TEXTS)
def test_commands_and_their_flags_exist(name):
    for verb, words in commands(TEXTS[name]):
        command = verb_command(verb)
        if command is not None:
            given = {word.partition('=')[0] for word in words if word.startswith('--')}
            assert given <= flags_of(command), (verb, given - flags_of(command))


def test_flags_named_in_the_text_exist():
    known = set().union(*(flags_of(verb_command(verb)) for verb in all_verbs()))
    for name, text in TEXTS.items():
        named = set()
        for words in re.findall(r'`([^`\n]+)`', outside_code(text)):
            named |= set(re.findall(r'(?<![\w-])(--[a-z][\w-]*)', words))
        assert named <= known | FOREIGN_FLAGS, (name, named - known)


def test_the_texts_name_enough_for_these_tests_to_mean_something():
    verbs = {verb for text in TEXTS.values() for verb, _ in commands(text)}
    assert {'train.py', 'run_metrics.py', 'generate_figures.py', 'prefilter', 'dnnlib.verify'} <= verbs
    assert '--kimg' in flags_of(verb_command('train.py')) and '--no-mirror' in flags_of(verb_command('train.py'))


def test_every_verb_is_in_the_documents():
    named = {verb for text in TEXTS.values() for verb, _ in commands(text)}
    assert set(all_verbs()) - named == {'tests.crossing'}  # `make test-cross` starts it


def test_help_shows_each_example_on_a_line_of_its_own():
    for verb in all_verbs():
        for command in single_commands(verb_command(verb)):
            text = command.get_help(click.Context(command, max_content_width=80))
            examples = re.findall(r'python [^\n]*', command.epilog or '')
            assert [example for example in examples if example not in text] == [], verb


def test_targets_of_make_exist():
    makefile = (ROOT / 'Makefile').read_text(encoding='utf-8')
    targets = set(re.findall(r'^([a-z][\w-]*):', makefile, flags=re.MULTILINE))
    for name, text in TEXTS.items():
        for line in code_lines(text) + re.findall(r'`([^`\n]+)`', outside_code(text)):
            if line.startswith('make '):
                words = [word for word in shlex.split(line, comments=True)[1:] if '=' not in word]
                assert words and set(words) <= targets, (name, line)


def test_files_named_in_the_text_exist():
    known = ('train', 'run_metrics', 'generate_figures', 'config')
    for name, text in TEXTS.items():
        for words in re.findall(r'`([^`\n]+)`', outside_code(text)):
            if re.fullmatch(
                r'(?:docs|tests|dnnlib|metrics|prefilter|synthesis|training|benchmarks)/[\w./-]*', words
            ) or words in (f'{verb}.py' for verb in known):
                assert (ROOT / words).exists(), (name, words)


def test_readme_stays_a_page():
    assert len((ROOT / 'README.md').read_bytes()) <= 10240
    assert len(TEXTS['README.md'].splitlines()) <= 150
    first = TEXTS['README.md'].splitlines().index('```')
    assert first < 20  # the first command is on the first screen


def test_the_fields_of_the_log_are_those_of_training():
    described = {field for row in table('docs/training.md', 'in `stats.jsonl`') for field in quoted(row[0])}
    counters = new_counters('fingerprint')
    counters.update(tick=1, cur_nimg=1000, stats_count=1)
    schedule = mock.Mock(lod=0.0, resolution=8, minibatch=8, G_lrate=0.001, D_lrate=0.001)
    options = TrainingOptions('data', resolution=8, minibatch=8, tick_kimg=1, precision='mixed')
    scales = {'G_loss_scale': 1.0, 'D_loss_scale': 1.0}
    written = set(tick_stats(counters, schedule, options, 2.0, 1.0, loss_scales=scales))
    golden = next((ROOT / 'tests/golden/crossing/tensorflow-1.15').rglob('stats.jsonl'))
    written |= set(json.loads(golden.read_text(encoding='utf-8').splitlines()[-1]))  # with the means of the losses
    written |= {
        'G_label_loss',
        *(f'C_{of}_{what}' for of in ('real', 'fake') for what in ('loss', 'accuracy')),
    }  # with C
    assert described == written


def test_the_table_of_options_has_the_defaults_of_training():
    defaults = {quoted(row[0])[0]: row[1].replace('`', '') for row in table('docs/training.md', 'option')}
    options = {field.name: field.default for field in dataclasses.fields(TrainingOptions)}
    for flag, name in {
        '--kimg': 'total_kimg',
        '--gamma': 'r1_gamma',
        '--snapshot-ticks': 'snapshot_ticks',
        '--max-nonfinite': 'max_nonfinite',
        '--seed': 'seed',
    }.items():
        assert float(defaults[flag]) == options[name], flag
    assert defaults['--phase-kimg'] == f'{options["phase_kimg"]}, {options["fade_kimg"]}'
    assert defaults['--gpus'] == f'{options["gpus"]}, {options["device"]}'
    assert defaults['--lrate'].startswith(f'{options["lrate"]}, ')


def test_the_table_of_metrics_has_every_metric_and_group():
    described = [name for row in table('docs/metrics.md', '`--metrics`') for name in quoted(row[0])]
    assert sorted(described) == sorted([*METRICS, *GROUPS])


def test_the_fields_of_a_measurement_are_those_of_the_code():
    text = TEXTS['docs/metrics.md'].split('## Fields of metrics.jsonl')[1]
    assert [name for name in quoted(text) if name in RECORD_FIELDS] == list(RECORD_FIELDS)


def test_every_benchmark_is_in_the_table():
    described = {quoted(row[0])[0].split()[2] for row in table('docs/performance.md', 'command')}
    assert described == {verb for verb in all_verbs() if verb.startswith('benchmarks.')}


@pytest.mark.parametrize(
    'page, title, module',
    [
        ('docs/training.md', 'file in `results/NNNNN-NAME/`', dnnlib.run_dir),
        ('docs/prefilter.md', 'file in `datasets/faces`', dnnlib.records.names),
    ],
)
def test_files_of_runs_and_datasets_are_in_the_tables(page, title, module):
    described = {name for row in table(page, title) for name in quoted(row[0])}
    names = {value for name, value in vars(module).items() if name.endswith(('_FILE', '_PICKLE')) and name.isupper()}
    assert len(names) > 5 and names <= described


def test_what_may_change_of_a_run_is_what_the_code_lets_change():
    text = TEXTS['docs/training.md']
    named = quoted(text[text.index('You may change `--data`') :].split('. ')[0])
    flags = {parameter.name: parameter.opts[0] for parameter in verb_command('train.py').params}
    flags.update(total_kimg='--kimg')
    assert set(named) == {flags[name] for name in CHANGEABLE if not name.endswith('_by_resolution')}


def test_the_table_of_cards_is_what_the_code_says_of_them():
    rows = {name: cells for name, *cells in table('docs/install.md', 'card | examples')}
    assert list(rows) == list(GENERATIONS)
    for name, (capability, examples) in GENERATIONS.items():
        starts = [first_start(capability, version) for version in ('1.15.0', '2.15.1', '2.16.2', '2.17.1')]
        assert rows[name] == [examples, *starts]
        assert first_start(capability, '2.21.0') == starts[-1]


def test_numbers_in_the_text_are_those_of_the_code():
    words = {2: 'twice', 3: 'three times', 5: 'five times'}
    tries = TOGETHER_TRIES + ALONE_TRIES
    for page, sentence in [
        ('docs/prefilter.md', f'{SHARD_IMAGES} images a file'),
        ('docs/cluster.md', f'shards of {SHARD_IMAGES} images'),
        ('docs/prefilter.md', f'its process {words[tries]} ({words[TOGETHER_TRIES]} among others'),
        ('docs/prefilter.md', f'others, {words[ALONE_TRIES]} alone)'),
        ('docs/metrics.md', f'At most the last {CHUNK:,} images are lost'),
        ('docs/training.md', f'at most {grid_pictures.MOST} grids'),
        ('docs/training.md', f'{grid_pictures.LONGEST_SIDE} px'),
        ('docs/training.md', {2: 'two are kept'}[STATES_KEPT]),
    ]:
        assert sentence in ' '.join(TEXTS[page].split()), sentence


def test_pinned_versions_named_in_the_text_are_pinned():
    for name, package, page in [
        ('requirements.txt', 'tensorflow(?:-gpu)?', 'docs/install.md'),
        ('requirements-tf2.txt', 'tensorflow', 'docs/install.md'),
        ('requirements-tf2-horovod.txt', 'tensorflow', 'docs/install.md'),
        ('requirements-beam.txt', 'apache-beam', 'docs/cluster.md'),
    ]:
        pins = (ROOT / name).read_text(encoding='utf-8')
        version = re.search(rf'^{package}==(\S+)$', pins, flags=re.MULTILINE).group(1)
        assert version in TEXTS[page], (name, version)
