"""How much work an image costs at each resolution: the basis of an honest estimate of the time left."""

from training.networks_stylegan import feature_maps
from training.schedule import phases


def flops_per_image(resolution, fmap_base, fmap_max):
    """Multiplications in the 3x3 convolutions of G, and again of D, for one image at a resolution; a relative measure.

    Args:
        resolution: Side in px that is trained.
        fmap_base, fmap_max: Of the networks.
    """
    fmaps = feature_maps(fmap_base, 1.0, fmap_max)
    total, level = 0, 2
    while 2 ** level <= resolution:
        in_maps, out_maps = fmaps(level - 2), fmaps(level - 1)
        total += 9 * 4 ** level * out_maps * (in_maps + out_maps)
        level += 1
    return total


def remaining_flops(cur_kimg, options):
    """Work left in a run, in the same unit times a thousand images.

    Args:
        cur_kimg: Thousands of reals shown so far.
        options: `TrainingOptions`.
    """
    total = 0
    for row in phases(options.total_kimg, options.resolution, **options.schedule_options()):
        kimg = row.end_kimg - max(row.begin_kimg, cur_kimg)
        if kimg > 0:
            total += kimg * flops_per_image(row.resolution, options.fmap_base, options.fmap_max)
    return total
