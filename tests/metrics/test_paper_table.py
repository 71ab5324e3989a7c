"""The paper's Table I beside a network's own numbers."""

import csv
import io

import pytest

import config
from dnnlib.errors import UserError
from metrics.paper_table import as_csv, as_latex, as_markdown, as_text, collect, make_rows, write_files
from metrics.registry import METRICS


def record(value, number, snapshot='a.pkl', **settings):
    metric = next(metric for metric in METRICS.values() if value in metric.value_names)
    of_name = metric.settings()
    return {'snapshot': snapshot, 'metric': value, 'value': number, 'settings': {**of_name, 'seed': 1, **settings}}


RECORDS = [
    record('fid50k', 9.0),
    record('fid50k', 5.7842),
    record('fid50k', 1.0, snapshot='b.pkl'),
    record('ls_w', 2.5, num_keep=3),
    record('ppl_wend', None),
    record('ls_z', 143.2236),
]


def test_the_newest_number_of_the_network_with_todays_settings_counts():
    assert collect(RECORDS, 'a.pkl') == {
        'fid50k': 5.7842,
        'ppl_zfull': 'not measured',
        'ppl_wfull': 'not measured',
        'ppl_zend': 'not measured',
        'ppl_wend': 'failed',
        'ls_z': 143.2236,
        'ls_w': 'not measured',
    }


def test_differences_are_to_the_column_before():
    rows = make_rows('a.pkl', collect(RECORDS, 'a.pkl'))
    assert rows[0] == ['Metric', 'a.pkl', 'CelebA', 'diff', 'CASIA-WebFace', 'diff', 'FFHQ [3]', 'diff', 'Description']
    assert rows[1] == [
        'FID50k',
        '5.7842',
        '4.7842',
        '+1.0000',
        '4.5992',
        '+1.1850',
        '4.4159',
        '+1.3683',
        'Frechet distance of Inception features, 50,000 images',
    ]
    assert rows[5][:-1] == ['ppl_wend', 'failed', '56.4555', '-', '74.2621', '-', '197.2266', '-']
    assert rows[6][:4] == ['ls in Z', '143.2236', '143.2236', '+0.0000'] and len(rows) == 1 + len(config.PAPER_TABLE)


def test_what_the_paper_has_no_numbers_of_comes_below_and_is_compared_with_nothing():
    records = [record('pl_onet5k_wend', 3.5), record('pr_onet5k3_recall', 0.25), *RECORDS]
    rows = make_rows('a.pkl', collect(records, 'a.pkl'))
    assert [row[0] for row in rows[-2:]] == ['pr_onet5k3_recall', 'pl_onet5k_wend']
    assert rows[-1][1:] == ['3.5000', *'------', "path length for path endpoints in W by O-Net's features of faces"]


def test_without_the_paper_it_is_a_table_of_the_same_shape():
    rows = make_rows(
        'a.pkl',
        collect(
            [record(value, 2.0) for value in ('pl_onet5k_zend', 'fd_onet5k', 'pl_onet5k_zfull')],
            'a.pkl',
            with_paper=False,
        ),
    )
    assert rows == [
        ['Metric', 'a.pkl', 'Description'],
        ['fd_onet5k', '2.0000', "Frechet distance of O-Net's features of faces, 5,000 images"],
        ['pl_onet5k_zfull', '2.0000', "path length for full paths in Z by O-Net's features of faces"],
        ['pl_onet5k_zend', '2.0000', "path length for path endpoints in Z by O-Net's features of faces"],
    ]
    *lines, note = as_text(rows).splitlines()
    assert [line.split(maxsplit=2) for line in lines] == rows and 'cannot be compared with them' in note
    assert as_latex(rows).startswith(r'\begin{tabular}{lrl}') and '| --- | ---: | --- |' in as_markdown(rows)


@pytest.mark.parametrize('metric', METRICS.values(), ids=METRICS)
def test_each_value_has_a_description_of_its_own(metric):
    assert len(metric.descriptions) == len(set(metric.descriptions)) == len(metric.value_names)


def test_all_forms_say_the_same():
    rows = make_rows('my_net|1.pkl', collect(RECORDS, 'a.pkl'))
    assert as_text(rows).splitlines()[1].split() == rows[1][:-1]
    assert r'my_net\|1.pkl' in as_markdown(rows).splitlines()[0]
    assert as_markdown(rows).splitlines()[2] == '| ' + ' | '.join(rows[1]) + ' |'
    parsed = list(csv.reader(io.StringIO(as_csv(rows))))
    assert parsed[1:] == rows[1:] and len(set(parsed[0])) == 9 and parsed[0][3] == 'diff to CelebA'
    latex = as_latex(rows).splitlines()
    assert latex[0] == r'\begin{tabular}{lrrrrrrrl}' and latex[2].startswith(r'Metric & my\_net|1.pkl & CelebA')
    assert latex[4].startswith(r'FID50k & 5.7842 & 4.7842 & $+1.0000$ & 4.5992 & $+1.1850$ & 4.4159 & $+1.3683$ & Fr')


def test_files_of_a_new_folder_and_one_that_cannot_be(tmp_path):
    rows = make_rows('a.pkl', collect(RECORDS, 'a.pkl'))
    paths = write_files(str(tmp_path / 'new' / 'one'), rows)
    assert [path.rsplit('/')[-1] for path in paths] == ['table1.md', 'table1.csv', 'table1.tex']
    with open(paths[1]) as file:
        assert file.read() == as_csv(rows)
    (tmp_path / 'file').write_bytes(b'')
    with pytest.raises(UserError, match='cannot be written .*name another folder with --write'):
        write_files(str(tmp_path / 'file'), rows)
