"""What differs in the command line of training where a launcher has started several processes."""

import click
import pytest

from dnnlib.errors import UserError
from training.command_line import DatasetOfMachine, NetworkOfChief, is_chief
from training.dataset import TrainingSet


@pytest.mark.parametrize('kind', [DatasetOfMachine(exists=True), NetworkOfChief()])
def test_the_first_process_refuses_what_is_not_there_and_others_take_it(kind, monkeypatch):
    for rank, chief in (('0', True), ('1', False)):
        monkeypatch.setenv('HOROVOD_SIZE', '2')
        monkeypatch.setenv('HOROVOD_RANK', rank)
        assert is_chief() == chief
        if chief:
            with pytest.raises((click.UsageError, UserError), match='not/there'):
                kind.convert('not/there', None, None)
        else:
            assert kind.convert('not/there', None, None) == 'not/there'


def test_a_dataset_that_a_machine_does_not_have_is_named_when_it_is_opened():
    with pytest.raises(UserError, match='not/there'):
        TrainingSet('not/there')
