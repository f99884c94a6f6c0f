"""Documents: the files of a folder. An item is a file, its id the path below the folder.

Changes are found by status-change time (ctime), which the kernel sets and nobody can set back: a file copied
in with its old modification time (``cp -p``, ``rsync``, an unpacked archive) is found like any other. The
cursor is therefore one number and one path, however many files there are. Windows go by modification
time, which is when a document was written.
"""

from __future__ import annotations

import fnmatch
import json
import os
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from drovi_assets.connectors.contract import Change, Cursor, Health, Page, Skipped, Stream, Window
from drovi_assets.connectors.cursors import Position, understood
from drovi_assets.connectors.windows import windows_of
from resources.clock import now
from resources.errors import CursorRejected, NotConfigured, PermissionMissing
from resources.secret_file import holds_state, is_home

FILES = Stream("files", "document")

PAGE_FILES = 200
PAGE_BYTES = 64 * 1024 * 1024
SETTLED_NS = 1_000_000_000
"""A file that changed within the last second may still be being written: it waits for the next read."""
START_MARGIN_NS = 1_000_000_000
"""A file system stamps with a coarser clock than ours: a change made just now may carry an earlier time."""
SKEW_NS = 24 * 3600 * 1_000_000_000
"""A position further in the future than this comes from a clock that was wrong, and would hide every change."""
LISTING = 10_000


class DocumentsConfig(BaseModel):
    """What a person gives to connect a folder. A pattern with a slash is matched to the path, else to each name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(description="The folder, as this machine sees it.")
    include: tuple[str, ...] = Field(("*",), description="Files to read, as patterns such as `*.pdf`.")
    exclude: tuple[str, ...] = Field(
        (".*", "~$*", "*.tmp", "*.part", "*.crdownload", "Thumbs.db"),
        description="Files and folders to leave out.",
    )
    max_bytes: int = Field(512 * 1024 * 1024, gt=0, description="Larger files are listed and not read.")


class FolderPosition(Position):
    """Live: behind this change time and path. In a window: before this modification time and path."""

    changed_ns: int = -1
    path: str = ""
    before: Annotated[tuple[int, str], Field(strict=False)] | None = None
    root: Annotated[tuple[int, int], Field(strict=False)] | None = None
    """Device and inode of the folder that was read."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file as the folder lists it; ``refused`` says why its content is not read."""

    path: str
    changed_ns: int
    modified_ns: int
    size: int
    refused: str = ""

    @property
    def modified_at(self) -> datetime | None:
        try:
            return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)
        except (ValueError, OverflowError, OSError):  # a date outside the calendar: some archives carry such
            return None


class Documents:
    """Reads one folder. ``None`` of its calls waits on anything but the file system."""

    name: ClassVar[str] = "documents"

    def __init__(self, config: DocumentsConfig, _secrets: object = None) -> None:
        self._config = config
        self._root = config.path

    def check(self) -> Health:
        """Open the folder and look at its first entries; raises as ``read``."""
        self._identity()
        return Health(f"The folder {self._root} can be read.", {"path": str(self._root)})

    def streams(self) -> Sequence[Stream]:
        """One: the files."""
        return (FILES,)

    def start(self, stream: Stream) -> Cursor:  # noqa: ARG002 - the contract's; there is one stream
        """Just before now."""
        return {"changed_ns": time.time_ns() - START_MARGIN_NS, "path": "", "root": self._identity()}

    def windows(self, stream: Stream) -> Sequence[Window]:  # noqa: ARG002 - the contract's; there is one stream
        """The calendar spans that hold a file's modification time."""
        return windows_of((entry.modified_at for entry in self._scan()), now())

    def read(self, stream: Stream, since: Cursor, window: Window | None = None) -> Iterator[Page]:  # noqa: ARG002
        """Pages of at most 200 files and about 64 MiB.

        Raises:
            NotConfigured: the folder is missing, or another, empty one stands in its place.
            PermissionMissing: the folder cannot be listed.
            CursorRejected: the cursor lies in the future, or is none of ours.
        """
        position = understood(since, FolderPosition)
        if window is None:
            yield from self._read_live(position)
        else:
            yield from self._read_window(position, window)

    def present(self, stream: Stream) -> Iterator[Sequence[str]]:  # noqa: ARG002 - the contract's
        """Every path there is, in batches of 10,000.

        Raises:
            PermissionMissing: part of the folder cannot be listed, so that what is gone cannot be known.
        """
        batch: list[str] = []
        for entry in self._scan():
            if entry.path.endswith("/"):
                raise PermissionMissing(
                    f"The folder {entry.path} cannot be listed, so deletions are not followed.",
                    remedy="Give Drovi's user the right to read it, or exclude it.",
                )
            batch.append(entry.path)
            if len(batch) == LISTING:
                yield batch
                batch = []
        yield batch

    def close(self) -> None:
        """Nothing is held open."""

    def _read_live(self, since: FolderPosition) -> Iterator[Page]:
        root = self._checked_root(since)
        here = time.time_ns()
        after = (since.changed_ns, since.path)
        if after[0] > here + SKEW_NS:
            raise CursorRejected("The folder's position lies in the future: a clock was wrong.")
        entries = sorted(
            (entry for entry in self._scan() if (entry.changed_ns, entry.path) > after),
            key=lambda entry: (entry.changed_ns, entry.path),
        )
        # Nothing behind a file that is still being written: the position could not come back for it.
        for index, entry in enumerate(entries):
            if here - SETTLED_NS < entry.changed_ns <= here:
                del entries[index:]
                break
        for batch, complete in _batches(entries):
            if batch:
                after = (batch[-1].changed_ns, batch[-1].path)
            yield self._page(
                batch, {"changed_ns": after[0], "path": after[1], "root": root}, complete=complete
            )

    def _read_window(self, since: FolderPosition, window: Window) -> Iterator[Page]:
        root = self._checked_root(since)
        before = since.before
        settled = time.time_ns() - SETTLED_NS
        entries = sorted(
            (
                entry
                for entry in self._scan()
                if _within(entry, window)
                and entry.changed_ns <= settled  # else the live read finds it, settled
                and (before is None or (entry.modified_ns, entry.path) < before)
            ),
            key=lambda entry: (entry.modified_ns, entry.path),
            reverse=True,
        )
        for batch, complete in _batches(entries):
            if batch:
                before = (batch[-1].modified_ns, batch[-1].path)
            cursor = {"before": before and list(before), "root": root}
            yield self._page(batch, cursor, complete=complete)

    def _page(self, batch: Sequence[_Entry], cursor: Cursor, *, complete: bool) -> Page:
        changes, skipped = [], []
        for entry in batch:
            reason = entry.refused or self._unreadable(entry)
            if reason:
                skipped.append(Skipped(entry.path, reason))
                continue
            modified = entry.modified_at
            payload = {
                "path": entry.path,
                "name": entry.path.rsplit("/", 1)[-1],
                "bytes": entry.size,
                "modified_at": modified.isoformat() if modified else None,
            }
            text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
            changes.append(
                Change(entry.path, entry.changed_ns, text, occurred_at=modified, file=self._root / entry.path)
            )
        return Page(changes, cursor, complete, skipped=skipped)

    def _unreadable(self, entry: _Entry) -> str:
        if entry.size > self._config.max_bytes:
            return f"The file has {entry.size} bytes; this connection reads up to {self._config.max_bytes}."
        if not os.access(self._root / entry.path, os.R_OK):
            return "The file cannot be read by Drovi's user."
        return ""

    def _identity(self) -> list[int]:
        """Device and inode of the folder, having opened it."""
        try:
            with os.scandir(self._root) as listing:
                next(listing, None)
            found = self._root.stat()
        except PermissionError as error:
            raise PermissionMissing(
                f"The folder {self._root} cannot be listed.",
                remedy="Give Drovi's user the right to read it.",
            ) from error
        except OSError as error:
            raise NotConfigured(
                f"There is no folder {self._root} ({error.strerror}).",
                remedy="Mount or restore the folder, or correct the connection's path.",
            ) from error
        if holds_state(self._root.resolve()):
            raise NotConfigured(
                f"The folder {self._root} holds Drovi's own state.",
                remedy="Connect a folder of documents outside DROVI_HOME.",
            )
        return [found.st_dev, found.st_ino]

    def _checked_root(self, since: FolderPosition) -> list[int]:
        """The folder's identity; refuses the empty mount point that a missing disk leaves behind.

        Device numbers may change with a restart, so another identity alone is no alarm: another
        identity with nothing in it is, since the sweep would take every document away.
        """
        root = self._identity()
        if since.root not in (None, tuple(root)) and self._is_empty():
            raise NotConfigured(
                f"The folder {self._root} is empty and is not the one that was read before.",
                remedy="Mount the disk or share again; or remove the connection if the files are meant to be gone.",
            )
        return root

    def _is_empty(self) -> bool:
        with os.scandir(self._root) as listing:
            return next(listing, None) is None

    def _scan(self) -> Iterator[_Entry]:
        """Every file below the folder, in no particular order, and every folder that refuses to be listed."""
        self._identity()
        real_root = os.path.realpath(self._root)
        pending = [""]
        while pending:
            folder = pending.pop()
            try:
                with os.scandir(self._root / folder) as listing:
                    found = list(listing)
            except FileNotFoundError:
                continue  # removed since its parent was listed
            except OSError as error:
                yield _unlisted(self._root, folder, error)
                continue
            for item in found:
                path = f"{folder}/{item.name}" if folder else item.name
                if _matches(path, self._config.exclude):
                    continue
                if item.is_dir(follow_symlinks=False):
                    if not is_home(Path(item.path)):
                        pending.append(path)
                elif _matches(path, self._config.include) and (entry := _look(item, path, real_root)):
                    yield entry


def _unlisted(root: Path, folder: str, error: OSError) -> _Entry:
    """A folder that refuses to be listed stands for its files; a trailing slash tells it from one."""
    try:
        found = (root / folder).stat()
        changed, modified = found.st_ctime_ns, found.st_mtime_ns
    except OSError:
        changed = modified = 0
    return _Entry(folder + "/", changed, modified, 0, f"The folder cannot be listed: {error.strerror}.")


def _look(item: os.DirEntry[str], path: str, real_root: str) -> _Entry | None:
    try:
        own = item.stat(follow_symlinks=False)
        found = item.stat() if item.is_symlink() else own
    except OSError:
        return None  # removed since it was listed, or a link to nothing
    refused = ""
    if not _is_unicode(path):
        path, refused = (
            os.fsencode(path).decode("utf-8", "backslashreplace"),
            "The file's name is not valid text.",
        )
    elif item.is_symlink() and not os.path.realpath(item.path).startswith(real_root + os.sep):
        refused = "The link leads out of the folder."
    elif not stat.S_ISREG(found.st_mode):
        if stat.S_ISDIR(found.st_mode):
            return None  # a link to a folder inside: its files are listed where they are
        refused = "This is not a regular file."
    return _Entry(path, max(own.st_ctime_ns, found.st_ctime_ns), found.st_mtime_ns, found.st_size, refused)


def _is_unicode(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _matches(path: str, patterns: Sequence[str]) -> bool:
    name = path.rsplit("/", 1)[-1]
    return any(fnmatch.fnmatchcase(path if "/" in pattern else name, pattern) for pattern in patterns)


def _within(entry: _Entry, window: Window) -> bool:
    modified = entry.modified_at
    if modified is None:
        return window.name == "undated"
    return window.name != "undated" and window.start <= modified < window.end


def _batches(entries: Sequence[_Entry]) -> Iterator[tuple[Sequence[_Entry], bool]]:
    """Cut into pages; the last one, which may be empty, is marked complete."""
    begin, weight = 0, 0
    for index, entry in enumerate(entries):
        if index > begin and (index - begin == PAGE_FILES or weight + entry.size > PAGE_BYTES):
            yield entries[begin:index], False
            begin, weight = index, 0
        weight += entry.size
    yield entries[begin:], True
