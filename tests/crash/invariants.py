"""What must hold of squall's own records and files, whatever happened: read from the database, not through squall."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from squall_server import FINAL, Squall


def connect(squall: Squall) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{squall.data}/squall.db?mode=ro", uri=True, timeout=10)


def unfinished(squall: Squall) -> list[tuple[str, str, str]]:
    marks = ",".join("?" * len(FINAL))
    with closing(connect(squall)) as database:
        # Work that waits for its time (a look at all, a try later) has its wake-up; everything else should be over.
        return database.execute(f"SELECT id, action, status FROM executions WHERE status NOT IN ({marks}) AND status != 'delayed'", sorted(FINAL)).fetchall()


def records(squall: Squall) -> list[str]:
    bad = []
    with closing(connect(squall)) as database:
        if (state := database.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            bad.append(f"the database is damaged: {state}")
        enforced = Counter(database.execute("SELECT trigger_instance, rule FROM enforcements").fetchall())
        bad += [f"{count} enforcements of {pair}" for pair, count in enforced.items() if count != 1]
        started = Counter(database.execute("SELECT trigger_instance, rule FROM executions WHERE rule IS NOT NULL AND parent IS NULL").fetchall())
        bad += [f"{count} executions of {pair}" for pair, count in started.items() if count > 1]
        bad += [f"an execution without enforcement: {pair}" for pair in started if pair not in enforced]
        lost = database.execute("SELECT e.id, e.rule FROM enforcements e LEFT JOIN executions x ON x.id = e.execution "
                                "WHERE e.execution IS NOT NULL AND x.id IS NULL").fetchall()
        bad += [f"an enforcement without its execution: {row}" for row in lost]
        left = database.execute("SELECT w.id FROM wakeups w LEFT JOIN executions x ON x.id = w.execution "
                                "WHERE x.id IS NULL OR x.end_timestamp IS NOT NULL").fetchall()
        bad += [f"a wake-up of nothing: {row}" for row in left]
    return bad


def secrets(squall: Squall, known: set[str]) -> list[str]:
    bad = []
    files = [squall.log, *[f for f in Path(squall.data).rglob("*") if f.is_file() and not f.is_symlink()]]
    for file in files:
        try:
            content = file.read_bytes()
        except OSError:
            continue  # gone meanwhile
        bad += [f"a secret stands in {file.name}" for secret in known if secret.encode() in content]
    return bad
