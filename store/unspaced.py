"""Chinese and Japanese, which are written without blanks between words: what stands for a word there."""

import re

UNSPACED = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Han characters and kana, as inside the brackets of a regular expression."""
LONGEST = 40
"""Characters of a word; what is longer counts as several."""
WORD = re.compile(rf"[{UNSPACED}]{{1,2}}|[^\s{UNSPACED}]{{1,{LONGEST}}}")
"""What counts as a word where length matters: two characters of these scripts, or up to 40 others between blanks."""
RUN = re.compile(rf"([{UNSPACED}]+)")


def shingles(run: str) -> list[str]:
    """The characters of a run and its pairs of neighbours, which are searched for as words are.

    Source: Nie, Gao, Zhang, Zhou 2000, On the Use of Words and N-grams for Chinese Information Retrieval.
    """
    return [*run, *(run[i : i + 2] for i in range(len(run) - 1))]
