"""Minibatches of one size, in which each image has its place."""

from hypothesis import given
from hypothesis import strategies as st

from synthesis.draws import ImageDraw
from synthesis.generator import Generator, Made


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


def test_neighbours_take_no_more_minibatches_than_they_must():
    generator = Recorded()
    list(generator.make([ImageDraw(number) for number in range(80, 160)], None, 16, lambda draw: draw.identity))
    assert len(generator.minibatches) == 5
