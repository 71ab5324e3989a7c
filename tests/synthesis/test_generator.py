"""Minibatches of one size, in which each image has its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthesis.draws import ImageDraw
from synthesis.generator import Generator, Made
from synthesis.maker import place_of


class Recorded(Generator):
    """A generator without a network, which keeps the minibatches that it is asked for."""

    def __init__(self):
        self.minibatches = []

    def _run(self, draws, recipe):
        self.minibatches.append(draws)
        return [Made(draw, None, None) for draw in draws]


@given(places=st.lists(st.integers(0, 99), max_size=40), minibatch=st.integers(1, 17))
def test_an_image_stands_at_its_place_in_whole_minibatches(places, minibatch):
    generator = Recorded()
    draws = [ImageDraw(place, draw=number) for number, place in enumerate(places)]
    made = [image.draw for image in generator.make(draws, None, minibatch, lambda draw: draw.identity)]
    assert sorted(made) == sorted(draws)
    for batch in generator.minibatches:
        assert len(batch) == minibatch
    for draw in draws:
        assert any(batch[draw.identity % minibatch] == draw for batch in generator.minibatches)


@pytest.mark.parametrize('per_identity', [1, 2, 3, 4, 8, 16, 20, 50, 80, 200])
def test_images_that_follow_each_other_take_no_more_minibatches_than_they_must(per_identity):
    draws = [ImageDraw(place // per_identity, place % per_identity, 0, 0) for place in range(160, 240)]
    for wanted in ([draw for draw in draws if draw.variation == 0], [draw for draw in draws if draw.variation]):
        generator = Recorded()
        list(generator.make(wanted, None, 16, lambda draw: place_of(draw, per_identity)))
        assert len(generator.minibatches) == -(-len(wanted) // 16)
