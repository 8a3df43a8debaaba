"""Zips of Python code, unpacked once: Python compiles what it imports from a zip, or from a new folder, anew in every process."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
import zipfile
from contextlib import suppress
from pathlib import Path

_UNUSED_S = 24 * 3600.0
"""Code that no run has used for so long is removed: each change of the code makes another zip."""


class UnpackedCode:
    """Folders of unpacked zips, by content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder_of(self, archive: Path) -> Path:
        """Return the folder with the content of a zip; unpack it if no run has."""
        folder = self._folder / hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
        if not folder.is_dir():
            self._remove_unused()
            draft = self._folder / uuid.uuid4().hex
            try:
                with zipfile.ZipFile(archive) as content:
                    content.extractall(draft)
                with suppress(OSError):  # another run was faster
                    draft.rename(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        os.utime(folder)
        return folder

    def _remove_unused(self) -> None:
        for one in self._folder.glob("*"):
            if time.time() - one.stat().st_mtime > _UNUSED_S:
                shutil.rmtree(one, ignore_errors=True)
