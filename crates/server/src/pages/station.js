// One field for the scanner; the mode says what a scan means. Each scan has its own key, so a repeat has no effect.
"use strict";
const { site } = JSON.parse(document.getElementById("page").textContent);
const $ = (id) => document.getElementById(id);
let mode = "in";

function choose(next) {
  mode = next;
  document.querySelectorAll("[data-mode]").forEach((b) => b.setAttribute("aria-pressed", b.dataset.mode === mode));
  $("stop-choice").hidden = !["load", "unload"].includes(mode);
  $("code").hidden = mode !== "pickup";
  ready();
}

// The recipient says the code, the keeper types it, fetches the parcel and scans it.
function ready() {
  $(mode === "pickup" ? "code" : "scan").focus();
}

function say(text, good) {
  $("answer").textContent = text;
  $("answer").className = good ? "good" : "bad";
  const line = document.createElement("li");
  line.textContent = text;
  line.className = good ? "good" : "bad";
  $("log").prepend(line);
  while ($("log").children.length > 50) $("log").lastChild.remove();
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": crypto.randomUUID() },
    body: JSON.stringify(body),
  });
  const found = await answer.json();
  if (!answer.ok) throw new Error(`${found.code} ${found.detail}`);
  return found;
}

async function scanned(item) {
  const stop = encodeURIComponent(["load", "unload"].includes(mode) ? $("stop").value : site);
  if (mode === "pickup") {
    const code = $("code").value.trim();
    $("code").value = "";
    await post(`/api/v1/stops/${stop}/proof`, { order: item, proof: code ? "code" : "scan", code: code || undefined });
    return `${item} 已取件 picked up`;
  }
  if (mode === "refuse") {
    await post(`/api/v1/stops/${stop}/proof`, { order: item, outcome: "refused", cause: "拒收" });
    return `${item} 拒收 refused`;
  }
  if (mode === "return") {
    await post("/api/v1/returns", { order: item, step: "start", cause: "退回" });
    return `${item} 退回 return begun`;
  }
  const done = await post(`/api/v1/stops/${stop}/scans`, { kind: mode, items: item ? [{ item }] : [] });
  const shelves = done.shelves.map((s) => `货架 ${s.shelf} 取件码 ${s.code}`).join(" ");
  const gaps = done.missing.length + done.extra.length ? ` 少件 ${done.missing.length} 多件 ${done.extra.length}` : "";
  return `${item || "全部 all"} ${shelves || `${done.moved} 件 moved`}${gaps}`;
}

// What lies here and what comes, as it is after the scan.
let renewing;
function renew() {
  clearTimeout(renewing);
  renewing = setTimeout(async () => {
    const answer = await fetch(location.href);
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["counts", "due"]) $(id).replaceWith(fresh.getElementById(id));
  }, 500);
}

async function enter(item) {
  try {
    say(await scanned(item), true);
    renew();
  } catch (fault) {
    say(`${item}: ${fault.message}`, false);
  }
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const item = $("scan").value.trim();
  if (mode === "pickup" && !item) return $("scan").focus();
  $("scan").value = "";
  if (item) enter(item);
  ready();
});
$("all").addEventListener("click", () => enter(""));
document.querySelectorAll("[data-mode]").forEach((b) => b.addEventListener("click", () => choose(b.dataset.mode)));
choose("in");
