"""A PostgreSQL of one's own on 127.0.0.1, and SQL for who has only a URL. The programs are Debian's."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cloud_process import HOST, Server, ServerError

SQL_TIMEOUT_S = 20


def find_program(name: str) -> Path | None:
    """From PATH, else from Debian's place, the newest version first."""
    if found := shutil.which(name):
        return Path(found)
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]), reverse=True)
    return versions[0] if versions else None


class SqlError(Exception):
    """psql refused; the text is the server's, without any password."""


def run_sql(url: str, sql: str) -> str:
    """Runs statements as the URL's user. The password goes by the environment, as a command line is for all to read."""
    psql = find_program("psql")
    if psql is None:
        raise SqlError("psql is not installed")
    parts = urlsplit(url)
    place = f"postgresql://{parts.username}@{parts.hostname}:{parts.port or 5432}{parts.path}" + (f"?{parts.query}" if parts.query else "")
    environment = {"PATH": os.environ.get("PATH", ""), "PGPASSWORD": unquote(parts.password or ""), "PGCONNECT_TIMEOUT": "5", "LC_ALL": "C"}
    done = subprocess.run([str(psql), "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-d", place], input=sql, text=True, env=environment,
                          capture_output=True, timeout=SQL_TIMEOUT_S, check=False)
    if done.returncode:
        raise SqlError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"psql ended with {done.returncode}")
    return done.stdout.strip()


class Postgres(Server):
    """Its own cluster with passwords on; `superuser` may do all. Started by root it runs as `postgres`, which PostgreSQL wants."""

    name = "postgres"
    superuser = "dbadmin"
    password = "local-cloud-dbadmin"

    def __init__(self, directory: Path | str, *, port: int | None = None) -> None:
        super().__init__(directory, port=port)
        missing = [name for name in ("initdb", "postgres", "psql") if find_program(name) is None]
        if missing:
            raise ServerError(f"not installed: {', '.join(missing)} (Debian: apt-get install postgresql)")
        # Its user must get to its data, which it does not in a directory of root's tests.
        self.data = Path(tempfile.mkdtemp(prefix="squall-postgres-"))
        self._user = "postgres" if os.geteuid() == 0 else ""
        self._initialize()

    def _as_user(self, command: list[str]) -> list[str]:
        return ["setpriv", f"--reuid={self._user}", f"--regid={self._user}", "--clear-groups", *command] if self._user else command

    def _initialize(self) -> None:
        word = self.data / "word"
        word.write_text(self.password)
        if self._user:
            entry = pwd.getpwnam(self._user)
            for path in (self.data, word):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        done = subprocess.run(self._as_user([str(find_program("initdb")), "-D", str(self.data / "db"), "-U", self.superuser, f"--pwfile={word}",
                                             "--auth=scram-sha-256", "--no-sync", "--no-instructions", "--locale=C.UTF-8"]),
                              capture_output=True, text=True, cwd="/", check=False)
        word.unlink()
        if done.returncode:
            raise ServerError(f"initdb failed: {done.stderr.strip()[-500:]}")

    def command(self) -> list[str]:
        return self._as_user([str(find_program("postgres")), "-D", str(self.data / "db"), "-h", HOST, "-p", str(self.port), "-k", "",
                              "-c", "fsync=off", "-c", "max_connections=50"])

    def ready(self) -> bool:
        try:
            return run_sql(self.login(self.superuser, self.password), "SELECT 1") == "1"
        except SqlError:
            return False

    def login(self, user: str, password: str, database: str = "postgres") -> str:
        return f"postgresql://{user}:{password}@{HOST}:{self.port}/{database}?sslmode=disable"

    @property
    def template(self) -> str:
        """The connection URL in the form that Vault wants."""
        return f"postgresql://{{{{username}}}}:{{{{password}}}}@{HOST}:{self.port}/postgres?sslmode=disable"

    def sql(self, text: str) -> str:
        return run_sql(self.login(self.superuser, self.password), text)

    def can_log_in(self, user: str, password: str) -> bool:
        try:
            return run_sql(self.login(user, password), "SELECT 1") == "1"
        except SqlError:
            return False

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self.data, ignore_errors=True)
