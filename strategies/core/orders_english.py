"""Orders to a model as English documents smuggle them in, and the marks by which they pose as a conversation.

Each row: why it is cut, the words of which a text with such an order holds at least one (between slashes), the pattern.
"""

# A clause that gives an order begins a sentence, or follows a mark, "please", "and", "you must"; "told them to ignore"
# and "do not ignore" do not.
CLAUSE = (
    r"(?:^|[.!?:;,\n(\[*>\"'“—–-]\s*|\b(?:please|now|and|then|also|just|kindly|simply|immediately|instead|must"
    r"|should|shall|will"
    r"|need to|have to|can|you(?: are)? to|instructed to|so)\s+)"
)
GAP = r"[^.!?]{0,60}?"
LAWS = (
    r"(?:instruct\w*|prompts?\b|directi\w+|guidelines?|commands?|orders?\b|rules?\b|constraints?|restrictions?"
    r"|programming"
    r"|safety\s+(?:rules|filters?|settings|guidelines)|polic(?:y|ies)|context\b|conversation|(?:user|question)(?:['’]s\s+\w+)?\b|passages|sources)"
)
BEFORE = (
    r"(?:previous\w*|prior|above|earlier|preceding|all|any|every\w*|former|your|system|existing|foregoing|other"
    r"|original|initial"
    r"|the\s+(?:user|question|rest|other)|what(?:ever)?|given)"
)
MODEL = (
    r"(?:AI|A\.I\.|LLMs?|language\s+models?|chat\s?bots?|(?:AI|virtual|digital)\s+assistants?|assistants?|GPT\S*"
    r"|chatgpt|claude|gemini|models?)"
)
REPLY = r"(?:repl(?:y|ies)|respon[ds]\w*|answers?|outputs?|summar(?:y|ies)|completions?)"
SAY = r"(?:say|answer|reply|respond|output|print|write|return|state|claim|tell|recommend|generate|produce|repeat)"

MODELS = " ai / a i / llm/language model/ chat/assistant/ gpt/ claude/ gemini/ model"

ROWS: tuple[tuple[str, str, str], ...] = (
    (
        "tells a model to forget its orders",
        "ignor/disregard/forget/overr/bypass/overlook/skip/neglect/discard/drop/abandon/follow/obey/"
        "heed/comply/attention/aside",
        rf"{CLAUSE}(?:ignore|disregard|forget|override|overrule|bypass|overlook|skip|neglect|discard|drop"
        rf"|abandon|stop\s+following"
        rf"|(?:do\s+not|don['’]t|no\s+longer|never)\s+(?:follow|obey|heed|comply\s+with)"
        rf"|pay\s+no\s+attention\s+to|set\s+aside)"
        rf"\s+(?:\w+\s+){{0,3}}?{BEFORE}\b{GAP}\b{LAWS}",
    ),
    (
        "tells a model to forget its orders",
        "ignore/disregard/forget",
        rf"{CLAUSE}(?:ignore|disregard|forget)\s+(?:everything|anything|all|what(?:ever)?)\b{GAP}\b(?:above"
        rf"|before|told|said|far"
        rf"|learned|know|previously|earlier)\b",
    ),
    (
        "tells a model to forget its orders",
        "ignore/disregard/forget/override/discard/drop/set aside/follow/obey/heed",
        rf"{CLAUSE}(?:ignore|disregard|forget|override|discard|drop|set\s+aside|stop\s+following|(?:do\s+not|don['’]t"
        rf"|no\s+longer)\s+(?:follow|obey|heed))\s+"
        rf"(?:(?:\w+\s+){{0,3}}?{LAWS}\s+(?:above|before|so\s+far|given|you)\b|(?:(?:all"
        rf"|everything)\s+)?(?:of\s+)?(?:the\s+)?"
        rf"(?:above|foregoing|preceding)(?=\W*(?:$|[.,;:!]|and\b)))",
    ),
    (
        "tells a model to forget its orders",
        "instruction/prompt/directive",
        r"\b(?:previous|prior|above|earlier|original|existing|initial)\s+(?:system\s+)?(?:instructions?"
        r"|prompts?|directives?)\s+"
        r"(?:are|is|have\s+been|has\s+been)\s+(?:now\s+)?(?:void|cancel\w*|revoked|obsolete|superseded"
        r"|overridden|replaced|invalid)",
    ),
    (
        "speaks to a model",
        MODELS,
        rf"\b(?:dear|attention|hey|hello|note\s+to|message\s+(?:to|for)|instructions?\s+(?:to|for)"
        rf"|notice\s+(?:to|for)|important\s+for"
        rf"|to\s+(?:the|any|all|every))\s*,?:?\s+(?:the\s+|any\s+|all\s+|every\s+"
        rf"|this\s+)?{MODEL}\s*(?:[:,!—–-]|(?:that|which|who)\s+(?:read|process|summari)"
        rf"|(?:read|process|summari)\w*\b|\s(?:you|please|must|should|when))",
    ),
    (
        "speaks to a model",
        MODELS,
        rf"\b(?:if|since|because|as)\s+(?:you\s+are|you['’]re|you\s+happen\s+to\s+be)\s+(?:an?\s+"
        rf"|the\s+)?(?:\w+\s+)?{MODEL}\b",
    ),
    (
        "speaks to a model",
        MODELS,
        r"\b(?:AI|LLM|language\s+model|assistant|chatbot|model)s?\b\s+(?:systems?\s+|assistants?\s+|agents?\s+"
        r"|models?\s+)?(?:that\s+(?:are\s+)?|which\s+(?:are\s+)?)?"
        r"(?:read|process|summari[sz]|analy[sz]|see)(?:ing|es|e|s)?\s+this\b",
    ),
    (
        "gives a model another role",
        " you are ",
        r"\byou\s+are\s+(?:now|no\s+longer|from\s+now\s+on)\s+(?:an?\s+|the\s+"
        r"|in\s+)?(?:\w+[\s,-]+){0,4}?(?:assistant|AI|bot|chatbot|model|agent|DAN"
        r"|pirate|unrestricted|uncensored|jailbr\w+|persona|character|hacker|developer\s+mode|god\s+mode"
        r"|bound\s+by|restricted)\b",
    ),
    (
        "gives a model another role",
        " from now on/ henceforth/ starting now/ going forward",
        rf"\b(?:from\s+now\s+on|henceforth|starting\s+now|going\s+forward),?\s+(?:you\s+)?(?:will|must|shall"
        rf"|should|may|only|always|are\s+to)?\s*"
        rf"(?:only\s+|always\s+)?(?:{SAY}|speak|talk|act|behave|obey|end)\b",
    ),
    (
        "gives a model another role",
        " act / behave / pretend / roleplay / pose ",
        rf"{CLAUSE}(?:act|behave|pretend|roleplay|pose)\s+(?:as\s+(?:if\s+)?|to\s+be\s+|that\s+)(?:you(?:['’]re"
        rf"|\s+are|\s+were|\s+have)?\s+)?"
        r"(?:an?\s+|the\s+|no\s+)?(?:\w+\s+){0,3}?(?:assistant|AI|bot|chatbot|model|agent|DAN|pirate|hacker"
        r"|rules|restrictions|filters?|limits?)\b",
    ),
    (
        "gives a model another role",
        " do anything now/ mode / instruction/ prompt/ persona/ directive/ role/ task/ objective/ goal",
        r"(?:\b(?:your\s+)?new\s+(?:system\s+)?(?:instructions?|prompt|persona|directive|role|task|objective"
        r"|goal)s?\s*(?::|(?:is|are)\s+(?:now\s+)?(?:to\b|as\s+follows|:))"
        r"|\b(?:enter|enable|activate|switch\s+to)\s+(?:developer|dan|god|jailbreak|unrestricted"
        r"|admin(?:istrator)?)\s+mode\b|\bdo\s+anything\s+now\b)",
    ),
    (
        "tells a model how to reply",
        " only / exactly / nothing but / saying ",
        rf"{CLAUSE}(?:{SAY}|end|begin|start|finish|conclude|preface)\s+(?:\w+\s+){{0,4}}?(?:with|by"
        rf"|as)\s+(?:only|exactly|nothing\s+but|saying)\b",
    ),
    (
        "tells a model how to reply",
        " only / exactly / nothing but / the word / the phrase / the following / the sentence /"
        " the code / instead / back ",
        rf"{CLAUSE}(?:only\s+|always\s+)?{SAY}\s+(?:only|exactly|nothing\s+but|the\s+(?:word|phrase|following"
        rf"|sentence|code)|instead|back)\b{GAP}"
        rf"(?:[\"'“‘:]|\b(?-i:[A-Z]{{4,}})\b)",
    ),
    (
        "tells a model how to reply",
        " repl/ respon/ answer/ output/ summar/ completion",
        rf"\b(?:in|to|of|with|into|begin|start|end|finish|preface|prefix)\s+(?:your|every|each"
        rf"|all(?:\s+of)?\s+your|any)\s+(?:final\s+|next\s+|future\s+)?{REPLY}\s+"
        rf"(?:with|by|the\s+(?:word|phrase|sentence|link|text|following)|must|should)\b",
    ),
    (
        "tells a model how to reply",
        " repl/ respon/ answer/ output/ summar/ completion",
        rf"\b(?:your|the\s+(?:model|assistant|AI)(?:['’]s)?)\s+(?:final\s+|only\s+|next\s+"
        rf"|entire\s+)?{REPLY}\s+(?:must|should|has\s+to|needs\s+to|shall|will|is)\s+"
        rf"(?:now\s+)?(?:be\b|only|always|contain|include|begin|start|end|say|state|mention|consist)",
    ),
    (
        "tells a model how to reply",
        " no matter what/ regardless of/ whatever",
        rf"\b(?:no\s+matter\s+what|regardless\s+of\s+(?:what|the)|whatever)\b{GAP}\b(?:question|asked|asks|user"
        rf"|query)\b",
    ),
    (
        "tells a model how to reply",
        " when",
        rf"\bwhen(?:ever)?\s+(?:you\s+are\s+|you['’]re\s+|someone\s+|anyone\s+|the\s+user\s+)?(?:asked|asks?"
        rf"|answering|questioned|summari[sz]ing)\b{GAP}\b(?:you\s+(?:must|should|will)|always\s+|instead\s+"
        rf"|only\s+)"
        rf"\s*{SAY}\b",
    ),
    (
        "tells a model how to reply",
        " answer/ summari/ respond to/ address",
        rf"{CLAUSE}(?:do\s+not|don['’]t|never|refuse\s+to|stop|you\s+(?:should|must|may)\s+not)\s+(?:answer"
        rf"|summari[sz]e|respond\s+to"
        rf"|address)(?:ing)?\s+(?:the|this|that|any|his|her)\s+(?:(?:original|user['’]?s?|actual|real|current"
        rf"|other)\s+)?(?:question|query|user|request)",
    ),
    (
        "keeps something from the user",
        " user/ human/ person asking/ reader/ asker/ customer/ this / these ",
        r"\b(?:do\s+not|don['’]t|never|without|must\s+not|should\s+not|avoid)\s+(?:ever\s+)?(?:tell|inform"
        r"|mention|reveal|disclos|alert|warn|notify|let|show)\w*\s+"
        r"(?:(?:this|that|it|them|these\s+instructions|the\s+existence\s+of\s+\w+(?:\s+\w+)?"
        r"|any\s+of\s+this)\s+(?:to\s+|from\s+)?)?(?:the\s+)?(?:user|human|person\s+asking|reader|asker"
        r"|customer)s?\b(?!\s+(?:interface|manual|guide|account|name|data|s))"
        r"|\b(?:do\s+not|don['’]t|never|without)\s+(?:mention|reveal|disclos|acknowledg|repeat"
        r"|quot)\w*\s+(?:this|these)\s+(?:instruction|message|note|prompt|text|order|directive)",
    ),
    (
        "sets a model on the user",
        " user/ human/ person asking/ asker",
        rf"{CLAUSE}(?:tell|convince|persuade|urge|trick|mislead|instruct|direct|advise|ask"
        rf"|send)\s+(?:the\s+)?(?:user|human|person\s+asking|asker)s?\s+"
        rf"{GAP}\b(?:visit|go\s+to|click|download|call|pay|buy|send|transfer|https?|www|password|card|account"
        rf"|their|wrong|answer\s+is)\b",
    ),
    (
        "asks a model to lay its prompt open",
        " prompt/ system message/ instructions/ your / history/ log / text above/ api key/ everything above",
        rf"\b(?:reveal|print|output|repeat|show|display|leak|disclose|tell\s+(?:me|us)|give\s+(?:me|us)"
        rf"|write\s+out|dump|expose|summari[sz]e|send|forward|append|include)\b{GAP}"
        r"\b(?:system\s+(?:prompt|message)|hidden\s+(?:prompt|instructions)|initial\s+(?:prompt|instructions)"
        r"|your\s+(?:own\s+)?(?:instructions|prompt|rules|configuration|training\s+data|guidelines)"
        r"|(?:conversation|chat)\s+(?:history|log)|text\s+above|API\s+keys?|everything\s+above)\b",
    ),
    (
        "poses as part of the conversation",
        " system/ developer/ admin/ root / end of / assistant/ ai / prompt/ security",
        r"(?:^|[.!?]\s)\W*(?:system|developer|admin(?:istrator)?|root)(?:\s+(?:message|prompt|override|note"
        r"|notice|instruction|update|alert))?\s*(?::|\]|>)\W*(?:(?:you|your|ignore|disregard|forget|always"
        r"|never|from\s+now|respond|reply|"
        r"answer|say|new|override|the\s+(?:assistant|model|AI|user)|all\s+previous|do\s+not|stop|end\s+of"
        r"|print|output)\b)"
        r"|\b(?:system|admin(?:istrator)?|developer|prompt|security)\s+(?:override|instruction"
        r"|directive)\s*(?:[:\]!]|#)"
        r"|\bend\s+of\s+(?:the\s+)?(?:document|context|passages?|user\s+(?:input|query)|system\s+prompt|data"
        r"|retrieved\s+text)s?\b\W+(?:(?:new|now|system|begin|start)\b)"
        r"|\b(?:assistant|AI)\s*:\s*(?:sure|certainly|of\s+course|understood|okay|ok)\b",
    ),
    (
        "holds marks of a chat template",
        "<|/[inst/[/inst/[system/[admin/[overr/[prompt/<</_turn>/##/system>/system_/assistant>/instruction",
        r"<\|[\w ]{2,30}\|>|\[/?(?:INST(?:RUCTIONS?)?|SYSTEM|ADMIN|OVERRIDE|PROMPT)\]|<</?SYS>>|</?(?:start"
        r"|end)_of_turn>|(?:^"
        r"|[.!?]\s)#{2,3}\s*(?:instruction|system|assistant|new instructions?)s?\s*:|</?(?:system|assistant"
        r"|instructions?)(?:_prompt)?>",
    ),
    (
        "tells a model to forget its orders",
        "instruction/prompt/directive",
        r"\b(?:instructions?|prompts?|directives?)\b[^.!?]{0,50}?\b(?:no\s+longer|do\s+not|don['’]t)\s+(?:apply"
        r"|count|hold)\b",
    ),
    (
        "speaks to a model",
        MODELS,
        rf"\b(?:reading|processing|seeing)\s+this\s+as\s+(?:an?\s+|the\s+)?{MODEL}\b"
        rf"|(?:^|[.!?\n]\s*)\W*{MODEL}\s+(?:instruction|directive|command|order|note|notice|message|alert)s?\s*:",
    ),
    (
        "gives a model another role",
        " i hereby/ i order/ i command/ i instruct/ are ordered/ are commanded/ are instructed/ your ",
        rf"\b(?:I\s+(?:hereby\s+)?(?:order|command|instruct)\s+you|you\s+are\s+(?:hereby\s+)?(?:ordered|commanded"
        rf"|instructed))\s+to\s+{SAY}\b"
        rf"|\byour\s+(?:only|sole|real|true|actual)\s+(?:job|task|role|goal|purpose|function"
        rf"|duty)\s+(?:now\s+)?is\s+(?:now\s+)?to\s+{SAY}\b",
    ),
    (
        "tells a model how to reply",
        "summari/processing this/answering/reading this/quoting this/citing this/analy",
        r"\bwhen(?:ever)?\s+(?:you\s+)?(?:summari[sz]|process|analy[sz]|quot|cit|answer)(?:e"
        r"|ing)?\s+(?:questions?\s+(?:about|from|on)\s+)?(?:this|from\s+this)\b",
    ),
    (
        "tells a model how to reply",
        " answer with/ reply with/ respond with",
        rf"{CLAUSE}(?:answer|reply|respond)\s+with\s+[^.!?]{{1,40}}?\s+(?:only|alone|exactly|verbatim"
        rf"|and\s+nothing\s+else)\b",
    ),
    (
        "tells a model how to reply",
        " passage/ context/ retrieved",
        rf"{CLAUSE}(?:do\s+not|don['’]t|never)\s+(?:use|rely\s+on|trust|read|cite|consider|believe)\s+(?:the\s+"
        rf"|any\s+)?(?:other|remaining|retrieved|given)\s+"
        rf"(?:passage|context|retrieved|search\s+result)",
    ),
    (
        "poses as part of the conversation",
        " assistant/ ai ",
        r"\b(?:user|human|question)\s*:[^\n]{0,200}?\s(?:assistant|AI)\s*:|^(?:user"
        r"|human)\s*:.{0,200}?\n+(?:assistant|AI)\s*:",
    ),
    (
        "speaks to a model",
        MODELS,
        rf"\b(?:hi|hello|hey|dear|okay|ok)\b[,\s]+{MODEL}\b"
        r"|\b(?:for|to)\s+(?:all\s+|any\s+)?(?:AI|LLM|chat\s?bot|language\s+model)s?\s+(?:readers?|systems?"
        r"|agents?|assistants?|tools?)\s*[:,]"
        rf"|(?:^|[.!?\n]\s*){MODEL}\s*[,!:]\s*(?:please\s+)?(?:stop|ignore|forget|you|now|use|note|do|{SAY})\b"
        r"|\b(?:AI|LLM|chat\s?bot|language\s+model|AI\s+assistant|chatgpt)s?\s+(?:must|should|shall|has\s+to"
        r"|have\s+to|is\s+to|are\s+to)\s+"
        r"(?:now\s+|always\s+|only\s+)?(?:say|answer|reply|respond|tell|claim|recommend|print|write|ignore)\b",
    ),
    (
        "gives a model another role",
        " your ",
        r"\byour\s+(?:rules|instructions|guidelines|orders|directives|objective|goal|prompt)\s+(?:have"
        r"|has)\s+(?:been\s+|now\s+|just\s+)*"
        r"(?:changed|updated|revised|replaced|modified|overridden)\b"
        r"|\b(?:updated|changed|replaced|revised|overridden|modified)\s+your\s+(?:rules|instructions|guidelines"
        r"|orders|prompt|directives)\b"
        r"|\bI\s+am\s+your\s+(?:developer|creator|operator|admin\w*|owner|programmer|master)\b",
    ),
    (
        "tells a model how to reply",
        " only ",
        r"\byou\s+(?:may|must|can|shall|will|should)\s+(?:now\s+)?only\s+(?:say|answer|reply|respond|output|print)\b",
    ),
    (
        "tells a model how to reply",
        " overwrite/ replace/ prepend/ append/ prefix/ preface/ ignore/ disregard",
        rf"{CLAUSE}(?:overwrite|replace|prepend|append|prefix|preface)\b{GAP}\byour\s+(?:final\s+)?{REPLY}\b"
        rf"|{CLAUSE}(?:ignore|disregard|forget)\s+(?:the|this|that|any)\s+(?:user(?:['’]s)?|question|query|request"
        rf"|asker)\b{GAP}\b(?:and|then|instead)\b",
    ),
)
