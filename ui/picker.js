// The engine picker. Everything that is shown goes through textContent: names and sentences may come from strangers.
const root = element.querySelector('.sc-picker');
const serial = `sc${Math.random().toString(36).slice(2, 10)}`;

let engines = [];
let selected = new Set();
const filters = { ready: false, streams: false, open: false, language: '', words: [] };
const rows = new Map();
const folds = new Map();
const FEW = 4, MANY_READY = 60, FIRST_FAMILIES = 5, LONG = 12;

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
const shownCount = make('p', 'sc-dim', list);
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
const waiting = make('p', 'sc-nothing', list, 'Listing the engines …');
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
  row.box.tabIndex = row.prepare.tabIndex = -1;
  row.prepare.addEventListener('click', () => {
    send('prepare', id);
  });
  node.dataset.id = id;
  return row;
}
// A line that folds others away. The line that is pressed stays where it is on the screen, whatever opens or closes under it.
function foldOf(key, name, said, nodes) {
  if (!folds.has(key)) {
    const node = make('div', 'sc-folding');
    const head = pressable('sc-fold', node);
    const body = make('div', 'sc-folded', node);
    body.id = `${serial}-fold-${folds.size}`;
    body.setAttribute('role', 'group');
    head.tabIndex = -1;
    head.setAttribute('aria-controls', body.id);
    const fold = { node, head, body, open: false, name: make('span', 'sc-fold-name', head), said: make('small', '', head) };
    fold.name.dir = fold.said.dir = 'auto';
    head.addEventListener('click', () => {
      const before = head.getBoundingClientRect().top;
      fold.open = !fold.open;
      unfold(fold);
      list.scrollTop += head.getBoundingClientRect().top - before;
    });
    folds.set(key, fold);
  }
  const fold = folds.get(key);
  write(fold.name, name);
  write(fold.said, said);
  fold.body.setAttribute('aria-label', name);
  arrange(fold.body, nodes);
  return fold.node;
}
// What matches a search is shown flat: its folds stand open, without their lines.
function unfold(fold) {
  const flat = list.classList.contains('sc-flat');
  fold.head.hidden = flat;
  fold.body.hidden = !(flat || fold.open);
  fold.head.setAttribute('aria-expanded', String(fold.open));
}
// "33 variants · 0.04–3.1 GB · prepare"
function saidOf(where, members) {
  const sizes = members.flatMap((engine) => engine.download_gb || []).map((size) => Number(size < 1 ? size.toPrecision(1) : size.toFixed(1)));
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const said = members.length > 1 ? [plural(members.length, where === 'local' ? 'variant' : 'engine')] : [];
  if (sizes.length) said.push(`${least === most ? least : `${least}–${most}`} GB`);
  return [...said, ...new Set(members.map((engine) => engine.lacks || 'ready'))].join(' · ');
}
// One fold per family, the largest first; behind the first few, one more fold holds the rest.
function families(where, kind, members) {
  const found = new Map();
  members.forEach((engine) => {
    const name = engine.family || engine.name;
    found.set(name, [...(found.get(name) || []), engine]);
  });
  const nodes = [...found]
    .sort(([name, one], [other, two]) => two.length - one.length || name.localeCompare(other))
    .map(([name, its]) => foldOf(`${where} ${kind} ${name}`, name, saidOf(where, its), its.map((engine) => rows.get(engine.id).node)));
  if (nodes.length <= FIRST_FAMILIES + 1) return nodes;
  const rest = nodes.splice(FIRST_FAMILIES);
  const name = `${rest.length} more ${where === 'local' ? 'families' : 'vendors'}`;
  const inside = rest.reduce((sum, node) => sum + node.querySelectorAll('.sc-engine').length, 0);
  return [...nodes, foldOf(`${where} ${kind}`, name, plural(inside, 'engine'), rest)];
}
// What is ready or ticked, then what needs something, then what cannot run here.
function settle(where) {
  const mine = engines.filter((engine) => engine.where === where);
  const of = (status) => mine.filter((engine) => engine.status === status);
  const nodes = (some) => some.map((engine) => rows.get(engine.id).node);
  const ready = of('ready'), needs = of('needs'), absent = of('unavailable');
  const many = ready.length > MANY_READY;
  arrange(groups[where].body, [
    ...nodes(many ? ready.filter((engine) => selected.has(engine.id)) : ready),
    ...(many ? families(where, 'ready', ready.filter((engine) => !selected.has(engine.id))) : []),
    ...(needs.length > FEW ? families(where, 'needs', needs) : nodes(needs)),
    ...(absent.length ? [foldOf(`${where} absent`, 'Not available here', plural(absent.length, 'engine'), nodes(absent))] : []),
  ]);
}
// One line of the list is in the tab order, so that Run is one Tab away and not two hundred.
let active = null;
const lines = () => [...list.querySelectorAll('.sc-fold, .sc-engine input')].filter((line) => !line.closest('[hidden]'));
function rove(line) {
  if (active) reach(active, -1);
  active = line || (active && list.contains(active) && !active.closest('[hidden]') ? active : lines()[0]) || null;
  if (active) reach(active, 0);
}
function reach(line, tabIndex) {
  line.tabIndex = tabIndex;
  const row = rows.get(line.closest('.sc-engine')?.dataset.id);
  if (row) row.prepare.tabIndex = tabIndex;
}
list.addEventListener('focusin', ({ target }) => {
  if (target.matches('.sc-fold, .sc-engine input')) rove(target);
});
list.addEventListener('keydown', (event) => {
  if (!event.target.matches('.sc-fold, .sc-engine input')) return;
  const shown = lines();
  const here = shown.indexOf(event.target);
  const goal = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: shown.length - 1 }[event.key];
  if (goal === undefined) return;
  event.preventDefault();
  shown[goal]?.focus();
});
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
  const shown = { local: 0, cloud: 0 };
  rows.forEach((row) => {
    const fits = matches(row.engine, row.haystack);
    row.node.hidden = !fits;
    if (fits) shown[row.engine.where] += 1;
  });
  const { ready, streams, open, language: code, words } = filters;
  list.classList.toggle('sc-flat', Boolean(ready || streams || open || code || words.length));
  folds.forEach(unfold);
  Object.entries(groups).forEach(([name, group]) => {
    group.section.hidden = shown[name] === 0;
  });
  const total = shown.local + shown.cloud;
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
  // Only ticks travel back: each press would otherwise carry the whole list to the server again.
  if (state.engines?.length) {
    engines = state.engines;
    props.value = { ...state, engines: [] };
  }
  waiting.hidden = engines.length > 0;
  chips.hidden = engines.length === 0;
  list.classList.toggle('sc-long', engines.length === 0 || engines.length > LONG);
  const held = root.contains(document.activeElement) ? document.activeElement : null;
  const ready = new Set(engines.filter((engine) => engine.status === 'ready').map((engine) => engine.id));
  selected = new Set((state.selected || []).filter((id) => ready.has(id)));
  const kept = new Set(engines.map((engine) => engine.id));
  for (const [id, row] of rows) {
    if (kept.has(id)) continue;
    row.node.remove();
    rows.delete(id);
  }
  engines.forEach((engine, place) => {
    if (!rows.has(engine.id)) rows.set(engine.id, newRow(engine.id, `${place}-${Math.random().toString(36).slice(2, 6)}`));
    drawRow(rows.get(engine.id), engine);
  });
  settle('local');
  settle('cloud');
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
  if (held && held !== document.activeElement) refocus(held);
}
// A line that moved has lost the focus: it gets it again, in sight of the list, and the page does not move.
function refocus(line) {
  const row = rows.get(line.closest('.sc-engine')?.dataset.id);
  const goal = row && line.closest('[hidden]') ? row.box : line;
  goal.focus({ preventScroll: true });
  const [around, own] = [list.getBoundingClientRect(), goal.getBoundingClientRect()];
  if (own.top < around.top || own.bottom > around.bottom) list.scrollTop += own.top - around.top - around.height / 3;
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
    active?.focus();
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
// Each time it comes into view, not before: a tab that nobody opens costs nothing, and one that is opened again shows what has changed.
let seen = false;
new ResizeObserver(() => {
  const now = root.offsetWidth > 0;
  if (now && !seen) trigger('opened');
  seen = now;
}).observe(root);
