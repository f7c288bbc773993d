"""The wish for the working before the answer, which several strategies share."""

CHAIN = "{question}\nThink step by step. End with a line that begins with Answer:"
