"""The contract between an engine and the rest: requests go in, pieces come out, the spec says what it is.

EngineError
  Unsupported   a setting that this engine cannot honour; the sentence says which
  BadInput      an input outside this engine's limits
  NotReady      a key, package, program or file is missing; the sentence says how to get it
  BadResponse   the vendor or model answered with something that is not the asked-for output
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, Union

from engine.audio import Audio

# ---------------------------------------------------------------- errors

ERROR_KINDS = {
    "auth": "the key was refused",
    "quota": "the account has no credit or quota left",
    "rate_limit": "too many requests for this account",
    "too_large": "the input or the answer is larger than allowed",
    "bad_input": "the input cannot be used",
    "unsupported": "the engine cannot honour a setting",
    "not_ready": "something the engine needs is missing",
    "shut_down": "the vendor has switched this model off",
    "timeout": "no complete answer before the deadline",
    "network": "the vendor could not be reached",
    "server": "the vendor failed",
    "bad_response": "the answer was not the asked-for output",
    "cancelled": "stopped",
    "out_of_memory": "memory ran out",
    "load": "the model could not be loaded",
    "crashed": "the engine's process died or raised an error",
    "over_budget": "the spend cap was reached",
    "disk_full": "no disk space left",
}


class EngineError(Exception):
    """An error with a sentence that a person may read as it stands."""

    kind = "crashed"


class Unsupported(EngineError):
    kind = "unsupported"


class BadInput(EngineError):
    kind = "bad_input"


class NotReady(EngineError):
    kind = "not_ready"


class BadResponse(EngineError):
    kind = "bad_response"


# ---------------------------------------------------------------- requests


@dataclass(frozen=True)
class Option:
    """How one request field is asked for: the UI draws it, the CLI parses it, the API documents it."""

    label: str
    help: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    lines: int = 1
    max_length: int = 5_000
    """Characters that a text may have; counted again on the server."""
    longest_s: float | None = None
    """Seconds that a sound may have; None for settings that are no sound."""


def option(label: str, *, default: Any = None, **how: Any) -> Any:
    return field(default=default, metadata={"option": Option(label, **how)})


@dataclass(frozen=True)
class Transcribe:
    """Speech in, text out."""

    audio: Audio
    language: str | None = option("Language", help="Code such as en or de; empty lets the engine decide.", max_length=12)
    prompt: str | None = option("Names and terms", help="Words to expect, separated by commas.", lines=2)
    word_times: bool = option("Word times", default=False, help="Ask for the start and end of each word.")
    speakers: bool = option("Speakers", default=False, help="Ask who said what.")


@dataclass(frozen=True)
class Synthesize:
    """Text in, speech out."""

    text: str
    voice: str | None = option("Voice", help="A voice that the engine lists; empty takes its default.", max_length=200)
    language: str | None = option("Language", help="Code such as en or de; empty takes the voice's own.", max_length=12)
    speed: float | None = option("Speed", help="1 is normal.", minimum=0.25, maximum=4.0, step=0.05)
    instructions: str | None = option("Instructions", help="How to speak, where the engine takes it.", lines=2)
    reference: Audio | None = option("Reference voice", help="A few seconds of the voice to speak with.", longest_s=60)
    reference_text: str | None = option(
        "Words of the reference", help="What is said in the reference voice's recording.", lines=2
    )


@dataclass(frozen=True)
class Compose:
    """A description in, music out."""

    prompt: str
    duration_s: float | None = option("Length (s)", default=10.0, minimum=1, maximum=300, step=1)
    seed: int | None = option("Seed", help="The same seed gives the same piece.", minimum=0, maximum=2**31 - 1, step=1)
    melody: Audio | None = option("Melody", help="A tune to follow, where the engine takes one.", longest_s=60)


@dataclass(frozen=True)
class Separate:
    """A mix in, its stems out."""

    audio: Audio


@dataclass(frozen=True)
class Classify:
    """Sound in, scored tags out."""

    audio: Audio
    labels: str | None = option("Your labels", help="For zero-shot engines: labels separated by commas.", lines=2)
    top_k: int | None = option("Tags", default=10, help="How many of the best tags to keep.", minimum=1, maximum=100, step=1)


@dataclass(frozen=True)
class Ask:
    """Sound and a question in, an answer out."""

    audio: Audio
    prompt: str = option("Question", default="What do you hear?", lines=2)


Request = Union[Transcribe, Synthesize, Compose, Separate, Classify, Ask]


def options_of(request_type: type) -> dict[str, Option]:
    """The settings of a request beside its input, by field name."""
    return {f.name: f.metadata["option"] for f in fields(request_type) if "option" in f.metadata}


def settings_of(request: Request) -> dict[str, Any]:
    """The values that differ from "not asked for", by field name; a sound as its hash and length."""
    asked = {name: getattr(request, name) for name in options_of(type(request))}
    return {
        name: {"sha256": value.sha256(), "seconds": round(value.seconds, 3)} if isinstance(value, Audio) else value
        for name, value in asked.items()
        if isinstance(value, Audio) or value not in (None, "", False)
    }


# ---------------------------------------------------------------- pieces


@dataclass(frozen=True)
class Word:
    text: str
    start_s: float
    end_s: float
    confidence: float | None = None
    """0 to 1 as the engine reports it; not comparable between engines."""
    speaker: str | None = None


@dataclass(frozen=True)
class Text:
    """Text as it arrives. `final=False` is a hypothesis of the whole text so far: shown, then forgotten."""

    text: str
    final: bool = True
    words: tuple[Word, ...] = ()
    language: str | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Stem:
    """One separated source, as long as the mix."""

    name: str
    audio: Audio


@dataclass(frozen=True)
class Tag:
    label: str
    score: float
    """0 to 1, the engine's own scale: comparable within an engine, not between engines."""
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True)
class Usage:
    """What the vendor says it bills, by unit: input_audio_seconds, input_characters, output_audio_tokens ..."""

    amounts: Mapping[str, float]


@dataclass(frozen=True)
class Mark:
    """A moment that only the engine can see; the runner writes down when it came.

    "uploaded": the vendor has the whole input. "speech_end": the last of a streamed input was sent. "answered": the answer is
    complete and only tidying up follows, which is no part of the total time.
    """

    name: str


@dataclass(frozen=True)
class Facts:
    """What the engine learnt about this run and the runner cannot know. Unknown stays None."""

    request_id: str | None = None
    server_s: float | None = None
    """The vendor's own processing time."""
    connect_s: float | None = None
    """Time to open new connections (DNS, TCP, TLS); 0.0 when a warm one was reused."""
    poll_s: float | None = None
    """Polling interval, where the vendor has to be polled."""
    device: str | None = None
    dtype: str | None = None
    threads: int | None = None
    peak_memory_gb: float | None = None
    model: str | None = None
    """The exact model version that answered."""
    sent: Mapping[str, Any] | None = None
    """The parameters as they went to the vendor, without key and without the input's bytes."""
    notice: str | None = None
    """One sentence that the person must see beside the result, such as a fall-back to the CPU."""


Piece = Union[Text, Audio, Stem, Tag, Usage, Mark, Facts]

# ---------------------------------------------------------------- voices


@dataclass(frozen=True)
class Voice:
    """One voice of the vendor's own list."""

    id: str
    """What goes into `Synthesize.voice`."""
    name: str
    language: str | None = None
    """A code such as en or de-DE; None where the vendor names none."""
    description: str | None = None


# ---------------------------------------------------------------- prices and specs


@dataclass(frozen=True)
class Price:
    """`usd` for every `per` of `unit`, after raising the amount to `minimum` and rounding it up to `increment`."""

    unit: str
    usd: float
    per: float = 1.0
    minimum: float = 0.0
    increment: float | None = None
    source: str = ""
    checked_on: str = ""
    """ISO date on which the price was read at its source."""
    note: str = ""

    def billed(self, amount: float) -> float:
        """The amount that is charged for: at least `minimum`, in whole `increment`s."""
        amount = max(amount, self.minimum)
        if self.increment:
            # 6.7 / 0.1 is 67.00000000000001 in floating point and must not become 68 steps
            amount = -(-round(amount / self.increment, 9) // 1) * self.increment
        return amount

    def cost(self, amount: float) -> float:
        return self.billed(amount) / self.per * self.usd


@dataclass(frozen=True)
class Limits:
    """Largest input that the engine takes; None is unknown or without limit."""

    audio_seconds: float | None = None
    characters: int | None = None
    utf8_bytes: int | None = None
    file_bytes: int | None = None


@dataclass(frozen=True)
class Download:
    """One thing that `prepare` fetches: files of a hub repository, or one file or archive at an address."""

    source: str
    """"owner/name" on the hub, a folder on this machine, or an https address; a .zip or .tar.* is unpacked."""
    files: tuple[str, ...] = ()
    """Patterns of the repository's files to take. Empty takes all but other formats' copies, and wants safetensors among them."""
    revision: str | None = None
    sha256: str | None = None
    """Of the file at the address, where its publisher states it."""


@dataclass(frozen=True)
class Needs:
    """What a machine must have before the engine can run."""

    key: str | None = None
    """Name of the environment variable that holds the key."""
    packages: tuple[str, ...] = ()
    """Import names, such as "torch"."""
    programs: tuple[str, ...] = ()
    """Commands on PATH, also the name of the Debian package that brings them."""
    downloads: tuple[Download, ...] = ()
    """The weights, the engine's own first."""
    gated: bool = False
    """The publisher wants its terms accepted on the hub, and HF_TOKEN set, before it hands out the weights."""
    download_gb: float | None = None
    memory_gb: float | None = None
    """Memory while it runs on the CPU."""
    gpu_memory_gb: float | None = None
    """Memory of the GPU while it runs there."""


@dataclass(frozen=True)
class EngineSpec:
    """One deployable variant, described without importing anything heavy."""

    id: str
    """`<file>/<model>`: never reused, never renamed."""
    task: str
    name: str
    vendor: str
    system: str
    """The name under which the catalogue of systems lists it."""
    engine: type[Engine]
    where: str
    """"local" or "cloud"."""
    model: str
    """What the vendor or the library calls it."""
    license_code: str | None
    license_weights: str | None
    languages: tuple[str, ...] | None
    """Codes; ("*",) is many, () does not apply, None is unknown."""
    summary: str
    """A few plain words: what it is and what it is not, such as "classical baseline"."""
    docs_url: str | None
    checked_on: str
    """ISO date on which the facts here were last read at their sources."""
    honours: tuple[str, ...] = ()
    """Request settings that it acts on; any other that is set is refused before the run."""
    requires: tuple[str, ...] = ()
    """Request settings without which it cannot run, such as "reference"."""
    prices: tuple[Price, ...] = ()
    limits: Limits = Limits()
    needs: Needs = Needs()
    voices: tuple[str, ...] = ()
    default_voice: str | None = None
    lists_voices: bool = False
    """The vendor lists this account's voices: `Engine.list_voices` asks it."""
    parameters: float | None = None
    """Number of weights; None for engines that have none or do not say."""
    tier: str | None = None
    """"baseline" for classical methods, else the priority tier of the landscape list."""
    packages: tuple[str, ...] = ()
    """Distributions whose installed versions are written into every row."""
    devices: tuple[str, ...] = ("cpu",)
    streams: bool = False
    """Output arrives before it is complete."""
    realtime: bool = False
    """Input is sent at the pace of a live microphone, so total time is at least the input's length."""
    isolated: bool = False
    """Runs in an environment of its own, from the PEP 723 header of its file."""
    tested: str = "runs"
    """How far the tests of this code go: "runs" (from loading to the answer), "loads" (imports and settings) or "" (not at all).
    Published weights are never part of them."""
    consent: str = ""
    """What a person must have agreed to before it may run, in one sentence; "" where nothing is asked."""
    remote_code: bool = False
    """Loading it runs Python code that comes with the weights."""
    own: str | None = None
    """The folder or hub id of a person's own checkpoint; None for every engine that stands in a file's ENGINES."""
    own_variant: str = ""
    """Which of its family's OWN_VARIANTS a person's own checkpoint runs as; "" for the plain one."""
    shutdown_date: str | None = None
    """ISO date after which the vendor refuses it."""
    superseded_by: str | None = None
    data_use: str | None = None
    """One line on training, retention and region."""
    concurrency: int = 4
    """Calls that the vendor's smallest plan takes at once."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Facts that only this engine's own code reads (revision, voice table ...)."""

    @property
    def vendor_slug(self) -> str:
        """The file part of the id, which also names its environment variables."""
        return self.id.partition("/")[0]

    def shut_down(self, today: date) -> bool:
        return self.shutdown_date is not None and date.fromisoformat(self.shutdown_date) <= today


class Engine(ABC):
    """load() once, run() many times, close() once; never two runs at a time.

    An engine never times, retries, caches, prices, logs or prints. It lets the SDK's exceptions fly.
    """

    def __init__(self, spec: EngineSpec, key: str = "", base_url: str = "") -> None:
        self.spec, self.key, self.base_url = spec, key, base_url

    def load(self) -> None:
        """Import what is heavy, open the client, or put the weights on the device."""

    @abstractmethod
    def run(self, request: Request, timeout_s: float) -> Iterator[Piece]:
        """Yield pieces as they arrive; at least one of the task's output type, or raise."""

    def list_voices(self, timeout_s: float) -> tuple[Voice, ...]:
        """The voices that this account may use, asked of the vendor within `timeout_s` in all. Needs load(), like run()."""
        raise Unsupported(f"{self.spec.id} has no list of voices that can be asked for")

    def close(self) -> None:
        """Release everything. A cancel may call it from another thread, while run() waits for a vendor."""
