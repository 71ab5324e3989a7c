"""Opens a pickle as the original code does, where only what both code bases have exists: run as a program.

    python original_stub.py FILE.pkl IMAGES.npz [FILE.pkl IMAGES.npz]...

It makes a `dnnlib` with nothing but the names that the source text in a network pickle may use, executes that text, and
writes the images that the networks make. It shares no code with the project.
"""

import pickle
import sys
import types

import numpy as np
import tensorflow.compat.v1 as tf

USABLE = ('Network', 'absolute_name_scope', 'init_tf', 'is_tf_expression', 'lerp', 'lerp_clip', 'run', 'set_vars')


class Network:
    """What the source text sees of a network, and what a pickle says of one."""

    def __setstate__(self, state):
        self.name, self.static_kwargs, self.components = state['name'], state['static_kwargs'], state['components']
        module = types.ModuleType('_source_of_' + self.name)
        sys.modules[module.__name__] = module
        exec(state['build_module_src'], module.__dict__)
        self._build = getattr(module, state['build_func_name'])
        with tf.variable_scope(
            None, default_name=self.name, auxiliary_name_scope=False, custom_getter=zeros
        ) as self._scope:
            count = {'G_synthesis': 1}.get(self.name, 2)
            inputs = [tf.placeholder(tf.float32) for _ in range(count)]
            output = self._build(*inputs, is_template_graph=True, components=self.components, **self.static_kwargs)
        self.input_shape, self.output_shape = inputs[0].shape.as_list(), output.shape.as_list()
        prefix = self._scope.name + '/'
        self.vars = {v.name[len(prefix) : -2]: v for v in tf.global_variables() if v.name.startswith(prefix)}
        set_vars({self.vars[name]: value for name, value in state['variables']})

    def get_output_for(self, *inputs, **kwargs):
        with tf.variable_scope(self._scope, reuse=True):
            copies = [tf.identity(x) for x in inputs]
            output = self._build(
                *copies, is_template_graph=False, components=self.components, **dict(self.static_kwargs, **kwargs)
            )
        for tensor, copy in zip(inputs, copies):
            if isinstance(tensor, tf.Tensor):  # a network learns the shapes that its parts know
                tensor.set_shape(copy.shape)
        return output


def zeros(getter, name, *args, **kwargs):
    """A variable that begins at 0: the value in the file follows."""
    return getter(name, *args, **dict(kwargs, initializer=tf.initializers.constant(0)))


def set_vars(values):
    feeds = {variable.initializer.inputs[1]: value for variable, value in values.items()}
    tf.get_default_session().run([variable.initializer for variable in values], feeds)


def install():
    dnnlib, tflib, network = (types.ModuleType(name) for name in ('dnnlib', 'dnnlib.tflib', 'dnnlib.tflib.network'))
    dnnlib.tflib, tflib.network, dnnlib.EasyDict, dnnlib.util = tflib, network, dict, types.ModuleType('dnnlib.util')
    network.Network = Network
    Network.__module__ = 'dnnlib.tflib.network'
    made = {
        'Network': Network,
        'absolute_name_scope': lambda scope: tf.name_scope(scope + '/'),
        'init_tf': lambda: None,
        'is_tf_expression': lambda x: isinstance(x, (tf.Tensor, tf.Variable, tf.Operation)),
        'lerp': lambda a, b, t: a + (b - a) * t,
        'lerp_clip': lambda a, b, t: a + (b - a) * tf.clip_by_value(t, 0.0, 1.0),
        'run': lambda *args: tf.get_default_session().run(*args),
        'set_vars': set_vars,
    }
    assert sorted(made) == sorted(USABLE)
    vars(tflib).update(made)
    sys.modules.update({module.__name__: module for module in (dnnlib, tflib, network)})


def evaluate(path, target):
    config = tf.ConfigProto(device_count={'GPU': 0})
    config.graph_options.place_pruned_graph = True
    config.graph_options.rewrite_options.disable_meta_optimizer = True  # it takes longer than a single run
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        with open(path, 'rb') as file:
            G, D, Gs = pickle.load(file)
        latents = np.random.RandomState(5).randn(3, G.input_shape[1]).astype(np.float32)
        labels = np.zeros([3, 0], np.float32)
        images = Gs.get_output_for(latents, labels, randomize_noise=False, is_validation=True)
        truncated = Gs.get_output_for(latents, labels, randomize_noise=False)
        trained = G.get_output_for(latents, labels, is_training=True, style_mixing_prob=None, randomize_noise=False)
        scores = D.get_output_for(images, labels)
        names = ('images', 'truncated', 'trained', 'scores')
        values = session.run([images, truncated, trained, scores])
        np.savez(target, latents=latents, **dict(zip(names, values)))


if __name__ == '__main__':
    install()
    for path, target in zip(sys.argv[1::2], sys.argv[2::2]):
        evaluate(path, target)
