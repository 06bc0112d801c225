"""What is asked, whom, the request and its response: frozen, slotted, units in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Protocol

from loki.abilities import Abilities
from loki.json_text import JsonObject
from loki.messages import Message, Tool, as_turns
from loki.price import Price, read_dollars
from loki.record import record

Task = Literal["chat", "embedding", "reranker"]


@record
class Limits:
    """How long to wait and how often to try; None: not said here. Times in seconds."""

    connect: float | None = None
    idle: float | None = None  # between two bytes
    total: float | None = None  # over all attempts
    retries: int | None = None  # after the first attempt
    max_wait: float | None = None  # the longest pause a server may ask for
    proxy: str | None = field(default=None, repr=False)  # "" is: none at all
    ca_bundle: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    retry_after_send: bool | None = None
    deadline: float | None = None  # of the total, on the clock of Env; None: it has not begun


if TYPE_CHECKING:

    class Turns:
        """How type checkers see a field that takes a text, or turns, and always holds turns."""

        def __get__(self, ask: object, kind: object) -> tuple[Message, ...]:
            """Return the turns."""

        def __set__(self, ask: object, messages: str | Sequence[Message]) -> None:
            """Set them."""

    class Dollars:
        """How type checkers see a field that takes any number, and always holds a Decimal."""

        def __get__(self, ask: object, kind: object) -> Decimal | None:
            """Return the amount."""

        def __set__(self, ask: object, amount: Decimal | float | str | None) -> None:
            """Set it."""


@record
class Ask:
    """What one call wants; everything that is None is left to the configuration or the model.

    >>> Ask("Say hello.", model="openai:gpt-4.1").messages[0].content
    'Say hello.'
    """

    messages: Turns = field(  # type: ignore[assignment]
        default=(), metadata={"convert": as_turns, "type": "str | Sequence[Message]"}
    )  # a text is one turn of the user's; it always holds turns
    model: str | None = None  # client:model, or a client alone
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning: str | int | None = None  # none, minimal, low … max, or a budget in tokens
    schema: JsonObject | None = None  # JSON Schema the answer must meet
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None  # auto, none, required, or a tool's name
    server_tools: tuple[JsonObject, ...] = ()  # the provider's own, as its manual writes them
    search: bool = False  # the web, by the provider's own tool
    stream: bool | None = None
    raw: bool = False  # the provider's own bytes are wanted too, as Raw events
    max_cost: Dollars = field(  # type: ignore[assignment]
        default=None, metadata={"convert": read_dollars, "type": "Decimal | float | str | None"}
    )  # US dollars, of the worst case; it always holds a Decimal
    limits: Limits = Limits()  # how long to wait, how often to try
    texts: tuple[str, ...] = field(default=(), repr=False)  # to embed, or to rank
    query: str = field(default="", repr=False)  # what the texts are ranked by
    purpose: Literal["query", "document"] | None = None  # of what is embedded
    dimensions: int | None = None  # of the vectors
    encoding: Literal["float", "base64"] = "float"  # how the vectors travel
    top: int | None = None  # how many of the best are wanted
    tag: str = ""  # a label for the ledger


# ---- whom to ask -----------------------------------------------------------------------------


@record
class Patch:
    """A user's change to a request: url replaces, body merges (RFC 7396), a null header goes."""

    url: str | None = field(default=None, repr=False)
    body: JsonObject | None = field(default=None, repr=False)
    headers: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    origin: str = ""  # who asked for it, for --explain


@record
class Model:
    """A model of a client, with what is known of it; sizes in tokens, None is unknown."""

    name: str
    real_name: str
    type: Task = "chat"
    price: Price = Price()
    patch: Patch | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    require_max_tokens: bool = False
    abilities: Abilities = Abilities()
    no_stream: bool = False
    no_system_message: bool = False
    system_prompt_prefix: str = ""
    max_batch_size: int | None = None  # texts in one request
    max_tokens_per_chunk: int | None = None
    default_chunk_size: int | None = None  # in tokens
    endpoint: str = ""
    default_reasoning_effort: str | int | None = None  # where an ask does not say
    origin: str = ""  # where it was found, for --explain

    @property
    def supports_vision(self) -> bool | None:
        """Return whether it takes images, None where nobody knows."""
        return self.abilities.vision

    @property
    def supports_function_calling(self) -> bool | None:
        """Return whether it calls tools, None where nobody knows."""
        return self.abilities.tools


@record
class Setting:
    """A client's setting: the value itself, or (``source``) where its value is to be had."""

    value: str = field(repr=False)
    source: Literal["literal", "name", "cmd", "file"] = "literal"
    origin: str = ""  # where it was set, for --explain and messages


@record
class Client:
    """A configured provider; ``patches`` are (whole-name pattern, patch), by request kind."""

    name: str
    type: str
    settings: Mapping[str, Setting]
    models: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)  # as configured
    patches: Mapping[str, tuple[tuple[str, Patch], ...]] = field(default_factory=dict)
    limits: Limits = Limits()
    oauth: Mapping[str, Any] = field(default_factory=dict, repr=False)  # as configured


class Catalogue(Protocol):
    """What is known of models beside the configuration; see loki.config.catalogue."""

    def models(self, client: Client) -> tuple[Model, ...]:
        """Return a client's models: those the configuration lists, else the catalogue's."""

    def entries(self, client: Client) -> Mapping[str, JsonObject]:
        """Return the catalogue's entries for a client, by the name of the model."""

    def find_model(self, client: Client, name: str) -> Model | None:
        """Return a client's model by its name."""

    def first_model(self, client: Client, task: Task) -> Model | None:
        """Return a client's first model for a task."""

    def assume_model(self, client: Client, name: str, task: Task) -> Model:
        """Return a model of a client that nobody lists, by its name alone."""


@record
class Config:
    """A whole configuration, environment included."""

    clients: tuple[Client, ...]
    catalogue: Catalogue = field(repr=False, compare=False)
    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning_effort: str | int | None = None  # of models that have a choice, for asks without one
    stream: bool = True
    user_agent: str | None = None
    vault_password_file: str | None = None
    sync_models_url: str | None = None
    budget: Mapping[str, str] = field(default_factory=dict)  # per_day, per_month: US dollars
    allow_unpriced: bool = False  # a model of unknown price may be asked under a budget
    origin: str = ""  # the file, or what stood in for it
    missing_file: str = ""  # the file that was looked for, where there is none
    model_variable: str = ""  # that model comes from, where it is not from the file
    notes: tuple[str, ...] = ()  # of what was accepted and has no effect

    def models(self, client: Client) -> tuple[Model, ...]:
        """Return the models of one of the clients."""
        return self.catalogue.models(client)


@record
class Dialect:
    """How a server departs from the OpenAI wire; the defaults suit most compatible servers."""

    max_tokens: str = "max_tokens"
    seed: str = "seed"
    reasoning: str = "effort"  # a row of its wire's REASONING: see Target.reasoning_by
    schema: str = "json_schema"  # or json_object: the schema then goes into the prompt
    stream_usage: bool = True  # understands stream_options.include_usage
    media: str = "openai"  # a row of wire.openai.chat_request.DRAFT_PARTS: how files are attached
    developer: str = "developer"  # the role of a developer's instructions
    names: bool = True  # takes the name of who speaks in a message
    cache_control: bool = False  # takes cache_control in the parts of a message
    search: str = ""  # how its web search is asked for: a row of wire.openai.SEARCH


@record
class Target:
    """An ask, and the client and model that it goes to."""

    ask: Ask
    client: Client
    model: Model
    dialect: Dialect
    limits: Limits
    user_agent: str = ""

    @property
    def name(self) -> str:
        """Return client:model, as a user writes it."""
        return f"{self.client.name}:{self.model.name}"

    @property
    def reasoning_by(self) -> str:
        """Return how the model is told to think: as its family is, else as its server's are."""
        return self.model.abilities.reasoning.by or self.dialect.reasoning


# ---- the request and its answer --------------------------------------------------------------


@record
class CachedResponse:
    """An answer that a cache kept: its body in the pieces in which it came."""

    status: int
    headers: Mapping[str, str]
    pieces: tuple[bytes, ...] = field(repr=False)


@record
class Draft:
    """A request in the provider's words, still open to changes."""

    target: Target
    url: str = field(repr=False)  # which may hold a password or a key
    headers: Mapping[str, str] = field(repr=False)
    body: JsonObject = field(repr=False)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)  # to sign with
    dropped: frozenset[str] = frozenset()  # headers, in lower case, that a patch took away
    changes: JsonObject = field(default_factory=dict, repr=False)  # of the body, by all patches
    cache_key: str = ""  # the name of its answer in a cache; empty where no cache is used
    kept: CachedResponse | None = None  # that answer, if the cache has it: then nothing is sent
    method: str = "POST"


@record
class Request:
    """The exact bytes of a request."""

    draft: Draft
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def target(self) -> Target:
        """Return the ask, the client and the model that it is for."""
        return self.draft.target


@record
class Response:
    """A whole answer as it came; header names in lower case."""

    request: Request
    status: int
    headers: Mapping[str, str]
    body: bytes
    attempts: int = 1
    seconds: float | None = None  # from the first attempt to the last byte
