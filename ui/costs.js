// Draws a CostState (ui/costs.py) and asks for the next one. Texts go in through textContent alone.
const root = element.querySelector(".sc-costs-inside");
const chosen = { task: "asr", units: 100, item_length: null, script: "latin", machine: props.own_price === null ? "cpu-upgrade" : "own",
  machine_usd_per_hour: props.own_price, utilisation: 0.5, always_on: false, local: "", api: "", number: 0 };
const LATE_MS = 8000;
const seen = { typing: null, late: null, width: 0 };
const part = {};

const short = (value) => new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 }).format(value);
const dollars = (value) => `$${value < 1 ? Number(value.toPrecision(2)) : short(value)}`;

function ask(changes = {}, wait = 0) {
  Object.assign(chosen, changes);
  clearTimeout(seen.typing);
  seen.typing = setTimeout(() => {
    chosen.number += 1;
    part.results.setAttribute("aria-busy", "true");
    trigger("ask", { ...chosen });
    clearTimeout(seen.late);
    seen.late = setTimeout(() => say("The server did not answer. Check that Soundcheck still runs, then change a setting."), LATE_MS);
  }, wait);
}

function say(problem) {
  part.problem.hidden = !problem;
  part.problem.textContent = problem;
}

// ------------------------------------------------------------------ settings, built once

function field(parent, label, hint) {
  const box = html(parent, "label", { class: "sc-field" });
  html(box, "span", {}, label);
  if (hint) html(box, "small", {}, hint);
  return box;
}
function pick(parent, label, choices, value, changed) {
  const select = html(field(parent, label), "select", { "aria-label": label });
  for (const [id, text] of choices) html(select, "option", { value: id }, text);
  select.value = value;
  select.addEventListener("change", () => changed(select.value));
  return select;
}
const own = () => props.units[chosen.task];
const logged = (value) => {
  const [low, high] = own().range;
  return (100 * Math.log(Math.min(high, Math.max(low, value)) / low)) / Math.log(high / low);
};
const rounded = (value) => Number(value.toPrecision(2));

function build() {
  root.replaceChildren();
  part.tasks = html(root, "div", { class: "sc-tasks", role: "group", "aria-label": "Task" });
  for (const [name, title] of props.tasks) {
    html(part.tasks, "button", { type: "button", value: name, "aria-pressed": String(name === chosen.task) }, title).addEventListener("click", () => {
      chosen.task = name;
      for (const button of part.tasks.children) button.setAttribute("aria-pressed", String(button.value === name));
      Object.assign(chosen, { units: own().start, item_length: own().item_length, local: "", api: "" });
      settle();
      ask();
    });
  }
  const columns = html(root, "div", { class: "sc-columns" });
  const form = html(columns, "section", { class: "sc-box sc-form", "aria-label": "Your month" });
  html(form, "h3", {}, "Your month");
  part.volume = field(form, "Volume");
  part.volumeLabel = part.volume.firstChild;
  part.units = html(part.volume, "input", { type: "number", min: 0, step: "any", inputmode: "decimal" });
  part.slider = html(form, "input", { type: "range", min: 0, max: 100, step: 0.5 });
  part.units.addEventListener("input", () => {
    part.slider.value = logged(Number(part.units.value) || 0);
    ask({ units: part.units.value === "" ? null : Number(part.units.value) }, 250);
  });
  part.slider.addEventListener("input", () => {
    const [low, high] = own().range;
    chosen.units = rounded(low * (high / low) ** (Number(part.slider.value) / 100));
    part.units.value = chosen.units;
    part.slider.setAttribute("aria-valuetext", `${chosen.units.toLocaleString("en-US")} ${own().unit}`);
    ask({}, 80);
  });
  part.item = field(form, "One item");
  part.itemLabel = part.item.firstChild;
  part.itemLength = html(part.item, "input", { type: "number", min: 0, step: "any", inputmode: "decimal" });
  html(part.item, "small", {}, "Minimums and rounding are billed per item.");
  part.itemLength.addEventListener("input", () => ask({ item_length: part.itemLength.value === "" ? null : Number(part.itemLength.value) }, 250));
  part.script = pick(form, "Script of the text", [["latin", "Latin: 1 byte a letter"], ["cjk", "Chinese, Japanese, Korean: 3 bytes"]], "latin", (script) => ask({ script }));
  html(form, "h3", {}, "Machine for local engines");
  part.machine = pick(form, "Machine", props.machines.map(([id, label, price]) => [id, price === null ? label : `${label} · $${price.toFixed(2)}/h`]), chosen.machine, (machine) => {
    chosen.machine = machine;
    settle();
    ask();
  });
  part.priceField = field(form, "Your price ($ per hour)");
  part.price = html(part.priceField, "input", { type: "number", min: 0, step: "any", inputmode: "decimal", placeholder: "0.10" });
  part.price.value = chosen.machine_usd_per_hour ?? "";
  part.price.addEventListener("input", () => ask({ machine_usd_per_hour: part.price.value === "" ? null : Number(part.price.value) }, 250));
  part.source = html(form, "p", { class: "sc-fine" });
  part.share = field(form, "Utilisation");
  part.shareLabel = part.share.firstChild;
  part.utilisation = html(part.share, "input", { type: "range", min: 5, max: 100, step: 5 });
  part.utilisation.value = chosen.utilisation * 100;
  html(part.share, "small", {}, "Share of the paid time in which it computes.");
  part.utilisation.addEventListener("input", () => {
    chosen.utilisation = Number(part.utilisation.value) / 100;
    settle();
    ask({}, 80);
  });
  const always = html(form, "label", { class: "sc-check" });
  part.always = html(always, "input", { type: "checkbox" });
  html(always, "span", {}, "Always on: every hour of the month is paid");
  part.always.addEventListener("change", () => ask({ always_on: part.always.checked }));

  part.results = html(columns, "div", { class: "sc-results" });
  part.problem = html(part.results, "p", { class: "sc-problem", role: "alert", hidden: true });
  part.tiles = html(part.results, "div", { class: "sc-tiles", role: "status", "aria-live": "polite" });
  const drawing = html(part.results, "section", { class: "sc-chart", "aria-label": "Break-even" });
  html(drawing, "h3", {}, "Dollars a month by volume");
  const pickers = html(drawing, "div", { class: "sc-pickers" });
  part.local = html(html(pickers, "label", {}, "Local "), "select", { "aria-label": "Local engine of the pair" });
  part.api = html(html(pickers, "label", {}, "API "), "select", { "aria-label": "API of the pair" });
  part.local.addEventListener("change", () => ask({ local: part.local.value }));
  part.api.addEventListener("change", () => ask({ api: part.api.value }));
  part.plot = html(drawing, "div", { class: "sc-plot" });
  part.legend = html(drawing, "p", { class: "sc-legend" });
  part.changes = html(part.results, "section", { class: "sc-box", "aria-label": "What if" });
  part.engines = html(part.results, "section", { class: "sc-box", "aria-label": "Every engine" });
  part.volumes = html(part.results, "section", { class: "sc-box", "aria-label": "Three volumes" });
  settle();
}

function settle() {
  const { unit, item } = own();
  if (chosen.item_length === null) chosen.item_length = own().item_length;
  part.volumeLabel.textContent = `${unit[0].toUpperCase()}${unit.slice(1)} a month`;
  part.units.value = chosen.units;
  part.slider.value = logged(chosen.units);
  part.slider.setAttribute("aria-label", `${unit} a month`);
  part.slider.setAttribute("aria-valuetext", `${chosen.units.toLocaleString("en-US")} ${unit}`);
  part.itemLabel.textContent = item[0].toUpperCase() + item.slice(1);
  part.itemLength.value = chosen.item_length;
  part.script.closest("label").hidden = chosen.task !== "tts";
  part.priceField.hidden = chosen.machine !== "own";
  const source = props.machines.find(([id]) => id === chosen.machine)[3];
  part.source.textContent = chosen.machine === "own" ? "" : `Price: ${source}.`;
  part.shareLabel.textContent = `Utilisation ${Math.round(chosen.utilisation * 100)} %`;
}

// ------------------------------------------------------------------ results

function tile(value, label, where) {
  const box = html(part.tiles, "div", { class: `sc-tile${where ? ` sc-${where}` : ""}` });
  html(box, "b", {}, value);
  html(box, "span", {}, label);
}

function drawTiles(state) {
  part.tiles.replaceChildren();
  for (const [where, words] of [["cloud", "cheapest API"], ["local", "cheapest local"]]) {
    const line = state.lines.find((each) => each.where === where);
    if (!line) tile("none", `no ${where} engine for this task`, where);
    else if (line.cost) tile(line.cost, `${words} · ${line.name}`, where);
    else tile("unknown", where === "local" ? "local: none has been measured here yet" : `${words} · ${line.basis}`, where);
  }
  const { pair } = state;
  if (pair.break_even !== null) tile(`${short(pair.break_even)} ${state.unit}`, `break-even · ${pair.local_name}, always on, against ${pair.api_name}`);
  else tile(pair.sentence.startsWith("never") ? "never" : "unknown", `break-even · ${pair.sentence.replace(/^(never|unknown)[^:]*: /, "")}`);
}

function select(node, lines, value) {
  node.replaceChildren();
  for (const line of lines) html(node, "option", { value: line.engine_id }, line.cost ? `${line.name} · ${line.cost}` : `${line.name} · unknown`);
  node.value = value;
  node.disabled = !lines.length;
}

function decades(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) ticks.push(10 ** power);
  return ticks;
}

function drawPlot(state) {
  const { pair } = state;
  const width = Math.floor(part.plot.clientWidth);
  seen.width = width;
  part.plot.replaceChildren();
  part.legend.replaceChildren();
  const api = pair.api_usd_per_unit;
  const steps = pair.fixed_usd !== null && pair.units_per_machine;
  if (!width || (!api && !steps)) {
    html(part.plot, "p", { class: "sc-empty" }, `Nothing to draw: ${pair.sentence || "no costs are known yet."}`);
    return;
  }
  const anchor = [state.asked.units, pair.break_even].filter(Boolean);
  const across = decades(Math.min(...anchor) / 12, Math.max(...anchor) * 12);
  const [left, right] = [across[0], across[across.length - 1]];
  const costs = {
    api: (units) => (api ? units * api : null),
    always: (units) => (steps ? pair.fixed_usd * Math.max(1, Math.ceil(units / pair.units_per_machine - 1e-9)) : null),
    used: (units) => (pair.as_used_usd_per_unit ? units * pair.as_used_usd_per_unit : null),
  };
  const values = [left, right].flatMap((units) => Object.values(costs).map((cost) => cost(units))).filter((value) => value > 0);
  const top = 10 ** Math.ceil(Math.log10(Math.max(...values)));
  const up = decades(Math.max(Math.min(...values), top / 1e6), top);
  const height = Math.round(Math.min(380, Math.max(260, width * 0.42)));
  const box = { left: 58, right: width - 14, top: 14, bottom: height - 40 };
  const x = (units) => box.left + ((box.right - box.left) * Math.log10(units / left)) / Math.log10(right / left);
  const y = (usd) => box.bottom - ((box.bottom - box.top) * Math.log10(Math.max(usd, up[0]) / up[0])) / Math.log10(up[up.length - 1] / up[0]);
  const words = `Dollars a month against ${state.unit} a month, both axes logarithmic. Break-even of ${pair.local_name} and ${pair.api_name}: ${pair.sentence}.`;
  const plot = svg(part.plot, "svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words });
  const everyX = Math.ceil((across.length * 58) / (box.right - box.left));
  across.forEach((units, index) => {
    svg(plot, "line", { x1: x(units), x2: x(units), y1: box.top, y2: box.bottom, class: "sc-grid" });
    if (index % everyX === 0) svg(plot, "text", { x: x(units), y: box.bottom + 16, "text-anchor": index === across.length - 1 ? "end" : "middle", class: "sc-tick" }, short(units));
  });
  const everyY = Math.ceil(up.length / 7);
  up.forEach((usd, index) => {
    svg(plot, "line", { x1: box.left, x2: box.right, y1: y(usd), y2: y(usd), class: "sc-grid" });
    if (index % everyY === 0) svg(plot, "text", { x: box.left - 7, y: y(usd) + 4, "text-anchor": "end", class: "sc-tick" }, dollars(usd));
  });
  svg(plot, "text", { x: box.right, y: height - 6, "text-anchor": "end", class: "sc-measure" }, `${state.unit} a month · log axes`);
  const now = state.asked.units;
  svg(plot, "line", { x1: x(now), x2: x(now), y1: box.top, y2: box.bottom, class: "sc-now" });
  for (const [name, cost] of Object.entries(costs)) {
    if (cost(left) === null) continue;
    const points = [];
    let before = null;
    for (let step = 0; step <= 480; step += 1) {
      const units = left * (right / left) ** (step / 480);
      const [across, high] = [x(units).toFixed(1), y(cost(units)).toFixed(1)];
      if (name === "always" && before !== null && before !== high) points.push(`${across} ${before}`);
      points.push(`${across} ${high}`);
      before = high;
    }
    svg(plot, "path", { d: `M${points.join("L")}`, class: `sc-cost sc-cost-${name}` });
  }
  const flip = x(now) > box.right - 110;
  svg(plot, "text", { x: x(now) + (flip ? -6 : 6), y: box.top + 12, "text-anchor": flip ? "end" : "start", class: "sc-label sc-dim" }, `now ${short(now)}`);
  if (pair.break_even !== null) {
    const [at, high] = [x(pair.break_even), y(pair.break_even * api)];
    svg(plot, "circle", { cx: at, cy: high, r: 6, class: "sc-even" });
    const far = at > box.right - 150;
    svg(plot, "text", { x: at + (far ? -10 : 10), y: high + 18, "text-anchor": far ? "end" : "start", class: "sc-label sc-name" }, `break-even ${short(pair.break_even)}`);
  }
  const said = [["api", `cloud: ${pair.api_name}`], ["always", `local: ${pair.local_name}, always on`], ["used", `local: ${pair.local_name}, as used`]];
  for (const [name, text] of said) {
    if (costs[name](left) === null) continue;
    const key = html(part.legend, "span", { class: "sc-key" });
    svg(svg(key, "svg", { width: 22, height: 10, "aria-hidden": "true" }), "path", { d: "M0 5h22", class: `sc-cost sc-cost-${name}` });
    key.append(text);
  }
}

function table(parent, caption, heads, rows) {
  const scroll = html(parent, "div", { class: "sc-scroll", tabindex: 0, role: "region", "aria-label": `${caption}, table` });
  const made = html(scroll, "table");
  const head = html(html(made, "thead"), "tr");
  heads.forEach(([text, number]) => html(head, "th", { scope: "col", class: number ? "sc-number" : null }, text));
  const body = html(made, "tbody");
  for (const cells of rows) {
    const line = html(body, "tr");
    cells.forEach((cell, index) => {
      const place = html(line, index ? "td" : "th", { scope: index ? null : "row", class: heads[index][1] ? "sc-number" : null });
      if (cell && cell.draw) cell.draw(place);
      else if (cell === "") html(place, "span", { class: "sc-unknown" }, "unknown");
      else place.textContent = cell;
    });
  }
}
const named = (name, where, more) => ({
  draw(place) {
    html(place, "b", {}, name);
    if (where) html(place, "span", { class: `sc-word sc-${where}` }, where);
    if (more) html(place, "span", { class: "sc-word sc-ends" }, more);
  },
});
const fine = (text) => ({ draw(place) { html(place, "span", { class: "sc-fine" }, text); } });

function drawTables(state) {
  const { pair } = state;
  part.changes.replaceChildren();
  part.changes.hidden = !state.changes.length;
  if (state.changes.length) {
    html(part.changes, "h3", {}, "What if");
    const heads = [["Change", false], [pair.local_name, true], [pair.api_name, true], [`Break-even (${state.unit})`, true]];
    table(part.changes, "What if", heads, state.changes.map((change) => [change.name, change.cells[0], change.cells[1],
      change.cells[2] || fine(pair.sentence.startsWith("unknown") ? "unknown" : "never on this machine")]));
  }
  part.engines.replaceChildren();
  const head = html(part.engines, "div", { class: "sc-head" });
  html(head, "h3", {}, "Every engine");
  html(head, "button", { type: "button", class: "sc-get", "aria-label": "Download every engine's costs as CSV" }, "CSV").addEventListener("click", () => trigger("export", { ...chosen }));
  const heads = [["Engine", false], ["A month", true], ["Price ±50 %", true], ["Each", true], ["Speed here", true], ["Machine pays off", false], ["Rests on", false]];
  table(part.engines, "Every engine", heads, state.lines.map((line) => [named(line.name, line.where, line.ends && `ends ${line.ends}`),
    line.cost, line.spread || fine(""), line.per_unit || fine(""), line.speed || fine(line.where === "local" ? "not measured" : ""), fine(line.even), fine(line.basis)]));
  html(part.engines, "p", { class: "sc-fine" }, state.note);
  part.volumes.replaceChildren();
  html(part.volumes, "h3", {}, "At three volumes, in today's prices");
  table(part.volumes, "At three volumes", [["Engine", false], ...state.heads.map((text) => [text, true])], state.volumes.map((row) => [named(row.name, row.where), ...row.cells]));
  if (state.survey) html(part.volumes, "p", { class: "sc-fine" }, state.survey);
}

function draw() {
  const state = props.value;
  if (!state || !state.ready) return;
  if (state.asked.number < chosen.number) return;
  part.results.removeAttribute("aria-busy");
  clearTimeout(seen.late);
  say(state.problem);
  if (state.problem) return;
  Object.assign(chosen, { local: state.asked.local, api: state.asked.api });
  drawTiles(state);
  select(part.local, state.lines.filter((line) => line.where === "local"), state.asked.local);
  select(part.api, state.lines.filter((line) => line.where === "cloud"), state.asked.api);
  drawPlot(state);
  drawTables(state);
}

build();
watch("value", draw);
new ResizeObserver(() => {
  if (part.plot.clientWidth && Math.floor(part.plot.clientWidth) !== seen.width && props.value?.ready && !props.value.problem) drawPlot(props.value);
}).observe(part.plot);
element.addEventListener("sc-refresh", () => ask());
ask();
