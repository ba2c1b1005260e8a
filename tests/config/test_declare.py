# -*- test-case-name: tests.config.test_declare -*-
"""Declaring options as fields, and reading the declarations back."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from unittest import TestCase

from sockjsd.config import kinds
from sockjsd.config.declare import check_options, option, options_of
from sockjsd.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Oven:
    """A section for these tests."""

    name: str
    heat: int = option(kinds.whole(50, 250), 180, help="How hot.", when="for bread.", elsewhere="stove: temp")
    door: str | None = option(kinds.path, None, help="Which door.", when="never.", unset="the front door")
    code: str = option(kinds.secret, "", help="Who may open it.", when="at once.")

    def __post_init__(self) -> None:
        check_options(self)


class OptionTests(TestCase):
    """`option` and `options_of` are each other's inverse."""

    def test_options_are_listed_when_declared(self) -> None:
        """Declared fields are options, in their order; other fields are not."""
        self.assertEqual([each.name for each in options_of(Oven)], ["heat", "door", "code"])

    def test_option_knows_what_was_declared(self) -> None:
        """Nothing of a declaration is lost."""
        heat, door, _ = options_of(Oven)
        self.assertEqual((heat.default, heat.default_text), (180, "180"))
        self.assertEqual((heat.help, heat.when, heat.elsewhere), ("How hot.", "for bread.", "stove: temp"))
        self.assertEqual((door.unset, door.default, door.default_text), ("the front door", None, ""))

    def test_section_has_defaults_when_nothing_is_given(self) -> None:
        """The default of an option is the default of the field."""
        oven = Oven("big")
        self.assertEqual((oven.heat, oven.door, oven.code), (180, None, ""))

    def test_section_is_frozen_when_built(self) -> None:
        """A checked value cannot become an unchecked one."""
        with self.assertRaises(FrozenInstanceError):
            Oven("big").heat = 1000  # type: ignore[misc] # that is what must not work

    def test_secret_is_left_out_when_section_is_printed(self) -> None:
        """A log of the configuration has no password in it."""
        self.assertEqual(repr(Oven("big", code="hunter2")), "Oven(name='big', heat=180, door=None)")


class CheckOptionsTests(TestCase):
    """A section that is built by code is checked as well."""

    def test_value_is_refused_when_not_allowed(self) -> None:
        """The error names the option, what it got and what is allowed."""
        with self.assertRaises(ConfigurationError) as caught:
            Oven("big", heat=1000)
        self.assertEqual(str(caught.exception), "heat: got '1000'; allowed: a whole number from 50 to 250")
        self.assertIsNone(caught.exception.file)

    def test_secret_is_hidden_when_refused(self) -> None:
        """Neither the message nor its cause shows a password."""
        with self.assertRaises(ConfigurationError) as caught:
            Oven("big", code="hunter2\n")
        self.assertNotIn("hunter2", str(caught.exception))
        self.assertTrue(caught.exception.__suppress_context__)
