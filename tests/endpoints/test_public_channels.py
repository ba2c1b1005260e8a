# -*- test-case-name: tests.endpoints.test_public_channels -*-
"""Which channels a request may choose by itself."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.namespaces import Namespaces
from sockjsd.config.namespace import Namespace
from sockjsd.endpoints.public_channels import PublicChannels
from sockjsd.errors import HTTPError

OPEN = Namespace(allow_subscribe="anyone")
NAMESPACES = {
    "": OPEN,
    "mine": Namespace("mine", allow_subscribe="user"),
    "deal": Namespace("deal", allow_subscribe="token"),
    "none": Namespace("none", allow_subscribe="nobody"),
}


class PublicChannelsTests(SynchronousTestCase):
    """Names, and what becomes of them."""

    def setUp(self) -> None:
        """Allow three."""
        self.public = PublicChannels(Namespaces(NAMESPACES).of, 3)

    def test_channels_for_everybody_are_chosen(self) -> None:
        """Each once, in an order that does not depend on the request's."""
        found = self.public.chosen(["b", "a", "b"])
        self.assertEqual([("a", OPEN), ("b", OPEN)], list(found.items()))

    REFUSED = (
        ([], 400, "Say which channels: ?channel=NAME&channel=NAME"),
        ([""], 400, "'' (0 characters) cannot be a channel's name"),
        (["a b"], 400, "'a b' (3 characters) cannot be"),
        (["a\n"], 400, "'a\\n' (2 characters) cannot be"),
        (["elsewhere:a"], 400, "'elsewhere' is no namespace"),
        (["a", "b", "c", "d"], 400, "4 channels; allowed: 3"),
        (["mine:a"], 403, "'mine:a' is not for everybody"),
        (["deal:a"], 403, "'deal:a' is not for everybody"),
        (["none:a"], 403, "'none:a' is not for everybody"),
        (["inbox#42"], 403, "'inbox#42' is not for everybody"),
        (["a", "none:a"], 403, "'none:a' is not for everybody"),
    )

    def test_others_are_refused(self) -> None:
        """All or none; the sentence says which one and why, with nothing of the peer's unescaped."""
        for names, status, words in self.REFUSED:
            with self.subTest(names=names):
                error = self.assertRaises(HTTPError, self.public.chosen, names)
                self.assertEqual((status, False), (error.status, error.close))
                self.assertTrue(error.reason.startswith(words), error.reason)
