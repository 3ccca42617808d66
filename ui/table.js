// Draws a TableState (ui/table_page.py) and asks for the next one. Texts go in through textContent alone: they come from strangers.
const top = element.querySelector(".sc-table-top");
const bottom = element.querySelector(".sc-table-bottom");
const LATE_MS = 20000;
const VIEWS = "sc-table-views";
const MOST_VIEWS = 30;
// what a saved view holds: how to look, never what was seen
const VIEW = { task: "", where: "", status: "", text: "", engines: [], batch: "", sort: "created_at", descending: true, columns: null,
  pinned: [], group: "", group_sort: "runs", measure: "" };
let asked = { ...VIEW, task: "newest", page: 0, groups_open: [], open: null, open_comparison: "", open_engine: "", number: 0, whole: true,
  regroup: true };
const named = new URLSearchParams(window.location.search).get("batch");
if (named) asked = { ...asked, task: "", batch: named };
const seen = { answered: 0, whole: 0, regroup: 0, groups: [], groupNote: "", axis: null, at: 0, late: null, typing: null, details: null, detailsSeq: null, survey: null, charts: true };
const part = {};

function button(parent, text, attributes, pressed) {
  const made = html(parent, "button", { type: "button", ...attributes }, text);
  made.addEventListener("click", pressed);
  return made;
}

// ------------------------------------------------------------------ asking

function ask(changes = {}, whole = true, regroup = whole) {
  asked = { ...asked, ...changes, number: asked.number + 1 };
  if (whole) seen.whole = asked.number;
  if (regroup) seen.regroup = asked.number;
  asked.regroup = seen.regroup > seen.answered;
  asked.whole = seen.whole > seen.answered;
  seen.at = performance.now();
  bottom.setAttribute("aria-busy", "true");
  clearTimeout(seen.late);
  seen.late = setTimeout(() => {
    bottom.removeAttribute("aria-busy");
    part.status.textContent = "The server did not answer. Check that Soundcheck still runs, then press Refresh.";
  }, LATE_MS);
  trigger("ask", asked);
}
const SHUT = { page: 0, open: null, groups_open: [] };
const filter = (changes) => ask({ ...changes, ...SHUT });
const regroup = (changes) => ask(changes, false, true);

// ------------------------------------------------------------------ filters, built once

function picker(parent, label, changed) {
  const select = html(html(parent, "label", { class: "sc-field" }, label), "select", { "aria-label": label });
  select.addEventListener("change", () => changed(select.value));
  return select;
}
function fill(select, first, choices, value) {
  select.replaceChildren();
  for (const [choice, text] of [["", first], ...choices]) html(select, "option", { value: choice }, text);
  if (value && !choices.some(([choice]) => choice === value)) html(select, "option", { value }, value);
  select.value = value;
}
function popover(parent, label) {
  const box = html(parent, "details", { class: "sc-pop" });
  box.caption = html(box, "summary", {}, label);
  box.list = html(box, "div", { class: "sc-pop-list", role: "group", "aria-label": label });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && box.open) { box.open = false; box.caption.focus(); event.stopPropagation(); }
  });
  document.addEventListener("pointerdown", (event) => { if (!box.contains(event.target)) box.open = false; });
  return box;
}
function checks(parent, choices, chosen, changed) {
  for (const [value, text, meaning] of choices) {
    const label = html(parent, "label", { title: meaning || null });
    const box = html(label, "input", { type: "checkbox", value, "data-focus": `check ${value}` });
    box.checked = chosen.includes(value);
    html(label, "span", {}, text);
    box.addEventListener("change", () => changed(value, box.checked));
  }
}

part.tasks = html(top, "div", { class: "sc-tasks", role: "group", "aria-label": "Task" });
const bar = html(top, "div", { class: "sc-filters" });
const field = html(bar, "label", { class: "sc-field sc-search" }, "Search");
part.text = html(field, "input", { type: "search", maxlength: 200, placeholder: "input, engine, vendor, answer, error", autocomplete: "off", spellcheck: "false" });
part.text.addEventListener("input", () => {
  clearTimeout(seen.typing);
  seen.typing = setTimeout(() => filter({ text: part.text.value }), 250);
});
part.where = picker(bar, "Where", (where) => filter({ where }));
part.state = picker(bar, "Status", (status) => filter({ status }));
part.engines = popover(html(bar, "div", { class: "sc-field" }, "Engines"), "All engines");
part.group = picker(bar, "Group by", (group) => regroup({ ...SHUT, group }));
part.order = picker(bar, "Order of groups", (group_sort) => regroup({ group_sort: group_sort || "runs" }));
part.measure = picker(bar, "Draw", (measure) => regroup({ measure }));
part.views = popover(html(bar, "div", { class: "sc-field" }, "Views"), "Saved views");
part.batch = button(bar, "", { class: "sc-get" }, () => filter({ batch: "" }));
part.clear = button(bar, "Clear filters", { class: "sc-plain" }, () => {
  part.text.value = "";
  filter({ task: "", where: "", status: "", text: "", engines: [], batch: "" });
  part.text.focus();
});
part.caption = html(top, "p", { class: "sc-caption" }, "");
part.summary = html(top, "div", { class: "sc-summary", role: "list", "aria-label": "Summary by engine" });
part.note = html(top, "p", { class: "sc-table-note" });

// ------------------------------------------------------------------ saved views: in this browser alone

function keptViews() {
  try {
    const read = JSON.parse(window.localStorage.getItem(VIEWS));
    return Array.isArray(read) ? read.filter((view) => typeof view?.name === "string" && typeof view.asked === "object" && view.asked).slice(0, MOST_VIEWS) : [];
  } catch {
    return [];
  }
}
function keepViews(views, words) {
  try {
    window.localStorage.setItem(VIEWS, JSON.stringify(views.slice(0, MOST_VIEWS)));
    drawViews(words);
  } catch {
    drawViews("This browser keeps nothing for this page: allow storage for it, then save again.");
  }
}
function apply(view) {
  const fields = Object.entries(VIEW).filter(([name, usual]) => usual === null ? Array.isArray(view[name]) : typeof view[name] === typeof usual
    && Array.isArray(view[name]) === Array.isArray(usual)).map(([name]) => [name, view[name]]);
  const chosen = { ...VIEW, ...Object.fromEntries(fields) };
  part.text.value = chosen.text.slice(0, 200);
  part.views.open = false;
  part.views.caption.focus();
  filter(chosen);
}
function drawViews(words = "") {
  const list = part.views.list;
  const views = keptViews();
  list.replaceChildren();
  for (const view of views) {
    const line = html(list, "div", { class: "sc-view" });
    button(line, view.name, { class: "sc-plain", title: "Show this view" }, () => apply(view.asked));
    button(line, "✕", { class: "sc-plain", "aria-label": `Delete the view ${view.name}` }, () => {
      keepViews(keptViews().filter((each) => each.name !== view.name), `Deleted ${view.name}.`);
      list.querySelector("input").focus();
    });
  }
  const form = html(list, "form", { class: "sc-view" });
  const name = html(form, "input", { type: "text", maxlength: 60, placeholder: "Name of this view", "aria-label": "Name of this view", autocomplete: "off" });
  html(form, "button", { type: "submit", class: "sc-get" }, "Save");
  html(list, "p", { role: "status", class: "sc-unknown" }, words || "Filters, columns, order and grouping; kept in this browser only.");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const label = name.value.trim();
    if (!label) return name.focus();
    const others = keptViews().filter((view) => view.name !== label);
    if (others.length >= MOST_VIEWS) return drawViews(`${MOST_VIEWS} views are kept already: delete one first.`);
    const view = Object.fromEntries(Object.keys(VIEW).map((field) => [field, asked[field]]));
    keepViews([...others, { name: label, asked: view }], `Saved ${label}.`);
    list.querySelector("input").focus();
  });
}
part.views.addEventListener("toggle", () => { if (part.views.open) drawViews(); });

const tools = html(bottom, "div", { class: "sc-tools" });
part.status = html(tools, "p", { class: "sc-count", role: "status", "aria-live": "polite" }, "Reading what was kept …");
part.charts = button(tools, "Hide charts", { class: "sc-plain", "aria-pressed": "true" }, () => {
  seen.charts = !seen.charts;
  part.charts.textContent = seen.charts ? "Hide charts" : "Show charts";
  part.charts.setAttribute("aria-pressed", String(seen.charts));
  element.classList.toggle("sc-no-charts", !seen.charts);
});
button(tools, "Refresh", { class: "sc-plain" }, () => ask());
button(tools, "What changed", { class: "sc-plain", "aria-haspopup": "true" }, () => {
  for (const panel of document.querySelectorAll(".sc-regression")) panel.dispatchEvent(new Event("sc-open"));
});
part.columns = popover(tools, "Columns");
for (const [kind, label] of [["csv", "CSV"], ["parquet", "Parquet"], ["jsonl", "JSONL"]]) {
  button(tools, label, { class: "sc-get", "aria-label": `Download the filtered rows as ${label}`, "data-kind": kind }, () => {
    part.status.textContent = `Writing ${label} …`;
    trigger("export", { ...asked, kind });
  });
}
part.body = html(bottom, "div", { class: "sc-body" });
part.pages = html(bottom, "nav", { class: "sc-pages", "aria-label": "Pages" });

// ------------------------------------------------------------------ drawing

// details stay as wide as what can be seen of the table, however far it is scrolled sideways
const sized = new ResizeObserver(([entry]) => {
  entry.target.style.setProperty("--sc-wide", `${entry.target.clientWidth}px`);
  stick(entry.target);
});

// pinned columns line up after the engine's, as many as leave room for the others
function stick(scroll) {
  let left = scroll.querySelector("thead .sc-sticky").offsetWidth;
  const most = scroll.clientWidth * 0.7;
  scroll.querySelectorAll("thead [data-pin]").forEach((head, place) => {
    const width = head.offsetWidth;
    const fits = width > 0 && left + width <= most;
    for (const cell of scroll.querySelectorAll(`[data-pin="${place}"]`)) {
      cell.style.left = fits ? `${left}px` : "";
      cell.classList.toggle("sc-stuck", fits);
    }
    left = fits ? left + width : Infinity;
  });
}

function drawFilters(state) {
  part.tasks.replaceChildren();
  const tasks = state.tasks.length > 1 ? [{ value: "", label: "All tasks", count: state.kept }, ...state.tasks] : state.tasks;
  for (const task of tasks) {
    const pill = button(part.tasks, task.label, { "aria-pressed": String(asked.task === task.value), "data-focus": `task ${task.value}` },
      () => filter({ task: task.value, engines: [], columns: null, status: "" }));
    html(pill, "span", { class: "sc-n" }, ` ${task.count.toLocaleString("en-US")}`);
  }
  const counted = (choices) => choices.map((choice) => [choice.value, `${choice.label} (${choice.count.toLocaleString("en-US")})`]);
  fill(part.where, "local and cloud", counted(state.wheres), asked.where);
  const failures = state.statuses.filter((choice) => choice.value !== "ok");
  const failed = failures.reduce((sum, choice) => sum + choice.count, 0);
  const good = state.statuses.filter((choice) => choice.value === "ok");
  fill(part.state, "any", [...counted(good), ...(failed ? [["failed", `no answer (${failed.toLocaleString("en-US")})`]] : []), ...counted(failures)], asked.status);
  part.engines.caption.textContent = asked.engines.length ? plural(asked.engines.length, "engine") : "All engines";
  part.engines.list.replaceChildren();
  if (!state.engines.length) html(part.engines.list, "p", {}, "No engines here.");
  checks(part.engines.list, counted(state.engines), asked.engines, (engine, on) =>
    filter({ engines: on ? [...asked.engines, engine] : asked.engines.filter((each) => each !== engine) }));
  fill(part.group, "nothing", props.groupable, asked.group);
  part.order.replaceChildren();
  for (const [value, text] of props.group_orders) html(part.order, "option", { value }, text);
  part.order.value = asked.group_sort;
  part.measure.replaceChildren();
  for (const choice of state.measures) html(part.measure, "option", { value: choice.value }, choice.label);
  part.measure.value = asked.measure;
  for (const select of [part.order, part.measure]) select.parentNode.hidden = !asked.group;
  part.batch.hidden = !asked.batch;
  part.batch.textContent = `Batch ${asked.batch.slice(0, 24)} ✕`;
  part.batch.setAttribute("aria-label", `Show rows outside the batch ${asked.batch} too`);
  part.clear.hidden = !(asked.where || asked.status || asked.text || asked.engines.length || asked.batch);
  bar.hidden = !state.kept;
}

function drawSummary(state) {
  part.summary.replaceChildren();
  const figures = new Set(state.summary.flatMap((engine) => engine.figures.map((figure) => figure.label)));
  part.caption.hidden = !state.summary.length;
  part.caption.textContent = `By engine, fresh runs only: p50 / p95 of first output and total, mean cost${figures.has("WER") ? ", pooled WER" : ""}`;
  for (const engine of state.summary) {
    const card = html(part.summary, "div", { class: `sc-engine sc-${engine.where}`, role: "listitem" });
    html(card, "b", { title: engine.engine_id }, engine.name);
    const words = html(card, "p");
    html(words, "span", { class: "sc-where" }, engine.where);
    html(words, "span", {}, engine.note);
    const figures = html(card, "dl");
    for (const figure of engine.figures) {
      html(figures, "dt", { title: figure.meaning }, figure.label);
      html(figures, "dd", {}, figure.text || "–");
    }
  }
}

function drawColumns(state) {
  const list = part.columns.list;
  const at = list.scrollTop;
  list.replaceChildren();
  const chosen = state.headers.slice(1).map((header) => header.name);
  button(list, "Columns that suit the task", { class: "sc-plain", "data-focus": "defaults" }, () => ask({ columns: null }, false));
  for (const [title, columns] of props.groups) {
    const group = html(list, "fieldset");
    html(group, "legend", {}, title);
    checks(group, columns, chosen, (name, on) =>
      ask({ columns: on ? [...chosen, name] : chosen.filter((each) => each !== name), pinned: asked.pinned.filter((each) => each !== name || on) }, false));
    for (const label of group.querySelectorAll("label")) {
      const name = label.querySelector("input").value;
      const pinned = asked.pinned.includes(name);
      if (!chosen.includes(name)) continue;
      const line = document.createElement("div");
      line.className = "sc-view";
      label.replaceWith(line);
      line.appendChild(label);
      const pin = button(line, pinned ? "pinned" : "pin", { class: "sc-plain", "aria-pressed": String(pinned), "data-focus": `pin ${name}`,
        "aria-label": `Pin ${label.textContent} at the left` }, () =>
        ask({ columns: chosen, pinned: pinned ? asked.pinned.filter((each) => each !== name) : [...asked.pinned, name] }, false));
      pin.disabled = !pinned && asked.pinned.length >= props.most_pinned;
    }
  }
  list.scrollTop = at;
}

function drawTable(state) {
  part.body.replaceChildren();
  if (!state.passing) return drawEmpty(state);
  const scroll = html(part.body, "div", { class: "sc-scroll", role: "region", "aria-label": "Kept runs", tabindex: 0 });
  sized.disconnect();
  const table = html(scroll, "table");
  const head = html(html(table, "thead"), "tr");
  state.headers.forEach((header, index) => {
    const sorted = asked.sort === header.name;
    const cell = html(head, "th", { scope: "col", class: header.number ? "sc-number" : index ? null : "sc-sticky", title: header.meaning,
      "data-pin": header.pinned ? String(index - 1) : null });
    if (!header.sortable) return html(cell, "span", {}, header.label);
    cell.setAttribute("aria-sort", sorted ? (asked.descending ? "descending" : "ascending") : "none");
    const press = button(cell, header.label, { "data-focus": `sort ${header.name}` }, () => ask({
      sort: header.name, descending: sorted ? !asked.descending : props.descending_first.includes(header.name), page: 0, open: null,
      groups_open: asked.groups_open.map((group) => ({ ...group, page: 0 })) }, false, false));
    return html(press, "span", { class: "sc-arrow", "aria-hidden": "true" }, sorted ? (asked.descending ? "▼" : "▲") : "▲");
  });
  if (asked.group) {
    if (seen.axis) drawAxis(table, state);
    seen.groups.forEach((group, place) => drawGroup(table, group, place, state));
  } else {
    const body = html(table, "tbody");
    for (const row of state.rows) drawRow(body, row, state);
  }
  if (asked.group && seen.groupNote) html(part.body, "p", { class: "sc-table-note" }, seen.groupNote);
  sized.observe(scroll);
  stick(scroll);
}

// ------------------------------------------------------------------ groups, each with the shape of a measure on one shared axis

const PLOT = { width: 300, height: 34 };

function drawAxis(table, state) {
  const line = html(html(table, "tbody"), "tr", { class: "sc-axis-row" });
  const first = html(line, "th", { scope: "row", class: "sc-sticky" });
  html(first, "b", {}, seen.axis.label);
  html(first, "div", { class: "sc-words" }, seen.axis.note);
  const place = html(html(line, "td", { colspan: Math.max(1, state.headers.length - 1) }), "div", { class: "sc-group-figures" });
  const axis = html(place, "div", { class: "sc-shape sc-axis", "aria-hidden": "true" });
  for (const tick of seen.axis.ticks) {
    const mark = html(axis, "span", { class: tick.at < 0.05 ? "sc-first" : tick.at > 0.95 ? "sc-last" : null }, tick.text);
    mark.style.left = `${100 * tick.at}%`;
  }
  html(place, "span", { class: "sc-axis-key" }, "One axis for all groups, fresh good runs. Line: p50; dashed: p95. What lies beyond an end is counted at it.");
}

function drawShape(parent, shape) {
  const box = html(parent, "div", { class: "sc-shape" });
  if (!shape) return html(box, "span", { class: "sc-unknown" }, `${seen.axis?.label || "Measure"}: no values`);
  const { width, height } = PLOT;
  const plot = svg(box, "svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": shape.spoken });
  svg(plot, "title", {}, shape.spoken);
  const step = width / shape.bars.length;
  const line = (at, name) => svg(plot, "line", { x1: width * at, x2: width * at, y1: 0, y2: height, class: name });
  shape.bars.forEach((share, index) => {
    const tall = share && Math.max(1.5, share * (height - 2));
    if (tall) svg(plot, "rect", { x: index * step + 0.5, y: height - tall, width: step - 1, height: tall });
  });
  for (const at of shape.lines) line(at, "sc-one");
  line(shape.p95, "sc-p95");
  line(shape.p50, "sc-p50");
  return html(box, "span", { class: "sc-shape-said", "aria-hidden": "true" }, shape.caption);
}

function drawGroup(table, group, place, state) {
  const open = asked.groups_open.some((each) => each.value === group.value);
  const others = asked.groups_open.filter((each) => each.value !== group.value);
  const body = html(table, "tbody");
  const line = html(body, "tr", { class: "sc-group" });
  const first = html(line, "th", { scope: "rowgroup", class: "sc-sticky" });
  const press = button(first, "", { class: "sc-open", "aria-expanded": String(open), "data-focus": `group ${place}` }, () =>
    ask(open ? { groups_open: others, open: null } : { groups_open: [...others, { value: group.value, page: 0 }].slice(-props.most_open) }, false));
  html(press, "span", { class: "sc-chevron", "aria-hidden": "true" }, "›");
  html(press, "span", { class: "sc-name" }, group.label);
  html(first, "div", { class: "sc-words" }).textContent = group.note;
  const beside = html(html(line, "td", { colspan: Math.max(1, state.headers.length - 1) }), "div", { class: "sc-group-figures" });
  drawShape(beside, group.shape);
  const figures = html(beside, "dl");
  for (const figure of group.figures) {
    const each = html(figures, "div");
    html(each, "dt", { title: figure.meaning || null }, figure.label);
    html(each, "dd", {}, figure.text || "–");
  }
  const opened = open && state.open_groups.find((each) => each.value === group.value);
  if (!opened) return;
  for (const row of opened.rows) drawRow(body, row, state);
  if (opened.count <= props.page_rows) return;
  const below = html(html(body, "tr", { class: "sc-details-row" }), "td", { colspan: state.headers.length });
  const turned = (page) => ask({ groups_open: asked.groups_open.map((each) => (each.value === group.value ? { ...each, page } : each)), open: null }, false);
  drawPager(html(below, "nav", { class: "sc-pages", "aria-label": `Pages of ${group.label}` }), opened, `group ${place} `, turned);
}

function drawRow(body, row, state) {
  const open = state.details?.seq === row.seq;
  const line = html(body, "tr", { class: row.status === "ok" ? null : "sc-bad-row" });
  const first = html(line, "th", { scope: "row", class: "sc-sticky" });
  const press = button(first, "", { class: "sc-open", "aria-expanded": String(open), "data-focus": `row ${row.seq}`, title: row.engine_id }, () => ask(
    open ? { open: null } : { open: row.seq, open_comparison: row.comparison_id, open_engine: row.engine_id }, false));
  html(press, "span", { class: "sc-chevron", "aria-hidden": "true" }, "›");
  html(press, "span", { class: "sc-name" }, row.name);
  const words = html(first, "div", { class: "sc-words" });
  html(words, "span", { class: `sc-word sc-${row.where}` }, row.where);
  for (const badge of row.badges) html(words, "span", { class: "sc-word" }, badge);
  row.cells.forEach((text, index) => {
    const header = state.headers[index + 1];
    const cell = html(line, "td", { class: header.number ? "sc-number" : `sc-column-${header.name}`, "data-pin": header.pinned ? String(index) : null });
    if (header.name === "status") {
      html(cell, "span", { class: `sc-word ${row.status === "ok" ? "sc-ok" : "sc-failed"}` }, text);
      if (row.error) html(cell, "div", { class: "sc-error sc-two-lines", title: row.error }, row.error);
    } else if (text) html(cell, "div", { class: header.number ? null : "sc-two-lines", title: text.length > 60 ? text : null }, text);
    else html(cell, "span", { class: "sc-unknown", title: "unknown or not applicable" }, "–");
  });
  if (!open) return;
  const wide = html(html(body, "tr", { class: "sc-details-row" }), "td", { colspan: state.headers.length });
  if (seen.detailsSeq !== row.seq) {
    seen.details = drawDetails(state.details);
    seen.detailsSeq = row.seq;
  }
  wide.appendChild(seen.details);
}

function drawDetails(details) {
  const box = document.createElement("div");
  box.className = "sc-details";
  drawLinks(box, details);
  if (details.error) html(box, "p", { class: "sc-error" }, details.error);
  for (const sound of details.sounds) {
    const line = html(box, "figure", { class: "sc-sound" });
    html(line, "figcaption", {}, [sound.name, sound.note].filter(Boolean).join(" · "));
    if (sound.file) html(line, "audio", { controls: true, preload: "none", src: sound.file.url, "aria-label": sound.name });
    else html(line, "p", {}, sound.missing);
  }
  for (const group of details.groups) {
    const known = group.figures.filter((figure) => figure.text);
    if (!known.length) continue;
    const section = html(box, "section");
    html(section, "h4", {}, group.title);
    const list = html(section, "dl");
    for (const figure of known) {
      html(list, "dt", { title: figure.meaning }, figure.label);
      const cell = html(list, "dd");
      if (figure.pretty) html(cell, "pre", { tabindex: 0 }, figure.text);
      else cell.textContent = figure.text;
    }
    const unknown = group.figures.filter((figure) => !figure.text).map((figure) => figure.label);
    if (unknown.length) html(section, "p", { class: "sc-unknown" }, `not known: ${unknown.join(", ")}`);
  }
  return box;
}

function drawLinks(box, details) {
  const links = [["comparison", details.comparison], ["batch", details.batch]].filter(([, id]) => id);
  if (!links.length) return;
  const line = html(box, "div", { class: "sc-links" });
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  for (const [kind, id] of links) {
    const address = `${window.location.origin}${window.location.pathname}?${kind}=${encodeURIComponent(id)}`;
    button(line, `Copy link to this ${kind}`, { class: "sc-get", title: address }, async () => {
      try {
        await navigator.clipboard.writeText(address);
        said.textContent = "Copied.";
      } catch {
        said.replaceChildren();
        const field = html(said, "input", { type: "text", readonly: true, "aria-label": `Link to this ${kind}` });
        field.value = address;
        field.select();
        html(said, "span", {}, " Press Ctrl+C or ⌘C: the link is selected.");
      }
    });
  }
  line.appendChild(said);
}

function drawEmpty(state) {
  const box = html(part.body, "div", { class: "sc-empty" });
  if (seen.survey && !seen.survey.kept) {
    html(box, "h4", {}, "Nothing has been run yet");
    html(box, "p", {}, "Open a task tab, take a bundled example and press Run. Every run, good or failed, becomes a row here, ready to sort, chart and download.");
    return;
  }
  html(box, "h4", {}, "No run passes these filters");
  html(box, "p", {}, "Widen the search, choose another task, or start over.");
  button(box, "Clear filters", { class: "sc-get" }, () => part.clear.click());
}

const whole = (count) => count.toLocaleString("en-US");
const lastOf = (count) => Math.max(1, Math.ceil(count / props.page_rows)) - 1;
const shownOf = ({ page, rows }) => `${whole(page * props.page_rows + 1)} to ${whole(page * props.page_rows + rows.length)}`;

function drawPager(parent, shown, name, turned) {
  const last = lastOf(shown.count);
  const turn = (label, page, off) => {
    button(parent, label, { "data-focus": `${name}page ${label}` }, () => turned(page)).disabled = off;
  };
  turn("First", 0, shown.page === 0);
  turn("Previous", shown.page - 1, shown.page === 0);
  html(parent, "span", {}, `page ${whole(shown.page + 1)} of ${whole(last + 1)}${name ? `, ${shownOf(shown)} of ${whole(shown.count)}` : ""}`);
  turn("Next", shown.page + 1, shown.page >= last);
  turn("Last", last, shown.page >= last);
}

function drawPages(state) {
  const shown = { ...state, page: asked.page };
  const open = asked.groups_open.length;
  if (!state.passing) part.status.textContent = "No runs";
  else if (asked.group) part.status.textContent = `${plural(state.passing, "run")} in ${plural(seen.groups.length, "group")}${open ? `, ${open} open` : ""}`;
  else part.status.textContent = `${plural(state.count, "run")}, showing ${shownOf(shown)}`;
  part.pages.replaceChildren();
  part.pages.hidden = lastOf(state.count) === 0;
  drawPager(part.pages, shown, "", (page) => { ask({ page, open: null }, false); part.body.firstChild?.scrollTo(0, 0); });
}

function draw() {
  const state = props.value;
  if (!state?.ready || state.asked.number !== asked.number) return;
  clearTimeout(seen.late);
  const focused = element.contains(document.activeElement) ? document.activeElement.getAttribute("data-focus") : null;
  const left = part.body.querySelector(".sc-scroll")?.scrollLeft || 0;
  seen.answered = state.asked.number;
  asked = { ...state.asked };
  if (state.row_groups) [seen.groups, seen.groupNote, seen.axis] = [state.row_groups, state.group_note, state.axis];
  if (state.details === null) seen.details = seen.detailsSeq = null;
  if (state.asked.whole) {
    seen.survey = state;
    drawSummary(state);
    part.note.textContent = state.note;
  }
  if (seen.survey) drawFilters({ ...seen.survey });
  drawColumns(state);
  drawTable(state);
  drawPages(state);
  bottom.removeAttribute("aria-busy");
  tools.hidden = Boolean(seen.survey && !seen.survey.kept);
  element.classList.toggle("sc-nothing", tools.hidden);
  const scroll = part.body.querySelector(".sc-scroll");
  if (scroll) scroll.scrollLeft = left;
  if (focused) element.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

watch("value", draw);
element.addEventListener("sc-written", () => { if (props.value?.ready) drawPages(props.value); });
element.addEventListener("sc-refresh", () => { if (performance.now() - seen.at > 1000) ask(); });
ask();
