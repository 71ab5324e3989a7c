"""Which draws an identity needs when images without a face are refused. Pure bookkeeping.

The first image is drawn until one is accepted; then each variation of it. Which draws are kept depends on the verdicts
alone, not on the order in which they come, nor on how many images are made at a time.
"""

from typing import Dict, List, Optional, Tuple

from dnnlib.errors import UserError
from synthesis.draws import ImageDraw

FEW, OF = 1, 100  # a network with a smaller share of faces is given up, ...
EXAMINED = 300  # ... once so many images have been examined


class Selection:
    """The draws of one identity.

    Args:
        identity: Its number.
        numbers: The images that are wanted, by their numbers within the identity. The first image, 0, is drawn in any
            case, because the others follow from it.
        most_draws: How many draws of one image are examined at most.
    """

    def __init__(self, identity: int, numbers: range, most_draws: int) -> None:
        self._identity, self.numbers, self._most_draws = identity, numbers, most_draws
        self._open: Dict[int, ImageDraw] = {0: ImageDraw(identity)}  # the draw that each image waits for
        self._kept: Dict[int, ImageDraw] = {}
        self._refused: List[ImageDraw] = []
        self._given_up: Dict[int, ImageDraw] = {}  # the last draw of each image that has none left

    @property
    def wanted(self) -> Tuple[ImageDraw, ...]:
        """The draws that can be made now, in the order of the images; none if the identity is complete or given up.

        Their verdicts may come in any order. A further draw of an image is wanted once the one before is refused.
        """
        return tuple(self._open[number] for number in sorted(self._open))

    def take(self, image: ImageDraw, accepted: bool) -> None:
        """Takes the verdict on a draw that is wanted.

        Raises:
            ValueError: The draw is not wanted.
        """
        if self._open.get(image.variation) != image:
            raise ValueError(f'{image} is not wanted.')
        del self._open[image.variation]
        if accepted:
            self._kept[image.variation] = image
            if image.variation == 0:
                self._open = {
                    number: ImageDraw(self._identity, number, 0, image.draw) for number in self.numbers if number
                }
            return
        self._refused.append(image)
        if image.draw + 1 == self._most_draws:
            self._given_up[image.variation] = image
            return
        first_draw = image.first_draw if image.variation else image.draw + 1
        self._open[image.variation] = ImageDraw(self._identity, image.variation, image.draw + 1, first_draw)

    @property
    def kept(self) -> List[ImageDraw]:
        """The accepted draws, in the order of the images."""
        return [self._kept[number] for number in sorted(self._kept)]

    @property
    def refused(self) -> List[ImageDraw]:
        """The refused draws, in the order of the images and of their draws."""
        return sorted(self._refused, key=lambda image: (image.variation, image.draw))

    @property
    def is_complete(self) -> bool:
        """Whether all images are there."""
        return self._kept.keys() >= {0, *self.numbers}

    @property
    def given_up(self) -> Optional[ImageDraw]:
        """The last draw of the first image that has no draw left; None if there is none.

        The other images of the identity are wanted nevertheless, so that what is examined does not depend on the order
        of the verdicts.
        """
        return self._given_up[min(self._given_up)] if self._given_up else None


def check_given_up(selection: Selection) -> None:
    """Refuses an identity with an image that has no draw left.

    Raises:
        UserError: Says which image, and what to do.
    """
    image = selection.given_up
    if image is not None:
        which = 'The first image' if image.variation == 0 else f'Image {image.variation}'
        raise UserError(
            f'{which} of identity {image.identity} has no face in {image.draw + 1} draws: allow more with --draws, '
            'make milder variations, leave --reject out, or take a better network.'
        )


def check_share(examined: int, accepted: int) -> None:
    """Refuses a network that gives hardly any faces, early.

    Args:
        examined: How many of its images have been examined.
        accepted: How many of them have a face.

    Raises:
        UserError: At least EXAMINED images were examined, and fewer than FEW in OF have a face.
    """
    if examined >= EXAMINED and accepted * OF < examined * FEW:
        raise UserError(
            f'Only {accepted} of the first {examined} images of this network have a face: leave --reject out, or take '
            'a better network.'
        )
