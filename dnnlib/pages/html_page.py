"""HTML pages about what was made. A page is one file: pictures are inside, and nothing is fetched.

A page is a Jinja2 template beside the code that fills it. It extends `base.html`, and `parts.html` has macros for it.
Names of files and people come from strangers: templates escape all values.
"""

import base64
import functools
import hashlib
import io
import os
from typing import Any, Optional

import jinja2
from markupsafe import Markup
from PIL import Image

QUALITY = 85  # of JPEG pictures
LONGEST_NAME = 120  # characters of a name that are shown

# If an escape is forgotten somewhere, this still loads nothing, and runs no script but the page's own, by its hash.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_HERE = os.path.dirname(os.path.abspath(__file__))


def read_beside(path: str, ending: str) -> str:
    """The text of a file that lies beside a module, under the module's name with another ending, such as '.css'."""
    with open(os.path.splitext(os.path.abspath(path))[0] + ending, encoding='utf-8') as file:
        return file.read()


def page(template: str, style: str = '', script: Optional[str] = None, **values: Any) -> bytes:
    """The whole page, in UTF-8.

    Args:
        template: Path of a template that extends `base.html`.
        style: CSS of the page, beside the CSS of all pages; text without an end tag.
        script: JavaScript that runs when the page is there, text without an end tag; None for none.
        values: What the template names. Text is escaped, `Markup` is not.
    """
    policy = POLICY
    if script is not None:
        digest = base64.b64encode(hashlib.sha256(script.encode('utf-8')).digest()).decode('ascii')
        policy = f"{POLICY}; script-src 'sha256-{digest}'"
    html = render(
        template,
        policy=policy,
        style=Markup(_shared_style() + style),
        script=None if script is None else Markup(script),
        **values,
    )
    return html.encode('utf-8', 'backslashreplace')  # names of files need not be UTF-8


def render(template: str, **values: Any) -> Markup:
    """A template, given by its path, filled with values: text is escaped, `Markup` is not."""
    folder, name = os.path.split(os.path.abspath(template))
    return Markup(_environment(folder).get_template(name).render(values))


@functools.lru_cache(maxsize=None)
def _environment(folder):
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        bytes=bytes_in_words,
        count='{:,}'.format,
        in_words=in_words,
        jpeg=jpeg,
        printable=printable,
        px='{:.1f}'.format,
        uri=lambda data, kind: uri(kind, data),
    )
    return environment


@functools.lru_cache(maxsize=None)
def _shared_style():
    return read_beside(__file__, '.css')


# ----------------------------------------------------------------------------------------------------------------------
# Values in words.


def printable(text: Any, longest: int = LONGEST_NAME) -> str:
    """Any name as text that can be shown: control characters and undecodable bytes become escapes such as \\x07.

    Args:
        text: Anything that has a text.
        longest: Most characters; a longer text loses its middle.
    """
    text = ''.join(
        letter if letter.isprintable() else letter.encode('unicode_escape').decode('ascii') for letter in str(text)
    )
    return text if len(text) <= longest else text[: longest // 2] + '…' + text[-longest // 2 :]


def in_words(value: Any, longest: int = LONGEST_NAME) -> str:
    """The value of an option, as from JSON, as a person reads it; `longest` as in `printable`."""
    if value is None or value in ([], {}):
        return '–'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, dict):
        value = [f'{name}: {entry}' for name, entry in value.items()]
    if isinstance(value, list):
        return printable(', '.join(map(str, value)), longest)
    return f'{value:,}' if isinstance(value, int) else printable(value, longest)


def bytes_in_words(size: int) -> str:
    """A number of bytes as a person reads it: '1.2 GB'."""
    if size < 1000:
        return f'{size} bytes'
    power = min((len(str(size)) - 1) // 3, 4)
    return f'{size / 1000**power:,.1f} {("kB", "MB", "GB", "TB")[power - 1]}'


# ----------------------------------------------------------------------------------------------------------------------
# Pictures.


def jpeg(image: Image.Image, **options: Any) -> bytes:
    """A PIL image as JPEG; `options` go to its `save`."""
    file = io.BytesIO()
    image.save(file, 'JPEG', **{'quality': QUALITY, **options})
    return file.getvalue()


def uri(kind: str, data: bytes) -> str:
    """A picture, 'jpeg' or 'png', as the address of an `<img>`."""
    return f'data:image/{kind};base64,' + base64.b64encode(data).decode('ascii')
