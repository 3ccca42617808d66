"""Engines with a script, for the tests of the worker and the runner: they answer, stall, die or lie as told by their input."""

import os
import signal
import time

import numpy as np

from engine.audio import Audio
from engine.contract import BadInput, Classify, Engine, EngineSpec, Facts, Mark, Stem, Tag, Text, Transcribe, Usage, Word


def spec(engine, name="stub", task="asr", **more):
    known = dict(
        id=f"stub/{name}",
        task=task,
        name=f"Stub {name}",
        vendor="Stub",
        system="Stub",
        engine=engine,
        where="local",
        model=name,
        license_code="Apache-2.0",
        license_weights=None,
        languages=("en",),
        summary="answers by script",
        docs_url=None,
        checked_on="2026-11-20",
        honours=("language", "prompt", "word_times"),
        packages=("numpy",),
    )
    return EngineSpec(**(known | more))


class Scripted(Engine):
    """The request's prompt says what happens."""

    def load(self):
        self.loads = getattr(self, "loads", 0) + 1

    def run(self, request, timeout_s):
        script = (request.prompt or "say hello").split()
        for word in script:
            if word == "print":
                print("a library that prints")
                os.write(1, b"a library that writes to fd 1\n")
            elif word == "prompt":
                input("agree? ")
            elif word == "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            elif word == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            elif word == "exit":
                os._exit(3)
            elif word == "raise":
                raise RuntimeError("the model said no\nwith details")
            elif word == "refuse":
                raise BadInput("stub takes only loud sounds")
            elif word == "memory":
                raise MemoryError
            elif word == "stall":
                time.sleep(600)
            elif word == "half":
                yield Text("half an ans", final=False)
            elif word == "words":
                yield Text("two words", words=(Word("two", 0.0, 0.5, 0.9), Word("words", 0.5, 1.0, None, "A")), language="en")
            elif word == "echo":
                yield Text(f"{request.audio.channels} channels {request.audio.frames} frames {request.audio.peak:.3f} peak")
            elif word == "pid":
                yield Text(str(os.getpid()))
            elif word == "empty":
                yield Text("")
            elif word == "facts":
                yield Facts(device="cpu", dtype="float32", request_id="r-1", server_s=0.01, sent={"model": self.spec.model})
            elif word == "usage":
                yield Usage({"input_audio_seconds": 60.0})
            elif word == "mark":
                yield Mark("uploaded")
            elif word == "nothing":
                return
            elif word != "say":
                yield Text(word)


class Sounds(Engine):
    """Two stems of the input and a tag for the shape of it."""

    def run(self, request, timeout_s):
        if isinstance(request, Classify):
            yield Tag("loud", np.float32(0.75), 0.0, request.audio.seconds)
            return
        yield Stem("all", request.audio)
        yield Stem("nothing", Audio(np.zeros_like(request.audio.samples), request.audio.rate))


class CannotLoad(Engine):
    def load(self):
        raise OSError("weights not found")

    def run(self, request, timeout_s):
        yield Text("never")


def transcribe(script, seconds=1.0, rate=16_000):
    return Transcribe(Audio(np.full((1, round(seconds * rate)), 0.5, np.float32), rate), prompt=script)


ENGINES = [
    spec(Scripted),
    spec(Sounds, "sounds", "separation"),
    spec(CannotLoad, "broken"),
    spec(Scripted, "other"),
]
