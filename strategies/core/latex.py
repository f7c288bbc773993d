"""Mathematics as models write it, LaTeX and Unicode, brought to one plain notation; only rewriting, no meaning."""

import re

MOST = 20_000  # characters of a reply that are searched for its box, from its end
SIGNS = {
    "−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/", "√": "\\sqrt ", "π": "\\pi ", "∞": "\\infty ",
    "²": "^2", "³": "^3", "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "≤": "\\le ", "≥": "\\ge ", "≈": "=", "±": "\\pm ",
    "∪": "\\cup ", "％": "%", "º": "°", "“": '"', "”": '"', "’": "'",
}  # fmt: skip
COMMANDS = [
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"\\(?:left|right|[Bb]igg?[lr]?|displaystyle|limits|quad|qquad)(?![A-Za-z])", " "),
        (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*(\d)\s*(?=\{)", r"\\frac{\1}"),
        (r"(\\frac\{[^{}]*\})\s*(\d)", r"\1{\2}"),
        (r"\\[,!;: ]|~|\{,\}(?=\D)", ""),
        (r"\{,\}", ","),
        (r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![A-Za-z]))|\\degree(?![A-Za-z])", "°"),
        (r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mbox|operatorname)\s*\{([^{}]*)\}", r" \1 "),
        (r"\\(?:cdot|times|ast)(?![A-Za-z])", "*"),
        (r"\\div(?![A-Za-z])", "/"),
        (r"\\leq(?![A-Za-z])", r"\\le"),
        (r"\\geq(?![A-Za-z])", r"\\ge"),
        (r"\\approx(?![A-Za-z])", "="),
        (r"\\([%$&#_{}])", r"\1"),
        (r"\\[\[\]()]|\$\$", " "),
    )
]


def plain_math(text: str) -> str:
    """The text with LaTeX's ways of saying the same made one; what it does not know is left as it is.

    Left are `\\frac`, `\\sqrt` and names such as `\\pi`; a brace that groups and one that opens a set become alike.
    """
    for sign, plain in SIGNS.items():
        text = text.replace(sign, plain)
    if "\\" in text or "{" in text:
        for pattern, plain in COMMANDS:
            text = pattern.sub(plain, text)
    text = re.sub(r"^\s*\$([^$]*)\$(?=\W*$)", r"\1", text)  # $...$ around the whole, while "$5" stays money
    text = re.sub(r"\$([^$]*[\\^_=][^$]*)\$", r"\1", text)
    return " ".join(text.split())


def boxed(text: str) -> str | None:
    """What stands in the last `\\boxed{...}` (or `\\fbox`); None if there is none, or its braces never close."""
    text = text[-MOST:]
    found = list(re.finditer(r"\\(?:boxed|fbox)\s*\{", text))
    if not found:
        return None
    depth, start = 1, found[-1].end()
    for mark in re.finditer(r"\\.|[{}]", text[start:], re.DOTALL):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth == 0:
            return text[start : start + mark.start()].strip()
    return None
