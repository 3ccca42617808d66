// Draws a MatrixState (ui/matrix.py). Everything that is shown goes through textContent: labels and names come from strangers.
const root = element.querySelector('.sc-matrix');
const FEW_ROWS = 12;
const MARKS = { right: '✓ right', missed: '∅ missed', extra: '+ extra' };
const state = { value: null, key: '', all: false, until: null, playing: null, timer: null, nodes: [] };

// ------------------------------------------------------------------ the frame, built once

const part = {};
const head = make('header', 'sc-matrix-head', root);
make('h3', '', head, 'Tags side by side');
part.count = make('span', 'sc-dim', head);
part.agreement = make('p', 'sc-agreement', root);
part.box = make('div', 'sc-matrix-box', root);
part.box.tabIndex = 0;
part.box.setAttribute('role', 'region');
part.box.setAttribute('aria-label', 'Tags by engine; scrolls sideways');
part.table = make('table', '', part.box);
part.more = pressable('sc-link', root, '', () => {
  state.all = !state.all;
  drawTable();
});
part.times = make('div', 'sc-times', root);
part.notes = make('div', 'sc-matrix-notes', root);
const audio = make('audio', '', root);
audio.preload = 'none';

// ------------------------------------------------------------------ the table

function drawTable() {
  const { engines, rows, compared } = state.value;
  part.table.replaceChildren();
  const top = make('tr', '', make('thead', '', part.table));
  make('th', '', top, 'Tag').scope = 'col';
  for (const engine of engines) {
    const cell = make('th', '', top);
    cell.scope = 'col';
    make('bdi', 'sc-engine', cell, engine.name);
    const tally = make('span', 'sc-dim sc-tally', cell);
    const counts = compared ? [`${engine.right} right`, `${engine.missed} missed`, `${engine.extra} extra`] : [plural(engine.found, 'tag')];
    counts.forEach((count) => make('span', '', tally, count));
  }
  const body = make('tbody', '', part.table);
  for (const row of state.all ? rows : rows.slice(0, FEW_ROWS)) {
    const line = make('tr', row.wanted ? 'sc-wanted' : '', body);
    const label = make('th', '', line);
    label.scope = 'row';
    make('bdi', '', label, row.label);
    if (row.wanted) make('span', 'sc-dim', label, 'in the reference');
    row.cells.forEach((cell) => {
      const node = make('td', cell.mark ? `sc-${cell.mark}` : '', line);
      const found = cell.score !== null;
      const top = make('span', 'sc-figure', node);
      make('span', 'sc-number', top, found ? cell.score.toFixed(2) : '–');
      if (cell.mark) make('span', 'sc-mark', top, MARKS[cell.mark]);
      else if (!found) make('span', 'sc-hear', top, 'not found');
      if (!found) return;
      const bar = make('span', 'sc-bar', node);
      make('i', '', bar).style.width = `${100 * Math.min(1, Math.max(0, cell.score))}%`;
    });
  }
  part.more.hidden = rows.length <= FEW_ROWS;
  part.more.textContent = state.all ? 'Show fewer' : `Show all ${rows.length} tags`;
  part.more.setAttribute('aria-expanded', String(state.all));
}

// ------------------------------------------------------------------ when each tag sounds

function tell(text) {
  if (part.told) part.told.textContent = text;
}
function named(lane, segment) {
  return `${segment.label}, ${clock(segment.start_s)} to ${clock(segment.end_s)}, score ${segment.score.toFixed(2)}, ${state.value.engines[lane.engine].name}`;
}
function focusOn(node) {
  if (!node) return;
  state.nodes.flat().forEach((other) => (other.tabIndex = -1));
  node.tabIndex = 0;
  node.focus();
}
function nearest(nodes, second) {
  const far = (node) => Math.abs(Number(node.dataset.start) - second);
  return nodes.reduce((best, node) => (far(node) < far(best) ? node : best));
}
function drawTimes() {
  const { lanes, engines, seconds } = state.value;
  part.times.hidden = lanes.length === 0;
  part.times.replaceChildren();
  state.nodes = [];
  part.told = null;
  if (!lanes.length) return;
  const playable = audio.hasAttribute('src');
  make('h4', '', part.times, 'When each tag sounds');
  const box = make('div', 'sc-lanes', part.times);
  box.setAttribute('role', 'group');
  box.setAttribute('aria-label', `Tags in time; arrow keys move${playable ? ', Enter plays that stretch of the input' : ''}`);
  for (const lane of lanes) {
    const row = make('div', 'sc-lane', box);
    make('bdi', 'sc-lane-name', row, engines[lane.engine].name).title = engines[lane.engine].name;
    const line = make('div', 'sc-lane-line', row);
    line.style.setProperty('--lines', lane.lines);
    const nodes = lane.segments.map((segment) => {
      const node = pressable(`sc-segment sc-tone-${segment.tone % 6}`, line, '', () => {
        focusOn(node);
        play(node, segment, named(lane, segment));
      });
      make('bdi', '', node, segment.label);
      node.style.left = `${(100 * segment.start_s) / seconds}%`;
      node.style.width = `${(100 * (segment.end_s - segment.start_s)) / seconds}%`;
      node.style.top = `${3 + 25 * segment.line}px`;
      node.tabIndex = -1;
      node.dataset.start = segment.start_s;
      node.setAttribute('aria-label', named(lane, segment));
      const show = () => tell(`${named(lane, segment)}.`);
      node.addEventListener('focus', show);
      node.addEventListener('pointerenter', show);
      return node;
    });
    state.nodes.push(nodes);
  }
  state.nodes[0][0].tabIndex = 0;
  box.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const lane = state.nodes.findIndex((nodes) => nodes.includes(event.target));
    if (lane < 0) return;
    const own = state.nodes[lane];
    const at = own.indexOf(event.target);
    const second = Number(event.target.dataset.start);
    const beside = { ArrowDown: state.nodes[lane + 1], ArrowUp: state.nodes[lane - 1] }[event.key];
    const along = { ArrowRight: own[at + 1], ArrowLeft: own[at - 1], Home: own[0], End: own.at(-1) }[event.key];
    if (!['ArrowDown', 'ArrowUp', 'ArrowRight', 'ArrowLeft', 'Home', 'End'].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    focusOn(beside ? nearest(beside, second) : along);
  });
  const axis = make('div', 'sc-axis', part.times);
  axis.setAttribute('aria-hidden', 'true');
  for (let tick = 0; tick <= 4; tick += 1) make('span', '', axis, clock((seconds * tick) / 4));
  part.told = make('p', 'sc-told sc-dim', part.times, playable ? 'Choose a segment to hear that stretch of the input.' : 'Choose a segment to read it; the input cannot be played here.');
  part.told.setAttribute('role', 'status');
}

// ------------------------------------------------------------------ listening

function play(node, segment, text) {
  if (!audio.getAttribute('src')) return tell(`${text}. The input cannot be played here.`);
  if (state.playing === node && !audio.paused) return audio.pause();
  stopped();
  document.querySelectorAll('audio').forEach((other) => {
    if (other !== audio) other.pause();
  });
  document.dispatchEvent(new CustomEvent('soundcheck:play', { detail: audio }));
  Object.assign(state, { until: segment.end_s, playing: node });
  node.classList.add('sc-now');
  audio.currentTime = segment.start_s;
  audio.play().then(follow, (reason) => {
    if (reason.name === 'AbortError') return;
    stopped();
    tell('The input could not be played here.');
  });
  tell(`Playing ${text}.`);
}
function stopped() {
  clearInterval(state.timer);
  state.timer = null;
  state.playing?.classList.remove('sc-now');
  state.playing = null;
  part.times.classList.remove('sc-sounding');
}
function follow() {
  if (state.timer !== null) return;
  part.times.classList.add('sc-sounding');
  state.timer = setInterval(() => {
    if (audio.paused || !element.isConnected || audio.currentTime >= state.until) {
      audio.pause();
      return stopped();
    }
    part.times.style.setProperty('--at', `${(100 * Math.min(1, audio.currentTime / state.value.seconds)).toFixed(2)}%`);
  }, 30);
}
audio.addEventListener('error', () => audio.getAttribute('src') && tell('The input could not be loaded; it may have expired. Run again.'));
function otherPlays(event) {
  if (!element.isConnected) {
    document.removeEventListener('play', otherPlays, true);
    document.removeEventListener('soundcheck:play', otherPlays);
    audio.pause();
  } else if ((event.detail || event.target) !== audio && !audio.paused) audio.pause();
}
document.addEventListener('play', otherPlays, true);
document.addEventListener('soundcheck:play', otherPlays);

// ------------------------------------------------------------------ all of it

function draw() {
  const value = { engines: [], rows: [], lanes: [], notes: [], agreement: null, compared: false, seconds: 0.1, ...(props.value || {}) };
  const key = JSON.stringify(value);
  root.hidden = !value.engines.length;
  if (key === state.key) return;
  audio.pause();
  stopped();
  Object.assign(state, { value, key, all: false });
  const address = webAddress(value.sound?.url || '');
  if (!address || !value.sound) audio.removeAttribute('src');
  else if (audio.getAttribute('src') !== address) audio.src = address;
  part.count.textContent = `${plural(value.rows.length, 'tag')} · ${plural(value.engines.length, 'engine')}`;
  part.agreement.replaceChildren();
  if (value.agreement === null) make('b', '', part.agreement, 'Agreement needs two engines with tags. ');
  else {
    make('b', '', part.agreement, `${(100 * value.agreement).toFixed(1)} % agreement`);
    make('span', '', part.agreement, ' between the engines: the labels that two share over all labels of both, mean over pairs. ');
  }
  make('span', 'sc-dim', part.agreement, 'Every engine scores on its own scale: compare scores down a column, not along a row.');
  drawTable();
  drawTimes();
  part.notes.hidden = value.notes.length === 0;
  part.notes.replaceChildren(...value.notes.map((note) => make('p', 'sc-dim', null, note)));
}
watch('value', draw);
draw();
