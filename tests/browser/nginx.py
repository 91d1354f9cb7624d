"""A real nginx in front of the product, with the files of ``deploy/``."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.browser.waiting import LIMIT_S, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
#: What is in deploy/ for each way to hand on the prefix.
WAYS = {"keep": "nginx-keep.conf", "strip": "nginx-strip.conf"}
#: Answered before the product is asked.
BLOCKED = "location /jobs/live { return 403; }"

_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {servers}
}}
"""


def binary() -> str:
    """Where nginx is: Debian's is on no ordinary user's path."""
    return shutil.which("nginx") or "/usr/sbin/nginx"


def location(way: str, port: int) -> str:
    """The file of ``deploy/``, with the product on this port."""
    return (DEPLOY / WAYS[way]).read_text().replace(":8050", f":{port}")


def server_block(port: int, *parts: str) -> str:
    """A server on this port of the loopback."""
    inside = "\n".join(parts)
    return f"server {{\n  listen 127.0.0.1:{port};\n{inside}\n}}"


def page_of(html: str) -> str:
    """A location that answers this page; the text is in one line, in single quotes."""
    return f"location / {{ default_type text/html; return 200 '{html}'; }}"


def is_sound(folder: Path, *servers: str) -> subprocess.CompletedProcess[str]:
    """What ``nginx -t`` says of these servers."""
    return subprocess.run(  # noqa: S603
        [*_command(folder, servers), "-t"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@contextmanager
def nginx(folder: Path, port: int, *servers: str) -> Iterator[None]:
    """nginx with these servers, for as long as the block takes; answers on ``port``."""
    process = subprocess.Popen(_command(folder, servers))  # noqa: S603
    try:
        wait_until(
            lambda: httpx.get(f"http://127.0.0.1:{port}/jobs/healthz", timeout=2)
        )
        yield
    finally:
        process.terminate()
        process.wait(timeout=LIMIT_S)


def _command(folder: Path, servers: tuple[str, ...]) -> list[str]:
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, servers="\n".join(servers)))
    log = str(folder / "error.log")
    return [binary(), "-e", log, "-p", str(folder), "-c", str(config)]
