"""Curves as SVG."""

import math
import re

import pytest

from dnnlib.pages.charts import BOTTOM, LEFT, RIGHT, TOP, Bars, Line, Mark, chart, histogram, thin
from tests.parsed_page import ParsedPage


def places(svg, kind='line line0'):
    """(x, y) of each point of a curve."""
    (line,) = (attributes['d'] for _, attributes in ParsedPage(svg).elements if attributes.get('class') == kind)
    return [tuple(map(float, pair)) for pair in re.findall(r'[ML]([\d.]+),([\d.]+)', line)]


def texts(svg):
    return re.findall(r'<text [^>]*>([^<]*)</text>', svg)


def test_points_stand_where_their_numbers_are():
    svg = chart('a', [Line('', [(0, 0.0), (5, 10.0), (10, 5.0)])], (0, 20))
    (x0, y0), (x1, y1), (x2, y2) = places(svg)
    assert (x0, x1, x2) == pytest.approx((LEFT, LEFT + (RIGHT - LEFT) / 4, (LEFT + RIGHT) / 2), abs=0.1)
    assert y0 > y2 > y1 and y2 == pytest.approx((y0 + y1) / 2, abs=0.1) and y1 >= TOP and y0 <= BOTTOM
    assert [text for text in texts(svg) if text] == ['0', '2.5', '5', '7.5', '10', '0', '4', '8', '12', '16', '20']


def test_an_axis_is_logarithmic_only_for_positive_values_of_very_different_size():
    points = [(0, 1.0), (1, 10.0), (2, 100.0)]
    y = [y for _, y in places(chart('a', [Line('', points)], (0, 2), may_be_logarithmic=True))]
    assert y[0] - y[1] == pytest.approx(y[1] - y[2], abs=0.2)
    for values in (points, [(0, -1.0), *points[1:]]):
        y = [y for _, y in places(chart('a', [Line('', values)], (0, 2), may_be_logarithmic=values is not points))]
        assert y[0] - y[1] < (y[1] - y[2]) / 5


@pytest.mark.parametrize('values', [[7.0], [0.0, 0.0], [-3.0, -3.0], [1e-9, 1e-9], [1e300, -1e300], [5e-324, 1.0]])
@pytest.mark.parametrize('may_be_logarithmic', [False, True])
def test_any_finite_values_can_be_drawn(values, may_be_logarithmic):
    points = [(kimg, value) for kimg, value in enumerate(values)]
    svg = chart('a', [Line('', points)], (0, len(values) - 1), may_be_logarithmic=may_be_logarithmic)
    assert all(LEFT <= x <= RIGHT and TOP <= y <= BOTTOM for x, y in places(svg)) and 'nan' not in svg


def test_without_a_finite_value_there_is_no_chart():
    assert chart('a', [Line('', [(0, math.nan), (1, math.inf)])], (0, 1)) == ''


def test_neighbours_are_thinned_to_their_means_without_what_is_not_finite():
    points = [(0, 1.0), (1, 3.0), (2, math.nan), (3, 5.0), (4, math.nan), (5, math.inf), (6, 7.0)]
    means, count = thin(points, most=4)
    assert count == 2 and [kimg for kimg, _ in means] == [0.5, 2.5, 4.5, 6]
    assert [value for _, value in means[:2]] == [2.0, 5.0] and math.isnan(means[2][1]) and means[3][1] == 7.0
    assert thin(points, most=7) == (points, 1)


def test_marks_have_their_names_where_there_is_room():
    marks = [Mark(0, '8', 'from 0'), Mark(1, '16', 'from 1'), Mark(50, '32', 'from 50')]
    svg = chart('a', [Line('', [(0, 1.0), (100, 2.0)])], (0, 100), marks)
    assert texts(svg)[-3:] == ['8', '', '32'] and svg.count('<title>') == 3


def test_bars_stand_on_the_axis_and_are_as_high_as_their_numbers():
    bars = [Bars('a', [50.0, 0.0, 50.0], 0), Bars('b', [0.0, 100.0, 0.0], 1)]
    svg = histogram('sizes', [0, 1, 2, 4], [(0, '1'), (2, '4'), (4, '16')], bars)
    width, full = RIGHT - LEFT, (BOTTOM - TOP) / 1.05
    for kind, heights in (('line line0', [50, 0, 50]), ('line line1', [0, 100, 0])):
        points = places(svg, kind)
        assert [x for x, _ in points] == pytest.approx(
            [LEFT + width * edge / 4 for edge in (0, 1, 1, 2, 2, 4)], abs=0.1
        )
        expected = [BOTTOM - full * height / 100 for height in heights for _ in range(2)]
        assert [y for _, y in points] == pytest.approx(expected, abs=0.1)
    assert places(svg, 'area area0')[1:-1] == places(svg) and places(svg, 'area area0')[0] == (LEFT, BOTTOM)
    assert texts(svg) == ['0', '20', '40', '60', '80', '100', '1', '4', '16']
    assert 'cursor' not in svg and 'aria-label="sizes: a and b"' in svg


def test_a_distribution_alone_keeps_its_colour():
    svg = histogram('sizes', [0, 1], [], [Bars('refused', [100.0], 1)])
    assert 'key key1' in svg and 'line line1' in svg and 'line line0' not in svg
