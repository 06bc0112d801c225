"""The values that travel, in order of appearance: frozen, slotted, units in words."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias

from returns.result import Result

from loki.problems import Problem
from loki.record import field_names, record

Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]
Task = Literal["chat", "embedding", "reranker"]
Finished = Literal["stop", "length", "tools", "filter", "other"]


# ---- what is asked ---------------------------------------------------------------------------


@record
class Text:
    """A piece of text, asked or answered."""

    text: str


@record
class Media:
    """An image, PDF or sound that goes along: its bytes, or where they are."""

    media_type: str  # as in RFC 6838: image/png, application/pdf …
    data: bytes = field(default=b"", repr=False)
    url: str = ""
    name: str = ""


@record
class ToolCall:
    """A function that the model wants called."""

    id: str
    name: str
    arguments: JsonObject


@record
class Message:
    """One turn of a conversation; ``role`` is system, developer, user, assistant or tool."""

    role: str
    content: str | tuple[Text | Media, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()  # of an assistant
    tool_call_id: str = ""  # the call that a tool answers
    carry: tuple[JsonObject, ...] = ()  # of an assistant: Reply.carry of that answer, unchanged

    @property
    def parts(self) -> tuple[Text | Media, ...]:
        """The content in pieces, also where it was given as one string."""
        if isinstance(self.content, str):
            return (Text(self.content),) if self.content else ()
        return self.content

    @property
    def text(self) -> str:
        """Every text of the content, one after the other."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@record
class Tool:
    """A function that the model may ask to have called; ``parameters`` is a JSON Schema."""

    name: str
    description: str
    parameters: JsonObject
    strict: bool | None = None


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
    end: float | None = None  # of the total, on the clock of Env; None: it has not begun


@record
class Ask:
    """What one call wants; everything that is None is left to the configuration or the model."""

    messages: tuple[Message, ...] = ()
    model: str | None = None  # client:model, or a client alone
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning: str | int | None = None  # none, low, medium, high, or a budget in tokens
    schema: JsonObject | None = None  # JSON Schema the answer must meet
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None  # auto, none, required, or a tool's name
    stream: bool | None = None
    max_cost: Decimal | None = None  # US dollars, of the worst case
    limits: Limits = Limits()
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
class Price:
    """US dollars a million tokens; None is unknown.

    ``variants`` has what holds at other tiers of service and for long prompts, as the catalogue
    writes it: under ``flex``, ``>272000``, ``flex>272000`` or ``*`` (any tier) a factor or prices.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None  # kept for minutes
    cache_write_1h: Decimal | None = None
    cache_write_12h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_cache_read: Decimal | None = None
    audio_output: Decimal | None = None
    search: Decimal | None = None  # US dollars for one search
    request: Decimal | None = None  # US dollars for every call, beside its tokens
    variants: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    plain: bool = field(default=False, compare=False)  # parts cost what all of input, output does
    set: bool = field(default=False, compare=False)  # by the user, who knows better than an answer


#: The fields of Price that are prices.
PRICES = tuple(name for name in field_names(Price) if name not in ("variants", "plain", "set"))


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
    supports_vision: bool | None = None
    supports_function_calling: bool | None = None
    no_stream: bool = False
    no_system_message: bool = False
    system_prompt_prefix: str = ""
    max_batch_size: int | None = None  # texts in one request
    max_tokens_per_chunk: int | None = None
    default_chunk_size: int | None = None  # in tokens
    endpoint: str = ""
    origin: str = ""  # where it was found, for --explain


@record
class Setting:
    """A client's setting: the value itself, or (``form``) where its value is to be had."""

    value: str = field(repr=False)
    form: Literal["literal", "name", "cmd", "file"] = "literal"
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


@record
class Config:
    """A whole configuration, environment included."""

    clients: tuple[Client, ...]
    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    stream: bool = True
    user_agent: str | None = None
    vault_password_file: str | None = None
    sync_models_url: str | None = None
    budget: Mapping[str, str] = field(default_factory=dict)  # per_day, per_month: US dollars
    allow_unpriced: bool = False  # a model of unknown price may be asked under a budget
    origin: str = ""  # the file, or what stood in for it
    catalogue: str = field(default="", repr=False)  # the text of data/models.json


class Dialect(NamedTuple):
    """How a server departs from the OpenAI wire; the defaults suit most compatible servers."""

    max_tokens: str = "max_tokens"
    seed: str = "seed"
    reasoning: str = "effort"  # a row of wire.openai.REASONING
    schema: str = "json_schema"  # or json_object: the schema then goes into the prompt
    stream_usage: bool = True  # understands stream_options.include_usage


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
        """client:model, as a user writes it."""
        return f"{self.client.name}:{self.model.name}"


# ---- the request and its answer --------------------------------------------------------------


@record
class Draft:
    """A request in the provider's words, still open to changes."""

    target: Target
    url: str = field(repr=False)  # which may hold a password or a key
    headers: Mapping[str, str] = field(repr=False)
    body: JsonObject = field(repr=False)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)  # to sign with
    dropped: frozenset[str] = frozenset()  # headers, in lower case, that a patch took away


@record
class Request:
    """The exact bytes of a request."""

    draft: Draft
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


@record
class Response:
    """A whole answer as it came; header names in lower case."""

    request: Request
    status: int
    headers: Mapping[str, str]
    body: bytes
    attempts: int = 1
    seconds: float | None = None  # from the first attempt to the last byte


@record
class Opened:
    """An answer that has begun: pieces come from ``chunks``, ``close`` stops the provider.

    Where the beginning of a stream was looked at, ``events`` has all of it, a list for each piece.
    """

    request: Request
    status: int
    headers: Mapping[str, str]
    chunks: Iterator[Result[bytes, Problem]]
    close: Callable[[], None]
    started: float  # on the clock of Env, at the first attempt
    attempts: int = 1
    events: Iterator[Result[list[WireEvent], Problem]] | None = None


# ---- what was answered -----------------------------------------------------------------------


@record
class Usage:
    """Tokens, None where the provider gave no number.

    ``input`` is the whole prompt, of which ``cache_read`` and ``cache_write`` are parts;
    ``output`` is everything billed as output, of which ``reasoning`` is a part.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    billed_input: int | None = None  # where the provider bills by other counts
    billed_output: int | None = None
    cache_write_1h: int | None = None  # parts of cache_write: what is kept for longer
    cache_write_12h: int | None = None
    audio_input: int | None = None  # parts of input, cache_read and output
    audio_cache_read: int | None = None
    audio_output: int | None = None
    searches: int | None = None  # on the web; or search units, which rerankers bill
    tier: str | None = None  # of service, as the answer names it
    told_cost: Decimal | None = None  # US dollars, where the answer itself names its cost


#: The fields of Usage that every program is told.
COUNTS = ("input", "cache_read", "cache_write", "output", "reasoning")


@record
class Reply:
    """An answer; ``cost`` in US dollars, times in seconds, None is unknown."""

    model: str  # client:model
    text: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    finish: Finished
    finish_raw: str | None  # the provider's own word
    usage: Usage
    request: Request = field(repr=False)
    seconds: float | None = None
    first_token_seconds: float | None = None
    attempts: int = 1
    request_id: str | None = None
    cost: Decimal | None = None
    carry: tuple[JsonObject, ...] = ()  # what the provider wants back with the next turn


# ---- events: Text and ToolCall above, and these ----------------------------------------------


@record
class Reasoning:
    """A piece of the model's thoughts, which are not the answer."""

    text: str


@record
class Done:
    """The end of a stream; its reply has everything but the words, which have been told."""

    reply: Reply


#: Usage is what has been told of it so far, which matters if the answer breaks off.
Event: TypeAlias = Text | Reasoning | ToolCall | Usage | Done
Stream: TypeAlias = Generator[Result[Event, Problem], None, None]


class ToolPiece(NamedTuple):
    """A fragment of a tool call as a wire tells it; None belongs to the call before.

    ``whole`` is for wires that say when a call is complete: False begins a call that must be
    completed, True has all its arguments, whatever fragments came before; None is a fragment.
    """

    row: int | None  # of several calls at once
    id: str
    name: str
    arguments: str
    whole: bool | None = None


class Refusal(NamedTuple):
    """The model says, in words, that it will not answer."""

    text: str


class Carry(NamedTuple):
    """A thing of the provider's, such as signed thoughts, that must come back as it is."""

    block: JsonObject


class Finish(NamedTuple):
    """The provider's word for why the answer ended."""

    raw: str


#: What a wire reads from one frame; a Problem among them ends the stream.
WireEvent: TypeAlias = Text | Reasoning | ToolPiece | Refusal | Carry | Finish | Usage | Problem
