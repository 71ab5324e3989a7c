"""Pages about what was made, as HTML that needs nothing but itself: pictures are inside, and nothing is fetched.

Names of files and people come from strangers: whatever is put into a template here is escaped by `Markup.format`.
"""

import base64
import hashlib
import io
import os
import re

from markupsafe import Markup

QUALITY = 85  # of JPEG pictures
NUMBER = re.compile(r'[\d,.]+ (%|bytes|[kMGT]B)')  # in a cell, with its unit
LONGEST_NAME = 120  # characters of a name that are shown

with open(os.path.join(os.path.dirname(__file__), 'html_page.css'), encoding='utf-8') as file:
    STYLE = Markup(file.read())

# Forbids what an escape that was forgotten could do; a script runs only if it is the page's own, by its hash.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

PAGE = Markup("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}
</main>{script}
</body>
</html>
""")


def page(title, sections, style='', script=None):
    """The whole page: bytes, in UTF-8.

    Args:
        title: Text.
        sections: List of Markup.
        style: Our own CSS, beside that of all pages.
        script: Our own JavaScript, text without an end tag, that runs when the page is there; None for none.
    """
    policy, element = POLICY, ''
    if script is not None:
        digest = base64.b64encode(hashlib.sha256(script.encode('utf-8')).digest()).decode('ascii')
        policy = f"{POLICY}; script-src 'sha256-{digest}'"
        element = Markup('\n<script>') + Markup(script) + Markup('</script>')
    html = PAGE.format(
        policy=Markup(policy),
        title=printable(title),
        style=STYLE + Markup(style),
        script=element,
        body=Markup('\n').join(sections),
    )
    return html.encode('utf-8')


def printable(text, longest=LONGEST_NAME):
    """A name from anywhere as text that shows: what no glyph stands for (controls, lone bytes) is written out.

    Args:
        text: Anything that has a text.
        longest: Characters that are shown at most; of what is longer the middle is left out.
    """
    text = ''.join(
        letter if letter.isprintable() else letter.encode('unicode_escape').decode('ascii') for letter in str(text)
    )
    return text if len(text) <= longest else text[: longest // 2] + '…' + text[-longest // 2 :]


# ----------------------------------------------------------------------------------------------------------------------
# Parts.


def section(title, *parts):
    """A section with a heading."""
    return Markup('<section>\n<h2>{}</h2>\n{}\n</section>').format(title, Markup('\n').join(parts))


def paragraph(template, *values):
    """A paragraph; the template is ours, what it is filled with may be anybody's."""
    return Markup('<p>' + template + '</p>').format(*values)


def table(titles, rows, right=()):
    """A table; cells are text or Markup, numbers stand on the right.

    Args:
        titles: List of texts.
        rows: List of lists of cells.
        right: Places of the columns whose texts stand on the right too.
    """
    head = Markup('').join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(' class="number"') if place in right else '', title)
        for place, title in enumerate(titles)
    )
    body = Markup('\n').join(
        Markup('<tr>{}</tr>').format(Markup('').join(_cell(cell, place in right) for place, cell in enumerate(row)))
        for row in rows
    )
    return Markup(
        '<div class="scroll"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}\n</tbody>\n</table></div>'
    ).format(head, body)


def _cell(cell, is_right):
    if isinstance(cell, (int, float)):
        return Markup('<td class="number">{}</td>').format(f'{cell:,}')
    if is_right or (isinstance(cell, str) and NUMBER.fullmatch(cell)):
        return Markup('<td class="number">{}</td>').format(cell)
    return Markup('<td>{}</td>').format(cell)


def code(text):
    """Text in the type of a terminal."""
    return Markup('<code>{}</code>').format(text)


def command(lines):
    """Commands to type."""
    return Markup('<pre>{}</pre>').format('\n'.join(lines))


def bar(share):
    """A bar as long as a share of its cell; the number stands beside it."""
    return Markup('<div class="bar"><div style="width:{:.1f}%"></div></div>').format(100 * share)


def tiles(pairs):
    """Large numbers and what they count."""
    return Markup('<dl class="tiles">\n{}\n</dl>').format(
        Markup('\n').join(Markup('<div><dt>{}</dt><dd>{}</dd></div>').format(what, number) for number, what in pairs)
    )


def gallery(thumbnails):
    """Thumbnails with the last part of their paths below.

    Args:
        thumbnails: List of (PIL image, path).
    """
    return Markup('<div class="gallery">\n{}\n</div>').format(
        Markup('\n').join(
            Markup(
                '<figure><img src="{uri}" width="{width}" height="{height}" alt="">'
                '<figcaption title="{path}">{name}</figcaption></figure>'
            ).format(
                uri=uri('jpeg', jpeg(image)),
                width=image.width,
                height=image.height,
                path=printable(path),
                name=printable(path.rsplit('/', 1)[-1]),
            )
            for image, path in thumbnails
        )
    )


def picture(variants, words):
    """A PNG in several forms.

    Args:
        variants: List of (media query or None, bytes); the first that fits is shown, the last has None.
        words: What it shows.
    """
    sources = Markup('').join(
        Markup('<source media="{}" srcset="{}">').format(media, uri('png', data)) for media, data in variants[:-1]
    )
    return Markup('<picture>{}<img class="wide" src="{}" alt="{}"></picture>').format(
        sources, uri('png', variants[-1][1]), words
    )


def in_words(value, longest=LONGEST_NAME):
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


def bytes_in_words(size):
    """A number of bytes as a person reads it: '1.2 GB'."""
    if size < 1000:
        return f'{size} bytes'
    power = min((len(str(size)) - 1) // 3, 4)
    return f'{size / 1000**power:,.1f} {("kB", "MB", "GB", "TB")[power - 1]}'


def jpeg(image, **options):
    """The bytes of a PIL image as JPEG, with options of its `save`."""
    file = io.BytesIO()
    image.save(file, 'JPEG', **{'quality': QUALITY, **options})
    return file.getvalue()


def uri(kind, data):
    """Bytes of a picture, 'jpeg' or 'png', as the address of an `<img>`."""
    return f'data:image/{kind};base64,' + base64.b64encode(data).decode('ascii')
