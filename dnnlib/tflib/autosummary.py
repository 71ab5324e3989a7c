"""Means of values for TensorBoard, by name, as scripts for the original code collect them.

loss = autosummary('Loss/D', loss)   # a tensor, or a number
save_summaries(writer, step)         # writes the mean of all values since the last call
"""

import threading
from typing import Any, Optional

import numpy as np
import tensorflow.compat.v1 as tf

_lock = threading.Lock()  # tensors report from TensorFlow's threads
_values = {}  # type: Dict[str, List[float]]  # [number of values, their sum]


def autosummary(name: str, value: Any, passthru: Any = None) -> Any:
    """Counts a value, or each value that a tensor takes when it is computed.

    Args:
        name: For TensorBoard.
        value: A number, an array, or a tensor.
        passthru: What to return in place of `value`; a tensor of it is needed for a tensor `value` to be counted.

    Returns:
        `value` or `passthru`. Use it in place of the argument: a tensor counts only when what is returned is computed.
    """
    if not isinstance(value, (tf.Tensor, tf.Variable)):
        _count(name, np.asarray(value))
        return value if passthru is None else passthru
    with tf.name_scope('autosummary'), tf.device('/cpu:0'):
        counted = tf.py_func(lambda array: _count(name, array), [tf.cast(value, tf.float32)], [])
    with tf.control_dependencies([counted]):
        return tf.identity(value if passthru is None else passthru)


def _count(name, array):
    with _lock:
        number, total = _values.get(name, (0, 0.0))
        _values[name] = [number + array.size, total + float(np.sum(array, dtype=np.float64))]


def save_summaries(file_writer: Any, global_step: Optional[int] = None) -> None:
    """Writes the mean of each name's values since the last call, and forgets the values.

    Args:
        file_writer: A `tf.summary.FileWriter`.
        global_step: For TensorBoard.
    """
    with _lock:
        found = {name: total / number for name, (number, total) in _values.items() if number}
        _values.clear()
    values = [tf.Summary.Value(tag=name, simple_value=mean) for name, mean in found.items()]
    file_writer.add_summary(tf.Summary(value=values), global_step)
