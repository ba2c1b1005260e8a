# -*- test-case-name: tests.sockjs.test_eventsource_envelope -*-
"""``sockjsd.sockjs.envelopes``: what an EventSource's data have to survive in sockjs-client."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.sockjs import frames
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.envelopes import EVENTSOURCE

#: Messages that a client which decodes percent signs could take for something else.
PERCENT_SIGNS = ("100%", "%41", "%25", "%", "%%", "%E4", "50 % off", "%2Fa")


class EventSourceEnvelopeTests(SynchronousTestCase):
    """sockjs-client gives the data of each event to JavaScript's ``decodeURI``."""

    def test_percent_signs_survive_client(self) -> None:
        """Decoding what is sent brings the frame back, whatever it holds."""
        for message in PERCENT_SIGNS:
            with self.subTest(message=message):
                sent = Batch([message]).encoded(EVENTSOURCE)
                data = sent.removeprefix(b"data: ").removesuffix(b"\r\n\r\n")
                self.assertEqual(unquote_to_bytes(data), frames.array(frames.quote(message)))

    def test_percent_sign_in_reason_of_close_is_escaped(self) -> None:
        """All frames take the same way."""
        self.assertEqual(EVENTSOURCE.wrap(frames.close(3001, "100%")), b'data: c[3001,"100%25"]\r\n\r\n')

    def test_other_frames_stay_as_they_are(self) -> None:
        """Nothing else is escaped, so that a plain EventSource can read them."""
        self.assertEqual(EVENTSOURCE.wrap(frames.OPEN), b"data: o\r\n\r\n")
