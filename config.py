"""Folders, published networks, and the paper's numbers. Nothing is computed or imported here."""

RESULTS_DIR = 'results'  # one folder per training run
CACHE_DIR = 'cache'  # downloaded networks
result_dir, cache_dir, data_dir = RESULTS_DIR, CACHE_DIR, 'datasets'  # as scripts for the original code call them
TRUST_FILE = '~/.config/retrain-stylegan/trusted-sources.txt'  # files with source text that the user trusts

GENERATOR, METRIC, EMBEDDING = 'generator', 'metric', 'embedding'  # kinds of published networks
_OF_STYLEGAN = 'CC BY-NC 4.0'  # the licence of NVIDIA's StyleGAN networks


def _on_drive(file, drive_id, kind, licence, size=None, sha256=None, mirror=None):
    """A file on Google Drive.

    It is kept under the MD5 of `url` and the name `file`. `size` (bytes) and `sha256` are None if nobody has published
    them. A `mirror` without TLS is used only if the hash is known. Source text inside a pickle may run only if its
    `sha256` is given here, or if the user trusts the file.
    """
    return {
        'file': file,
        'url': 'https://drive.google.com/uc?id=' + drive_id,
        'kind': kind,
        'licence': licence,
        'size': size,
        'sha256': sha256,
        'mirror': mirror,
    }


# Published networks by name. Commands that take a network take these names too.
NETWORKS = {
    # Re-trained by the paper's authors (its footnote 1).
    'celeba-256x256': _on_drive('celeba-256x256.pkl', '1wQJafRmBOmhQ9E4-AlYFtdXk4IIXtTmJ', GENERATOR, 'not stated'),
    'casia-webface-256x256': _on_drive(
        'casia-webface-256x256.pkl', '1qnaD8EVg2PZJvUQgAgGFbgb94zPGaaFn', GENERATOR, 'not stated'
    ),
    # Published with StyleGAN (Karras et al., reference [3] of the paper).
    'stylegan-bedrooms-256x256': _on_drive(
        'karras2019stylegan-bedrooms-256x256.pkl', '1MOSKeGF0FJcivpBI7s63V9YHloUTORiF', GENERATOR, _OF_STYLEGAN
    ),
    'stylegan-cars-512x384': _on_drive(
        'karras2019stylegan-cars-512x384.pkl', '1MJ6iCfNtMIRicihwRorsM3b7mmtmK9c3', GENERATOR, _OF_STYLEGAN
    ),
    'stylegan-cats-256x256': _on_drive(
        'karras2019stylegan-cats-256x256.pkl', '1MQywl0FNt6lHu8E_EUqnRbviagS7fbiJ', GENERATOR, _OF_STYLEGAN
    ),
    'stylegan-celebahq-1024x1024': _on_drive(
        'karras2019stylegan-celebahq-1024x1024.pkl', '1MGqJl28pN4t7SAtSrPdSRJSQJqahkzUf', GENERATOR, _OF_STYLEGAN
    ),
    # Size and hash are from a third party's copy; the publisher has not confirmed them.
    'stylegan-ffhq-1024x1024': _on_drive(
        'karras2019stylegan-ffhq-1024x1024.pkl',
        '1MEGjdvVpUsu1jB4zrXZN7Y4kBBOzizDQ',
        GENERATOR,
        _OF_STYLEGAN,
        size=324733157,
        sha256='f277a43711447812d809b2fdd7748b945cfd7bdcd391d66e557a68d590309aab',
    ),
    # Published with ProGAN (Karras et al. 2018, reference [8] of the paper): figures, FID and path lengths in z.
    'progan-celebahq-1024x1024': _on_drive(
        'karras2018iclr-celebahq-1024x1024.pkl', '188K19ucknC6wg1R6jbuPEhTq9zoufOx4', GENERATOR, 'CC BY-NC 4.0'
    ),
    # Feature network of the FID.
    'inception': _on_drive(
        'inception_v3_features.pkl',
        '1MzTY44rLToO5APn8TZmfR7_ENSe5aZUn',
        METRIC,
        _OF_STYLEGAN,
        size=87270513,
        sha256='83b1803e01031ef6ca3178a436e1b9c0a2c957fb152e81fc578e9bc4d0b47ab5',
        mirror='http://d36zk2xti64re0.cloudfront.net/stylegan1/networks/metrics/inception_v3_features.pkl',
    ),
    # Classes of the Inception Score. Published later, with StyleGAN2; the address has not been tried.
    'inception-softmax': {
        'file': 'inception_v3_softmax.pkl',
        'kind': METRIC,
        'licence': 'not stated',
        'size': None,
        'sha256': None,
        'url': 'https://nvlabs-fi-cdn.nvidia.com/stylegan/networks/metrics/inception_v3_softmax.pkl',
        'mirror': None,
    },
    # Perceptual distance of the path lengths (LPIPS).
    'vgg16-zhang-perceptual': _on_drive(
        'vgg16_zhang_perceptual.pkl',
        '1N2-m9qszOeVC9Tq77WxsLnuWwOedQiD2',
        METRIC,
        _OF_STYLEGAN,
        mirror='http://d36zk2xti64re0.cloudfront.net/stylegan1/networks/metrics/vgg16_zhang_perceptual.pkl',
    ),
}

# Table I of the paper: name of a value -> (its label in the table, its numbers for the three networks).
PAPER_NETWORKS = 'CelebA', 'CASIA-WebFace', 'FFHQ [3]'
PAPER_TABLE = {
    'fid50k': ('FID50k', (4.7842, 4.5992, 4.4159)),
    'ppl_zfull': ('ppl_zfull', (191.9051, 258.4270, 664.8854)),
    'ppl_wfull': ('ppl_wfull', (68.6066, 81.7605, 233.3059)),
    'ppl_zend': ('ppl_zend', (190.5838, 259.5282, 666.1057)),
    'ppl_wend': ('ppl_wend', (56.4555, 74.2621, 197.2266)),
    'ls_z': ('ls in Z', (143.2236, 109.7136, 165.0106)),
    'ls_w': ('ls in W', (2.5235, 3.1748, 3.7447)),
}

# Attribute classifiers of the linear separability, by CelebA's attributes.
NETWORKS.update(
    {
        f'celebahq-classifier-{attribute}': _on_drive(
            f'celebahq-classifier-{attribute}.pkl', drive_id, METRIC, _OF_STYLEGAN
        )
        for attribute, drive_id in (
            ('00-male', '1Q5-AI6TwWhCVM7Muu4tBM7rp5nG_gmCX'),
            ('01-smiling', '1Q5c6HE__ReW2W8qYAXpao68V1ryuisGo'),
            ('02-attractive', '1Q7738mgWTljPOJQrZtSMLxzShEhrvVsU'),
            ('03-wavy-hair', '1QBv2Mxe7ZLvOv1YBTLq-T4DS3HjmXV0o'),
            ('04-young', '1QIvKTrkYpUrdA45nf7pspwAqXDwWOLhV'),
            ('05-5-o-clock-shadow', '1QJPH5rW7MbIjFUdZT7vRYfyUjNYDl4_L'),
            ('06-arched-eyebrows', '1QPZXSYf6cptQnApWS_T83sqFMun3rULY'),
            ('07-bags-under-eyes', '1QPgoAZRqINXk_PFoQ6NwMmiJfxc5d2Pg'),
            ('08-bald', '1QQPQgxgI6wrMWNyxFyTLSgMVZmRr1oO7'),
            ('09-bangs', '1QcSphAmV62UrCIqhMGgcIlZfoe8hfWaF'),
            ('10-big-lips', '1QdWTVwljClTFrrrcZnPuPOR4mEuz7jGh'),
            ('11-big-nose', '1QgvEWEtr2mS4yj1b_Y3WKe6cLWL3LYmK'),
            ('12-black-hair', '1QidfMk9FOKgmUUIziTCeo8t-kTGwcT18'),
            ('13-blond-hair', '1QthrJt-wY31GPtV8SbnZQZ0_UEdhasHO'),
            ('14-blurry', '1QvCAkXxdYT4sIwCzYDnCL9Nb5TDYUxGW'),
            ('15-brown-hair', '1QvLWuwSuWI9Ln8cpxSGHIciUsnmaw8L0'),
            ('16-bushy-eyebrows', '1QxW6THPI2fqDoiFEMaV6pWWHhKI_OoA7'),
            ('17-chubby', '1R71xKw8oTW2IHyqmRDChhTBkW9wq4N9v'),
            ('18-double-chin', '1RDn_fiLfEGbTc7JjazRXuAxJpr-4Pl67'),
            ('19-eyeglasses', '1RGBuwXbaz5052bM4VFvaSJaqNvVM4_cI'),
            ('20-goatee', '1RIxOiWxDpUwhB-9HzDkbkLegkd7euRU9'),
            ('21-gray-hair', '1RPaNiEnJODdr-fwXhUFdoSQLFFZC7rC-'),
            ('22-heavy-makeup', '1RQH8lPSwOI2K_9XQCZ2Ktz7xm46o80ep'),
            ('23-high-cheekbones', '1RXZM61xCzlwUZKq-X7QhxOg0D2telPow'),
            ('24-mouth-slightly-open', '1RgASVHW8EWMyOCiRb5fsUijFu-HfxONM'),
            ('25-mustache', '1RkC8JLqLosWMaRne3DARRgolhbtg_wnr'),
            ('26-narrow-eyes', '1RqtbtFT2EuwpGTqsTYJDyXdnDsFCPtLO'),
            ('27-no-beard', '1Rs7hU-re8bBMeRHR-fKgMbjPh-RIbrsh'),
            ('28-oval-face', '1RynDJQWdGOAGffmkPVCrLJqy_fciPF9E'),
            ('29-pale-skin', '1S0TZ_Hdv5cb06NDaCD8NqVfKy7MuXZsN'),
            ('30-pointy-nose', '1S3JPhZH2B4gVZZYCWkxoRP11q09PjCkA'),
            ('31-receding-hairline', '1S3pQuUz-Jiywq_euhsfezWfGkfzLZ87W'),
            ('32-rosy-cheeks', '1S6nyIl_SEI3M4l748xEdTV2vymB_-lrY'),
            ('33-sideburns', '1S9P5WCi3GYIBPVYiPTWygrYIUSIKGxbU'),
            ('34-straight-hair', '1SANviG-pp08n7AFpE9wrARzozPIlbfCH'),
            ('35-wearing-earrings', '1SArgyMl6_z7P7coAuArqUC2zbmckecEY'),
            ('36-wearing-hat', '1SC5JjS5J-J4zXFO9Vk2ZU2DT82TZUza_'),
            ('37-wearing-lipstick', '1SDAQWz03HGiu0MSOKyn7gvrp3wdIGoj-'),
            ('38-wearing-necklace', '1SEtrVK-TQUC0XeGkBE9y7L8VXfbchyKX'),
            ('39-wearing-necktie', '1SF_mJIdyGINXoV-I6IAxHB_k5dxiF6M-'),
        )
    }
)

# FaceNet's embeddings, archives of TensorFlow graphs.
NETWORKS.update(
    {
        f'facenet-{name}': _on_drive(f'{name}.zip', drive_id, EMBEDDING, 'MIT')
        for name, drive_id in (
            ('20180402-114759', '1EXPBSXwTaqrSC0OhUdXNmKSh9qJUQ55-'),  # trained on VGGFace2
            ('20180408-102900', '1R77HmFADxe87GmoLwzfgMu_HY0IhcyBz'),  # trained on CASIA-WebFace
        )
    }
)
