// The live page: takes parts from the server's stream, and sends what people do. Nothing is kept in the browser.
"use strict";
const base = location.pathname.replace(/\/$/, "");
const link = document.getElementById("link");
const said = document.getElementById("said");
const dialog = document.getElementById("confirm");
const map = document.getElementById("map");
const seek = document.getElementById("seek");
let lastHeard = 0, over = false, saidTimer;

function show(name, html) {
  const place = document.querySelector(`[data-part="${name}"]`);
  if (!place) return;
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const key = focused && (focused.dataset.operation || focused.dataset.control);
  place.innerHTML = html;
  if (key) {
    const again = [...place.querySelectorAll("button")].find((b) => b.dataset.operation === key || b.dataset.control === key);
    if (again) again.focus();
  }
}

function take(message) {
  lastHeard = Date.now();
  const frame = JSON.parse(message.data);
  if (String(frame.epoch) !== document.body.dataset.epoch) { location.reload(); return; }
  for (const [name, html] of Object.entries(frame.parts)) {
    if (name === "map") applyMarks(map, html);
    else show(name, html);
  }
  document.body.classList.toggle("hurt", !!document.querySelector(".face.hurt"));
  if (frame.replay && seek) {
    if (document.activeElement !== seek) seek.value = frame.replay.at;
    document.getElementById("seek-at").textContent = frame.replay.text;
    document.getElementById("play").textContent = frame.replay.playing ? "Pause" : "Play";
    document.querySelectorAll('[data-control="speed"]').forEach((b) => b.setAttribute("aria-pressed", b.dataset.value === String(frame.replay.speed)));
  }
  over = !!frame.over;
  connected(over ? "over" : "live", over ? "The run is over." : frame.replay ? "replay" : "live");
}

function connected(state, words) {
  if (link.dataset.state === state && link.textContent === words) return;
  link.dataset.state = state;
  link.textContent = words;
}

function listen() {
  const stream = new EventSource(`${base}/events`);
  stream.onmessage = take;
  stream.onerror = () => {
    if (over) { stream.close(); return; }
    connected("lost", "no connection: trying again");
    if (stream.readyState === EventSource.CLOSED) { stream.close(); setTimeout(listen, 2000); }
  };
}

setInterval(() => {
  if (!over && lastHeard && Date.now() - lastHeard > 6000) {
    connected("lost", `nothing heard for ${Math.round((Date.now() - lastHeard) / 1000)} s`);
  }
}, 1000);

function say(text, bad) {
  said.textContent = text;
  said.className = bad ? "bad" : "good";
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => { said.textContent = ""; }, bad ? 12000 : 4000);
}

async function send(kind, body) {
  try {
    const answer = await fetch(`${base}/${kind}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    const result = await answer.json();
    if (!answer.ok) { say(result.error || `refused (${answer.status})`, true); return false; }
    if (kind === "operations") say(`sent: ${[body.name, body.target].filter(Boolean).join(" ")}`);
    return true;
  } catch (error) {
    say("not sent: no connection", true);
    return false;
  }
}

function confirmed(text) {
  return new Promise((resolve) => {
    document.getElementById("confirm-text").textContent = text;
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-operation],button[data-control]");
  if (!button) return;
  const { operation, control, value, confirm } = button.dataset;
  if (confirm && !(await confirmed(confirm))) return;
  if (operation) send("operations", JSON.parse(operation));
  else send("control", value ? { action: control, value } : { action: control });
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-form]");
  if (!form) return;
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(form));
  const kind = form.dataset.form;
  const sent = kind === "note" ? await send("operations", { name: "note", ...fields }) : await send("control", { action: kind, ...fields });
  if (sent) { form.reset(); form.querySelector("input").focus(); }
});

if (seek) seek.addEventListener("change", () => send("control", { action: "seek", value: seek.value }));
listen();
