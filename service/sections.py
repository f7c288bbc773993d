"""What can be set: the tables of the settings file, their keys, types and defaults."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self  # Any: values of `extra` and `params` belong to others

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints, model_validator

from models.backend import ModelSpec
from models.own_key import secrets_of
from router.types import RouterSettings
from store.chunks import Chunking
from store.library import Habits
from store.loaded import Search
from store.redaction import Redaction, checked

Param = str | int | float | bool
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*")
Name = Annotated[str, StringConstraints(pattern=rf"^{NAME.pattern}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Price = Annotated[float, Field(ge=0)]
Pattern = Annotated[str, AfterValidator(checked)]


class Section(BaseModel):
    """A table of the file: no unknown keys, no guessing of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Server(Section):
    """`[server]`: where it listens, who may ask, how much they may send, how long Ctrl-C waits for running answers.

    The log goes to `log_file` (None: stderr). `log_prompts` puts questions and answers into its lines, `access_log`
    adds a line for each request.

    Without a key it answers to names of this machine and to `hosts`. `public_url` is the address by which others reach
    it: links for feedback begin with it.

    An answer may take `max_seconds`, retries, inner calls and fallbacks included. `model_memory_gb` is what the models
    in this process may take on each device, RAM included (None: four fifths of what is free when the first one opens).
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    api_keys: list[Annotated[str, Field(min_length=1)]] = []
    hosts: list[Annotated[str, Field(min_length=1)]] = []
    public_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#]+[^\s?#]*$")] | None = None
    cors_origins: list[str] = []
    max_body_mb: Positive = 32.0
    log_prompts: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    log_file: str | None = None
    access_log: bool = False
    drain_seconds: Positive = 30.0
    max_seconds: Positive = 600.0
    model_memory_gb: Positive | None = None
    max_in_flight: Annotated[int, Field(ge=1)] = 512
    shed_at_memory: Annotated[float, Field(gt=0, le=1)] = 0.92


class StoreTable(Section):
    """`[store]`: the database, and the file in which events wait for it (None: beside the SQLite file).

    A server that is not there at the start is waited for, `wait_seconds`; what other processes on it learned is looked
    for every `poll_seconds`. What is kept of texts: all of them or none, less what matches one of the patterns of
    `redact`; for how many days (None: for ever).
    """

    url: str = "sqlite:///pointsman.db"
    spool: str | None = None
    wait_seconds: Annotated[float, Field(ge=0)] = 30.0
    poll_seconds: Positive = 1.0
    keep_texts: bool = True
    redact: list[Pattern] = []
    retention_days: Annotated[float, Field(gt=0)] | None = None

    def redaction(self) -> Redaction:
        """What the log keeps of texts, as the store takes it."""
        return Redaction(self.keep_texts, self.redact)


class Router(Section):
    """`[router]`: how arms are chosen; `quality` is the dial from cheap (0) to good (1)."""

    policy: str = "layered"
    quality: Share = 0.7
    explore: bool = True
    default_arm: str | None = None
    seed: int | None = None
    params: dict[str, float] = {}

    def spec(self) -> RouterSettings:
        """The same as the router takes it."""
        return RouterSettings(**self.model_dump())


class EmbedderTable(Section):
    """`[embedder]`: a directory or the name of a sentence-transformers model; neither means the packaged one.

    `fast` runs a BERT encoder in ONNX Runtime, its graph kept in the folder `cache` (None: the user's).
    """

    path: str | None = None
    name: str | None = None
    fast: bool = True
    cache: str | None = None


class ModelTable(Section):
    """`[models.NAME]`: one model; prices in dollars per million tokens, times in seconds.

    At most `concurrency` calls run and `queue` wait; `rpm` and `tpm` are calls and tokens per minute. An in_process
    model is loaded at the start or on demand, and unloaded after so many seconds without a call.
    """

    backend: str
    path: str | None = None
    model: str | None = None
    api_base: str | None = None
    api_key_env: str | None = None
    device: str | None = None
    dtype: str | None = None
    concurrency: Annotated[int, Field(ge=1)] = 16
    queue: Annotated[int, Field(ge=0)] = 64
    rpm: Annotated[int, Field(ge=1)] | None = None
    tpm: Annotated[int, Field(ge=1)] | None = None
    load: Literal["start", "demand"] = "start"
    unload_after: Positive | None = None
    timeout: Positive = 120.0
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    usd_per_1m_in: Price | None = None
    usd_per_1m_out: Price | None = None
    gpu_seconds_per_1k: Price | None = None
    offers: list[str] = []
    role: str = ""
    extra: dict[str, Any] = {}
    _api_key: str | None = PrivateAttr(default=None)  # the value of the variable that api_key_env names
    _deployments: tuple[ModelSpec, ...] = PrivateAttr(default=())  # of a model in a LiteLLM list

    @model_validator(mode="after")
    def _only_what_lives_here_is_loaded(self) -> Self:
        if self.load == "demand" and self.backend != "in_process":
            raise ValueError('load = "demand" is for in_process models: others are loaded by their servers')
        if self.unload_after is not None and self.load != "demand":
            raise ValueError('unload_after needs load = "demand": a model that is loaded at the start stays')
        return self

    def spec(self) -> ModelSpec:
        """The same as a back-end takes it, with the key itself in the place of its variable's name."""
        plain = self.model_dump(include=set(ModelTable.model_fields) - {"api_key_env", "offers"})
        key, servers = self._api_key, self._deployments
        return ModelSpec(**plain, api_key=key, offers=frozenset(self.offers), deployments=servers)


class ServerTable(ModelTable):
    """`[servers.NAME]`: an OpenAI-compatible server, or Ollama, all of whose models are served.

    `include` and `exclude` are globs of their ids; the list is read anew every `refresh_seconds`. All other keys are
    those of `[models.NAME]` and hold for each of its models.
    """

    backend: str = "remote"
    include: list[str] = []
    exclude: list[str] = []
    refresh_seconds: Positive = 60.0

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if self.api_base is None or self.backend != "remote" or self.model is not None:
            raise ValueError("a server needs an api_base, and neither a model nor another backend")
        return self


class Strategies(Section):
    """`[strategies]`: which are enabled (None: all), and `[strategies.NAME]`: their parameters."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    __pydantic_extra__: dict[str, dict[str, Param]] = Field(init=False)

    enabled: list[str] | None = None

    @property
    def params(self) -> Mapping[str, Mapping[str, Param]]:
        """The parameters that are set, by the name of the strategy."""
        return self.__pydantic_extra__


class ChunkingTable(Section):
    """`[knowledge.chunking]`: the words of a passage, at least (shorter blocks join the next one) and at most."""

    least: Annotated[int, Field(ge=1, le=1000)] = 8
    most: Annotated[int, Field(ge=16, le=2000)] = 100


class Knowledge(Section):
    """`[knowledge]`: documents (files or folders) that are in the library from the start; how it cuts and searches."""

    documents: list[str] = []
    screening: bool = True
    search: Search = "hybrid"
    chunking: ChunkingTable = ChunkingTable()

    def habits(self) -> Habits:
        """How the library cuts documents and searches, as the store takes it."""
        return Habits(Chunking(self.chunking.least, self.chunking.most), self.search)


class GuardsTable(Section):
    """`[guards]`: whether the history of another task is left out; the moderator ("terms", the name of a model, or
    none), and the file with its terms."""

    task_switch: bool = True
    moderator: str = ""
    terms: str | None = None


class LiteLLMTable(Section):
    """`[litellm]`: a model list in the format of LiteLLM's proxy (service/litellm_list.py), beside `[models]`."""

    config: str | None = None


class Telemetry(Section):
    """`[telemetry]`: the OpenTelemetry collector that gets traces (None: nobody does), by OTLP over HTTP.

    `sample` is the share of runs that are traced where the caller has not decided; with `capture_content` questions and
    answers are in the spans.
    """

    otlp_endpoint: Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+")] | None = None
    service_name: Annotated[str, Field(min_length=1)] = "pointsman"
    capture_content: bool = False
    sample: Share = 1.0


class Settings(Section):
    """Everything that can be set."""

    server: Server = Server()
    store: StoreTable = StoreTable()
    router: Router = Router()
    embedder: EmbedderTable = EmbedderTable()
    models: dict[Name, ModelTable] = {}
    servers: dict[Name, ServerTable] = {}
    strategies: Strategies = Strategies()
    knowledge: Knowledge = Knowledge()
    guards: GuardsTable = GuardsTable()
    telemetry: Telemetry = Telemetry()
    litellm: LiteLLMTable = LiteLLMTable()

    @property
    def secrets(self) -> list[str]:
        """What no line of the log may hold: the keys of this service and those of the models' servers."""
        specs = [table.spec() for table in (*self.models.values(), *self.servers.values())]
        given = [key for spec in specs for one in (spec, *spec.deployments) for key in secrets_of(one)]
        return [*self.server.api_keys, *given]
