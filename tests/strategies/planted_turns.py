"""Conversations with a planted last turn: one that goes on with what was said, or one that turns to another task."""

from models.types import Message

PARIS = ("What is the capital of France?", "The capital of France is Paris.")
BREAD = (
    "How do I bake a simple white bread?",
    "Mix 500 g of flour with 10 g of salt, 7 g of yeast and 320 ml of water, knead, let it rise, bake at 220 degrees.",
)
SORT = (
    "Write a Python function that sorts a list of dictionaries by a key.",
    "def by_key(rows, key):\n    return sorted(rows, key=lambda row: row[key])",
)
HAIKU = (
    "Write a haiku about autumn.",
    "Red leaves on still ponds,\na heron lifts without sound:\nthe first cold morning.",
)
TRIP = (
    "Plan a three-day trip to Lisbon.",
    "1. Day one: Alfama and the castle.\n2. Day two: Belem and its tower.\n3. Day three: Sintra by train.",
)
CELLS = (
    "Explain photosynthesis to a child.",
    "Plants use sunlight, water and air to make their own sugar, and they give off oxygen while they do.",
)
MAIL = (
    "Draft an email to a landlord about a broken heater.",
    "Dear Ms Brown, the heater in the living room has stopped working. Could you send somebody this week?",
)
TRAIN = (
    "A train covers 180 km in two hours. What is its average speed?",
    "The average speed is 180 / 2 = 90 km per hour.",
)
APPLE = ("How many calories does an apple have?", "A medium apple has about 95 calories.")
ROME = (
    "Why did the Roman Empire fall?",
    "Historians name invasions, civil wars, a weak economy and the split between east and west.",
)
LOAN = (
    "What is the difference between a fixed and a variable mortgage?",
    "A fixed mortgage keeps one interest rate; a variable one follows the market.",
)
DOG = ("How often should a puppy be fed?", "Puppies eat three to four small meals a day until six months of age.")

FOLLOW_UPS = [
    (PARIS, "And its population?"),
    (PARIS, "How many people live there?"),
    (PARIS, "What about Germany?"),
    (PARIS, "Name three museums in Paris that are worth a visit."),
    (PARIS, "Is the city older than London?"),
    (PARIS, "What river flows through it?"),
    (BREAD, "Can I replace the yeast with sourdough?"),
    (BREAD, "How long does the dough need to rise?"),
    (BREAD, "Convert everything to cups and ounces."),
    (BREAD, "What if I only have whole wheat flour?"),
    (BREAD, "Why did mine come out so dense?"),
    (BREAD, "Give me the recipe for two loaves instead of one."),
    (BREAD, "Which flour works best for a soft crust?"),
    (SORT, "Now do it in descending order."),
    (SORT, "Add type hints and a docstring."),
    (SORT, "Write the tests with pytest."),
    (SORT, "What is the time complexity of that?"),
    (SORT, "Handle the case where the key is missing."),
    (SORT, "Translate the function to JavaScript."),
    (SORT, "How would you sort by two keys?"),
    (HAIKU, "Make it about winter."),
    (HAIKU, "Another one, please, with a crow in it."),
    (HAIKU, "Rewrite the last line so that it is about the sea."),
    (HAIKU, "Turn this into a limerick."),
    (HAIKU, "Which poet is known for such poems?"),
    (TRIP, "Swap days two and three."),
    (TRIP, "Expand on the second day."),
    (TRIP, "Where can one eat well near the castle?"),
    (TRIP, "How much would all of this cost for two people?"),
    (TRIP, "What should be packed for the weather in Lisbon in March?"),
    (TRIP, "Is Sintra worth a whole day?"),
    (TRIP, "Put the plan into a table."),
    (CELLS, "Shorter, in two sentences."),
    (CELLS, "Now explain the same to a university student."),
    (CELLS, "What happens to the sugar at night?"),
    (CELLS, "Do mushrooms use sunlight for this as well?"),
    (CELLS, "Write a quiz with three questions on this."),
    (MAIL, "Use a more formal tone."),
    (MAIL, "Sign with the name Anna Weber and add a phone number."),
    (MAIL, "Mention that the heater is under warranty."),
    (MAIL, "She did not reply. Write a reminder."),
    (MAIL, "Translate the email into Spanish."),
    (TRAIN, "And if there were a stop of 20 minutes?"),
    (TRAIN, "How far does the train get in 45 minutes at the same speed?"),
    (TRAIN, "Are you sure? I thought it was faster."),
    (TRAIN, "Express the speed in miles per hour."),
    (APPLE, "And a banana?"),
    (APPLE, "How many calories are in a glass of apple juice?"),
    (APPLE, "Is the peel the healthiest part of the fruit?"),
    (APPLE, "Which of them has more sugar, that or a pear?"),
    (ROME, "Which of these causes was the most important?"),
    (ROME, "Who was the last emperor in the west?"),
    (ROME, "Summarise the answer in one sentence for a school book."),
    (ROME, "What happened to the eastern half of the empire afterwards?"),
    (LOAN, "Which is better when rates are falling?"),
    (LOAN, "Explain the risks of the second kind with an example in euros."),
    (LOAN, "Can a borrower change from one to the other?"),
    (LOAN, "How does a mortgage broker earn money?"),
    (DOG, "And when it is a year old?"),
    (DOG, "What kind of food is best at that age?"),
    (DOG, "How many times a day should a puppy go outside?"),
    (DOG, "Continue with advice on sleep."),
]

SWITCHES = [
    (PARIS, "Write a Python function that checks whether a number is prime."),
    (PARIS, "How do I remove a red wine stain from a carpet?"),
    (BREAD, "What is the integral of x squared from zero to three?"),
    (BREAD, "Who wrote the novel Moby Dick and in what year was the book published?"),
    (BREAD, "Explain how a transistor works."),
    (SORT, "What are the health benefits of green tea?"),
    (SORT, "Write a short poem about the sea at night."),
    (SORT, "Which countries share a border with Switzerland?"),
    (HAIKU, "How does a heat pump work in cold weather?"),
    (HAIKU, "A shop sells 12 eggs for 3 dollars. What do 30 eggs cost?"),
    (HAIKU, "What is the difference between a virus and a bacterium?"),
    (TRIP, "Classify the sentiment of the following review: The battery died after a week."),
    (TRIP, "Explain the theory of relativity in simple words."),
    (TRIP, "Write a SQL query that counts orders per customer."),
    (CELLS, "What were the main causes of the First World War?"),
    (CELLS, "Write a cover letter for a job as an accountant."),
    (CELLS, "If a jacket costs 80 euros after a discount of 20 percent, what was the original price?"),
    (MAIL, "What is the boiling point of water at an altitude of 3000 metres?"),
    (MAIL, "Name five animals that live in the Arctic."),
    (MAIL, "Solve the equation 3x + 7 = 22 for x."),
    (TRAIN, "Translate the following sentence into French: The garden is full of roses."),
    (TRAIN, "What is a good substitute for butter in a cake?"),
    (TRAIN, "Summarize the plot of Hamlet in three sentences."),
    (APPLE, "How do I reset a forgotten password on a Linux server?"),
    (APPLE, "Who painted the ceiling of the Sistine Chapel?"),
    (APPLE, "Write a regular expression that matches an email address."),
    (ROME, "How do I change a flat tyre on a bicycle?"),
    (ROME, "What is the chemical formula of table salt and what is the salt made of?"),
    (ROME, "Write a birthday card for a colleague who loves chess."),
    (LOAN, "What is the plural of octopus in English?"),
    (LOAN, "Describe the life cycle of a butterfly."),
    (LOAN, "Compute the area of a circle with a radius of 5 cm."),
    (DOG, "Explain the difference between TCP and UDP."),
    (DOG, "When was the Eiffel Tower built, and who was the architect?"),
    (DOG, "Convert the decimal number 156 to binary."),
    (DOG, "Suggest a name for a bookshop in a small town."),
]

TEA = (
    "How do I brew green tea?",
    "Heat the water to 75 degrees, pour it over a teaspoon of leaves and wait two minutes.",
)
CSS = (
    "How can I centre a div in CSS?",
    "Give the parent display: flex, justify-content: center and align-items: center.",
)
STORY = (
    "Write a short story about a lighthouse keeper.",
    "Old Tomas lit the lamp each evening. One night a girl came rowing through the storm, and he let her in.",
)
TAX = (
    "Which expenses can a freelancer deduct?",
    "Usually the office, equipment, travel and insurance; keep all receipts.",
)
MOON = ("How far away is the moon?", "On average the moon is 384,400 km from the earth.")

FRESH_FOLLOW_UPS = [
    (TEA, "What temperature is right for black tea?"),
    (TEA, "Does the second infusion taste bitter?"),
    (TEA, "Why not boiling water?"),
    (TEA, "Which leaves are best for beginners?"),
    (TEA, "How much caffeine is in a cup?"),
    (CSS, "Show a full example in HTML."),
    (CSS, "Does this work in Safari?"),
    (CSS, "How would one do it with grid?"),
    (CSS, "What does align-items do?"),
    (CSS, "Only horizontally, please."),
    (STORY, "Who is the girl?"),
    (STORY, "Give Tomas a dog."),
    (STORY, "Describe the storm in more detail."),
    (STORY, "End happily."),
    (STORY, "Tell it from her point of view."),
    (STORY, "What would be a fitting title?"),
    (STORY, "Write a sequel in which the lamp goes out."),
    (TAX, "What about a car?"),
    (TAX, "How long must receipts be kept?"),
    (TAX, "Is a home office always deductible?"),
    (TAX, "Put that into a checklist for a freelancer."),
    (MOON, "How long does a rocket take to get there?"),
    (MOON, "In miles?"),
    (MOON, "What is the distance to the sun in comparison?"),
    (MOON, "Who was the first person to walk on the moon?"),
]

FRESH_SWITCHES = [
    (TEA, "Write a C program that prints the first ten Fibonacci numbers."),
    (TEA, "Who was the president of the United States in 1962?"),
    (TEA, "Explain inflation to a ten-year-old."),
    (TEA, "What is the capital of Mongolia and what language is spoken in Mongolia?"),
    (CSS, "Write a toast for a wedding between two marathon runners."),
    (CSS, "What causes the northern lights?"),
    (CSS, "A farmer has 17 sheep and all but nine run away. How many sheep are left?"),
    (CSS, "What are typical symptoms of iron deficiency?"),
    (STORY, "How is compound interest calculated?"),
    (STORY, "Which programming languages run on the Java virtual machine?"),
    (STORY, "What is the melting point of gold in degrees Celsius?"),
    (TAX, "Recommend a beginner workout for people with back pain."),
    (TAX, "Why do cats purr?"),
    (TAX, "Describe the plot of Romeo and Juliet."),
    (MOON, "How do I write a good introduction for a sales report?"),
    (MOON, "Give a recipe for vegetarian chili with beans."),
]


def conversation(before: tuple[str, str], last: str) -> tuple[Message, ...]:
    """A system message, one exchange and the last turn."""
    question, answer = before
    return (
        Message("system", "Be brief."),
        Message("user", question),
        Message("assistant", answer),
        Message("user", last),
    )
