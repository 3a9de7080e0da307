// The page's own code: filters, axes, theme, sorting and the CSV. The charts themselves are Vega-Lite's.
const packed = Uint8Array.from(atob(document.getElementById("data").textContent), (sign) => sign.charCodeAt(0));
const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
const page = JSON.parse(await new Response(unpacked).text());
// What stands in the page as a table, as records; what is null is left out.
const records = ({ columns, values }) => values.map((line) =>
  Object.fromEntries(columns.map((name, place) => [name, line[place]]).filter(([, value]) => value !== null)));
page.hover = records(page.hover);
page.facets = records(page.facets);
for (const chart of page.charts) chart.records = records(chart.records);
const byId = (name) => document.getElementById(name);
const figures = [...document.querySelectorAll("figure[data-chart]")];
const narrow = matchMedia("(max-width: 40rem)");
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
// Okabe and Ito's palette; in the dark its lighter colours.
const THEMES = {
  light: { ink: "#1a1a1a", soft: "#555555", line: "#e0e0e0", front: "#009E73",
    colours: ["#0072B2", "#D55E00", "#7A5195", "#E69F00", "#56B4E9", "#CC79A7", "#000000"] },
  dark: { ink: "#ececec", soft: "#b4b4b4", line: "#3a3d42", front: "#2FD6A5",
    colours: ["#56B4E9", "#E69F00", "#CC79A7", "#F0E442", "#D55E00", "#B9A2E0", "#FFFFFF"] },
};
const SHAPES = ["circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "triangle-right"];
// Where the name of a point may stand, the best first.
const ANCHORS = ["right", "left", "top", "bottom", "top-right", "bottom-right", "top-left", "bottom-left"];
const DISTANCES = [12, 20, 28, 38];
let kept = new Set(page.facets.keys());
let theme = prefersDark.matches ? "dark" : "light";

function config() {
  const { ink, soft, line, front, colours } = THEMES[theme];
  const text = { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12 };
  return {
    background: "transparent", font: "system-ui, sans-serif", view: { stroke: null },
    axis: { ...text, gridColor: line, domainColor: soft, tickColor: soft, labelOverlap: "greedy", labelSeparation: 5, labelLimit: narrow.matches ? 110 : 260,
      titleLimit: narrow.matches ? Math.max(200, innerWidth - 130) : 600 },
    legend: { ...text, orient: narrow.matches ? "bottom" : "right", columns: 1, labelLimit: 240,
      symbolStrokeColor: soft },
    text: { color: ink }, rule: { color: soft, strokeWidth: 1.5 },
    range: { category: colours, symbol: SHAPES },
    style: { front: { color: front, stroke: front, strokeWidth: 2 }, guide: { color: soft, stroke: soft },
      bubble: { color: soft, fill: soft, stroke: soft, strokeWidth: 1, opacity: 1 },
      name: { fill: ink, fontSize: 11, align: "left", dx: 8 } },
  };
}

// What of a chart passes the filters, each with what is told when it is pointed at.
function shown(chart) {
  let found = chart.records.filter((record) => !record.rows || record.rows.some((row) => kept.has(row)));
  if (Object.keys(chart.axes).length) found = placed(chart, found);
  return found.map((record) =>
    record.rows && !record.hover ? { ...record, hover: { ...page.hover[record.rows[0]], ...record.more } } : record);
}

// The points of the first chart at the chosen x: one a file, of several ways of timing it the chosen or first one.
function placed(chart, candidates) {
  const field = chart.axes[byId("x").value]?.field;
  const timed = ["latency", "memory"].includes(byId("x").value);
  const setting = Number(byId("setting")?.value ?? -1);
  const points = new Map();
  for (const record of candidates) {
    const x = record[field];
    if (!(x > 0) || (byId("y-scale").value === "log" && !(record.y > 0))) continue;
    if (timed && record.setting !== setting) continue;
    const key = `${record.published}, ${record.group}`;
    if (!points.has(key)) {
      points.set(key, { ...record, x, x_low: record[`${field}_low`] ?? x, x_high: record[`${field}_high`] ?? x });
    }
  }
  const names = new Set();
  for (const point of points.values()) {  // twins lie on one another: one name is enough
    const place = `${point.name}, ${point.x}, ${Math.round(point.y)}`;
    point.named = point.standing && !names.has(place);
    names.add(place);
  }
  return [...points.values()];
}

function scale(select, padding) {
  const type = byId(select).value;
  return { type, nice: false, padding, ...(type === "linear" ? { zero: false } : {}) };
}

function specification(chart, values) {
  const spec = structuredClone(chart.spec);
  if (Object.keys(chart.axes).length) {
    const x = chart.axes[byId("x").value];
    for (const { encoding } of spec.layer) {
      if (!encoding.x) continue;
      encoding.x.title = x?.title;
      encoding.x.scale = scale("x-scale", 30);
      encoding.x.axis = { tickCount: narrow.matches ? 4 : 8,
        ...(byId("x-scale").value === "log" ? { labelExpr: x?.labels } : {}) };
      encoding.y.scale = scale("y-scale", 24);
    }
  }
  for (const { encoding } of narrow.matches ? spec.layer : []) {  // what stands in brackets is on wider screens
    if (encoding.x?.title) encoding.x.title = encoding.x.title.split(" (")[0];
  }
  if (spec.usermeta) {
    const distinct = (field) => new Set(values.map((record) => record[field])).size;
    spec.height = spec.usermeta.step * spec.usermeta.lines.reduce((lines, field) => lines * distinct(field), 1) + 12;
  }
  return { $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: "container",
    autosize: { type: "fit-x", contains: "padding" }, description: chart.summary, ...spec, data: { values } };
}

// What Vega can and Vega-Lite does not say. Names stand where they hide no point, interval, front or other name; where there
// is no such place they are left out. Bubbles of a legend are rings in every theme.
function finished(spec) {
  const others = spec.marks.filter((mark) => ["symbol", "rule", "line"].includes(mark.type)).map((mark) => mark.name);
  for (const { encode, name, type, ...mark } of spec.marks) {
    if (type !== "text" || !name.includes("names")) continue;
    const { align, baseline, dx, ...update } = encode.update;
    const transform = [{ type: "label", size: { signal: "[max(width, 1), max(height, 1)]" }, avoidMarks: others,
      anchor: DISTANCES.flatMap(() => ANCHORS), offset: DISTANCES.flatMap((far) => ANCHORS.map(() => far)) }];
    spec.marks[spec.marks.findIndex((one) => one.name === name)] = { ...mark, name, type, transform, encode: { update } };
  }
  for (const legend of (spec.legends ?? []).filter((one) => one.size)) {
    const ring = { fill: { value: "transparent" }, stroke: { value: THEMES[theme].soft } };
    legend.encode = { ...legend.encode, symbols: { update: ring } };
  }
  return spec;
}

// One after the other, so that none draws into what another has removed.
function draw(figure) {
  figure.drawing = (figure.drawing ?? Promise.resolve()).then(() => drawOnce(figure));
  return figure.drawing;
}

async function drawOnce(figure) {
  const chart = page.charts[figure.dataset.chart];
  const values = shown(chart);
  figure.hidden = values.length === 0;
  if (figure.hidden) return;
  const options = { renderer: "svg", actions: false, ast: true, config: config(), patch: finished,
    tooltip: { theme: theme === "dark" ? "dark" : "light", maxDepth: 2 } };
  figure.view?.finalize();
  const drawn = await window.vegaEmbed(figure.querySelector(".drawing"), specification(chart, values), options);
  figure.view = drawn;
  figure.dataset.drawn = String(Number(figure.dataset.drawn ?? 0) + 1);
  performance.mark("drawn");
}

// A chart is drawn when it comes near the window, so that a long page is there at once.
const waiting = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) { waiting.unobserve(target); draw(target); }
  }
}, { rootMargin: "400px" });

function redraw(which = figures) {
  for (const figure of which) { figure.hidden = false; waiting.unobserve(figure); waiting.observe(figure); }
}

function filter() {
  const chosen = [...document.querySelectorAll("fieldset[data-facet]")].map((set) =>
    [set.dataset.facet, new Set([...set.querySelectorAll("input:checked")].map((box) => box.value))]);
  const part = byId("search").value.trim().toLowerCase();
  const name = page.rows.columns.indexOf("architecture");
  kept = new Set();
  page.facets.forEach((values, row) => {
    const fits = chosen.every(([facet, allowed]) => values[facet].some((value) => allowed.has(value)));
    if (fits && String(page.rows.values[row][name]).toLowerCase().includes(part)) kept.add(row);
  });
  for (const line of document.querySelectorAll("#table tbody tr")) line.hidden = !kept.has(Number(line.dataset.row));
  byId("count").textContent = `${kept.size} of ${page.facets.length} rows`;
  redraw();
}

function setTheme(name) {
  theme = name;
  document.documentElement.dataset.theme = name;
  byId("theme").setAttribute("aria-pressed", String(name === "dark"));
}

function sort(heading) {
  const ascending = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of document.querySelectorAll("#table th")) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const column = page.rows.columns.indexOf(heading.dataset.column);
  const value = (line) => page.rows.values[line.dataset.row][column];
  const body = document.querySelector("#table tbody");
  const lines = [...body.rows].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return (a === null) - (b === null);  // what was not measured is always last
    const numbers = typeof a === "number" && typeof b === "number";
    const order = numbers ? a - b : String(a).localeCompare(String(b));
    return ascending ? order : -order;
  });
  body.append(...lines);
}

function csv() {
  const field = (value) => {
    if (value === null) return "";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [page.rows.columns, ...page.rows.values].map((line) => line.map(field).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", lines.join("\n"), "\n"], { type: "text/csv" }));
  link.download = "rows.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

byId("filters").addEventListener("input", filter);
byId("filters").addEventListener("reset", () => setTimeout(filter));
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("axes")?.addEventListener("input", () => {
  redraw(figures.filter((figure) => Object.keys(page.charts[figure.dataset.chart].axes).length));
});
byId("theme").addEventListener("click", () => { setTheme(theme === "dark" ? "light" : "dark"); redraw(); });
byId("csv").addEventListener("click", csv);
for (const heading of document.querySelectorAll("#table th")) {
  heading.querySelector("button").addEventListener("click", () => sort(heading));
}
narrow.addEventListener("change", () => redraw());
// On paper every chart stands, dark on white, whatever the window has come to.
addEventListener("beforeprint", () => {
  page.theme = theme;
  setTheme("light");
  for (const figure of figures) { waiting.unobserve(figure); draw(figure); }
});
addEventListener("afterprint", () => { setTheme(page.theme); redraw(); });
prefersDark.addEventListener("change", (event) => { setTheme(event.matches ? "dark" : "light"); redraw(); });
setTheme(theme);
filter();
