"""A network: a build function, its arguments, its variables, and numpy in and out."""

import sys
from typing import Any, Dict, List, Optional, Union

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.network_file import STYLEGAN
from dnnlib.progress import Progress
from dnnlib.tflib import tfutil, versions
from dnnlib.tflib.arguments import all_build_functions, check_arguments, positional_parameters
from dnnlib.tflib.devices import session_gpus
from dnnlib.tflib.image_seeds import rows_of_seeds
from dnnlib.tflib.layer_table import layer_table, shape_list
from dnnlib.tflib.original import OriginalNames, with_out_arguments
from dnnlib.tflib.pickled_form import BuildFunction, PickledForm, import_function, read_at_once
from dnnlib.tflib.restoring import VariablesOfFile
from dnnlib.tflib.run_graphs import RunGraphs
from dnnlib.util import EasyDict


class Network(PickledForm, OriginalNames):
    """A network built by a function of TensorFlow expressions, usable from numpy and inside other graphs.

    The build function takes its inputs as positional arguments without a default, and everything else as keyword
    arguments. The constructor calls it with `is_template_graph=True` to create the variables. Every `get_output_for`
    calls it again. The build function may add sub-networks to its argument `components`, a dict.

    Args:
        name: Name of the network. The variable scope has the same name, made unique.
        func_name: The build function, or its dotted name ('training.networks_stylegan.G_style').
        **static_kwargs: Arguments for the build function; they are part of the network and go into its pickle.

    Attributes:
        static_kwargs: EasyDict of the arguments as they were given, without defaults.
        components: EasyDict of sub-networks by role ('mapping', 'synthesis').
        vars: Dict of local name to variable. The name of a sub-network's variable begins with the sub-network's name.
        trainables: The variables in `vars` that an optimizer changes.
        input_names: Names of the inputs, as in the build function.
        input_shape, output_shape: Shape of the first input and output, NCHW for images; None is the minibatch.
        input_shapes, output_shapes: Lists of the shapes of all inputs and outputs.
    """

    def __init__(self, name: str, func_name: Union[str, BuildFunction], **static_kwargs: Any):
        build_func = import_function(func_name) if isinstance(func_name, str) else func_name
        check_arguments(name, all_build_functions(build_func), static_kwargs)
        self._construct(name, build_func, static_kwargs)

    # ----------------------------------------------------------------------------------------------------------------
    # Construction

    def _construct(
        self, name, build_func, static_kwargs, components=None, module_source=None, values=None, budget=None
    ):
        self.name = name
        self.static_kwargs = EasyDict(static_kwargs)
        self.components = EasyDict(components or {})
        self._build_func = build_func
        self._module_source = module_source  # source text from a pickle: written back, never executed here
        self._run_graphs = RunGraphs(self)
        self._values = None  # of own_vars, during `read_at_once`
        self.input_names = positional_parameters(build_func)

        session = tfutil.init_tf()
        with session.graph.as_default(), tf.control_dependencies(None), tf.variable_scope(
            None, default_name=name, auxiliary_name_scope=False
        ) as self._variable_scope, tfutil.absolute_name_scope(
            self._variable_scope.name
        ):  # operations are named as variables are
            self.scope = self._variable_scope.name
            inputs = [tf.placeholder(tf.float32, name=input_name) for input_name in self.input_names]
            if values is None:
                outputs = self._call_build_func(inputs, is_template_graph=True)
            else:
                check = VariablesOfFile(name, self.scope + '/', values, budget)
                with tf.variable_scope(self._variable_scope, custom_getter=check, auxiliary_name_scope=False):
                    outputs = self._call_build_func(inputs, is_template_graph=True)
        self.input_templates, self.output_templates = inputs, outputs
        self.input_shapes = [shape_list(tensor) for tensor in inputs]
        self.output_shapes = [shape_list(tensor) for tensor in outputs]
        self.input_shape, self.output_shape = self.input_shapes[0], self.output_shapes[0]
        self._collect_variables()
        session.run(
            [variable.initializer for local_name, variable in self.own_vars.items() if local_name not in (values or {})]
        )

    def _call_build_func(self, inputs, **kwargs):
        all_kwargs = dict(self.static_kwargs)
        all_kwargs.update(kwargs, components=self.components)
        outputs = self._build_func(*inputs, **all_kwargs)
        return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]

    def _collect_variables(self):
        prefix = self.scope + '/'
        foreign = {variable for net in self.components.values() for variable in net.vars.values()}
        mine = [v for v in tf.global_variables(prefix) if v not in foreign]
        self.own_vars = {v.name[len(prefix) :].split(':')[0]: v for v in mine}
        self.vars = dict(self.own_vars)
        for net in self.components.values():
            self.vars.update({net.name + '/' + local_name: v for local_name, v in net.vars.items()})
        trainable = set(tf.trainable_variables())
        self.trainables = {local_name: v for local_name, v in self.vars.items() if v in trainable}

    # ----------------------------------------------------------------------------------------------------------------
    # Inside a graph

    def get_output_for(
        self, *inputs: Any, return_as_list: bool = False, **dynamic_kwargs: Any
    ) -> Union[tf.Tensor, List[tf.Tensor]]:
        """Builds the network on the given expressions with the current variables.

        Args:
            *inputs: One expression for each input; None stands for zeros (unconditional labels).
            return_as_list: Return a list even if there is one output.
            **dynamic_kwargs: Override static_kwargs for this call.

        Returns:
            The output tensor, or a list of tensors if there are several outputs.

        Raises:
            tf.errors.UnimplementedError: See `dnnlib.tflib.versions.refuse_what_cpus_get_wrong`.
        """
        self._check_number_of_inputs(inputs)
        inputs = self._expressions(inputs)
        before = len(_operations_to_check())
        with tf.variable_scope(self._variable_scope, reuse=True, auxiliary_name_scope=False), tf.name_scope(
            self.scope.split('/')[-1] + '_call'
        ):
            copies = [tf.identity(x) for x in inputs]
            outputs = self._call_build_func(copies, is_template_graph=False, **dynamic_kwargs)
        versions.refuse_what_cpus_get_wrong(_operations_to_check()[before:])
        for tensor, copy in zip(inputs, copies):
            tensor.set_shape(copy.shape)  # a sub-network may know more about the shapes of its inputs
        for tensor, shape in zip(outputs, self.output_shapes):
            if tensor.shape.ndims is not None and tensor.shape.ndims == len(shape):
                tensor.set_shape([None] + tensor.shape.as_list()[1:])
        return outputs if return_as_list or len(outputs) > 1 else outputs[0]

    def _expressions(self, inputs):
        """The inputs as tensors; zeros for None."""
        given = next((tf.convert_to_tensor(x) for x in inputs if x is not None), None)
        if given is None:
            raise ValueError(f'{self.name} needs at least one input that is not None.')
        return [
            tf.zeros([tf.shape(given)[0], *[d or 0 for d in shape[1:]]]) if x is None else tf.convert_to_tensor(x)
            for x, shape in zip(inputs, self.input_shapes)
        ]

    def _check_number_of_inputs(self, inputs):
        if len(inputs) != len(self.input_names):
            raise TypeError(
                '{} takes {} inputs ({}), got {}.'.format(
                    self.name, len(self.input_names), ', '.join(self.input_names), len(inputs)
                )
            )

    # ----------------------------------------------------------------------------------------------------------------
    # From numpy

    def run(
        self,
        *arrays: Optional[np.ndarray],
        minibatch_size: Optional[int] = None,
        num_gpus: int = 1,
        output_transform: Optional[Dict[str, Any]] = None,
        return_as_list: bool = False,
        print_progress: bool = False,
        input_transform: Optional[Dict[str, Any]] = None,
        assume_frozen: bool = False,
        **dynamic_kwargs: Any,
    ) -> Union[np.ndarray, List[np.ndarray]]:
        """Runs the network on arrays, in minibatches, on one or more GPUs.

        Args:
            *arrays: One array [N, ...] for each input; None stands for zeros (unconditional labels).
            minibatch_size: Images at a time; None takes all at once. Each GPU gets a share of the minibatch.
            num_gpus: How many GPUs to use. Ignored where there is none.
            output_transform: A function that is applied to the outputs inside the graph, as 'func', and its keyword
                arguments: dict(func=tflib.convert_images_to_uint8, nchw_to_nhwc=True). Each new function object, such
                as a lambda made in a loop, adds a graph; the same object again uses its graph again.
            return_as_list: Return a list even if there is one output.
            print_progress: Show a progress bar.
            input_transform: The same for the inputs: its function gets all of them, and returns as many.
            assume_frozen: Whether the variables stay as they are; a promise in the original code that changes nothing
                here.
            **dynamic_kwargs: Override static_kwargs for this call. A `random_seed` of two numbers decides the noise of
                a minibatch; each GPU makes its own seed from it. An array of integers [N, 2] has a row for each image:
                an int32, and a number from 0 to 2^26 - 1. It decides the noise of that image, whatever the minibatch
                and the GPU. All arrays use the same graph. `out_mul`, `out_add`, `out_shrink` and `out_dtype` change
                the outputs, as in ProGAN's code.

        Returns:
            The output as an array [N, ...], or a list of arrays if there are several.

        Raises:
            TypeError: An argument is unknown.
            ValueError: There is no sample, a number is below 1, or `random_seed` is not as above.
        """
        self._check_number_of_inputs(arrays)
        output_transform, dynamic_kwargs = with_out_arguments(output_transform, dynamic_kwargs)
        functions = [net._build_func for net in (self, *self.components.values())]
        check_arguments(f'{self.name}.run', functions, dynamic_kwargs)
        for what, number in (('minibatch_size', minibatch_size), ('num_gpus', num_gpus)):
            if number is not None and number < 1:
                raise ValueError(f'{self.name}.run: {what} must be at least 1, not {number}.')
        count = next((len(x) for x in arrays if x is not None), 0)
        if count == 0:
            raise ValueError(f'{self.name}.run needs at least one sample.')
        minibatch_size = minibatch_size or count
        rows = rows_of_seeds(self.name, dynamic_kwargs.get('random_seed'), count)
        graph = self._run_graphs.get(num_gpus, (input_transform, output_transform), dynamic_kwargs, rows is not None)
        pieces = []
        with Progress(total=count, unit='img', disable=not print_progress, desc=self.name) as bar:
            for begin in range(0, count, minibatch_size):
                end = min(begin + minibatch_size, count)
                feed = {} if rows is None else {graph.seeds: rows[begin:end]}
                for placeholder, array, shape in zip(graph.inputs, arrays, self.input_shapes):
                    feed[placeholder] = (
                        np.zeros([end - begin] + [d or 0 for d in shape[1:]], np.float32)
                        if array is None
                        else array[begin:end]
                    )
                pieces.append(tfutil.run(graph.outputs, feed))
                bar.update(end - begin)
        results = [np.concatenate(piece, axis=0) for piece in zip(*pieces)]
        return results if return_as_list or len(results) > 1 else results[0]

    # ----------------------------------------------------------------------------------------------------------------
    # Variables

    def get_var(self, local_name: str) -> np.ndarray:
        """The value of a variable."""
        return tfutil.run(self.vars[local_name])

    def set_var(self, local_name: str, value: Any) -> None:
        """Sets a variable to a value of its shape."""
        tfutil.set_vars({self.vars[local_name]: value})

    def clone(self, name: Optional[str] = None, **new_static_kwargs: Any) -> 'Network':
        """A new network with the same build function, arguments and current values. It has variables of its own.

        Args:
            name: Of the new network; None: the same.
            **new_static_kwargs: Arguments that are other ones; variables that only the new network has get new values.

        Raises:
            TypeError: An argument is unknown.
            ValueError: A variable has another shape in the new network.
        """
        if new_static_kwargs:
            other = Network(name or self.name, self._build_func, **{**self.static_kwargs, **new_static_kwargs})
            other.copy_vars_from(self)
            return other
        with read_at_once([self]):
            state = self._nested_state()
        if name is not None:
            state['name'] = name
        return Network.from_state(state, self._find_own_build_func)

    @property
    def build_func_name(self) -> str:
        """The name of the build function, as a pickle names it."""
        return self._build_func.__name__

    @property
    def program(self) -> str:
        """The program whose build function the network has: STYLEGAN or PROGAN of `dnnlib.network_file`."""
        return getattr(sys.modules[self._build_func.__module__], 'PROGRAM_OF_PICKLES', STYLEGAN)

    def _nested_state(self):
        state = self.state()
        return dict(state, components={role: part._nested_state() for role, part in state['components'].items()})

    def _find_own_build_func(self, state):
        networks = [self] + list(self.components.values())
        return next(net._build_func for net in networks if net._build_func.__name__ == state['build_func_name'])

    def copy_vars_from(self, source: 'Network') -> None:
        """Sets the variables that both networks have to their values in `source`.

        Raises:
            ValueError: The networks have no variable in common, or one of another shape.
        """
        common = {local_name: source.vars[local_name] for local_name in self.vars if local_name in source.vars}
        if not common:
            raise ValueError(f'{self.name} and {source.name} have no variable in common.')
        tfutil.set_vars({self.vars[local_name]: value for local_name, value in tfutil.run(common).items()})

    def setup_as_moving_average_of(
        self, source: 'Network', beta: tfutil.Value = 0.99, beta_nontrainable: tfutil.Value = 0.0
    ) -> tf.Operation:
        """Builds the op that moves this network towards `source`: new = source + (old - source) * beta.

        Args:
            source: A network with the same variables.
            beta: Decay for the trainable variables; float or scalar tensor.
            beta_nontrainable: Decay for the others; 0 copies them.
        """
        updates = []
        with tf.name_scope(self.scope.split('/')[-1] + '_moving_average'):
            for local_name, variable in self.vars.items():
                decay = beta if local_name in self.trainables else beta_nontrainable
                updates.append(tf.assign(variable, tfutil.lerp(source.vars[local_name], variable, decay)))
        return tf.group(*updates)

    def print_layers(self, title: Optional[str] = None) -> None:
        """Prints the layers with trainable variables: number of parameters, output shape (NCHW), weight shape."""
        print(layer_table(self, title))


def _operations_to_check():
    """The operations of the default graph if a CPU runs them and may compute them wrongly; else none."""
    return tf.get_default_graph().get_operations() if versions.CPU_GETS_NCHW_WRONG and not session_gpus() else []
