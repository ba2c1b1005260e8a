# -*- test-case-name: tests.test_example -*-
"""What may be published."""

from __future__ import annotations

from django import forms


class HeadlineForm(forms.Form):
    """One headline."""

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
