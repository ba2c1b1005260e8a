# -*- test-case-name: tests.channels.protocol.test_commands -*-
"""Commands of clients: what they become, and which are refused."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.channels.protocol.commands import (
    METHODS,
    Command,
    Connect,
    History,
    Ping,
    Pong,
    Presence,
    PresenceStats,
    Publish,
    Refresh,
    Request,
    Rpc,
    Send,
    SubRefresh,
    Subscribe,
    Unknown,
    Unsubscribe,
    decode,
)
from sockjsd.channels.publications import Position
from sockjsd.errors import MalformedCommand

#: A line, what it becomes.
GOOD: list[tuple[str, int, Request]] = [
    ('{"id":1,"connect":{}}', 1, Connect()),
    (
        '{"connect":{"token":"t","data":{"a":1.0},"name":"js","version":"5"},"id":2}',
        2,
        Connect("t", '{"a":1.0}', {}, "js", "5"),
    ),
    (
        '{"id":1,"connect":{"subs":{"news":{"recover":true,"epoch":"e","offset":7},"b":{}}}}',
        1,
        Connect(
            subs={"news": Subscribe("news", recover=True, since=Position(7, "e")), "b": Subscribe("b")},
        ),
    ),
    ('{"id":3,"refresh":{"token":"t"}}', 3, Refresh("t")),
    ('{"id":3,"subscribe":{"channel":"news"}}', 3, Subscribe("news")),
    (
        '{"id":3,"subscribe":{"channel":"n","token":"t","recover":true,"epoch":"e","offset":18446744073709551615,'
        '"data":null,"positioned":true,"recoverable":true,"join_leave":true}}',
        3,
        Subscribe("n", "t", "", True, Position(2**64 - 1, "e"), True, True, True),
    ),
    (
        '{"id":3,"subscribe":{"channel":"n","flag":3,"tf":{"a": 1},"type":2,"delta":"fossil"}}',
        3,
        Subscribe("n", flag=3, tf='{"a": 1}', type=2),
    ),
    ('{"id":3,"sub_refresh":{"channel":"n","token":"t"}}', 3, SubRefresh("n", "t")),
    ('{"id":3,"unsubscribe":{"channel":"n"}}', 3, Unsubscribe("n")),
    ('{"id":3,"publish":{"channel":"n","data":"x"}}', 3, Publish("n", '"x"')),
    (' { "id" : 3 , "publish" : {"data": [1e5, 1.0] ,"channel":"n"} } ', 3, Publish("n", "[1e5, 1.0]")),
    ('{"id":3,"publish":{"channel":"n","data":{"a":"\\ud800"}}}', 3, Publish("n", '{"a":"\\ud800"}')),
    ('{"id":3,"presence":{"channel":"n"}}', 3, Presence("n")),
    ('{"id":3,"presence_stats":{"channel":"n"}}', 3, PresenceStats("n")),
    ('{"id":3,"history":{"channel":"n"}}', 3, History("n")),
    (
        '{"id":3,"history":{"channel":"n","limit":-1,"since":{"offset":3,"epoch":"e"},"reverse":true}}',
        3,
        History("n", -1, Position(3, "e"), True),
    ),
    ('{"id":3,"history":{"channel":"n","since":{}}}', 3, History("n", 0, Position())),
    ('{"id":3,"rpc":{"method":"sum","data":[1,2]}}', 3, Rpc("sum", "[1,2]")),
    ('{"send":{"data":1}}', 0, Send("1")),
    ('{"id":5,"send":{"data":1}}', 5, Send("1")),
    ('{"id":3,"ping":{}}', 3, Ping()),
    ("{}", 0, Pong()),
    ('{"id":3}', 3, Unknown()),
    ('{"id":3,"dance":{}}', 3, Unknown()),
    ('{"id":3,"new":[1],"ping":{"of":"a newer SDK"}}', 3, Ping()),
    ('{"id":3,"connect":{"headers":{"a":"b"},"flag":1}}', 3, Connect()),
    ('{"id":3,"connect":null,"ping":{}}', 3, Ping()),
]

#: A line, the end of the error.
BAD: list[tuple[str, str]] = [
    ("", "a message without a command"),
    (" \n\n ", "a message without a command"),
    ("hello", "a command that cannot be read: it is not an object"),
    ("[]", "a command that cannot be read: it is not an object"),
    ('{"id":1,"ping":{}', "a command that cannot be read: ',' is missing"),
    ('{"id":1,"ping":{}}x', "a command that cannot be read: something follows the end"),
    ('{"id":1,"ping":[]}', "a command that cannot be read: it is not an object"),
    ('{"id":1,"publish":' + "[" * 100_000, "a command that cannot be read: it is nested too deeply"),
    ('{"ping":{}}', "a command without an id"),
    ('{"dance":{}}', "a command without an id"),
    ('{"id":0,"ping":{}}', "a command without an id"),
    ('{"id":"1","ping":{}}', "id has to be a whole number"),
    ('{"id":true,"ping":{}}', "id has to be a whole number"),
    ('{"id":1.5,"ping":{}}', "id has to be a whole number"),
    ('{"id":36893488147419103232,"ping":{}}', "id has to be a whole number"),
    ('{"id":1,"subscribe":{"channel":1}}', "channel has to be a string"),
    ('{"id":1,"subscribe":{"recover":1}}', "recover has to be true or false"),
    ('{"id":1,"subscribe":{"offset":"1"}}', "offset has to be a whole number"),
    ('{"id":1,"subscribe":{"offset":-1}}', "offset has to be 0 or more"),
    ('{"id":1,"subscribe":{"epoch":1}}', "epoch has to be a string"),
    ('{"id":1,"history":{"since":1}}', "a command that cannot be read: it is not an object"),
    ('{"id":1,"connect":{"subs":[]}}', "a command that cannot be read: it is not an object"),
    ('{"id":1,"connect":{"subs":{"a":1}}}', "a command that cannot be read: it is not an object"),
    ('{"id":1,"publish":{"data":NaN}}', "NaN is no JSON"),
]


class DecodeTests(TestCase):
    """From text to commands."""

    def test_command_is_read_when_it_is_one(self) -> None:
        """Every method, with and without its members."""
        for line, number, request in GOOD:
            with self.subTest(line=line):
                self.assertEqual(decode(line), [Command(number, request)])

    def test_command_is_refused_when_it_is_none(self) -> None:
        """The error says what is wrong, and repeats nothing."""
        for line, problem in BAD:
            with self.subTest(line=line[:60]), self.assertRaises(MalformedCommand) as caught:
                decode(line)
            self.assertTrue(str(caught.exception).endswith(problem), str(caught.exception))

    def test_commands_are_read_together_when_each_has_a_line(self) -> None:
        """In their order; empty lines do no harm."""
        lines = [line for line, _, _ in GOOD]
        whole = [Command(number, request) for _, number, request in GOOD]
        self.assertEqual(decode("\n".join(lines)), whole)
        self.assertEqual(decode("\n\n".join(lines) + "\r\n"), whole)

    def test_nothing_is_read_when_one_of_several_is_broken(self) -> None:
        """What cannot be understood ends the connection, so half of it must not have been done."""
        with self.assertRaises(MalformedCommand):
            decode('{"id":1,"ping":{}}\n{"id":2,"ping":{}')

    def test_subscription_is_all_or_nothing_when_its_flag_says_so(self) -> None:
        """The second bit."""
        found = [Subscribe(flag=flag).all_or_nothing for flag in (0, 1, 2, 3, 4)]
        self.assertEqual(found, [False, False, True, True, False])

    def test_command_knows_its_method(self) -> None:
        """The reply uses the same word."""
        for name, kind in METHODS.items():
            self.assertEqual(Command(1, kind()).method, name)
        self.assertEqual([Command(1, Unknown()).method, Command(0, Pong()).method], ["", ""])
