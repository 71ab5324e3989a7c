"""Synthetic sets made at once, in this process: a painter makes the images, without TensorFlow."""

import numpy as np
from click.testing import CliRunner
from sets import network, options

from synthesis.generate import Processes, make_set
from synthesis.generate_verb import generate as verb
from synthesis.generator import Made
from synthesis.maker import Maker
from synthesis.network import NetworkFacts
from synthesis.variations import Recipe

FACTS = NetworkFacts(
    side=8,
    channels=3,
    latent_size=4,
    label_size=0,
    dlatent_size=4,
    num_layers=4,
    grown_layers=4,
    has_noise=True,
    has_average=True,
)


class Painter:
    """Stands for the network: the colours of an image tell its draw."""

    facts = FACTS

    def __init__(self):
        self.sizes = []

    def recipe(self, options, given):
        return Recipe(seed=options.seed, dlatent_avg=np.zeros(4, np.float32), vary=('noise',))

    def make(self, draws, recipe, minibatch, place_of):
        draws = list(draws)
        self.sizes.append(len(draws))
        for draw in draws:
            colours = np.array([draw.identity, draw.variation, draw.draw * 16 + draw.first_draw], np.uint8)
            yield Made(draw, np.broadcast_to(colours[:, None, None], (3, 8, 8)), np.full((4, 4), draw.draw, np.float32))


class Here:
    """Does in this process what `Workers` have processes do, which take seconds to start."""

    def __init__(self, count, prepare, environments=None):
        self._prepare, self._state = prepare, None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self._state is not None:
            self._state.close()

    def run(self, given, on_report=lambda task, report: None):
        self._state = self._state or self._prepare()
        for task in given:
            yield task, task.run(self._state, lambda report, task=task: on_report(task, report))


class Easel:
    """Stands for `Studio`, without TensorFlow."""

    def close(self):
        pass

    def maker(self, options, given):
        return Maker(Painter(), options, given)


def make(out, source=None, **changes):
    """Makes a set of 200 people."""
    given = options(out, **{'identities': 200, **changes})
    return make_set(source or network(), given, Processes())


def command(*args):
    """Runs `python -m synthesis generate`."""
    return CliRunner().invoke(verb, [*map(str, args), '--psi', '1', '--device', 'cpu'])


def sentence(result, status=1):
    """What a command says that ends with a status and without a traceback."""
    assert result.exit_code == status and 'Traceback' not in result.output, result.output
    return result.output
