"""The page about a dataset, as HTML that needs nothing but itself: pictures are inside it, and there is no script.

Names of files and people come from strangers: whatever is put into a template here is escaped by `Markup.format`.
"""

import base64
import io
import os
import re

from markupsafe import Markup

from prefilter.summary import ACCEPTED, QUANTITIES, REFUSED, quantiles

QUALITY = 85  # of the JPEG thumbnails
SHARES = (0.05, 0.5, 0.95)  # of which the table of quantities has the values
NUMBER = re.compile(r'[\d,.]+ (%|bytes|[kMGT]B)')  # in a cell, with its unit
LONGEST_NAME = 120  # characters of a name that are shown

with open(os.path.join(os.path.dirname(__file__), 'page.css'), encoding='utf-8') as file:
    STYLE = Markup(file.read())

# Forbids what an escape that was forgotten could do.
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
</main>
</body>
</html>
""")


def page(title, sections):
    """The whole page: bytes, in UTF-8.

    Args:
        title: Text.
        sections: List of Markup.
    """
    html = PAGE.format(policy=POLICY, title=printable(title), style=STYLE, body=Markup('\n').join(sections))
    return html.encode('utf-8')


def printable(text):
    """A name from anywhere as text that shows: what no glyph stands for (controls, lone bytes) is written out."""
    text = ''.join(
        letter if letter.isprintable() else letter.encode('unicode_escape').decode('ascii') for letter in str(text)
    )
    return text if len(text) <= LONGEST_NAME else text[:LONGEST_NAME // 2] + '…' + text[-LONGEST_NAME // 2:]


# ----------------------------------------------------------------------------------------------------------------------
# Parts.


def section(title, *parts):
    """A section with a heading."""
    return Markup('<section>\n<h2>{}</h2>\n{}\n</section>').format(title, Markup('\n').join(parts))


def paragraph(template, *values):
    """A paragraph; the template is ours, what it is filled with may be anybody's."""
    return Markup('<p>' + template + '</p>').format(*values)


def table(titles, rows):
    """A table; cells are text or Markup, numbers stand on the right."""
    head = Markup('').join(Markup('<th scope="col">{}</th>').format(title) for title in titles)
    body = Markup('\n').join(
        Markup('<tr>{}</tr>').format(Markup('').join(_cell(cell) for cell in row)) for row in rows
    )
    return Markup(
        '<div class="scroll"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}\n</tbody>\n</table></div>'
    ).format(head, body)


def _cell(cell):
    if isinstance(cell, (int, float)):
        return Markup('<td class="number">{}</td>').format(f'{cell:,}')
    if isinstance(cell, str) and NUMBER.fullmatch(cell):
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
    return Markup('<dl class="tiles">\n{}\n</dl>').format(Markup('\n').join(
        Markup('<div><dt>{}</dt><dd>{}</dd></div>').format(what, number) for number, what in pairs
    ))


def gallery(thumbnails):
    """Thumbnails with the last part of their paths below.

    Args:
        thumbnails: List of (PIL image, path).
    """
    return Markup('<div class="gallery">\n{}\n</div>').format(Markup('\n').join(
        Markup(
            '<figure><img src="{uri}" width="{width}" height="{height}" alt="">'
            '<figcaption title="{path}">{name}</figcaption></figure>'
        ).format(uri=_jpeg_uri(image), width=image.width, height=image.height, path=printable(path),
                 name=printable(path.rsplit('/', 1)[-1]))
        for image, path in thumbnails
    ))


def picture(variants, words):
    """A PNG in several forms.

    Args:
        variants: List of (media query or None, bytes); the first that fits is shown, the last has None.
        words: What it shows.
    """
    sources = Markup('').join(
        Markup('<source media="{}" srcset="{}">').format(media, _uri('png', data)) for media, data in variants[:-1]
    )
    return Markup('<picture>{}<img class="wide" src="{}" alt="{}"></picture>').format(
        sources, _uri('png', variants[-1][1]), words)


def quantity_table(summary):
    """The middle and both ends of each quantity."""
    rows = []
    for name, title in QUANTITIES.items():
        for kind in (ACCEPTED, REFUSED):
            values = summary.values[name][kind]
            if values:
                rows.append([title, kind, *quantiles(values, SHARES)])
    return table(['', '', *(f'{100 * share:g} % below' if share != 0.5 else 'median' for share in SHARES)], rows)


def bytes_in_words(size):
    """A number of bytes as a person reads it: '1.2 GB'."""
    if size < 1000:
        return f'{size} bytes'
    power = min((len(str(size)) - 1) // 3, 4)
    return f'{size / 1000 ** power:,.1f} {("kB", "MB", "GB", "TB")[power - 1]}'


def _jpeg_uri(image):
    file = io.BytesIO()
    image.save(file, 'JPEG', quality=QUALITY)
    return _uri('jpeg', file.getvalue())


def _uri(kind, data):
    return f'data:image/{kind};base64,' + base64.b64encode(data).decode('ascii')
