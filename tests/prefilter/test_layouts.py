"""Each published set, small, in its own layout. `picture(n)` is an image that is known by its red value n."""

import base64
import contextlib
import os
import struct

import click
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnnlib.errors import UserError
from prefilter.labels import check_labels
from prefilter.reasons import Refusal
from prefilter.sources import FORMATS, open_source
from tests.pictures import identities, make_archive, picture, red_of, reds, write_files

TREES = {  # layout: (files, identities in the order of the sorted paths)
    'tree': (['x/b.png', 'x/y/a.jpeg', 'z.png'], ['x', 'x/y', '']),
    'lfw': (
        ['lfw/Ann_Lee/Ann_Lee_0001.jpg', 'lfw/Ann_Lee/Ann_Lee_0002.jpg', 'lfw/Bo/Bo_0001.jpg'],
        ['Ann_Lee', 'Ann_Lee', 'Bo'],
    ),
    'casia-webface': (['CASIA-WebFace/0000045/001.jpg', 'CASIA-WebFace/0000099/001.jpg'], ['0000045', '0000099']),
    'ytf': (
        ['frame_images_DB/Ann/0/0.1.jpg', 'frame_images_DB/Ann/1/1.7.jpg', 'frame_images_DB/Bo/0/0.1.jpg'],
        ['Ann', 'Ann', 'Bo'],
    ),
    'vggface2': (['test/n000001/0001_01.jpg', 'train/n000002/0001_01.jpg'], ['n000001', 'n000002']),
}


@pytest.mark.parametrize('archive', ['', '.zip', '.tar'])
@pytest.mark.parametrize('format_name', TREES)
def test_trees_and_archives_of_them_know_their_people(tmp_path, format_name, archive):
    paths, people = TREES[format_name]
    files = {path: picture(number) for number, path in enumerate(paths)}
    location = make_archive(tmp_path / ('x' + archive), files) if archive else write_files(tmp_path, files)
    for source in (open_source(location), open_source(location, format_name)):
        assert (source.layout, list(source.paths)) == (format_name, paths)
        assert identities(source) == people and reds(source) == list(range(len(paths)))


def test_a_list_that_is_too_long_is_a_sentence(tmp_path):
    write_files(tmp_path, {'photos.csv': 'path\nz.png\n'})
    os.truncate(str(tmp_path / 'photos.csv'), (1 << 30) + 1)
    with pytest.raises(UserError, match='photos.csv in .* cannot be read .it has 1,073,741,825 bytes'):
        open_source(str(tmp_path / 'photos.csv'))


def test_names_of_folders_may_also_be_the_source(tmp_path):
    write_files(tmp_path, {path: picture(1) for paths, _ in TREES.values() for path in paths})
    assert open_source(str(tmp_path / 'lfw')).layout == 'lfw'
    assert open_source(str(tmp_path / 'CASIA-WebFace')).layout == 'casia-webface'
    assert open_source(str(tmp_path / 'frame_images_DB')).layout == 'ytf'
    assert open_source(str(tmp_path / 'train')).layout == 'vggface2'
    assert open_source(str(tmp_path)).layout == 'tree'  # several layouts at once are none


@pytest.mark.parametrize('format_name', sorted(set(FORMATS) - {'tree'}))
def test_another_layout_says_what_was_expected_and_found(tmp_path, format_name):
    write_files(tmp_path, {'holiday/beach.png': picture(1), 'readme.md': 'x'})
    with pytest.raises(UserError) as error:
        open_source(str(tmp_path), format_name)
    message = error.value.message
    assert f'is not in the layout of --format {format_name}: expected ' in message
    assert "found 1 images ('holiday/beach.png') and 1 other files ('readme.md')" in message


def test_partitions_that_a_format_does_not_have(tmp_path):
    write_files(tmp_path, {'a.png': picture(1)})
    with pytest.raises(click.UsageError, match='--partition test: --format tree has none .celeba, vggface2, ffhq have'):
        open_source(str(tmp_path), partition='test')
    with pytest.raises(click.UsageError, match='--partition valid: --format vggface2 has train, test'):
        open_source(str(tmp_path), 'vggface2', 'valid')


# ----------------------------------------------------------------------------------------------------------------------
# CASIA-WebFace as InsightFace's record files.


def record(payload):
    return struct.pack('<II', 0xCED7230A, len(payload)) + payload + bytes(-len(payload) % 4)


def record_files(folder, split=False):
    """Two images of person 7, one of person 12; keys 4 and 5 are the people's own records, as in InsightFace's sets."""
    magic = struct.pack('<I', 0xCED7230A)
    third = struct.pack('<IfQQ', 0, 12, 3, 0) + picture(3)
    records = [
        record(struct.pack('<IfQQ', 2, 0, 0, 0) + struct.pack('<ff', 4, 6)),
        record(struct.pack('<IfQQ', 0, 7, 1, 0) + picture(1)),
        record(struct.pack('<IfQQ', 1, 0, 2, 0) + struct.pack('<f', 7) + picture(2)),
        record(third + magic + b'behind')
        if not split
        else (
            struct.pack('<II', 0xCED7230A, 1 << 29 | len(third))
            + third
            + bytes(-len(third) % 4)
            + struct.pack('<II', 0xCED7230A, 3 << 29 | 6)
            + b'behind\0\0'
        ),
        record(struct.pack('<IfQQ', 2, 0, 4, 0) + struct.pack('<ff', 1, 3)),
        record(struct.pack('<IfQQ', 2, 0, 5, 0) + struct.pack('<ff', 3, 4)),
    ]
    starts = np.cumsum([0] + [len(each) for each in records])
    index = ''.join(f'{key}\t{starts[key]}\n' for key in (0, 2, 1, 3, 4, 5))
    return write_files(folder, {'train.rec': b''.join(records), 'train.idx': index, 'property': '2,112,112'})


@pytest.mark.parametrize('split', [False, True])
def test_record_files(tmp_path, split):
    location = record_files(tmp_path, split)
    for source in (open_source(location), open_source(location + '/train.rec'), open_source(location, 'casia-webface')):
        assert source.layout == 'casia-webface'
        assert list(source.paths) == ['07/1.jpg', '07/2.jpg', '12/3.jpg']
        assert identities(source) == ['07', '07', '12']
        assert [red_of(source.read(place)) for place in range(3)] == [1, 2, 3]
        # A payload that contains the magic number is split there, and put together again.
        assert source.read(2) == picture(3) + struct.pack('<I', 0xCED7230A) + b'behind'


def test_records_that_the_idx_does_not_list_are_mentioned(tmp_path):
    location = record_files(tmp_path)
    assert '.idx' not in ' '.join(open_source(location).remarks)
    lines = (tmp_path / 'train.idx').read_text().splitlines(True)
    (tmp_path / 'train.idx').write_text(''.join(lines[:3]))
    [remark] = open_source(location).remarks
    assert 'bytes behind the last record of its .idx: they are not read.' in remark


@given(edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_of_record_files_ends_in_another_error(tmp_path, edits):
    location = record_files(tmp_path)
    data = bytearray((tmp_path / 'train.rec').read_bytes())
    for place, byte in edits:
        data[place % len(data)] = byte
    (tmp_path / 'train.rec').write_bytes(data)
    with contextlib.suppress(UserError):
        source = open_source(location)
        for place in range(len(source.paths)):
            with contextlib.suppress(OSError, Refusal):
                source.read(place)


def test_record_files_without_special_records(tmp_path):
    data = record(struct.pack('<IfQQ', 0, 3, 0, 0) + picture(9))
    source = open_source(write_files(tmp_path, {'train.rec': data, 'train.idx': '0 0\n'}))
    assert list(source.paths) == ['3/0.jpg'] and reds(source) == [9]


@pytest.mark.parametrize(
    'index, sentence',
    [
        ('0\t4\n', 'does not fit its .idx .there is no record at byte 4'),
        ('0\t999999\n', 'does not fit its .idx .the file ends before byte'),
        (f'0\t{1 << 70}\n', 'is damaged: expected a key and an offset in each line'),
        ('zero\t0\n', 'is damaged: expected a key and an offset in each line'),
        (None, 'train.idx cannot be read .No such file or directory.: check the path, or put it beside the .rec'),
    ],
)
def test_record_files_that_do_not_fit(tmp_path, index, sentence):
    location = record_files(tmp_path)
    (tmp_path / 'train.idx').unlink()
    if index:
        (tmp_path / 'train.idx').write_text(index)
    with pytest.raises(UserError, match=sentence):
        open_source(location)


# ----------------------------------------------------------------------------------------------------------------------
# CelebA.


CELEBA_LISTS = {
    'list_attr_celeba.txt': '3\nBald Male Young \n000001.jpg -1  1  1 \n000002.jpg  1 -1  1\n000003.jpg  1  1 -1\n',
    'identity_CelebA.txt': '000001.jpg 2880\n000002.jpg 9\n000003.jpg 2880\n',
    'list_eval_partition.txt': '000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n',
}
CELEBA_IMAGES = {f'img_align_celeba/{number:06d}.jpg': picture(number) for number in (1, 2, 3)}


def celeba(folder, form):
    if form == 'flat':
        write_files(folder, {**CELEBA_LISTS, **CELEBA_IMAGES})
        return str(folder)
    if form == 'images':
        return celeba(folder, 'flat') + '/img_align_celeba'
    write_files(folder, {('Eval/' if 'eval' in name else 'Anno/') + name: text for name, text in CELEBA_LISTS.items()})
    (folder / 'Img').mkdir()
    make_archive(folder / 'Img/img_align_celeba.zip', CELEBA_IMAGES)
    return str(folder) + ('/Img/img_align_celeba.zip' if form == 'zip' else '')


@pytest.mark.parametrize('form', ['flat', 'images', 'published', 'zip'])
def test_celeba(tmp_path, form):
    location = celeba(tmp_path, form)
    source = open_source(location)
    assert source.layout == 'celeba' and reds(source) == [1, 2, 3]
    assert [path[-10:] for path in source.paths] == ['000001.jpg', '000002.jpg', '000003.jpg']
    assert identities(source) == [2880, 9, 2880]
    assert source.attribute_names == ['Bald', 'Male', 'Young']
    assert [source.attributes(place).tolist() for place in range(3)] == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    for number, partition in enumerate(['train', 'valid', 'test'], 1):
        part = open_source(location, 'celeba', partition)
        assert reds(part) == [number] and part.attributes(0).tolist() == source.attributes(number - 1).tolist()
        assert part.ignored == source.ignored + 2


def test_celeba_without_lists_has_no_labels(tmp_path):
    source = open_source(write_files(tmp_path, CELEBA_IMAGES))
    assert source.layout == 'celeba' and not source.has_identities and source.attribute_names is None
    with pytest.raises(UserError, match='list_eval_partition.txt or list_eval_partition.csv is needed'):
        open_source(str(tmp_path), partition='test')


@pytest.mark.parametrize(
    'name, text, sentence',
    [
        ('list_attr_celeba.txt', '3\nBald Male\n000001.jpg 1\n', 'line 3: expected an image and 2 times -1 or 1'),
        ('list_attr_celeba.txt', '1\nBald\n000001.jpg 1\n', 'has no line for img_align_celeba/000002.jpg'),
        ('list_attr_celeba.txt', '3\n', 'expected the names of the attributes, and a line for each'),
        ('identity_CelebA.txt', '000001.jpg one\n', "line 1: expected lines as .000001.jpg 1., found '0000"),
    ],
)
def test_damaged_lists_of_celeba(tmp_path, name, text, sentence):
    source = open_source(write_files(tmp_path, {**CELEBA_LISTS, **CELEBA_IMAGES, name: text}))
    with pytest.raises(UserError, match=name + '.*' + sentence):
        check_labels(source, 'attributes' if 'attr' in name else 'identity')


def test_both_versions_of_celeba_are_a_choice(tmp_path):
    write_files(tmp_path, {**CELEBA_LISTS, **CELEBA_IMAGES, 'img_celeba/000001.jpg': picture(9)})
    with pytest.raises(UserError, match='has images in img_align_celeba, img_celeba: name one of the folders'):
        open_source(str(tmp_path), 'celeba')
    assert reds(open_source(str(tmp_path / 'img_celeba'))) == [9]


# ----------------------------------------------------------------------------------------------------------------------
# MegaFace, MS-Celeb-1M.


def test_megaface(tmp_path):
    files = {'Ann/1.jpg': picture(1), 'Ann/1.jpg.json': '{"bounding_box": {}}', 'Bo/2.jpg': picture(2)}
    source = open_source(write_files(tmp_path / 'train', files), 'megaface')
    assert identities(source) == ['Ann', 'Bo'] and source.ignored == 1
    files = {'FlickrFinal2/012/77@N00/5_0.jpg': picture(1), 'FlickrFinal2/012/77@N00/5_0.jpg.json': '{}'}
    source = open_source(write_files(tmp_path / 'distractors', files))
    assert source.layout == 'megaface' and not source.has_identities and reds(source) == [1]


def tsv(columns, *images):
    lines = []
    for number, (person, data) in enumerate(images):
        between = [str(number), 'http://x', 'http://y', 'face', 'rect'][: columns - 2]
        lines.append('\t'.join([person, *between, base64.b64encode(data).decode()]))
    return '\n'.join(lines) + '\n'


@pytest.mark.parametrize('columns', [6, 7])
def test_ms_celeb_1m(tmp_path, columns):
    text = tsv(columns, ('m.02', picture(1)), ('m.01', picture(2)))
    location = write_files(tmp_path, {'a.tsv': text, 'b.tsv': tsv(columns, ('m.02', picture(3))).rstrip('\n') + '\r\n'})
    for source in (open_source(location), open_source(location, 'ms-celeb-1m')):
        assert list(source.paths) == ['m.02/00000000.jpg', 'm.01/00000001.jpg', 'm.02/00000002.jpg']
        assert identities(source) == ['m.02', 'm.01', 'm.02'] and reds(source) == [1, 2, 3]
    assert reds(open_source(location + '/a.tsv')) == [1, 2]


def test_other_columns_than_ms_celebs(tmp_path):
    write_files(tmp_path, {'a.tsv': tsv(6, ('m.1', picture(1))) + 2 * 'only\ttwo\n'})
    with pytest.raises(UserError, match='expected 6 or 7 columns between tabs.* found 2 columns in line 2 at byte '):
        open_source(str(tmp_path / 'a.tsv'))


def test_a_damaged_line_of_ms_celeb_is_one_unreadable_image(tmp_path):
    write_files(tmp_path, {'a.tsv': tsv(6, ('m.1', picture(1)), ('m.1', picture(2))).replace('iVBOR', 'iV!OR', 1)})
    source = open_source(str(tmp_path / 'a.tsv'))
    with pytest.raises(OSError, match='its line is damaged'):
        source.read(0)
    assert red_of(source.read(1)) == 2


# ----------------------------------------------------------------------------------------------------------------------
# Sets with lists.


def test_vggface_takes_what_is_listed(tmp_path):
    line = 'http://x/{0}.jpg 1.0 2.0 30.0 40.0 3.00 4.5 1'
    lists = {
        'vgg_face_dataset/files/Ann_Lee.txt': f'00000001 {line}\n00000300 {line}\n',
        'vgg_face_dataset/files/Bo.txt': f'00000002 {line}\n',
    }
    images = {
        'vgg_face_dataset/images/Ann_Lee/00000001.jpg': picture(1),
        'vgg_face_dataset/images/Ann_Lee/00000002.jpg': picture(2),  # in no list
        'vgg_face_dataset/images/Ann_Lee/00000300.jpg': picture(3),
        'vgg_face_dataset/images/Bo/00000002.jpg': picture(4),
    }
    source = open_source(write_files(tmp_path, {**lists, **images}))
    assert source.layout == 'vggface' and reds(source) == [1, 3, 4]
    assert identities(source) == ['Ann_Lee', 'Ann_Lee', 'Bo'] and source.ignored == 3
    write_files(tmp_path, {'vgg_face_dataset/files/Bo.txt': 'http://x/1.jpg\n'})
    with pytest.raises(UserError, match="line 1: expected lines that begin with an id of up to eight digits, found 'h"):
        open_source(str(tmp_path), labels='identity')


def test_vggface2(tmp_path):
    meta = 'Class_ID, Name, Sample_Num, Flag, Gender\nn000001, "A, b", 424, 0, m\nn000002, "C", 315, 1, f\n'
    files = {'train/n000002/0001_01.jpg': picture(1), 'test/n000001/0001_01.jpg': picture(2)}
    boxes = {'bb_landmark/loose_bb_train.csv': 'NAME_ID,X,Y,W,H\n'}
    write_files(tmp_path, {**files, **boxes, 'meta/identity_meta.csv': meta})
    source = open_source(str(tmp_path))
    assert (source.layout, source.attribute_names) == ('vggface2', ['Male'])
    assert [source.attributes(place).tolist() for place in range(2)] == [[1], [0]]
    train = open_source(str(tmp_path), partition='train')
    assert list(train.paths) == ['train/n000002/0001_01.jpg'] and train.attributes(0).tolist() == [0]
    assert open_source(str(tmp_path / 'train')).attribute_names == ['Male']  # the list lies beside
    write_files(tmp_path, {'meta/identity_meta.csv': meta.replace('n000002', 'n000009')})
    with pytest.raises(UserError, match="identity_meta.csv has no line for 'n000002'"):
        check_labels(open_source(str(tmp_path)), 'attributes')
    write_files(tmp_path, {'meta/identity_meta.csv': 'Class_ID, Name\n'})
    with pytest.raises(UserError, match='has no column Gender: expected Class_ID, Gender, found class_id, name'):
        check_labels(open_source(str(tmp_path)), 'attributes')


def umdfaces(videos):
    header = 'SUBJECT_ID,FILE,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT\n'
    frame = {False: '{0}/{0}_{1}.jpg', True: '{0}/video{1}/01.jpg'}[videos]
    files = {}
    for batch, (name, subject) in enumerate([('ann', 5), ('bo', 17)], 1):
        stem = f'umdfaces_videos_batch{batch}' if videos else f'umdfaces_batch{batch}'
        rows = []
        for number in (1, 2):
            path = frame.format(name, number)
            files[f'{stem}/{path}'] = picture(10 * batch + number)
            listed = path.rsplit('/', 1)[0] if videos and number == 2 else path
            rows.append(f'{subject},{listed},1.0,2.0,3.0,4.0\n')
        files[f'{stem}/other/x.jpg'] = picture(99)  # in no list
        files[f'{stem}/{stem}{"" if videos else "_ultraface"}.csv'] = header + ''.join(rows)
    return files


@pytest.mark.parametrize('format_name', ['umdfaces', 'umdfaces-videos'])
def test_umdfaces(tmp_path, format_name):
    location = write_files(tmp_path, umdfaces(format_name == 'umdfaces-videos'))
    source = open_source(location, format_name)
    assert reds(source) == [11, 12, 21, 22] and identities(source) == ['5', '5', '17', '17']
    assert source.ignored == 4
    if format_name == 'umdfaces':
        assert open_source(location).layout == 'umdfaces'
    one_batch = open_source(str(next(tmp_path.glob('*batch2'))), format_name)
    assert reds(one_batch) == [21, 22]


def test_umdfaces_whose_lists_contradict_or_are_cut(tmp_path):
    files = umdfaces(False)
    name = 'umdfaces_batch1/umdfaces_batch1_ultraface.csv'
    write_files(tmp_path, {**files, name: files[name] + '6,ann/ann_2.jpg,1,2,3,4\n'})
    with pytest.raises(UserError, match='umdfaces_batch1/ann has images of SUBJECT_ID 5 and 6'):
        open_source(str(tmp_path), labels='identity')
    write_files(tmp_path, {name: files[name] + '6,ann\n'})
    with pytest.raises(UserError, match='line 4: expected 6 values, found 2 .6, ann.: correct the line'):
        open_source(str(tmp_path), 'umdfaces')
