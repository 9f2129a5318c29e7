// Looks at the dashboard as a person would: `node browse.mjs CHROMIUM MODULES URL PROFILE CASE OPTIONS`.
// Prints what the case saw, and everything that the browser's console complained about.
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , executablePath, modules, url, profile, name, given] = process.argv;
const { chromium } = createRequire(join(modules, "from.js"))("playwright-core");
const options = JSON.parse(given);
const problems = [];

const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  viewport: { width: options.width ?? 1360, height: options.height ?? 1000 },
  colorScheme: options.scheme ?? "light",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const page = context.pages()[0] ?? (await context.newPage());
page.setDefaultTimeout(10000);
page.on("pageerror", (error) => problems.push(error.message));
page.on("console", (line) => {
  // What the router refuses without a token is a refusal, not a fault of the page.
  if (line.type() === "error" && !line.text().includes("401")) problems.push(line.text());
});
page.on("request", (request) => {
  if (!request.url().startsWith(url) && !request.url().startsWith("data:")) problems.push(`asked for ${request.url()}`);
});

const text = (selector) => page.locator(selector).innerText();
const rows = async (table) => {
  const found = [];
  for (const row of await page.locator(`${table} tr`).all()) found.push(await row.locator("th, td").allInnerTexts());
  return found;
};
const open = async () => {
  await page.goto(url);
  if (options.token) {
    await page.fill("#token", options.token);
    await page.press("#token", "Tab");
    await page.waitForSelector("#status.ready");
  }
};

const cases = {
  async overview() {
    await open();
    const tiles = {};
    for (const id of ["hit-rate", "hit-split", "requests", "saved", "money", "spent", "entries", "facts"]) tiles[id] = await text(`#${id}`);
    const tables = {};
    for (const id of ["latency", "models", "providers", "decisions", "recent"]) tables[id] = await rows(`#${id}`);
    const bars = {};
    for (const kind of ["exact", "semantic", "miss"]) bars[kind] = await page.locator(`#chart rect.${kind}`).count();
    return { tiles, tables, bars };
  },
  async locked() {
    await page.goto(url);
    await page.waitForSelector("#status.failed");
    return { status: await text("#status"), recent: await page.locator("#recent").innerText() };
  },
  async live() {
    await open();
    const before = await text("#requests");
    await page.waitForFunction((old) => document.getElementById("requests").textContent !== old, before);
    return { before, after: await text("#requests") };
  },
  async explain() {
    await open();
    await page.fill("#question", options.question);
    if (options.asker) await page.fill("#asker", options.asker);
    await page.click("#try button");
    await page.waitForSelector("#explained strong");
    return { explained: await text("#explained"), scripts: await page.locator("#explained script, #explained img").count() };
  },
  async invalidate() {
    await open();
    await page.click("#invalidate");
    await page.click(`#sure button[value=${options.answer}]`);
    if (options.answer === "yes") await page.waitForFunction(() => document.getElementById("cache-says").textContent !== "");
    return { says: await page.locator("#cache-says").textContent() };
  },
  async find() {
    await open();
    await page.fill("#words", options.words);
    await page.click("#find button:not(.danger)");
    await page.waitForSelector("#found td");
    if (options.further) {
      await page.click("#further");
      await page.waitForFunction(() => document.getElementById("cache-says").textContent !== "");
      await page.waitForSelector("#further:not([disabled])");
    }
    const found = (await rows("#found")).slice(1);
    if (options.remove) {
      await page.click("#found button");
      await page.click("#sure button[value=yes]");
      await page.waitForFunction(() => document.getElementById("cache-says").textContent !== "");
    }
    return { found, says: await page.locator("#cache-says").textContent(), left: (await rows("#found")).slice(1) };
  },
  async look() {
    await open();
    const { overflow, ground, ink } = await page.evaluate(() => {
      const style = getComputedStyle(document.body);
      return {
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        ground: style.backgroundColor,
        ink: style.color,
      };
    });
    const unlabelled = await page.locator("input:not([aria-label]):not(label input), button:empty").count();
    return { overflow, ground, ink, unlabelled };
  },
  async screenshot() {
    await open();
    await page.fill("#question", options.question);
    await page.click("#try button");
    await page.waitForSelector("#explained strong");
    await page.evaluate(() => document.activeElement.blur());
    await page.screenshot({ path: options.path });
    return {};
  },
};

try {
  const result = await cases[name]();
  process.stdout.write(JSON.stringify({ result, problems }));
} finally {
  await context.close();
}
