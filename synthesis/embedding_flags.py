"""The flags that choose a face embedding, for all verbs that compare faces."""

from typing import Any, Callable, Dict, Optional

import click

from metrics.features.embedding_settings import settings_of_text


class SettingsText(click.ParamType):
    """'side=112,colours=BGR'; converts to a dict of texts."""

    name = 'NAME=VALUE,...'

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> Dict[str, str]:
        """The settings by name."""
        if isinstance(value, dict):
            return value
        try:
            return settings_of_text(value)
        except ValueError:
            return self.fail(f'{value!r} is no list of settings such as side=112,colours=BGR.', param, ctx)


def embedding_flags(command: Callable) -> Callable:
    """Adds the flags `--embedding` and `--embedding-settings` to a command; `open_embedding` takes their values."""
    for flag in (
        click.option(
            '--embedding-settings',
            type=SettingsText(),
            help='How FILE.onnx takes images: side, colours (RGB or BGR), mean, scale, alignment (arcface5, or crop '
            'and a share), output. What is left out is taken from FILE.json, else as in most ArcFace networks: '
            'side=112, colours=RGB, mean=127.5, scale=1/127.5, alignment=arcface5.',
        ),
        click.option(
            '--embedding',
            default='facenet',
            metavar='facenet|FILE.onnx',
            show_default=True,
            help='Network that says how alike two faces are.',
        ),
    ):
        command = flag(command)
    return command
