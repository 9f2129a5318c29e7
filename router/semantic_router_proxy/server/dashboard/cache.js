// The cache's entries: search, delete one, invalidate all. Both changes need the admin token.
import { at, badge, cell, element, fill, span, whole } from "/page.js";
import { call } from "/session.js";

const MOST = 100;
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

const TITLES = ["Question", "Serves", "Model", "Decision", "Scope", "Age", "Life", ""];

function show(entries, none) {
  fill(at("found"), TITLES, entries.map(row), none);
}

// Those in memory, the newest first.
async function search() {
  const words = at("words").value;
  const told = await call("GET", `/api/cache/entries?limit=50&words=${encodeURIComponent(words)}`);
  show(told.entries, "No stored question at hand has these words.");
  searched = words;
  at("further").hidden = false;
  says("");
}

// Everything that is kept, also where it has left memory: page by page, until there is enough to show or no more.
async function searchFurther() {
  const words = searched;
  const entries = [];
  let cursor = "", read = 0;
  at("further").disabled = true;
  try {
    while (cursor !== null && entries.length < MOST && searched === words) {
      const told = await call("GET", `/api/cache/entries?limit=${MOST}&words=${encodeURIComponent(words)}&cursor=${cursor}`);
      entries.push(...told.entries);
      read += told.read;
      cursor = told.cursor;
      says(`${whole(read)} answers read, ${whole(entries.length)} have these words.`);
    }
    show(entries, "No stored question has these words.");
    if (cursor !== null) says(`${whole(entries.length)} of the first ${whole(read)} answers have these words; name more words to find others.`);
  } finally {
    at("further").disabled = false;
  }
}

at("further").addEventListener("click", () => searchFurther().catch((error) => says(error.message, true)));

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
