"""The settings, their kinds and their defaults. Durations are timedeltas."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from dashboard.settings.addresses import (
    ancestors_of,
    connect_of,
    database_url_of,
    host_of,
    is_loopback,
    logs_url_of,
    notify_urls_of,
    origins_of,
    prefix_of,
    script_of,
    web_url,
)
from dashboard.settings.durations import duration_between, duration_of
from dashboard.settings.values import (
    flag_of,
    limits_of,
    number_between,
    one_of,
    text_of,
    texts_of,
    timezone_of,
)

#: The name of the source that is set the short way, by JOBS_DATABASE_URL.
SHORT_WAY: Final = "jobs"
#: What all sources are called (``data.all_sources``).
_ALL: Final = "all"

DatabaseUrl = Annotated[SecretStr, BeforeValidator(database_url_of)]
Engine = Annotated[
    Literal["native", "dbos"],
    BeforeValidator(
        one_of("engine", ("native", "dbos"), later=("procrastinate", "table"))
    ),
]
StallMode = Annotated[
    Literal["fixed"], BeforeValidator(one_of("mode", ("fixed",), later=("adaptive",)))
]
Auth = Annotated[
    Literal["none"],
    BeforeValidator(one_of("sign-in", ("none",), later=("password", "proxy", "oidc"))),
]
Flag = Annotated[bool, BeforeValidator(flag_of)]
Text = Annotated[str, BeforeValidator(text_of)]
Texts = Annotated[tuple[str, ...], BeforeValidator(texts_of)]
Origins = Annotated[tuple[str, ...], BeforeValidator(origins_of)]
Ancestors = Annotated[tuple[str, ...], BeforeValidator(ancestors_of)]
ConnectTo = Annotated[tuple[str, ...], BeforeValidator(connect_of)]
Secret = Annotated[SecretStr, BeforeValidator(text_of)]
SecretUrl = Annotated[SecretStr, BeforeValidator(web_url())]
SecretUrls = Annotated[tuple[SecretStr, ...], BeforeValidator(notify_urls_of)]
Duration = Annotated[timedelta, BeforeValidator(duration_of)]


class SourceSettings(BaseModel):
    """One job database: a table ``[sources.NAME]`` of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: Engine = "native"
    url: DatabaseUrl
    #: shown instead of the name; "" shows the name
    label: Text = ""
    #: where the tables are; "" is the connection's own. (``schema`` is taken by pydantic.)
    schema_name: Text = Field("", alias="schema")
    #: of instants that the tables keep without a zone
    timezone: Annotated[str, BeforeValidator(timezone_of)] = "UTC"
    #: True: no actions, whatever rights the user has
    read_only: Flag = False
    #: our column names to theirs, for the engine ``table``
    mapping: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.mapping:
            raise ValueError('mapping goes with engine = "table" only')
        return self


class Settings(BaseSettings):
    """Everything that can be set; frozen. Made by ``load_settings``."""

    model_config = SettingsConfigDict(
        env_prefix="JOBS_",
        frozen=True,
        extra="forbid",
        validate_default=False,  # they are not raw text
    )

    #: the short way to one source, called ``jobs``
    database_url: DatabaseUrl | None = None
    engine: Engine = "native"
    #: from the file only; read ``sources`` instead
    named_sources: Mapping[str, SourceSettings] = Field(
        default_factory=dict, alias="sources"
    )
    #: Job Manager's own database
    store_url: DatabaseUrl = SecretStr("sqlite:///job-manager.db")
    #: how long a run of a type without a limit of its own may be RUNNING
    stall_after: Duration = timedelta(minutes=30)
    #: limits by job type
    stall_limits: Annotated[Mapping[str, timedelta], BeforeValidator(limits_of)] = (
        Field(default_factory=dict)
    )
    stall_mode: StallMode = "fixed"
    #: job types whose stalls and failures are sent at once
    critical_jobs: Texts = ()
    live: Flag = True
    stall_detection: Flag = True
    error_tracking: Flag = True
    #: template of a link to a run's logs, "" without
    logs_url: Annotated[str, BeforeValidator(logs_url_of)] = ""
    #: longest time between two full reads of a source
    poll_every: Annotated[
        timedelta, BeforeValidator(duration_between("100ms", "1h"))
    ] = timedelta(seconds=2)
    #: how often a page asks by itself; a browser's timer overflows after 24 days
    refresh_every: Annotated[
        timedelta, BeforeValidator(duration_between("100ms", "1d"))
    ] = timedelta(seconds=15)
    #: False: one click cleans up, undo is offered
    cleanup_confirm: Flag = True
    host: Annotated[str, BeforeValidator(host_of)] = "127.0.0.1"
    port: Annotated[int, BeforeValidator(number_between(1, 65_535))] = 8050
    #: server processes
    workers: Annotated[int, BeforeValidator(number_between(1))] = 1
    #: below which path everything lives; starts and ends with a slash
    prefix: Annotated[str, BeforeValidator(prefix_of)] = "/"
    auth: Auth = "none"
    #: signs cookies and embed tokens
    secret_key: Secret | None = None
    #: empty: the listening address; read ``origins`` instead
    public_origins: Origins = ()
    #: portals that may frame it, as CSP spells them
    frame_ancestors: Ancestors = ("'self'",)
    #: a script of one's own, served with the page, "" without
    extra_script: Annotated[str, BeforeValidator(script_of)] = ""
    #: origins that it may talk to
    csp_connect: ConnectTo = ()
    sentry_dsn: SecretUrl | None = None
    error_webhook: SecretUrl | None = None
    notify_urls: SecretUrls = ()
    #: how long errors, rollups by hour and the audit are kept
    retention: Annotated[
        timedelta, BeforeValidator(duration_between("1d", "36500d"))
    ] = timedelta(days=90)
    title: Text = "Job Manager"
    #: "" without
    support_url: Annotated[str, BeforeValidator(web_url(mailto=True))] = ""

    @property
    def sources(self) -> Mapping[str, SourceSettings]:
        """The job databases by name, the short way's first; may be empty."""
        if self.database_url is None:
            return self.named_sources
        short = SourceSettings.model_construct(
            engine=self.engine, url=self.database_url
        )
        return {SHORT_WAY: short, **self.named_sources}

    @property
    def origins(self) -> tuple[str, ...]:
        """Our own public origins; the listening address when none is set."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_origins or (f"http://{host}:{self.port}",)

    @classmethod
    def settings_customise_sources(  # type: ignore[override]
        cls,
        _model: object,
        *,
        init_settings: PydanticBaseSettingsSource,
        **_others: object,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: ``load_settings`` reads, and can name a wrong key."""
        return (init_settings,)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.auth == "none" and not is_loopback(self.host):
            raise ValueError(
                f"impossible combination: JOBS_AUTH = 'none' with JOBS_HOST = {self.host!r}; "
                "allowed without sign-in: 127.0.0.1, ::1, localhost"
            )
        if self.database_url is not None and SHORT_WAY in self.named_sources:
            raise ValueError(
                f"impossible combination: JOBS_DATABASE_URL and [sources.{SHORT_WAY}] make "
                "two sources of one name; allowed: one of them, or another name in the file"
            )
        if self.database_url is None and "engine" in self.model_fields_set:
            raise ValueError(
                f"impossible combination: JOBS_ENGINE = {self.engine!r} without "
                "JOBS_DATABASE_URL; allowed: both, or neither"
            )
        bad = [
            name
            for name in self.named_sources
            if not re.fullmatch(r"[\w.-]{1,60}", name) or name == _ALL
        ]
        if bad:
            raise ValueError(
                f"[sources.{bad[0]!r:.60}]: not a name; allowed: letters, digits, '_', '-', '.', "
                f"but not {_ALL!r}, which means all of them"
            )
        return self
