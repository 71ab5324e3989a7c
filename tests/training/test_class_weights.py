"""What classes cost, counted without building their weights."""

import pytest

from dnnlib.errors import UserError
from training.class_weights import check_class_weights, class_values, class_weight_rows
from training.options import resolve_options
from training.plan import count_parameters
from training.step import make_networks, network_arguments

SMALL = {'data': 'x', 'fmap_base': 64, 'fmap_max': 8, 'latent_size': 6, 'mapping_layers': 1}


@pytest.mark.slow
def test_values_of_labels_are_counted_as_in_networks_that_have_them(session):
    options = resolve_options('paper', SMALL, 8)
    G, D = make_networks(options, 3, 7)
    built = [
        sum(variable.shape.num_elements() for variable in variables.values())
        for variables in (G.vars, D.vars, G.trainables, D.trainables)
    ]
    counted = count_parameters(options, 3, 7)
    assert list(counted[:4]) == built
    assert counted.G_labels == G.vars['G_mapping/LabelConcat/weight'].shape.num_elements()
    assert counted.D_labels == sum(D.vars[f'4x4/Dense1/{what}'].shape.num_elements() for what in ('weight', 'bias'))


def paper(label_size):
    return network_arguments(resolve_options('paper', {'data': 'x'}, 256), 3, label_size)


def test_200_000_classes_take_2_9_gigabytes_with_adam():
    rows = class_weight_rows(paper(200000), 200000)
    assert class_values(paper(200000)) == (512, 513)
    assert sum(size for _, size in rows) == 4 * 200000 * (2 * 512 + 513 + 2 * (512 + 513))
    with_C = dict(class_weight_rows(paper(200000), 200000, has_C=True))
    assert sum(with_C.values()) == 4 * 200000 * (2 * 512 + 2 * 513 + 2 * (512 + 2 * 513)) and with_C["C's output"] > 4e8
    assert sum(size for _, size in rows) / 1e9 == pytest.approx(2.87, abs=0.01)


def test_what_the_device_cannot_hold_is_refused():
    need = sum(size for _, size in class_weight_rows(paper(1000), 1000)) + 4 * 1000 * 513  # with D's gradients
    check_class_weights(paper(1000), 1000, need, 'a GPU')
    with pytest.raises(UserError) as caught:
        check_class_weights(paper(10**6), 10**6, 11e9, 'a GPU of this machine')
    assert caught.value.message == (
        '--labels: the weights of 1,000,000 classes take 14.3 GB with Adam, a step 2.1 GB more, and a GPU of this '
        'machine has 11.0 GB: leave --labels out, make the dataset with fewer classes (python -m prefilter '
        '--max-identities), or give a smaller --latent-size and --fmap-max.'
    )
    with pytest.raises(UserError):
        check_class_weights(paper(1000), 1000, need - 1, 'a GPU')
