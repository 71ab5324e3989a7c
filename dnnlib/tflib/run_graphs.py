"""The graphs that `Network.run` feeds: on one device, or a share of the minibatch on each of several GPUs."""

import collections

import tensorflow.compat.v1 as tf

from dnnlib.tflib import tfutil
from dnnlib.tflib.devices import session_gpus
from dnnlib.tflib.graph_keys import graph_key
from dnnlib.tflib.image_seeds import has_rows

RunGraph = collections.namedtuple('RunGraph', 'inputs seeds outputs')
RunGraph.__doc__ = """Placeholders of the inputs; the placeholder int32 [N, 2] of each image's seed, or None; the output
tensors."""


class RunGraphs:
    """The graphs of one network. Each is built at its first use, and kept.

    Args:
        net: The `Network`.
    """

    def __init__(self, net):
        self._net, self._graphs = net, {}

    def get(self, num_gpus, transforms, dynamic_kwargs, seed_for_each_image):
        """The graph for some arguments of `Network.run`.

        Args:
            num_gpus, dynamic_kwargs: As there.
            transforms: Its `input_transform` and `output_transform`.
            seed_for_each_image: Whether `random_seed` has a row for each image; the rows are fed.

        Returns:
            `RunGraph`.
        """
        if seed_for_each_image:
            dynamic_kwargs = dict(dynamic_kwargs, random_seed=None)
        key = graph_key((num_gpus, transforms, dynamic_kwargs, seed_for_each_image))
        if key not in self._graphs:
            # One GPU or none: leave the placement to TensorFlow. Several: each takes a share of the minibatch.
            devices = session_gpus()[:num_gpus] if num_gpus > 1 else []
            with tfutil.absolute_name_scope(self._net.scope + '_run'), tf.control_dependencies(None):
                inputs = [
                    tf.placeholder(tf.float32, template.shape, name)
                    for name, template in zip(self._net.input_names, self._net.input_templates)
                ]
                seeds = None
                if seed_for_each_image:
                    seeds = dynamic_kwargs['random_seed'] = tf.placeholder(tf.int32, [None, 2], 'random_seed')
                if len(devices) < 2:
                    outputs = self._transformed_output(inputs, transforms, dynamic_kwargs)
                else:
                    outputs = self._shared_out(inputs, devices, transforms, dynamic_kwargs)
            self._graphs[key] = RunGraph(inputs, seeds, outputs)
        return self._graphs[key]

    def _shared_out(self, inputs, devices, transforms, dynamic_kwargs):
        with tf.device('/cpu:0'):
            total = tf.shape(inputs[0])[0]
            # All shares have the same size. Indices past the end wrap around; the results for them are cut off.
            share = (total + len(devices) - 1) // len(devices)
            indices = tf.range(share * len(devices)) % total
        pieces = []
        for number, device in enumerate(devices):
            with tf.device(device):
                own_kwargs, own = dict(dynamic_kwargs), indices[number * share : (number + 1) * share]
                seed = own_kwargs.get('random_seed')
                if has_rows(seed):
                    with tf.device('/cpu:0'):
                        own_kwargs['random_seed'] = tf.gather(seed, own)
                elif seed is not None:  # otherwise all would draw the same
                    own_kwargs['random_seed'] = tf.add(seed, [0, number << 24])
                mine = [tf.gather(x, own) for x in inputs]
                pieces.append(self._transformed_output(mine, transforms, own_kwargs))
        with tf.device('/cpu:0'):
            return [tf.concat(piece, axis=0)[:total] for piece in zip(*pieces)]

    def _transformed_output(self, inputs, transforms, dynamic_kwargs):
        transform_inputs, transform_outputs = map(_transform, transforms)
        inputs = transform_inputs(inputs)
        return transform_outputs(self._net.get_output_for(*inputs, return_as_list=True, **dynamic_kwargs))


def _transform(transform):
    """A function from a list of tensors to a list of tensors, for a dict of 'func' and its keyword arguments."""
    if transform is None:
        return lambda tensors: tensors
    kwargs = dict(transform)
    func = kwargs.pop('func')

    def apply(tensors):
        changed = func(*tensors, **kwargs)
        return list(changed) if isinstance(changed, (tuple, list)) else [changed]

    return apply
