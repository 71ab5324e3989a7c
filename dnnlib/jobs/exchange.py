"""A folder that this machine and all workers of a cluster reach: on a disk they share, or gs://, hdfs:// and the like.

It is read and written with the file systems of apache-beam, which must be installed.
"""

import contextlib
import re
import shutil
import uuid

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from dnnlib.errors import UserError

WHOLE = {'compression_type': CompressionTypes.UNCOMPRESSED}  # also if a name ends like a compressed file's


class Exchange:
    """Files in one folder, each whole or not there. The first file makes the folder.

    Args:
        url: A path, or a URL of a file system that Beam knows.
    """

    def __init__(self, url):
        self.url = url.rstrip('/')

    def connect(self, options):
        """Gives Beam's file systems the options to reach the folder. On workers Beam does that itself.

        Args:
            options: `PipelineOptions`.

        Raises:
            UserError: They cannot reach it.
        """
        FileSystems.set_options(options)
        try:
            FileSystems.get_filesystem(self.url)
        except ValueError as error:
            raise UserError(
                f'{self.url} cannot be reached: {error} (in one command with -r requirements.txt, to keep the pins).'
            ) from error

    def path(self, name):
        """The path or URL of a file."""
        return FileSystems.join(self.url, name)

    def pattern(self, name):
        """The path or URL of files, for functions that take patterns; only `name` may have wildcards."""
        return FileSystems.join(re.sub(r'([*?[])', r'[\1]', self.url), name)

    def has(self, name):
        """Whether a file is there."""
        return FileSystems.exists(self.path(name))

    def names(self, ending):
        """The sorted names of the files with an ending."""
        found = FileSystems.match([self.pattern('*' + ending)])[0].metadata_list
        return sorted(file.path.rsplit('/', 1)[-1] for file in found)

    @contextlib.contextmanager
    def writing(self, name):
        """Yields a file to write bytes into. It takes its name once it is complete; several may write the same."""
        part = f'{name}.{uuid.uuid4().hex}.part'
        temporary = self.path(part)
        try:
            with FileSystems.create(temporary, **WHOLE) as file:
                yield file
            try:
                FileSystems.rename([temporary], [self.path(name)])
            except OSError:  # some file systems do not replace
                if not self.has(name):
                    raise
                self.remove(part)
        except BaseException:
            with contextlib.suppress(OSError):
                self.remove(part)
            raise

    def reading(self, name):
        """A file to read bytes from, for a `with` block."""
        return FileSystems.open(self.path(name), **WHOLE)

    def send(self, path, name):
        """Copies a file of this machine into the folder."""
        with open(path, 'rb') as source, self.writing(name) as target:
            shutil.copyfileobj(source, target)

    def fetch(self, name, path):
        """Copies a file of the folder to this machine."""
        with self.reading(name) as source, open(path, 'wb') as target:
            shutil.copyfileobj(source, target)

    def remove(self, name):
        """Removes a file."""
        FileSystems.delete([self.pattern(name)])

    def clear(self):
        """Removes the folder, if it exists, with all its files."""
        if '://' not in self.url:
            shutil.rmtree(self.url, ignore_errors=True)
            return
        with contextlib.suppress(OSError):
            FileSystems.delete([self.pattern('')])  # a URL that ends with '/': object stores know no folders
