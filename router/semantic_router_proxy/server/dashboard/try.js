// The try-it box: what routing would decide and what the cache would say, without asking a model.
import { at, badge, element } from "/page.js";
import { call } from "/session.js";

function decision(told) {
  const lines = [told.decision ? `by decision ${told.decision}` : "by default"];
  if (told.use_reasoning) lines.push(`with reasoning${told.reasoning_effort ? `, ${told.reasoning_effort} effort` : ""}`);
  if (told.system_prompt) lines.push("with the decision's system prompt");
  if (told.escalated) lines.push("escalated to the larger model");
  return element("div", "", element("h3", "", "Decision"), element("strong", "", told.model || "no model"),
    ...lines.map((line) => element("p", "", line)), element("p", "soft", told.reason));
}

function verdict(cache) {
  const kind = cache.verdict === "hit" ? cache.tier : cache.verdict;
  const lines = [];
  if (cache.similarity != null) lines.push(`similarity ${cache.similarity.toFixed(3)}`);
  if (cache.threshold != null) lines.push(`threshold ${cache.threshold}`);
  if (cache.scope && cache.scope !== "anonymous") lines.push(`among the answers of ${cache.scope}`);
  if (cache.reason) lines.push(`only exact repeats or less: ${cache.reason}`);
  if (cache.stored_question) lines.push(`stored question: ${cache.stored_question}`);
  if (cache.verdict === "miss" && cache.nearest != null) lines.push(`nearest ${cache.nearest.toFixed(3)}${cache.nearest_question ? `: ${cache.nearest_question}` : ""}`);
  if (cache.verdict === "miss" && cache.objections?.length) lines.push(`the guard objected: ${cache.objections.join(", ")}`);
  const words = { exact: "exact hit", semantic: "semantic hit", miss: "miss", bypass: "bypass", disabled: "the cache is off" };
  return element("div", "", element("h3", "", "Cache"), element("strong", kind, words[kind] ?? kind), ...lines.map((line) => element("p", "soft", line)));
}

function signals(told) {
  const list = element("ul", "", ...told.signals.map((each) =>
    element("li", "", badge(each.matched ? "yes" : "no", each.matched ? "yes" : "no"), ` ${each.signal} `, element("span", "soft", each.why))));
  return element("div", "", element("h3", "", "Signals"), told.signals.length ? list : element("p", "soft", "none is configured or was needed"));
}

at("try").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const who = at("asker").value.trim();
    const callers = [...at("askers").options].map((option) => option.value);
    const asker = who ? (callers.includes(who) ? { caller: who } : { scope: who }) : {};
    const told = await call("POST", "/api/explain", { text: at("question").value, ...asker });
    at("explained").replaceChildren(decision(told), verdict(told.cache), signals(told));
  } catch (error) {
    at("explained").replaceChildren(element("p", "error", error.message));
  }
});
