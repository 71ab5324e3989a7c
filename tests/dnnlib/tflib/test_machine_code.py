"""What TensorFlow does when it starts on a card for the first time."""

import pytest

from dnnlib.tflib import machine_code
from dnnlib.tflib.machine_code import (
    COMPILES,
    DOES_NOT_RUN,
    GENERATIONS,
    READY,
    cards,
    first_start,
    lines_about_devices,
    sentence_about,
)


@pytest.mark.parametrize(
    'capability, version, expected',
    [
        ((7, 5), '1.15.0', READY),  # code for 7.0 runs there
        ((5, 0), '1.15.0', COMPILES),
        ((8, 0), '1.15.0', DOES_NOT_RUN),
        ((8, 6), '2.15.1', COMPILES),
        ((8, 9), '2.16.2', READY),
        ((5, 2), '2.17.1', DOES_NOT_RUN),
        ((8, 6), '2.20.0', READY),  # not read: as 2.18
        ((9, 0), '2.21.0', COMPILES),
        ((12, 0), '2.21.0', DOES_NOT_RUN),
    ],
)
def test_code_for_a_capability_runs_on_later_cards_of_the_same_major_number(capability, version, expected):
    assert first_start(capability, version) == expected


def test_a_card_without_machine_code_is_announced_in_a_sentence():
    assert sentence_about('Tesla T4', (7, 5), '2.15.1') is None
    sentence = sentence_about('NVIDIA A100', (8, 0), '2.15.1')
    assert 'no machine code for NVIDIA A100 (compute capability 8.0)' in sentence and 'half an hour' in sentence
    assert 'docs/install.md' in sentence_about('RTX 3090', (8, 6), '1.15.0')


def test_cards_are_read_from_the_descriptions_of_devices(monkeypatch):
    class Device:
        device_type = 'GPU'
        physical_device_desc = 'device: 0, name: GeForce RTX 2080 Ti, pci bus id: 0000:3b:00.0, compute capability: 7.5'

    class Processor:
        device_type, physical_device_desc = 'CPU', ''

    monkeypatch.setattr(machine_code.device_lib, 'list_local_devices', lambda session_config: [Processor, Device])
    assert cards() == [('GeForce RTX 2080 Ti', (7, 5))]


def test_the_log_says_once_that_cards_compile_or_that_there_is_none(monkeypatch):
    assert 'sees no GPU' in lines_about_devices('auto')[0] and lines_about_devices('cpu') == []
    monkeypatch.setattr(machine_code, 'resolve_device', lambda device: 'gpu')
    ready, compiling = (
        next(each for each in [(7, 0), (5, 0), (8, 0), (9, 0)] if first_start(each) == start)
        for start in (READY, COMPILES)
    )
    monkeypatch.setattr(machine_code, 'cards', lambda: [('one card', ready)])
    assert lines_about_devices('gpu') == []
    monkeypatch.setattr(machine_code, 'cards', lambda: [('one card', ready), *[('another', compiling)] * 2])
    (line,) = lines_about_devices('auto')
    assert 'no machine code for another (compute capability' in line


def test_generations_are_told_apart_by_their_capabilities():
    capabilities = [capability for capability, _ in GENERATIONS.values()]
    assert capabilities == sorted(set(capabilities))
