// Building blocks of the page. Text only ever enters it as text: a question may hold anything.

export const at = (id) => document.getElementById(id);

export function element(name, className = "", ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.map((child) => child ?? ""));
  return made;
}

export const cell = (content, className) => element("td", className, content);
export const number = (content, className = "") => cell(content, `number ${className}`);
export const badge = (text, kind) => element("span", `badge ${kind}`, text);

// Columns whose title ends in "#" hold numbers.
export function fill(table, titles, rows, none) {
  const head = titles.map((title) => {
    const th = element("th", title.endsWith("#") ? "number" : "", title.replace("#", ""));
    th.scope = "col";
    return th;
  });
  const body = rows.map((cells) => element("tr", "", ...cells));
  if (!rows.length) {
    const empty = cell(none, "empty");
    empty.colSpan = titles.length;
    body.push(element("tr", "", empty));
  }
  table.replaceChildren(element("tr", "", ...head), ...body);
}

export const whole = (value) => Math.round(value ?? 0).toLocaleString("en");
export const milliseconds = (value) =>
  value == null ? "–" : value < 10 ? `${value.toFixed(1)} ms` : value < 10000 ? `${whole(value)} ms` : `${(value / 1000).toFixed(1)} s`;
export const share = (part, all) => (all ? `${((part / all) * 100).toFixed(1)} %` : "–");

export function short(value) {
  const rounded = Math.round(value ?? 0);
  return rounded < 10000 ? whole(rounded) : new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(rounded);
}

export function money(amount, currency) {
  const digits = amount !== 0 && Math.abs(amount) < 1 ? 4 : 2;
  return new Intl.NumberFormat("en", { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits }).format(amount);
}

export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}

function drawn(name, attributes, className = "", text = "") {
  const made = document.createElementNS(document.querySelector("svg").namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (className) made.setAttribute("class", className);
  if (text) made.textContent = text;
  return made;
}

export const OUTCOMES = [
  ["exact", "exact hit"],
  ["semantic", "semantic hit"],
  ["miss", "miss"],
  ["bypass", "bypass"],
  ["error", "error"],
];

// Stacked bars, the oldest on the left; a bar is one bucket of the timeline.
export function chart(buckets, seconds, width) {
  const height = 190, left = 34, bottom = 20;
  const sums = buckets.map((bucket) => OUTCOMES.reduce((sum, [kind]) => sum + (bucket[kind] ?? 0), 0));
  const top = Math.max(4, ...sums);
  const step = (width - left) / buckets.length;
  const scale = (height - bottom - 8) / top;
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.setAttribute("aria-label", `${whole(sums.reduce((a, b) => a + b, 0))} requests in the last ten minutes`);
  for (const share of [0, 0.5, 1]) {
    const y = height - bottom - top * share * scale;
    svg.append(drawn("line", { x1: left, x2: width, y1: y, y2: y }, "grid"));
    svg.append(drawn("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, "", short(top * share)));
  }
  buckets.forEach((bucket, index) => {
    let y = height - bottom;
    for (const [kind] of OUTCOMES) {
      const tall = (bucket[kind] ?? 0) * scale;
      if (!tall) continue;
      y -= tall;
      svg.append(drawn("rect", { x: left + index * step + 0.5, y, width: Math.max(1, step - 1.5), height: tall }, kind));
    }
  });
  for (const minutes of [10, 8, 6, 4, 2]) {
    const x = left + (width - left) * (1 - (minutes * 60) / (buckets.length * seconds));
    if (x > width - 75) continue; // No room beside "now".
    svg.append(drawn("text", { x, y: height - 4 }, "", `−${minutes} min`));
  }
  svg.append(drawn("text", { x: width, y: height - 4, "text-anchor": "end" }, "", "now"));
  return svg;
}
