"""The options of a synthetic dataset: what is refused without a network, where values are kept, what is read again."""

import dataclasses
import json

import click
import pytest

from dnnlib.errors import UserError
from dnnlib.flags import Numbers
from dnnlib.records.options import save_options
from synthesis.flags import ClassChoice, Words
from synthesis.options import GenerateOptions, check_options, read_generate_options

PLAIN = GenerateOptions(network='n.pkl', out='set', identities=10, per_identity=3)


def refusal(**changes):
    with pytest.raises(click.UsageError) as raised:
        check_options(dataclasses.replace(PLAIN, **changes))
    return raised.value.message


def test_plain_options_are_taken():
    check_options(PLAIN)
    check_options(GenerateOptions())
    check_options(
        dataclasses.replace(
            PLAIN,
            vary=('near', 'directions'),
            near=0.2,
            directions=(4,),
            direction_layers=range(2, 6),
            direction_distance=1.0,
            classes='like-reals',
            data='faces',
            reject=True,
            keep_refused=True,
            psi_layers=0,
            psi=0,
        )
    )
    assert PLAIN.count == 30


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'identities': 0}, '--identities 0: give a number from 1 to 2147483648'),
        ({'identities': 2**31 + 1}, '--identities'),
        ({'per_identity': 2**16 + 1}, '--per-identity'),
        ({'draws': 1025}, '--draws 1025: give a number from 1 to 1024.'),
        ({'seed': -1}, '--seed'),
        ({'seed': 2**32}, '--seed'),
        ({'psi': 10.5}, '--psi 10.5: give a number from -10 to 10.'),
        ({'psi': float('nan')}, '--psi nan'),
        ({'psi_layers': -1}, '--psi-layers -1: give a number of 0 or more.'),
        ({'fine': 1.5}, '--fine 1.5: give a number from 0 to 1.'),
        ({'fine': 0}, '--fine 0 changes nothing'),
        ({'near': float('inf'), 'vary': ('near',)}, '--near inf'),
        ({'near': 0.0, 'vary': ('near',)}, '--near 0 changes nothing'),
        ({'direction_distance': -1}, '--direction-distance'),
        ({'size': 3}, '--size 3: give a number of 4 or more.'),
        ({'minibatch': 0}, '--minibatch'),
        ({'vary': ()}, '--vary : choose from noise, fine, near, directions.'),
        ({'vary': ('hair',)}, '--vary hair: choose from'),
        ({'vary': ('noise',), 'per_identity': 1}, '--vary is about the further images of an identity'),
        ({'near': 0.2}, '--near is for --vary near: add near there, or leave --near out.'),
        ({'directions': (1,)}, '--directions is for --vary directions'),
        ({'direction_layers': range(3)}, '--direction-layers is for --vary directions'),
        ({'fine': 0.5, 'vary': ('noise',)}, '--fine is for --vary fine'),
        ({'keep_refused': True}, '--keep-refused is for --reject'),
        ({'data': 'faces'}, '--data is for --classes like-reals'),
        ({'data': 'faces', 'classes': 'balanced'}, '--data is for --classes like-reals'),
        ({'classes': ()}, '--classes: name at least one class'),
    ],
)
def test_what_makes_no_sense_is_a_sentence_that_names_the_flag(changes, message):
    assert message in refusal(**changes)


def test_the_plan_has_what_images_depend_on_and_no_number_of_identities():
    plan = PLAIN.plan()
    assert {'--seed', '--vary', '--psi', '--minibatch', '--classes', '--size', '--device'} <= set(plan)
    assert not {'--identities', '--draws', '--out', 'network', '--export', '--workers', '--licence'} & set(plan)
    assert json.loads(json.dumps(plan)) == plan and plan['--direction-layers'] == [0, 1]
    assert {'exports', 'jpeg', 'licence'} <= set(PLAIN.ending())


def test_options_are_read_again_as_they_were(tmp_path):
    made = dataclasses.replace(
        PLAIN,
        vary=('directions', 'noise'),
        directions=(0, 5),
        direction_layers=range(2, 6),
        classes=(3, 7),
        size=32,
        minibatch=8,
        psi_layers=4,
        exports=('zips',),
    )
    save_options(str(tmp_path), made)
    again = read_generate_options(str(tmp_path))
    assert again == dataclasses.replace(made, network=None, out=None)


@pytest.mark.parametrize(
    'content, message',
    [
        ('{"source": "faces"}', 'is not of a dataset that python -m synthesis generate made'),
        ('[1]', 'is not of a dataset'),
        ('{"per-id', 'is damaged'),
        ('{"per-identity": "3"}', 'is damaged'),
        ('{"per-identity": 2, "psi": 77}', 'is damaged (--psi 77'),
        ('{"per-identity": 2, "direction-layers": []}', 'is damaged'),
    ],
)
def test_a_damaged_file_of_options_is_a_sentence(tmp_path, content, message):
    (tmp_path / 'options.json').write_text(content)
    with pytest.raises(UserError) as raised:
        read_generate_options(str(tmp_path))
    assert str(tmp_path / 'options.json') in raised.value.message and message in raised.value.message


def test_a_folder_without_options_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match='options.json cannot be read'):
        read_generate_options(str(tmp_path))


@pytest.mark.parametrize(
    'flag, text, value',
    [
        (Words(), 'fine, NOISE,fine', ('noise', 'fine')),
        (Numbers(), '5, 0,5', (0, 5)),
        (ClassChoice(), '7,3', (3, 7)),
        (ClassChoice(), 'balanced', 'balanced'),
        (ClassChoice(), 'like-reals', 'like-reals'),
    ],
)
def test_flags_convert_to_one_form(flag, text, value):
    assert flag.convert(text, None, None) == value
    assert flag.convert(value, None, None) == value


@pytest.mark.parametrize(
    'flag, text, message',
    [
        (Words(), 'noise,hair', "'hair': choose from noise, fine, near, directions"),
        (Words(), '', 'choose from'),
        (Numbers(), '1,', 'no list of whole numbers such as 0,2'),
        (Numbers(), '-1', 'no list'),
        (ClassChoice(), 'even', 'give class numbers such as 3,7, or balanced, or like-reals'),
        (ClassChoice(), '3,,7', 'no list'),
    ],
)
def test_flags_refuse_what_they_do_not_understand(flag, text, message):
    with pytest.raises(click.BadParameter) as raised:
        flag.convert(text, None, None)
    assert message in raised.value.message
