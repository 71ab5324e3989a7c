"""Files from the internet, kept in a cache folder: whole, checked, or not at all. Verb: `python -m dnnlib.download`."""

from dnnlib.download.cache import cache_path, fetch, find_cached

__all__ = ['cache_path', 'fetch', 'find_cached']
