"""The words that questions are made of: words to spell, words known whole, categories, labels and codenames."""


def row(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


# Words to spell: the tokenizer lets them fall into letters, so none of them may stand in a list below.
SPELLED = row("""
    planet garden silver window bridge copper travel button carpet dragon flower harbor island jacket kettle ladder
    market needle orange pepper rabbit saddle timber velvet walnut yellow zipper basket candle desert engine forest
    guitar hammer insect jungle kitten lemon magnet napkin oyster pencil quarry rocket spider tunnel valley wagon
    banana cotton donkey eleven falcon goblet helmet indigo jigsaw kernel lantern marble noodle office parrot quiver
    ribbon sailor teapot urchin violin winter anchor bottle cactus dinner elbow feather gravel hollow iris jewel
    koala lizard mirror nectar olive pillow raisin sunset tomato umbrella vessel whistle apple bread chair dance
    earth frost grape horse ivory juice knife light mouse night ocean piano queen river stone table uncle voice
    water young zebra
""")
CONTENT = row("""
    old new red big small cold warm quiet loud king farmer dog cat boat house tree road bird fish mother
    teacher doctor wind rain snow sun moon star ship door wall field hill lake sea walks runs sleeps sings waits
    looks falls comes goes stands near over under behind with without after before today slowly again always never
    often green white black brown blue tall short bright dark
""")
CATEGORIES = {
    "animals": row("cow pig goat sheep duck goose fox wolf bear frog hen lion"),
    "tools": row("saw drill axe spade rake pliers wrench chisel file shovel clamp ruler"),
    "foods": row("rice soup cheese cake butter honey pasta salad ham toast bean cookie"),
    "colors": row("red blue green black white brown pink gray purple gold violet beige"),
    "places": row("school church station park museum hotel bank farm beach airport prison castle"),
    "clothes": row("shirt coat hat shoe sock glove scarf skirt belt boot dress vest"),
    "vehicles": row("car bus train truck bike boat ship plane tram taxi ferry sled"),
    "body": row("hand foot nose arm leg ear eye knee neck chin thumb tongue"),
}
ITEMS = tuple(word for name in ("animals", "tools", "foods", "clothes") for word in CATEGORIES[name])
LABELS = row("""
    dax blick wug fep toma kiv zup lorp mib gazzer pell snat quib dorv yim zell brop tulf nush vack
    glim hox jeb krell murb nop plig rusp sark tiv ulb vonk weeb yarp zog bip drem foz gorp lurn
""")
CODENAMES = row("""
    Avaro Belnor Cindrel Dovani Elbrix Fandor Galmek Hyvar Ixonel Jorvik Kestro Lumaro Mordan Nivelle Ostara Pyrim
    Quelto Ramvar Sivane Torvel Umbrix Valeno Wexford Xandri Yolvar Zarnik Ardeno Bravik Calyx Drellin Eskar Fyndor
    Gromel Havix Irvane Jexel Kyrano Lovrin Mistral Norvex Orleno Prondel Quavix Rynor Solvek Tarvin Ulvane Vexel
""")
TEST_CODENAMES = row("Wyndal Xelvor Ystrin Zovane Amberix Corvano Delphor Frandel Gildrin Heskan Jalvor Kindrel")
LANGUAGES = row("Tarnish Ovese")
