"""Network pickles, as StyleGAN's code writes them: read without running anybody's code, written whole or not at all."""

import contextlib
import pickle
import sys
import types
from typing import Iterator, Tuple, Union

import numpy as np

from dnnlib.download.published import TRUST_FLAG, resolve, trusted_as
from dnnlib.errors import UserError
from dnnlib.files import Path, atomic_write
from dnnlib.network_file import own_build_function, read_network_file, walk
from dnnlib.tflib.network import Network
from dnnlib.tflib.pickled_form import find_known_build_func, read_at_once
from dnnlib.tflib.progan_pickles import in_their_form
from dnnlib.tflib.restoring import FreshBudget
from dnnlib.tflib.versions import builtins_for_source_text

PICKLE_PROTOCOL = 4  # what the published files use; Python 3.4 and later read it


def load_networks(source: Path) -> Union[Network, Tuple[Network, ...]]:
    """Opens the networks in a pickle with this project's own build functions; source text inside it is not executed.

    The published networks for metrics are an exception: they have other build functions, in the source text inside
    the file. The text runs only if the file's SHA-256 stands in `config.NETWORKS` or in the user's
    `config.TRUST_FILE`; a printed line says so each time.

    Args:
        source: Path of a file with a tuple (G, D, Gs) or with a single network, of Python 2 or 3; a URL; or the name of
            a published network, downloaded into `config.CACHE_DIR` if it is not there.

    Returns:
        Tuple (G, D, Gs) of `Network`, or one `Network`, as the file holds, in the default session.

    Raises:
        UserError: The file cannot be downloaded or read, is damaged, holds something that does not belong in a network,
            or its source text would have to run and is not trusted. The message names the file and says what to do.
    """
    file = read_network_file(resolve(source))
    networks = _build(file, file.networks)
    return networks if file.is_tuple else networks[0]


def load_generator(source: Path) -> Network:
    """Opens the generator in a pickle, and builds no other network of the file.

    Args:
        source: As for `load_networks`.

    Returns:
        Gs of a tuple (G, D, Gs), or the network of a file that holds one, in the default session.

    Raises:
        UserError: As for `load_networks`, or the file holds no generator of StyleGAN or ProGAN.
    """
    file = read_network_file(resolve(source))
    if len(file.networks) in (1, 3):
        (network,) = _build(file, file.networks[-1:])
        if {'mapping', 'synthesis'} <= set(network.components) or file.networks[-1]['build_func_name'] == 'G_paper':
            return network
    raise UserError(
        f'{file.path} holds no generator of StyleGAN or ProGAN: name a pickle with (G, D, Gs), or with a generator.'
    )


def _build(file, states):
    """Builds networks of a `NetworkFile`, a tuple of `Network`; raises a UserError that names the file."""
    builders, budget = _EmbeddedBuilders(file), FreshBudget()
    try:
        return tuple(Network.from_state(state, builders.find, budget) for state in states)
    except UserError as error:
        raise error if error.message.startswith(file.path) else UserError(f'{file.path}: {error.message}') from error
    except Exception as error:  # bad arguments in the file can make the build function raise anything
        raise UserError(
            f'{file.path}: its networks cannot be built ({type(error).__name__}: {_first_line(error)}).'
        ) from error


def check_trusted(path: Path) -> None:
    """Checks that the networks in a file can be built, without building them.

    Args:
        path: File of a network pickle.

    Raises:
        UserError: A network needs source text in the file, and the file is not trusted.
    """
    file = read_network_file(path)
    builders = _EmbeddedBuilders(file)
    for state in file.networks:
        for _, network in walk(state):
            builders.check(network)


def save_networks(path: Path, networks: Union[Network, Tuple[Network, ...]]) -> None:
    """Writes networks to a pickle that the original StyleGAN code opens too.

    Networks that were read from a pickle of ProGAN's own program are written in the form of that program.

    Args:
        path: Target file; it appears whole or not at all.
        networks: Tuple or list (G, D, Gs), or a single `Network`.

    Raises:
        TypeError: `networks` is anything else.
    """
    networks = tuple(networks) if isinstance(networks, list) else networks
    parts = networks if isinstance(networks, tuple) else (networks,)
    if not parts or not all(isinstance(part, Network) for part in parts):
        raise TypeError('A network pickle holds one network, or a tuple (G, D, Gs) of networks; nothing else opens.')
    with atomic_write(path) as file, read_at_once(parts), in_their_form(networks) as content, _names_of_numpy_1():
        pickle.dump(content, file, protocol=PICKLE_PROTOCOL)


@contextlib.contextmanager
def _names_of_numpy_1() -> Iterator[None]:
    """A block in which pickles name numpy's functions as numpy 1 did. numpy 2 knows these names too.

    By itself it would write numpy._core, which the numpy of the original code does not have.
    """
    functions = [value.__reduce__()[0] for value in (np.zeros(1), np.float32(0))]
    modules = [function.__module__ for function in functions]
    try:
        for function, module in zip(functions, modules):
            function.__module__ = module.replace('numpy._core.', 'numpy.core.')
        yield
    finally:
        for function, module in zip(functions, modules):
            function.__module__ = module


class _EmbeddedBuilders:
    """Finds build functions: the project's own by name, others in the source text of a trusted file."""

    def __init__(self, file):
        self._file, self._trusted_as, self._modules = file, None, {}

    def check(self, state):
        """Raises a UserError for a network that needs source text in a file that is not trusted."""
        if own_build_function(state) is not None or self._trusted_as is not None:
            return
        sha256 = self._file.sha256
        self._trusted_as = trusted_as(sha256)
        if self._trusted_as is None:
            raise UserError(
                f'{self._file.path}: network {state["name"]!r} needs the build function {state["build_func_name"]!r} '
                'from the source text inside the file, which would run with all your rights. If you trust the maker '
                f'of the file, type: {TRUST_FLAG} {sha256}'
            )

    def find(self, state):
        """The build function of a network."""
        if own_build_function(state) is not None:
            return find_known_build_func(state)
        self.check(state)
        source = state['build_module_src']
        if source not in self._modules:
            self._modules[source] = self._run(source)
        function = getattr(self._modules[source], state['build_func_name'], None)
        if not callable(function):
            raise UserError(
                f'{self._file.path}: the source text of network {state["name"]!r} has no function '
                f'{state["build_func_name"]!r}.'
            )
        return function

    def _run(self, source):
        module = types.ModuleType(f'embedded_source_{self._file.sha256[:16]}_{len(self._modules)}')
        sys.modules[module.__name__] = module  # pickling looks modules up by name
        print(
            f'Running the source text inside {self._file.path}, {self._trusted_as} (SHA-256 {self._file.sha256[:16]}…).'
        )
        module.__builtins__ = builtins_for_source_text()
        exec(compile(source, module.__name__, 'exec'), module.__dict__)
        return module


def _first_line(error):
    return (str(error).splitlines() or [''])[0]
