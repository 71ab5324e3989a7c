"""The report in a real browser: that its pictures show, that it fits a phone, and that names in it run nothing."""

import html
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from tests.parsed_page import ParsedPage
from tests.pictures import picture, write_files
from tests.prefilter.report_sets import make

BROWSER = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync']
PHONE, DESKTOP = 390, 1280  # px
HOSTILE = '"><img src=x onerror="parent.document.title=1">.png'

# Two frames, since a browser's own window is not as narrow as a phone; what they hold is said once both are loaded.
FRAMES = """<!DOCTYPE html><title>not run</title>
<iframe width={phone} height=800 srcdoc="{page}"></iframe><iframe width={desktop} height=800 srcdoc="{page}"></iframe>
<pre id=found></pre><script>
onload = () => {{  // that of the frames and of all pictures in them has been
  const found = [];
  for (const frame of document.querySelectorAll('iframe')) {{
    const page = frame.contentDocument, images = [...page.images];
    found.push({{
      images: images.map(image => image.naturalWidth),
      captions: [...page.querySelectorAll('figcaption')].map(caption => caption.textContent),
      overflow: page.documentElement.scrollWidth - frame.clientWidth,
      styled: page.defaultView.getComputedStyle(page.querySelector('.gallery')).display,
    }});
  }}
  document.getElementById('found').textContent = JSON.stringify(found);
}};
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason='no chromium: apt-get install chromium, as .ci/run does')
def test_the_report_in_a_browser(tmp_path):
    photographs = write_files(tmp_path / 'photos', {
        'a' * 100 + '/1.png': picture(1), f'b/{HOSTILE}': picture(2), f'c/{HOSTILE}': picture(200), 'd/e.png': b''})
    make(photographs, tmp_path / 'set')
    report = (tmp_path / 'set' / 'report.html').read_bytes().decode('utf-8')
    frames = tmp_path / 'frames.html'
    frames.write_text(FRAMES.format(page=html.escape(report), phone=PHONE, desktop=DESKTOP), encoding='utf-8')
    process = subprocess.run(
        [BROWSER, *FLAGS, f'--user-data-dir={tmp_path / "profile"}', '--dump-dom',
         pathlib.Path(frames).as_uri()],
        capture_output=True, check=True, env={**os.environ, 'HOME': str(tmp_path)})
    dom = process.stdout.decode('utf-8')
    assert '<title>not run</title>' in dom
    phone, desktop = json.loads(html.unescape(dom.split('<pre id="found">')[1].split('</pre>')[0]))
    thumbnails = len(ParsedPage(report).images()) - 1
    assert thumbnails == 3
    for found, width in (phone, 480), (desktop, 960):  # of the picture, which has one panel a row on a phone
        assert found['images'] == [128] * thumbnails + [width]
        assert found['captions'] == ['1.png', HOSTILE, HOSTILE]
        assert found['overflow'] <= 0 and found['styled'] == 'grid'
