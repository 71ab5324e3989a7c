"""What a long list is for the engine: two small objects say how one kind of work differs from another."""

from typing import Any, ContextManager, Dict, List, Sequence, Tuple

from dnnlib.jobs.refusal import Refusal


class Work:
    """What processes do with a shard. It is picklable: workers on other machines get it too.

    Attributes:
        refusal: The class of the refusals that `task` returns.
        environment: Variables of the environment of each process of a cluster.
        files: Paths of the files that processes read; if workers do not reach them, `with_files` says where copies are.
    """

    refusal = Refusal
    environment: Dict[str, str] = {}
    files: Sequence[str] = ()

    def with_files(self, paths: Sequence[str]) -> 'Work':
        """The same work with copies of `files`, in their order."""
        return self

    def prepare(self) -> Any:
        """Makes the state of a process at its start, such as a detector or a network."""
        raise NotImplementedError

    def task(self, number: int, path: str, reader: Any, items: List[Any]) -> Any:
        """The task for `dnnlib.jobs.workers.Workers` that makes a shard file.

        Args:
            number: Of the shard.
            path: Of the file to write, whole or not at all (`dnnlib.files.atomic_write`).
            reader, items: As from `Supply.take`.

        Returns:
            A task whose `run` returns a list of (name of an item, `dnnlib.jobs.refusal.Refusal`) to name on the screen.
        """
        raise NotImplementedError

    def open_items(self, path: str) -> Any:
        """The reader of a shard's items that were sent as a file, for `task`."""
        raise NotImplementedError


class Supply:
    """Hands out the items of shards. This one needs no reader: it gives the ends of a range."""

    def take(self, shard) -> Tuple[Any, List[Any]]:
        """(reader, items) of a `dnnlib.jobs.shards.Shard`; items are JSON values, or `Refusal`s within them."""
        return None, [shard.start, shard.stop]

    def free(self, reader: Any) -> None:
        """To call when the shard is done."""


class Job:
    """A long list, as the process that leads knows it.

    Attributes:
        shards: `dnnlib.jobs.shards.ShardPlan`.
        work: `Work`.
        doing: What the progress bar says: 'Finding faces'.
        done: What is true of finished images: 'examined'.
        unit: What the items are, for a person.
        quiet: Whether the disk that is needed is not printed, as where a command has said it for several jobs.
        name: Prefix of folders and files that a cluster shares.
        reader: Reads the items, in any process; None if only the leading process can, or if items need no reader.
        has_items: Whether items must be read.
    """

    shards = None
    work = None
    doing, done, unit = 'Examining', 'examined', 'images'
    name, quiet = 'job', False
    reader = None
    has_items = False

    def supply(self, folder: str, always: bool = False) -> ContextManager[Supply]:
        """A context with the `Supply`.

        Args:
            folder: Existing folder that takes files meanwhile.
            always: Whether the reader of each shard must be a file, with its path as attribute `path`.
        """
        raise NotImplementedError

    def supply_bytes(self, shard) -> int:
        """Bytes on disk of the items of a shard that are sent as a file."""
        return 0

    def room(self, count: int) -> Tuple[List[tuple], List[tuple]]:
        """What takes room on the disk for `count` further images: two lists of (what, bytes), now and later."""
        raise NotImplementedError

    def finished(self, folder: str):
        """The numbers of finished shards, a set; `folder` has the files of shards."""
        raise NotImplementedError

    def on_done(self, number: int) -> None:
        """Called in the process that leads when the file of a shard is there."""

    def is_doubtful(self, refusal) -> bool:
        """Whether a fault of the machine may have caused a refusal; if the run fails, its shard is done again."""
        return False
