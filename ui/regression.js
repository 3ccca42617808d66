// Draws a RegressionState (ui/regression.py). Texts go in through textContent alone: they come from strangers.
const root = element.querySelector(".sc-changes");
const STEP = 20;
const LATE_MS = 30000;
const MARKS = { substituted: "mark", inserted: "ins", deleted: "del" };
const SAID = { substituted: "changed", inserted: "only after", deleted: "only before" };
let asked = { kind: "day", task: "", engines: [], before: "", after: "", number: 0 };
const seen = { late: null, opener: null };
const part = {};

function node(parent, tag, attributes = {}, text = null) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  if (text !== null) made.textContent = text;
  parent.appendChild(made);
  return made;
}
function select(parent, label, changed) {
  const made = node(node(parent, "label", { class: "sc-change-field" }, label), "select", { "aria-label": label });
  made.addEventListener("change", () => changed(made.value));
  return made;
}
function fill(select, choices, value) {
  select.replaceChildren();
  for (const choice of choices) node(select, "option", { value: choice.value }, `${choice.label} (${choice.count.toLocaleString("en-US")})`);
  select.value = value;
}
function ask(changes = {}) {
  asked = { ...asked, ...changes, number: asked.number + 1 };
  part.body.setAttribute("aria-busy", "true");
  part.status.textContent = "Comparing …";
  clearTimeout(seen.late);
  seen.late = setTimeout(() => {
    part.body.removeAttribute("aria-busy");
    part.status.textContent = "The server did not answer. Check that Soundcheck still runs, then choose again.";
  }, LATE_MS);
  trigger("ask", asked);
}
function close() {
  root.hidden = true;
  seen.opener?.focus();
}

// ------------------------------------------------------------------ the panel, built once

root.setAttribute("role", "region");
root.setAttribute("aria-label", "What changed");
const head = node(root, "div", { class: "sc-change-head" });
node(head, "h3", { tabindex: -1 }, "What changed");
node(head, "p", {}, "The newest fresh answer of the same engine to the same input with the same settings, before and after.");
const shut = node(head, "button", { type: "button", class: "sc-change-plain" }, "Close");
shut.addEventListener("click", close);
root.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.target.closest("details[open]")) close(); });
const bar = node(root, "div", { class: "sc-change-bar" });
part.kind = select(bar, "Compare", (kind) => ask({ kind, before: "", after: "" }));
for (const [value, text] of props.kinds) node(part.kind, "option", { value }, text);
part.task = select(bar, "Task", (task) => ask({ task, engines: [], before: "", after: "" }));
part.before = select(bar, "Before", (before) => ask({ before }));
part.after = select(bar, "After", (after) => ask({ after }));
part.engines = node(bar, "details", { class: "sc-change-engines" });
part.caption = node(part.engines, "summary", {}, "All engines");
part.list = node(part.engines, "div", { role: "group", "aria-label": "Engines to compare" });
part.engines.addEventListener("keydown", (event) => { if (event.key === "Escape") { part.engines.open = false; part.caption.focus(); } });
document.addEventListener("pointerdown", (event) => { if (!part.engines.contains(event.target)) part.engines.open = false; });
part.status = node(root, "p", { class: "sc-change-status", role: "status", "aria-live": "polite" });
part.body = node(root, "div");

// ------------------------------------------------------------------ drawing

function drawEngines(state) {
  const focused = part.list.contains(document.activeElement) ? document.activeElement.value : null;
  part.caption.textContent = asked.engines.length ? `${asked.engines.length} engine${asked.engines.length === 1 ? "" : "s"}` : "All engines";
  part.list.replaceChildren();
  for (const engine of state.engines) {
    const label = node(part.list, "label");
    const box = node(label, "input", { type: "checkbox", value: engine.value });
    box.checked = asked.engines.includes(engine.value);
    node(label, "span", {}, engine.label);
    box.addEventListener("change", () =>
      ask({ engines: box.checked ? [...asked.engines, engine.value] : asked.engines.filter((each) => each !== engine.value) }));
    if (focused === engine.value) box.focus({ preventScroll: true });
  }
}

function drawInput(parent, input) {
  const item = node(parent, "article", { class: "sc-change" });
  const title = node(item, "h5");
  node(title, "span", {}, input.input);
  if (input.words) node(title, "span", { class: "sc-change-words" }, input.words);
  if (input.spans.length) {
    const text = node(item, "p", { class: "sc-change-text", dir: "auto" });
    for (const span of input.spans) {
      if (!(span.kind in MARKS)) text.appendChild(document.createTextNode(span.text));
      else {
        const mark = node(text, MARKS[span.kind], { title: span.title || SAID[span.kind] }, span.text.trimEnd());
        node(mark, "span", { class: "sc-change-hear" }, ` (${SAID[span.kind]})`);
        text.appendChild(document.createTextNode(" "));
      }
    }
  }
  const table = node(node(item, "div", { class: "sc-change-scroll" }), "table");
  const line = node(node(table, "thead"), "tr");
  for (const label of ["Measure", "Before", "After", "Change"]) node(line, "th", { scope: "col" }, label);
  const body = node(table, "tbody");
  for (const measure of input.measures) {
    const row = node(body, "tr");
    node(row, "th", { scope: "row" }, measure.label);
    node(row, "td", {}, measure.before || "–");
    node(row, "td", {}, measure.after || "–");
    node(row, "td", { class: measure.tone ? `sc-change-${measure.tone}` : null }, measure.change);
  }
}

function drawChanges(state) {
  part.body.replaceChildren();
  if (state.note) node(part.body, "p", { class: "sc-change-note" }, state.note);
  if (state.empty) node(part.body, "p", { class: "sc-change-empty" }, state.empty);
  for (const engine of state.changes) {
    const section = node(part.body, "section", { "aria-label": engine.name });
    const title = node(section, "h4", { title: engine.engine_id });
    node(title, "span", {}, engine.name);
    node(title, "small", {}, engine.summary);
    let shown = 0;
    const list = node(section, "div", { class: "sc-change-list" });
    const more = node(section, "button", { type: "button", class: "sc-change-plain" });
    const step = () => {
      const first = shown;
      for (const input of engine.inputs.slice(shown, shown + STEP)) drawInput(list, input);
      shown = Math.min(engine.inputs.length, shown + STEP);
      more.hidden = shown >= engine.inputs.length;
      more.textContent = `Show ${Math.min(STEP, engine.inputs.length - shown)} more of ${engine.inputs.length - shown}`;
      return list.children[first];
    };
    more.addEventListener("click", () => { const next = step(); next.tabIndex = -1; next.focus({ preventScroll: true }); });
    step();
  }
}

function draw() {
  const state = props.value;
  if (!state?.ready || state.asked.number !== asked.number) return;
  clearTimeout(seen.late);
  asked = { ...state.asked };
  part.kind.value = asked.kind;
  fill(part.task, state.tasks, asked.task);
  fill(part.before, state.points, asked.before);
  fill(part.after, state.points, asked.after);
  part.before.disabled = part.after.disabled = state.points.length < 2;
  drawEngines(state);
  drawChanges(state);
  const inputs = state.changes.reduce((sum, engine) => sum + engine.inputs.length, 0);
  part.status.textContent = inputs ? `${inputs.toLocaleString("en-US")} answer${inputs === 1 ? "" : "s"} compared` : "";
  part.body.removeAttribute("aria-busy");
}

watch("value", draw);
element.addEventListener("sc-open", () => {
  seen.opener = document.activeElement;
  root.hidden = false;
  head.firstChild.focus({ preventScroll: true });
  root.scrollIntoView({ block: "nearest" });
  ask();
});
