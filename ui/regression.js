// Draws a RegressionState (ui/regression.py). Texts go in through textContent alone: they come from strangers.
const root = element.querySelector(".sc-changes");
const STEP = 20;
const LATE_MS = 30000;
const MARKS = { substituted: "mark", inserted: "ins", deleted: "del" };
const SAID = { substituted: "changed", inserted: "only after", deleted: "only before" };
let asked = { kind: "day", task: "", engines: [], before: "", after: "", number: 0 };
const seen = { late: null, opener: null };
const part = {};

function select(parent, label, changed) {
  const made = html(html(parent, "label", { class: "sc-change-field" }, label), "select", { "aria-label": label });
  made.addEventListener("change", () => changed(made.value));
  return made;
}
function fill(select, choices, value) {
  select.replaceChildren();
  for (const choice of choices) html(select, "option", { value: choice.value }, `${choice.label} (${choice.count.toLocaleString("en-US")})`);
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
const head = html(root, "div", { class: "sc-change-head" });
html(head, "h3", { tabindex: -1 }, "What changed");
html(head, "p", {}, "The newest fresh answer of the same engine to the same input with the same settings, before and after.");
const shut = html(head, "button", { type: "button", class: "sc-change-plain" }, "Close");
shut.addEventListener("click", close);
root.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.target.closest("details[open]")) close(); });
const bar = html(root, "div", { class: "sc-change-bar" });
part.kind = select(bar, "Compare", (kind) => ask({ kind, before: "", after: "" }));
for (const [value, text] of props.kinds) html(part.kind, "option", { value }, text);
part.task = select(bar, "Task", (task) => ask({ task, engines: [], before: "", after: "" }));
part.before = select(bar, "Before", (before) => ask({ before }));
part.after = select(bar, "After", (after) => ask({ after }));
part.engines = html(bar, "details", { class: "sc-change-engines" });
part.caption = html(part.engines, "summary", {}, "All engines");
part.list = html(part.engines, "div", { role: "group", "aria-label": "Engines to compare" });
part.engines.addEventListener("keydown", (event) => { if (event.key === "Escape") { part.engines.open = false; part.caption.focus(); } });
document.addEventListener("pointerdown", (event) => { if (!part.engines.contains(event.target)) part.engines.open = false; });
part.status = html(root, "p", { class: "sc-change-status", role: "status", "aria-live": "polite" });
part.body = html(root, "div");

// ------------------------------------------------------------------ drawing

function drawEngines(state) {
  const focused = part.list.contains(document.activeElement) ? document.activeElement.value : null;
  part.caption.textContent = asked.engines.length ? `${asked.engines.length} engine${asked.engines.length === 1 ? "" : "s"}` : "All engines";
  part.list.replaceChildren();
  for (const engine of state.engines) {
    const label = html(part.list, "label");
    const box = html(label, "input", { type: "checkbox", value: engine.value });
    box.checked = asked.engines.includes(engine.value);
    html(label, "span", {}, engine.label);
    box.addEventListener("change", () =>
      ask({ engines: box.checked ? [...asked.engines, engine.value] : asked.engines.filter((each) => each !== engine.value) }));
    if (focused === engine.value) box.focus({ preventScroll: true });
  }
}

function drawInput(parent, input) {
  const item = html(parent, "article", { class: "sc-change" });
  const title = html(item, "h5");
  html(title, "span", {}, input.input);
  if (input.words) html(title, "span", { class: "sc-change-words" }, input.words);
  if (input.spans.length) {
    const text = html(item, "p", { class: "sc-change-text", dir: "auto" });
    for (const span of input.spans) {
      if (!(span.kind in MARKS)) text.appendChild(document.createTextNode(span.text));
      else {
        const mark = html(text, MARKS[span.kind], { title: span.title || SAID[span.kind] }, span.text.trimEnd());
        html(mark, "span", { class: "sc-change-hear" }, ` (${SAID[span.kind]})`);
        text.appendChild(document.createTextNode(" "));
      }
    }
  }
  const table = html(html(item, "div", { class: "sc-change-scroll" }), "table");
  const line = html(html(table, "thead"), "tr");
  for (const label of ["Measure", "Before", "After", "Change"]) html(line, "th", { scope: "col" }, label);
  const body = html(table, "tbody");
  for (const measure of input.measures) {
    const row = html(body, "tr");
    html(row, "th", { scope: "row" }, measure.label);
    html(row, "td", {}, measure.before || "–");
    html(row, "td", {}, measure.after || "–");
    html(row, "td", { class: measure.tone ? `sc-change-${measure.tone}` : null }, measure.change);
  }
}

function drawChanges(state) {
  part.body.replaceChildren();
  if (state.note) html(part.body, "p", { class: "sc-change-note" }, state.note);
  if (state.empty) html(part.body, "p", { class: "sc-change-empty" }, state.empty);
  for (const engine of state.changes) {
    const section = html(part.body, "section", { "aria-label": engine.name });
    const title = html(section, "h4", { title: engine.engine_id });
    html(title, "span", {}, engine.name);
    html(title, "small", {}, engine.summary);
    let shown = 0;
    const list = html(section, "div", { class: "sc-change-list" });
    const more = html(section, "button", { type: "button", class: "sc-change-plain" });
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
