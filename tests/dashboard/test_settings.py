from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.settings import Settings, SettingsError, duration_of, load_settings

POSTGRES = "postgresql://jobs:geheim@db.example:5432/orders"
DURATIONS = "allowed: 90s, 30m, 2h, 1d, 1h30m or ISO 8601 like PT30M"


@pytest.fixture
def load(tmp_path):
    def load(file: str | None = None, **environ: str) -> Settings:
        if file is not None:
            (tmp_path / "job-manager.toml").write_text(file, encoding="utf-8")
        return load_settings(environ, directory=tmp_path)

    return load


@pytest.fixture
def complaint(load):
    """The line that is said about wrong settings."""

    def complaint(file: str | None = None, **environ: str) -> str:
        with pytest.raises(SettingsError) as caught:
            load(file, **environ)
        line = str(caught.value)
        assert line.isprintable()
        assert "geheim" not in line
        return line

    return complaint


def plain(value: object) -> object:
    """A secret's content, everything else as it is."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


DEFAULTS = {
    "database_url": None,
    "engine": "native",
    "store_url": "sqlite:///job-manager.db",
    "stall_after": timedelta(minutes=30),
    "stall_limits": {},
    "stall_mode": "fixed",
    "critical_jobs": (),
    "live": True,
    "stall_detection": True,
    "error_tracking": True,
    "logs_url": "",
    "poll_every": timedelta(seconds=2),
    "refresh_every": timedelta(seconds=15),
    "cleanup_confirm": True,
    "host": "127.0.0.1",
    "port": 8050,
    "workers": 1,
    "prefix": "/",
    "auth": "none",
    "secret_key": None,
    "public_origins": (),
    "frame_ancestors": ("'self'",),
    "extra_script": "",
    "csp_connect": (),
    "sentry_dsn": None,
    "error_webhook": None,
    "notify_urls": (),
    "retention": timedelta(days=90),
    "title": "Job Manager",
    "support_url": "",
}


def test_every_setting_has_its_default(load):
    settings = load()

    assert {key: plain(getattr(settings, key)) for key in DEFAULTS} == DEFAULTS
    assert set(Settings.model_fields) == {*DEFAULTS, "named_sources"}
    assert settings.sources == {}


# fmt: off
GOOD = [
    ("stall_after", "90s", timedelta(seconds=90)),
    ("stall_after", "1h30m", timedelta(minutes=90)),
    ("stall_after", " 1h 30m ", timedelta(minutes=90)),
    ("stall_after", "2H", timedelta(hours=2)),
    ("stall_after", "1d", timedelta(days=1)),
    ("stall_after", "1ms", timedelta(milliseconds=1)),
    ("stall_after", "36500d", timedelta(days=36_500)),
    ("stall_after", "PT30M", timedelta(minutes=30)),
    ("stall_after", "P1DT2H", timedelta(hours=26)),
    ("stall_after", "P2W", timedelta(weeks=2)),
    ("stall_limits", '{"match-scores": "2h"}', {"match-scores": timedelta(hours=2)}),
    ("stall_limits", "{}", {}),
    ("stall_mode", "fixed", "fixed"),
    ("critical_jobs", "a, b,", ("a", "b")),
    ("critical_jobs", '["a,b"]', ("a,b",)),
    ("live", "off", False),
    ("stall_detection", "No", False),
    ("error_tracking", "0", False),
    ("cleanup_confirm", "false", False),
    ("cleanup_confirm", "yes", True),
    ("live", "TRUE", True),
    ("logs_url", "https://logs/{run_id}?w={worker}", "https://logs/{run_id}?w={worker}"),
    ("poll_every", "100ms", timedelta(milliseconds=100)),
    ("poll_every", "1h", timedelta(hours=1)),
    ("refresh_every", "1d", timedelta(days=1)),
    ("host", "localhost", "localhost"),
    ("host", "127.9.9.9", "127.9.9.9"),
    ("host", "[::1]", "::1"),
    ("port", "1", 1),
    ("port", "65535", 65_535),
    ("workers", "4", 4),
    ("prefix", "/", "/"),
    ("prefix", "ops", "/ops/"),
    ("prefix", "/ops/jobs", "/ops/jobs/"),
    ("auth", "none", "none"),
    ("secret_key", "geheim", "geheim"),
    ("public_origins", "https://A.example:443, http://b:81", ("https://a.example", "http://b:81")),
    ("public_origins", '["http://[::1]:8050"]', ("http://[::1]:8050",)),
    ("frame_ancestors", "self,https://p.example", ("'self'", "https://p.example")),
    ("frame_ancestors", "'self'", ("'self'",)),
    ("extra_script", "https://r.example.org/replay.js", "https://r.example.org/replay.js"),
    ("csp_connect", "https://*.r.example,wss://r.example", ("https://*.r.example", "wss://r.example")),
    ("sentry_dsn", "https://geheim@sentry.example/1", "https://geheim@sentry.example/1"),
    ("error_webhook", "https://hooks.example/geheim", "https://hooks.example/geheim"),
    ("notify_urls", "mailto://u:p@m?to=a,b, slack://t", ("mailto://u:p@m?to=a,b", "slack://t")),
    ("retention", "1d", timedelta(days=1)),
    ("title", "Aufträge", "Aufträge"),
    ("support_url", "mailto:ops@example.org", "mailto:ops@example.org"),
    ("support_url", "https://help.example/", "https://help.example/"),
    ("store_url", "sqlite:////var/lib/jobs.db", "sqlite:////var/lib/jobs.db"),
    ("store_url", POSTGRES, POSTGRES.replace("postgresql", "postgresql+psycopg")),
    ("database_url", "postgres://h/d", "postgresql+psycopg://h/d"),
    ("database_url", "postgresql+asyncpg://h/d", "postgresql+psycopg://h/d"),
    ("database_url", "sqlite+aiosqlite:///x.db", "sqlite:///x.db"),
    ("database_url", "postgresql:///d?host=/run/pg", "postgresql+psycopg:///d?host=%2Frun%2Fpg"),
]
# fmt: on


@pytest.mark.parametrize(("key", "raw", "meant"), GOOD, ids=lambda part: str(part)[:40])
def test_a_good_value_is_read(load, key, raw, meant):
    settings = load(**{f"JOBS_{key.upper()}": raw})

    assert plain(getattr(settings, key)) == meant


# fmt: off
BAD = [
    ("stall_after", "soon", f"not a duration; {DURATIONS}"),
    ("stall_after", "30", f"not a duration; {DURATIONS}"),
    ("stall_after", "-1h", f"not a duration; {DURATIONS}"),
    ("stall_after", "PT", f"not a duration; {DURATIONS}"),
    ("stall_after", "P", f"not a duration; {DURATIONS}"),
    ("stall_after", "٣m", f"not a duration; {DURATIONS}"),
    ("stall_after", "0s", f"must be more than 0 and at most 36500d; {DURATIONS}"),
    ("stall_after", "36501d", f"must be more than 0 and at most 36500d; {DURATIONS}"),
    ("stall_after", "9" * 20 + "d", f"must be more than 0 and at most 36500d; {DURATIONS}"),
    ("stall_limits", "2h", 'not durations by job type; allowed: {"match-scores": "2h"}'),
    ("stall_limits", '{" ": "2h"}', 'not durations by job type; allowed: {"match-scores": "2h"}'),
    ("stall_limits", '{"a": 5}', f"'a' has 5: not a duration; {DURATIONS}"),
    ("stall_mode", "adaptive", "mode 'adaptive' is not available yet; allowed: fixed"),
    ("stall_mode", "fast", "mode 'fast' is unknown; allowed: fixed"),
    ("critical_jobs", '["a"', 'not a list of texts; allowed: a,b or ["a", "b"]'),
    ("live", "maybe", "neither on nor off; allowed: on, off, true, false, 1, 0, yes, no"),
    ("logs_url", "ftp://logs/", "not a link to logs; allowed: https://..., with "),
    ("logs_url", "https://l/{job}", "not a link to logs; allowed: https://..., with "),
    ("logs_url", "https://l/{run_id", "not a link to logs; allowed: https://..., with "),
    ("logs_url", "https://l/{run_id!r}", "not a link to logs; allowed: https://..., with "),
    ("logs_url", "https://{worker}/", "not a link to logs; allowed: https://..., with "),
    ("poll_every", "99ms", "out of range; allowed: 100ms to 1h"),
    ("refresh_every", "25h", "out of range; allowed: 100ms to 1d"),
    ("retention", "23h", "out of range; allowed: 1d to 36500d"),
    ("host", "a b", "not a host; allowed: an IP address or a name, without a port"),
    ("host", "127.0.0.1:80", "not a host; allowed: an IP address or a name, without a port"),
    ("port", "0", "not a number in range; allowed: 1 to 65535"),
    ("port", "65536", "not a number in range; allowed: 1 to 65535"),
    ("port", "-1", "not a number in range; allowed: 1 to 65535"),
    ("port", "8_050", "not a number in range; allowed: 1 to 65535"),
    ("workers", "0", "not a number in range; allowed: 1 or more"),
    ("prefix", "a//b", "not a path; allowed: "),
    ("prefix", "/../", "not a path; allowed: "),
    ("prefix", "/a b/", "not a path; allowed: "),
    ("prefix", "/a?b/", "not a path; allowed: "),
    ("prefix", "//evil.example/", "not a path; allowed: "),
    ("auth", "oidc", "sign-in 'oidc' is not available yet; allowed: none"),
    ("auth", "password", "sign-in 'password' is not available yet; allowed: none"),
    ("auth", "proxy", "sign-in 'proxy' is not available yet; allowed: none"),
    ("auth", "off", "sign-in 'off' is unknown; allowed: none"),
    ("public_origins", "https://a/", "not an origin; allowed: http://host[:port] or "),
    ("public_origins", "https://a?b", "not an origin; allowed: http://host[:port] or "),
    ("public_origins", "a.example", "not an origin; allowed: http://host[:port] or "),
    ("public_origins", "https://u@a", "not an origin; allowed: http://host[:port] or "),
    ("public_origins", "https://a:99999", "not an origin; allowed: http://host[:port] or "),
    ("public_origins", "https://*.a", "not an origin; allowed: http://host[:port] or "),
    ("public_origins", "null", "not an origin; allowed: http://host[:port] or "),
    ("frame_ancestors", "*", "not an origin; allowed: http://host[:port] or "),
    ("frame_ancestors", "https://a; script-src *", "not an origin; allowed: "),
    ("csp_connect", "https://a b", "not an origin; allowed: "),
    ("title", "a\nb", "allowed: one line of text, at most 2000 characters"),
    ("support_url", "javascript:alert(1)", "not a web address; allowed: "),
    ("support_url", "mailto:", "not a web address; allowed: "),
]
# fmt: on


@pytest.mark.parametrize(("key", "raw", "reason"), BAD, ids=lambda part: str(part)[:40])
def test_a_bad_value_is_named_with_what_is_allowed(complaint, key, raw, reason):
    variable = f"JOBS_{key.upper()}"

    assert complaint(**{variable: raw}).startswith(f"{variable} = {raw!r}: {reason}")


# fmt: off
HIDDEN = [
    ("database_url", "mysql://u:geheim@h/d", "'mysql://***': this database is not supported; "),
    ("database_url", "postgresql://u:geheim@h:x/d", "'postgresql://***': not a database address; "),
    ("database_url", "geheim", "'***': not a database address; "),
    ("database_url", "sqlite://", "'sqlite://***': SQLite needs a file; "),
    ("store_url", "sqlite:///:memory:", "'sqlite://***': SQLite needs a file; "),
    ("secret_key", "geheim\x00", "'***': allowed: one line of text"),
    ("sentry_dsn", "geheim@sentry.example", "'***': not a web address; "),
    ("error_webhook", "ftp://geheim", "'ftp://***': not a web address; "),
    ("notify_urls", "geheim", "'***': not addresses; "),
]
# fmt: on


@pytest.mark.parametrize(("key", "raw", "said"), HIDDEN)
def test_a_bad_secret_is_not_repeated(complaint, key, raw, said):
    variable = f"JOBS_{key.upper()}"

    assert complaint(**{variable: raw}).startswith(f"{variable} = {said}")


def test_no_secret_is_printed_with_the_settings(load):
    settings = load(
        JOBS_DATABASE_URL=POSTGRES,
        JOBS_STORE_URL=POSTGRES,
        JOBS_SECRET_KEY="geheim",
        JOBS_NOTIFY_URLS="slack://geheim",
        JOBS_SENTRY_DSN="https://geheim@s/1",
        JOBS_ERROR_WEBHOOK="https://h/geheim",
    )

    assert "geheim" not in f"{settings!r} {settings} {settings.sources}"


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        (
            "JOBS_STAL_AFTER",
            "'geHeim': unknown setting; did you mean JOBS_STALL_AFTER?",
        ),
        ("JOBS_DATABSE_URL", "'***': unknown setting; did you mean JOBS_DATABASE_URL?"),
        ("JOBS_CONFG", "'***': unknown setting; did you mean JOBS_CONFIG?"),
        (
            "JOBS_XYZZY",
            "'***': unknown setting; allowed: JOBS_AUTH, JOBS_CLEANUP_CONFIRM, ",
        ),
        ("JOBS_SOURCES", "'***': unknown setting; allowed: JOBS_AUTH, "),
        ("JOBS__ENV_FILE", "'***': unknown setting; allowed: JOBS_AUTH, "),
    ],
)
def test_an_unknown_variable_is_named(complaint, variable, said):
    assert complaint(**{variable: "geHeim"}).startswith(f"{variable} = {said}")


def test_variables_of_other_programs_and_empty_ones_do_not_matter(load):
    settings = load(
        'logs_url = ""', JOB_PORT="x", PATH="/bin", JOBS_LOGS_URL="", JOBS_TITLE=" "
    )

    assert settings == load()


# fmt: off
FILES = [
    ('stal_after = "1h"', "stal_after = '1h': unknown setting; did you mean stall_after?"),
    ("JOBS_PORT = 3", "JOBS_PORT = 3: unknown setting; did you mean port?"),
    ('config = "x"', "config = '***': unknown setting; allowed: auth, "),
    ('named_sources = "x"', "named_sources = 'x': unknown setting; did you mean sources?"),
    ("stall_after = 30", f"stall_after = 30: not a duration; {DURATIONS}"),
    ("port = true", "port = True: not a number in range; allowed: 1 to 65535"),
    ("port = 1.5", "port = 1.5: not a number in range; allowed: 1 to 65535"),
    ("title = 3", "title = 3: allowed: one line of text, at most 2000 characters"),
    ("critical_jobs = ['a', 3]", "critical_jobs = ['a', 3]: not a list of texts; "),
    ("port = \n", "not TOML: Invalid value (at line 1, column 8)"),
    ("sources = 3", "[sources]: not a table; allowed: [sources.NAME] with url = ..."),
    ("[sources]\na = 3", "[sources.a]: not a table; allowed: [sources.NAME] with url = ..."),
    ("[sources.a]", "[sources.a] url is missing; allowed: the address of a database"),
    ("[sources.a]\nurl = 'geheim'", "[sources.a] url = '***': not a database address; "),
]
# fmt: on


@pytest.mark.parametrize(("file", "said"), FILES)
def test_a_wrong_line_of_the_file_is_named_with_the_file(complaint, file, said):
    assert complaint(file).startswith(f"job-manager.toml: {said}")


# fmt: off
SOURCES = [
    ("engin = 'native'", " engin = 'native': unknown setting; did you mean engine?"),
    ("ulr = 'geheim'", " ulr = '***': unknown setting; did you mean url?"),
    ("password = 'geheim'", " password = '***': unknown setting; allowed: engine, label, "),
    ("engine = 'oban'", " engine = 'oban': engine 'oban' is unknown; allowed: native, dbos"),
    ("engine = 'table'", " engine = 'table': engine 'table' is not available yet; allowed: "),
    ("engine = 'cron'", " engine = 'cron': engine 'cron' is unknown; allowed: native, dbos"),
    ("timezone = 'Mars'", " timezone = 'Mars': not a time zone; allowed: "),
    ("timezone = '../x'", " timezone = '../x': not a time zone; allowed: "),
    ("read_only = 'sure'", " read_only = 'sure': neither on nor off; allowed: "),
    ("label = 3", " label = 3: allowed: one line of text, at most 2000 characters"),
    ("mapping = {id = 'nr'}", ': mapping goes with engine = "table" only'),
]
# fmt: on


@pytest.mark.parametrize(("line", "said"), SOURCES)
def test_a_wrong_line_of_a_source_is_named_with_its_table(complaint, line, said):
    file = f"[sources.orders]\nurl = 'sqlite:///x.db'\n{line}"

    assert complaint(file).startswith(f"job-manager.toml: [sources.orders]{said}")


def test_a_source_is_read_whole(load):
    source = load(
        f"""
        [sources.orders]
        engine = "native"
        url = "{POSTGRES}"
        label = "Orders (EU)"
        schema = "ops"
        timezone = "Europe/Berlin"
        read_only = true
        """
    ).sources["orders"]

    assert plain(source.url) == POSTGRES.replace("postgresql", "postgresql+psycopg")
    assert (source.engine, source.label, source.schema_name) == (
        "native",
        "Orders (EU)",
        "ops",
    )
    assert (source.timezone, source.read_only) == ("Europe/Berlin", True)


def test_the_short_way_makes_a_source_called_jobs_and_comes_first(load):
    settings = load(
        "[sources.orders]\nurl = 'sqlite:///orders.db'",
        JOBS_DATABASE_URL="sqlite:///jobs.db",
    )

    assert {name: plain(source.url) for name, source in settings.sources.items()} == {
        "jobs": "sqlite:///jobs.db",
        "orders": "sqlite:///orders.db",
    }
    assert list(settings.sources) == ["jobs", "orders"]
    assert settings.sources["jobs"].engine == "native"


SHORT: Mapping[str, str] = {"JOBS_DATABASE_URL": "sqlite:///x.db"}


@pytest.mark.parametrize(
    ("file", "environ", "said"),
    [
        (
            "[sources.jobs]\nurl = 'sqlite:///y'",
            SHORT,
            "JOBS_DATABASE_URL and [sources.jobs] ",
        ),
        (
            "",
            {"JOBS_ENGINE": "native"},
            "JOBS_ENGINE = 'native' without JOBS_DATABASE_URL",
        ),
        ("", {"JOBS_HOST": "0.0.0.0"}, "JOBS_AUTH = 'none' with JOBS_HOST = '0.0.0.0'"),  # noqa: S104
        ("", {"JOBS_HOST": "::"}, "JOBS_AUTH = 'none' with JOBS_HOST = '::'"),
        (
            "",
            {"JOBS_HOST": "128.0.0.1"},
            "JOBS_AUTH = 'none' with JOBS_HOST = '128.0.0.1'",
        ),
        (
            "",
            {"JOBS_HOST": "localhost.example"},
            "JOBS_AUTH = 'none' with JOBS_HOST = ",
        ),
        (
            "host = '10.0.0.1'",
            {"JOBS_AUTH": "none"},
            "JOBS_AUTH = 'none' with JOBS_HOST = ",
        ),
    ],
)
def test_an_impossible_combination_is_refused(complaint, file, environ, said):
    line = complaint(file, **environ)

    assert line.startswith(f"impossible combination: {said}")
    assert "; allowed" in line


def test_a_source_needs_a_name_that_fits_an_address(complaint):
    line = complaint("[sources.'a b']\nurl = 'sqlite:///x.db'")

    assert line == (
        "[sources.'a b']: not a name; allowed: letters, digits, '_', '-', '.', "
        "but not 'all', which means all of them"
    )
    assert complaint("[sources.all]\nurl = 'sqlite:///x.db'").startswith(
        "[sources.'all'"
    )


def test_the_environment_beats_the_file(load):
    settings = load('port = 9000\ntitle = "File"', JOBS_PORT="9001")

    assert (settings.port, settings.title) == (9001, "File")


def test_the_file_takes_tables_lists_and_booleans(load):
    settings = load("live = false\ncritical_jobs = ['a']\n[stall_limits]\nb = '2h'")

    assert not settings.live
    assert settings.critical_jobs == ("a",)
    assert settings.stall_limits == {"b": timedelta(hours=2)}


def test_the_file_may_have_another_name(load, tmp_path):
    (tmp_path / "other.toml").write_text("port = 9000", encoding="utf-8")

    assert load("port = 1", JOBS_CONFIG="other.toml").port == 9000
    assert load(JOBS_CONFIG=str(tmp_path / "other.toml")).port == 9000


def test_a_named_file_must_be_there(complaint):
    line = complaint(JOBS_CONFIG="none.toml")

    assert (
        line
        == "JOBS_CONFIG = 'none.toml': No such file or directory; allowed: a TOML file"
    )


def test_a_file_that_is_not_text_is_named(tmp_path):
    (tmp_path / "job-manager.toml").write_bytes(b"\xff")

    with pytest.raises(SettingsError, match="not TOML: 'utf-8' codec"):
        load_settings({}, directory=tmp_path)


@pytest.mark.parametrize(
    ("environ", "origins"),
    [
        ({}, ("http://127.0.0.1:8050",)),
        ({"JOBS_HOST": "::1", "JOBS_PORT": "80"}, ("http://[::1]:80",)),
        ({"JOBS_PUBLIC_ORIGINS": "https://jobs.example"}, ("https://jobs.example",)),
    ],
)
def test_our_origins_are_the_public_ones_or_the_listening_address(
    load, environ, origins
):
    assert load(**environ).origins == origins


def test_nothing_is_read_but_what_is_passed_in(monkeypatch, tmp_path):
    monkeypatch.setenv("JOBS_PORT", "9000")
    monkeypatch.chdir(tmp_path)
    Path("job-manager.toml").write_text("port = 9001", encoding="utf-8")

    assert load_settings({}, directory=tmp_path / "elsewhere").port == 8050


@given(st.integers(0, 99), st.integers(0, 99), st.integers(1, 99))
def test_both_spellings_of_a_duration_agree(hours, minutes, seconds):
    spelled = f"{hours}h{minutes}m{seconds}s"

    assert duration_of(spelled) == duration_of(f"PT{spelled.upper()}")
    assert duration_of(spelled) == timedelta(
        hours=hours, minutes=minutes, seconds=seconds
    )


@given(st.text())
def test_any_text_is_a_duration_or_refused_in_words(text):
    try:
        assert duration_of(text) > timedelta(0)
    except ValueError as error:
        assert "allowed: " in str(error)  # noqa: PT017 - both outcomes are fine
