"""Network pickles of other writers: what other versions of Python and numpy make of one and the same small network."""

import base64

import numpy as np

VARIABLES = {
    'lod': np.float32(0.5),
    'w': np.arange(6, dtype=np.float32).reshape(2, 3),
    'f': np.arange(6, dtype=np.float32).reshape(2, 3),  # in the order of Fortran
    'b': np.arange(3, dtype=np.float32),  # big-endian
    'i': np.arange(3, dtype=np.int64),
    'e': np.zeros([0, 4], np.float32),
}
STATIC_KWARGS = {'resolution': 4, 'fmap_max': 2, 'fmap_base': 8}

# By pickle protocol, written with Python 3.11 and numpy 2.0.2, whose modules are called numpy._core.
NUMPY2 = {
    protocol: base64.b64decode(text)
    for protocol, text in {
        0: (
            'Y2NvcHlfcmVnCl9yZWNvbnN0cnVjdG9yCnAwCihjZG5ubGliLnRmbGliLm5ldHdvcmsKTmV0d29yawpwMQpjX19idWlsdGluX18Kb2JqZWN0CnAy'
            'Ck50cDMKUnA0CihkcDUKVnZlcnNpb24KcDYKSTMKc1ZuYW1lCnA3ClZECnA4CnNWc3RhdGljX2t3YXJncwpwOQooZHAxMApWcmVzb2x1dGlvbgpw'
            'MTEKSTQKc1ZmbWFwX21heApwMTIKSTIKc1ZmbWFwX2Jhc2UKcDEzCkk4CnNzVmNvbXBvbmVudHMKcDE0CihkcDE1CnNWYnVpbGRfbW9kdWxlX3Ny'
            'YwpwMTYKViMgbm9uZQpwMTcKc1ZidWlsZF9mdW5jX25hbWUKcDE4ClZEX2Jhc2ljCnAxOQpzVnZhcmlhYmxlcwpwMjAKKGxwMjEKKFZsb2QKcDIy'
            'CmNudW1weS5fY29yZS5tdWx0aWFycmF5CnNjYWxhcgpwMjMKKGNudW1weQpkdHlwZQpwMjQKKFZmNApwMjUKSTAwCkkwMQp0cDI2ClJwMjcKKEkz'
            'ClY8CnAyOApOTk5JLTEKSS0xCkkwCnRwMjkKYmNfY29kZWNzCmVuY29kZQpwMzAKKFZcdTAwMDBcdTAwMDBcdTAwMDA/CnAzMQpWbGF0aW4xCnAz'
            'Mgp0cDMzClJwMzQKdHAzNQpScDM2CnRwMzcKYShWdwpwMzgKY251bXB5Ll9jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnAzOQooY251bXB5'
            'Cm5kYXJyYXkKcDQwCihJMAp0cDQxCmczMAooVmIKcDQyCmczMgp0cDQzClJwNDQKdHA0NQpScDQ2CihJMQooSTIKSTMKdHA0NwpnMjcKSTAwCmcz'
            'MAooVlx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMIA/XHUwMDAwXHUwMDAwXHUwMDAwQFx1MDAwMFx1MDAwMEBAXHUwMDAwXHUw'
            'MDAwgEBcdTAwMDBcdTAwMDCgQApwNDgKZzMyCnRwNDkKUnA1MAp0cDUxCmJ0cDUyCmEoVmYKcDUzCmczOQooZzQwCihJMAp0cDU0Cmc0NAp0cDU1'
            'ClJwNTYKKEkxCihJMgpJMwp0cDU3CmcyNwpJMDEKZzMwCihWXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwQEBcdTAwMDBcdTAw'
            'MDCAP1x1MDAwMFx1MDAwMIBAXHUwMDAwXHUwMDAwXHUwMDAwQFx1MDAwMFx1MDAwMKBACnA1OApnMzIKdHA1OQpScDYwCnRwNjEKYnRwNjIKYShW'
            'YgpwNjMKZzM5CihnNDAKKEkwCnRwNjQKZzQ0CnRwNjUKUnA2NgooSTEKKEkzCnRwNjcKZzI0CihWZjQKcDY4CkkwMApJMDEKdHA2OQpScDcwCihJ'
            'MwpWPgpwNzEKTk5OSS0xCkktMQpJMAp0cDcyCmJJMDAKZzMwCihWXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwP4BcdTAwMDBcdTAwMDBAXHUwMDAw'
            'XHUwMDAwXHUwMDAwCnA3MwpnMzIKdHA3NApScDc1CnRwNzYKYnRwNzcKYShWaQpwNzgKZzM5CihnNDAKKEkwCnRwNzkKZzQ0CnRwODAKUnA4MQoo'
            'STEKKEkzCnRwODIKZzI0CihWaTgKcDgzCkkwMApJMDEKdHA4NApScDg1CihJMwpnMjgKTk5OSS0xCkktMQpJMAp0cDg2CmJJMDAKZzMwCihWXHUw'
            'MDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwAVx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1'
            'MDAwMAJcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDAKcDg3CmczMgp0cDg4ClJwODkKdHA5MApidHA5MQphKFZlCnA5'
            'MgpnMzkKKGc0MAooSTAKdHA5MwpnNDQKdHA5NApScDk1CihJMQooSTAKSTQKdHA5NgpnMjcKSTAwCmNfX2J1aWx0aW5fXwpieXRlcwpwOTcKKHRS'
            'cDk4CnRwOTkKYnRwMTAwCmFzYi4='
        ),
        2: (
            'gAJjZG5ubGliLnRmbGliLm5ldHdvcmsKTmV0d29yawpxACmBcQF9cQIoWAcAAAB2ZXJzaW9ucQNLA1gEAAAAbmFtZXEEWAEAAABEcQVYDQAAAHN0'
            'YXRpY19rd2FyZ3NxBn1xByhYCgAAAHJlc29sdXRpb25xCEsEWAgAAABmbWFwX21heHEJSwJYCQAAAGZtYXBfYmFzZXEKSwh1WAoAAABjb21wb25l'
            'bnRzcQt9cQxYEAAAAGJ1aWxkX21vZHVsZV9zcmNxDVgGAAAAIyBub25lcQ5YDwAAAGJ1aWxkX2Z1bmNfbmFtZXEPWAcAAABEX2Jhc2ljcRBYCQAA'
            'AHZhcmlhYmxlc3ERXXESKFgDAAAAbG9kcRNjbnVtcHkuX2NvcmUubXVsdGlhcnJheQpzY2FsYXIKcRRjbnVtcHkKZHR5cGUKcRVYAgAAAGY0cRaJ'
            'iIdxF1JxGChLA1gBAAAAPHEZTk5OSv////9K/////0sAdHEaYmNfY29kZWNzCmVuY29kZQpxG1gEAAAAAAAAP3EcWAYAAABsYXRpbjFxHYZxHlJx'
            'H4ZxIFJxIYZxIlgBAAAAd3EjY251bXB5Ll9jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnEkY251bXB5Cm5kYXJyYXkKcSVLAIVxJmgbWAEA'
            'AABicSdoHYZxKFJxKYdxKlJxKyhLAUsCSwOGcSxoGIloG1gbAAAAAAAAAAAAwoA/AAAAQAAAQEAAAMKAQAAAwqBAcS1oHYZxLlJxL3RxMGKGcTFY'
            'AQAAAGZxMmgkaCVLAIVxM2gph3E0UnE1KEsBSwJLA4ZxNmgYiGgbWBsAAAAAAAAAAABAQAAAwoA/AADCgEAAAABAAADCoEBxN2gdhnE4UnE5dHE6'
            'YoZxO1gBAAAAYnE8aCRoJUsAhXE9aCmHcT5ScT8oSwFLA4VxQGgVWAIAAABmNHFBiYiHcUJScUMoSwNYAQAAAD5xRE5OTkr/////Sv////9LAHRx'
            'RWKJaBtYDQAAAAAAAAA/woAAAEAAAABxRmgdhnFHUnFIdHFJYoZxSlgBAAAAaXFLaCRoJUsAhXFMaCmHcU1ScU4oSwFLA4VxT2gVWAIAAABpOHFQ'
            'iYiHcVFScVIoSwNoGU5OTkr/////Sv////9LAHRxU2KJaBtYGAAAAAAAAAAAAAAAAQAAAAAAAAACAAAAAAAAAHFUaB2GcVVScVZ0cVdihnFYWAEA'
            'AABlcVloJGglSwCFcVpoKYdxW1JxXChLAUsASwSGcV1oGIljX19idWlsdGluX18KYnl0ZXMKcV4pUnFfdHFgYoZxYWV1Yi4='
        ),
        3: (
            'gANjZG5ubGliLnRmbGliLm5ldHdvcmsKTmV0d29yawpxACmBcQF9cQIoWAcAAAB2ZXJzaW9ucQNLA1gEAAAAbmFtZXEEWAEAAABEcQVYDQAAAHN0'
            'YXRpY19rd2FyZ3NxBn1xByhYCgAAAHJlc29sdXRpb25xCEsEWAgAAABmbWFwX21heHEJSwJYCQAAAGZtYXBfYmFzZXEKSwh1WAoAAABjb21wb25l'
            'bnRzcQt9cQxYEAAAAGJ1aWxkX21vZHVsZV9zcmNxDVgGAAAAIyBub25lcQ5YDwAAAGJ1aWxkX2Z1bmNfbmFtZXEPWAcAAABEX2Jhc2ljcRBYCQAA'
            'AHZhcmlhYmxlc3ERXXESKFgDAAAAbG9kcRNjbnVtcHkuX2NvcmUubXVsdGlhcnJheQpzY2FsYXIKcRRjbnVtcHkKZHR5cGUKcRVYAgAAAGY0cRaJ'
            'iIdxF1JxGChLA1gBAAAAPHEZTk5OSv////9K/////0sAdHEaYkMEAAAAP3EbhnEcUnEdhnEeWAEAAAB3cR9jbnVtcHkuX2NvcmUubXVsdGlhcnJh'
            'eQpfcmVjb25zdHJ1Y3QKcSBjbnVtcHkKbmRhcnJheQpxIUsAhXEiQwFicSOHcSRScSUoSwFLAksDhnEmaBiJQxgAAAAAAACAPwAAAEAAAEBAAACA'
            'QAAAoEBxJ3RxKGKGcSlYAQAAAGZxKmggaCFLAIVxK2gjh3EsUnEtKEsBSwJLA4ZxLmgYiEMYAAAAAAAAQEAAAIA/AACAQAAAAEAAAKBAcS90cTBi'
            'hnExWAEAAABicTJoIGghSwCFcTNoI4dxNFJxNShLAUsDhXE2aBVYAgAAAGY0cTeJiIdxOFJxOShLA1gBAAAAPnE6Tk5OSv////9K/////0sAdHE7'
            'YolDDAAAAAA/gAAAQAAAAHE8dHE9YoZxPlgBAAAAaXE/aCBoIUsAhXFAaCOHcUFScUIoSwFLA4VxQ2gVWAIAAABpOHFEiYiHcUVScUYoSwNoGU5O'
            'Tkr/////Sv////9LAHRxR2KJQxgAAAAAAAAAAAEAAAAAAAAAAgAAAAAAAABxSHRxSWKGcUpYAQAAAGVxS2ggaCFLAIVxTGgjh3FNUnFOKEsBSwBL'
            'BIZxT2gYiUMAcVB0cVFihnFSZXViLg=='
        ),
        5: (
            'gAWVqAIAAAAAAACMFGRubmxpYi50ZmxpYi5uZXR3b3JrlIwHTmV0d29ya5STlCmBlH2UKIwHdmVyc2lvbpRLA4wEbmFtZZSMAUSUjA1zdGF0aWNf'
            'a3dhcmdzlH2UKIwKcmVzb2x1dGlvbpRLBIwIZm1hcF9tYXiUSwKMCWZtYXBfYmFzZZRLCHWMCmNvbXBvbmVudHOUfZSMEGJ1aWxkX21vZHVsZV9z'
            'cmOUjAYjIG5vbmWUjA9idWlsZF9mdW5jX25hbWWUjAdEX2Jhc2ljlIwJdmFyaWFibGVzlF2UKIwDbG9klIwWbnVtcHkuX2NvcmUubXVsdGlhcnJh'
            'eZSMBnNjYWxhcpSTlIwFbnVtcHmUjAVkdHlwZZSTlIwCZjSUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYkMEAAAAP5SGlFKUhpSMAXeU'
            'jBNudW1weS5fY29yZS5udW1lcmljlIwLX2Zyb21idWZmZXKUk5QolhgAAAAAAAAAAAAAAAAAgD8AAABAAABAQAAAgEAAAKBAlGgeSwJLA4aUjAFD'
            'lHSUUpSGlIwBZpRoKCiWGAAAAAAAAAAAAAAAAABAQAAAgD8AAIBAAAAAQAAAoECUaB5LAksDhpSMAUaUdJRSlIaUjAFilGgoKJYMAAAAAAAAAAAA'
            'AAA/gAAAQAAAAJRoG4wCZjSUiYiHlFKUKEsDjAE+lE5OTkr/////Sv////9LAHSUYksDhZRoK3SUUpSGlIwBaZRoKCiWGAAAAAAAAAAAAAAAAAAA'
            'AAEAAAAAAAAAAgAAAAAAAACUaBuMAmk4lImIh5RSlChLA2gfTk5OSv////9K/////0sAdJRiSwOFlGgrdJRSlIaUjAFllGgoKJYAAAAAAAAAAJRo'
            'HksASwSGlGgrdJRSlIaUZXViLg=='
        ),
    }.items()
}


def _short(text):
    return b'U' + bytes([len(text)]) + text


def _python2():
    """As Python 2.7 and numpy 1.16 write it in protocol 2: strings are bytes, and so are arrays' data."""

    def dtype(order=b'<'):
        return (
            b'cnumpy\ndtype\n'
            + _short(b'f4')
            + b'K\x00K\x01\x87R(K\x03'
            + _short(order)
            + b'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb'
        )

    def array(value, order=b'<', is_fortran=b'\x89'):
        data = value.astype(order.decode() + 'f4').tobytes('F' if is_fortran == b'\x88' else 'C')
        shape = b'(' + b''.join(b'K' + bytes([side]) for side in value.shape) + b't'
        return (
            b'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85'
            + _short(b'b')
            + b'\x87R(K\x01'
            + shape
            + dtype(order)
            + is_fortran
            + _short(data)
            + b'tb'
        )

    values = {
        'lod': b'cnumpy.core.multiarray\nscalar\n' + dtype() + _short(np.float32(0.5).tobytes()) + b'\x86R',
        'w': array(VARIABLES['w']),
        'f': array(VARIABLES['f'], is_fortran=b'\x88'),
        'b': array(VARIABLES['b'], b'>'),
        'e': array(VARIABLES['e']),
    }
    kwargs = b''.join(_short(key.encode()) + b'K' + bytes([value]) for key, value in STATIC_KWARGS.items())
    variables = b''.join(_short(name.encode()) + value + b'\x86' for name, value in values.items())
    return (
        b'\x80\x02cdnnlib.tflib.network\nNetwork\n)\x81}('
        + _short(b'version')
        + b'K\x02'
        + _short(b'name')
        + _short(b'D')
        + _short(b'static_kwargs')
        + b'}('
        + kwargs
        + b'u'
        + _short(b'build_module_src')
        + b'T\x06\x00\x00\x00# none'
        + _short(b'build_func_name')
        + _short(b'D_basic')
        + _short(b'variables')
        + b']('
        + variables
        + b'eub.'
    )


PYTHON2 = _python2()
