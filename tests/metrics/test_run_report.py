"""The page about a run: for whole runs, for runs that have hardly begun, and for damaged runs."""

import base64
import io
import json
import os

import pytest
from click.testing import CliRunner
from PIL import Image

from metrics.meter import Result
from metrics.registry import METRICS
from metrics.results import Snapshot, append_result
from metrics.run_report import RunReport, main
from tests.metrics.made_up_run import OPTIONS, add_tick, add_value, make_run, save_grid
from tests.parsed_page import ParsedPage

HOSTILE = '"><script>document.title=1</script><img src=x onerror=alert(1)>'


def written(run_dir):
    with open(RunReport(str(run_dir)).write(), 'rb') as file:
        return ParsedPage(file.read())


def words(page):
    return ' '.join(page.text.split())


def figures(page):
    return [attributes for tag, attributes in page.elements if tag == 'figure' and 'data-kimg' in attributes]


def grey_of(attributes):
    return Image.open(io.BytesIO(base64.b64decode(attributes['src'].split(',')[1]))).convert('L').getpixel((9, 9))


@pytest.fixture
def run_dir(tmp_path):
    return make_run(tmp_path / '00007-toy')


def test_says_how_far_the_run_is_how_fast_and_how_long_it_takes(run_dir):
    text = words(written(run_dir))
    assert text.startswith('Run 00007-toy 00007-toy At kimg 20.1 of 40, 50.2 %, after 2h 00m of training.')
    for part in (
        ('5.25', 'fid50k, best, at kimg 10.064'),
        ('2h 00m', 'ETA'),
        ('2.5', 'seconds per kimg'),
        ('400', 'images per second'),
        ('16×16', 'pixels, lod 1.00, minibatch 16'),
        ('1.5 GB', 'main memory, at most'),
    ):
        assert f'{part[1]} {part[0]}' in text  # a tile has its number above its words
    assert 'GPU' not in text
    add_tick(run_dir, 3, 40, gpu_memory_gb=9.7, total_sec=100000)
    text = words(written(run_dir))
    assert 'Trained to its end, kimg 40.1, in 1d 03h.' in text and 'ETA' not in text
    assert 'memory of the fullest GPU 9.7 GB' in text


def test_each_grid_is_there_with_what_is_known_of_its_moment_and_the_last_is_shown(run_dir):
    page = written(run_dir)
    assert [(f['data-kimg'], 'hidden' in f) for f in figures(page)] == [
        ('0', True),
        ('10.064', True),
        ('20.064', False),
    ]
    assert [grey_of(image) for image in page.images()] == [0, 40, 80]
    assert [(image['width'], image['height']) for image in page.images()] == [('1056', '704')] * 3  # whole pixels
    text = words(page)
    assert 'kimg 10 · trained at 8×8 · fid50k 5.2500 · best snapshot · fakes000010.png' in text
    assert 'evenly chosen' not in text
    (slider,) = (attributes for tag, attributes in page.elements if tag == 'input')
    assert (slider['type'], slider['min'], slider['max'], slider['value']) == ('range', '0', '2', '2')
    assert [a['data-place'] for _, a in page.elements if 'data-place' in a] == ['0', '1', '2']  # first, best, last


def test_grids_within_the_same_kimg_are_told_apart(tmp_path):
    folder = make_run(tmp_path / 'run', kimgs=[0], values=[9.0])
    for number, nimg in enumerate((64, 128), 1):
        save_grid(folder, nimg / 1000, 100 * number)
        add_tick(folder, number, (nimg - 64) / 1000)  # whose kimg is 0.064 more
    result = Result('fid50k', 5.0, 1.0, METRICS['fid50k'].settings())
    append_result(str(folder), Snapshot('network-snapshot-000000.128.pkl', 0.128), result)
    page = written(folder)
    assert [f['data-kimg'] for f in figures(page)] == ['0', '0.064', '0.128']
    assert [grey_of(image) for image in page.images()] == [0, 100, 200]
    text = words(page)
    assert 'kimg 0 · fid50k 9.0000 · fakes000000.png' in text
    assert 'kimg 0.064 · trained at 8×8 · fakes000000.064.png' in text
    assert 'kimg 0.128 · trained at 16×16 · fid50k 5.0000 · best snapshot · fakes000000.128.png' in text


def test_the_best_snapshot_and_why(run_dir):
    for kimg, value in ((0, 100.0), (10, 90.0), (20, 80.0)):
        add_value(run_dir, kimg, 'ppl_wend', value)
    page = written(run_dir)
    assert (
        'network-snapshot-000010.pkl , kimg 10.064: its fid50k of 5.2500 is the lowest of 3 measured snapshots. metric'
    ) in words(page)
    assert page.table('metric') == [
        ['fid50k', '5.2500', '5.2500 at kimg 10.064', '7.0000 at kimg 20.064'],
        ['ppl_wend', '90.0000', '80.0000 at kimg 20.064', '80.0000 at kimg 20.064'],
    ]


def test_says_that_the_best_snapshot_was_copied_if_it_was(run_dir):
    snapshot, copy = run_dir / 'network-snapshot-000010.pkl', run_dir / 'network-best.pkl'
    snapshot.write_bytes(b'networks')
    for content, is_copied in ((b'others', False), (b'networks', True)):
        copy.write_bytes(content)
        assert ('network-best.pkl is a copy of it.' in words(written(run_dir))) == is_copied


def test_table_1_is_of_the_best_snapshot_beside_the_paper(run_dir):
    add_value(run_dir, 10, 'ppl_wend', 60.0)
    add_value(run_dir, 20, 'ppl_zend', 1.0)
    rows = {row[0]: row[1:] for row in written(run_dir).table('Metric')}
    assert rows['FID50k'][:3] == ['5.2500', '4.7842', '+0.4658'] and rows['ppl_wend'][0] == '60.0000'
    assert rows['ppl_zend'][0] == 'not measured' and rows['ls in W'][:3] == ['not measured', '2.5235', '-']


def test_options_as_they_are(run_dir):
    assert written(run_dir).table('option') == [
        ['data', 'datasets/toy'],
        ['metrics', 'fid50k'],
        ['total_kimg', '40'],
        ['mirror', 'yes'],
        ['resume', '–'],
        ['lrate_by_resolution', '128: 0.0015'],
    ]


def test_curves_of_what_was_measured_and_logged_with_the_changes_of_side(run_dir):
    page = written(run_dir)
    labels = [attributes['aria-label'] for tag, attributes in page.elements if tag == 'svg']
    assert labels == [
        'fid50k against kimg',
        'Losses against kimg',
        'D’s scores against kimg',
        'R1 penalty against kimg',
        'Seconds per kimg against kimg',
    ]
    assert 'G 3 ' in page.text and 'D 0.5 ' in page.text
    assert 'from kimg 0: 8×8, minibatch 16' in page.text and 'from kimg 20.064: 16×16, minibatch 16' in page.text
    assert 'best: 5.2500 at kimg 10.06' in page.text


def test_of_a_run_that_has_hardly_begun_the_page_says_so(tmp_path):
    folder = tmp_path / 'empty'
    folder.mkdir()
    text = words(written(folder))
    assert 'At kimg 0: no log line yet.' in text and 'options.json cannot be read' in text
    assert 'There is no grid of fakes' in text and 'No snapshot has been measured yet' in text
    assert 'not measured' in text and 'Curves' not in text
    text = words(written(make_run(tmp_path / 'begun', kimgs=[20], values=[])))  # with the networks of another run
    assert 'At kimg 20 of 40: no log line yet.' in text and 'kimg 20 · fakes000020.png' in text


def test_what_is_damaged_is_named_and_the_rest_is_shown(run_dir):
    with open(str(run_dir / 'stats.jsonl'), 'ab') as file:
        file.write(b'[1, 2]\n{"tick": 3, "kimg": "30"}\n{"tick": 3, "kimg": NaN}\n\xff\n{"tick": 4, "ki')
    with open(str(run_dir / 'metrics.jsonl'), 'ab') as file:
        file.write(b'{}\n{"snapshot": "network-snap')
    (run_dir / 'options.json').write_text('{')
    (run_dir / 'fakes000010.png').write_bytes(b'\x89PNG')
    os.remove(str(run_dir / 'fakes000020.png'))
    os.symlink('nowhere', str(run_dir / 'fakes000020.png'))
    page = written(run_dir)
    text = words(page)
    assert '5 lines of stats.jsonl cannot be read' in text and 'At kimg 20.1, after 2h 00m' in text
    assert 'metrics.jsonl line 4 is damaged' in text and 'options.json: is damaged' in text
    assert 'fakes000010.png cannot be shown: it is damaged or too large.' in text
    assert 'fakes000020.png cannot be shown: No such file or directory.' in text
    assert [f['data-kimg'] for f in figures(page)] == ['0']


def test_lines_break_where_numbers_are_missing_and_do_not_end_the_page(tmp_path):
    folder = make_run(tmp_path / 'run', kimgs=[0], values=[])
    losses = [1.0, None, float('nan'), 3.0, float('inf'), 10**400, 'x', 5.0, 6.0]
    for number, loss in enumerate(losses, 1):
        add_tick(folder, number, number, G_loss=loss, D_loss=None, eta_sec=None, images_per_sec=None, resolution=None)
    page = written(folder)
    (line,) = (
        attributes['d']
        for tag, attributes in page.elements
        if attributes.get('class') == 'line line0' and 'h0M' in attributes['d']
    )
    assert line.count('M') == 3 and line.count('L') == 1
    text = words(page)
    assert 'D not finite' in text and 'ETA –' in text and 'pixels, lod 1.00, minibatch 16 –×–' in text


def test_names_and_options_stay_text(tmp_path):
    name = HOSTILE.replace('/', '_')
    options = dict(OPTIONS, **{HOSTILE: HOSTILE, 'lone': '\ud800\u202e', 'metrics': [HOSTILE]})
    folder = make_run(tmp_path / name, options=options, values=[])
    with open(str(folder / 'metrics.jsonl'), 'w') as file:
        json.dump({'snapshot': HOSTILE, 'kimg': 1, 'metric': HOSTILE, 'value': 1, 'seconds': 1, 'settings': {}}, file)
        file.write('\n')
    page = written(folder)
    assert [tag for tag, _ in page.elements].count('script') == 1  # the page's own
    assert len(page.images()) == 3 and all(image['src'].startswith('data:') for image in page.images())
    assert not any(attribute.startswith('on') for _, attributes in page.elements for attribute in attributes)
    assert [HOSTILE, HOSTILE] in page.table('option') and ['lone', '\\ud800\\u202e'] in page.table('option')
    assert f'{HOSTILE} , kimg 1: its {HOSTILE} of 1.0000' in words(page) and words(page).count(name) == 2


def test_the_page_needs_nothing_but_itself(run_dir):
    page = written(run_dir)
    assert all(
        value.startswith('data:image/')
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ('src', 'srcset', 'href', 'data', 'poster')
    )
    policy = next(attributes['content'] for tag, attributes in page.elements if 'http-equiv' in attributes)
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy


def test_a_long_run_has_a_page_of_bounded_size_that_is_soon_written_again(tmp_path, monkeypatch):
    folder = make_run(tmp_path / 'run', kimgs=range(0, 5000, 10), values=[9.0] * 100 + [1.0])
    report = RunReport(str(folder))
    report.write()
    page = ParsedPage((folder / 'report.html').read_bytes())
    shown = [int(float(figure['data-kimg'])) for figure in figures(page)]
    assert 30 <= len(shown) <= 62 and f'{len(shown)} of 500 grids, evenly chosen' in page.text
    assert shown[0] == 0 and shown[-1] == 4990 and 1000 in shown  # the best one's
    assert len((folder / 'report.html').read_bytes()) < 400000
    assert 'each point a mean of 2' in page.text
    opened = []
    real = Image.open
    monkeypatch.setattr('PIL.Image.open', lambda path: opened.append(os.path.basename(path)) or real(path))
    save_grid(folder, 5000, 3)
    save_grid(folder, 1000, 5)  # one that changed
    report.write()
    assert opened == ['fakes001000.png', 'fakes005000.png']


def test_a_page_that_cannot_be_written_is_a_warning(run_dir, monkeypatch):
    said = []
    report = RunReport(str(run_dir))
    report.write_or_warn(said.append)
    assert said == []
    before = (run_dir / 'report.html').read_bytes()
    for error, reason in (
        (OSError(28, 'No space left on device'), 'No space left on device'),
        (MemoryError(), 'MemoryError'),
        (KeyError('x'), "KeyError: 'x'"),
    ):

        def fail(*_, error=error):
            raise error

        monkeypatch.setattr('metrics.run_report.make_page', fail)
        report.write_or_warn(said.append)
        assert f'report.html is not written ({reason}' in said.pop()
    assert (run_dir / 'report.html').read_bytes() == before
    assert not any(name.endswith('.part') for name in os.listdir(str(run_dir)))


def test_the_command_makes_the_page_again(run_dir, tmp_path):
    result = CliRunner(mix_stderr=False).invoke(main, [str(run_dir)])
    assert result.exit_code == 0 and result.stdout == f'{run_dir / "report.html"} is written.\n'
    assert (run_dir / 'report.html').exists()
    assert CliRunner().invoke(main, [str(tmp_path / 'none')]).exit_code == 2


def test_a_folder_that_is_no_run_gets_no_page(tmp_path):
    result = CliRunner().invoke(main, [str(tmp_path)])
    assert (
        result.exit_code == 1
        and 'is an empty folder: name the directory of a training run' in result.output
        and os.listdir(str(tmp_path)) == []
    )


def test_the_command_says_what_keeps_the_page_from_being_written(run_dir):
    os.mkdir(str(run_dir / 'report.html'))
    result = CliRunner().invoke(main, [str(run_dir)])
    assert result.exit_code == 1 and 'report.html cannot be written (Is a directory)' in result.output
