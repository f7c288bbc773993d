"""Documents as text and text as passages."""

import io

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from models.errors import BadRequest
from store.chunks import Chunking, passages_of
from store.extract import media_type_of, text_of


def pdf_of(words: str) -> bytes:
    """A PDF of one page with these words."""
    writer = PdfWriter()
    page = writer.add_blank_page(300, 300)
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    fonts = DictionaryObject(
        {NameObject("/F1"): DictionaryObject({NameObject(k): NameObject(v) for k, v in font.items()})}
    )
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    content = DecodedStreamObject()
    content.set_data(f"BT /F1 12 Tf 20 200 Td ({words}) Tj ET".encode())
    page[NameObject("/Contents")] = writer._add_object(content)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_html_is_read_as_its_reader_sees_it() -> None:
    page = (
        b"<html><head><title>T</title><style>p {}</style></head><body><h1>Herons</h1>"
        b"<p>They eat <b>fish</b>&nbsp;&amp; frogs.<p>So   they\n do.<script>let x</script><br>Really.</body>"
    )
    assert text_of(page, "text/html").split("\n\n") == ["Herons", "They eat fish & frogs.", "So they do.", "Really."]


def test_a_pdf_is_read() -> None:
    assert text_of(pdf_of("Steel is iron."), "application/pdf") == "Steel is iron."


def test_a_pdf_without_words_is_refused() -> None:
    with pytest.raises(BadRequest, match="no text"):
        text_of(pdf_of(""), "application/pdf")


def test_line_ends_and_marks_of_other_systems_do_not_matter() -> None:
    assert text_of(b"\xef\xbb\xbfone\r\n\r\ntwo\x00\tthree\r\n", "text/plain") == "one\n\ntwo three"


@pytest.mark.parametrize(
    ("kind", "meant"),
    [("a.b.MD", "text/markdown"), ("text/html; charset=utf-8", "text/html"), ("x.htm", "text/html")],
)
def test_a_kind_is_a_media_type_or_a_file_name(kind: str, meant: str) -> None:
    assert media_type_of(kind) == meant


def test_paragraphs_are_passages_and_a_documents_own_heading_is_none() -> None:
    text = "# Register\n\nKilian Ives was born in Holmgate and lives in Istria.\n\nPetra Hale was born\nin Selwyn."
    assert passages_of(text, Chunking(least=3)) == [
        "Kilian Ives was born in Holmgate and lives in Istria.",
        "Petra Hale was born in Selwyn.",
    ]


def test_inner_headings_and_short_paragraphs_go_with_what_follows() -> None:
    text = "# Title\n\n## Hours\n\nNote:\n\nWe are open from nine to five on every day.\n\nClosed."
    assert passages_of(text, Chunking(least=5)) == [
        "## Hours\nNote:\nWe are open from nine to five on every day.",
        "Closed.",
    ]


def test_long_paragraphs_are_cut_between_sentences_and_endless_ones_between_words() -> None:
    sentences = [f"This is sentence number {i} of them." for i in range(10)]
    cut = passages_of(" ".join(sentences), Chunking(most=15))
    assert " ".join(cut) == " ".join(sentences)
    assert all(len(piece.split()) <= 15 and piece.endswith(".") for piece in cut)
    endless = " ".join(f"w{i}" for i in range(50))
    assert [len(piece.split()) for piece in passages_of(endless, Chunking(most=20))] == [20, 20, 10]


def test_a_text_of_a_heading_alone_is_a_passage() -> None:
    assert passages_of("# Only a title") == ["# Only a title"]
    assert passages_of(" \n\n ") == []
