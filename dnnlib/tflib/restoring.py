"""Bounds for what a network pickle makes its build function do: the arguments in a file may claim anything."""

from typing import List, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.errors import UserError

# What the arguments of all networks in a file may ask for beyond the variables that it has: those keep fresh values.
MOST_FRESH_VARIABLES = 100
MOST_FRESH_VALUES = 1 << 26
MOST_SAMPLE_VALUES = 1 << 26  # that go in or out for a sample; an image of 1024x1024 has 3 << 20


class FreshBudget:
    """How much of what a file lacks is still made, for all of its networks together."""

    def __init__(self):
        self._variables, self._values = MOST_FRESH_VARIABLES, MOST_FRESH_VALUES

    def takes(self, shape: Sequence[int]) -> bool:
        """Takes a variable of that shape from the budget; returns whether it was enough."""
        self._variables -= 1
        self._values -= np.prod([float(size) for size in shape])
        return self._variables >= 0 and self._values >= 0


class VariablesOfFile:
    """Refuses what a build function asks for and a file does not hold, before anything of that size is made.

    Args:
        name: Of the network.
        prefix: Of the names of its variables.
        values: Dict of local name to value, as the file has them.
        budget: The file's `FreshBudget`.
    """

    def __init__(self, name, prefix, values, budget):
        self._name, self._prefix, self._values, self._budget = name, prefix, values, budget

    def __call__(self, getter, name, *args, shape=None, **kwargs):
        if shape is None:  # that of its initial value
            return getter(name, *args, shape=shape, **kwargs)
        local_name, shape = name[len(self._prefix) :], tf.TensorShape(shape).as_list()
        if 0 in shape:  # TensorFlow's convolutions divide by it, which ends the process
            raise UserError(
                f'Network {self._name!r}: its arguments ask for {local_name!r} of the shape {shape}, of no values.'
            )
        if local_name not in self._values:
            if not self._budget.takes(shape):
                raise UserError(
                    f'Network {self._name!r}: its arguments ask for variables that the file lacks, such as '
                    f'{local_name!r} of shape {shape}, and for too many or too large ones.'
                )
        elif list(np.shape(self._values[local_name])) != shape:
            raise UserError(
                f'Network {self._name!r}: variable {local_name!r} has shape {shape}, the file holds '
                f'{list(np.shape(self._values[local_name]))}.'
            )
        return getter(name, *args, shape=shape, **kwargs)


def check_sizes(name: str, shapes: List[Optional[list]]) -> None:
    """Refuses a network that would take or make more of one sample than any image has.

    Args:
        name: Of the network.
        shapes: List of shapes of its inputs and outputs, minibatch first.

    Raises:
        UserError: Names the shape.
    """
    for shape in shapes:
        if np.prod([float(size or 1) for size in (shape or [])[1:]]) > MOST_SAMPLE_VALUES:
            raise UserError(f'Network {name!r} has an input or output of the shape {shape}, larger than any image.')
