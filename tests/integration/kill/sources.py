"""What the killed platform reads: folders and tables with a history of several months, and their own ledgers."""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

_MONTHS = 4
_MONTH = 30 * 24 * 3600
_NOTE = "Nous vous adresserons la pièce {name} ({version}) avant le 15 mars 2026."


class Source(ABC):
    """A source and what happens in it; ``truth`` is its own account of what there is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connection_id = ""
        self._made = 0

    @property
    @abstractmethod
    def request(self) -> dict[str, Any]:
        """What a person asks the API for, to connect it."""

    @abstractmethod
    def truth(self) -> Mapping[str, str]:
        """The content of everything there is, as ``content`` gives it of an item, by provider id."""

    @abstractmethod
    def content(self, payload: str, blob: str | None) -> str:
        """What a stored item says, to be held against the truth."""

    @abstractmethod
    def put(self, number: int, version: str, age: float = 0) -> None:
        """Add or change one; ``age`` in seconds, for the history."""

    @abstractmethod
    def remove(self, number: int) -> None:
        """Delete one; of no effect where there is none."""

    def fill(self, count: int) -> None:
        """The history."""
        for number in range(count):
            self.put(number, "first", age=60 + number * _MONTHS * _MONTH / count)
        self._made = count

    def change(self, dice: random.Random) -> None:
        """What people do: mostly add, also change and delete, old and new."""
        act = dice.choices(("add", "change", "remove"), (5, 3, 2))[0]
        number = dice.randrange(self._made)
        if act == "remove":
            self.remove(number)
            return
        if act == "add":
            number = self._made
            self._made += 1
        self.put(number, f"{dice.getrandbits(64):x}")


class Folder(Source):
    """Files; a change is a renaming, as careful programs do."""

    def __init__(self, path: Path, connector: str = "documents") -> None:
        super().__init__(path.name)
        path.mkdir()
        self._path, self._connector = path, connector

    @property
    def request(self) -> dict[str, Any]:
        return {"connector": self._connector, "name": self.name, "config": {"path": str(self._path)}}

    def truth(self) -> Mapping[str, str]:
        return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in self._path.glob("p*")}

    def content(self, payload: str, blob: str | None) -> str:
        return str(blob) if payload else ""

    def put(self, number: int, version: str, age: float = 0) -> None:
        aside = self._path / f".p{number}"
        aside.write_text(_NOTE.format(name=f"{self.name}-{number}", version=version), encoding="utf-8")
        if age:
            os.utime(aside, (time.time() - age,) * 2)
        aside.rename(self._path / f"p{number}.txt")

    def remove(self, number: int) -> None:
        (self._path / f"p{number}.txt").unlink(missing_ok=True)


class Table(Source):
    """Rows of a database that nobody kills."""

    def __init__(self, name: str, address: str, password: str) -> None:
        """``address`` is the owner's; ``password`` that of the role ``reader``."""
        super().__init__(name)
        self._session = psycopg.connect(address, autocommit=True)
        self._password = password
        self._session.execute(
            f"CREATE TABLE {name} (id bigint PRIMARY KEY, note text, updated_at timestamptz NOT NULL)"
        )
        self._session.execute(f"GRANT SELECT ON {name} TO reader")

    @property
    def request(self) -> dict[str, Any]:
        info = self._session.info
        config = {
            "host": info.host,
            "port": info.port,
            "database": info.dbname,
            "user": "reader",
            "password": self._password,
            "tables": [{"table": self.name, "updated_at": "updated_at"}],
            "overlap_seconds": 5,
        }
        return {"connector": "postgres", "name": self.name, "config": config}

    def truth(self) -> Mapping[str, str]:
        rows = self._session.execute(f"SELECT id::text, note FROM {self.name}")
        return dict(rows.fetchall())

    def content(self, payload: str, blob: str | None) -> str:
        return str(json.loads(payload)["note"]) if blob is None else ""

    def put(self, number: int, version: str, age: float = 0) -> None:
        note = _NOTE.format(name=f"{self.name}-{number}", version=version)
        self._session.execute(
            f"INSERT INTO {self.name} VALUES (%s, %s, clock_timestamp() - %s * interval '1 second')"
            " ON CONFLICT (id) DO UPDATE SET note = excluded.note, updated_at = excluded.updated_at",
            (number, note, age),
        )

    def remove(self, number: int) -> None:
        self._session.execute(f"DELETE FROM {self.name} WHERE id = %s", [number])

    def close(self) -> None:
        """Let go of the source's database."""
        self._session.close()
