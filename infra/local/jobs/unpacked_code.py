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

from infra.local.leftovers import older, remove

_UNUSED_S = 24 * 3600.0
"""Code that no run has used for so long is removed: each change of the code makes another zip."""


class UnpackedCode:
    """Folders of unpacked zips, by content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder_of(self, archive: Path) -> Path:
        """Return the folder with the content of a zip; unpack it if no run has."""
        folder = self._folder / hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
        try:
            os.utime(folder)  # before anything else, so that no other run takes it for unused
        except FileNotFoundError:
            self._unpack(archive, folder)
        return folder

    def _unpack(self, archive: Path, folder: Path) -> None:
        for one in older(self._folder.glob("*"), time.time() - _UNUSED_S):
            remove(one)
        draft = self._folder / uuid.uuid4().hex
        try:
            with zipfile.ZipFile(archive) as content:
                content.extractall(draft)
            with suppress(OSError):  # another run was faster
                draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
