import dataclasses

import prefilter.__main__
from dnnlib.records.options import flag_of
from prefilter.options import DatasetOptions

MADE = DatasetOptions(
    source='/photos/people/',
    out='set',
    format='tree',
    size=64,
    exports=('zip', 'png', 'zip'),
    labels='identity',
    no_shuffle=True,
    device='cpu',
    workers=3,
)


def test_every_flag_is_an_option_under_its_name():
    parameters = {parameter.name: parameter.opts[0] for parameter in prefilter.__main__.main.params}
    assert {field.name: flag_of(field) for field in dataclasses.fields(DatasetOptions)} == parameters


def test_what_is_kept_is_what_earlier_versions_kept():
    """Else their unfinished runs would not go on."""
    assert MADE.plan() == {
        '--format': 'tree',
        '--size': 64,
        '--margin': 50,
        '--device': 'cpu',
        '--reference-loader': False,
        '--max-pixels': 120000000,
    }
    assert MADE.ending() == {
        'labels': 'identity',
        'shuffle': False,
        'exports': ['png', 'zip'],
        'drop_duplicates': False,
    }
    assert list(MADE.record().items()) == [
        ('source', 'people'),
        ('format', 'tree'),
        ('partition', None),
        ('size', 64),
        ('margin', 50),
        ('detect', True),
        ('labels', 'identity'),
        ('no-shuffle', True),
        ('export', ['png', 'zip']),
        ('max-pixels', 120000000),
        ('reference-loader', False),
        ('drop-duplicates', False),
    ]
    chosen = dataclasses.replace(MADE, max_identities=9, min_images=2)
    assert chosen.plan() == MADE.plan() and chosen.by_identity == ['--max-identities', '--min-images']
    assert chosen.ending() == {**MADE.ending(), 'max_identities': 9, 'min_images': 2}
    assert chosen.record() == {**MADE.record(), 'max-identities': 9, 'min-images': 2}
    assert 'margin' not in dataclasses.replace(MADE, detect=False, margin=0, device=None).record()
