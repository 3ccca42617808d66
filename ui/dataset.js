// Draws a BatchState (ui/dataset.py). Texts go in through textContent alone: item names and answers are strangers' words.
const root = element.querySelector(".sc-batch");
const part = {};
let drawn = "";

function build() {
  root.replaceChildren();
  part.top = html(root, "section", { class: "sc-box", "aria-label": "Progress" });
  const line = html(part.top, "div", { class: "sc-said" });
  part.said = html(line, "p", { role: "status", "aria-live": "polite" });
  part.id = html(line, "span", { class: "sc-id", hidden: true });
  html(part.id, "span", {}, "Batch ");
  part.code = html(part.id, "code");
  part.copy = html(part.id, "button", { type: "button", "aria-label": "Copy the batch id" }, "Copy");
  part.copy.addEventListener("click", copy);
  part.open = html(part.id, "a", { target: "_blank", rel: "noopener", title: "Hear every input, take it away as one file" }, "Open as a comparison");
  part.bar = html(part.top, "div", { class: "sc-bar", role: "progressbar", "aria-label": "Answers", "aria-valuemin": 0, hidden: true });
  part.fill = html(part.bar, "i");
  part.facts = html(part.top, "div", { class: "sc-facts" });
  part.results = html(root, "div", { class: "sc-figures" });
}

async function copy() {
  try {
    await navigator.clipboard.writeText(part.code.textContent);
    part.copy.textContent = "Copied";
  } catch {
    // without leave to write, the id is selected for Ctrl+C
    getSelection().selectAllChildren(part.code);
    part.copy.textContent = "Press Ctrl+C";
  }
  setTimeout(() => (part.copy.textContent = "Copy"), 2000);
}

function cell(row, tag, value, attributes = {}) {
  const made = html(row, tag, { ...attributes, class: value.text === "not enough" || value.text === "–" ? "sc-none" : null });
  html(made, "span", {}, value.text);
  if (value.small) html(made, "small", {}, value.small);
}

function table(parent, found) {
  const box = html(parent, found.folded ? "details" : "section", { class: "sc-box", "aria-label": found.title });
  html(box, found.folded ? "summary" : "h3", {}, found.title);
  if (found.note) html(box, "p", { class: "sc-fine" }, found.note);
  const scroll = html(box, "div", { class: "sc-scroll", tabindex: 0, role: "region", "aria-label": `${found.title}, scrolls sideways` });
  const made = html(scroll, "table");
  const heads = html(html(made, "thead"), "tr");
  for (const head of found.heads) html(heads, "th", { scope: "col" }, head);
  const body = html(made, "tbody");
  for (const line of found.lines) {
    const row = html(body, "tr");
    line.forEach((value, at) => cell(row, at ? "td" : "th", value, at ? {} : { scope: "row" }));
  }
}

function worst(parent, found) {
  const box = html(parent, "section", { class: "sc-box", "aria-label": "Worst answers" });
  html(box, "h3", {}, "Worst answers");
  const engines = Map.groupBy ? Map.groupBy(found, (each) => each.engine) : found.reduce((all, each) => all.set(each.engine, [...(all.get(each.engine) || []), each]), new Map());
  let open = true;
  for (const [engine, samples] of engines) {
    const group = html(box, "details", { open });
    open = false;
    html(group, "summary", {}, `${engine} · ${samples.length}`);
    const list = html(group, "ol", { role: "list" });
    for (const sample of samples) {
      const item = html(list, "li");
      const head = html(item, "p", { class: "sc-head" });
      html(head, "b", { dir: "auto" }, sample.item);
      html(head, "span", {}, sample.value);
      if (sample.expected) html(item, "p", { dir: "auto" }, "").append(label("expected"), sample.expected);
      if (sample.answer) html(item, "p", { dir: "auto" }, "").append(label("answer"), sample.answer);
      if (sample.sound?.url) html(item, "audio", { controls: true, preload: "none", src: sample.sound.url, "aria-label": `${sample.item}, ${engine}` });
    }
  }
}

function label(text) {
  const made = document.createElement("span");
  made.className = "sc-label";
  made.textContent = `${text} `;
  return made;
}

function draw() {
  const state = props.value || {};
  root.dataset.phase = state.phase || "empty";
  if (part.said.textContent !== state.said) part.said.textContent = state.said || "";
  part.id.hidden = !state.batch_id;
  if (part.code.textContent !== state.batch_id) part.code.textContent = state.batch_id || "";
  part.open.hidden = !["finished", "stopped", "failed"].includes(state.phase) || !state.done;
  part.open.href = `?comparison=${encodeURIComponent(state.batch_id || "")}`;
  part.bar.hidden = !state.total;
  part.bar.setAttribute("aria-valuemax", state.total || 0);
  part.bar.setAttribute("aria-valuenow", state.done || 0);
  part.fill.style.width = `${state.total ? (100 * state.done) / state.total : 0}%`;
  part.facts.hidden = !(state.facts || []).length;
  (state.facts || []).forEach((fact, at) => {
    const tile = part.facts.children[at] || html(part.facts, "div");
    if (!tile.children.length) html(tile, "b"), html(tile, "span");
    tile.children[0].textContent = fact.text;
    tile.children[1].textContent = fact.small;
  });
  const results = JSON.stringify([state.notes, state.tables, state.worst]);
  if (results === drawn) return;
  drawn = results;
  part.results.replaceChildren();
  if ((state.notes || []).length) {
    const notes = html(part.results, "ul", { class: "sc-notes" });
    for (const note of state.notes) html(notes, "li", {}, note);
  }
  for (const found of state.tables || []) table(part.results, found);
  if ((state.worst || []).length) worst(part.results, state.worst);
}

build();
watch("value", draw);
draw();
