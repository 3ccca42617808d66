"""What stands before the app: foreign pages, foreign hosts, side doors and floods are turned away."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from ui.guard import Guard, allowed_hosts, foreign, middleware


async def swallow(request: Request):
    return PlainTextResponse(f"{len(await request.body())} bytes")


@pytest.fixture
def client():
    app = Starlette(middleware=middleware())
    app.add_route("/{path:path}", swallow, methods=["GET", "POST"])
    return TestClient(app, base_url="http://localhost:7860")


def test_a_plain_call_passes_with_careful_headers(client):
    answer = client.post("/x", content=b"abc")
    assert (answer.status_code, answer.text) == (200, "3 bytes")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", [
    "/gradio_api/proxy=http://127.0.0.1/x", "/gradio_api/file=http://127.0.0.1/x", "/gradio_api/file=HTTPS://evil.example/",
    "/monitoring/summary",
])  # fmt: skip
def test_side_doors_are_closed(client, path):
    assert client.get(path).status_code == 404


def test_a_page_of_another_site_may_not_call(client):
    assert client.post("/x", headers={"origin": "http://evil.example"}).status_code == 403
    assert client.post("/x", headers={"origin": "http://localhost:7860"}).status_code == 200
    assert client.post("/x", headers={"origin": "null"}).status_code == 403


def test_a_rebound_host_name_is_not_served(client):
    assert client.get("/x", headers={"host": "rebind.evil"}).status_code == 400


def test_the_body_is_counted_and_not_believed():
    app = Starlette()
    app.add_route("/{path:path}", swallow, methods=["POST"])
    client = TestClient(Guard(app, most_bytes=1_000))
    assert client.post("/x", content=b"x" * 1_000).status_code == 200
    assert client.post("/x", content=b"x" * 1_001).status_code == 413

    def chunks():
        for _ in range(20):
            yield b"x" * 100

    assert client.post("/x", content=chunks()).status_code == 413


def test_hosts_follow_the_place_it_runs_at(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert "localhost" in allowed_hosts()
    monkeypatch.setenv("SPACE_ID", "someone/soundcheck")
    assert allowed_hosts() == ["*"]
    monkeypatch.setenv("SOUNDCHECK_ALLOWED_HOSTS", "audio.example, other.example")
    assert allowed_hosts() == ["audio.example", "other.example"]


def test_clients_without_an_origin_are_not_foreign():
    assert not foreign("", "localhost")
