"""Texts that repeat one piece: what a pattern that looks back takes longest over."""

from __future__ import annotations

# What a text begins with, and what is repeated after it.
SHAPES: tuple[tuple[str, str], ...] = (
    ("", "x"),
    ("", "lorem ipsum dolor sit amet "),
    ("/key", "a-"),
    ("", "keya-"),
    ("pass", "pass-"),
    ("secret.", "a."),
    ("token", "_a"),
    ("https://", "a.b-"),
    ("https://user:", "a%40"),
    ("", "://"),
    ("", "a://b@"),
    ("", "sk-a."),
    ("", "eyJ"),
    ("Authorization: ", "Bearer "),
    ("cookie", " "),
    ("authorization", "\t"),
    ("charset", "= "),
    ("?key", "&a="),
    ("?", "a-b."),
    ("%", "25"),
    ("%6b", "%2541"),
    ("a", "%3D"),
    ("", "\\"),
    ('"', '\\"'),
    ('{"a":', '{"a":'),
    ("", "[["),
    ("'", "'\""),
    ("", "\\n"),
    ("", "1"),
    ("", "9" * 199 + ","),
    ("", "a=b,"),
    ("", " ,"),
    ("", "/"),
    ("", "../"),
    ("", ";"),
    ("", "\r\n"),
    ("é", "\u0323\u0301"),
    ("", "\u0130"),
    ("", "$a"),
    ("label_values(", "a, "),
)


def written(start: str, piece: str, size: int) -> str:
    """A text of a shape, of so many characters."""
    return (start + piece * (size // len(piece) + 1))[:size]
