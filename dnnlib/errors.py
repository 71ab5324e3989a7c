"""The error a user can act on."""

import click


class UserError(click.ClickException):
    """Something outside the program is wrong: a file, a folder, a download.

    The message is one sentence that names the file or flag and says the mend. Command lines print it without a
    traceback and exit with status 1. A wrongly used flag is a `click.UsageError` instead: exit status 2.
    """
