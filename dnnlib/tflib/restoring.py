"""Bounds for what a network pickle makes its build function do: the arguments in a file may claim anything."""

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.errors import UserError

# What the arguments may ask for beyond the variables in the file: those that it lacks keep their fresh values.
MOST_FRESH_VARIABLES = 1000
MOST_FRESH_VALUES = 1 << 26
MOST_OUTPUT_VALUES = 1 << 26  # for a sample; an image of 1024x1024 has 3 << 20


class VariablesOfFile:
    """Refuses what a build function asks for and a file does not hold, before anything of that size is made.

    Args:
        name: Of the network.
        prefix: Of the names of its variables.
        values: Dict of local name to value, as the file has them.
    """

    def __init__(self, name, prefix, values):
        self._name, self._prefix, self._values = name, prefix, values
        self._fresh_variables = self._fresh_values = 0

    def __call__(self, getter, name, *args, shape=None, **kwargs):
        if shape is None:  # that of its initial value
            return getter(name, *args, shape=shape, **kwargs)
        local_name, shape = name[len(self._prefix):], tf.TensorShape(shape).as_list()
        if local_name not in self._values:
            self._fresh_variables += 1
            self._fresh_values += np.prod([float(size) for size in shape])
            if self._fresh_variables > MOST_FRESH_VARIABLES or self._fresh_values > MOST_FRESH_VALUES:
                raise UserError(f'Network {self._name!r}: its arguments ask for variables that the file lacks, such as '
                                f'{local_name!r} of shape {shape}, and for too many or too large ones.')
        elif list(np.shape(self._values[local_name])) != shape:
            raise UserError(f'Network {self._name!r}: variable {local_name!r} has shape {shape}, the file holds '
                            f'{list(np.shape(self._values[local_name]))}.')
        return getter(name, *args, shape=shape, **kwargs)


def check_outputs(name, shapes):
    """Refuses a network that would make more of one sample than any image has.

    Args:
        name: Of the network.
        shapes: List of shapes of its outputs, minibatch first.

    Raises:
        UserError: Names the shape.
    """
    for shape in shapes:
        if np.prod([float(size or 1) for size in (shape or [])[1:]]) > MOST_OUTPUT_VALUES:
            raise UserError(f'Network {name!r} makes outputs of the shape {shape}, larger than any image.')
