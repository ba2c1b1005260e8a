# -*- test-case-name: tests.http.test_plain -*-
"""What is read without llhttp, and that it means the same."""

from __future__ import annotations

from random import Random
from unittest import TestCase

from sockjsd.errors import HTTPError
from sockjsd.http import plain
from sockjsd.http.limits import Limits
from tests.http.heads import ACCEPTED, BY_LLHTTP, BY_US, GET, POST, WEBSOCKET
from tests.http.reading import ReaderTestCase

#: A browser's, shortened.
BROWSER = (
    "GET /echo/000/abc/websocket?a=b HTTP/1.1\r\nHost: example.com:8080\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n"
    "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    'Cookie: a=b; c="d"\r\n\r\n'
)

#: Each is one request, or a part of one, that is not plain.
OTHERS = (
    *(
        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    ),
    *("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", GET, "\r\n" + GET + "\r\n"),
    *(GET + "\r\n" + GET + "\r\n", GET + "\r\n\r\n", GET + "A:b\r\n\r\n", GET + "A:  b\r\n\r\n", GET + "A: b \r\n\r\n"),
    *(
        GET + "A: \r\n\r\n",
        GET + "A:\r\n\r\n",
        GET + "A: b\tc\r\n\r\n",
        GET + "A: \xe9\r\n\r\n",
        GET + "A.B: c\r\n\r\n",
    ),
    *(GET + "A: b\r\nA: c\r\n\r\n", GET + "A: b\r\na: c\r\n\r\n", GET + "A: B: c\r\n\r\n", GET + "A: b\r\n c\r\n\r\n"),
    *(GET + "Connection: close\r\n\r\n", POST + "Content-Length: 4\r\n\r\nabc", POST + "Content-Length: 3\r\n\r\nabcd"),
    *(POST + "Content-Length: +3\r\n\r\nabc", POST + "Content-Length: 0000000003\r\n\r\nabc"),
    *(POST + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", POST + "Upgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"),
)

LINES = (
    "GET / HTTP/1.1",
    "POST /a?b=c HTTP/1.1",
    "GET /a HTTP/1.1",
    "GET / HTTP/1.0",
    "PUT / HTTP/1.1",
    "GET /a#b HTTP/1.1",
)
NAMES = (
    "Host Content-Length Transfer-Encoding Connection Proxy-Connection Upgrade Expect Cookie Trailer X x_y A.b".split()
)
VALUES = (
    *("a", "a.b:80", "0", "3", "03", "-1", "3,3", "chunked", "close", "keep-alive", "Upgrade", "upgrade, close"),
    *(
        "websocket",
        "h2c",
        "100-continue",
        "",
        " ",
        "a\tb",
        "\xe9",
        "\x7f",
        "\x00",
        "x;y=z",
        "a: b",
        '"upgrade"',
        "Upgrade,",
    ),
)
#: Twice as likely as all that is wrong together.
SEPARATORS = (": ",) * 8 + (":", ":  ", " : ", ":\t")
ENDS = ("\r\n",) * 12 + ("\n", "\r", " \r\n", "\t\r\n", "\r\n ")
BODIES = ("", "", "", "abc", "3\r\nabc\r\n0\r\n\r\n", GET + "\r\n")


def read(text: str, limits: Limits | None = None) -> bool:
    """Return whether *text* (Latin-1) is read without llhttp."""
    return plain.read(text.encode("latin-1"), limits or Limits()) is not None


def made_up(random: Random) -> str:
    """Return a request, more or less."""
    fields = ["Host: a\r\n"] * random.choice((0, 1, 1, 1, 1))
    for _ in range(random.randrange(4)):
        fields.append("".join(map(random.choice, (NAMES, SEPARATORS, VALUES, ENDS))))
    return "".join((random.choice(LINES[: random.choice((2, 6))]), "\r\n", *fields, "\r\n", random.choice(BODIES)))


class PlainTests(TestCase):
    """What is plain."""

    def test_usual_requests_are(self) -> None:
        """The head is what stands there, and the body what follows."""
        found = plain.read(BROWSER.encode(), Limits())
        assert found is not None
        head, end = found
        self.assertEqual(
            (head.method, head.path, head.query, head.host),
            ("GET", "/echo/000/abc/websocket", "a=b", "example.com:8080"),
        )
        self.assertEqual((end, head.length, head.headers["cookie"]), (len(BROWSER), 0, 'a=b; c="d"'))
        self.assertEqual([*head.headers][-2:], ["sec-websocket-key", "cookie"])
        for text in (GET + "\r\n", POST + "Content-Length: 3\r\n\r\nabc", GET + WEBSOCKET + "\r\n"):
            with self.subTest(text):
                self.assertTrue(read(text))

    def test_whatever_else_there_is_is_not(self) -> None:
        """It is left to llhttp, unless a rule of ours refuses it."""
        for text in OTHERS:
            with self.subTest(text):
                try:
                    self.assertFalse(read(text))
                except HTTPError as error:
                    self.assertEqual(error.reason, "No Host")

    def test_limits_hold(self) -> None:
        """What is beyond them is llhttp's to refuse."""
        text = GET + "A: b\r\n\r\n"
        self.assertTrue(read(text, Limits(head_limit=len(text), head_fields=2)))
        self.assertFalse(read(text, Limits(head_limit=len(text) - 1)))
        self.assertFalse(read(text, Limits(head_fields=1)))


class MeaningTests(ReaderTestCase):
    """It means what llhttp makes of it."""

    def test_every_request_of_the_tables(self) -> None:
        """Accepted and refused."""
        for text in (*OTHERS, BROWSER, *(row.text for row in (*ACCEPTED, *BY_LLHTTP, *BY_US))):
            with self.subTest(text):
                self.assert_as_llhttp(text)

    def test_every_sign_everywhere(self) -> None:
        """In a method, a target, a version, a name, a value, before and behind each of them."""
        for code in range(256):
            for text in (
                "G~ET / HTTP/1.1\r\nHost: a\r\n",
                "GET~ / HTTP/1.1\r\nHost: a\r\n",
                "GET ~/ HTTP/1.1\r\nHost: a\r\n",
            ):
                with self.subTest(code, text=text):
                    self.assert_as_llhttp(text.replace("~", chr(code)) + "\r\n")
            for line in ("GET /~ HTTP/1.1", "GET / HTTP~/1.1", "GET / HTTP/1.1~"):
                with self.subTest(code, line=line):
                    self.assert_as_llhttp(f"{line}\r\nHost: a\r\n\r\n".replace("~", chr(code)))
            for field in (
                "~A: b",
                "A~: b",
                "A~B: c",
                "A:~b",
                "A: ~b",
                "A: b~",
                "A: b~c",
                "Content-Length: 0~",
                "Host: b~",
            ):
                with self.subTest(code, field=field):
                    self.assert_as_llhttp(f"GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n".replace("~", chr(code)))

    def test_whatever_is_made_up(self) -> None:
        """Some on one connection; where it is unusual in one place, it may be unusual in another."""
        random = Random(1)
        plainly = 0
        for number in range(3000):
            texts = [made_up(random) for _ in range(random.randrange(1, 4))]
            limits = Limits(head_limit=random.choice((16384, 50)), head_fields=random.choice((100, 2)))
            with self.subTest(number, texts=texts):
                self.assert_as_llhttp(*texts, limits=limits)
            plainly += any(self.is_plain(text) for text in texts)
        self.assertGreater(plainly, 500, "or else nothing was compared")

    def is_plain(self, text: str) -> bool:
        """Return whether *text* is read without llhttp."""
        try:
            return read(text)
        except HTTPError:
            return False


class NameTests(TestCase):
    """Names of fields, which are remembered for all connections."""

    def setUp(self) -> None:
        """Begin with none, and leave none behind."""
        plain.NAMES.clear()
        self.addCleanup(plain.NAMES.clear)

    def read_fields(self, *names: str) -> None:
        """Read one request with these fields, which come out in lower case."""
        text = GET + "".join(f"{name}: x\r\n" for name in names) + "\r\n"
        found = plain.read(text.encode(), Limits(head_fields=1000))
        assert found is not None
        self.assertEqual([*found[0].headers], ["host", *(name.lower() for name in names)])

    def test_names_that_come_are_remembered_after_many_that_were_made_up(self) -> None:
        """Whoever made them up has spoilt nothing for good; and their number is bounded."""
        self.read_fields(*(f"A{number}" for number in range(plain._MOST_NAMES)))
        self.assertLessEqual(len(plain.NAMES), plain._MOST_NAMES)
        self.read_fields("Accept-Language")
        self.assertEqual(plain.NAMES["Accept-Language"], "accept-language")

    def test_long_name_is_not_remembered(self) -> None:
        """It could have as many bytes as a head."""
        fitting = "A" * plain._LONGEST_NAME
        self.read_fields(fitting, fitting + "B")
        self.assertEqual([*plain.NAMES], ["Host", fitting])

    def test_values_are_not_remembered(self) -> None:
        """Not even where they look like fields: they may be secret."""
        self.assertFalse(read(GET + "Cookie: a: secret\r\n\r\n"))
        self.assertEqual([*plain.NAMES], [])
