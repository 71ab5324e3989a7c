"""Where things live, and what is published. Nothing here computes anything."""

RESULTS_DIR = 'results'  # one folder per training run
CACHE_DIR = 'cache'  # downloaded networks

# Published networks by name. The program itself fetches only `inception`, for fid50k; a generator is downloaded by hand
# and named by its path, to run_metrics.py or generate_figures.py. `file` is the name a download is kept under; `size`
# (bytes) and `sha256` are None where nobody has published them. Source code embedded in a pickle may run only for a
# file whose `sha256` stands here.
NETWORKS = {
    # Re-trained by the paper's authors (its footnote 1).
    'celeba-256x256': {
        'file': 'celeba-256x256.pkl',
        'url': 'https://drive.google.com/uc?id=1wQJafRmBOmhQ9E4-AlYFtdXk4IIXtTmJ',
        'size': None,
        'sha256': None,
    },
    'casia-webface-256x256': {
        'file': 'casia-webface-256x256.pkl',
        'url': 'https://drive.google.com/uc?id=1qnaD8EVg2PZJvUQgAgGFbgb94zPGaaFn',
        'size': None,
        'sha256': None,
    },
    # Published with StyleGAN (Karras et al., reference [3] of the paper).
    'stylegan-bedrooms-256x256': {
        'file': 'karras2019stylegan-bedrooms-256x256.pkl',
        'url': 'https://drive.google.com/uc?id=1MOSKeGF0FJcivpBI7s63V9YHloUTORiF',
        'size': None,
        'sha256': None,
    },
    'stylegan-cars-512x384': {
        'file': 'karras2019stylegan-cars-512x384.pkl',
        'url': 'https://drive.google.com/uc?id=1MJ6iCfNtMIRicihwRorsM3b7mmtmK9c3',
        'size': None,
        'sha256': None,
    },
    'stylegan-cats-256x256': {
        'file': 'karras2019stylegan-cats-256x256.pkl',
        'url': 'https://drive.google.com/uc?id=1MQywl0FNt6lHu8E_EUqnRbviagS7fbiJ',
        'size': None,
        'sha256': None,
    },
    'stylegan-celebahq-1024x1024': {
        'file': 'karras2019stylegan-celebahq-1024x1024.pkl',
        'url': 'https://drive.google.com/uc?id=1MGqJl28pN4t7SAtSrPdSRJSQJqahkzUf',
        'size': None,
        'sha256': None,
    },
    'stylegan-ffhq-1024x1024': {
        'file': 'karras2019stylegan-ffhq-1024x1024.pkl',
        'url': 'https://drive.google.com/uc?id=1MEGjdvVpUsu1jB4zrXZN7Y4kBBOzizDQ',
        'size': 324733157,  # size and hash as a third party's copy states them, unconfirmed by the publisher
        'sha256': 'f277a43711447812d809b2fdd7748b945cfd7bdcd391d66e557a68d590309aab',
    },
    # Feature network of fid50k.
    'inception': {
        'file': 'inception_v3_features.pkl',
        'url': 'https://drive.google.com/uc?id=1MzTY44rLToO5APn8TZmfR7_ENSe5aZUn',
        'size': 87270513,  # size and hash as a third party's copy states them, unconfirmed by the publisher
        'sha256': '83b1803e01031ef6ca3178a436e1b9c0a2c957fb152e81fc578e9bc4d0b47ab5',
    },
}
