# -*- test-case-name: tests.test_example -*-
"""What may be published: headlines, and what is said in the chat.

Nothing is escaped: texts stay texts, and the pages put them into their documents as texts.
"""

from __future__ import annotations

import unicodedata

from django import forms
from django.core.exceptions import ValidationError

#: Channels for headlines.
CHANNELS = ("news", "weather")
#: Characters of a text, a name and a room.
TEXT_LIMIT, NAME_LIMIT, ROOM_LIMIT = 500, 24, 24


class HeadlineForm(forms.Form):
    """One headline, and where it goes: to ``news``, unless somebody says otherwise."""

    title = forms.CharField(
        max_length=120,
        label="Headline",
        error_messages={"required": "Write a headline first."},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "enterkeyhint": "send",
                "autofocus": True,
                "aria-describedby": "id_title_error",
            }
        ),
    )
    channel = forms.ChoiceField(choices=[(name, name) for name in CHANNELS], required=False)

    def clean_channel(self) -> str:
        """Return where it goes."""
        return self.cleaned_data["channel"] or CHANNELS[0]


class EnterForm(forms.Form):
    """A visitor's name."""

    name = forms.CharField(
        max_length=NAME_LIMIT,
        error_messages={
            "required": "Write your name first.",
            "max_length": f"The name is longer than {NAME_LIMIT} characters.",
        },
    )

    def clean_name(self) -> str:
        """Return it with single spaces."""
        name = " ".join(self.cleaned_data["name"].split())
        if not name.isprintable():
            raise ValidationError("The name has characters that cannot be seen.")
        return name


class SayForm(forms.Form):
    """Words for a room.

    ``key`` is the page's own name for them, 128 random bits: sent again with the same key they are published once.
    """

    room = forms.RegexField(
        rf"\A[a-z0-9_-]{{1,{ROOM_LIMIT}}}\Z",
        error_messages={
            "required": "Name a room.",
            "invalid": f"A room's name has 1 to {ROOM_LIMIT} of the letters a to z, digits, - and _.",
        },
    )
    text = forms.CharField(
        max_length=TEXT_LIMIT,
        error_messages={
            "required": "Say something.",
            "max_length": f"The text is longer than {TEXT_LIMIT} characters.",
        },
    )
    key = forms.RegexField(r"\A[0-9a-f]{32}\Z", error_messages={"invalid": "That was not understood."})

    def clean_text(self) -> str:
        """Return it on one line, without what no text needs: control characters."""
        text = "".join(" " if unicodedata.category(each) == "Cc" else each for each in self.cleaned_data["text"])
        return text.strip()
