"""Views of images for people: a thumbnail, or what is wrong with the file."""

from dnnlib.errors import UserError
from dnnlib.pages.gallery import thumbnail
from prefilter.images import read_bytes
from prefilter.reasons import Refusal


def view_images(source, places, decode, kept=lambda place: None):
    """The views of some images of a source; each image is read and decoded at most once.

    Args:
        source: A `prefilter.sources.source.Source`.
        places: Of the images.
        decode: From the bytes of an image to its pixels, as `prefilter.images.decode`.
        kept: Function from a place to the view that was kept when the image was examined, or None.

    Returns:
        Dict of place to view: a PIL image as from `dnnlib.pages.gallery.thumbnail`, or a str that says why there is
        none. An image that has been removed or damaged since it was examined also gets a str.
    """
    views = {}
    for place in sorted(places):  # an archive is read forward
        view = kept(place)
        views[place] = _view(source, place, decode) if view is None else view
    return views


def _view(source, place, decode):
    try:
        return thumbnail(decode(read_bytes(source, place)))
    except Refusal as refusal:
        return refusal.detail
    except UserError as error:  # the source is gone since; what was found in it still counts
        return error.message
    except MemoryError:
        return 'not enough memory'
