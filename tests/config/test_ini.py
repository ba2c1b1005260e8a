# -*- test-case-name: tests.config.test_ini -*-
"""Reading INI files: what a value is, where it stands, and what is no INI file."""

from __future__ import annotations

import configparser
import os

from sockjsd.config.ini import Block, _converted, read_ini, shown_name
from sockjsd.errors import ConfigurationError
from tests.config.files import FilesTestCase

#: Text of a file, the error without the folder.
BROKEN: list[tuple[str | bytes, str]] = [
    ("[a]\nx = 1\nx = 2\n", "a.ini:3: [a] 'x' stands there twice; allowed: once in a section"),
    ("[a]\n[b]\n\n[a]\n", "a.ini:4: the section [a] stands there twice; allowed: each section once"),
    ("\n# c\nx = 1\n", "a.ini:3: a line before the first section; allowed there: a heading such as [server]"),
    ("[a]\nx = 1\nhunter2\n", "a.ini:3: a line that is neither a heading nor an option; allowed: [section]"),
    ("[a]\nx: hunter2\n", "a.ini:2: a line that is neither a heading nor an option"),
    ("[a]\n= hunter2\n", "a.ini:2: a line that is neither a heading nor an option"),
    ("x: hunter2\n", "a.ini:1: a line before the first section"),
    ("[a]\nx: hunter2?b=1\nx: hunter2?b=1\n", "a.ini:3: [a] 'x' with more text before its = stands there twice"),
    ("[a] # hunter2\n", "a.ini:1: more text after the heading [a]; allowed: a heading on a line of its own"),
    (b"[a]\nx = \xff\n", "a.ini:2: byte 0xff is not UTF-8; allowed: a text file saved as UTF-8"),
    ("[a]\nx = é\n".encode("utf-16"), "a.ini:1: byte 0xff is not UTF-8"),
]


def texts(blocks: list[Block]) -> dict[str, dict[str, str]]:
    """The texts of *blocks*, by heading and option."""
    return {block.heading: {name: value.text for name, value in block.values.items()} for block in blocks}


def places(blocks: list[Block]) -> dict[str, int | None]:
    """The lines of *blocks*, by heading and by option."""
    lines: dict[str, int | None] = {}
    for block in blocks:
        lines[f"[{block.heading}]"] = block.line
        lines.update({name: value.line for name, value in block.values.items()})
    return lines


class ValueTests(FilesTestCase):
    """A value is what one sees."""

    def test_value_is_literal_when_it_has_signs_that_other_files_treat_specially(self) -> None:
        """``%``, ``#``, ``;``, ``:``, ``=`` and quotes inside a value mean themselves."""
        path = self.write("""\
            [a]
            hash = a # b
            semicolon = a ; b;c
            percent = 50% %(hash)s ${hash}
            colon = redis://h:1
            equals = a=b = c
            quotes = "a"
            """)
        self.assertEqual(
            texts(read_ini(path)),
            {
                "a": {
                    "hash": "a # b",
                    "semicolon": "a ; b;c",
                    "percent": "50% %(hash)s ${hash}",
                    "colon": "redis://h:1",
                    "equals": "a=b = c",
                    "quotes": '"a"',
                }
            },
        )

    def test_line_is_a_comment_when_it_begins_with_a_sign(self) -> None:
        """Whole lines only, indented or not, also within a value."""
        path = self.write("# one\n; two\n[a]\n  # three\nx = 1\n  # four\n  2\n")
        self.assertEqual(texts(read_ini(path)), {"a": {"x": "1\n2"}})

    def test_value_has_lines_when_they_are_indented(self) -> None:
        """Lines keep their order; the first may be empty."""
        path = self.write("[a]\nx =\n  one\n\n  two\ny = z\n")
        self.assertEqual(texts(read_ini(path)), {"a": {"x": "\none\n\ntwo", "y": "z"}})

    def test_name_keeps_its_case_when_read(self) -> None:
        """``X`` is not ``x``, so that a slip is found."""
        self.assertEqual(texts(read_ini(self.write("[a]\nX = 1\nx = 2\n"))), {"a": {"X": "1", "x": "2"}})

    def test_value_is_empty_when_nothing_follows(self) -> None:
        """An empty value is a value."""
        self.assertEqual(texts(read_ini(self.write("[a]\nx =\n"))), {"a": {"x": ""}})

    def test_default_section_is_one_like_others_when_given(self) -> None:
        """Nothing leaks from ``[DEFAULT]`` into other sections."""
        self.assertEqual(texts(read_ini(self.write("[DEFAULT]\nx = 1\n[a]\n"))), {"DEFAULT": {"x": "1"}, "a": {}})

    def test_file_is_read_when_an_editor_left_its_marks(self) -> None:
        """A byte order mark and Windows line ends are no part of it."""
        path = self.write(b"\xef\xbb\xbf[a]\r\nx = \xc3\xa9\r\ny = 2\r\n")
        self.assertEqual(texts(read_ini(path)), {"a": {"x": "é", "y": "2"}})

    def test_file_is_read_when_empty(self) -> None:
        """No text, no sections."""
        self.assertEqual(read_ini(self.write("")), [])


class PlaceTests(FilesTestCase):
    """Each value knows where it stands."""

    def test_line_is_known_when_comments_and_further_lines_stand_between(self) -> None:
        """Lines are counted from 1, as editors do."""
        path = self.write("# c\n\n[a]\nx = 1\n  2\n# c\ny = 3\n\n[b c]\n\nx2 = 1\n")
        self.assertEqual(places(read_ini(path)), {"[a]": 3, "x": 4, "y": 7, "[b c]": 9, "x2": 11})

    def test_heading_in_a_value_is_no_section_when_indented(self) -> None:
        """It belongs to the value, and the section's own line stays."""
        path = self.write("[a]\nx = 1\n  [b] more\n[b]\ny = 2\n")
        self.assertEqual(texts(read_ini(path)), {"a": {"x": "1\n[b] more"}, "b": {"y": "2"}})

    def test_value_knows_file_and_folder(self) -> None:
        """The file as it was named, for errors; its folder, for relative paths."""
        [block] = read_ini(self.write("[a]\nx = 1\n"))
        self.assertEqual((block.values["x"].file, block.values["x"].folder), (self.path(), self.folder))
        self.assertEqual(block.file, self.path())

    def test_folder_is_absolute_when_path_is_relative(self) -> None:
        """A daemon that changes its folder later still finds its files."""
        [block] = read_ini(os.path.relpath(self.write("[a]\nx = 1\n")))
        self.assertEqual(os.path.realpath(block.values["x"].folder), self.folder)
        self.assertTrue(os.path.isabs(block.values["x"].folder))


class BrokenFileTests(FilesTestCase):
    """One message with the line, and nothing of what could be a secret."""

    def test_error_names_line_when_file_is_broken(self) -> None:
        """Every way in which a text is no INI file of ours."""
        for text, problem in BROKEN:
            with self.subTest(text=text), self.assertRaises(ConfigurationError) as caught:
                read_ini(self.write(text))
            self.assertTrue(self.shorten(caught.exception).startswith(problem), self.shorten(caught.exception))
            self.assertNotIn("hunter2", str(caught.exception))

    def test_error_names_file_when_it_cannot_be_read(self) -> None:
        """Missing, or a folder."""
        for path, reason in [(self.path("none.ini"), "No such file"), (self.folder, "Is a directory")]:
            with self.subTest(path=path), self.assertRaises(ConfigurationError) as caught:
                read_ini(path)
            self.assertTrue(str(caught.exception).startswith(f"{path}: cannot be read: {reason}"))

    def test_error_is_ours_when_the_parser_has_a_new_one(self) -> None:
        """What later Pythons may find wrong is still one sentence with the file."""
        error = _converted(configparser.Error("hunter2"), "a.ini")
        self.assertEqual(str(error), "a.ini: not an INI file; allowed: [section], option = value, # comment")

    def test_section_makes_an_error_when_it_is_wrong_as_a_whole(self) -> None:
        """The error stands at the heading."""
        [block] = read_ini(self.write("\n[a]\n"))
        self.assertEqual(self.shorten(block.wrong("too short")), "a.ini:2: too short")


class ShownNameTests(FilesTestCase):
    """An option's name in an error."""

    def test_name_is_cut_when_it_holds_more_than_a_name(self) -> None:
        """What stands between the name and a later ``=`` can be a value."""
        for name, shown in [
            ("url", "'url'"),
            ("url: redis://:hunter2@h?db", "'url' with more text before its ="),
            ("é", "'' with more text before its ="),
        ]:
            with self.subTest(name=name):
                self.assertEqual(shown_name(name), shown)
