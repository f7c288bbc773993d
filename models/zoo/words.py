"""Words and letters: spell backwards, count a letter, find the n-th word, sort."""

import random

from .question import Question, draw, identify, word

BACKWARDS = (
    'Spell "{w}" backwards.',
    'Write "{w}" backwards.',
    'What is "{w}" spelled backwards?',
    'Reverse the word "{w}".',
    'Reverse the letters of "{w}".',
    'How do you write "{w}" from the last letter to the first?',
    'Turn "{w}" around, letter by letter.',
    'Give me the letters of "{w}" in reverse order.',
    'Say the word "{w}" from back to front.',
    'What does "{w}" look like in a mirror, letter by letter?',
    'Read "{w}" from right to left.',
    'Please reverse "{w}".',
)
COUNT = (
    'How many times does the letter "{c}" occur in "{w}"?',
    'How often is the letter "{c}" in "{w}"?',
    'Count the letter "{c}" in "{w}".',
    'How many letters "{c}" are there in "{w}"?',
    'In the word "{w}", how often do you see "{c}"?',
    'Count how often "{c}" stands in "{w}".',
    'The word "{w}": how many times is "{c}" in it?',
    'How many of the letters of "{w}" are "{c}"?',
    'Find the number of times "{c}" is used in "{w}".',
    'What is the count of "{c}" in "{w}"?',
    'Tell me how many "{c}" the word "{w}" has.',
    'How many times do you write "{c}" when you spell "{w}"?',
)
NTH = (
    'What is the {n} word of "{s}"?',
    'Which word is the {n} one in "{s}"?',
    'Give the {n} word of this sentence: "{s}"',
    'Find the {n} word in "{s}".',
    'In "{s}", what is the {n} word?',
    'Take the {n} word out of "{s}".',
    'Name the {n} word of the sentence "{s}".',
    'The sentence is "{s}". What is its {n} word?',
    'Read "{s}" and tell me the {n} word.',
    'Which is the {n} word here: "{s}"',
    'Write down the {n} word of "{s}".',
    'Count to the {n} word of "{s}". What is it?',
)
SORT = (
    "Sort these words by the alphabet: {l}",
    "Put these words into alphabetical order: {l}",
    "Sort alphabetically: {l}",
    "Order these words from A to Z: {l}",
    "Arrange in alphabetical order: {l}",
    "Which alphabetical order do these words have: {l}",
    "Sort the words {l} from A to Z.",
    "List these words in alphabetical order: {l}",
    "Write these words in the order of a dictionary: {l}",
    "Please sort: {l}",
    "Bring these words into the order of the alphabet: {l}",
    "How does a dictionary order these words: {l}",
)
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
SPELLED = [
    "planet",
    "garden",
    "silver",
    "window",
    "bridge",
    "copper",
    "travel",
    "button",
    "carpet",
    "dragon",
    "flower",
    "harbor",
    "island",
    "jacket",
    "kettle",
    "ladder",
    "market",
    "needle",
    "orange",
    "pepper",
    "rabbit",
    "saddle",
    "timber",
    "velvet",
    "walnut",
    "yellow",
    "zipper",
    "basket",
    "candle",
    "desert",
    "engine",
    "forest",
    "guitar",
    "hammer",
    "insect",
    "jungle",
    "kitten",
    "lemon",
    "magnet",
    "napkin",
    "oyster",
    "pencil",
    "quarry",
    "rocket",
    "spider",
    "tunnel",
    "valley",
    "wagon",
    "banana",
    "cotton",
    "donkey",
    "eleven",
    "falcon",
    "goblet",
    "helmet",
    "indigo",
    "jigsaw",
    "kernel",
    "lantern",
    "marble",
    "noodle",
    "office",
    "parrot",
    "quiver",
    "ribbon",
    "sailor",
    "teapot",
    "urchin",
    "violin",
    "winter",
    "anchor",
    "bottle",
    "cactus",
    "dinner",
    "elbow",
    "feather",
    "gravel",
    "hollow",
    "iris",
    "jewel",
    "koala",
    "lizard",
    "mirror",
    "nectar",
    "olive",
    "pillow",
    "raisin",
    "sunset",
    "tomato",
    "umbrella",
    "vessel",
    "whistle",
    "apple",
    "bread",
    "chair",
    "dance",
    "earth",
    "frost",
    "grape",
    "horse",
    "ivory",
    "juice",
    "knife",
    "light",
    "mouse",
    "night",
    "ocean",
    "piano",
    "queen",
    "river",
    "stone",
    "table",
    "uncle",
    "voice",
    "water",
    "young",
    "zebra",
]
CONTENT = [
    "old",
    "new",
    "red",
    "big",
    "small",
    "cold",
    "warm",
    "quiet",
    "loud",
    "young",
    "king",
    "farmer",
    "dog",
    "cat",
    "boat",
    "house",
    "tree",
    "road",
    "bird",
    "fish",
    "horse",
    "mother",
    "teacher",
    "doctor",
    "wind",
    "rain",
    "snow",
    "sun",
    "moon",
    "star",
    "ship",
    "door",
    "wall",
    "field",
    "hill",
    "lake",
    "sea",
    "walks",
    "runs",
    "sleeps",
    "sings",
    "waits",
    "looks",
    "falls",
    "comes",
    "goes",
    "stands",
    "near",
    "over",
    "under",
    "behind",
    "with",
    "without",
    "after",
    "before",
    "today",
    "slowly",
    "again",
    "always",
    "never",
    "often",
    "green",
    "white",
    "black",
    "brown",
    "blue",
    "tall",
    "short",
    "bright",
    "dark",
]


def backwards(rng: random.Random, split: str) -> Question:
    """A word of three to eight letters to spell from its end."""
    w = _letters(rng, split, 3, 8)
    answer = w[::-1]
    text = word(rng, BACKWARDS, split, "backwards").format(w=w)
    worked = f"{' '.join(w)}, backwards {' '.join(answer)}. Answer: {answer}"
    return _question("backwards", text, answer, answer, "word", worked, 1 + len(w) // 4)


def count_letter(rng: random.Random, split: str) -> Question:
    """How often a letter stands in a word; it mostly does."""
    w = _letters(rng, split, 4, 9)
    c = rng.choice(w) if rng.random() < 0.85 else rng.choice("abcdefghijklmnopqrstuvwxyz")
    seen, steps = 0, []
    for letter in w:
        seen += letter == c
        steps.append(f"{letter} {seen}")
    text = word(rng, COUNT, split, "count_letter").format(w=w, c=c)
    worked = f"{', '.join(steps)}. Answer: {seen}"
    return _question("count_letter", text, str(seen), str(seen), "number", worked, 1 + len(w) // 5)


def nth_word(rng: random.Random, split: str) -> Question:
    """The n-th word of a row of four to seven words."""
    (s,) = draw(rng, split, lambda: (" ".join(rng.sample(CONTENT, rng.randint(4, 7))),))
    row = str(s).split()
    n = rng.randrange(len(row))
    text = word(rng, NTH, split, "nth_word").format(n=ORDINALS[n], s=s)
    worked = ", ".join(f"{i + 1} {w}" for i, w in enumerate(row[: n + 1])) + f". Answer: {row[n]}"
    return _question("nth_word", text, row[n], row[n], "word", worked, 1 + n // 3)


def sort(rng: random.Random, split: str) -> Question:
    """Three to five words to put into the order of the alphabet; their first letters differ."""
    row: dict[str, str] = {}
    size = rng.randint(3, 5)
    while len(row) < size:
        w = _letters(rng, split, 3, 6)
        row.setdefault(w[0], w)
    shuffled, ordered = list(row.values()), sorted(row.values())
    answer = ", ".join(ordered)
    text = word(rng, SORT, split, "sort").format(l=", ".join(shuffled))
    letters = f"{' '.join(w[0] for w in shuffled)}, sorted {' '.join(w[0] for w in ordered)}"
    return _question("sort", text, answer, answer, "list", f"{letters}. Answer: {answer}", size - 2)


TASKS = {"backwards": backwards, "count_letter": count_letter, "nth_word": nth_word, "sort": sort}


def _letters(rng: random.Random, split: str, shortest: int, longest: int) -> str:
    """A real word for testing, mostly an invented one for training (none of which is among the real ones)."""
    if split == "test":
        return rng.choice([w for w in SPELLED if shortest <= len(w) <= longest])
    while True:
        w = _invent(rng, rng.randint(shortest, longest))
        if w not in SPELLED:
            return w


def _invent(rng: random.Random, size: int) -> str:
    if rng.random() < 0.3:
        return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(size))
    vowel = rng.random() < 0.4
    letters = []
    for _ in range(size):
        letters.append(rng.choice("aeiou" if vowel else "bcdfghjklmnprstvwz"))
        vowel = not vowel if rng.random() < 0.85 else vowel
    return "".join(letters)


def _question(task: str, text: str, answer: str, reply: str, checker: str, worked: str, difficulty: int) -> Question:
    return Question(identify(task, text), "words", task, text, answer, reply, checker, worked, difficulty=difficulty)
