"""A resource of Azure OpenAI: OpenAI's protocol under its own v1 path (from docs, not recorded)."""

from fake_openai import FakeOpenAI


class FakeAzureOpenAI(FakeOpenAI):
    routes = tuple((method, "/openai" + path, name) for method, path, name in FakeOpenAI.routes)
