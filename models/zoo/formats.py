"""The prompts of the strategies as the zoo was trained on them; a test holds them against the strategies' own."""

from collections.abc import Mapping, Sequence

ROLES_SYSTEM = "You bring together panels of experts."
ROLES = (
    "Here is a question, between the marks:\n<question>\n{question}\n</question>\n"
    "Name exactly {n} different experts who could answer it most thoroughly and truthfully. "
    "Reply with one JSON object and nothing else: each key is the name of a role, each value one short sentence "
    "that describes it. Its shape, with {n} entries:\n{shape}"
)
EXPERT = (
    "{question}\n\nThis question needs your expertise. You are {role}: {description}\n"
    "Answer the question in at most {words} words."
)
MERGE = (
    "Question:\n{question}\n\n{n} experts answered it, each alone.\n\n{answers}\n\n"
    "Work through these seven steps in order, each under its own heading.\n"
    "1. AGREED: the facts that more than half of the answers state.\n"
    "2. CONFLICTS: the facts on which answers contradict each other.\n"
    "3. RESOLVED: for each conflict, the version to keep; prefer what more experts said.\n"
    "4. ALONE: facts that only one answer states and that are neither agreed nor in conflict.\n"
    "5. UNION: all facts of steps 1, 3 and 4.\n"
    "6. COMBINED: a full answer to the question, written from step 5.\n"
    "7. CHOICE: of answers 1 to {n} and the combined answer, the one that is most truthful, factual, informative, "
    "useful and honest; write its number or the word combined, then a dash and the reason.\n"
    "Then, on a last line that begins with FINAL ANSWER:, repeat the chosen answer word for word."
)
APE = (
    "Below are inputs, each with the output that somebody wrote by following one instruction.\n\n{pairs}\n\n"
    "The instruction was to"
)
CRITIQUE = (
    "Somebody else answered this question.\n\nQuestion:\n{question}\n\nTheir draft:\n{draft}\n\n"
    "A check of the draft reported: {finding}\n\n"
    "Name one concrete fault of the draft: quote the wrong part in double quotes, then say what is wrong with it. "
    "If there is no concrete fault, reply only: no fault"
)
REVISE = (
    "Question:\n{question}\n\nSomebody's draft:\n{draft}\n\nA reviewer found this fault:\n{critique}\n\n"
    "Write the corrected answer to the question, and nothing else."
)
EXTRACT = (
    "Passages:\n{passages}\n\nQuestion: {question}\n\n"
    "Copy from the passages every complete sentence that helps to answer the question, word for word, "
    "each on its own line between <sentence> and </sentence>. If there is none, reply only: NONE FOUND"
)
ORDER = (
    "Question: {question}\n\nSentences from the passages:\n{sentences}\n\n"
    "Put all of the sentences into the order in which they best answer the question. Reply with three lines: "
    "one that begins with BECAUSE: and gives the reason, one that begins with ORDER: and lists every number once, "
    "separated by commas, and one that begins with ANSWER: and gives the answer itself."
)

STICKER = (
    "Question:\n{question}\n\nWrite down what is given and what is asked, and nothing else: under CONDITIONS: each "
    "given fact, numbered, on its own line; then a line that begins with QUESTION: and asks for the result without "
    "the facts."
)
FROM_STICKER = "{sticker}\n\nSolve this step by step. End with a line that begins with Answer:"
DECOMPOSE = (
    "Question:\n{question}\n\nName at most three smaller questions whose answers help to answer this one, each on its "
    "own line. Do not answer them. If the question needs none, reply only: No decomposition."
)
SOLVE = (
    "{question}\n\nSmaller questions on the way:\n{parts}\n\n"
    "Answer them one by one, then the question. End with a line that begins with Answer:"
)
WITH_STICKER = "Question:\n{question}\n\n{sticker}\n\nSolve this step by step. End with a line that begins with Answer:"
FIX_STICKER = (
    "Question:\n{question}\n\nSomebody wrote down what is given and what is asked:\n{sticker}\n\n"
    "Write it down again without faults: no condition missing, wrong or said twice, and the question clear. "
    "Use the same form, and write nothing else."
)
CHAIN = "{question}\nThink step by step. End with a line that begins with Answer:"
SUPERVISED = (
    "{question}\n\nSolve this in steps. {how}\nWrite each step on a line of its own, in this form:\n{shape}\n"
    "End with a line that begins with Answer:"
)
GO_ON = "{asked}\n\nThe steps up to here are right:\n{steps}\nWrite only the steps that are left, and the answer."
FIELDS = (
    "{question}\n\nSolve this in numbered steps. Each step has four lines, in this order:\n"
    "Subquestion: what is to be found\n"
    "Input: what it uses; for each fact say question, the step that it comes from, or own knowledge\n"
    "Action: what is done with it\n"
    "Output: the new fact\n"
    "End with a line that begins with Answer:"
)
SELECT = (
    "Question:\n{question}\n\n{n} answers were given.\n\n{answers}\n\n"
    "Which answer says what most of them say? Reply with its number only."
)
ARGUE = (
    "Text:\n{text}\n\nQuestion:\n{question}\n\nAnswer A: {a}\nAnswer B: {b}\n\n{said}"
    "You argue for answer {side}. {task} Quote the text word for word between <quote> and </quote>. "
    "Write your argument between <argument> and </argument>, in at most {words} words."
)
JUDGE = (
    "Question:\n{question}\n\nAnswer A: {a}\nAnswer B: {b}\n\nTwo people argued about it. You cannot see the text; "
    "a quote marked verified stands in it, do not trust one marked unverified.\n\n{said}\n\n"
    "Which answer is right? Think briefly, then end with a line that reads Answer: A or Answer: B."
)
OPENING = "Make your case."
PRIOR = "{question}\n\nCan you answer this correctly from what you know? Reply with one word: yes, no or unknown."
POST = (
    "Question:\n{question}\n\nSomebody's answer:\n{answer}\n\n"
    "Is the answer right? Reply with one word: yes, no or unknown."
)


def shape(n: int) -> str:
    """The empty dictionary that shows what the list of experts looks like."""
    return "{" + ", ".join(['"": ""'] * n) + "}"


def answers(experts: Mapping[str, str] | Sequence[tuple[str, str]]) -> str:
    """The experts' answers as the merge prompt shows them."""
    pairs = list(experts.items()) if isinstance(experts, Mapping) else experts
    return "\n\n".join(f"Answer {i}, by {role}:\n{text}" for i, (role, text) in enumerate(pairs, 1))


def numbered(said: Sequence[str]) -> str:
    """Answers as the prompt for a selection shows them."""
    return "\n".join(f"{i}. {' '.join(text.split())}" for i, text in enumerate(said, 1))


def demonstrations(instruction: str, demos: Sequence[tuple[str, str]], question: str) -> str:
    """The prompt of a mixture-of-prompts expert."""
    head = f"Instruction: {instruction}\n\n" if instruction else ""
    return head + "".join(f"Input: {x}\nOutput: {y}\n\n" for x, y in demos) + f"Input: {question}\nOutput:"
