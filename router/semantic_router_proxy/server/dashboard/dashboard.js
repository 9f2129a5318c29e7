import { OUTCOMES, at, badge, cell, chart, element, fill, milliseconds, money, number, share, short, span, whole } from "/page.js";
import { headers } from "/session.js";
import "/try.js";
import "/cache.js";

const REFRESH_MS = 2000;
const LATENCY = [["exact", "exact hit"], ["semantic", "semantic hit"], ["model", "asked a model"]];
let before = null;
let next = 0;

function tiles(state) {
  const counted = state.timeline?.buckets ?? [];
  const sum = (kind) => counted.reduce((total, bucket) => total + (bucket[kind] ?? 0), 0);
  const requests = state.requests ?? {};
  const total = Object.values(requests).reduce((all, value) => all + value, 0);
  const hits = requests.hit ?? 0;
  at("hit-rate").textContent = share(hits, hits + (requests.miss ?? 0));
  at("hit-split").textContent = `last 10 min: ${whole(sum("exact"))} exact, ${whole(sum("semantic"))} semantic`;
  at("requests").textContent = short(total);
  const now = performance.now();
  const rate = before && now > before.now ? (total - before.total) / ((now - before.now) / 1000) : 0;
  at("rate").textContent = `${rate.toFixed(1)} a second, ${whole(state.running)} running`;
  before = { total, now };
  const tokens = state.tokens ?? {};
  at("saved").textContent = short(tokens.saved);
  at("paid").textContent = `${short((tokens.prompt ?? 0) + (tokens.completion ?? 0))} paid for`;
  const [currency, sums] = Object.entries(state.money ?? {})[0] ?? [];
  at("money").textContent = currency ? money(sums.saved, currency) : "–";
  at("spent").textContent = currency ? `${money(sums.spent, currency)} spent` : "no model has a price";
  at("entries").textContent = state.cache ? short(state.cache.total_entries) : "off";
  at("cache-facts").textContent = state.cache
    ? `${state.cache.backend}, similar from ${state.cache.similarity_threshold}, kept ${state.cache.ttl_seconds ? span(state.cache.ttl_seconds) : "until evicted"}`
    : "the cache is off";
}

function pictures(state) {
  at("chart").replaceChildren(chart(state.timeline?.buckets ?? [], state.timeline?.seconds ?? 5, at("chart").clientWidth));
  at("legend").replaceChildren(...OUTCOMES.map(([kind, name]) => element("li", kind, element("i"), element("span", "", name))));
  fill(at("latency"), ["Answer", "p50#", "p95#", "p99#"], LATENCY.map(([key, name]) => {
    const told = state.latency?.[key];
    return [cell(name, key), ...["p50", "p95", "p99"].map((each) => number(milliseconds(told?.[each])))];
  }), "");
}

function tables(state) {
  fill(at("models"), ["Model", "Chosen#", "Answers#", "First byte#", "Errors#", "Tokens#", "Saved#"], (state.models ?? []).map((each) => [
    cell(each.model, "nowrap"), number(whole(each.chosen)), number(whole(each.answers)), number(milliseconds(each.first_byte_ms)),
    number(whole(each.errors), each.errors ? "error" : ""), number(short((each.tokens.prompt ?? 0) + (each.tokens.completion ?? 0))),
    number(short(each.tokens.saved)),
  ]), "No model is configured.");
  fill(at("providers"), ["Provider", "Endpoint", "Running#", "Breaker", "Health checks"], (state.providers ?? []).map((each) => [
    cell(each.provider), cell(each.endpoint, "soft"), number(whole(each.running)), cell(badge(each.breaker, each.breaker)),
    cell(each.healthy == null ? "off" : badge(each.healthy ? "well" : "failing", each.healthy ? "healthy" : "unhealthy"), "soft"),
  ]), "No provider is configured.");
  const decisions = Object.entries(state.decisions ?? {}).sort(([, one], [, other]) => other - one);
  const most = Math.max(1, ...decisions.map(([, count]) => count));
  fill(at("decisions"), ["Decision", "Requests#"], decisions.map(([name, count]) => {
    const bar = element("span", "bar");
    bar.style.width = `${(count / most) * 100}%`;
    return [element("td", "", name, bar), number(whole(count))];
  }), "Nothing was routed yet.");
}

function similarity(each) {
  const nearest = each.cache === "hit" ? each.similarity : each.nearest;
  return number(nearest ? nearest.toFixed(3) : "", each.cache === "hit" ? "" : "soft");
}

function why(each) {
  const guard = each.cache !== "hit" && each.objections?.length ? `guard: ${[...new Set(each.objections)].join(", ")}` : "";
  return [each.cache_reason, guard, each.reason, each.coalesced ? "shared another request's call" : ""].filter(Boolean).join("; ");
}

function recent(state) {
  fill(at("recent"), ["Time", "Cache", "Similarity#", "Took#", "Model", "Decision", "Question", "Why"], (state.recent ?? []).map((each) => {
    const outcome = each.status >= 400 ? "error" : each.cache === "hit" ? each.tier : each.cache;
    const label = each.status >= 400 ? `${each.status}` : outcome || "other";
    return [
      cell(new Date(each.at * 1000).toLocaleTimeString("en-GB"), "nowrap soft"), cell(badge(label, outcome)),
      similarity(each), number(milliseconds(each.milliseconds)),
      cell(each.model, "nowrap"), cell(each.decision || "–", "nowrap soft"),
      cell(each.question || (state.questions_shown ? "" : "hidden"), each.question ? "question" : "soft"),
      cell(why(each), "soft"),
    ];
  }), "Nothing was asked yet.");
}

function told(state) {
  const name = state.status === "ready" ? "Ready" : state.status;
  at("status").className = state.ready ? "ready" : "failed";
  at("status-text").textContent = name;
  at("facts").textContent = [`configuration ${state.config_epoch ?? "–"}`, `up ${span(state.up_seconds)}`, `version ${state.version}`].join(" · ");
  const problems = [];
  if (state.reload_problem) problems.push(`The changed configuration is not in force:\n${state.reload_problem}`);
  if (state.restart_needed?.length) problems.push(`In force only after a restart: ${state.restart_needed.join(", ")}`);
  if (state.cache?.store_problem) problems.push(`The cache goes on without its store: ${state.cache.store_problem}`);
  at("problem").hidden = !problems.length;
  at("problem").textContent = problems.join("\n");
  at("askers").replaceChildren(...(state.callers ?? []).map((name) => {
    const option = element("option");
    option.value = name;
    return option;
  }));
}

async function refresh() {
  clearTimeout(next);
  try {
    const answer = await fetch("/api/state", { headers: headers() });
    const state = await answer.json();
    if (!answer.ok) throw new Error(answer.status === 401 ? "Locked: enter the admin token" : state.error.message);
    told(state);
    tiles(state);
    pictures(state);
    tables(state);
    recent(state);
  } catch (error) {
    at("status").className = "failed";
    at("status-text").textContent = error instanceof TypeError ? "The router does not answer." : error.message;
  }
  next = setTimeout(refresh, REFRESH_MS);
}

at("token").addEventListener("change", refresh);
refresh();
