"""One live conversation: sound goes out at the pace of a microphone while the vendor's messages come in."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from engine.audio import Audio
from engine.contract import BadResponse, Mark
from providers._http import Line

CHUNK_S = 0.1  # what a microphone hands over at a time


def converse(
    line: Line,
    connection: Any,
    audio: Audio,
    ending: Sequence[str],
    pack: Callable[[Audio], bytes | str] = Audio.to_pcm16,
    hangs_up: bool = False,
) -> Iterator[Mark | dict[str, Any]]:
    """Sends `audio` chunk by chunk as `pack` writes it, then the messages of `ending`; yields what comes back meanwhile.

    Yields the vendor's JSON objects in order, and Mark("speech_end") when the last sound has gone out. The caller stops
    reading at the vendor's closing message; a vendor that has none and `hangs_up` instead must do so after the end of speech.
    Raises BadResponse when the vendor hangs up otherwise, or sends anything but JSON objects.
    """
    spoken = False
    arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def send() -> None:
        try:
            for chunk in audio.chunks(CHUNK_S, paced=True):
                connection.send(pack(chunk))
            arrived.put(Mark("speech_end"))
            for message in ending:
                connection.send(message)
        except Exception:  # noqa: BLE001 - a dead connection; the receiver sees the same and knows why
            return

    def receive() -> None:
        try:
            for message in connection:
                arrived.put(message)
            arrived.put(None)
        except Exception as error:  # noqa: BLE001 - raised again where the messages are yielded
            arrived.put(error)

    for work in (send, receive):
        threading.Thread(target=work, name=f"{line.engine_id} {work.__name__}", daemon=True).start()
    while True:
        item = arrived.get()
        if isinstance(item, Mark):
            spoken = True
            yield item
        elif isinstance(item, Exception):
            raise item
        elif item is None and hangs_up and spoken:
            return
        elif item is None:
            raise BadResponse(f"{line.engine_id} ended its stream without the closing report")
        else:
            with line.reading("transcription messages"):
                message = json.loads(item)
                if not isinstance(message, dict):
                    raise TypeError(type(message))
            yield message
