"""Limits on what a build function may make when a network pickle is opened: the file may hold any arguments."""

from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.errors import UserError

# Variables that a file lacks get fresh values, up to these numbers for all networks of the file.
MOST_FRESH_VARIABLES = 100
MOST_FRESH_VALUES = 1 << 26
MOST_SAMPLE_VALUES = 1 << 26  # of an input or output, for one sample; an image of 1024x1024 has 3 << 20


class FreshBudget:
    """How many variables and values may still get fresh values, for all networks of a file."""

    def __init__(self):
        self._variables, self._values = MOST_FRESH_VARIABLES, MOST_FRESH_VALUES

    def takes(self, shape: Sequence[int]) -> bool:
        """Takes a variable of this shape from the budget; returns whether the budget was enough."""
        self._variables -= 1
        self._values -= np.prod([float(size) for size in shape])
        return self._variables >= 0 and self._values >= 0


class VariablesOfFile:
    """Refuses variables that do not fit the values in a file, before TensorFlow makes them: a `custom_getter`.

    Args:
        name: Name of the network.
        prefix: What the full names of its variables begin with.
        values: The values in the file, by local name.
        budget: The file's `FreshBudget`.
    """

    def __init__(self, name: str, prefix: str, values: Dict[str, Any], budget: FreshBudget):
        self._name, self._prefix, self._values, self._budget = name, prefix, values, budget

    def __call__(
        self, getter: Callable, name: str, *args: Any, shape: Optional[Sequence[int]] = None, **kwargs: Any
    ) -> tf.Variable:
        if shape is None:  # the variable takes the shape of its initial value
            return getter(name, *args, shape=shape, **kwargs)
        local_name, shape = name[len(self._prefix) :], tf.TensorShape(shape).as_list()
        if 0 in shape:  # TensorFlow's convolutions divide by it, which ends the process
            raise UserError(
                f'Network {self._name!r}: its arguments ask for {local_name!r} of the shape {shape}, which is empty.'
            )
        if local_name not in self._values:
            if not self._budget.takes(shape):
                raise UserError(
                    f'Network {self._name!r}: its arguments ask for too many or too large variables that the file '
                    f'lacks, such as {local_name!r} of shape {shape}.'
                )
        elif list(np.shape(self._values[local_name])) != shape:
            raise UserError(
                f'Network {self._name!r}: variable {local_name!r} has shape {shape}, the file holds '
                f'{list(np.shape(self._values[local_name]))}.'
            )
        else:  # the value of the file follows, so that no random one is needed
            kwargs['initializer'] = tf.initializers.constant(0)
        return getter(name, *args, shape=shape, **kwargs)


def check_sizes(name: str, shapes: List[Optional[list]]) -> None:
    """Refuses a network with an input or output that is larger than any image.

    Args:
        name: Name of the network.
        shapes: List of shapes of its inputs and outputs, minibatch first.

    Raises:
        UserError: An input or output is too large; the message names its shape.
    """
    for shape in shapes:
        if np.prod([float(size or 1) for size in (shape or [])[1:]]) > MOST_SAMPLE_VALUES:
            raise UserError(f'Network {name!r} has an input or output of the shape {shape}, larger than any image.')
