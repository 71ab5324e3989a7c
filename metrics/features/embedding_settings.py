"""How images are prepared for a network that embeds faces: the settings beside its file, and their checks."""

import json
import math
import os
import re
from typing import Any, Dict, NamedTuple, Optional, Tuple

from dnnlib.errors import UserError, disk_errors

ARCFACE = 'arcface5'


class Settings(NamedTuple):
    """What a network takes: (pixel - mean) * scale, of a square cut out of the image.

    The values are those of most ArcFace networks.
    """

    side: int = 112  # px of the network's input
    colours: str = 'RGB'  # or 'BGR'
    mean: Tuple[float, ...] = (127.5,)  # one number, or three in the order of `colours`
    scale: Tuple[float, ...] = (1 / 127.5,)  # likewise
    # 'arcface5': two eyes, nose and mouth are moved to fixed places. 'crop 0.85': the middle 85 % of the image.
    alignment: str = ARCFACE
    output: Optional[str] = None  # name of the output; the only one if None

    @property
    def crop(self) -> Optional[float]:
        """The share of the image's sides that the network sees; None with 'arcface5'."""
        return None if self.alignment == ARCFACE else float(self.alignment.split()[1])


# The share was the best of 0.7, 0.85 and 1 on crops with the prefilter's margin.
FACENET = Settings(160, 'RGB', (127.5,), (1 / 128,), 'crop 0.85', None)


def read_settings(network: str, given: Optional[Dict[str, Any]] = None) -> Settings:
    """The settings of an ONNX file: those given, then those in the JSON file of the same name, then the defaults.

    Args:
        network: The ONNX file; of 'net.onnx' the JSON file is 'net.json', which need not be there.
        given: By name.

    Raises:
        UserError: A setting is unknown or wrong; the message names the file or the flag.
    """
    path, written = os.path.splitext(network)[0] + '.json', {}
    if os.path.exists(path):
        with disk_errors('read', path), open(path, encoding='utf-8') as file:
            try:
                written = json.load(file)
            except (ValueError, RecursionError) as error:
                raise UserError(f'{path} is no JSON file ({error}): write settings such as {{"side": 112}}.') from error
        if not isinstance(written, dict):
            raise UserError(f'{path} holds no settings by name: write settings such as {{"side": 112}}.')
    checked = {}
    for where, values in ((path, written), ('--embedding-settings', given or {})):
        for name, value in values.items():
            if name not in _CHECKS:
                raise UserError(f'{where}: there is no setting {name!r}: choose from {", ".join(_CHECKS)}.')
            check, meant = _CHECKS[name]
            try:
                checked[name] = check(value)
            except (AttributeError, TypeError, ValueError, ArithmeticError) as error:
                raise UserError(f'{where}: {name} {value!r} is not {meant}.') from error
    return Settings(**checked)


def settings_of_text(text: str) -> Dict[str, str]:
    """{'side': '112', 'colours': 'BGR'} of 'side=112,colours=BGR'. Raises ValueError if it is nothing like that."""
    pairs = [part.split('=') for part in text.split(',')]
    return {name.strip(): value.strip() for name, value in pairs}


def _side(value):
    number = int(value)
    if number != float(value) or not 16 <= number <= 1024:
        raise ValueError
    return number


def _colours(value):
    if value not in ('RGB', 'BGR'):
        raise ValueError
    return value


def _numbers(value):
    values = tuple(_number(each) for each in (value if isinstance(value, list) else [value]))
    if len(values) not in (1, 3):
        raise ValueError
    return values


def _number(value):
    if isinstance(value, bool):
        raise ValueError
    dividend, _, divisor = value.partition('/') if isinstance(value, str) else (value, '', '')
    number = float(dividend) / float(divisor or 1)
    if not math.isfinite(number):
        raise ValueError
    return number


def _alignment(value):
    if value == ARCFACE:
        return value
    share = float(re.fullmatch(r'crop +([0-9.]+)', value or '').group(1))
    if not 0.1 <= share <= 1:
        raise ValueError
    return f'crop {share:g}'


def _output(value):
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


# For each setting: the function that turns a given value into one of `Settings`, and what a value should be.
_CHECKS = {
    'side': (_side, 'a whole number of px from 16 to 1024'),
    'colours': (_colours, 'RGB or BGR'),
    'mean': (_numbers, 'a number such as 127.5, or a list of three'),
    'scale': (_numbers, 'a number such as 0.0078125 or 1/128, or a list of three'),
    'alignment': (_alignment, 'arcface5, or "crop 0.85" with a share of the side from 0.1 to 1'),
    'output': (_output, 'the name of an output'),
}
