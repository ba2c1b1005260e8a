# -*- test-case-name: tests.django.test_encoding -*-
"""The data of a publication as compact JSON text that is always valid UTF-8."""

from __future__ import annotations

import json
import re

from django.core.serializers.json import DjangoJSONEncoder

from sockjsd.errors import NotJSON

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def encode_data(data: object) -> str:
    """Return *data* as JSON; dates, UUIDs and lazy strings are written as Django does.

    Half of a surrogate pair (JavaScript and broken inputs make some) has no UTF-8
    form and is written as its ``\\u`` escape, which is the same JSON.

    :raises NotJSON: an object that JSON has no form for, NaN or infinity, a cycle.
    """
    try:
        text = json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJSON(f"the data cannot be written as JSON: {error}") from error
    # Beyond ASCII only the inside of a JSON string can be, so the escape fits wherever it stands.
    return text if text.isascii() else _LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
