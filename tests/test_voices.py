"""Lists of voices: what each vendor is asked, what becomes of its answer, and whose list is kept for whom.

Exchanges are from docs, not recorded.
"""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from browser import served
from fake_api import FakeApi
from fake_azure import FakeAzure
from fake_clouds import CANARY, SPECS, VENDORS, cloud

from comparisons import faults, voices
from comparisons.cache import Answer, Answers
from comparisons.catalogue import Access, engines
from comparisons.runner import Runner
from comparisons.voices import VoiceList, list_name, scope_of, voices_of
from engine.contract import BadResponse, Engine, Unsupported, Voice
from engine.tasks import TASKS
from providers._voices import MOST_PAGES, MOST_VOICES
from ui.page import build, launch_options
from ui.voices import fetched
from ui.widgets import voice_choices

LISTING = [spec for spec in SPECS.values() if spec.lists_voices]
VOICE_PATH = "voices"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "voices"


@pytest.fixture
def elevenlabs():
    vendor = VENDORS["elevenlabs"][1]()
    with FakeApi(vendor) as api:
        yield api, vendor, Access(CANARY, api.url)


def kept_bytes(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


# ---------------------------------------------------------------- exchanges


def test_elevenlabs_lists_the_account_s_voices_with_language_and_description():
    with cloud("elevenlabs/eleven_v4") as (engine, api, _):
        found = engine.list_voices(5.0)
    assert found == (Voice("EXAVITQu4vr4xnSDxMaL", "Sarah", "en", "Reassuring."), Voice("Own0000000000000aZ09", "My own"))
    (seen,) = api.journal
    assert (seen.method, seen.path, seen.headers["xi-api-key"]) == ("GET", "/v2/voices", CANARY)
    assert seen.query == [("page_size", "100"), ("include_total_count", "false")]


def test_cartesia_lists_voices_with_their_taglines():
    with cloud("cartesia/sonic-3.5") as (engine, api, _):
        found = engine.list_voices(5.0)
    katie = Voice("f786b574-daa5-4673-aa0c-cbe3e8534c02", "Katie", "en", "Friendly Fixer")
    assert found == (katie, Voice("own-voice", "Mine", "de"))
    (seen,) = api.journal
    assert (seen.method, seen.path, seen.query) == ("GET", "/voices", [("limit", "100")])
    assert seen.headers["authorization"] == f"Bearer {CANARY}"


def test_hume_lists_its_own_by_id_and_those_of_the_library_that_octave_2_speaks_by_name():
    with cloud("hume/octave-2") as (engine, api, _):
        found = engine.list_voices(5.0)
    assert found == (Voice("0b2e1f5a-0000-4000-8000-00000000000a", "Mine"), Voice("Ava Song", "Ava Song"))
    assert [(seen.method, seen.path, seen.headers["x-hume-api-key"]) for seen in api.journal] == [
        ("GET", "/v0/tts/voices", CANARY)
    ] * 2
    paged = [("page_number", "0"), ("page_size", "100")]
    assert [seen.query for seen in api.journal] == [[("provider", "CUSTOM_VOICE"), *paged], [("provider", "HUME_AI"), *paged]]


def test_mistral_lists_voices_by_the_call_that_is_not_deprecated():
    with cloud("mistral/voxtral-mini-tts-3-0") as (engine, api, _):
        found = engine.list_voices(5.0)
    assert found == (Voice("voice_478", "Paul", "en", "Neutral."), Voice("voice_own", "Mine"))
    (seen,) = api.journal
    assert (seen.method, seen.path) == ("GET", "/v2/audio/voices")
    assert sorted(seen.query) == [("page_size", "100"), ("type", "all")]
    assert seen.headers["authorization"] == f"Bearer {CANARY}"


def test_azure_lists_for_each_engine_the_voices_that_are_billed_as_it_is():
    listed = {}
    for engine_id in ("azure/neural", "azure/neural-hd"):
        with cloud(engine_id) as (engine, api, _):
            listed[engine_id] = engine.list_voices(5.0)
        (seen,) = api.journal
        assert (seen.method, seen.path) == ("GET", "/tts/cognitiveservices/voices/list")
        assert seen.headers["ocp-apim-subscription-key"] == CANARY
    assert listed["azure/neural"] == (
        Voice("en-US-JennyNeural", "Jenny", "en-US", "English (United States)"),
        Voice("sk-SK-LukasNeural", "Lukas", "sk-SK", "Slovak (Slovakia)"),
    )
    assert [voice.id for voice in listed["azure/neural-hd"]] == ["en-US-Ava:DragonHDLatestNeural"]


# ---------------------------------------------------------------- every vendor that lists


def test_the_engines_that_say_so_are_those_that_list_voices():
    for spec in engines().values():
        can = spec.engine.list_voices is not Engine.list_voices
        assert not spec.lists_voices or (can and "voice" in spec.honours), spec.id
        if not can:
            with pytest.raises(Unsupported, match=spec.id):
                spec.engine.list_voices(spec.engine(spec), 1.0)
    assert {spec.vendor_slug for spec in LISTING} == {"elevenlabs", "cartesia", "hume", "mistral", "azure"}


@pytest.mark.parametrize(
    "engine_id", ["elevenlabs/eleven_v3", "cartesia/sonic-3", "mistral/voxtral-mini-tts-3-0", "hume/octave-2"]
)
def test_pages_are_followed_to_their_end_and_not_beyond(engine_id):
    def many(vendor, count):
        if engine_id.startswith("hume"):
            one = vendor.voices["HUME_AI"][0]
            vendor.voices = {"CUSTOM_VOICE": [], "HUME_AI": [{**one, "name": f"Voice {at:05}"} for at in range(count)]}
            return
        field = "voice_id" if engine_id.startswith("elevenlabs") else "id"
        vendor.voices = [{**vendor.voices[0], field: f"voice{at:05}"} for at in range(count)]

    with cloud(engine_id) as (engine, api, vendor):
        many(vendor, 230)
        found = engine.list_voices(5.0)
        assert [voice.id[-5:] for voice in found] == [f"{at:05}" for at in range(230)]
        own = engine_id.startswith("hume")  # one request for the account's own
        assert len(api.journal) == 3 + own
        api.journal.clear()
        many(vendor, 5_000)
        assert len(engine.list_voices(5.0)) == MOST_VOICES
        assert len(api.journal) == MOST_VOICES // 100 + own


def test_pages_that_repeat_for_ever_come_to_an_end():
    with cloud("elevenlabs/eleven_v4") as (engine, api, vendor):
        vendor.voices *= 5_000
        assert len(engine.list_voices(10.0)) == 2
    assert len(api.journal) == MOST_PAGES


@pytest.mark.parametrize(
    "trouble, kind",
    [
        ("bad_key", "auth"),
        ("rate_limited", "rate_limit"),
        ("broken", "server"),
        ("html", "bad_response"),
        ("empty", "bad_response"),
        ("truncated_json", "bad_response"),
        ("wrong_json", "bad_response"),
        ("zipped", "bad_response"),
        ("redirect", "bad_response"),
        ("endless", "too_large"),
        ("stall", "timeout"),
        ("drip", "timeout"),
        ("reset", "network"),
    ],
)
@pytest.mark.parametrize("engine_id", [spec.id for spec in {list_name(spec): spec for spec in LISTING}.values()])
def test_a_list_that_fails_is_of_the_right_kind_and_hides_the_key(engine_id, trouble, kind):
    limit_s = 0.5 if kind == "timeout" else 10.0
    with cloud(engine_id) as (engine, api, _):
        api.fail(trouble, path=VOICE_PATH, redirect_to=api.url)
        began = time.monotonic()
        with pytest.raises(Exception) as caught:
            engine.list_voices(limit_s)
        assert time.monotonic() - began < limit_s + 10.0
        fault = faults.sort(caught.value, secrets=[CANARY])
        assert fault.kind == kind, fault
        assert CANARY not in fault.message
        assert len(api.journal) == 1, "asked again"
        api.heal()
        assert engine.line.answer_bytes > 100 << 20, "the limit for sound is back"


@pytest.mark.parametrize("name", ["elevenlabs/eleven_v4", "cartesia/sonic-3", "mistral/voxtral-mini-tts-3-0", "azure/neural"])
def test_an_id_that_cannot_be_sent_back_is_left_out_and_one_that_is_no_text_is_no_list(name):
    field = {"elevenlabs": "voice_id", "azure": "ShortName"}.get(SPECS[name].vendor_slug, "id")
    with cloud(name) as (engine, _, vendor):
        good = len(engine.list_voices(5.0))
        evil = ["../../v1/user", "a b", "", "x" * 5_000, "voice\nid", "<b>bold</b>", 'en-US-"/><break/>Neural']
        vendor.voices += [{**vendor.voices[0], field: each} for each in evil]
        assert len(engine.list_voices(5.0)) == good
        vendor.voices.append({**vendor.voices[0], field: ["a"]})
        with pytest.raises(BadResponse, match="a list of voices"):
            engine.list_voices(5.0)


# ---------------------------------------------------------------- kept for a day


def test_an_engine_that_lists_nothing_and_a_missing_key_give_the_engine_s_own_list(folder):
    plain, listing = SPECS["openai/gpt-4o-mini-tts"], SPECS["elevenlabs/eleven_v4"]
    assert voices_of(plain, Access(CANARY), "", folder) == VoiceList(
        tuple(Voice(voice, voice) for voice in plain.voices), plain.checked_on, "engine"
    )
    found = voices_of(listing, Access(), "", folder)
    assert ([voice.id for voice in found.voices], found.source, found.fault) == (list(listing.voices), "engine", None)
    assert not folder.exists()


def test_a_list_is_asked_for_once_a_day_by_all_engines_that_share_it(elevenlabs, folder, monkeypatch):
    api, vendor, access = elevenlabs
    first = voices_of(SPECS["elevenlabs/eleven_v4"], access, "", folder)
    assert (first.source, [voice.name for voice in first.voices]) == ("vendor", ["Sarah", "My own"])
    assert datetime.now(UTC) - datetime.fromisoformat(first.fetched_on) < timedelta(minutes=1)
    vendor.voices.pop()
    again = voices_of(SPECS["elevenlabs/eleven_v3"], access, "", folder)
    assert (again.source, again.voices, again.fetched_on) == ("cache", first.voices, first.fetched_on)
    assert len(api.journal) == 1
    monkeypatch.setattr(voices, "KEPT", timedelta(0))
    assert len(voices_of(SPECS["elevenlabs/eleven_v4"], access, "", folder).voices) == 1
    assert len(api.journal) == 2


def test_two_lists_of_one_vendor_are_kept_apart(folder):
    with FakeApi(FakeAzure()) as api:
        access = Access(CANARY, api.url)
        found = {name: voices_of(SPECS[name], access, "", folder).voices for name in ("azure/neural", "azure/neural-hd")}
        assert len(api.journal) == 2
    assert {voice.id for voice in found["azure/neural"]} & {voice.id for voice in found["azure/neural-hd"]} == set()
    assert "sk-SK-LukasNeural" in {voice.id for voice in found["azure/neural"]}


def test_two_sessions_do_not_share_a_list(elevenlabs, folder):
    _, vendor, access = elevenlabs
    spec = SPECS["elevenlabs/eleven_v4"]
    one = voices_of(spec, access, scope_of(True, "one"), folder)
    vendor.voices = vendor.voices[:1]
    two = voices_of(spec, access, scope_of(True, "two"), folder)
    install = voices_of(spec, access, scope_of(False, "one"), folder)
    assert [len(found.voices) for found in (one, two, install)] == [2, 1, 1]
    assert [found.source for found in (one, two, install)] == ["vendor"] * 3
    assert voices_of(spec, access, scope_of(True, "one"), folder).source == "cache"
    assert scope_of(True, None) != scope_of(True, None)


def test_a_failing_vendor_is_one_sentence_keeps_the_static_list_and_is_asked_again(elevenlabs, folder):
    api, _, access = elevenlabs
    spec = SPECS["elevenlabs/eleven_v4"]
    api.fail("bad_key")
    found = voices_of(spec, access, "", folder)
    assert [voice.id for voice in found.voices] == list(spec.voices)
    assert (found.source, found.fault.kind) == ("engine", "auth")
    assert "\n" not in found.fault.message
    assert CANARY not in found.fault.message
    api.heal()
    assert voices_of(spec, access, "", folder).source == "vendor"


def test_a_missing_region_is_a_sentence_too(folder, monkeypatch):
    monkeypatch.delenv("AZURE_SPEECH_REGION", raising=False)
    found = voices_of(SPECS["azure/neural"], Access(CANARY), "", folder)
    assert found.fault.kind == "not_ready"
    assert "AZURE_SPEECH_REGION" in found.fault.message


def test_the_key_is_not_in_the_cache_though_the_vendor_repeats_it(elevenlabs, folder):
    api, vendor, _ = elevenlabs
    key = "abcdefghijkCANARY0123456789"
    vendor.voices[0] |= {"name": f"Sarah {key}", "description": f"For {key[3:]}.", "labels": {"language": key}}
    vendor.voices.append({"voice_id": key, "name": "echo"})
    found = voices_of(SPECS["elevenlabs/eleven_v4"], Access(key, api.url), "", folder)
    assert [voice.name for voice in found.voices] == ["Sarah ***", "My own"]
    kept = kept_bytes(folder)
    assert b"Own0000000000000aZ09" in kept
    assert not any(key[at : at + 12].encode() in kept for at in range(len(key) - 11))


def test_names_of_strangers_are_short_and_hold_nothing_invisible(elevenlabs, folder):
    _, vendor, access = elevenlabs
    vendor.voices[0] |= {"name": "A\u202e\n" + "b" * 900, "description": ["no", "text"], "labels": {"language": "<script>"}}
    first = voices_of(SPECS["elevenlabs/eleven_v4"], access, "", folder).voices[0]
    assert first.name.startswith("A b")
    assert (len(first.name), first.language, first.description) == (60, None, None)


@pytest.mark.parametrize(
    "pieces", [b"[[]]", b'[{"id": 1, "name": "x"}]', b"{", b'[{"id": "a", "name": "b", "more": 1}]', b"[" * 99_999]
)
def test_a_kept_list_that_was_tampered_with_is_asked_for_again(elevenlabs, folder, pieces):
    _, _, access = elevenlabs
    spec = SPECS["elevenlabs/eleven_v4"]
    answers = Answers(folder)
    row = {"status": "ok", "fetched_on": datetime.now(UTC).isoformat()}
    answers.put(voices._key(spec, access, ""), Answer(row, pieces))
    answers.close()
    assert voices_of(spec, access, "", folder).source == "vendor"


# ---------------------------------------------------------------- on the page


def test_one_list_stands_for_all_engines_that_share_it_and_the_others_keep_theirs():
    specs = [SPECS[name] for name in ("elevenlabs/eleven_v4", "elevenlabs/eleven_v3", "hume/octave-2", "cartesia/sonic-3")]
    lists = {
        "elevenlabs": VoiceList((Voice("abc12345", "Sarah", "en"),), "2026-11-20", "vendor"),
        "hume": VoiceList((Voice("Ava Song", "Ava Song"),), "2026-11-20", "vendor"),
    }
    assert voice_choices(specs, lists) == (
        ("Sarah (en) · ElevenLabs", "abc12345"),
        ("Ava Song · Hume Octave 2", "Ava Song"),
        *((f"{voice} · Cartesia Sonic 3", voice) for voice in ("Katie", "Kiefer", "Tessa")),
    )


def test_the_line_counts_voices_and_vendors_and_names_the_vendor_that_failed(elevenlabs, folder, monkeypatch):
    api, _, access = elevenlabs
    monkeypatch.setenv("CARTESIA_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CARTESIA_API_KEY", CANARY)
    pasted = {"elevenlabs": access}
    ticked = ["elevenlabs/eleven_v4", "elevenlabs/eleven_v3", "openai/gpt-4o-mini-tts"]
    lists, said = fetched("tts", ticked, pasted, "one", folder)
    assert (list(lists), len(api.journal)) == (["elevenlabs"], 1)
    assert said.startswith("2 voices of 1 vendor, fetched 2")
    lists, said = fetched("tts", [*ticked, "cartesia/sonic-3"], pasted, "one", folder)
    assert list(lists) == ["elevenlabs"]
    assert (said["tone"], said["text"].startswith("2 voices of 1 vendor, fetched 2")) == ("warn", True)
    assert "Cartesia: " in said["text"]
    assert CANARY not in json.dumps(said)
    lists, said = fetched("tts", ["cartesia/sonic-3"], {}, "one", folder)
    assert (lists, said["tone"]) == ({}, "bad")


def test_without_a_tick_or_a_key_nothing_is_asked_and_the_line_says_what_to_do(folder):
    assert fetched("tts", ["espeak/en"], {}, "one", folder)[1].startswith("Tick an engine whose vendor lists its voices: ")
    assert fetched("tts", ["hume/octave-2"], {}, "one", folder) == ({}, "Set HUME_API_KEY, or paste a key under Keys.")


def test_the_button_fills_the_voice_setting_of_the_session_that_pressed_it(open_page, elevenlabs, tmp_path, monkeypatch):
    from playwright.sync_api import expect

    api, _, _ = elevenlabs
    monkeypatch.setenv("ELEVENLABS_BASE_URL", api.url)
    runner = Runner(tmp_path / "home")
    with served(build(runner), **launch_options()) as address:
        pages = [open_page(address, idle=False) for _ in range(2)]
        for page in pages:
            page.get_by_role("tab", name=TASKS["tts"].title, exact=True).click()
            page.wait_for_selector("#run-tts:visible")
            page.locator("button.label-wrap:visible", has_text="Settings").first.click()
            page.wait_for_selector("#voices-tts:visible")
        page, other = pages
        page.click("#open-keys")
        page.get_by_role("textbox", name="ElevenLabs", exact=True).fill(CANARY)
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        box = page.locator(".sc-picker:visible").get_by_role("checkbox", name="ElevenLabs Eleven v4", exact=True)
        expect(box).to_be_enabled()
        box.check(force=True)
        page.wait_for_timeout(500)
        page.click("#voices-tts", force=True)
        page.get_by_text("2 voices of 1 vendor, fetched").wait_for()
        assert page.get_by_label("Speed").locator("visible=true").first.input_value() == ""
        assert api.keys() == [CANARY]
        seen = []
        for each in pages:
            each.get_by_label("Voice").locator("visible=true").first.click(force=True)
            each.wait_for_selector("ul[role=listbox] li")
            seen.append(each.locator("ul[role=listbox]").inner_text())
        assert "My own · ElevenLabs" in seen[0]
        assert "My own" not in seen[1]
        assert page.troubles == other.troubles == page.outside == other.outside == []
    runner.close()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    assert b"Own0000000000000aZ09" in kept
    assert CANARY.encode() not in kept
