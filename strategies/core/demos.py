"""Demonstrations: questions with the answers to imitate, and the prompt that shows them before a question."""

from collections.abc import Sequence
from dataclasses import dataclass

TEMPLATE = "Input: {question}\nOutput: {answer}"
INSTRUCTION = "Instruction: {instruction}\n\n"


@dataclass(frozen=True, slots=True)
class Demo:
    """A question with the answer to imitate."""

    question: str
    answer: str


def prompt_of(instruction: str, demos: Sequence[Demo], question: str) -> str:
    """The prompt: the instruction, if any, the demonstrations, and the question with its output left to write."""
    shown = [TEMPLATE.format(question=demo.question, answer=demo.answer) for demo in demos]
    head = INSTRUCTION.format(instruction=instruction) if instruction else ""
    return head + "\n\n".join([*shown, embedded(question)])


def embedded(question: str) -> str:
    """The text by which a question is placed: its template with an empty output."""
    return TEMPLATE.format(question=question, answer="").rstrip()
