"""What can be set: the tables of the settings file, their keys, types and defaults."""

from collections.abc import Mapping
from typing import Annotated, Any  # Any: values of `extra` and `params` belong to the back-end or the strategy

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints

from models.backend import ModelSpec
from router.types import RouterSettings
from store.chunks import Chunking
from store.library import Habits
from store.loaded import Search

Param = str | int | float | bool
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Price = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """A table of the file: no unknown keys, no guessing of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Server(Section):
    """`[server]`: where it listens, who may ask, how much they may send, how long Ctrl-C waits for running answers.

    `model_memory_gb` is what the models in this process may take on each device, RAM included (None: four fifths of
    what is free when the first one opens).
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    api_keys: list[str] = []
    cors_origins: list[str] = []
    max_body_mb: Positive = 10.0
    drain_seconds: Positive = 30.0
    model_memory_gb: Positive | None = None


class StoreTable(Section):
    """`[store]`: the database, and the file in which events wait for it (None: beside the SQLite file)."""

    url: str = "sqlite:///pointsman.db"
    spool: str | None = None


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
    """`[models.NAME]`: one model; prices in dollars per million tokens, times in seconds."""

    backend: str
    path: str | None = None
    model: str | None = None
    api_base: str | None = None
    api_key_env: str | None = None
    device: str | None = None
    dtype: str | None = None
    concurrency: Annotated[int, Field(ge=1)] = 16
    timeout: Positive = 120.0
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    usd_per_1m_in: Price | None = None
    usd_per_1m_out: Price | None = None
    gpu_seconds_per_1k: Price | None = None
    offers: list[str] = []
    role: str = ""
    extra: dict[str, Any] = {}
    _api_key: str | None = PrivateAttr(default=None)  # the value of the variable that api_key_env names

    def spec(self) -> ModelSpec:
        """The same as a back-end takes it, with the key itself in the place of its variable's name."""
        plain = self.model_dump(exclude={"api_key_env", "offers"})
        return ModelSpec(**plain, api_key=self._api_key, offers=frozenset(self.offers))


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


class Settings(Section):
    """Everything that can be set."""

    server: Server = Server()
    store: StoreTable = StoreTable()
    router: Router = Router()
    embedder: EmbedderTable = EmbedderTable()
    models: dict[Name, ModelTable] = {}
    strategies: Strategies = Strategies()
    knowledge: Knowledge = Knowledge()
    guards: GuardsTable = GuardsTable()
