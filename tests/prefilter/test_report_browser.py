"""The report in a real browser: that its pictures show, that it fits a phone, and that names in it run nothing."""

from tests.browser import DESKTOP, PHONE, browser, needs_browser
from tests.parsed_page import ParsedPage
from tests.pictures import picture, write_files
from tests.prefilter.report_sets import make

HOSTILE = '"><img src=x onerror="document.title=1">.png'


@needs_browser
def test_the_report_in_a_browser(tmp_path):
    photographs = write_files(
        tmp_path / 'photos',
        {'a' * 100 + '/1.png': picture(1), f'b/{HOSTILE}': picture(2), f'c/{HOSTILE}': picture(200), 'd/e.png': b''},
    )
    make(photographs, tmp_path / 'set')
    report = tmp_path / 'set' / 'report.html'
    thumbnails = len(ParsedPage(report.read_bytes()).images())
    assert thumbnails == 3
    with browser(tmp_path) as tab:
        for width, columns in (PHONE, 1), (DESKTOP, 2):
            tab.open(report, width)
            assert tab.run('[...document.images].map(image => image.naturalWidth)') == [128] * thumbnails
            captions = tab.run('[...document.querySelectorAll("figcaption")].map(caption => caption.textContent)')
            assert captions[:3] == ['1.png', HOSTILE, HOSTILE]
            lefts = tab.run('[...document.querySelectorAll(".chart")].map(c => c.getBoundingClientRect().left)')
            assert len(lefts) == 4 and len(set(lefts)) == columns
            assert tab.run('getComputedStyle(document.querySelector(".gallery")).display') == 'grid'
            assert tab.overflow() <= 0 and tab.complaints == []
            assert tab.run('document.title') == 'Dataset set'
