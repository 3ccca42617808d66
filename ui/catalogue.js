// Draws a CatalogueState (ui/catalogue.py): filters and sorts in the browser, asks for details. Texts go in through textContent alone.
const PAGE = 40;
const root = element.querySelector(".sc-catalogue-inside");
const filters = { text: "", category: "", where: "", status: "", licence: "", streams: "", language: "" };
const seen = { rows: null, view: "list", more: PAGE, open: null, details: null, typing: null, sort: "", down: false };
const part = {};
const wheres = [["local", "local"], ["cloud", "cloud"]];
const streaming = [["yes", "streams"], ["no", "does not stream"]];
const labels = { category: new Map(props.categories.map(([, name]) => [name, name])), where: new Map(wheres), status: new Map(props.statuses),
  licence: new Map(props.licences), streams: new Map([...streaming, ["", "unknown"]]), language: new Map([["many", "many languages"]]) };
const titles = { category: "Task", where: "Where", status: "Runs here", licence: "Licence", streams: "Streaming", language: "Language" };

// ------------------------------------------------------------------ filters

const categoriesOf = (row) => row.tasks.map((task) => props.categories.find(([name]) => name === task)?.[1] || task);
const valuesOf = { category: categoriesOf, where: (row) => [row.where], status: (row) => [row.status], licence: (row) => [row.licence || "?"],
  streams: (row) => [row.streams || "?"], language: (row) => row.languages };
function passes(row, but) {
  for (const name of Object.keys(valuesOf)) {
    if (name === but || !filters[name]) continue;
    const values = valuesOf[name](row);
    if (!values.includes(filters[name]) && !(name === "language" && values.includes("many"))) return false;
  }
  const words = filters.text.toLowerCase().split(/\s+/).filter(Boolean);
  const said = `${row.id} ${row.family} ${row.category} ${row.licence_text} ${row.needs} ${row.languages.join(" ")}`.toLowerCase();
  return words.every((word) => said.includes(word));
}
function fill(name) {
  const counts = new Map();
  for (const row of seen.rows) if (passes(row, name)) for (const value of valuesOf[name](row)) counts.set(value, (counts.get(value) || 0) + 1);
  if (filters[name] && !counts.has(filters[name])) counts.set(filters[name], 0);
  const select = part[name];
  select.replaceChildren();
  html(select, "option", { value: "" }, "all");
  const order = [...labels[name].keys()];
  const sorted = [...counts].sort(([a], [b]) => (name === "language" ? (b === "many") - (a === "many") || a.localeCompare(b) : order.indexOf(a) - order.indexOf(b)));
  for (const [value, count] of sorted) html(select, "option", { value }, `${labels[name].get(value === "?" ? "" : value) || value} (${count})`);
  select.value = filters[name];
}
function changed() {
  seen.more = PAGE;
  seen.open = null;
  seen.details = null;
  draw();
}

function build() {
  root.replaceChildren();
  const bar = html(root, "div", { class: "sc-filters" });
  const search = html(bar, "label", { class: "sc-field sc-search" }, "Search");
  part.text = html(search, "input", { type: "search", maxlength: 200, placeholder: "name, family, licence, what it needs", autocomplete: "off", spellcheck: "false" });
  part.text.addEventListener("input", () => {
    clearTimeout(seen.typing);
    seen.typing = setTimeout(() => { filters.text = part.text.value; changed(); }, 120);
  });
  for (const name of Object.keys(valuesOf)) {
    part[name] = html(html(bar, "label", { class: "sc-field" }, titles[name]), "select", { "aria-label": titles[name] });
    part[name].addEventListener("change", () => { filters[name] = part[name].value; changed(); });
  }
  const tools = html(root, "div", { class: "sc-tools" });
  part.count = html(tools, "p", { class: "sc-count", role: "status", "aria-live": "polite" }, "Reading the catalogue …");
  part.clear = html(tools, "button", { type: "button", class: "sc-plain" }, "Clear filters");
  part.clear.addEventListener("click", () => {
    for (const name of Object.keys(filters)) filters[name] = "";
    part.text.value = "";
    changed();
    part.text.focus();
  });
  const views = html(tools, "div", { class: "sc-views", role: "group", "aria-label": "View" });
  for (const [view, label] of [["list", "List"], ["matrix", "Capabilities"]]) {
    html(views, "button", { type: "button", value: view, "aria-pressed": String(view === seen.view) }, label).addEventListener("click", () => {
      seen.view = view;
      for (const button of views.children) button.setAttribute("aria-pressed", String(button.value === view));
      changed();
    });
  }
  html(tools, "button", { type: "button", class: "sc-get", "aria-label": "Download the filtered systems as CSV" }, "CSV").addEventListener("click", () => {
    trigger("export", { ids: shown().map((row) => row.id) });
  });
  part.body = html(root, "div", { class: "sc-body" });
}

// ------------------------------------------------------------------ list, details, matrix

const heads = [["id", "System"], ["category", "Task"], ["status", "Status here"], ["licence_text", "Licence"], ["languages", "Languages"], ["streams", "Streams"], ["size", "Size"], ["needs", "Needs"]];
const key = (row, name) => (name === "status" ? String(props.statuses.findIndex(([status]) => status === row.status)) : name === "size" ? sizeOf(row.size) : String(row[name]));
function sizeOf(text) {
  const found = /([\d.]+)\s*([KMB]?)/.exec(text);
  return found ? Number(found[1]) * { "": 1, K: 1e3, M: 1e6, B: 1e9 }[found[2]] : Infinity;
}
function shown() {
  const rows = (seen.rows || []).filter((row) => passes(row));
  if (!seen.sort) return rows;
  const sign = seen.down ? -1 : 1;
  return rows.sort((a, b) => {
    const [x, y] = [key(a, seen.sort), key(b, seen.sort)];
    return sign * (typeof x === "number" ? (x === y ? 0 : x - y) : x.localeCompare(y, "en", { numeric: true }));
  });
}
function languages(row) {
  const list = row.languages.map((code) => labels.language.get(code) || code);
  return list.length > 4 ? `${list.slice(0, 3).join(", ")} +${list.length - 3}` : list.join(", ");
}
const unknown = (parent) => html(parent, "span", { class: "sc-unknown" }, "unknown");

function drawList(rows) {
  const table = html(html(part.body, "div", { class: "sc-scroll", tabindex: 0, role: "region", "aria-label": "Systems" }), "table");
  const head = html(html(table, "thead"), "tr");
  for (const [name, title] of heads) {
    const sorted = seen.sort === name ? (seen.down ? "descending" : "ascending") : "none";
    const place = html(head, "th", { scope: "col", "aria-sort": sorted, class: name === "id" ? "sc-sticky" : null });
    const button = html(place, "button", { type: "button", "data-sort": name }, title);
    html(button, "span", { class: "sc-arrow", "aria-hidden": "true" }, sorted === "descending" ? "▼" : "▲");
    button.addEventListener("click", () => {
      seen.down = seen.sort === name && !seen.down;
      seen.sort = name;
      draw();
      part.body.querySelector(`[data-sort="${name}"]`).focus();
    });
  }
  const body = html(table, "tbody");
  for (const row of rows.slice(0, seen.more)) {
    const line = html(body, "tr", { "data-id": row.id });
    const first = html(line, "th", { scope: "row", class: "sc-sticky" });
    const button = html(first, "button", { type: "button", class: "sc-open", "aria-expanded": String(seen.open === row.id) });
    html(button, "span", { class: "sc-chevron", "aria-hidden": "true" }, "›");
    html(button, "span", { class: "sc-name" }, row.id);
    button.addEventListener("click", () => open(row.id));
    const words = html(first, "div", { class: "sc-under" });
    html(words, "span", { class: `sc-word sc-${row.where}` }, row.where);
    html(words, "span", { class: "sc-fine" }, row.family);
    if (row.ends) html(words, "span", { class: "sc-word sc-ends" }, `ends ${row.ends}`);
    html(line, "td", {}, categoriesOf(row).join(", "));
    html(html(line, "td"), "span", { class: `sc-state sc-${row.status.replace(" ", "-")}` }, labels.status.get(row.status));
    for (const text of [row.licence_text, languages(row), row.streams, row.size]) {
      const cell = html(line, "td", {}, text || null);
      if (!text) unknown(cell);
    }
    html(html(line, "td", { class: "sc-needs" }), "span", { class: "sc-two-lines" }, row.needs || "nothing");
    if (seen.open === row.id) drawDetails(body, row.id);
  }
  if (rows.length > seen.more) {
    html(part.body, "button", { type: "button", class: "sc-get sc-more" }, `Show ${Math.min(PAGE, rows.length - seen.more)} more of ${rows.length}`).addEventListener("click", () => {
      const first = rows[seen.more].id;
      seen.more += PAGE;
      draw();
      [...part.body.querySelectorAll("tr[data-id]")].find((line) => line.dataset.id === first)?.querySelector("button").focus({ preventScroll: true });
    });
  }
}

function open(id) {
  seen.open = seen.open === id ? null : id;
  seen.details = null;
  if (seen.open) trigger("ask", { open: id });
  draw();
  [...part.body.querySelectorAll("tr[data-id]")].find((line) => line.dataset.id === id)?.querySelector("button").focus({ preventScroll: true });
}

function drawDetails(body, id) {
  const place = html(html(body, "tr", { class: "sc-details-row" }), "td", { colspan: heads.length });
  const panel = html(place, "section", { class: "sc-details", "aria-label": `Details of ${id}` });
  const { details } = seen;
  if (!details || details.id !== id) {
    html(panel, "p", { class: "sc-unknown" }, "Reading …");
    return;
  }
  const list = html(panel, "dl");
  for (const fact of details.facts.filter((each) => each.text)) {
    const pair = html(list, "div");
    html(pair, "dt", {}, fact.label);
    html(pair, "dd", {}, fact.text);
  }
  if (details.url) {
    const pair = html(list, "div");
    html(pair, "dt", {}, "Documentation");
    html(html(pair, "dd"), "a", { href: details.url, target: "_blank", rel: "noopener noreferrer" }, details.url);
  }
  const missing = details.facts.filter((each) => !each.text).map((each) => each.label);
  if (missing.length) html(panel, "p", { class: "sc-unknown" }, `Not known, or none: ${missing.join(", ")}.`);
}

function drawMatrix(rows) {
  const known = rows.filter((row) => row.can);
  if (!known.length) {
    html(part.body, "p", { class: "sc-empty" }, "None of these systems has an engine here, so nothing is known of what it honours.");
    return;
  }
  const used = props.capabilities.filter(([name]) => known.some((row) => row.can[name]));
  const table = html(html(part.body, "div", { class: "sc-scroll", tabindex: 0, role: "region", "aria-label": "Capabilities" }), "table", { class: "sc-matrix" });
  const head = html(html(table, "thead"), "tr");
  html(head, "th", { scope: "col", class: "sc-sticky" }, "System");
  for (const [, label] of used) html(head, "th", { scope: "col" }, label);
  const body = html(table, "tbody");
  for (const row of known) {
    const line = html(body, "tr");
    const first = html(line, "th", { scope: "row", class: "sc-sticky" });
    html(first, "b", {}, row.id);
    html(html(first, "div", { class: "sc-under" }), "span", { class: `sc-word sc-${row.where}` }, row.where);
    for (const [name] of used) {
      const able = row.can[name];
      if (able === undefined) html(html(line, "td"), "span", { class: "sc-unknown", role: "img", "aria-label": "does not apply" }, "·");
      else html(line, "td", { class: able ? "sc-yes" : "sc-no" }, able ? "yes" : "no");
    }
  }
}

function draw() {
  if (!seen.rows) return;
  for (const name of Object.keys(valuesOf)) fill(name);
  const rows = shown();
  const ready = rows.filter((row) => row.status === "ready").length;
  const matrix = seen.view === "matrix";
  part.count.textContent = `${rows.length.toLocaleString("en-US")} of ${seen.rows.length.toLocaleString("en-US")} systems · ${ready} run here now`
    + (matrix ? ` · ${rows.filter((row) => row.can).length} with an engine` : "");
  part.clear.hidden = !Object.values(filters).some(Boolean);
  const kept = part.body.querySelector(".sc-scroll");
  const [left, top] = kept ? [kept.scrollLeft, kept.scrollTop] : [0, 0];
  part.body.replaceChildren();
  if (!rows.length) {
    html(part.body, "p", { class: "sc-empty" }, "No system passes these filters. Clear one of them.");
    return;
  }
  if (matrix) drawMatrix(rows);
  else drawList(rows);
  const scroll = part.body.querySelector(".sc-scroll");
  if (scroll) {
    scroll.scrollTo({ left, top, behavior: "instant" });
    sized.disconnect();
    sized.observe(scroll);
  }
}

// details stay as wide as what can be seen of the table, however far it is scrolled sideways
const sized = new ResizeObserver(([entry]) => entry.target.style.setProperty("--sc-wide", `${entry.target.clientWidth}px`));

function arrived() {
  const state = props.value;
  if (!state || !state.ready) return;
  if (state.rows) seen.rows = state.rows;
  if (state.details && state.details.id === seen.open) {
    seen.details = state.details;
    const line = part.body.querySelector(".sc-details-row");
    if (line && !state.rows) {
      const body = line.parentNode;
      const next = line.nextSibling;
      drawDetails(body, seen.open);
      body.insertBefore(body.lastChild, next);
      line.remove();
      return;
    }
  }
  draw();
}

build();
watch("value", arrived);
element.addEventListener("sc-refresh", () => trigger("ask", { open: null }));
trigger("ask", { open: null });
