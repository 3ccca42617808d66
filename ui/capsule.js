// Draws a SheetState (ui/capsule_sheet.py) around board and chart. Texts go in through textContent alone: a capsule comes from a stranger.
const top = element.querySelector('.sc-sheet-top');
const bottom = element.querySelector('.sc-sheet-bottom');

function make(parent, tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}
function plain(parent, tag, className, text) {
  const node = make(parent, tag, className, text);
  node.dir = 'auto';
  return node;
}
function address(url) {
  try {
    const found = new URL(url, window.location.href);
    return /^https?:$/.test(found.protocol) ? found.href : '';
  } catch {
    return '';
  }
}

function drawLink(parent, id) {
  const row = make(parent, 'div', 'sc-sheet-link');
  const box = make(row, 'input');
  box.type = 'text';
  box.readOnly = true;
  box.value = `${window.location.origin}${window.location.pathname}?comparison=${encodeURIComponent(id)}`;
  box.setAttribute('aria-label', 'Link to this comparison');
  const button = make(row, 'button', '', 'Copy link');
  button.type = 'button';
  const said = make(row, 'span', 'sc-sheet-dim');
  said.setAttribute('role', 'status');
  button.addEventListener('click', async () => {
    box.select();
    try {
      await navigator.clipboard.writeText(box.value);
      said.textContent = 'Copied.';
    } catch {
      said.textContent = 'Press Ctrl+C or ⌘C: the link is selected.';
    }
  });
  box.addEventListener('focus', () => box.select());
}

function drawTop(state) {
  top.replaceChildren();
  if (!state.title) return;
  plain(top, 'h2', '', state.title);
  make(top, 'p', 'sc-sheet-dim', state.subtitle);
  const url = state.input_file ? address(state.input_file.url || '') : '';
  if (url) {
    make(top, 'p', 'sc-sheet-label', state.input_label);
    const audio = make(top, 'audio');
    audio.controls = true;
    audio.preload = 'none';
    audio.src = url;
    audio.setAttribute('aria-label', 'Input');
  }
  if (state.reference) {
    make(top, 'p', 'sc-sheet-label', 'Measured against');
    plain(top, 'p', 'sc-sheet-reference', state.reference);
  }
  for (const note of state.notes || []) make(top, 'p', 'sc-sheet-dim', note);
  if (state.link) drawLink(top, state.link);
}

function drawVotes(state) {
  for (const results of state.tests || []) {
    const card = make(bottom, 'section', 'sc-sheet-card sc-sheet-votes');
    card.setAttribute('aria-label', 'Blind test');
    window.soundcheck.forest({})(card, results);
  }
}

function drawTable(state) {
  const scroll = make(bottom, 'div', 'sc-sheet-scroll');
  scroll.tabIndex = 0;
  scroll.setAttribute('role', 'region');
  scroll.setAttribute('aria-label', 'Rows of this comparison');
  const table = make(scroll, 'table');
  const head = make(make(table, 'thead'), 'tr');
  for (const header of state.headers) {
    const cell = make(head, 'th', header.number ? 'sc-sheet-number' : '', header.label);
    cell.scope = 'col';
    cell.title = header.title;
  }
  const body = make(table, 'tbody');
  for (const row of state.rows) {
    const line = make(body, 'tr');
    row.forEach((text, place) => {
      const cell = plain(line, place ? 'td' : 'th', state.headers[place].number ? 'sc-sheet-number' : '', text || '–');
      if (!place) cell.scope = 'row';
      if (!text) cell.classList.add('sc-sheet-dim');
    });
  }
}

function drawProvenance(state) {
  if (!(state.provenance || []).length) return;
  const fold = make(bottom, 'details', 'sc-sheet-card');
  make(fold, 'summary', '', 'Models, versions and prices');
  for (const engine of state.provenance) {
    plain(fold, 'h3', '', engine.name);
    const list = make(fold, 'dl');
    for (const [label, text] of engine.facts) {
      make(list, 'dt', '', label);
      plain(list, 'dd', '', text);
    }
  }
}

let seen = '';
function draw() {
  const state = props.value || {};
  const now = JSON.stringify(state);
  if (now === seen) return;
  seen = now;
  drawTop(state);
  bottom.replaceChildren();
  if ((state.rows || []).length) {
    drawVotes(state);
    drawTable(state);
    drawProvenance(state);
  }
}
watch('value', draw);
draw();
