"""The options of a command as a frozen dataclass, each with the places where its value is kept."""

import dataclasses
import json
import os
from typing import Any, Dict, List, Optional

from dnnlib.records.names import OPTIONS_FILE

# Where the value of an option is kept.
PLAN = 'plan'  # of an unfinished run: the images depend on it, so a run with another value cannot go on
ENDING = 'ending'  # of an unfinished run: only the steps after the last image depend on it, so it may change
RECORD = 'record'  # options.json, beside the dataset


def option(*kept_in: str, default: Any = None, flag: Optional[str] = None, is_later: bool = False) -> Any:
    """A field. An option that a later version added, `is_later`, is kept only if it is given.

    So what is kept without it is what earlier versions kept.

    Args:
        kept_in: Of PLAN, ENDING, RECORD. An option that is kept nowhere does not change the dataset.
        default: The value without the flag.
        flag: Its flag, if that is not the field's name with dashes.
        is_later: See above.
    """
    return dataclasses.field(default=default, metadata={'kept_in': kept_in, 'flag': flag, 'is_later': is_later})


def flag_of(field: 'dataclasses.Field[Any]') -> str:
    """The flag of a field: '--max-pixels'."""
    return field.metadata['flag'] or '--' + field.name.replace('_', '-')


class KeptOptions:
    """The base of a frozen dataclass whose fields are made by `option`: the flags of a command, by their parameters."""

    def plan(self) -> Dict[str, Any]:
        """Dict of flag to value: the options that the images depend on."""
        return {flag_of(field): _as_json(getattr(self, field.name)) for field in self._kept(PLAN)}

    def ending(self) -> Dict[str, Any]:
        """Dict of name to value: the options that only the steps after the last image depend on."""
        return {field.name: _as_json(getattr(self, field.name)) for field in self._kept(ENDING)}

    def record(self) -> Dict[str, Any]:
        """Dict of flag without dashes to value: the options that decide what is in the dataset."""
        return {flag_of(field).lstrip('-'): _as_json(getattr(self, field.name)) for field in self._kept(RECORD)}

    def _kept(self, place: str) -> 'List[dataclasses.Field[Any]]':
        fields = [field for field in dataclasses.fields(self) if place in field.metadata['kept_in']]
        return [each for each in fields if not each.metadata['is_later'] or getattr(self, each.name) != each.default]


def _as_json(value: Any) -> Any:
    if isinstance(value, range):
        return list(value)
    return sorted(set(value)) if isinstance(value, tuple) else value


def save_options(folder: str, options: KeptOptions) -> None:
    """Writes the record of options into a dataset's folder, as `options.json`."""
    with open(os.path.join(folder, OPTIONS_FILE), 'w', encoding='utf-8') as file:
        json.dump(options.record(), file, indent=2)
        file.write('\n')
