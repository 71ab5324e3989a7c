"""Sets as people have them: with files of other names among the images, renamed, a part of the set, re-encoded."""

import base64
import json
import struct
import unicodedata

import click
import pytest

from dnnlib.errors import UserError
from prefilter.labels import check_labels
from prefilter.sources import open_source
from tests.pictures import identities, make_archive, picture, red_of, reds, write_files

PICTURE = picture(1)  # of files that are told apart by their names


def files(*paths):
    return dict.fromkeys(paths, PICTURE)


# ----------------------------------------------------------------------------------------------------------------------
# Files of other names among the images.

SETS = {  # layout: (path of image number n, other files, name of an image that is in no such layout)
    'ffhq': ('images1024x1024/00000/{:05d}.png', {}, 'images1024x1024/00000/00100_backup.png'),
    'celeba': ('img_align_celeba/{:06d}.jpg', {}, 'img_align_celeba/000100 (copy).jpg'),
    'vggface2': ('train/n000002/{:04d}_01.jpg', {}, 'train/n000002/cover.jpg'),
    'lfw': ('lfw/Ann_Lee/Ann_Lee_{:04d}.jpg', {}, 'lfw/me.jpg'),
    'casia-webface': ('CASIA/0000045/{:03d}.jpg', {}, 'CASIA/0000045/cover.jpg'),
    'ytf': ('frame_images_DB/Ann/0/0.{}.jpg', {}, 'Bo.jpg'),
    'megaface': ('FlickrFinal2/012/77@N00/{}_0.jpg', {}, 'FlickrFinal2/cover.jpg'),
    'vggface': ('images/Ann/{:08d}.jpg', {'files/Ann.txt': '\n'.join(map(str, range(1, 60)))}, 'images/0.jpg'),
    'umdfaces': ('b/ann/{}.jpg', {'b/b_ultraface.csv': 'SUBJECT_ID,FILE\n1,ann/1.jpg\n'}, 'b/0.jpg'),
    'umdfaces-videos': ('b/ann/{}.jpg', {'b/b.csv': 'SUBJECT_ID,FILE\n1,ann/1.jpg\n'}, 'b/0.jpg'),
}


@pytest.mark.parametrize('archive', [False, True])
@pytest.mark.parametrize('chosen', [False, True])
@pytest.mark.parametrize('format_name', SETS)
def test_an_image_of_another_name_is_left_out_with_a_remark(tmp_path, format_name, chosen, archive):
    name, others, stray = SETS[format_name]
    content = {**files(*(name.format(number) for number in range(1, 21)), stray), **others}
    location = make_archive(tmp_path / 'x.zip', content) if archive else write_files(tmp_path, content)
    source = open_source(location, format_name if chosen else 'auto')
    assert source.layout == format_name and stray not in list(source.paths) and len(source.paths) == 20
    assert [line for line in source.remarks if line.endswith(f': left out (1, as {stray!r}).')], source.remarks
    if source.has_identities:
        assert len(set(identities(source))) == 1  # of nobody else


@pytest.mark.parametrize('place', range(0, 401, 50))
def test_it_does_not_matter_where_the_other_name_stands(tmp_path, place):
    """A sample of 200 of 401 paths would see every second one."""
    names = [f'thumbnails128x128/00000/{number:05d}.png' for number in range(400)]
    stray = f'thumbnails128x128/00000/{place:05d}x.png'
    entries = {str(number): {'category': 'training'} for number in range(400)}
    content = {**files(*names, stray), 'ffhq-dataset-v2.json': json.dumps(entries)}
    source = open_source(make_archive(tmp_path / 'x.zip', content), partition='train')
    assert source.layout == 'ffhq' and source.paths == names


def test_every_second_file_of_another_name_is_no_stray_file(tmp_path):
    """A sample of every second path would see only one kind."""
    names = [f'Ann/Ann_{number:04d}{kind}.jpg' for number in range(1, 401) for kind in ('', '_mask')]
    source = open_source(make_archive(tmp_path / 'x.zip', files(*names)))
    assert source.layout == 'tree' and len(source.paths) == 800


def test_a_tree_that_is_nearly_a_set_is_spoken_of(tmp_path):
    location = write_files(tmp_path, files(*(f'Ann/Ann_{number:04d}.jpg' for number in range(1, 5)), 'a.jpg', 'b.jpg'))
    source = open_source(location)
    assert source.layout == 'tree' and len(source.paths) == 6
    assert source.remarks == [
        "Most images are named as in --format lfw, but 'a.jpg' is not: SOURCE is read as --format tree. "
        'With --format lfw, only those that are named so are taken.'
    ]
    assert len(open_source(location, 'lfw').paths) == 4


def test_a_set_that_is_mostly_something_else_is_not_the_layout(tmp_path):
    location = write_files(tmp_path, files('Ann/Ann_0001.jpg', 'a.jpg', 'b.jpg'))
    with pytest.raises(
        UserError, match='is not in the layout of --format lfw: expected First_Last/First_Last_0001.jpg'
    ):
        open_source(location, 'lfw')


def test_images_of_ffhq_that_its_list_does_not_name_are_said(tmp_path):
    names = [f'images1024x1024/00000/{number:05d}.png' for number in range(3)]
    entries = {'0': {'category': 'training'}, '1': {'category': 'validation'}}
    location = write_files(tmp_path, {**files(*names), 'ffhq-dataset-v2.json': json.dumps(entries)})
    source = open_source(location, partition='train')
    assert source.paths == names[:1]
    assert f"Images that ffhq-dataset-v2.json does not name: left out (1, as '{names[2]}')." in source.remarks
    write_files(tmp_path, {'ffhq-dataset-v2.json': '{"0": {"category": "training"}, "1": {"category": "test"}}'})
    with pytest.raises(
        UserError, match='entry "1": expected training or validation as category, found .test.: correct'
    ):
        open_source(location, partition='train')


# ----------------------------------------------------------------------------------------------------------------------
# Parts of a set, and other names of its folders.


@pytest.mark.parametrize('folder', ['img_align_celeba', 'img_align_celeba_png', 'img_celeba', 'mine'])
def test_a_folder_of_celeba_named_itself(tmp_path, folder):
    """Also one with a name of its own, if the lists of CelebA are beside it."""
    content = {f'{folder}/{number:06d}.png': picture(number) for number in (1, 2, 3)}
    lists = {'Anno/identity_CelebA.txt': '000001.jpg 1\n000002.jpg 2\n000003.jpg 3\n'}
    location = write_files(tmp_path, {**content, **lists})
    for place in (location, f'{location}/{folder}'):
        source = open_source(place, 'celeba' if place == location and folder == 'mine' else 'auto')
        assert (source.layout, identities(source), reds(source)) == ('celeba', [1, 2, 3], [1, 2, 3])


def test_celeba_in_folders_of_somebodys_own(tmp_path):
    content = {'train/000001.jpg': picture(1), 'valid/000002.jpg': picture(2)}
    lists = {'identity_CelebA.txt': '2\n000001.jpg 7\n000002.jpg 8\n'}
    source = open_source(write_files(tmp_path / 'set', {**content, **lists}))
    assert (source.layout, identities(source)) == ('celeba', [7, 8])
    twice = write_files(tmp_path / 'set/mine', {**files('a/000001.jpg', 'b/000001.jpg')})
    assert open_source(twice).layout == 'tree'  # lists beside it do not decide


def test_an_archive_of_celebas_png_folder(tmp_path):
    make_archive(tmp_path / 'img_align_celeba_png.zip', {f'{number:06d}.png': picture(number) for number in (1, 2)})
    write_files(tmp_path, {'identity_CelebA.txt': '000001.jpg 1\n000002.jpg 2\n'})
    for place in (tmp_path, tmp_path / 'img_align_celeba_png.zip'):
        assert identities(open_source(str(place))) == [1, 2]


@pytest.mark.parametrize('folder', ['images1024x1024', 'thumbnails128x128', 'in-the-wild-images'])
def test_a_folder_of_ffhq_named_itself(tmp_path, folder):
    entries = {str(number): {'category': ['training', 'validation'][number % 2]} for number in range(4)}
    content = files(*(f'{folder}/0000{number // 2}/{number:05d}.png' for number in range(4)))
    location = write_files(tmp_path, {**content, 'ffhq-dataset-v2.json': json.dumps(entries)})
    source = open_source(f'{location}/{folder}')
    assert (source.layout, source.has_identities) == ('ffhq', False)  # not a person for each thousand
    assert source.aligned == (folder != 'in-the-wild-images')
    assert open_source(f'{location}/{folder}', partition='valid').paths == ['00000/00001.png', '00001/00003.png']
    assert open_source(f'{location}/{folder}/00000').layout == 'ffhq'


def test_other_folders_of_ffhq_are_spoken_of(tmp_path):
    location = write_files(tmp_path, files('thumbnails128x128/00000/00000.png', 'in-the-wild-images/00000/00000.png'))
    assert "Images not in thumbnails128x128: left out (1, as 'in-the-wild-images/00000/00000.png')." in (
        open_source(location).remarks
    )


def test_the_train_folder_of_vggface2_is_its_partition(tmp_path):
    location = write_files(tmp_path, files('train/n000002/0001_01.jpg', 'test/n000001/0001_01.jpg'))
    assert open_source(location + '/train', partition='train').paths == ['n000002/0001_01.jpg']
    with pytest.raises(UserError, match='expected a folder test for --partition test'):
        open_source(location + '/train', partition='test')


YTF = [f'{person}/{video}/aligned_detect_{video}.555.jpg' for person in ('First_A', 'First_B') for video in (0, 3)]
FRAMES = [path.replace('aligned_detect_', '') for path in YTF]


def test_videos_of_a_person_are_one_identity_in_both_folders_of_ytf(tmp_path):
    aligned, frames = ([f'{folder}/{path}' for path in paths] for folder, paths in FOLDERS.items())
    people = ['First_A', 'First_A', 'First_B', 'First_B']
    location = write_files(tmp_path, files(*aligned))
    for place in (location, location + '/aligned_images_DB'):
        for layout in ('auto', 'ytf'):
            source = open_source(place, layout)
            assert (source.layout, identities(source)) == ('ytf', people)
    source = open_source(location + '/aligned_images_DB/First_A')  # one person
    assert (source.layout, identities(source)) == ('ytf', ['First_A', 'First_A'])
    source = open_source(write_files(tmp_path, files(*frames)))
    assert list(source.paths) == frames and identities(source) == people
    assert f'Images not in frame_images_DB: left out (4, as {aligned[0]!r}).' in source.remarks


FOLDERS = {'aligned_images_DB': YTF, 'frame_images_DB': FRAMES}


def test_frames_of_umdfaces_videos_are_known_by_the_columns_of_the_list(tmp_path):
    videos = files('b1/ann/video1/01.jpg', 'b1/ann/video2/01.jpg', 'b1/bo/video1/01.jpg')
    rows = ''.join(f'{subject},{path[3:]},1\n' for path, subject in zip(videos, (5, 5, 7)))
    source = open_source(write_files(tmp_path, {**videos, 'b1/frames.csv': 'SUBJECT_ID,FILE,YAW\n' + rows}))
    assert (source.layout, identities(source)) == ('umdfaces-videos', ['5', '5', '7'])
    archive = make_archive(tmp_path / 'x.zip', {**videos, 'b1/frames.csv': 'SUBJECT_ID,FILE,YAW\n' + rows})
    assert open_source(archive).layout == 'umdfaces-videos'


@pytest.mark.parametrize(
    'format_name, path',
    [
        ('lfw', 'Ann/Ann_0001.{}'),
        ('casia-webface', '0000045/001.{}'),
        ('vggface2', 'n000002/0001_01.{}'),
        ('ytf', 'Ann/0/0.1.{}'),
        ('celeba', 'img_celeba/000001.{}'),
        ('ffhq', 'images1024x1024/00000/00000.{}'),
    ],
)
@pytest.mark.parametrize('extension', ['png', 'jpeg', 'JPG', 'webp'])
def test_sets_of_other_extensions(tmp_path, format_name, path, extension):
    """facenet's alignment writes .png."""
    assert open_source(write_files(tmp_path, files(path.format(extension)))).layout == format_name


def test_one_identity_in_all_gets_a_sentence(tmp_path):
    source = open_source(write_files(tmp_path, files('00000.png', '00001.png')))
    (sentence,) = check_labels(source, 'identity')
    assert sentence == (
        "--labels identity: all 2 images are of one identity, '', so the labels say nothing. SOURCE is read as "
        '--format tree: is another --format, or the folder above, meant?'
    )
    assert check_labels(open_source(write_files(tmp_path, files('a/00000.png'))), 'identity') == []
    assert check_labels(source, None) == []


# ----------------------------------------------------------------------------------------------------------------------
# MS-Celeb-1M, record files.


def line(person, red, columns=7):
    return '\t'.join([person, *'12345'[: columns - 2], base64.b64encode(picture(red)).decode()]) + '\n'


@pytest.mark.parametrize(
    'text, remark',
    [
        (line('m.01', 1) + line('m.02', 2) + '\n', None),
        (line('m.01', 1) + '\r\n\n' + line('m.02', 2), None),
        ('\n' + line('m.01', 1) + line('m.02', 2), None),
        ('\ufeff' + line('m.01', 1) + line('m.02', 2), None),
        (
            'MID\tRank\tURL\tPage\tFaceID\tRectangle\tFaceData\n' + line('m.01', 1) + line('m.02', 2),
            '1; names of columns',
        ),
        (
            '\ufeffMID\tRank\tURL\tPage\tFaceID\tFaceData\n' + line('m.01', 1, 6) + line('m.02', 2, 6),
            '1; names of columns',
        ),
        ('# a comment\n' + line('m.01', 1) + line('m.02', 2), '1; 1 columns in line 1 at byte 0'),
        (line('m.01', 1) + 'torn\t' + line('m.03', 3) + line('m.02', 2), '1; 8 columns in line 2 at byte '),
    ],
)
def test_odd_lines_of_ms_celeb_are_left_out(tmp_path, text, remark):
    source = open_source(write_files(tmp_path, {'a.tsv': text}))
    assert identities(source) == ['m.01', 'm.02'] and reds(source) == [1, 2]
    assert list(source.paths) == ['m.01/00000000.jpg', 'm.02/00000001.jpg']
    said = [sentence for sentence in source.remarks if 'lines that are no image' in sentence]
    assert len(said) == (remark is not None) and (remark or '') in ''.join(said)


def test_other_tables_beside_ms_celeb_are_left_out(tmp_path):
    names = ''.join(f'm.{number:02d}\t"name"@en\n' for number in range(1, 100))
    content = {'Top1M_MidList.Name.tsv': names, 'a.tsv': line('m.01', 1), 'z.tsv': line('m.02', 2), 'empty.tsv': ''}
    source = open_source(write_files(tmp_path, content))
    assert identities(source) == ['m.01', 'm.02'] and reds(source) == [1, 2] and source.ignored == 2
    said = ' '.join(source.remarks)
    assert 'Top1M_MidList.Name.tsv is no table of images: left out (2 columns in line 1 at byte 0).' in said
    assert 'empty.tsv is no table of images: left out (empty).' in said
    with pytest.raises(UserError, match='expected 6 or 7 columns .* found 2 columns in line 1 at byte 0'):
        open_source(str(tmp_path / 'Top1M_MidList.Name.tsv'))


def test_ms_celeb_in_utf_16_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match='a.tsv is UTF-16: make it UTF-8 with iconv'):
        open_source(write_files(tmp_path, {'a.tsv': line('m.01', 1).encode('utf-16')}))


@pytest.mark.parametrize('format_name', ['auto', 'ms-celeb-1m'])
@pytest.mark.parametrize(
    'name, command', [('a.tsv.gz', 'gunzip'), ('list.csv.bz2', 'bunzip2'), ('train.rec.xz', 'unxz')]
)
def test_compressed_tables_are_a_sentence(tmp_path, name, command, format_name):
    location = write_files(tmp_path, {name: b'x'})
    for place in (location, f'{location}/{name}'):
        with pytest.raises(UserError, match=f'{name} is compressed, so it is not read: unpack it with {command}'):
            open_source(place, format_name)


def test_a_compressed_table_beside_others_is_spoken_of(tmp_path):
    source = open_source(write_files(tmp_path, {'a.tsv': line('m.01', 1), 'b.tsv.gz': b'x'}))
    assert reds(source) == [1]
    assert f'{tmp_path}/b.tsv.gz is compressed, so it is not read: unpack it with gunzip.' in source.remarks


def record(payload):
    return struct.pack('<II', 0xCED7230A, len(payload)) + payload + bytes(-len(payload) % 4)


HEADERS = {
    'two labels': struct.pack('<IfQQ', 2, 0, 0, 0) + struct.pack('<ff', 3, 4),
    'one label': struct.pack('<IfQQ', 1, 0, 0, 0) + struct.pack('<f', 3),
    'three labels': struct.pack('<IfQQ', 3, 0, 0, 0) + struct.pack('<fff', 3, 4, 5),
}


def record_files(folder, first, heading=''):
    image = struct.pack('<IfQQ', 2, 0, 0, 0) + struct.pack('<ff', 7, 1) + picture(5)  # two labels of an image
    of_person = struct.pack('<IfQQ', 2, 0, 0, 0) + struct.pack('<ff', 1, 3)
    records = [record(payload) for payload in (first, image, image, of_person)]
    lines = [f'{key}\t{sum(map(len, records[:key]))}\n' for key in range(len(records))]
    return write_files(folder, {'train.rec': b''.join(records), 'train.idx': heading + ''.join(lines)})


@pytest.mark.parametrize('heading', ['', '\ufeff', 'key\toffset\n', '\n'])
@pytest.mark.parametrize('first', HEADERS)
def test_record_0_says_where_the_images_end(tmp_path, first, heading):
    source = open_source(record_files(tmp_path, HEADERS[first], heading))
    assert list(source.paths) == ['7/1.jpg', '7/2.jpg'] and reds(source) == [5, 5]


@pytest.mark.parametrize('label', [-1, 0.5, float('nan'), float('inf')])
def test_a_record_of_nobody_stops_no_filter(tmp_path, label):
    records = [record(struct.pack('<IfQQ', 0, each, 0, 0) + picture(5)) for each in (3, label)]
    index = f'0 0\n1 {len(records[0])}\n'
    source = open_source(write_files(tmp_path, {'train.rec': b''.join(records), 'train.idx': index}))
    assert list(source.paths) == ['3/0.jpg', 'unknown/1.jpg'] and reds(source) == [5, 5]
    assert [source.known_identity(place) for place in range(2)] == ['3', None]
    with pytest.raises(UserError, match='train.rec: the label of record 1 is no number of an identity'):
        check_labels(source, 'identity')


def test_an_image_in_record_0_is_an_image_whatever_labels_it_has(tmp_path):
    first = struct.pack('<IfQQ', 2, 0, 0, 0) + struct.pack('<ff', 7, 1) + picture(4)
    source = open_source(record_files(tmp_path, first))
    assert [red_of(source.read(place)) for place in range(3)] == [4, 5, 5] and len(source.paths) == 4


# ----------------------------------------------------------------------------------------------------------------------
# What can refuse is asked first.


def test_a_source_without_an_image_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match='has no images in the layout of --format csv'):
        open_source(write_files(tmp_path, {'list.csv': 'path,label\n'}) + '/list.csv')


def test_a_partition_of_a_tree_is_refused(tmp_path):
    with pytest.raises(click.UsageError, match='--partition train: --format tree has none'):
        open_source(write_files(tmp_path, files('a.png')), partition='train')


def test_names_in_two_spellings_match_their_folder(tmp_path):
    folder, name = (unicodedata.normalize(form, 'Zo\xeb') for form in ('NFC', 'NFD'))
    assert open_source(write_files(tmp_path, files(f'{folder}/{name}_0001.jpg'))).layout == 'lfw'
