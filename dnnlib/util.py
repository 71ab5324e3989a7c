"""Small helpers without a better home."""


class EasyDict(dict):
    """A dict whose items can also be read and written as attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name, value):
        self[name] = value

    def __delattr__(self, name):
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None


def format_duration(seconds: float) -> str:
    """Seconds as a person reads them: '41s', '7m 05s', '3h 02m', '12d 04h'.

    Args:
        seconds: A non-negative number, rounded to whole seconds.
    """
    total = int(round(seconds))
    days, hours, minutes = total // 86400, total // 3600 % 24, total // 60 % 60
    if days:
        return f'{days}d {hours:02d}h'
    if hours:
        return f'{hours}h {minutes:02d}m'
    if minutes:
        return f'{minutes}m {total % 60:02d}s'
    return f'{total}s'
