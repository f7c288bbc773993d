#!/usr/bin/env bash
# Ask with curl, then give the answer a score:  bash examples/ask.sh "What is 17 + 25?" [ADDRESS]
set -euo pipefail
question=${1:-What is 17 + 25?}
address=${2:-http://127.0.0.1:8000}

body=$(python3 -c 'import json, sys; print(json.dumps({"messages": [{"role": "user", "content": sys.argv[1]}]}))' "$question")
reply=$(curl -sS --fail-with-body "$address/v1/chat/completions" -H 'content-type: application/json' -d "$body")
python3 -m json.tool <<<"$reply"

id=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])' <<<"$reply")
curl -sS --fail-with-body "$address/v1/feedback" -H 'content-type: application/json' -d "{\"id\": \"$id\", \"score\": 1}"
echo
