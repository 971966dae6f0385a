"""Facts -> Message, through the templates of this package."""

from __future__ import annotations

import base64
import re
import textwrap
from functools import cache

import jinja2

from monitor.alert import Kind
from monitor.message.facts import Facts, Message, Picture
from monitor.message.paragraphs import (
    doubts,
    lead,
    listed,
    missing,
    own_looks,
    place,
    provenance,
    state_word,
    subject,
    sure,
)
from monitor.message.wording import clean_facts, day, not_shown, number, rating, relation, unit_sign

WIDTH = 76
"""Columns of the text part."""

PICTURES = {
    "before_after": "Before and after, from the same track and with the same grey scale.",
    "series": "The series: every usable look against what was expected of it.",
}


@cache
def templates() -> jinja2.Environment:
    """The templates of this package; HTML ones escape what is put into them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("monitor"),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(wrap=_wrap, bullet=_bullet, day=day, rating=rating, relation=relation)
    return environment


def _wrap(text: str, indent: int = 0) -> str:
    return _filled(text, " " * indent, " " * indent)


def _bullet(text: str) -> str:
    return _filled(text, "- ", "  ")


def _filled(text: str, first: str, later: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )


def render(facts: Facts) -> Message:
    """The message for one step of one incident. The same facts give the same message."""
    facts = clean_facts(facts)
    title = subject(facts)
    pictures = {name: _picture(facts, name) for name in PICTURES if name in facts.pictures}
    words = {
        "subject": title,
        "facts": facts,
        "state": state_word(facts.change),
        "lead": lead(facts),
        "sure": sure(facts),
        "doubts": doubts(facts),
        "missing": missing(facts),
        "looks": listed(facts),
        "looks_of": len(own_looks(facts)),
        "unit": unit_sign(facts.unit),
        "number": number,
        "not_shown": not_shown(facts.change.incident.measure),
        "provenance": provenance(facts),
        "pictures": list(pictures.values()),
        "blind": facts.change.incident.kind is Kind.BLIND,
    }
    return Message(
        subject=title,
        text=_tidy(templates().get_template("alert.txt.j2").render(words)),
        html=templates().get_template("alert.html.j2").render(words),
        images={picture.cid: facts.pictures[name] for name, picture in pictures.items()},
        message_key=facts.change.id,
    )


def standing_alone(message: Message) -> str:
    """The HTML part as a page that needs nothing else: its pictures are inside."""
    page = message.html
    for cid, png in message.images.items():
        page = page.replace(f"cid:{cid}", data_address(png))
    return page


def data_address(png: bytes) -> str:
    """The picture as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _tidy(text: str) -> str:
    """At most one empty line in a row, none at the ends."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _picture(facts: Facts, name: str) -> Picture:
    # A content id is unique over mails, or a client may show the picture of another one.
    key = re.sub(r"[^a-z0-9._-]+", "-", facts.change.id.lower())
    simulated = "SIMULATED. " if facts.simulated else ""
    alt = f"{simulated}{place(facts)}: {PICTURES[name]}"
    return Picture(cid=f"{name}.{key}@quaywatch", caption=PICTURES[name], alt=alt)
