"""Names of the original StyleGAN code that its users' scripts take from `dnnlib.tflib` and from a `Network`."""

from typing import Any, Dict, Iterable, List, Optional, Tuple, Union

import tensorflow.compat.v1 as tf

from dnnlib.tflib import tfutil
from dnnlib.tflib.layer_table import layers_of

_OUT = {'out_mul': 1.0, 'out_add': 0.0, 'out_shrink': 1, 'out_dtype': None}  # arguments of `Network.run`


def init_uninitialized_vars(target_vars: Optional[Iterable[tf.Variable]] = None) -> None:
    """Gives their initial values to variables that have no value yet; the others keep theirs.

    Args:
        target_vars: None: all global variables.
    """
    variables = list(tf.global_variables() if target_vars is None else target_vars)
    if variables:
        has_value = tfutil.run([tf.is_variable_initialized(variable) for variable in variables])
        tfutil.run([variable.initializer for variable, has in zip(variables, has_value) if not has])


def convert_images_from_uint8(
    images: tf.Tensor, drange: Tuple[float, float] = (-1, 1), nhwc_to_nchw: bool = False
) -> tf.Tensor:
    """The numbers that the original code gives: (x - low) * (high - low) / 255.

    For [-1, 1] these are 0.0078 to 2.0078, not -1 to 1. `adjust_dynamic_range(x, [0, 255], [-1, 1])` of
    `training.misc` gives -1 to 1.

    Args:
        images: uint8 tensor [N, C, H, W], or channels last with `nhwc_to_nchw`.
        drange: (low, high).
        nhwc_to_nchw: Whether the channels of `images` are last.

    Returns:
        float32 tensor [N, C, H, W].
    """
    images = tf.cast(images, tf.float32)
    if nhwc_to_nchw:
        images = tf.transpose(images, [0, 3, 1, 2])
    return (images - drange[0]) * ((drange[1] - drange[0]) / 255)


def with_out_arguments(
    output_transform: Optional[Dict[str, Any]], kwargs: Dict[str, Any]
) -> Tuple[Optional[Dict[str, Any]], Dict[str, Any]]:
    """Takes `out_mul`, `out_add`, `out_shrink` and `out_dtype` out of the arguments of `Network.run`.

    Args:
        output_transform: Of `Network.run`.
        kwargs: Its further arguments.

    Returns:
        (output transform that does what the arguments say, the other arguments).

    Raises:
        ValueError: There is an `output_transform` too.
    """
    given = {name: kwargs[name] for name in _OUT if name in kwargs}
    if not given:
        return output_transform, kwargs
    if output_transform is not None:
        raise ValueError(f'{sorted(given)[0]} and output_transform both change the outputs: give one of them.')
    others = {name: value for name, value in kwargs.items() if name not in _OUT}
    changed = {**_OUT, **given}
    if changed['out_dtype'] is not None:
        changed['out_dtype'] = tf.as_dtype(changed['out_dtype']).name
    return {'func': _change, **changed}, others


def _change(*outputs, out_mul, out_add, out_shrink, out_dtype):
    return [_change_one(output, out_mul, out_add, out_shrink, out_dtype) for output in outputs]


def _change_one(output, mul, add, shrink, dtype):
    """float32 [N, C, H, W] to output * mul + add, blocks of pixels averaged, rounded and clipped for whole numbers."""
    output = output * mul + add
    if shrink > 1:
        window = [1, shrink, shrink, 1]
        output = tf.nn.avg_pool(tf.transpose(output, [0, 2, 3, 1]), window, window, 'VALID')
        output = tf.transpose(output, [0, 3, 1, 2])  # pooling exists on every device only with channels last
    if dtype is None:
        return output
    dtype = tf.as_dtype(dtype)
    return tf.saturate_cast(tf.round(output) if dtype.is_integer else output, dtype)


class OriginalNames:
    """Methods and attributes of a `Network` that only scripts for the original code use."""

    @property
    def num_inputs(self) -> int:
        """Number of inputs."""
        return len(self.input_shapes)

    @property
    def num_outputs(self) -> int:
        """Number of outputs."""
        return len(self.output_shapes)

    def find_var(self, var_or_local_name: Union[str, tf.Variable]) -> tf.Variable:
        """The variable of a local name; a variable itself."""
        return self.vars[var_or_local_name] if isinstance(var_or_local_name, str) else var_or_local_name

    def copy_own_vars_from(self, source: Any) -> None:
        """Sets the variables that both networks have, without those of sub-networks, to their values in `source`."""
        _copy(self.own_vars, source)

    def copy_trainables_from(self, source: Any) -> None:
        """Sets the trainable variables of this network that `source` has to their values there."""
        _copy(self.trainables, source)

    def list_layers(self) -> List[Tuple[str, Optional[tf.Tensor], List[tf.Variable]]]:
        """(name, output, trainable variables) of each layer that `print_layers` prints.

        The output is a tensor of the template graph, with channels last where the device wants that; None if unknown.
        """
        return [(name, output, list(variables.values())) for name, output, variables in layers_of(self)]


def _copy(variables, source):
    values = tfutil.run({name: source.vars[name] for name in variables if name in source.vars})
    tfutil.set_vars({variables[name]: value for name, value in values.items()})
