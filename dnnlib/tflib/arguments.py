"""The arguments that networks take: an unknown one is refused, since most build functions would swallow it."""

import functools
import importlib
import inspect
from typing import Any, Callable, Dict, FrozenSet, Iterable

from dnnlib.network_file import BUILD_FUNCTIONS, PROGAN_BUILD_FUNCTIONS
from dnnlib.own_modules import own_module

_OF_THE_BUILD = {'is_template_graph', 'components'}


def positional_parameters(function: Callable) -> list:
    """Names of the parameters that have no default: the inputs of a network."""
    return [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.kind == p.POSITIONAL_OR_KEYWORD and p.default is p.empty
    ]


def check_arguments(name: str, functions: Iterable[Callable], arguments: Dict[str, Any]) -> None:
    """Refuses arguments that none of this project's build functions takes. Other functions are asked nothing.

    Args:
        name: Of the network, for the message.
        functions: The build functions that get the arguments.
        arguments: By name.

    Raises:
        TypeError: An argument is unknown.
    """
    functions = list(functions)
    if not all(map(_is_ours, functions)):
        return
    if any(map(_is_progan, functions)):  # ignores what StyleGAN's generators take, as the original does
        functions += all_build_functions(own_module('training.networks_stylegan').G_style)
    known = _known(functions)
    unknown = sorted(set(arguments) - known)
    if unknown:
        raise TypeError(f'{name} has no argument {unknown[0]!r}: its arguments are {", ".join(sorted(known))}.')


def all_build_functions(function: Callable) -> Iterable[Callable]:
    """A function's own kind: all of this project's build functions for one of them, which hand arguments on."""
    if not _is_ours(function):
        return [function]
    module = importlib.import_module(function.__module__)
    return [getattr(module, name) for name in BUILD_FUNCTIONS if hasattr(module, name)]


def with_effect(function: Callable, arguments: Dict[str, Any]) -> Dict[str, Any]:
    """Those of the arguments in a pickle that one of this project's build functions, or a part of it, takes."""
    known = _known(all_build_functions(function))
    return {name: value for name, value in arguments.items() if name in known}


def _is_ours(function):
    name = f'{function.__module__}.{function.__name__}'
    return name in BUILD_FUNCTIONS.values() or name in PROGAN_BUILD_FUNCTIONS.values()


def _is_progan(function):
    return function.__name__ in PROGAN_BUILD_FUNCTIONS


def _known(functions):
    return frozenset().union(*map(_parameters, functions))


@functools.lru_cache(maxsize=None)
def _parameters(function: Callable) -> FrozenSet[str]:
    named = {p.name for p in inspect.signature(function).parameters.values() if p.kind == p.POSITIONAL_OR_KEYWORD}
    return frozenset(named - {*positional_parameters(function)} - _OF_THE_BUILD)
