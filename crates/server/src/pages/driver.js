// Works offline: each act is kept in the phone with its own key and time, and sent in order when there is a network. The
// key makes a repeat harmless, so an answer lost on the way does no harm.
"use strict";
const here = JSON.parse(document.getElementById("page").textContent);
const $ = (id) => document.getElementById(id);
const STORE = "xiangyun-queue";
let sending = false;

const queue = () => JSON.parse(localStorage.getItem(STORE) || "[]");
const keep = (list) => localStorage.setItem(STORE, JSON.stringify(list));

function show(text, good) {
  $("answer").textContent = text;
  $("answer").className = good ? "good" : "bad";
  const line = document.createElement("li");
  line.textContent = `${new Date().toLocaleTimeString()} ${text}`;
  line.className = good ? "good" : "bad";
  $("log").prepend(line);
}

function state() {
  const waiting = queue().length;
  $("state").textContent = waiting ? `待发送 ${waiting} waiting` : (navigator.onLine ? "已同步 in step" : "离线 offline");
}

async function businessNow() {
  // A device's clock may be wrong and the county's may be scaled: the time is that of the daemon when it can be asked.
  try {
    const answer = await fetch("/api/v1/clock");
    if (answer.ok) return (await answer.json()).now;
  } catch { /* offline: the daemon takes its own time when it is sent */ }
  return undefined;
}

async function act(path, body, words) {
  const at = body.kind || body.order ? await businessNow() : undefined;
  const list = queue();
  list.push({ path, body: at ? { ...body, at } : body, key: crypto.randomUUID(), words });
  keep(list);
  state();
  send();
}

async function send() {
  if (sending) return;
  sending = true;
  try {
    while (queue().length) {
      const [first, ...rest] = queue();
      let answer;
      try {
        answer = await fetch(first.path, {
          method: "POST",
          headers: { "content-type": "application/json", "idempotency-key": first.key },
          body: JSON.stringify(first.body),
        });
      } catch {
        break; // no network: later
      }
      if (answer.status >= 500 || answer.status === 429 || answer.status === 401) break;
      const found = await answer.json().catch(() => ({}));
      keep(rest);
      if (answer.ok) show(`${first.words} ✓`, true);
      else show(`${first.words}: ${found.code} ${found.detail}`, false);
      state();
    }
  } finally {
    sending = false;
    state();
  }
}

const stop = encodeURIComponent(here.stop);
document.querySelectorAll("[data-scan]").forEach((button) => button.addEventListener("click", () => {
  const kind = button.dataset.scan;
  const body = { kind };
  if (kind === "fail") {
    const cause = prompt("原因 cause", "");
    if (!cause) return;
    body.cause = cause;
  }
  act(`/api/v1/stops/${stop}/scans`, body, button.textContent.trim());
}));

function place() {
  return new Promise((resolve) => {
    if (!navigator.geolocation) return resolve({});
    navigator.geolocation.getCurrentPosition(
      (p) => resolve({ lon: p.coords.longitude, lat: p.coords.latitude }),
      () => resolve({}),
      { timeout: 3000, maximumAge: 60000 },
    );
  });
}

async function deliver(outcome) {
  const order = $("scan").value.trim();
  $("scan").value = "";
  if (!order) return;
  const body = outcome === "refused"
    ? { order, outcome, cause: prompt("原因 cause", "拒收") || "拒收" }
    : { order, proof: $("proof").value, ...(await place()) };
  act(`/api/v1/stops/${stop}/proof`, body, `${order} ${outcome === "refused" ? "拒收 refused" : "交付 delivered"}`);
}

$("form").addEventListener("submit", (event) => { event.preventDefault(); deliver("delivered"); });
$("refuse").addEventListener("click", () => deliver("refused"));
window.addEventListener("online", send);
setInterval(send, 10000);
if ("serviceWorker" in navigator && window.isSecureContext) navigator.serviceWorker.register("/worker.js");
state();
send();
