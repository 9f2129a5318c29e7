// The cache's entries: search, delete one, invalidate all. Both need the admin token.
import { at } from "/page.js";
import { call } from "/session.js";

function sure(question) {
  at("sure-text").textContent = question;
  at("sure").showModal();
  return new Promise((resolve) => {
    at("sure").addEventListener("close", () => resolve(at("sure").returnValue === "yes"), { once: true });
  });
}

at("invalidate").addEventListener("click", async () => {
  if (!(await sure("Delete every answer in the cache, for all callers and models? This cannot be undone."))) return;
  try {
    const told = await call("POST", "/api/cache/invalidate", {});
    at("cache-says").textContent = `${told.invalidated} answers were deleted.`;
  } catch (error) {
    at("cache-says").textContent = error.message;
  }
});
