"""What one press of Run asks for, and what must not be sent of it: refusals before any clock runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from comparisons import catalogue
from comparisons.cache import answer_key
from comparisons.catalogue import Access
from comparisons.cost import bill, machine_price_from_environment
from comparisons.faults import Fault
from comparisons.metrics import Reference
from engine import environment
from engine.contract import EngineSpec, Request, settings_of
from engine.tasks import usage_of
from engine.worker import versions_of


@dataclass(frozen=True)
class Plan:
    """What one press of Run asks for."""

    task: str
    request: Request
    specs: tuple[EngineSpec, ...]
    input_name: str
    reference: Reference = field(default_factory=Reference)
    repeats: int = 1
    warmups: int = 0
    timeout_s: float = 120.0
    use_cache: bool = True
    access: Mapping[str, Access] = field(default_factory=dict)
    """Keys that this visitor brought, by vendor or engine id; the environment's count where there is none."""
    session: str | None = None
    machine_usd_per_hour: float | None = field(default_factory=machine_price_from_environment)
    spend_cap_usd: float | None = None
    hear_with: EngineSpec | None = None
    """The engine that listens to what the others made; see hearing."""
    agreed: bool = False
    """The person said that they may use what is somebody's own among the settings; see asking.CONSENTS."""
    batch_id: str | None = None
    item: str | None = None
    slices: Mapping[str, str] = field(default_factory=dict)
    """The dataset, the input's place in it, and what its manifest says besides."""

    def access_for(self, spec: EngineSpec) -> Access:
        return self.access.get(spec.id) or self.access.get(spec.vendor_slug) or catalogue.access_from_environment(spec)

    def brings_access(self, spec: EngineSpec) -> bool:
        """Whether the key or address is the visitor's own, to be dropped with the run."""
        own_server = spec.vendor_slug == catalogue.SERVERS
        return spec.where == "cloud" and (own_server or spec.id in self.access or spec.vendor_slug in self.access)

    def scope_for(self, spec: EngineSpec) -> str:
        """Answers bought with a visitor's own key stay in that visitor's session."""
        pasted = {spec.id, spec.vendor_slug} & set(self.access)
        return f"session {self.session}" if pasted and spec.where == "cloud" else ""

    def key_for(self, spec: EngineSpec, repeat: int, request: Request, sha256: str) -> str:
        """Under which the answer to `request` is cached."""
        return answer_key(
            engine_id=spec.id,
            model=spec.model,
            settings=settings_of(request),
            input_sha256=sha256,
            repeat=repeat,
            versions={"environment": environment.fingerprint(spec)} if spec.isolated else versions_of(spec),
            scope=self.scope_for(spec),
        )

    def refusal(self, spec: EngineSpec, spent_usd: float) -> Fault | None:
        """Why the engine must not be asked, after `spent_usd` of this run; None when it may be."""
        ready = catalogue.readiness(spec, self.access_for(spec))
        if ready.status != "ready":
            return Fault("shut_down" if spec.shut_down(datetime.now(UTC).date()) else "not_ready", " ".join(ready.needs))
        reason = catalogue.blocked(spec, self.request)
        if reason:
            lacking = any(name not in settings_of(self.request) for name in spec.requires)
            return Fault("bad_input" if lacking else "unsupported" if "cannot honour" in reason else "too_large", reason)
        if self.spend_cap_usd is not None and spec.where == "cloud":
            expected = bill(spec, usage_of(self.request, None), None, None, None).cost_usd
            if expected is None:
                return Fault("over_budget", f"{spec.id}: its cost cannot be known beforehand, so the spend cap cannot be kept")
            if spent_usd + expected > self.spend_cap_usd:
                return Fault("over_budget", f"{spec.id} would cost about ${expected:.4f}, more than is left of the spend cap")
        return None


def input_sha256(request: Request) -> str:
    """Names what every engine was given: the sound, or the text."""
    audio = getattr(request, "audio", None)
    if audio is not None:
        return audio.sha256()
    return hashlib.sha256((getattr(request, "text", None) or request.prompt).encode()).hexdigest()
