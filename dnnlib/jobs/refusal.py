"""Why an item of a long list cannot be used."""


class Refusal(Exception):
    """Why an image cannot be used: raised, and kept, by all who examine images.

    A raised exception keeps the local variables alive, images too, until Python collects cycles: store a `plain` copy
    instead. A refusal can be pickled.

    Attributes:
        reason: A short code, as in the manifest.
        detail: What exactly happened, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def plain(self) -> 'Refusal':
        """A copy that was never raised."""
        return type(self)(*self.args)
