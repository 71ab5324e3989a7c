"""A page as html.parser sees it: text, elements, and whether every element is closed in order."""

import html.parser

VOID = ('meta', 'img', 'source', 'br', 'input')


class ParsedPage(html.parser.HTMLParser):
    """Parses bytes or text; fails on elements that are not closed in order.

    Attributes:
        elements: List of (tag, dict of attributes).
        tables: List of tables, lists of rows, lists of the texts of cells.
        text: All text outside <style> and <script>, with spaces between the elements.
    """

    def __init__(self, page):
        super().__init__()
        self.elements, self.tables, self.text = [], [], ''
        self._open = []
        self.feed(page.decode('utf-8') if isinstance(page, bytes) else page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes)
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == 'table':
            self.tables.append([])
        elif tag == 'tr':
            self.tables[-1].append([])
        elif tag in ('td', 'th'):
            self.tables[-1][-1].append('')

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if not {'style', 'script'} & set(self._open):
            self.text += ' ' + data
        if self._open and self._open[-1] in ('td', 'th', 'code') and {'td', 'th'} & set(self._open):
            self.tables[-1][-1][-1] += data

    def table(self, first_title):
        """The rows below the titles of the only table whose first title this is."""
        (found,) = (table[1:] for table in self.tables if table[0][0] == first_title)
        return found

    def images(self):
        """Attributes of the thumbnails and pictures."""
        return [attributes for tag, attributes in self.elements if tag == 'img']
