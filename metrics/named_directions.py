"""Directions in W that have names, such as 'smile': the file that keeps them, and how a command line names some.

The file is JSON:

    {"directions of": "a StyleGAN generator", "version": 1,
     "network": {"name": ..., "sha256": ...}, "layers": [0, 1, ...], "made by": {...},
     "directions": [{"name": "smile", "vector": [W numbers], ...}, ...]}
"""

import json
import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from dnnlib.errors import UserError, disk_errors
from dnnlib.files import atomic_write

KIND, VERSION = 'a StyleGAN generator', 1
HINT = 'name a file that python -m synthesis directions wrote'
_NOT_IN_NAMES = re.compile(r'[,:\x00-\x1f]')  # they separate names on a command line


class NamedDirections(NamedTuple):
    """Directions of a file.

    Attributes:
        path: Of the file.
        sha256: Of the network's pickle.
        network: The network as a person knows it.
        layers: The layers that they move; neighbours.
        names: Their names.
        vectors: float32 [K, W], of length 1.
        records: For each direction a dict with what the file says beside name and vector.
        made_by: The options of the command that made them, a dict.
    """

    path: str
    sha256: str
    network: str
    layers: range
    names: Tuple[str, ...]
    vectors: np.ndarray
    records: Tuple[Dict[str, Any], ...] = ()
    made_by: Optional[Dict[str, Any]] = None

    def choose(self, names):
        """The directions of these names, in this order; None takes all.

        Raises:
            UserError: A name is not there.
        """
        if names is None:
            return self
        unknown = [name for name in names if name not in self.names]
        if unknown:
            raise UserError(f'{self.path} has no direction {unknown[0]!r}: choose from {", ".join(self.names)}.')
        places = [self.names.index(name) for name in names]
        records = tuple(self.records[place] for place in places) if self.records else ()
        return self._replace(names=tuple(names), vectors=self.vectors[places], records=records)

    def check_network(self, sha256):
        """Refuses a network that the directions are not of, by the SHA-256 of its pickle.

        Raises:
            UserError: It is another one.
        """
        if sha256 != self.sha256:
            raise UserError(
                f'{self.path} has directions of the network {self.network} (SHA-256 {self.sha256[:12]}…) and mean '
                f'nothing for another one (SHA-256 {sha256[:12]}…): name that network, or make directions of this one '
                'with python -m synthesis directions.'
            )


def check_size(vectors: np.ndarray, size: int) -> None:
    """Refuses directions float [K, W] for a network whose w has `size` numbers."""
    if vectors.shape[1] != size:
        raise UserError(
            f'These directions have {vectors.shape[1]} numbers each, and a w of the network has {size}: make '
            'directions of this network with python -m synthesis directions.'
        )


def split_choice(text: str) -> Tuple[str, Optional[List[str]]]:
    """'FILE:NAME,NAME' to the path and the names; 'FILE' to the path and None.

    A path that has a colon itself is understood if the file is there.
    """
    path, colon, names = text.rpartition(':')
    if not colon or os.path.exists(text):
        return text, None
    return path, list(dict.fromkeys(name.strip() for name in names.split(',')))


def clean_name(name: str) -> str:
    """A name without the signs that separate names on a command line."""
    return _NOT_IN_NAMES.sub('_', name).strip() or '_'


def write_directions(path: str, directions: NamedDirections) -> None:
    """Writes the file, whole or not at all; the `path` within `directions` is not used.

    Raises:
        UserError: The disk refuses.
    """
    content = {
        'directions of': KIND,
        'version': VERSION,
        'network': {'name': directions.network, 'sha256': directions.sha256},
        'layers': list(directions.layers),
        'made by': directions.made_by,
        'directions': [
            {'name': name, **record, 'vector': vector.astype(np.float64).tolist()}
            for name, record, vector in zip(directions.names, directions.records, directions.vectors)
        ],
    }
    with disk_errors('written', path, 'or name another file with --out'), atomic_write(path) as file:
        file.write(json.dumps(content, indent=1, allow_nan=False).encode('utf-8') + b'\n')


def read_directions(path: str) -> NamedDirections:
    """Reads the file.

    Raises:
        UserError: There is no such file, or it is something else, or damaged.
    """
    with disk_errors('read', path, f'or {HINT}'):
        try:
            with open(path, encoding='utf-8') as file:
                content = json.load(file)
        except (ValueError, RecursionError) as error:
            raise UserError(f'{path} is no file of directions ({type(error).__name__}): {HINT}.') from error
    if not isinstance(content, dict) or content.get('directions of') != KIND:
        raise UserError(f'{path} is no file of directions: {HINT}.')
    if content.get('version') != VERSION:
        raise UserError(
            f'{path} is of version {content.get("version")!r}, and this program reads {VERSION}: make the directions '
            'anew with python -m synthesis directions.'
        )
    try:
        return _parse(path, content)
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        raise _damaged(path, error) from error


def _parse(path, content):
    entries, layers = content['directions'], content['layers']
    names = tuple(entry['name'] for entry in entries)
    vectors = np.array([entry['vector'] for entry in entries], np.float32)
    if not names or len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
        raise ValueError('its names are not all different words')
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ValueError('its vectors are not all numbers')
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    if not np.allclose(lengths, 1, atol=1e-4):
        raise ValueError('its vectors are not all of length 1')
    if not layers or layers != list(range(layers[0], layers[-1] + 1)) or layers[0] < 0:
        raise ValueError('its layers are no neighbours')
    sha256, network = content['network']['sha256'], content['network']['name']
    if not isinstance(sha256, str) or not isinstance(network, str):
        raise ValueError('its network has no name')
    records = tuple({key: value for key, value in entry.items() if key not in ('name', 'vector')} for entry in entries)
    made_by = content.get('made by')
    return NamedDirections(path, sha256, network, range(layers[0], layers[-1] + 1), names, vectors, records, made_by)


def _damaged(path, what):
    return UserError(f'{path} is damaged ({what}): restore it from a copy, or make it anew.')
