"""Which draws are kept of an identity: the first accepted ones, whatever the order of the verdicts."""

import hypothesis
import hypothesis.strategies as st
import pytest

from dnnlib.errors import UserError
from synthesis.draws import ImageDraw
from synthesis.selection import Selection, check_given_up, check_share


def expected(accepted, images, most_draws):
    """What should be kept: {variation: draw}, and the images that are given up."""
    kept, given_up = {}, []
    for variation in range(images):
        draws = [draw for draw in range(most_draws) if (variation, draw) in accepted]
        if draws:
            kept[variation] = draws[0]
            continue
        given_up.append(variation)
        if variation == 0:
            break
    return kept, given_up


@hypothesis.given(st.data())
def test_the_first_accepted_draw_of_each_image_is_kept_in_any_order_of_verdicts(data):
    images, most_draws = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5))
    accepted = data.draw(st.sets(st.tuples(st.integers(0, images - 1), st.integers(0, most_draws - 1))))
    selection, asked = Selection(7, range(images), most_draws), []
    while selection.wanted:
        image = data.draw(st.sampled_from(selection.wanted))
        asked.append(image)
        selection.take(image, (image.variation, image.draw) in accepted)
    kept, given_up = expected(accepted, images, most_draws)
    assert {image.variation: image.draw for image in selection.kept} == kept
    assert {image.first_draw for image in selection.kept} <= {kept.get(0)}
    assert [image.variation for image in selection.kept] == sorted(kept)
    assert selection.is_complete == (len(kept) == images)
    assert (selection.given_up.variation if selection.given_up else None) == (given_up[0] if given_up else None)
    assert len(set(asked)) == len(asked) == len(selection.kept) + len(selection.refused)
    assert selection.refused == sorted(selection.refused, key=lambda image: (image.variation, image.draw))
    needed = {(variation, draw) for variation, last in kept.items() for draw in range(last + 1)}
    needed |= {(variation, draw) for variation in given_up for draw in range(most_draws)}
    assert {(image.variation, image.draw) for image in asked} == needed


def test_variations_are_wanted_together_once_there_is_a_first_image():
    selection = Selection(3, range(4), 9)
    assert selection.wanted == (ImageDraw(3),)
    selection.take(ImageDraw(3), False)
    assert selection.wanted == (ImageDraw(3, draw=1),)
    selection.take(ImageDraw(3, draw=1), True)
    assert selection.wanted == tuple(ImageDraw(3, number, 0, 1) for number in (1, 2, 3))
    selection.take(ImageDraw(3, 2, 0, 1), False)
    assert selection.wanted[1] == ImageDraw(3, 2, 1, 1)


def test_without_refusals_each_image_is_drawn_once():
    selection = Selection(0, range(3), 1)
    while selection.wanted:
        for image in selection.wanted:
            selection.take(image, True)
    assert selection.kept == [ImageDraw(0), ImageDraw(0, 1, 0, 0), ImageDraw(0, 2, 0, 0)] and selection.is_complete
    check_given_up(selection)


def test_a_part_of_the_images_has_the_draws_that_it_has_among_all_of_them():
    accepted = {(0, 1), (1, 0), (2, 0), (2, 1), (3, 2)}

    def kept(numbers):
        selection = Selection(0, numbers, 5)
        while selection.wanted:
            image = selection.wanted[-1]
            selection.take(image, (image.variation, image.draw) in accepted)
        assert selection.is_complete
        return selection.kept

    whole = kept(range(4))
    for begin in range(4):
        for end in range(begin + 1, 5):
            part = kept(range(begin, end))
            assert [image for image in part if image.variation >= begin] == whole[begin:end]
            assert part[0] == whole[0]  # the others follow from it


@pytest.mark.parametrize('image', [ImageDraw(4), ImageDraw(3, draw=1), ImageDraw(3, 1, 0, 0)])
def test_a_verdict_on_what_is_not_wanted_is_refused(image):
    with pytest.raises(ValueError, match='not wanted'):
        Selection(3, range(4), 9).take(image, True)


def test_an_identity_without_a_face_is_a_sentence():
    selection = Selection(3, range(2), 2)
    for draw in range(2):
        selection.take(ImageDraw(3, draw=draw), False)
    assert not selection.wanted
    with pytest.raises(UserError, match='The first image of identity 3 has no face in 2 draws: allow more'):
        check_given_up(selection)
    selection = Selection(3, range(2), 1)
    selection.take(ImageDraw(3), True)
    selection.take(ImageDraw(3, 1, 0, 0), False)
    with pytest.raises(UserError, match='Image 1 of identity 3 has no face in 1 draws'):
        check_given_up(selection)


def test_a_network_that_gives_hardly_any_faces_is_given_up_early():
    check_share(299, 0)
    check_share(300, 3)
    check_share(100_000, 1000)
    for examined, accepted in ((300, 2), (300, 0), (100_000, 999)):
        with pytest.raises(UserError, match=f'Only {accepted} of the first {examined} images'):
            check_share(examined, accepted)


def test_images_from_the_middle_of_an_identity_follow_from_the_same_first_image():
    selection = Selection(3, range(5, 7), 9)
    selection.take(ImageDraw(3, draw=0), False)
    selection.take(ImageDraw(3, draw=1), True)
    assert selection.wanted == (ImageDraw(3, 5, 0, 1), ImageDraw(3, 6, 0, 1))
    for image in selection.wanted:
        selection.take(image, True)
    assert selection.is_complete and [image.variation for image in selection.kept] == [0, 5, 6]
