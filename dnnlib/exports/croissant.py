"""The description of a set in the vocabulary of Croissant 1.0: `metadata.json`."""

import os
from typing import Any, Dict, List, Mapping, Sequence

CONFORMS_TO = 'http://mlcommons.org/croissant/1.0'
CONTEXT = {
    '@language': 'en',
    '@vocab': 'https://schema.org/',
    'citeAs': 'cr:citeAs',
    'column': 'cr:column',
    'conformsTo': 'dct:conformsTo',
    'cr': 'http://mlcommons.org/croissant/',
    'rai': 'http://mlcommons.org/croissant/RAI/',
    'data': {'@id': 'cr:data', '@type': '@json'},
    'dataType': {'@id': 'cr:dataType', '@type': '@vocab'},
    'dct': 'http://purl.org/dc/terms/',
    'equivalentProperty': 'cr:equivalentProperty',
    'examples': {'@id': 'cr:examples', '@type': '@json'},
    'extract': 'cr:extract',
    'field': 'cr:field',
    'fileProperty': 'cr:fileProperty',
    'fileObject': 'cr:fileObject',
    'fileSet': 'cr:fileSet',
    'format': 'cr:format',
    'includes': 'cr:includes',
    'isLiveDataset': 'cr:isLiveDataset',
    'jsonPath': 'cr:jsonPath',
    'key': 'cr:key',
    'md5': 'cr:md5',
    'parentField': 'cr:parentField',
    'path': 'cr:path',
    'recordSet': 'cr:recordSet',
    'references': 'cr:references',
    'regex': 'cr:regex',
    'repeated': 'cr:repeated',
    'replace': 'cr:replace',
    'samplingRate': 'cr:samplingRate',
    'sc': 'https://schema.org/',
    'separator': 'cr:separator',
    'source': 'cr:source',
    'subField': 'cr:subField',
    'transform': 'cr:transform',
}
KINDS = {  # extension to the media type
    '.html': 'text/html',
    '.jpg': 'image/jpeg',
    '.json': 'application/json',
    '.jsonl': 'application/jsonlines',
    '.png': 'image/png',
    '.tar': 'application/x-tar',
    '.txt': 'text/plain',
    '.zip': 'application/zip',
}
ANY_KIND = 'application/octet-stream'
PICTURES = 'pictures'  # id of the set of pictures in .zip files


def croissant(facts: Any, files: Sequence[Any], folders: Sequence[str], line: Mapping[str, Any]) -> Dict[str, Any]:
    """The whole description, JSON-LD.

    Args:
        facts: A `dnnlib.exports.card.Facts`.
        files: `dnnlib.exports.card.File` of all files but single pictures.
        folders: Names of the folders of single pictures, whose sums stand in `sha256sums.txt` alone.
        line: The first line of the manifest: readers stop at a field that is described and not there.
    """
    zips = _zips_of_the_set([file.path for file in files if file.path.endswith('.zip')])
    described = {
        '@context': CONTEXT,
        '@type': 'sc:Dataset',
        'conformsTo': CONFORMS_TO,
        'name': facts.name,
        'description': ' '.join([facts.summary, *facts.how_made]),
        'keywords': ['synthetic', 'faces', *facts.tags],
        'url': facts.url,
        'license': facts.licence,
        'distribution': [_file_object(file) for file in files] + _file_sets(zips, folders),
        'recordSet': _record_sets(facts, zips, line),
    }
    return {name: value for name, value in described.items() if value not in (None, [])}


def _zips_of_the_set(paths):
    """The .zip files that hold each image once: other forms of the set, and refused images, may lie beside."""
    at_top = [path for path in paths if '/' not in path]
    numbered = [path for path in at_top if path[: -len('.zip')].isdigit()]
    return numbered or [path for path in paths if os.path.dirname(path).endswith('-zips')] or at_top


def _file_object(file):
    return {
        '@type': 'cr:FileObject',
        '@id': file.path,
        'name': file.path,
        'contentUrl': file.path,
        'contentSize': f'{file.size} B',
        'encodingFormat': KINDS.get(os.path.splitext(file.path)[1], ANY_KIND),
        'sha256': file.sha256,
    }


def _file_sets(zips: List[str], folders: Sequence[str]) -> List[Dict[str, Any]]:
    sets = []
    if zips:
        sets.append(
            {
                '@type': 'cr:FileSet',
                '@id': PICTURES,
                'name': PICTURES,
                'containedIn': [{'@id': path} for path in zips],
                'encodingFormat': 'image/png',
                'includes': '*/*.png',
            }
        )
    for folder in folders:
        for extension in ('png', 'jpg'):
            sets.append(
                {
                    '@type': 'cr:FileSet',
                    '@id': f'{folder}-{extension}',
                    'name': f'{folder}-{extension}',
                    'encodingFormat': KINDS[f'.{extension}'],
                    'includes': f'{folder}/**/*.{extension}',
                }
            )
    return sets


def _record_sets(facts, zips, line):
    sets = []
    if zips:
        sets.append(
            {
                '@type': 'cr:RecordSet',
                '@id': 'images',
                'name': 'images',
                'description': 'A record for each image.',
                'field': [
                    _field('images', 'name', 'sc:Text', 'Path in its .zip', PICTURES, {'fileProperty': 'fullpath'}),
                    _field('images', 'image', 'sc:ImageObject', 'The image', PICTURES, {'fileProperty': 'content'}),
                ],
            }
        )
    present = [field for field in facts.fields if line.get(field.name) is not None]
    if present:
        fields = [_manifest_field(facts.manifest, field, line[field.name]) for field in present]
        sets.append(
            {
                '@type': 'cr:RecordSet',
                '@id': 'manifest',
                'name': 'manifest',
                'description': 'How each image was made.',
                'field': fields,
            }
        )
    return sets


def _manifest_field(manifest, field, value):
    described = _field('manifest', *field, None, {'column': field.name}, manifest)
    return {**described, 'repeated': True} if isinstance(value, list) else described


def _field(record_set, name, kind, meaning, file_set, extract, file_object=None):
    source = {'fileSet': {'@id': file_set}} if file_object is None else {'fileObject': {'@id': file_object}}
    return {
        '@type': 'cr:Field',
        '@id': f'{record_set}/{name}',
        'name': name,
        'description': meaning,
        'dataType': kind,
        'source': {**source, 'extract': extract},
    }
