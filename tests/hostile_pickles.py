"""Pickles that attack whoever opens them: by the code they name, the code they carry, or the memory they claim."""

import pickle
import pickletools
import struct

EMPTY_ARRAY = b'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR'
FLOAT32 = b'cnumpy\ndtype\n(X\x02\x00\x00\x00f4I0\nI1\ntR'
BIG_ENDIAN = FLOAT32 + b'(I3\nX\x01\x00\x00\x00>NNNI-1\nI-1\nI0\ntb'
MEGABYTE = struct.pack('<I', 1 << 20) + b'x' * (1 << 20)
SHAPE_OF_MEGABYTE = b'J\x00\x00\x04\x00\x85'  # of float32
NETWORK = b'cdnnlib.tflib.network\nNetwork\n)\x81'


def text(value):
    """Operations that push a text."""
    data = value.encode()
    return b'X' + struct.pack('<I', len(data)) + data


def plain(value):
    """Operations that push a plain value."""
    return pickletools.optimize(pickle.dumps(value, 2))[2:-1]


def network(variables=b']', **changes):
    """Operations that push a network of the discriminator's kind; values are operations too."""
    fields = {
        'version': plain(3),
        'name': text('D'),
        'static_kwargs': plain({'resolution': 4, 'fmap_max': 2}),
        'components': b'}',
        'build_module_src': text('# none'),
        'build_func_name': text('D_basic'),
        'variables': variables,
        **changes,
    }
    return NETWORK + b'}(' + b''.join(text(key) + value for key, value in fields.items()) + b'ub'


def pickled(operations, protocol=4):
    return b'\x80' + bytes([protocol]) + operations + b'.'


def array(shape, data=b'C\x04\x00\x00\x00\x00', dtype=FLOAT32):
    """Operations that push an array: those of its state's shape and data."""
    return EMPTY_ARRAY + b'(I1\n' + shape + dtype + b'\x89' + data + b'tb'


def _variable(value):
    return b'](' + text('lod') + value + b'\x86e'


def code_runners(command, source):
    """Pickles that would run code if Python's unpickler opened them, or if their source text were executed.

    Args:
        command: Of a shell.
        source: Text of a Python program.

    Returns:
        Dict of what it tries to (pickle, what the refusal names).
    """
    system = b'cposix\nsystem\n(' + text(command) + b'tR'
    evaluate = b'cbuiltins\neval\n(' + text(f'__import__("os").system({command!r})') + b'tR'
    return {
        'a call by REDUCE': (pickled(system), 'posix.system'),
        'a call beside networks': (pickled(network() + system + b'\x86'), 'posix.system'),
        'a call by INST': (pickled(b'(' + text(command) + b'iposix\nsystem\n'), "operation b'i'"),
        'a call by OBJ': (pickled(b'(cposix\nsystem\n' + text(command) + b'o'), 'posix.system'),
        'a call in a network state': (
            pickled(network(static_kwargs=b'}' + text('resolution') + system + b's')),
            'posix.system',
        ),
        'a call as a component': (
            pickled(network(components=b'}' + text('mapping') + evaluate + b's')),
            'builtins.eval',
        ),
        'a call as a variable': (pickled(network(_variable(evaluate))), 'builtins.eval'),
        'eval of builtins': (pickled(evaluate), 'builtins.eval'),
        'eval by its name in Python 2': (pickled(evaluate.replace(b'builtins', b'__builtin__')), '__builtin__.eval'),
        'getattr to whatever there is': (
            pickled(b'cbuiltins\ngetattr\n(cdnnlib.tflib.network\nNetwork\n' + text('__init__') + b'tR'),
            'builtins.getattr',
        ),
        'a name on the stack': (pickled(text('os') + text('system') + b'\x93(' + text(command) + b'tR'), 'os.system'),
        'a name put together from a known one': (
            pickled(text('dnnlib.tflib.network') + text('Network.__init__.__globals__') + b'\x93'),
            'Network.__init__.__globals__',
        ),
        'a module of a known name': (pickled(text('dnnlib.tflib.network') + text('importlib') + b'\x93'), 'importlib'),
        'a name on the stack that is no text': (pickled(b']' + text('system') + b'\x93'), 'is no text'),
        'a name from the memo': (
            pickled(text('os') + b'\x94' + text('system') + b'\x940h\x00h\x01\x93(' + text(command) + b'tR'),
            'os.system',
        ),
        'a state for a class from the memo': (
            pickled(b'cdnnlib.tflib.network\nNetwork\n\x94}' + text('__setstate__') + b'h\x00sb'),
            'gives a state to something that has none',
        ),
        'a state for a function': (
            pickled(b'cnumpy.core.multiarray\nscalar\n}' + text('__defaults__') + b'Nsb'),
            'gives a state to something that has none',
        ),
        'a call of what is only named': (pickled(b'cnumpy\nndarray\n(I1000000000000\ntR'), 'only named'),
        'an extension code': (pickled(b'\x82\x01'), "operation b'\\x82'"),
        'a persistent name': (pickled(b'Pwhatever\n'), "operation b'P'"),
        'an array of objects': (
            pickled(
                network(_variable(array(b'I1\n\x85', data=b'](' + system + b'e', dtype=FLOAT32.replace(b'f4', b'O8'))))
            ),
            "'O8'",
        ),
        'source text for a build function of its own': (
            pickled(network(build_func_name=text('evil'), build_module_src=text(source))),
            'python -m dnnlib.download --trust-embedded-source',
        ),
        'a build function elsewhere': (pickled(network(build_func_name=text('os.system'))), "'os.system'"),
    }


def bombs():
    """Pickles that claim more than they hold: dict of what it tries to (pickle, what the refusal names)."""
    return {
        'bytes of 2^63': (pickled(b'\x8e' + struct.pack('<Q', 2**63 - 1)), 'claims 9223372036854775807 bytes'),
        'text of 4 GB': (pickled(b'X' + struct.pack('<I', 2**32 - 1)), 'claims 4294967295 bytes'),
        'text of a negative length': (pickled(b'T' + struct.pack('<i', -5)), 'claims -5 bytes'),
        'a frame of 2^63': (pickled(b'\x95' + struct.pack('<Q', 2**63)), 'claims 9223372036854775808 bytes'),
        'a place of 2^32 in the memo': (pickled(b'Nr\xff\xff\xff\xff' + b'0'), 'nothing on its stack'),
        'a number of a million digits': (pickled(b'I' + b'9' * 1_000_000 + b'\n'), 'does not end'),
        'a number of a million bytes': (
            pickled(b'\x8b' + struct.pack('<i', 1_000_000) + b'\x01' * 1_000_000),
            'too long',
        ),
        'a million lists': (pickled(b']' * 1_000_000), 'operations'),
        'a million lists within lists': (pickled(b']' * 120_000 + b'a' * 119_999), 'something other than networks'),
        'a key that takes forever to hash': (pickled(b'})' + b'2\x86' * 100 + b'Ns'), 'a key is no text'),
        'an array of 4 TB': (
            pickled(network(_variable(array(b'(J\x00\x00\x01\x00J\x00\x00\x01\x00I256\nt')))),
            'but has 4 bytes',
        ),
        'an array of 2^200 values': (
            pickled(network(_variable(array(b'(' + b'J\xff\xff\xff\x7f' * 7 + b't')))),
            'but has 4 bytes',
        ),
        'a type of 1 GB a value': (
            pickled(network(_variable(array(b'I1\n\x85', dtype=FLOAT32.replace(text('f4'), text('V1000000000')))))),
            "'V1000000000'",
        ),
        'arguments of 50,000 values': (
            pickled(network(static_kwargs=b'}' + text('blur_filter') + b'](' + b'K\x01' * 50_000 + b'es')),
            'too long',
        ),
        'components without end': (
            pickled(network(components=b'}' + text('mapping') + b'h\x00s').replace(NETWORK, NETWORK + b'\x94')),
            'parts within parts without end',
        ),
        'components that double': (pickled(_shared_components(30)), 'parts'),
        'layers that the file lacks': (
            pickled(network(static_kwargs=plain({'mapping_layers': 10**9}), build_func_name=text('G_mapping'))),
            'too many or too large',
        ),
        'feature maps that the file lacks': (
            pickled(network(static_kwargs=plain({'resolution': 4, 'fmap_max': 10**9, 'fmap_base': 10**9}))),
            'too many or too large',
        ),
        'networks that the file lacks, each small enough': (
            pickled(
                b'('
                + network(
                    static_kwargs=plain({'latent_size': 4000, 'dlatent_size': 4000, 'mapping_fmaps': 4000}),
                    build_func_name=text('G_mapping'),
                )
                * 2
                + b't'
            ),
            'too many or too large',
        ),
        'a generator without its parts': (
            pickled(
                network(
                    static_kwargs=plain({'resolution': 4, 'fmap_max': 2, 'mapping_layers': 1, 'dlatent_size': 2}),
                    build_func_name=text('G_style'),
                )
            ),
            "lacks its component 'synthesis'",
        ),
        'no feature maps, by which TensorFlow divides': (
            pickled(network(static_kwargs=plain({'resolution': 8, 'fmap_base': 1, 'fmap_max': 2}))),
            'which is empty',
        ),
        'no channels, by which TensorFlow divides': (
            pickled(network(static_kwargs=plain({'resolution': 4, 'num_channels': 0, 'fmap_max': 2}))),
            'which is empty',
        ),
        'a text that is encoded over and over': (
            pickled(
                b'(c_codecs\nencode\n\x94'
                + text('a' * 10**6)
                + b'\x94'
                + text('latin1')
                + b'\x94000('
                + b'h\x00h\x01h\x02\x86R' * 4000
                + b't'
            ),
            'over and over',
        ),
        'an array whose bytes are swapped over and over': (
            pickled(
                b'(cnumpy.core.numeric\n_frombuffer\n\x94B'
                + MEGABYTE
                + b'\x94'
                + BIG_ENDIAN
                + b'\x94'
                + SHAPE_OF_MEGABYTE
                + b'\x940000('
                + (b'h\x00(h\x01h\x02h\x03' + text('C') + b'tR') * 1000
                + b't'
            ),
            'over and over',
        ),
        'a text of Python 2 that is the data of many arrays': (
            pickled(b'(X' + MEGABYTE + b'\x940(' + array(SHAPE_OF_MEGABYTE, data=b'h\x00') * 1000 + b't'),
            'over and over',
        ),
        'a network 64 times': (pickled(b'(' + network() + b'\x94' + b'h\x00' * 63 + b't'), 'more than 16 parts'),
        'an image of 2^60 pixels a side': (
            pickled(network(static_kwargs=plain({'resolution': 2**60, 'fmap_max': 1, 'fmap_base': 2**62}))),
            'the file lacks',
        ),
        '499 layers that the file lacks': (
            pickled(
                network(
                    static_kwargs=plain(
                        {'mapping_layers': 499, 'latent_size': 2, 'dlatent_size': 2, 'mapping_fmaps': 2}
                    ),
                    build_func_name=text('G_mapping'),
                )
            ),
            'too many or too large',
        ),
        'an array that many variables share': (
            pickled(
                network(
                    array(b'J\x00\x00\x10\x00\x85', b'B\x00\x00\x40\x00' + b'x' * (1 << 22))
                    + b'\x940]('
                    + b''.join(text(f'v{number}') + b'h\x00\x86' for number in range(1000))
                    + b'e'
                )
            ),
            'more than the file has',
        ),
        'an image of 2^40 pixels': (
            pickled(
                network(
                    static_kwargs=plain({'dlatent_broadcast': 10**9, 'mapping_layers': 0, 'latent_size': 2}),
                    build_func_name=text('G_mapping'),
                )
            ),
            'larger than any image',
        ),
        'tuples that double': (pickled(b'(]' + b'2\x86' * 60 + b't'), 'something other than networks'),
        'a value from no place in the memo': (pickled(b'j\xff\xff\xff\xff'), 'recalls the value 4294967295'),
    }


def _shared_components(depth):
    operations = network() + b'r' + struct.pack('<I', 0)
    for level in range(1, depth):
        components = (
            b'}('
            + text('a')
            + b'j'
            + struct.pack('<I', level - 1)
            + text('b')
            + b'j'
            + struct.pack('<I', level - 1)
            + b'u'
        )
        operations += b'0' + network(components=components) + b'r' + struct.pack('<I', level)
    return operations
