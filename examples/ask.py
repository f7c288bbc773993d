"""Ask through OpenAI's own client, read why the arm was chosen, and say whether the answer was good.

python examples/ask.py "What is 17 + 25?" [ADDRESS, by default http://127.0.0.1:8000]
"""

import sys

import httpx
from openai import OpenAI


def main() -> None:
    """Stream one answer and give it a thumb."""
    question = sys.argv[1] if len(sys.argv) > 1 else "What is 17 + 25?"
    address = sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:8000"
    client = OpenAI(base_url=f"{address}/v1", api_key="none")
    answer_id = ""
    told: dict[str, str] = {}
    stream = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": question}], stream=True)
    for chunk in stream:
        answer_id = chunk.id
        told = (chunk.model_extra or {}).get("pointsman", told)
        if chunk.choices and chunk.choices[0].delta.content:
            sys.stdout.write(chunk.choices[0].delta.content)
            sys.stdout.flush()
    sys.stdout.write(f"\n\n{told['arm']}: {told['why']}\n")
    judged = httpx.post(f"{address}/v1/feedback", json={"id": answer_id, "thumb": "up"})
    learned = [one["arm"] for one in judged.raise_for_status().json()["learned"]]
    sys.stdout.write(f"learned: {', '.join(learned) or 'nothing'}\n")


if __name__ == "__main__":
    main()
