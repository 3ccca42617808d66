"""Kept comparisons in a private dataset on the Hugging Face Hub: fetched once, then pushed in the background, batch by batch.

Off unless SOUNDCHECK_DATASET names a dataset. It holds
    rows/<time>-<random>.jsonl     one run per line, as in a capsule: without sessions, keys, or paths of this machine
    stars/<time>-<random>.jsonl    the stars given to runs, one per line (comparisons/hub_stars.py)
    sounds/ab/<sha256>.wav         the sounds that the rows name
Nothing there is ever changed or deleted. What the dataset lacks is what is pushed, so there is no mark that could be wrong. Blind
tests and votes stay here. Every line and sound that is fetched is checked as if a stranger had written it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparisons._capsule_reader import ID, MOST_ROW_BYTES, MOST_SOUND_BYTES, BadCapsule, checked_row
from comparisons.hub_stars import Star, checked_star, encoded, restore, run_identity, star_identity, star_in, stars_of
from comparisons.kept_comparison import shared, sound_hashes
from comparisons.query import Query
from comparisons.redaction import clean
from comparisons.store import Store
from engine.contract import EngineError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

log = logging.getLogger(__name__)

VARIABLE, TOKEN = "SOUNDCHECK_DATASET", "HF_TOKEN"
EVERY_S, LONGEST_WAIT_S = 60.0, 3_600.0
LAST_PUSH_S = 20.0
"""How long the end of the program waits for what is not pushed yet."""
MOST_ROWS, MOST_BYTES = 500, 100_000_000
"""Of one commit; a run whose sounds alone are more goes by itself."""
_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
_ROWS = re.compile(r"rows/[\w-]{1,80}\.jsonl", re.ASCII)
_STARS = re.compile(r"stars/[\w-]{1,80}\.jsonl", re.ASCII)
_SOUND = re.compile(r"sounds/[0-9a-f]{2}/([0-9a-f]{64})\.wav")
_AT_ONCE = 4


class HubRefused(EngineError):
    """The dataset cannot be used as it is; the sentence says what to change."""


def kept_on_the_hub(store: Store) -> HubDataset | None:
    """Start keeping the store in the dataset that the environment names; None when it names none."""
    repo = os.environ.get(VARIABLE, "").strip()
    if not repo:
        return None
    dataset = HubDataset(store, repo, os.environ.get(TOKEN, "").strip())
    dataset.start()
    return dataset


class HubDataset:
    """Keeps `store` in the dataset `repo`. While that does not work, `notice` and the store's `copy_notice` are one sentence.

    The store is complete without it: a push that fails is tried again, and nothing here is ever removed.
    """

    def __init__(self, store: Store, repo: str, token: str, *, endpoint: str | None = None) -> None:
        self.store, self.repo, self._token = store, repo, token
        self._endpoint = endpoint or os.environ.get("HF_ENDPOINT") or None
        self._there: set[bytes] = set()
        self._stars_there: set[bytes] = set()
        self._sounds: dict[str, int] = {}
        self._fetched, self._looked_at, self._stars_seen, self._failures = False, 0, 0, 0
        self._stop, self._working = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, name="hub dataset", daemon=True)

    @property
    def notice(self) -> str | None:
        return self.store.copy_notice

    # ---------------------------------------------------------------- in the background

    def start(self) -> None:
        self._thread.start()
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            # a container is ended by SIGTERM, which would skip the last push
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    def close(self) -> None:
        """Push what is new, for LAST_PUSH_S at most, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(LAST_PUSH_S)

    def _run(self) -> None:
        from huggingface_hub.utils import disable_progress_bars

        disable_progress_bars()
        wait_s = self.step()
        while not self._stop.wait(wait_s):
            wait_s = self.step()
        self.step()

    def step(self) -> float:
        """Fetch if that was not done yet, then push what is new; the seconds until the next step. Failures become the notice."""
        with self._working:
            try:
                if not self._fetched:
                    self.fetch()
                self.push()
            except Exception as error:  # noqa: BLE001 - whatever the client raises, the next step comes
                self._failures += 1
                self._say(error)
                return min(EVERY_S * 2**self._failures, LONGEST_WAIT_S)
            if self._failures:
                log.info("the dataset %s is kept up again", self.repo)
            self._failures, self.store.copy_notice = 0, None
            return EVERY_S

    def _say(self, error: Exception) -> None:
        """Once per outage, and again only when the reason is another."""
        why = self._why(error)
        notice = f"Comparisons are not being kept in the dataset {self.repo!r}: {why}. They stay here, and it is tried again."
        if notice != self.notice:
            log.warning("%s", notice)
        self.store.copy_notice = notice

    def _why(self, error: Exception) -> str:
        from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

        if isinstance(error, EngineError):
            return clean(str(error), [self._token])
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in (401, 403) and not isinstance(error, RepositoryNotFoundError):
            return f"{TOKEN} may not write to it: give the token write access"
        if isinstance(error, RepositoryNotFoundError):
            return f"it does not exist or {TOKEN} does not reach it: create it as a private dataset"
        if isinstance(error, HfHubHTTPError) and status:
            return f"the Hub answered {status}"
        return clean(f"{type(error).__name__}: {error}", [self._token], limit=160).rstrip(".")

    # ---------------------------------------------------------------- the dataset

    def _api(self) -> HfApi:
        from huggingface_hub import HfApi

        if not _NAME.fullmatch(self.repo):
            raise HubRefused(f"{VARIABLE} is the owner and name of a dataset, such as ann/soundcheck")
        if not self._token:
            raise HubRefused(f"{TOKEN} is not set: give it a token that may write to the dataset")
        api = HfApi(endpoint=self._endpoint, token=self._token)
        if api.repo_info(self.repo, repo_type="dataset", timeout=30.0).private is not True:
            raise HubRefused("it is public: make it private, or name another")
        return api

    def fetch(self) -> int:
        """Add to the store every run of the dataset that it lacks, and its sounds; how many. Raises what the client raises."""
        api, files = self._api(), {}
        for entry in api.list_repo_tree(self.repo, recursive=True, repo_type="dataset"):
            if (size := getattr(entry, "size", None)) is not None:
                files[entry.path] = size
        self._sounds = {found[1]: size for path, size in files.items() if (found := _SOUND.fullmatch(path))}
        added, stars = 0, []
        with tempfile.TemporaryDirectory(prefix="soundcheck-hub-") as folder:
            for path in sorted(path for path in files if _ROWS.fullmatch(path) or _STARS.fullmatch(path)):
                if files[path] > MOST_ROW_BYTES:
                    log.warning("%s of the dataset is larger than %d bytes and is left out", path, MOST_ROW_BYTES)
                    continue
                lines = self._read(api, path, Path(folder)).splitlines()
                if _STARS.fullmatch(path):
                    stars += self._checked(checked_star, lines)
                    self._stars_there.update(map(star_identity, stars))
                    continue
                rows = self._checked(checked_row, lines)
                stars += [star for row in rows if (star := star_in(row))]
                added += self._restore(api, Path(folder), [row | {"rating": None} for row in rows])
        restore(self.store, stars)
        self._fetched = True
        log.info("%d runs came from the dataset %s", added, self.repo)
        return added

    def _read(self, api: HfApi, path: str, folder: Path) -> bytes:
        file = Path(api.hf_hub_download(self.repo, path, repo_type="dataset", local_dir=folder))
        try:
            return file.read_bytes()
        finally:
            file.unlink()

    def _checked(self, check: Callable[[bytes], dict[str, Any]], lines: Sequence[bytes]) -> list[dict[str, Any]]:
        found = []
        for line in lines:
            with contextlib.suppress(BadCapsule):
                found.append(check(line))
        if refused := len(lines) - len(found):
            log.warning("%d lines of the dataset are not what they should be and are left out", refused)
        return found

    def _restore(self, api: HfApi, folder: Path, found: Iterable[dict[str, Any]]) -> int:
        rows = []
        for row in found:
            if (known := run_identity(row)) not in self._there:
                self._there.add(known)
                rows.append(row)
        here = {known for comparison in {row["comparison_id"] for row in rows} for known in self._kept(comparison)}
        rows = [row for row in rows if run_identity(row) not in here]
        wanted = [sha256 for sha256 in sound_hashes(rows) if self._wanted(sha256)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda sha256: self._fetch_sound(api, folder, sha256), wanted))
        # sounds first: a sound without a row is swept up later, a row without its sound is not mended
        self.store.add_all(rows)
        return len(rows)

    def _kept(self, comparison_id: str) -> Iterator[bytes]:
        return map(run_identity, self.store.rows(Query(comparison_id=comparison_id)))

    def _wanted(self, sha256: str) -> bool:
        return self._sounds.get(sha256, MOST_SOUND_BYTES + 1) <= MOST_SOUND_BYTES and not self.store.blob_path(sha256).exists()

    def _fetch_sound(self, api: HfApi, folder: Path, sha256: str) -> None:
        data = self._read(api, _sound_path(sha256), folder)
        if hashlib.sha256(data).hexdigest() != sha256 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
            log.warning("a sound of the dataset is not what its name says and is left out")
            return
        self.store.put_blob(data)

    def push(self) -> int:
        """Commit the runs that the dataset lacks, with sounds, and its stars; how many runs. Raises what the client raises."""
        count = 0
        while batch := self._next_batch():
            rows, end = batch
            if rows:
                self._commit(rows)
                count += len(rows)
            self._looked_at = end
        stars, last = stars_of(self.store, self._stars_seen)
        if new := [star for star in stars if star_identity(star) not in self._stars_there]:
            self._commit_stars(new)
        self._stars_seen = last
        return count

    def _commit_stars(self, stars: Sequence[Star]) -> None:
        from huggingface_hub import CommitOperationAdd

        lines = b"".join(map(encoded, stars))
        self._api().create_commit(
            self.repo, [CommitOperationAdd(_new_name("stars"), lines)], commit_message=f"{len(stars)} stars", repo_type="dataset"
        )
        self._stars_there.update(map(star_identity, stars))

    def _next_batch(self) -> tuple[list[dict[str, Any]], int] | None:
        """New runs for one commit, and up to which place of the store they reach; None when there is nothing to look at."""
        total = self.store.count()
        if self._looked_at >= total:
            return None
        end = min(self._looked_at + MOST_ROWS, total)
        page = Query(sort="seq", descending=False, offset=self._looked_at, limit=end - self._looked_at)
        rows = [row for row in self.store.page(page) if ID.fullmatch(row["comparison_id"] or "")]
        return [row for row in rows if run_identity(row) not in self._there], end

    def _commit(self, rows: Sequence[dict[str, Any]]) -> None:
        from huggingface_hub import CommitOperationAdd

        api = self._api()
        for part in self._parts(rows):
            told = [shared(row | {"rating": None}) for row in part]
            lines = b"".join(json.dumps(row, ensure_ascii=False, sort_keys=True).encode() + b"\n" for row in told)
            name = _new_name("rows")
            new = [sha256 for sha256 in sound_hashes(part) if self._is_new(sha256)]
            sounds = [CommitOperationAdd(_sound_path(sha256), str(self.store.blob_path(sha256))) for sha256 in new]
            message = f"{len(part)} runs, {len(new)} sounds"
            api.create_commit(self.repo, [*sounds, CommitOperationAdd(name, lines)], commit_message=message, repo_type="dataset")
            self._sounds |= dict.fromkeys(new, 0)
            self._there.update(map(run_identity, part))

    def _parts(self, rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        part: list[dict[str, Any]] = []
        room = MOST_BYTES
        for row in rows:
            size = sum(self.store.blob_path(sha256).stat().st_size for sha256 in sound_hashes([row]) if self._is_new(sha256))
            if part and size > room:
                yield part
                part, room = [], MOST_BYTES
            part.append(row)
            room -= size
        if part:
            yield part

    def _is_new(self, sha256: str) -> bool:
        return sha256 not in self._sounds and self.store.blob_path(sha256).exists()


def _new_name(folder: str) -> str:
    return f"{folder}/{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.jsonl"


def _sound_path(sha256: str) -> str:
    return f"sounds/{sha256[:2]}/{sha256}.wav"
