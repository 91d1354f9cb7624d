"""A real PgBouncer in transaction mode before a PostgreSQL, configured as it comes."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy import make_url

_STARTS_WITHIN_S = 20


@contextmanager
def bouncer(postgresql_url: str) -> Iterator[str]:
    """The address of the same database through one server connection."""
    url = make_url(postgresql_url)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with TemporaryDirectory(prefix="bouncer-") as folder:
        Path(folder).chmod(0o755)
        config = Path(folder, "pgbouncer.ini")
        config.write_text(
            f"[databases]\n{url.database} = host={url.query['host']} port=5432"
            f" dbname={url.database} user={url.username}\n"
            "[pgbouncer]\npool_mode = transaction\nauth_type = any\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "default_pool_size = 1\n",
            encoding="utf-8",
        )
        process = subprocess.Popen(  # noqa: S603
            [_command(), *_identity(Path(str(url.query["host"]))), str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        through = url.set(host="127.0.0.1", port=port, query={})
        address = through.render_as_string(hide_password=False)
        try:
            _wait_until_it_answers(address)
            yield address
        finally:
            process.terminate()
            process.wait(60)


def _command() -> str:
    found = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    assert Path(found).exists(), "install the package pgbouncer"
    return found


def _identity(socket_folder: Path) -> list[str]:
    """It refuses to be root: then it is who the server is."""
    if os.geteuid() != 0:
        return []
    return ["-u", (socket_folder / ".s.PGSQL.5432").owner()]


def _wait_until_it_answers(address: str) -> None:
    plain = address.replace("+psycopg", "")
    ends = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            psycopg.connect(plain).close()
        except psycopg.OperationalError:
            assert time.monotonic() < ends
            time.sleep(0.05)
        else:
            return
