// The cache's entries: search, delete one, invalidate all. Both changes need the admin token.
import { at, badge, cell, element, fill, span } from "/page.js";
import { call } from "/session.js";

let searched = null;

function says(text, bad = false) {
  at("cache-says").textContent = text;
  at("cache-says").className = bad ? "note error" : "note";
}

function sure(question) {
  at("sure-text").textContent = question;
  at("sure").returnValue = "no";
  at("sure").showModal();
  return new Promise((resolve) => {
    at("sure").addEventListener("close", () => resolve(at("sure").returnValue === "yes"), { once: true });
  });
}

function row(entry) {
  const remove = element("button", "danger small", "Delete");
  remove.addEventListener("click", async () => {
    if (!(await sure(`Delete the answer to “${entry.question.slice(0, 200)}”?`))) return;
    try {
      await call("DELETE", `/api/cache/entries/${entry.entry_id}`);
      await search();
      says("The answer was deleted.");
    } catch (error) {
      says(error.message, true);
    }
  });
  const now = Date.now() / 1000;
  return [
    cell(entry.question, "question"), cell(badge(entry.semantic ? "like and equal" : "equal only", entry.semantic ? "semantic" : "exact")),
    cell(entry.model, "nowrap"), cell(entry.decision || "–", "nowrap soft"), cell(entry.scope || "everybody", "soft"),
    cell(`${span(Math.max(0, now - entry.created_at))} old`, "nowrap soft"),
    cell(entry.expires_at ? `${span(Math.max(0, entry.expires_at - now))} left` : "until evicted", "nowrap soft"), cell(remove),
  ];
}

async function search() {
  const words = at("words").value;
  const told = await call("GET", `/api/cache/entries?limit=50&words=${encodeURIComponent(words)}`);
  fill(at("found"), ["Question", "Serves", "Model", "Decision", "Scope", "Age", "Life", ""], told.entries.map(row), "No stored question has these words.");
  searched = words;
  says("");
}

at("find").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await search();
  } catch (error) {
    says(error.message, true);
  }
});

at("invalidate").addEventListener("click", async () => {
  if (!(await sure("Delete every answer in the cache, for all callers and models? This cannot be undone."))) return;
  try {
    const told = await call("POST", "/api/cache/invalidate", {});
    if (searched !== null) await search();
    says(`${told.invalidated} answers were deleted.`);
  } catch (error) {
    says(error.message, true);
  }
});
