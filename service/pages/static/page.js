// The page: asks over the same API as everybody, shows the last decisions and why, and says whether answers were good.
// Every word from outside goes in as text, never as HTML.

const $ = (id) => document.getElementById(id);
const PAGE = 20;
let key = sessionStorage.getItem("pointsman-key") || "";
let running = null;
let oldest = null;

function make(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

async function call(path, options = {}) {
  const headers = { ...(options.headers || {}) };
  if (key) headers.authorization = `Bearer ${key}`;
  if (options.json !== undefined) {
    headers["content-type"] = "application/json";
    options = { ...options, method: "POST", body: JSON.stringify(options.json) };
  }
  const reply = await fetch(path, { ...options, headers });
  if (reply.status === 401) {
    await askForKey();
    return call(path, options);
  }
  if (!reply.ok) {
    const told = await reply.json().catch(() => null);
    throw new Error(told?.error?.message || `the service answered ${reply.status}`);
  }
  return reply;
}

const get = async (path) => (await call(path)).json();

let asking = null;
function askForKey() {
  const dialog = $("key-dialog");
  asking ??= new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      key = $("key").value.trim();
      sessionStorage.setItem("pointsman-key", key);
      asking = null;
      resolve();
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

async function* events(reply) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      if (part.startsWith(":")) yield { note: part.slice(1).trim() };
      else if (part.startsWith("data: ") && part !== "data: [DONE]") yield JSON.parse(part.slice(6));
    }
  }
}

async function ask(question, model) {
  running = new AbortController();
  $("answer").hidden = false;
  $("text").textContent = "";
  $("why").textContent = "";
  $("note").className = "quiet";
  $("note").textContent = "choosing …";
  $("thumbs").hidden = true;
  $("send").disabled = true;
  $("stop").hidden = false;
  try {
    const json = { model, stream: true, messages: [{ role: "user", content: question }] };
    const reply = await call("/v1/chat/completions", { json, signal: running.signal });
    $("note").textContent = `${reply.headers.get("x-pointsman-arm")} answers …`;
    let told = null;
    let id = null;
    for await (const event of events(reply)) {
      if (event.note !== undefined) $("note").textContent = event.note;
      if (event.error) throw new Error(event.error.message);
      id = event.id || id;
      for (const choice of event.choices || []) $("text").append(choice.delta.content || "");
      told = event.pointsman || told;
    }
    $("note").textContent = "";
    if (told) {
      const degraded = told.degraded ? ` (stood in for ${told.chosen})` : "";
      $("why").textContent = `${told.arm}${degraded} · ${told.calls} calls · ${told.seconds.toFixed(2)} s · ${told.why}`;
      $("thumbs").replaceChildren(...thumbs(id));
      $("thumbs").hidden = false;
    }
  } catch (error) {
    $("note").textContent = error.name === "AbortError" ? "stopped" : error.message;
    $("note").className = error.name === "AbortError" ? "quiet" : "bad";
  } finally {
    running = null;
    $("send").disabled = false;
    $("stop").hidden = true;
    setTimeout(showLatest, 150);
  }
}

function thumbs(id) {
  const buttons = [["up", "👍", "Good answer"], ["down", "👎", "Bad answer"]].map(([thumb, sign, label]) => {
    const button = make("button", sign);
    button.type = "button";
    button.title = label;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", async () => {
      try {
        await call("/v1/feedback", { json: { id, thumb } });
        for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      } catch (error) {
        $("state").textContent = error.message;
      }
    });
    return button;
  });
  return buttons;
}

function entry(row) {
  const item = make("li");
  const box = make("details");
  const line = make("summary");
  line.append(make("span", short(row.question), "question"), " ", make("span", row.arm, "tag"));
  if (row.status && row.status !== "ok") line.append(" ", make("span", row.status, "tag bad"));
  line.append(make("p", row.why, "quiet"));
  box.append(line);
  box.addEventListener("toggle", () => box.open && !box.dataset.filled && fill(box, row.id));
  item.append(box);
  return item;
}

async function fill(box, id) {
  box.dataset.filled = "yes";
  try {
    const whole = await get(`/v1/decisions/${encodeURIComponent(id)}`);
    const row = flat(whole);
    if (row.answer) box.append(make("p", row.answer, "reply"));
    const buttons = make("p", "Was it good? ");
    buttons.append(...thumbs(id));
    box.append(buttons, estimates(row), calls(whole.calls || []));
  } catch (error) {
    delete box.dataset.filled;
    box.append(make("p", error.message, "bad"));
  }
}

function table(heads) {
  const node = make("table");
  const head = node.createTHead().insertRow();
  for (const text of heads) {
    const cell = make("th", text, text === heads[0] ? "" : "number");
    cell.scope = "col";
    head.append(cell);
  }
  return node;
}

function estimates(row) {
  const node = table(["arm", "chance", "quality", "90 %", "rests on", "tokens", "seconds", "GPU-s"]);
  const body = node.createTBody();
  const all = Object.entries(row.estimates || {}).sort((a, b) => b[1].utility - a[1].utility);
  for (const [arm, e] of all) {
    const line = body.insertRow();
    line.className = arm === row.arm ? "chosen" : "";
    line.insertCell().textContent = arm;
    const told = [
      number(row.propensities?.[arm], 3), number(e.quality, 2), `${number(e.low, 2)} to ${number(e.high, 2)}`,
      number(e.n, 0), number(e.tokens, 0), number(e.seconds, 2), number(e.gpu_seconds, 2),
    ];
    for (const text of told) {
      const cell = line.insertCell();
      cell.className = "number";
      cell.textContent = text;
    }
  }
  const frame = make("div", undefined, "scroll");
  frame.append(node);
  return frame;
}

function calls(list) {
  const node = make("details");
  node.append(make("summary", `${list.length} model calls`));
  for (const one of list) {
    node.append(make("p", `${one.label} · ${one.model} · ${number(one.seconds, 2)} s${one.error ? ` · ${one.error}` : ""}`, "quiet"));
    for (const message of one.messages || []) {
      node.append(make("p", `${message.role}: ${plain(message.content)}`, "reply quiet"));
    }
    node.append(make("p", plain(one.reply), "reply"));
  }
  return node;
}

const plain = (value) => (typeof value === "string" ? value : value == null ? "" : value.text ?? JSON.stringify(value));
const number = (value, digits) => (typeof value === "number" ? value.toFixed(digits) : "?");
const short = (text) => (text && text.length > 140 ? `${text.slice(0, 140)} …` : text || "(no words)");

// A row of the log with what the list and the details need on one level.
function flat(row) {
  const outcome = row.outcome || {};
  const question = typeof row.query === "string" ? row.query : row.query?.text ?? row.question;
  return {
    ...row, question, status: row.status ?? outcome.status, answer: row.answer ?? outcome.text ?? outcome.answer,
  };
}

async function showLatest() {
  try {
    await show(null);
  } catch (error) {
    $("state").textContent = error.message;
  }
}

async function show(before) {
  const query = new URLSearchParams({ limit: String(PAGE), ...(before ? { before } : {}) });
  const { data, has_more: more } = await get(`/v1/decisions?${query}`);
  const rows = data.map((row) => entry(flat(row)));
  if (before) $("decisions").append(...rows);
  else $("decisions").replaceChildren(...rows);
  oldest = data.length ? data[data.length - 1].id : oldest;
  $("more").hidden = !more;
  $("empty").hidden = Boolean(before) || data.length > 0;
}

async function begin() {
  await showLatest();
  const { data } = await get("/v1/models");
  for (const { id } of data.filter((one) => one.id !== "auto")) $("model").append(new Option(id, id));
  const { policy } = await get("/v1/policies");
  $("state").textContent = `${data.length - 1} models and arms · policy ${policy}`;
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!running) ask($("question").value, $("model").value);
});
$("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("ask").requestSubmit();
});
$("stop").addEventListener("click", () => running?.abort());
$("more").addEventListener("click", () => show(oldest).catch((error) => { $("state").textContent = error.message; }));
begin().catch((error) => { $("state").textContent = error.message; });
