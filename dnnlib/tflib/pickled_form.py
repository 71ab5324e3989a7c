"""A network as pickles hold it: its build function by name, its arguments, and the values of its variables."""

import contextlib
import importlib
import inspect
import sys
import warnings
from typing import Any, Callable, Dict, Iterable, Iterator, Optional

from dnnlib.errors import UserError
from dnnlib.network_file import BUILD_FUNCTIONS, PROGAN, PROGAN_BUILD_FUNCTIONS, STATE_VERSIONS, own_build_function
from dnnlib.own_modules import own_module, self_contained
from dnnlib.tflib import tfutil
from dnnlib.tflib.restoring import FreshBudget, check_sizes

BuildFunction = Callable[..., Any]  # expressions and keyword arguments -> an output tensor, or several
State = Dict[str, Any]  # what `Network.__getstate__` returns and a network pickle holds


class PickledForm:
    """The part of `Network` that makes its state, in the form of the published files, and builds it from one."""

    def __getstate__(self):
        if self.program == PROGAN:
            raise TypeError(f"Network {self.name!r} is of ProGAN's own program: save it by tflib.save_networks.")
        return self.state()

    def state(self) -> State:
        """What a pickle says about the network. Its components are networks."""
        values = tfutil.run(self.own_vars) if self._values is None else self._values
        source = self._module_source or self_contained(inspect.getsource(sys.modules[self._build_func.__module__]))
        return {
            'version': STATE_VERSIONS[-1],
            'name': sys.intern(self.name),
            'static_kwargs': _canonical(self.static_kwargs),
            'components': dict(self.components),
            'build_module_src': sys.intern(source),
            'build_func_name': sys.intern(self._build_func.__name__),
            'variables': [(sys.intern(local_name), values[local_name]) for local_name in self.own_vars],
        }

    def __setstate__(self, state):
        self._restore(state, find_known_build_func)

    @classmethod
    def from_state(
        cls, state: State, find_build_func: Callable[[State], BuildFunction], budget: Optional[FreshBudget] = None
    ) -> 'PickledForm':
        """Builds a network from what `__getstate__` returns.

        Args:
            state: Dict as in a network pickle. Its components are dicts of the same form.
            find_build_func: Function from the state of a network to its build function.
            budget: `FreshBudget` of the file that holds the network; None makes a new one.

        Raises:
            UserError: The build function is unknown, or a variable does not fit the rebuilt network.
        """
        network = cls.__new__(cls)
        network._restore(state, find_build_func, budget)
        return network

    def _restore(self, state, find_build_func, budget=None):
        if state.get('version') not in STATE_VERSIONS:
            raise UserError(
                'Network {!r}: its state has the version {!r}; this program reads only {}.'.format(
                    state.get('name'), state.get('version'), ' or '.join(map(str, STATE_VERSIONS))
                )
            )
        build_func, budget = find_build_func(state), budget or FreshBudget()
        # Unpickling brings components that are networks already.
        components = {
            role: part if isinstance(part, PickledForm) else type(self).from_state(part, find_build_func, budget)
            for role, part in state.get('components', {}).items()
        }
        values = dict(state['variables'])
        self._construct(
            state['name'], build_func, state['static_kwargs'], components, state['build_module_src'], values, budget
        )
        missing = [role for role in self.components if role not in components]
        if missing:  # the build function has made it anew, with random weights
            raise UserError(f'Network {self.name!r}: the file lacks its component {missing[0]!r}.')
        for local_name in values:
            if local_name not in self.own_vars:
                raise UserError(f'Network {self.name!r} has no variable {local_name!r}.')
        check_sizes(self.name, self.input_shapes + self.output_shapes)
        tfutil.set_vars({self.own_vars[local_name]: value for local_name, value in values.items()})
        fresh = [local_name for local_name in self.own_vars if local_name not in values]
        if fresh:
            warnings.warn(
                f'Network {self.name!r}: the file lacks values for {len(fresh)} of the variables ({fresh[0]!r}, ...); '
                'they keep the values of a new network.',
                stacklevel=2,
            )


@contextlib.contextmanager
def read_at_once(networks: Iterable[PickledForm]) -> Iterator[None]:
    """Reads all variables of the networks in one run. In the block the networks are pickled with these values.

    The first run of each set of variables takes long in a large graph, because TensorFlow prunes the graph for it.
    """
    every = [part for network in networks for part in (network, *network.components.values())]
    for network, values in zip(every, tfutil.run([network.own_vars for network in every])):
        network._values = values
    try:
        yield
    finally:
        for network in every:
            network._values = None


def find_known_build_func(state: State) -> BuildFunction:
    """This project's build function for a network's state.

    Raises:
        UserError: This project has no build function of the name in the state.
    """
    dotted_name = own_build_function(state)
    if dotted_name is None:
        raise UserError(
            'The file names the build function {!r}; only {} can be built here.'.format(
                state['build_func_name'], ', '.join(sorted(BUILD_FUNCTIONS))
            )
        )
    # Imported late, because the module imports this package.
    return import_function(dotted_name)


def _canonical(value):
    """A copy where equal texts are one object and no container is shared. So equal networks give equal pickles."""
    if isinstance(value, str):
        return sys.intern(str(value))
    if isinstance(value, dict):
        return {_canonical(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([_canonical(item) for item in value])
    return value


def import_function(dotted_name: str) -> BuildFunction:
    """A function by its dotted name; this project's own one even if another program has a module of that name."""
    module_name, _, function_name = dotted_name.rpartition('.')
    ours = {*BUILD_FUNCTIONS.values(), *PROGAN_BUILD_FUNCTIONS.values()}
    import_module = own_module if dotted_name in ours else importlib.import_module
    return getattr(import_module(module_name), function_name)
