"""The page about a run in a real browser: that it renders, that the slider works, that names in it run nothing."""

import io

import numpy as np
import pytest
from PIL import Image

from metrics.run_report import RunReport
from tests.browser import DESKTOP, PHONE, browser, needs_browser
from tests.metrics.made_up_run import OPTIONS, add_tick, add_value, make_run, save_grid

pytestmark = needs_browser
HOSTILE = '"><img src=x onerror="document.title=1"><script>document.title=2<\\script>'
SHOWN = '[...document.querySelectorAll(".grids figure")].filter(f => f.offsetHeight > 0).map(f => f.dataset.kimg)'


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    """A run of a hostile name with grids of the greys 0, 40, ... 160 at kimg 0, 10, ... 40, the best at 10."""
    options = dict(OPTIONS, **{HOSTILE: HOSTILE, 'long': 'x' * 3000})
    folder = make_run(tmp_path_factory.mktemp('runs') / HOSTILE.replace('/', '_'), (0, 10, 20, 30), options)
    add_tick(folder, 4, 40, G_loss=None)
    save_grid(folder, 40, 160, (3000, 2000))
    for name in ('ppl_wend', 'ls_w'):
        add_value(folder, 10, name, 60.0)
    return RunReport(str(folder)).write()


@pytest.fixture(scope='module')
def tab(tmp_path_factory):
    with browser(tmp_path_factory.mktemp('browser')) as tab:
        yield tab


def grey(tab):
    """What is seen in the middle of the grid that is shown."""
    x, y = tab.run(
        '(() => { const image = [...document.querySelectorAll(".grids img")].find(i => i.offsetHeight > 0);'
        'image.scrollIntoView({block: "center"}); const box = image.getBoundingClientRect();'
        'return [box.x + box.width / 2, box.y + box.height / 2].map(Math.round); })()'
    )
    return int(np.asarray(Image.open(io.BytesIO(tab.screenshot())).convert('L'))[y, x])


@pytest.mark.parametrize('width', [PHONE, DESKTOP])
@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_it_renders_without_a_complaint_and_fits_its_window(tab, page, width, scheme):
    tab.open(page, width, prefers_color_scheme=scheme)
    assert tab.complaints == [] and tab.overflow() <= 0
    assert tab.run('[...document.images].map(image => image.naturalWidth)') == [48, 48, 48, 48, 1280]
    assert (
        tab.run('[...document.querySelectorAll("svg")].map(svg => svg.getBoundingClientRect().width > 300)')
        == [True] * 7
    )
    assert tab.run('document.title').startswith('Run "><img')
    red, _, _ = np.asarray(Image.open(io.BytesIO(tab.screenshot())).convert('RGB'))[2, 2]
    assert (red < 60) == (scheme == 'dark')


def test_the_slider_chooses_the_grid_by_keys_and_by_mouse(tab, page):
    tab.open(page)
    assert tab.run(SHOWN) == ['40.064'] and grey(tab) == 160
    tab.run('document.querySelector(".grids input").focus()')
    tab.press('ArrowLeft', 37)
    assert tab.run(SHOWN) == ['30.064'] and grey(tab) == 120
    assert tab.run('document.querySelector("output").textContent') == 'kimg 30'
    assert tab.run('document.querySelector(".grids input").getAttribute("aria-valuetext")') == 'kimg 30'
    tab.press('Home', 36)
    assert tab.run(SHOWN) == ['0'] and grey(tab) == 0
    tab.click('.grids input')  # in its middle
    assert tab.run(SHOWN) == ['20.064'] and grey(tab) == 80
    for button, kimg in ((0, '0'), (1, '10.064'), (2, '40.064')):
        tab.click(f'.controls button:nth-of-type({button + 1})')
        assert tab.run(SHOWN) == [kimg]
    assert tab.complaints == []


def test_a_line_in_each_curve_follows_the_slider(tab, page):
    tab.open(page)
    at = '[...new Set([...document.querySelectorAll(".cursor")].map(line => line.x1.baseVal.value.toFixed(0)))]'
    positions = []
    for key, code in (('Home', 36), ('ArrowRight', 39), ('End', 35)):
        tab.run('document.querySelector(".grids input").focus()')
        tab.press(key, code)
        (position,) = tab.run(at)  # the same in all
        positions.append(float(position))
    assert positions == pytest.approx([52, 153, 456], abs=1)


def test_play_shows_all_grids_to_the_last_unless_motion_is_unwanted(tab, page):
    tab.open(page)
    tab.click('.play')
    seen = tab.run(
        'new Promise(done => { const seen = []; const watch = () => { '
        f'const shown = {SHOWN}[0]; if (seen[seen.length - 1] !== shown) seen.push(shown); '
        'if (document.querySelector(".play").textContent === "Play") done(seen); '
        'else requestAnimationFrame(watch); }; watch(); })'
    )
    assert seen == ['0', '10.064', '20.064', '30.064', '40.064']
    tab.open(page, prefers_reduced_motion='reduce')
    assert tab.run('document.querySelector(".play").offsetHeight') == 0
    assert tab.run('document.querySelector(".grids input").offsetHeight') > 0


def test_without_scripts_the_last_grid_is_shown(tab, page):
    tab.open(page, scripts=False)
    assert tab.run(SHOWN) == ['40.064'] and grey(tab) == 160
    assert tab.run('document.querySelector(".controls").offsetHeight') == 0
