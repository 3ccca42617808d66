// The engine picker. Everything that is shown goes through textContent: names and sentences may come from strangers.
const root = element.querySelector('.sc-picker');
const serial = `sc${Math.random().toString(36).slice(2, 10)}`;

let engines = [];
let selected = new Set();
const filters = { ready: false, streams: false, open: false, language: '', words: [] };
const rows = new Map();

const head = make('div', 'sc-picker-head', root);
const title = make('h2', '', head, 'Engines');
title.id = `${serial}-title`;
const count = make('span', 'sc-count', head);
count.setAttribute('role', 'status');
count.setAttribute('aria-live', 'polite');
const search = make('input', 'sc-search', root);
search.type = 'search';
search.placeholder = 'Search name, licence, language, size …';
search.setAttribute('aria-label', 'Search engines');
search.autocomplete = 'off';
search.spellcheck = false;
const chips = make('div', 'sc-chips', root);
[
  ['ready', 'ready now'],
  ['streams', 'streams'],
  ['open', 'open licence'],
].forEach(([name, text]) => {
  const chip = pressable('sc-chip', chips, text);
  chip.setAttribute('aria-pressed', 'false');
  chip.addEventListener('click', () => {
    filters[name] = !filters[name];
    chip.setAttribute('aria-pressed', String(filters[name]));
    sift();
  });
});
const language = make('select', 'sc-chip', chips);
language.setAttribute('aria-label', 'Language');
const bulk = make('span', 'sc-bulk', chips);
const tickAll = pressable('sc-link', bulk, 'all ready');
tickAll.setAttribute('aria-label', 'Tick every ready engine that is listed');
const tickNone = pressable('sc-link', bulk, 'none');
tickNone.setAttribute('aria-label', 'Untick every engine');

const list = make('div', 'sc-list', root);
list.setAttribute('role', 'group');
list.setAttribute('aria-labelledby', title.id);
const keysHint = make('span', 'sc-hear', root, 'Arrow keys move between engines, space ticks.');
keysHint.id = `${serial}-keys`;
list.setAttribute('aria-describedby', keysHint.id);
const groups = {};
[
  ['local', 'Local', 'on this machine'],
  ['cloud', 'Cloud', 'sends your input to the vendor'],
].forEach(([name, text, more]) => {
  const section = make('section', 'sc-group', list);
  const heading = make('h3', `sc-group-${name}`, section, text);
  make('small', '', heading, ` ${more}`);
  heading.id = `${serial}-${name}`;
  section.setAttribute('role', 'group');
  section.setAttribute('aria-labelledby', heading.id);
  groups[name] = { section, body: make('div', '', section) };
});
const folded = make('details', 'sc-group', list);
const foldedTitle = make('summary', '', folded);
groups.unavailable = { section: folded, body: make('div', '', folded) };
const shownCount = make('p', 'sc-dim', root);
const nothing = make('p', 'sc-nothing', list);
const clear = pressable('sc-link', nothing, 'clear the search and filters');
nothing.prepend('No engine matches. ');

function newRow(id, place) {
  const node = make('div', 'sc-engine');
  const row = { id, node, seen: '', engine: null };
  const label = make('label', 'sc-engine-label', node);
  row.box = make('input', '', label);
  row.box.type = 'checkbox';
  row.box.id = `${serial}-box-${place}`;
  row.name = make('span', 'sc-engine-name', label);
  row.name.dir = 'auto';
  row.pill = make('span', 'sc-pill', node);
  row.pill.dir = 'auto';
  const about = make('div', 'sc-about', node);
  about.id = `${serial}-about-${place}`;
  row.summary = make('p', '', about);
  row.needs = make('p', 'sc-needs', about);
  row.note = make('p', '', about);
  row.warning = make('p', 'sc-needs', about);
  row.blocked = make('p', 'sc-needs', about);
  [row.summary, row.needs, row.note, row.warning, row.blocked].forEach((line) => {
    line.dir = 'auto';
  });
  row.box.setAttribute('aria-describedby', about.id);
  row.prepare = pressable('sc-prepare', node, 'prepare');
  row.box.addEventListener('click', (event) => {
    if (row.engine.status === 'ready') return;
    event.preventDefault();
    node.classList.remove('sc-refused');
    requestAnimationFrame(() => node.classList.add('sc-refused'));
  });
  row.box.addEventListener('change', () => {
    if (row.box.checked) selected.add(id);
    else selected.delete(id);
    send('input');
  });
  row.box.addEventListener('focus', () => rove(row));
  row.box.addEventListener('keydown', (event) => {
    const shown = [...list.querySelectorAll('.sc-engine')].map((other) => rows.get(other.dataset.id)).filter((other) => other.box.offsetParent);
    const here = shown.indexOf(row);
    const goal = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    if (shown[goal]) shown[goal].box.focus();
  });
  row.prepare.addEventListener('click', () => {
    send('prepare', id);
  });
  node.dataset.id = id;
  return row;
}
// One check box of the list is in the tab order, so that Run is one Tab away and not sixty.
function rove(chosen) {
  const shown = [...rows.values()].filter((row) => !row.node.hidden && (row.engine.status !== 'unavailable' || folded.open));
  const active = chosen || shown.find((row) => row.box.tabIndex === 0) || shown.find((row) => groups.local.body.contains(row.node)) || shown[0];
  rows.forEach((row) => {
    row.box.tabIndex = row === active ? 0 : -1;
    row.prepare.tabIndex = row === active ? 0 : -1;
  });
}
function fill(line, text) {
  write(line, text);
  line.hidden = text === '';
}
function drawRow(row, engine) {
  row.engine = engine;
  const ready = engine.status === 'ready';
  row.box.checked = selected.has(engine.id);
  const seen = JSON.stringify(engine);
  if (row.seen === seen) return;
  row.seen = seen;
  row.node.className = `sc-engine sc-is-${engine.status} sc-${engine.where}`;
  row.node.classList.toggle('sc-skipped', engine.blocked !== '');
  row.box.setAttribute('aria-disabled', String(!ready));
  write(row.name, engine.name);
  fill(row.pill, engine.blocked ? 'skipped' : engine.pill);
  row.pill.className = `sc-pill ${ready && !engine.blocked ? 'sc-ok' : engine.status === 'unavailable' ? 'sc-off' : 'sc-need'}`;
  fill(row.summary, engine.summary);
  fill(row.needs, ready ? '' : engine.needs.join(' '));
  fill(row.note, engine.note);
  fill(row.warning, engine.warning);
  fill(row.blocked, engine.blocked && `Skipped: ${engine.blocked}`);
  row.prepare.hidden = !(engine.preparable && engine.status === 'needs');
  row.prepare.setAttribute('aria-label', `Prepare ${engine.name}`);
  row.haystack = [engine.name, engine.id, engine.vendor, engine.where, engine.license, engine.summary, engine.size, ...engine.languages].join('\n').toLowerCase();
}
function matches(engine, haystack) {
  if (filters.ready && engine.status !== 'ready') return false;
  if (filters.streams && !engine.streams) return false;
  if (filters.open && !engine.open_license) return false;
  if (filters.language && !engine.languages.includes(filters.language) && !engine.languages.includes('*')) return false;
  return filters.words.every((word) => haystack.includes(word));
}
function sift() {
  const shown = { local: 0, cloud: 0, unavailable: 0 };
  rows.forEach((row) => {
    const fits = matches(row.engine, row.haystack);
    row.node.hidden = !fits;
    if (fits) shown[row.engine.status === 'unavailable' ? 'unavailable' : row.engine.where] += 1;
  });
  Object.entries(groups).forEach(([name, group]) => {
    group.section.hidden = shown[name] === 0;
  });
  write(foldedTitle, `Cannot run here (${shown.unavailable})`);
  const total = shown.local + shown.cloud + shown.unavailable;
  nothing.hidden = total > 0 || engines.length === 0;
  fill(shownCount, total === engines.length ? '' : `${total} of ${engines.length} listed`);
  rove();
}
function tally() {
  const ticked = engines.filter((engine) => selected.has(engine.id));
  const skipped = ticked.filter((engine) => engine.blocked).length;
  write(count, `${ticked.length} of ${engines.length}${skipped ? `, ${skipped} skipped` : ''}`);
}
// Selections that were sent and then changed by hand: an answer that still carries one is late and must not undo the newer ticks.
let sent = [];
const LATE_MS = 10000;
function isLate(ids) {
  const oldest = performance.now() - LATE_MS;
  sent = sent.filter((past) => past.at > oldest);
  return sent.some((past) => past.ids === JSON.stringify(ids));
}
function currentIds() {
  return engines.map((engine) => engine.id).filter((id) => selected.has(id));
}
function draw() {
  let state = props.value || {};
  if (isLate(state.selected || [])) {
    state = { ...state, selected: currentIds() };
    props.value = state;
  }
  engines = state.engines || [];
  const ready = new Set(engines.filter((engine) => engine.status === 'ready').map((engine) => engine.id));
  selected = new Set((state.selected || []).filter((id) => ready.has(id)));
  const kept = new Set(engines.map((engine) => engine.id));
  for (const [id, row] of rows) {
    if (kept.has(id)) continue;
    row.node.remove();
    rows.delete(id);
  }
  const places = new Map();
  engines.forEach((engine, place) => {
    if (!rows.has(engine.id)) rows.set(engine.id, newRow(engine.id, `${place}-${Math.random().toString(36).slice(2, 6)}`));
    const row = rows.get(engine.id);
    drawRow(row, engine);
    const body = groups[engine.status === 'unavailable' ? 'unavailable' : engine.where].body;
    const next = places.get(body) || 0;
    if (body.children[next] !== row.node) body.insertBefore(row.node, body.children[next] || null);
    places.set(body, next + 1);
  });
  const known = [...new Set(engines.flatMap((engine) => engine.languages))].filter((code) => code !== '*').sort();
  if (language.dataset.known !== known.join('\n')) {
    language.dataset.known = known.join('\n');
    language.replaceChildren();
    make('option', '', language, 'any language').value = '';
    known.forEach((code) => {
      make('option', '', language, code).value = code;
    });
    if (!known.includes(filters.language)) filters.language = '';
    language.value = filters.language;
  }
  language.hidden = known.length === 0;
  tally();
  sift();
}
function send(event, prepare = '') {
  const before = JSON.stringify((props.value || {}).selected || []);
  const ids = currentIds();
  const now = JSON.stringify(ids);
  sent = sent.filter((past) => past.ids !== now);
  if (before !== now) sent.push({ ids: before, at: performance.now() });
  props.value = { ...props.value, selected: ids, prepare };
  tally();
  if (event === 'prepare') trigger('prepare', { id: prepare });
  else trigger('input');
}

search.addEventListener('input', () => {
  filters.words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  sift();
});
search.addEventListener('keydown', (event) => {
  if (event.key === 'ArrowDown') {
    const first = [...rows.values()].find((row) => row.box.tabIndex === 0);
    if (first) first.box.focus();
    event.preventDefault();
  }
  event.stopPropagation();
});
language.addEventListener('change', () => {
  filters.language = language.value;
  language.classList.toggle('sc-on', filters.language !== '');
  sift();
});
clear.addEventListener('click', () => {
  search.value = '';
  Object.assign(filters, { ready: false, streams: false, open: false, language: '', words: [] });
  language.value = '';
  language.classList.remove('sc-on');
  chips.querySelectorAll('button').forEach((chip) => chip.setAttribute('aria-pressed', 'false'));
  sift();
  search.focus();
});
folded.addEventListener('toggle', () => rove());
tickAll.addEventListener('click', () => {
  rows.forEach((row) => {
    if (row.engine.status === 'ready' && !row.node.hidden) selected.add(row.id);
    row.box.checked = selected.has(row.id);
  });
  send('input');
});
tickNone.addEventListener('click', () => {
  selected.clear();
  rows.forEach((row) => {
    row.box.checked = false;
  });
  send('input');
});
watch('value', draw);
draw();
