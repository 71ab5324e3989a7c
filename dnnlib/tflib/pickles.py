"""Network pickles, as StyleGAN's code writes them: read without running anybody's code, written whole or not at all."""

import pickle
import sys
import types

from dnnlib.errors import UserError
from dnnlib.files import atomic_write, sha256_of_file
from dnnlib.tflib.network import Network

PICKLE_PROTOCOL = 4  # what the published files use; Python 3.4 and later read it

# Every global that a network pickle may name; numpy 2 spells its modules numpy._core, Python 2 needs _codecs.encode.
_NUMPY_GLOBALS = {
    ('numpy.core.multiarray', '_reconstruct'), ('numpy.core.multiarray', 'scalar'), ('numpy', 'ndarray'),
    ('numpy', 'dtype'), ('_codecs', 'encode')}


class _NetworkState:
    """Stands in for a Network while a file is read: it keeps the state and builds nothing."""

    def __setstate__(self, state):
        self.state = state

    def as_dict(self):
        components = {role: part.as_dict() for role, part in self.state.get('components', {}).items()}
        return dict(self.state, components=components)


class _AllowListUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ('dnnlib.tflib.network', 'Network'):
            return _NetworkState
        if (module.replace('numpy._core', 'numpy.core'), name) in _NUMPY_GLOBALS:
            return super().find_class(module.replace('numpy._core', 'numpy.core'), name)
        raise pickle.UnpicklingError(f'it names {module}.{name}, which has no place in a network pickle')


def load_networks(path):
    """Opens a network pickle with this project's own build functions; source text inside it is never executed.

    Args:
        path: File with a tuple (G, D, Gs), or with a single network.

    Returns:
        Tuple (G, D, Gs) of `Network`, or one `Network`, whatever the file holds.

    Raises:
        UserError: The file is missing, damaged, or not a network pickle; the message names it.
    """
    states = _read_states(path)
    try:
        networks = tuple(Network.from_state(state) for state in states)
    except UserError as error:
        raise UserError(f'{path}: {error.message}') from error
    except (KeyError, TypeError, ValueError) as error:  # incomplete, or not what the build function takes
        raise UserError(f'{path}: its networks cannot be built ({error!r}).') from error
    return networks if len(networks) > 1 else networks[0]


def load_network_with_embedded_source(path, expected_sha256):
    """Opens a pickle whose build function exists only as source text inside it, by executing that text.

    This runs code from the file, so it is done only for a file whose content is known, and never silently.

    Args:
        path: File with a single network, such as the published Inception network.
        expected_sha256: The only content accepted.

    Returns:
        The `Network`.

    Raises:
        UserError: The file has another content, or is not such a pickle.
    """
    actual = sha256_of_file(path)
    if actual != expected_sha256:
        raise UserError(f'{path}: SHA-256 is {actual}, not the published {expected_sha256}; '
                        'delete the file to have it downloaded again.')
    states = _read_states(path)
    if len(states) != 1:
        raise UserError(f'{path}: holds {len(states)} networks where one is expected.')
    module = types.ModuleType('embedded_source_' + actual[:16])
    sys.modules[module.__name__] = module  # inspect.getsource and pickling look modules up by name
    print(f'Running the network source embedded in {path} (known by its SHA-256 {actual[:16]}…).')
    exec(compile(states[0]['build_module_src'], module.__name__, 'exec'), module.__dict__)
    return Network.from_state(states[0], lambda func_name: getattr(module, func_name))


def save_networks(path, networks):
    """Writes networks to a pickle that the original StyleGAN code opens too.

    Args:
        path: Target file; it appears whole or not at all.
        networks: Tuple (G, D, Gs), or a single `Network`.
    """
    with atomic_write(path) as file:
        pickle.dump(networks, file, protocol=PICKLE_PROTOCOL)


def _read_states(path):
    """State dicts of the networks in a file, components included, without building anything."""
    try:
        with open(path, 'rb') as file:
            content = _AllowListUnpickler(file, encoding='latin1').load()  # latin1: Python 2 wrote some of them
        parts = content if isinstance(content, tuple) else (content,)
        if not parts or not all(isinstance(part, _NetworkState) for part in parts):
            raise UserError(f'{path}: holds something else than networks.')
        return [part.as_dict() for part in parts]
    except OSError as error:
        raise UserError(f'{path}: cannot be read ({error.strerror}).') from error
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, ImportError, KeyError,
            IndexError, MemoryError) as error:
        raise UserError(f'{path}: is not a whole network pickle ({error}).') from error
