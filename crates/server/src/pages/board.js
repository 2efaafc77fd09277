// The day board follows the live stream: vehicles move at once, the rest is asked for again when something happened.
"use strict";
const frame = JSON.parse(document.getElementById("frame").textContent);
const board = document.getElementById("board");
const live = document.getElementById("live");
const NS = "http://www.w3.org/2000/svg";
let waiting = false;
let shown = "";

function place(position) {
  const x = Math.round((position.lon - frame.west) * frame.lon_m);
  const y = Math.round((frame.north - position.lat) * frame.lat_m);
  let mark = document.querySelector(`#vehicles [data-vehicle="${CSS.escape(position.vehicle)}"]`);
  if (!mark) {
    mark = document.createElementNS(NS, "g");
    mark.setAttribute("class", "vehicle");
    mark.dataset.vehicle = position.vehicle;
    const box = document.createElementNS(NS, "rect");
    for (const [name, value] of Object.entries({ x: -17, y: -8, width: 34, height: 16, rx: 4 })) box.setAttribute(name, value * frame.unit);
    const text = document.createElementNS(NS, "text");
    text.setAttribute("y", 4 * frame.unit);
    text.textContent = position.vehicle;
    mark.append(box, text);
    document.getElementById("vehicles").append(mark);
  }
  mark.setAttribute("transform", `translate(${x} ${y})`);
}

function refresh() {
  if (waiting) return;
  waiting = true;
  setTimeout(async () => {
    waiting = false;
    // Nothing moves under a hand that is about to press.
    if (board.querySelector(".buttons:hover")) return refresh();
    const answer = await fetch("/day/board");
    if (answer.redirected) return location.reload();
    if (!answer.ok) return;
    const text = await answer.text();
    if (text !== shown) board.innerHTML = shown = text;
  }, 1000);
}

async function clock() {
  const answer = await fetch("/api/v1/clock");
  if (!answer.ok) return;
  const now = await answer.json();
  const text = new Intl.DateTimeFormat("zh-CN", { timeZone: now.zone, month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" }).format(now.now_ms);
  document.getElementById("clock").textContent = now.source === "system" ? text : `${text} (${now.source} ×${now.speed})`;
}

const stream = new EventSource("/api/v1/events");
stream.onopen = () => { live.textContent = "实时 live"; };
stream.onerror = () => { live.textContent = "重连中 reconnecting"; };
stream.addEventListener("Positions", (event) => JSON.parse(event.data).data.positions.forEach(place));
stream.addEventListener("resync", refresh);
for (const kind of ["OrderPlaced", "TripPlanned", "StopArrived", "StopServed", "StopFailed", "Delivered", "HandOverConfirmed", "ExceptionRaised",
  "ExceptionClosed", "RepairOffered", "RepairAccepted", "PlanPublished", "VehicleCondition", "Shelved"]) {
  stream.addEventListener(kind, refresh);
}
setInterval(clock, 5000);
clock();

board.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const id = button.closest("[data-id]").dataset.id;
  const verdict = button.dataset.verdict;
  const path = verdict ? "repairs" : "close";
  const body = verdict ? { verdict, offer: button.dataset.offer } : { how: "by hand", acted: true };
  button.disabled = true;
  const answer = await fetch(`/api/v1/exceptions/${encodeURIComponent(id)}/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": crypto.randomUUID() },
    body: JSON.stringify(body),
  });
  if (!answer.ok) alert(`${(await answer.json()).detail}`);
  refresh();
});

document.querySelector(".side").addEventListener("mouseover", (event) => {
  const row = event.target.closest("tr[data-vehicle]");
  document.querySelectorAll(".way").forEach((w) => w.classList.toggle("lit", Boolean(row) && w.dataset.vehicle === row.dataset.vehicle));
});
