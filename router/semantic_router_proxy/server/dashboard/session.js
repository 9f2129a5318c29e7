// The admin token lives in this page's memory only.
import { at } from "/page.js";

export function headers() {
  const token = at("token").value;
  return token ? { authorization: `Bearer ${token}` } : {};
}

// Call the admin API; the answer's words are those of the router, also where it refuses.
export async function call(method, path, body) {
  const sent = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(path, { method, headers: { ...headers(), ...sent }, body: body === undefined ? undefined : JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error?.message ?? `The router answered ${answer.status}.`);
  return told;
}
