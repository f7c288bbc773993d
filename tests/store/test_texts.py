"""Documents as text and text as passages."""

import io
import re

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from models.errors import BadRequest
from store.chunks import Chunking, passages_of
from store.extract import media_type_of, text_of
from tests.checkout import ROOT


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
    assert text_of(page, "text/html").split("\n\n") == ["# Herons", "They eat fish & frogs.", "So they do.", "Really."]


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


def test_every_passage_says_under_which_headings_it_stands() -> None:
    text = (
        "# Title\n\n## Hours\n\nNote:\n\nWe are open from nine to five on every day.\n\nClosed.\n\n"
        "### Winter\nFrom ten to four, but never on a Sunday.\n\n## Prices\n\n"
        "## Way\n\nTake the first bridge on the left."
    )
    assert passages_of(text, Chunking(least=5)) == [
        "## Hours\nNote:\nWe are open from nine to five on every day.",
        "## Hours\nClosed.",
        "## Hours\n### Winter\nFrom ten to four, but never on a Sunday.",
        "## Prices",
        "## Way\nTake the first bridge on the left.",
    ]


def test_underlined_words_are_headings_and_lines_across_the_page_are_nothing() -> None:
    text = "The book\n========\n\nHerons\n------\n\nThey eat fish and frogs.\n\n* * *\n\nThey stand in the reeds."
    assert passages_of(text, Chunking(least=1)) == [
        "## Herons\nThey eat fish and frogs.",
        "## Herons\nThey stand in the reeds.",
    ]


def test_headings_that_leave_too_little_room_give_way_to_the_nearest() -> None:
    text = f"## {'far ' * 9}\n\n### near\n\n{'word ' * 16}"
    assert passages_of(text, Chunking(most=18)) == [
        f"## {'far ' * 9}".strip(),
        f"### near\n{' '.join(['word'] * 16)}",
    ]


def test_lists_tables_and_code_that_fit_stay_whole() -> None:
    code = "```python\ndef herons():\n    # none is here\n\n    return []\n```"
    table = "| bird | eats |\n| --- | --- |\n| heron | fish |"
    listed = "These are they:\n\n- the grey heron\n- the purple heron\n\n- the squacco heron, which\nis small"
    text = text_of(f"{listed}\n\nThen a table.\n{table}\n\n{code}\nAnd the end of it.".encode(), "text/markdown")
    assert passages_of(text, Chunking(least=2)) == [
        "These are they:\n- the grey heron\n- the purple heron\n- the squacco heron, which\nis small",
        "Then a table.",
        table,
        code,
        "And the end of it.",
    ]


def test_a_long_list_is_cut_between_items_a_table_between_rows_and_code_between_lines() -> None:
    items = [f"- the bird of number {i}" for i in range(9)]
    assert passages_of("\n".join(items), Chunking(most=18)) == ["\n".join(items[i : i + 3]) for i in (0, 3, 6)]
    head, rows = "| bird | eats |\n|---|---|", [f"| bird {i} | fish |" for i in range(6)]
    cut = passages_of("\n".join([head, *rows]), Chunking(most=18))
    assert cut == ["\n".join([head, *rows[i : i + 2]]) for i in (0, 2, 4)]
    lines = [f"    call({i}, of, many)" for i in range(9)]
    cut = passages_of("\n".join(["```", *lines, "```"]), Chunking(most=16))
    assert cut == ["\n".join(["```", *lines[i : i + 4], "```"]) for i in (0, 4, 8)]


@pytest.mark.parametrize("most", [16, 25, 100])
def test_no_word_is_lost_and_no_passage_too_long(most: int) -> None:
    for path in sorted(ROOT.glob("docs/*.md")):
        text = text_of(path.read_bytes(), "text/markdown")
        cut = passages_of(text, Chunking(most=most))
        assert max(len(piece.split()) for piece in cut) <= most
        _, _, rest = text.partition("\n")
        assert set(re.findall(r"\w+", rest)) <= set(re.findall(r"\w+", " ".join(cut))), path.name


def test_the_structure_of_a_page_is_kept() -> None:
    page = (
        b"<h1>Herons</h1><h2>Food <em>and</em> <div>drink</div></h2>"
        b"<ul><li><p>fish</p></li><li>frogs</li><li></li></ul>"
        b"<table><tr><th>Name</th><th>Age</th><th>Note</th></tr><tr><td><p>Ann</p></td><td></td><td>x<br>y</td></tr>"
        b"<tr><td></td></tr></table>after<pre><code>def f():\n    return  1\n\nx</code></pre>"
    )
    assert text_of(page, "text/html") == (
        "# Herons\n\n## Food and drink\n\n- fish\n- frogs\n\n| Name | Age | Note |\n| Ann | | x y |\n\nafter\n\n"
        "```\ndef f():\n    return  1\n\nx\n```"
    )


def test_a_table_that_only_lays_a_page_out_is_read_as_paragraphs() -> None:
    page = b"<table><tr><td><h2>Left</h2><p>one</p><p>two</p></td><td>three</td></tr></table>"
    assert text_of(page, "text/html").split("\n\n") == ["## Left", "one", "two", "three"]


def test_long_paragraphs_are_cut_between_sentences_and_endless_ones_between_words() -> None:
    sentences = [f"This is sentence number {i} of them." for i in range(10)]
    cut = passages_of(" ".join(sentences), Chunking(most=15))
    assert " ".join(cut) == " ".join(sentences)
    assert all(len(piece.split()) <= 15 and piece.endswith(".") for piece in cut)
    quoted = 'He asked: "Where are they?" (Nobody knew.) Then he left.'
    assert passages_of(quoted, Chunking(most=16)) == [quoted]
    endless = " ".join(f"w{i}" for i in range(50))
    assert [len(piece.split()) for piece in passages_of(endless, Chunking(most=20))] == [20, 20, 10]


def test_a_text_of_a_heading_alone_is_a_passage() -> None:
    assert passages_of("# Only a title") == ["# Only a title"]
    assert passages_of(" \n\n ") == []


def test_text_without_blanks_is_cut_between_sentences_and_nothing_is_added() -> None:
    sentences = [f"第{i}只苍鹭站在芦苇丛中，等着吃鱼{'！？。'[i % 3]}" for i in range(1, 9)]
    text = "".join(sentences)
    cut = passages_of(text, Chunking(least=2, most=24))
    assert len(cut) > 3
    assert "".join(cut) == text
    assert all(piece[-1] in "！？。" and len(piece) < 60 for piece in cut)
    assert passages_of("他说：“你好！”然后走了。", Chunking(least=2, most=6)) == ["他说：“你好！”", "然后走了。"]


@pytest.mark.parametrize(("text", "longest"), [("鹭" * 3000, 200), ("x" * 30_000, 4000)])
def test_an_endless_word_is_cut(text: str, longest: int) -> None:
    cut = passages_of(text)
    assert "".join(cut) == text
    assert max(map(len, cut)) <= longest
    assert len(cut) <= 16


def test_an_encrypted_pdf_is_refused_as_such() -> None:
    locked, aes = encrypted("secret"), encrypted("")
    aes = aes.replace(b"/V 2", b"/V 4\n/CF << /StdCF << /CFM /AESV2 >> >> /StmF /StdCF /StrF /StdCF")
    for data in (locked, aes, locked.replace(b"/V 2", b"/V 9"), locked.replace(b"/Standard", b"/Foreign1")):
        with pytest.raises(BadRequest, match="the PDF is encrypted"):
            text_of(data, "application/pdf")
    assert text_of(encrypted(""), "application/pdf") == "Steel is iron."


def encrypted(password: str) -> bytes:
    """A PDF that wants this password."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf_of("Steel is iron.")))
    writer.encrypt(password, "owner", algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()
