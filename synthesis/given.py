"""What the images of a set follow from beside the network and the options: data that the command reads from files."""

from typing import Any, Dict, NamedTuple, Optional, Tuple

FREQUENCIES = 'the classes of the training set'  # in the plan
VECTORS = 'the named directions'


class Given(NamedTuple):
    """Such data. It is sent to other processes, and is kept in the plan of a set.

    Attributes:
        frequencies: For classes like the reals, the number of images of each class, from
            `synthesis.network.frequencies_of`.
        vectors: The vectors of directions that have names, from `metrics.named_directions`; None: the directions are
            SeFa's, which follow from the network.
    """

    frequencies: Optional[Tuple[int, ...]] = None
    vectors: Optional[Tuple[Tuple[float, ...], ...]] = None

    def plan(self) -> Dict[str, Any]:
        """Its part of a plan: JSON values. A set without named directions has the plan that it always had."""
        named = {} if self.vectors is None else {VECTORS: [list(vector) for vector in self.vectors]}
        return {FREQUENCIES: self.frequencies and list(self.frequencies), **named}

    @classmethod
    def of_plan(cls, plan: Dict[str, Any]) -> 'Given':
        """The same data from a plan."""
        frequencies, vectors = plan.get(FREQUENCIES), plan.get(VECTORS)
        return cls(frequencies and tuple(frequencies), vectors and tuple(tuple(vector) for vector in vectors))


NOTHING = Given()
