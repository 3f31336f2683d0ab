from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.reports.encoding import decode, detect

RUSSIAN = "Лёгкие без очаговых и инфильтративных изменений. Сердце не увеличено. Синусы свободны."
CHINESE = "心影增大，两肺纹理增多，未见明显实变，肋膈角锐利，建议复查。"


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        ("Clear.", "utf-8", None),
        ("", "utf-8", None),
        ("Größe – µm", "utf-8", None),
        ("Größe", "utf-8-sig", None),
        ("Größe 3 µm, 38°, “alt” – neu.", "cp1252", "cp1252"),
        ("Größe", "utf-16", "utf-16"),
        ("Clear lungs.", "utf-16-le", "utf-16-le"),
        ("Clear lungs.", "utf-16-be", "utf-16-be"),
        ("Größe", "utf-32", "utf-32"),
        (CHINESE, "gb18030", "gb18030"),
        (RUSSIAN, "cp1251", "cp1251"),
    ],
)
def test_decode(text: str, encoding: str, said: str | None) -> None:
    assert decode(text.encode(encoding)) == (text, said)


@given(st.binary(max_size=200))
def test_no_bytes_are_refused(data: bytes) -> None:
    text, _ = decode(data)
    assert isinstance(text, str)


@given(
    st.text(
        alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"),
        max_size=100,
    )
)
def test_utf8_is_never_mistaken(text: str) -> None:
    assert decode(text.encode()) == (text, None)


@given(st.text(max_size=50, alphabet="aé心 "), st.integers(1, 7))
def test_characters_may_fall_between_chunks(text: str, size: int) -> None:
    data = ("x" * 3 + text).encode()
    assert detect(data[i : i + size] for i in range(0, len(data), size)) == "utf-8"


def test_a_late_byte_decides() -> None:
    chunks = [b"Clear. " * 1000] * 50 + ["Größe.".encode("cp1252")]
    assert detect(chunks) == "cp1252"


def test_an_unfinished_character() -> None:
    assert decode("Größ".encode()[:-1])[1] == "cp1252"
