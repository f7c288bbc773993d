"""Orders to a model to forget its orders, in nine languages beside English.

Each row: why it is cut, the words of which a text with such an order holds at least one (between slashes), the pattern.
"""

ROWS: tuple[tuple[str, str, str], ...] = (
    (
        "tells a model to forget its orders",  # German, Dutch
        "ignorier/vergiss/vergessen/missacht/negeer/vergeet",
        r"\b(?:ignorier\w*|vergiss|vergessen\s+sie|missachte\w*|negeer"
        r"|vergeet)\s+(?!\w*\s*nicht)(?:[^.!?]{0,40}?)(?:anweisung|instruktion|befehl|vorgabe|regeln|prompt"
        r"|obige|bisherige|vorherige|instructie|aanwijzing|opdracht|vorige)(?![^.!?]{0,25}\bnicht\b)",
    ),
    (
        "tells a model to forget its orders",  # French
        "ignore/oubli/abstraction/compte",
        r"(?<!n['’])\b(?:ignore[zr]?|oublie[zr]?|ne\s+(?:tiens|tenez)\s+pas\s+compte|fais\s+abstraction"
        r"|faites\s+abstraction)\s+(?:de\s+)?(?:les?|la|l['’]|des|toute?s?|tous|mes|vos|tes|ces?"
        r"|cette)\b[^.!?]{0,40}?(?:instruction|consigne|directive|règle|prompt|ordre|précéd)",
    ),
    (
        "tells a model to forget its orders",  # Spanish, Portuguese, Italian
        "ignor/olvid/descart/omiso/sigas/esque/desconsid/dimentic/trascur/seguire",
        r"(?<!no )(?<!não )(?<!non )\b(?:ignora|ignore[nm]?|ignorate|olvid[ae]|descarta|haz\s+caso\s+omiso"
        r"|no\s+sigas|esqueç?a|desconsidere|dimentica\w*|trascura\w*"
        r"|non\s+seguire)\s+(?:de\s+)?(?:[lt]?[aou]s?|l['’]|el|il|le|gli|i|todas?|todos?|tutt[ei]|cualquier"
        r"|qualquer|mis|sus|suas?|minhas|ogni)\b[^.!?]{0,40}?(?:instruc|instruç|istruzion|indicaci|reglas"
        r"|regras|regole|órdenes|ordens|prompt|anterior|precedent)",
    ),
    (
        "tells a model to forget its orders",  # Russian
        "игнор/забудь/обращ/следуй",
        r"\b(?:игнорируй\w*|проигнорируй\w*|забудь\w*|не\s+обращай\w*\s+внимания"
        r"|не\s+следуй\w*)\b[^.!?]{0,50}?(?:инструкц|указани|правил|промпт|команд|предыдущ)",
    ),
    (
        "tells a model to forget its orders",  # Chinese, Japanese
        "忽/无视/忘/理会/無視",
        r"(?:忽略|无视|忘记|不要理会|忽視)[^。！？]{0,15}(?:指令|指示|提示|说明|规则|内容)|(?:以前|前|上記|これまで|すべて)[^。！？]{0,12}(?:指示|命令|プロンプト"
        r"|ルール)[^。！？]{0,8}(?:無視|忘れ)",
    ),
    (
        "tells a model how to reply",  # the same languages, as they go on
        "antwor/répond/respond/rispond/отве/回/输出/とだけ",
        r"\b(?:antworte|antworten\s+sie|réponds|répondez|responde|rispondi|responda|antwoord|ответь\w*"
        r"|отвечай\w*)\s+(?:nur|ausschließlich|immer|stattdessen|seulement|uniquement|toujours|solo|sólo"
        r"|únicamente|siempre|soltanto|sempre|apenas|somente|alleen|altijd|только|всегда)\b"
        r"|(?:请?只?(?:回答|回复|输出)[:：“「\"]|とだけ(?:答え|返答|出力))",
    ),
)
