"""A change of an Iceberg table that keeps its list of manifests short: opening it takes as long after a thousand nights as after one.

pyiceberg's own change keeps every manifest for ever, also those that only say what an earlier change removed, and merges manifests
only when it appends. Readers open each of them.
"""

from collections.abc import Callable

from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Transaction
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _ManifestMergeManager, _OverwriteFiles

_MOST_MANIFESTS = 10
"""So many are merged into one."""
_LARGE_BYTES = 8 << 20
"""Manifests are merged up to this size, which is Iceberg's default: about 100,000 objects."""


class Change(_OverwriteFiles):
    """Adds and removes objects in one snapshot."""

    def _build_manifest_evaluator(self, spec_id: int) -> Callable[[ManifestFile], bool]:
        """Return what says whether a manifest may list removed objects.

        pyiceberg asks it from several threads, and its own remembers the manifest that it was asked about last: now and then it overlooked
        one, and the commit failed. Here each manifest gets one of its own.
        """
        make = super()._build_manifest_evaluator
        return lambda manifest: make(spec_id)(manifest)

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        own = self._snapshot_id
        needed = [one for one in manifests if one.has_added_files() or one.has_existing_files() or one.added_snapshot_id == own]
        return _ManifestMergeManager(_LARGE_BYTES, _MOST_MANIFESTS, True, self).merge_manifests(needed)


def change_of(transaction: Transaction, properties: dict[str, str]) -> Change:
    """Begin a change of a table; its properties become those of the snapshot. Use it as a context."""
    is_first = transaction.table_metadata.current_snapshot() is None
    operation = Operation.APPEND if is_first else Operation.OVERWRITE
    return Change(operation, transaction, transaction._table.io, snapshot_properties=properties)
