"use strict";

const REFRESH_MS = 2000;
const at = (id) => document.getElementById(id);
let before = null;

function headers() {
  const token = at("token").value;
  return token ? { authorization: `Bearer ${token}` } : {};
}

function cell(content, className) {
  const td = document.createElement("td");
  td.textContent = content ?? "";
  if (className) td.className = className;
  return td;
}

// Text only ever enters the page as text: a question may hold anything.
function fill(table, titles, rows) {
  const head = document.createElement("tr");
  for (const title of titles) {
    const th = document.createElement("th");
    th.textContent = title;
    th.scope = "col";
    head.append(th);
  }
  const body = rows.map((cells) => {
    const tr = document.createElement("tr");
    tr.append(...cells);
    return tr;
  });
  table.replaceChildren(head, ...body);
}

const milliseconds = (value) => (value == null ? "–" : value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`);
const whole = (value) => Math.round(value ?? 0).toLocaleString("en");

function show(state) {
  const requests = state.requests ?? {};
  const total = Object.values(requests).reduce((sum, value) => sum + value, 0);
  const asked = (requests.hit ?? 0) + (requests.miss ?? 0);
  const now = performance.now();
  at("hit-rate").textContent = asked ? `${((requests.hit ?? 0) / asked * 100).toFixed(1)} %` : "–";
  at("requests").textContent = whole(total);
  at("rate").textContent = before ? ((total - before.total) / ((now - before.now) / 1000)).toFixed(1) : "–";
  before = { total, now };
  at("hit-p50").textContent = milliseconds(state.latency?.hit?.p50);
  at("miss-p50").textContent = milliseconds(state.latency?.miss?.p50);
  at("saved").textContent = whole(state.tokens?.saved);
  at("entries").textContent = state.cache ? whole(state.cache.total_entries) : "off";
  at("status").textContent = `${state.status} · configuration ${state.config_epoch ?? "–"} · cache ${state.cache_backend ?? "off"}`;
  at("problem").hidden = !state.reload_problem;
  at("problem").textContent = state.reload_problem ? `The changed configuration is not in force:\n${state.reload_problem}` : "";
  fill(at("models"), ["Model", "Chosen", "Answers", "First byte", "Errors"], (state.models ?? []).map((each) => [
    cell(each.model), cell(whole(each.chosen)), cell(whole(each.answers)), cell(milliseconds(each.first_byte_ms)),
    cell(whole(each.errors), each.errors ? "error" : ""),
  ]));
  fill(at("providers"), ["Provider", "Endpoint", "Running", "Breaker"], (state.providers ?? []).map((each) => [
    cell(each.provider), cell(each.endpoint), cell(whole(each.running)), cell(each.breaker, each.breaker),
  ]));
  fill(at("decisions"), ["Decision", "Requests"], Object.entries(state.decisions ?? {}).map(([name, count]) => [
    cell(name), cell(whole(count)),
  ]));
  fill(at("recent"), ["Time", "Status", "Cache", "Similarity", "Took", "Model", "Decision", "Question", "Why"],
    (state.recent ?? []).map((each) => [
      cell(new Date(each.at * 1000).toLocaleTimeString("en-GB")), cell(each.status, each.status >= 400 ? "error" : ""),
      cell([each.cache, each.tier].filter(Boolean).join(" "), each.cache),
      cell(each.tier === "semantic" ? each.similarity.toFixed(3) : ""), cell(milliseconds(each.milliseconds)),
      cell(each.model), cell(each.decision), cell(each.question), cell(each.cache_reason || each.reason),
    ]));
}

async function refresh() {
  try {
    const answer = await fetch("/api/state", { headers: headers() });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error.message);
    show(body);
  } catch (error) {
    at("status").textContent = `No news from the router: ${error.message}`;
  }
  setTimeout(refresh, REFRESH_MS);
}

at("try").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("/api/explain", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers() },
    body: JSON.stringify({ text: at("question").value }),
  });
  const told = await answer.json();
  const table = document.createElement("table");
  if (!answer.ok) {
    fill(table, ["Problem"], [[cell(told.error.message, "error")]]);
  } else {
    const cache = told.cache;
    const verdict = [cache.verdict, cache.tier, cache.similarity, cache.reason, cache.stored_question].filter(Boolean).join(" · ");
    fill(table, ["What", "Result"], [
      [cell("Model"), cell(told.model)],
      [cell("Decision"), cell(told.decision || "none")],
      [cell("Why"), cell(told.reason)],
      [cell("Cache"), cell(verdict, cache.verdict)],
      ...told.signals.map((each) => [cell(each.signal), cell(`${each.matched ? "yes" : "no"} · ${each.why}`, each.matched ? "yes" : "")]),
    ]);
  }
  at("explained").replaceChildren(table);
});

refresh();
