// Draws a ChartState (ui/chart.py). Texts go in through textContent alone: names and errors come from strangers.
const MOST_LINES = 12;
const root = element.querySelector(".sc-inside");
const seen = { all: false, measure: null, axes: {}, width: 0, state: null };
let tip = null;

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const number = (value) => (Number.isFinite(value) ? value.toFixed(2) : "0");

function withUnit(figure, unit) {
  const text = figure.replace("-", "−");
  if (unit === "$") return `$${text}`;
  return unit && unit !== "x" ? `${text}\u00a0${unit}` : text;
}
// the same rule as Column.shown in comparisons/columns.py
function shown(value, measure) {
  let digits = measure.decimals === 3 && Math.abs(value) >= 0.1 ? 2 : measure.decimals;
  if (measure.unit === "$") digits = value >= 10 || value <= 0 ? 2 : Math.min(20, Math.max(2, 1 - Math.floor(Math.log10(value))));
  // halfEven, as the server rounds: 81.25 % is 81.2 % on the card too.
  const how = { minimumFractionDigits: digits, maximumFractionDigits: digits, roundingMode: "halfEven" };
  return withUnit(value.toLocaleString("en-US", how), measure.unit);
}
const titled = (measure) => (measure.unit ? `${measure.label} (${measure.unit})` : measure.label);
const better = (measure) => ({ "-1": "lower is better", 1: "higher is better" })[measure.direction] || "";

const unanswered = (series) => (series.failed ? "failed" : "stopped");

function described(series, measure) {
  const spread = series.spreads[measure.name];
  if (!spread) return series.ok ? "unknown" : `${unanswered(series)}${series.error ? `: ${series.error}` : ""}`;
  const p50 = shown(spread.p50, measure);
  const cached = spread.cached ? ", cached" : "";
  if (spread.n === 1) return p50 + cached;
  const kind = spread.dots.length ? "" : "p5 to p95: ";
  return `p50 ${p50}, ${kind}${shown(spread.low, measure)} to ${shown(spread.high, measure)}, n ${spread.n}${cached}`;
}

function counted(series) {
  const words = [`${series.ok} ok`];
  if (series.cached) words.push(`${series.cached} cached${series.cached < series.ok ? ", left out" : ""}`);
  if (series.stopped) words.push(`${series.stopped} stopped`);
  if (series.failed) words.push(`${series.failed} failed`);
  return words.join(" · ");
}

// ------------------------------------------------------------------ what both kinds share

function tooltip(target, series, measures) {
  const show = () => {
    tip.replaceChildren();
    html(tip, "b", {}, series.name);
    html(tip, "span", { class: "sc-tip-where" }, `${series.where} · ${counted(series)}`);
    for (const measure of measures) {
      const line = html(tip, "div");
      html(line, "span", {}, measure.label);
      html(line, "span", {}, described(series, measure));
    }
    tip.hidden = false;
    const box = target.getBoundingClientRect();
    const home = root.getBoundingClientRect();
    const above = box.top - home.top - tip.offsetHeight - 6;
    tip.style.left = `${clamp(box.left - home.left + box.width / 2 - tip.offsetWidth / 2, 0, home.width - tip.offsetWidth)}px`;
    tip.style.top = `${above < 0 ? box.bottom - home.top + 6 : above}px`;
  };
  const hide = () => { tip.hidden = true; };
  for (const [event, run] of [["mouseenter", show], ["focus", show], ["mouseleave", hide], ["blur", hide]]) {
    target.addEventListener(event, run);
  }
  target.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}

function textAlternative(state) {
  const table = html(html(root, "div", { class: "sc-hidden" }), "table");
  html(table, "caption", {}, `${state.title || "Chart"} as a table`);
  const head = html(html(table, "thead"), "tr");
  for (const label of ["Engine", "Where", "Runs", ...state.measures.map(titled)]) html(head, "th", { scope: "col" }, label);
  const body = html(table, "tbody");
  for (const series of state.series) {
    const line = html(body, "tr");
    html(line, "th", { scope: "row" }, series.name);
    html(line, "td", {}, series.where);
    html(line, "td", {}, counted(series));
    for (const measure of state.measures) html(line, "td", {}, described(series, measure));
  }
}

function choice(parent, label, measures, value, changed) {
  const select = html(html(parent, "label", {}, `${label} `), "select", { "aria-label": label });
  for (const measure of measures) html(select, "option", { value: measure.name }, titled(measure));
  select.value = value;
  select.addEventListener("change", () => {
    changed(select.value);
    draw();
    root.querySelector(`select[aria-label="${label}"]`)?.focus();
  });
}

function fitted(node, text, width) {
  // Cut in the middle: variants of one engine differ at the end of their names.
  node.textContent = text;
  for (let keep = text.length - 1; keep > 1 && node.getComputedTextLength() > width; keep -= 1) {
    const head = Math.ceil(keep / 2);
    node.textContent = `${text.slice(0, head).trimEnd()}…${text.slice(text.length - keep + head).trimStart()}`;
  }
}

function legend(state) {
  const line = html(root, "p", { class: "sc-legend" });
  for (const where of ["local", "cloud"]) {
    if (!state.series.some((series) => series.where === where)) continue;
    const mark = svg(svg(line, "svg", { width: 14, height: 12, "aria-hidden": "true" }), "path", { class: `sc-fill-${where}` });
    mark.setAttribute("d", state.kind === "bars" ? "M1 3h12v6H1z" : where === "local" ? "M7 1a5 5 0 1 0 .01 0z" : "M7 0l6 6-6 6-6-6z");
    html(line, "span", {}, where);
  }
  const spreads = state.series.flatMap((series) => Object.values(series.spreads));
  if (spreads.some((spread) => spread.n > 1)) {
    const drawn = spreads.some((spread) => spread.dots.length > 1) ? "dots: single runs" : "thin line: p5 to p95";
    html(line, "span", {}, state.kind === "bars" ? `bar: p50 · ${drawn}` : "each point is an engine's p50");
  }
  if (state.kind === "scatter" && root.querySelector(".sc-front")) html(line, "span", {}, "dashed: no engine beats these in both");
}

// ------------------------------------------------------------------ bars

function drawBars(state, width) {
  const narrow = width < 430;
  const nameWidth = Math.round(clamp(width * (narrow ? 0.4 : 0.2), 104, 190));
  const fits = narrow ? 1 : Math.floor((width - nameWidth) / 136);
  let measures = state.measures;
  if (fits < 2 && measures.length > 1) {
    if (!measures.some((measure) => measure.name === seen.measure)) seen.measure = measures[0].name;
    choice(html(root, "div", { class: "sc-pickers" }), "Measure", measures, seen.measure, (name) => { seen.measure = name; });
    measures = measures.filter((measure) => measure.name === seen.measure);
  }
  const rows = Math.ceil(measures.length / Math.max(1, fits));
  const columns = Math.ceil(measures.length / rows);
  const lines = seen.all ? state.series : state.series.slice(0, MOST_LINES);
  for (let start = 0; start < measures.length; start += columns) {
    barBlock(state, lines, measures.slice(start, start + columns), width, nameWidth);
  }
  if (state.series.length > MOST_LINES) {
    const label = seen.all ? `Show the first ${MOST_LINES} engines` : `Show all ${state.series.length} engines`;
    html(root, "button", { type: "button", class: "sc-more" }, label).addEventListener("click", () => {
      seen.all = !seen.all;
      draw();
      root.querySelector(".sc-more").focus();
    });
  }
}

function barBlock(state, lines, measures, width, nameWidth) {
  const rowHeight = 38;
  const top = 34;
  const panel = (width - nameWidth) / measures.length;
  const height = top + lines.length * rowHeight + 4;
  const plot = svg(root, "svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": state.title || "Chart" });
  const scales = measures.map((measure, index) => {
    const spreads = state.series.map((series) => series.spreads[measure.name]).filter(Boolean);
    const low = Math.min(0, ...spreads.map((spread) => spread.low));
    const high = Math.max(0, ...spreads.map((spread) => spread.high));
    const left = nameWidth + index * panel + 6;
    const widest = Math.max(44, ...spreads.map((spread) => shown(spread.p50, measure).length * 7.6 + 14));
    const room = panel - 18 - widest;
    const medians = spreads.map((spread) => spread.p50);
    const best = measure.direction > 0 ? Math.max(...medians) : measure.direction < 0 ? Math.min(...medians) : null;
    const unique = medians.filter((value) => value === best).length < medians.length;
    return { at: (value) => left + ((value - low) / (high - low || 1)) * room, left, room, best: unique ? best : null };
  });
  measures.forEach((measure, index) => {
    const { left, room } = scales[index];
    svg(plot, "text", { x: left, y: 13, class: "sc-measure" }, titled(measure));
    svg(plot, "text", { x: left, y: 27, class: "sc-dim" }, better(measure));
    svg(plot, "line", { x1: left + room + 0.5, x2: left + room + 0.5, y1: top, y2: height - 4, class: "sc-grid" });
  });
  lines.forEach((series, position) => {
    const y = top + position * rowHeight;
    const words = `${series.name}, ${series.where}, ${counted(series)}. ${measures.map((m) => `${m.label}: ${described(series, m)}`).join(". ")}`;
    const line = svg(plot, "g", { tabindex: 0, role: "img", "aria-label": words, class: `sc-line sc-${series.where}` });
    svg(line, "rect", { x: 0, y, width, height: rowHeight - 1, rx: 6, class: "sc-hit" });
    fitted(svg(line, "text", { x: 6, y: y + 16, class: "sc-name" }), series.name, nameWidth - 14);
    const onlyCached = series.ok > 0 && series.cached === series.ok;
    const runs = series.ok + series.stopped + series.failed > 1 ? ` · n ${onlyCached ? series.ok : series.ok - series.cached}` : "";
    const cached = onlyCached ? " · cached" : "";
    fitted(svg(line, "text", { x: 6, y: y + 30, class: "sc-where" }), `${series.where}${runs}${cached}`, nameWidth - 14);
    measures.forEach((measure, index) => bar(line, series, measure, scales[index], y + rowHeight / 2));
    tooltip(line, series, state.measures);
  });
}

function bar(line, series, measure, scale, y) {
  const spread = series.spreads[measure.name];
  if (!spread) {
    const failed = !series.ok && series.failed;
    svg(line, "text", { x: scale.left, y: y + 4, class: failed ? "sc-failed" : "sc-dim" }, series.ok ? "unknown" : unanswered(series));
    return;
  }
  const zero = scale.at(0);
  const end = scale.at(spread.p50);
  const kind = series.where === "cloud" ? "cloud" : "local";
  svg(line, "rect", {
    x: number(Math.min(zero, end)), y: y - 6, width: number(Math.max(2, Math.abs(end - zero))), height: 12, rx: 2,
    class: `sc-bar sc-fill-${kind}${spread.cached ? " sc-cached" : ""}`,
  });
  if (spread.n > 1) {
    if (!spread.dots.length) svg(line, "path", { d: `M${number(scale.at(spread.low))} ${y}H${number(scale.at(spread.high))}`, class: "sc-range" });
    for (const value of spread.dots) svg(line, "circle", { cx: number(scale.at(value)), cy: y, r: 2.6, class: "sc-dot" });
    svg(line, "path", { d: `M${number(end)} ${y - 9}v18`, class: "sc-p50" });
  }
  const best = spread.p50 === scale.best;
  svg(line, "text", { x: number(scale.left + scale.room + 11), y: y + 4, class: `sc-value${best ? " sc-best" : ""}` }, shown(spread.p50, measure));
  if (best) svg(line, "text", { x: number(scale.left + scale.room + 11), y: y + 16, class: "sc-best-word" }, "best");
}

// ------------------------------------------------------------------ scatter

function axis(values, from, to) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (low > 0 && high / low > 100) {
    const start = Math.log10(low) - 0.2;
    const end = Math.log10(high) + 0.2;
    const ticks = [];
    for (let power = Math.ceil(start); power <= end; power += Math.ceil((end - start) / 6)) ticks.push(Number(`1e${power}`));
    return { log: true, ticks, at: (value) => from + ((Math.log10(value) - start) / (end - start)) * (to - from) };
  }
  const span = high - low || Math.abs(high) || 1;
  const rough = span / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 5].find((factor) => factor * unit >= rough) || 10);
  const start = low >= 0 && low < span ? 0 : Math.floor(low / step - 0.2) * step;
  const end = Math.ceil(high / step + 0.2) * step;
  const ticks = [];
  for (let index = 0; start + index * step <= end + step / 1e6; index += 1) ticks.push(Number((start + index * step).toPrecision(12)));
  return { log: false, ticks, at: (value) => from + ((value - start) / (end - start)) * (to - from) };
}

function tickText(value, measure) {
  const figure = Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-6) ? value.toExponential(0) : String(Number(value.toPrecision(6)));
  return withUnit(figure, measure.unit);
}

function front(points, xs, ys) {
  if (!xs.direction || !ys.direction) return [];
  const ahead = (a, b) => {
    const gains = [(a.x - b.x) * xs.direction, (a.y - b.y) * ys.direction];
    return gains.every((gain) => gain >= 0) && gains.some((gain) => gain > 0);
  };
  return points.filter((point) => !points.some((other) => ahead(other, point))).sort((a, b) => a.x - b.x || a.y - b.y);
}

function drawScatter(state, width) {
  const named = (name, fallback) => state.measures.find((m) => m.name === name) || state.measures.find((m) => m.name === fallback);
  const xs = named(seen.axes.x, state.x);
  const ys = named(seen.axes.y, state.y);
  const pickers = html(root, "div", { class: "sc-pickers" });
  choice(pickers, "Across", state.measures, xs.name, (name) => { seen.axes.x = name; });
  choice(pickers, "Up", state.measures, ys.name, (name) => { seen.axes.y = name; });
  const points = [];
  const missing = [];
  for (const series of state.series) {
    const [x, y] = [series.spreads[xs.name], series.spreads[ys.name]];
    if (x && y) points.push({ series, x: x.p50, y: y.p50 });
    else missing.push(`${series.name} (${series.ok ? `${(x ? ys : xs).label} unknown` : unanswered(series)})`);
  }
  if (points.length) plotPoints(state, points, xs, ys, width);
  else html(root, "p", { class: "sc-empty" }, `No engine here has both ${xs.label} and ${ys.label}. Choose other axes.`);
  if (missing.length) html(root, "p", { class: "sc-missing" }, `not plotted: ${missing.join(", ")}`);
}

function plotPoints(state, points, xs, ys, width) {
  const height = Math.round(clamp(width * 0.55, 250, 380));
  const plot = svg(root, "svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${titled(ys)} against ${titled(xs)}` });
  const box = { left: 74, right: width - 18, top: 30, bottom: height - 46 };
  const across = axis(points.map((point) => point.x), box.left, box.right);
  const up = axis(points.map((point) => point.y), box.bottom, box.top);
  const every = Math.ceil((across.ticks.length * 76) / (box.right - box.left));
  across.ticks.forEach((tick, index) => {
    if (index % every) return;
    const x = number(across.at(tick));
    svg(plot, "line", { x1: x, x2: x, y1: box.top, y2: box.bottom, class: "sc-grid" });
    svg(plot, "text", { x, y: box.bottom + 17, "text-anchor": x - box.left > 20 ? "middle" : "start", class: "sc-tick" }, tickText(tick, xs));
  });
  for (const tick of up.ticks) {
    const y = up.at(tick);
    svg(plot, "line", { x1: box.left, x2: box.right, y1: number(y), y2: number(y), class: "sc-grid" });
    svg(plot, "text", { x: box.left - 8, y: number(y + 4), "text-anchor": "end", class: "sc-tick" }, tickText(tick, ys));
  }
  const spoken = (measure, scale) => [measure.label, better(measure), scale.log ? "log axis" : ""].filter(Boolean).join(" · ");
  svg(plot, "text", { x: box.right, y: height - 8, "text-anchor": "end", class: "sc-measure" }, spoken(xs, across));
  svg(plot, "text", { x: 4, y: 14, class: "sc-measure" }, spoken(ys, up));
  const best = front(points, xs, ys).map((point) => `${number(across.at(point.x))} ${number(up.at(point.y))}`);
  if (best.length > 1) svg(plot, "path", { d: `M${best.join("L")}`, class: "sc-front" });
  const taken = points.map((point) => ({ x: across.at(point.x) - 8, y: up.at(point.y) - 8, w: 16, h: 16 }));
  for (const point of [...points].sort((a, b) => up.at(a.y) - up.at(b.y))) dot(plot, state, point, across.at(point.x), up.at(point.y), [xs, ys], taken, box);
}

function dot(plot, state, point, x, y, measures, taken, box) {
  const { series } = point;
  const words = `${series.name}, ${series.where}. ${measures.map((m) => `${m.label}: ${described(series, m)}`).join(". ")}`;
  const mark = svg(plot, "g", { tabindex: 0, role: "img", "aria-label": words, class: "sc-point" });
  svg(mark, "circle", { cx: number(x), cy: number(y), r: 13, class: "sc-hit" });
  const shape = series.where === "cloud" ? `M${x} ${y - 6.5}l6.5 6.5-6.5 6.5-6.5-6.5z` : `M${x} ${y - 5.5}a5.5 5.5 0 1 0 .01 0z`;
  svg(mark, "path", { d: shape, class: `sc-mark sc-fill-${series.where === "cloud" ? "cloud" : "local"}` });
  const label = svg(plot, "text", { class: "sc-label", "aria-hidden": "true" });
  fitted(label, series.name, 150);
  const length = label.getComputedTextLength();
  const spots = [[x + 10, y + 4], [x - length - 10, y + 4], [x - length / 2, y - 11], [x - length / 2, y + 20], [x + 9, y - 8], [x + 9, y + 16],
    [x + 12, y - 18], [x + 12, y + 26], [x - length - 12, y - 14], [x - length - 12, y + 22]];
  const free = spots.find(([left, base]) => left >= box.left - 4 && left + length <= box.right + 14 && base < box.bottom + 6 && base > box.top - 4
    && !taken.some((other) => left < other.x + other.w && other.x < left + length && base - 11 < other.y + other.h && other.y < base + 3));
  if (free) {
    put(plot, label, { x: number(free[0]), y: number(free[1]) });
    taken.push({ x: free[0], y: free[1] - 11, w: length, h: 14 });
  } else label.remove();
  tooltip(mark, series, [...measures, ...state.measures.filter((m) => !measures.includes(m) && ["total_s", "cost_usd"].includes(m.name))]);
}

// ------------------------------------------------------------------ the whole

function draw() {
  const { state } = seen;
  const width = Math.floor(root.clientWidth);
  seen.width = width;
  root.replaceChildren();
  if (!state || !width) return;
  if (state.title) html(root, "h3", {}, state.title);
  tip = html(root, "div", { class: "sc-tip", hidden: "", "aria-hidden": "true" });
  if (state.empty || !state.series.length) {
    html(root, "p", { class: "sc-empty" }, state.empty || "Nothing to draw yet: run some engines and their figures appear here.");
    return;
  }
  if (state.kind === "scatter") drawScatter(state, width);
  else drawBars(state, width);
  legend(state);
  if (state.note) html(root, "p", { class: "sc-note" }, state.note);
  textAlternative(state);
}

function arrived() {
  const state = props.value;
  if (state && seen.state && state.question < seen.state.question) return; // late: a later question has been answered
  seen.state = state;
  draw();
}

watch("value", arrived);
new ResizeObserver(() => { if (Math.floor(root.clientWidth) !== seen.width) draw(); }).observe(root);
arrived();
