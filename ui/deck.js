// The listening deck. Names, figures and notes come from strangers: everything that is shown goes through textContent.
const root = element.querySelector('.sc-deck');
const { within, newKnob, turn, startAll, stopAll, dip, firstSeam, wholeFrames, soon: soonest } = window.soundcheck.sound({});
const spectrogram = window.soundcheck.spectrogram({});
const SHORTEST_LOOP_S = 0.05;
const SEAMS_AHEAD_S = 5;
const MOST_BYTES = 1.5e9; // of decoded sound
const LOADS_AT_ONCE = 3;

function clock(seconds, digits = 2) {
  const steps = 10 ** digits;
  const whole = Math.floor(Math.max(0, seconds || 0) * steps + 1e-6) / steps;
  const minutes = Math.floor(whole / 60);
  return `${minutes}:${(whole - 60 * minutes).toFixed(digits).padStart(digits + 3, '0')}`;
}
function decibels(value) {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)} dB`;
}
// ---------------------------------------------------------------- state of this deck

const rows = new Map();
const deck = {
  state: { mode: 'switch', tracks: [], target_lufs: null, note: '', comparison: '' },
  current: '',
  group: '',
  order: [],
  solo: new Set(),
  mute: new Set(),
  muteKnown: new Set(),
  matched: true,
  blind: 'off', // or 'hidden', or 'shown' once the names were asked for
  letters: new Map(),
  spectrogram: false,
  loop: null,
  rest_s: 0,
  wanted: false,
  playing: false,
};
const ear = { context: null, volume: null, seam: null, analyser: null, meter: null, voices: [], at: 0, from_s: 0, nextSeam: null, timer: null };
const mixing = () => deck.state.mode === 'mix';
const shownRows = () => deck.order.map((key) => rows.get(key)).filter(Boolean);
const engineRows = () => shownRows().filter((row) => row.track.role !== 'input');
const inputRow = () => shownRows().find((row) => row.track.role === 'input');
const slot = (row) => `${row.track.role}/${row.track.name}`;
const length_s = () => Math.max(0.01, ...shownRows().map((row) => (row.buffer ? row.buffer.duration : row.track.seconds)));
const hiding = () => deck.blind === 'hidden';

function positionAt(time) {
  if (!deck.playing) return deck.rest_s;
  const gone = ear.from_s + Math.max(0, time - ear.at);
  const loop = ear.loop;
  if (!loop || gone < loop.end) return Math.min(gone, length_s());
  return loop.start + ((gone - loop.start) % (loop.end - loop.start));
}
const position = () => positionAt(ear.context ? ear.context.currentTime : 0);
const soon = () => soonest(ear.context);

function audible(row) {
  if (!mixing()) return row.track.key === deck.current;
  const soloed = shownRows().some((other) => deck.solo.has(slot(other)));
  return soloed ? deck.solo.has(slot(row)) : !deck.mute.has(slot(row));
}
function gainOf(row) {
  if (!audible(row)) return 0;
  return deck.matched && row.track.gain_db !== null ? 10 ** (row.track.gain_db / 20) : 1;
}
function setLevels() {
  if (ear.context) {
    const at = soon();
    shownRows().forEach((row) => row.level && row.level.to !== gainOf(row) && turn(row.level, gainOf(row), at));
  }
  drawRows();
}

function openEar() {
  if (ear.context) return;
  ear.context = new AudioContext();
  ear.volume = newKnob(ear.context, loudness());
  ear.seam = new GainNode(ear.context);
  ear.analyser = new AnalyserNode(ear.context, { fftSize: 32768 });
  ear.meter = new AnalyserNode(ear.context, { fftSize: recent.length });
  ear.seam.connect(ear.volume.node).connect(ear.analyser).connect(ear.context.destination);
  ear.volume.node.connect(ear.meter);
}
// Fades in what is loaded, from one place at one time, while what sounded so far fades out: at an unchanged place nobody hears it.
function launch(from_s) {
  const at = soon();
  const before = ear.voices;
  const from = from_s === undefined ? positionAt(at) : from_s;
  const loop = deck.loop && { ...deck.loop };
  const inside = loop && from >= loop.end - 0.001 ? loop.start : from;
  stopAll(before, at);
  ear.seam.gain.cancelScheduledValues(at);
  ear.seam.gain.setValueAtTime(1, at);
  const ready = shownRows().filter((row) => row.buffer);
  for (const row of ready) {
    if (!row.level) {
      row.level = newKnob(ear.context, gainOf(row));
      row.level.node.connect(ear.seam);
    } else if (row.level.to !== gainOf(row)) turn(row.level, gainOf(row), at);
  }
  const start = wholeFrames(ear.context, within(inside, 0, length_s()));
  ear.voices = startAll(ear.context, ready.map((row) => [row, row.level]), at, start, loop);
  Object.assign(ear, { at, from_s: start, loop, nextSeam: loop ? firstSeam(at, start, loop) : null });
  deck.playing = true;
  keepSeams();
  clearInterval(ear.timer);
  ear.timer = setInterval(tick, 1000);
  requestAnimationFrame(frame);
}
function keepSeams() {
  const loop = ear.loop;
  while (loop && ear.nextSeam < ear.context.currentTime + SEAMS_AHEAD_S) {
    dip(ear.seam.gain, ear.nextSeam);
    ear.nextSeam += loop.end - loop.start;
  }
}
function pause(at_s) {
  deck.rest_s = at_s === undefined ? within(position(), 0, length_s()) : at_s;
  deck.wanted = false;
  if (deck.playing) stopAll(ear.voices, soon());
  ear.voices = [];
  deck.playing = false;
  clearInterval(ear.timer);
  drawTransport();
  paint();
}
async function play() {
  openEar();
  if (ear.context.state === 'suspended') ear.context.resume();
  document.querySelectorAll('audio').forEach((audio) => audio.pause());
  document.dispatchEvent(new CustomEvent('soundcheck:play', { detail: root }));
  deck.wanted = true;
  shownRows().filter((row) => row.again).forEach((row) => Object.assign(row, { trouble: '', again: false }));
  if (deck.rest_s >= length_s() - 0.01) deck.rest_s = deck.loop ? deck.loop.start : 0;
  drawTransport();
  await loadShown();
}
const toggle = () => (deck.wanted ? pause() : play());
function seek(seconds) {
  const to = within(seconds, 0, length_s());
  if (deck.playing) launch(Math.min(to, length_s() - 0.005));
  else deck.rest_s = to;
  paint();
}
function tick() {
  if (!element.isConnected) return close();
  if (!deck.playing) return;
  keepSeams();
  if (!ear.loop && position() >= length_s()) pause(length_s());
}
function frame() {
  if (!deck.playing) return;
  tick();
  paint();
  if (deck.playing) requestAnimationFrame(frame);
}

// ---------------------------------------------------------------- loading: nothing before the first play

const LOST = 'This sound could not be loaded; it may have expired. Run again.';
async function fetchBytes(row) {
  const response = await fetch(row.address);
  if (!response.ok) throw new Error('fetch');
  const whole = Number(response.headers.get('content-length')) || 0;
  const parts = [];
  let arrived = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    arrived += part.value.length;
    row.loaded = whole ? Math.min(0.99, arrived / whole) : 0;
    drawRow(row);
  }
  return new Blob(parts).arrayBuffer();
}
const bytesOf = (row) => (row.buffer ? row.buffer.length * row.buffer.numberOfChannels * 4 : row.track.seconds * ear.context.sampleRate * 8);
// Sounds of other engines are let go first; they come back when their engine is chosen again.
function makeRoom(row) {
  const held = () => [...rows.values()].filter((other) => other.buffer || other.loading).reduce((sum, other) => sum + bytesOf(other), 0);
  for (const other of rows.values()) {
    if (held() + bytesOf(row) <= MOST_BYTES) return true;
    if (!shownRows().includes(other)) forget(other);
  }
  return held() + bytesOf(row) <= MOST_BYTES;
}
function forget(row) {
  row.buffer = row.longer = row.bands = null;
}
async function load(row) {
  if (row.buffer || row.loading || row.trouble) return;
  if (!makeRoom(row)) {
    row.trouble = 'Too long to hold beside the others; download it instead.';
    return drawRow(row);
  }
  const { address } = row;
  row.loading = true;
  row.loaded = 0;
  drawRow(row);
  let trouble = LOST;
  try {
    const bytes = await fetchBytes(row);
    trouble = 'This sound could not be decoded here; download it instead.';
    const buffer = await ear.context.decodeAudioData(bytes);
    if (row.address === address) row.buffer = buffer;
  } catch {
    if (row.address === address) Object.assign(row, { trouble, again: trouble === LOST });
  }
  row.loading = false;
  if (rows.get(row.track.key) !== row) return;
  drawRow(row);
  arrived();
}
// Called whenever a sound is ready: starts as soon as everything that is to be heard is there; later ones join in step.
function arrived() {
  drawTransport();
  if (deck.spectrogram) drawSpectrograms();
  if (!deck.wanted) return;
  const heard = shownRows().filter(audible);
  const waiting = heard.some((row) => !row.buffer && !row.trouble);
  const any = shownRows().some((row) => row.buffer);
  if (deck.playing) launch();
  else if (!waiting && any) {
    launch(deck.rest_s);
    drawTransport();
  } else if (!any && shownRows().every((row) => row.trouble)) pause();
}
async function loadShown() {
  const queue = shownRows().filter((row) => !row.buffer && !row.trouble && !row.loading);
  queue.sort((left, right) => Number(audible(right)) - Number(audible(left)));
  if (!queue.length) return arrived();
  const worker = async () => {
    while (queue.length) await load(queue.shift());
  };
  await Promise.all(Array.from({ length: LOADS_AT_ONCE }, worker));
}

// ---------------------------------------------------------------- choices of the person

function say(text) {
  write(live, text);
}
function select(key) {
  const row = rows.get(key);
  if (!row || !shownRows().includes(row)) return;
  deck.current = key;
  setLevels();
  if (deck.wanted && !row.buffer) load(row);
  say(`${nameOf(row)}${row.trouble ? `. ${row.trouble}` : ''}`);
}
function flip(set, row) {
  if (set.has(slot(row))) set.delete(slot(row));
  else set.add(slot(row));
  setLevels();
  say(deck.solo.size ? `Heard alone: ${shownRows().filter(audible).map(nameOf).join(', ') || 'nothing'}` : `${nameOf(row)} ${audible(row) ? 'sounds' : 'is muted'}`);
}
function alone(row) {
  const only = deck.solo.size === 1 && deck.solo.has(slot(row));
  deck.solo.clear();
  if (!only) deck.solo.add(slot(row));
  setLevels();
  say(only ? 'All together' : `${nameOf(row)} alone`);
}
const choose = (row) => (mixing() ? alone(row) : select(row.track.key));
function setLoop(loop) {
  const longest = length_s();
  if (loop) {
    const start = within(loop.start, 0, longest - SHORTEST_LOOP_S);
    deck.loop = { start, end: within(loop.end, start + SHORTEST_LOOP_S, longest) };
  } else deck.loop = null;
  if (deck.playing) launch();
  drawTransport();
  paint();
}
function shuffle(list) {
  const mixed = [...list];
  for (let place = mixed.length - 1; place > 0; place -= 1) {
    const other = Math.floor((crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32) * (place + 1));
    [mixed[place], mixed[other]] = [mixed[other], mixed[place]];
  }
  return mixed;
}
const letter = (place) => (place < 26 ? String.fromCharCode(65 + place) : `${letter(Math.floor(place / 26) - 1)}${letter(place % 26)}`);
// What is hidden: engines. In a mix these are the groups; the stems keep their names.
const hideable = () => (mixing() ? groupKeys() : deck.state.tracks.filter((track) => track.role !== 'input').map((track) => track.key));
function setBlind(blind) {
  if (blind === 'hidden') {
    const mixed = shuffle(hideable());
    deck.letters = new Map(mixed.map((key, place) => [key, letter(place)]));
  } else if (blind === 'off') deck.letters = new Map();
  const turned = deck.blind !== blind && blind !== 'shown';
  deck.blind = blind;
  if (turned && mixing()) setGroup(byLetter(groupKeys())[0] || '');
  else {
    reorder();
    if (turned && blind === 'hidden' && engineRows().length) deck.current = engineRows()[0].track.key;
    setLevels();
    drawAll();
  }
  say({ hidden: 'Names are hidden', shown: 'Names are shown', off: 'Blind listening is off' }[blind]);
}
function byLetter(keys) {
  if (!deck.letters.size) return keys;
  return [...keys].sort((left, right) => [...deck.letters.keys()].indexOf(left) - [...deck.letters.keys()].indexOf(right));
}
function nameOf(row) {
  const called = deck.letters.get(row.track.key);
  if (!called || mixing()) return row.track.name;
  return hiding() ? called : `${called} · ${row.track.name}`;
}
const groupKeys = () => [...new Set(deck.state.tracks.map((track) => track.group).filter(Boolean))];
function groupName(key) {
  const called = deck.letters.get(key);
  const track = deck.state.tracks.find((each) => each.group === key);
  const name = (track && track.group_name) || key;
  if (!called) return name;
  return hiding() ? called : `${called} · ${name}`;
}
function setGroup(key) {
  const leaving = shownRows();
  deck.group = key;
  reorder();
  if (deck.playing && shownRows().filter(audible).every((row) => row.buffer || row.trouble)) launch();
  else if (deck.playing) {
    const at_s = position();
    pause(at_s);
    deck.wanted = true;
  }
  leaving.filter((row) => !shownRows().includes(row)).forEach((row) => { row.level = null; });
  drawAll();
  if (deck.wanted) loadShown();
  say(`Stems of ${groupName(key)}`);
}
function reorder() {
  const tracks = deck.state.tracks.filter((track) => !track.group || track.group === deck.group);
  const inputs = tracks.filter((track) => track.role === 'input').map((track) => track.key);
  const others = tracks.filter((track) => track.role !== 'input').map((track) => track.key);
  deck.order = [...inputs, ...(mixing() ? others : byLetter(others))];
}

// ---------------------------------------------------------------- the page

const transport = make('div', 'sc-transport', root);
const playButton = make('button', 'sc-play', transport);
const time = make('div', 'sc-time', transport);
const timeNow = make('b', '', time);
const timeAll = make('span', '', time);
mark(time, 'role', 'slider');
mark(time, 'tabindex', '0');
mark(time, 'aria-label', 'Position');
mark(time, 'aria-valuemin', '0');
function newSwitch(text, turned) {
  const node = make('button', 'sc-switch', transport);
  mark(node, 'role', 'switch');
  make('i', '', node);
  const label = make('span', '', node, text);
  node.addEventListener('click', turned);
  return { node, label };
}
const match = newSwitch('same loudness', () => {
  deck.matched = !deck.matched;
  setLevels();
  drawTransport();
});
const blind = newSwitch('blind', () => setBlind(deck.blind === 'off' ? 'hidden' : 'off'));
const spectral = newSwitch('spectrogram', () => {
  deck.spectrogram = !deck.spectrogram;
  drawAll();
});
const volumeBox = make('label', 'sc-volume', transport);
make('span', '', volumeBox, 'volume');
const volume = make('input', '', volumeBox);
Object.assign(volume, { type: 'range', min: '0', max: '100', step: '1' });
// A line that is always there: nothing moves under the hand when a loop begins or ends.
const second = make('div', 'sc-second', root);
const loopChip = make('button', 'sc-chip sc-loop-chip', second);
const reveal = make('button', 'sc-chip', second, 'show names');
const test = make('button', 'sc-chip', second, 'make a blind A/B test');
const loud = make('span', 'sc-clipping', second, 'clipping: turn the volume down');
const hints = make('span', 'sc-hints', second);
const keysHint = make('span', 'sc-keys', hints);
const progress = make('span', '', hints);
const live = make('p', 'sc-hear', root);
mark(live, 'role', 'status');
mark(live, 'aria-live', 'polite');
const note = make('p', 'sc-deck-note', root);
const groups = make('div', 'sc-groups', root);
mark(groups, 'role', 'radiogroup');
mark(groups, 'aria-label', 'Whose stems');
const list = make('div', 'sc-rows', root);

// One volume for every deck of the page; the browser remembers it where it may.
if (window.soundcheckVolume === undefined) window.soundcheckVolume = rememberedVolume();
function rememberedVolume() {
  try {
    const kept = localStorage.getItem('soundcheck-volume');
    return /^\d{1,3}$/.test(kept) ? within(Number(kept), 0, 100) : 100;
  } catch {
    return 100;
  }
}
const loudness = () => window.soundcheckVolume ** 2 / 10000;
volume.addEventListener('input', () => {
  window.soundcheckVolume = within(Number(volume.value), 0, 100);
  document.dispatchEvent(new CustomEvent('soundcheck:volume'));
});
volume.addEventListener('change', () => {
  try {
    localStorage.setItem('soundcheck-volume', String(window.soundcheckVolume));
  } catch {
    // without storage the volume lasts as long as the page
  }
});
function volumeChanged() {
  volume.value = String(window.soundcheckVolume);
  if (ear.context) turn(ear.volume, loudness(), soon());
}
playButton.addEventListener('click', toggle);
reveal.addEventListener('click', () => {
  setBlind('shown');
  blind.node.focus();
});
test.addEventListener('click', () => {
  pause();
  window.soundcheckBlindTest = deck.state.comparison;
  trigger('test', {});
  document.dispatchEvent(new CustomEvent('soundcheck:blind-test'));
});
loopChip.addEventListener('click', () => {
  setLoop(null);
  playButton.focus();
});

const resized = new ResizeObserver((entries) => entries.forEach((entry) => entry.target.scResized()));
function newRow(track) {
  const node = make('div', 'sc-row');
  const row = { node, track, address: '', buffer: null, longer: null, bands: null, level: null, loading: false, loaded: 0, trouble: '', again: false, seen: '' };
  row.key = make('button', 'sc-key', node);
  row.who = make('div', 'sc-who', node);
  row.name = make('b', '', row.who);
  mark(row.name, 'dir', 'auto');
  const about = make('div', 'sc-about', row.who);
  row.where = make('span', 'sc-tag', about);
  row.gain = make('span', 'sc-gain', about);
  row.said = make('span', 'sc-said', row.who);
  row.lane = make('div', 'sc-lane', node);
  mark(row.lane, 'aria-hidden', 'true');
  const svg = document.createElementNS(SVG, 'svg');
  mark(svg, 'preserveAspectRatio', 'none');
  row.svg = svg;
  row.bars = ['sc-bars', 'sc-bars sc-played'].map((name) => {
    const path = document.createElementNS(SVG, 'path');
    mark(path, 'class', name);
    svg.append(path);
    return path;
  });
  row.lane.append(svg);
  row.canvas = make('canvas', '', row.lane);
  row.wait = make('span', 'sc-wait', row.lane);
  make('i', 'sc-region', row.lane);
  make('i', 'sc-head', row.lane);
  row.lane.scResized = () => drawLane(row);
  resized.observe(row.lane);
  const side = make('div', 'sc-side', node);
  row.figures = make('dl', 'sc-figures', side);
  const tools = make('div', 'sc-tools', side);
  row.muteButton = make('button', 'sc-tool', tools, 'M');
  row.soloButton = make('button', 'sc-tool', tools, 'S');
  row.download = make('a', 'sc-tool sc-download', tools, '↓');
  row.key.addEventListener('click', () => choose(row));
  row.who.addEventListener('click', () => choose(row));
  row.muteButton.addEventListener('click', () => flip(deck.mute, row));
  row.soloButton.addEventListener('click', () => flip(deck.solo, row));
  dragging(row);
  return row;
}
// A press seeks, a drag marks the loop, a drag at an edge moves the edge. Edges snap to the ends, the playhead and 10 ms.
function dragging(row) {
  const { lane } = row;
  let from = null;
  const at = (event) => {
    const box = lane.getBoundingClientRect();
    return within(((event.clientX - box.left) / box.width) * length_s(), 0, length_s());
  };
  const perPixel = () => length_s() / Math.max(1, lane.clientWidth);
  const snap = (seconds) => {
    const near = 6 * perPixel();
    const fixed = [0, length_s(), ...(deck.playing ? [] : [deck.rest_s])].find((each) => Math.abs(each - seconds) < near);
    return fixed === undefined ? Math.round(seconds * 100) / 100 : fixed;
  };
  const edgeAt = (event) => {
    if (!deck.loop) return null;
    const reach = (event.pointerType === 'touch' ? 16 : 6) * perPixel();
    return ['start', 'end'].find((edge) => Math.abs(deck.loop[edge] - at(event)) < reach) || null;
  };
  lane.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    const edge = edgeAt(event);
    from = { x: event.clientX, anchor: edge ? deck.loop[edge === 'start' ? 'end' : 'start'] : at(event), edge, moved: false };
    lane.setPointerCapture(event.pointerId);
  });
  lane.addEventListener('pointermove', (event) => {
    if (!from) return lane.classList.toggle('sc-at-edge', edgeAt(event) !== null);
    if (!from.moved && Math.abs(event.clientX - from.x) < 5) return;
    from.moved = true;
    const ends = [from.edge ? from.anchor : snap(from.anchor), snap(at(event))].sort((left, right) => left - right);
    from.region = { start: ends[0], end: ends[1] };
    drawRegion(from.region);
  });
  lane.addEventListener('pointerup', (event) => {
    if (from && from.moved) setLoop(from.region);
    else if (from) {
      if (!mixing()) select(row.track.key);
      seek(at(event));
    }
    from = null;
  });
  lane.addEventListener('pointercancel', () => {
    from = null;
    paint();
  });
}

function drawTransport() {
  const loading = shownRows().filter((row) => row.loading).length;
  const busy = deck.wanted && !deck.playing;
  playButton.classList.toggle('sc-on', deck.wanted);
  playButton.classList.toggle('sc-busy', busy);
  mark(playButton, 'aria-label', deck.wanted ? 'Pause' : 'Play');
  mark(playButton, 'aria-busy', String(busy));
  const loop = deck.loop;
  show(loopChip, loop !== null);
  if (loop) {
    write(loopChip, `loop ${loop.start.toFixed(2)}–${loop.end.toFixed(2)} s ×`);
    mark(loopChip, 'aria-label', `Clear the loop from ${loop.start.toFixed(2)} to ${loop.end.toFixed(2)} seconds`);
  }
  const target = deck.state.target_lufs;
  show(match.node, !mixing() && target !== null && target !== undefined);
  write(match.label, target === null || target === undefined ? '' : `same loudness, ${target.toFixed(1).replace('-', '−').replace('.0', '')} LUFS`);
  mark(match.node, 'aria-checked', String(deck.matched));
  show(blind.node, hideable().length > 1);
  mark(blind.node, 'aria-checked', String(deck.blind !== 'off'));
  show(reveal, hiding());
  show(test, Boolean(deck.state.comparison));
  mark(spectral.node, 'aria-checked', String(deck.spectrogram));
  const ready = shownRows().filter((row) => row.buffer).length;
  const parts = mixing() ? ['1–9 one alone'] : ['1–9 switch'];
  if (inputRow()) parts.push('0 input');
  parts.push('space plays', mixing() ? 'm mutes, s solos' : '← → 1 s', '[ ] loops', '');
  show(keysHint, !(busy && loading));
  write(keysHint, parts.join(' · '));
  write(progress, busy && loading ? `loading, ${ready} of ${shownRows().length} ready` : 'drag over a sound to loop');
}
function drawRegion(loop) {
  const share = (seconds) => `${((100 * seconds) / length_s()).toFixed(3)}%`;
  root.classList.toggle('sc-looping', loop !== null);
  if (!loop) return;
  list.style.setProperty('--loop-start', share(loop.start));
  list.style.setProperty('--loop-length', share(loop.end - loop.start));
}
const recent = new Float32Array(2048);
let clippedAt = -Infinity;
function paint() {
  const context = ear.context;
  const now = context ? positionAt(context.currentTime - (context.outputLatency || 0)) : deck.rest_s;
  const all = length_s();
  list.style.setProperty('--head', `${((100 * now) / all).toFixed(3)}%`);
  write(timeNow, clock(now));
  write(timeAll, ` / ${clock(all)}`);
  mark(time, 'aria-valuemax', all.toFixed(2));
  mark(time, 'aria-valuenow', now.toFixed(2));
  mark(time, 'aria-valuetext', `${now.toFixed(1)} of ${all.toFixed(1)} seconds`);
  drawRegion(deck.loop);
  if (deck.playing) {
    ear.meter.getFloatTimeDomainData(recent);
    if (recent.some((sample) => Math.abs(sample) > 1)) clippedAt = performance.now();
  }
  show(loud, performance.now() - clippedAt < 2000);
}
function drawRow(row) {
  const { track } = row;
  const place = engineRows().indexOf(row);
  const number = track.role === 'input' ? '0' : place >= 0 && place < 9 ? String(place + 1) : '';
  const heard = audible(row);
  const named = nameOf(row);
  const secret = hiding() && track.role !== 'input';
  const about = secret || mixing() ? '' : track.where;
  row.node.className = `sc-row sc-${secret ? 'blind' : track.where || 'given'} sc-role-${track.role}${heard ? ' sc-heard' : ''}`;
  mark(row.node, 'data-key', secret ? '' : track.key);
  write(row.key, number || '·');
  mark(row.key, 'aria-label', `${number ? `${number}: ` : ''}${named}${about ? `, ${about}` : ''}${mixing() ? ', alone' : ''}`);
  mark(row.key, 'role', mixing() ? '' : 'radio');
  mark(row.key, 'aria-checked', mixing() ? '' : String(heard));
  mark(row.key, 'aria-pressed', mixing() ? String(deck.solo.size === 1 && deck.solo.has(slot(row))) : '');
  row.key.tabIndex = mixing() || track.key === deck.current ? 0 : -1;
  write(row.name, named);
  show(row.where, about !== '');
  write(row.where, about);
  row.where.className = `sc-tag sc-tone-${about}`;
  const known = track.gain_db !== null && track.gain_db !== undefined;
  const unmatched = deck.matched && deck.state.target_lufs !== null && !known;
  const gain = secret || mixing() ? '' : deck.matched && known ? `gain ${decibels(track.gain_db)}` : unmatched ? 'loudness unknown, as it is' : '';
  write(row.gain, gain);
  write(row.said, row.trouble || (row.loading ? (row.loaded >= 0.99 ? 'decoding' : `loading ${Math.round(100 * row.loaded)} %`) : ''));
  row.said.classList.toggle('sc-bad', row.trouble !== '');
  const figures = secret && !mixing() ? [] : track.measures;
  const seen = JSON.stringify(figures);
  if (row.seen !== seen) {
    row.seen = seen;
    row.figures.replaceChildren(
      ...figures.map((figure) => {
        const cell = make('div', '');
        make('dt', '', cell, figure.label);
        make('dd', '', cell, figure.value);
        mark(cell, 'title', figure.title);
        return cell;
      }),
    );
  }
  for (const [button, set, word] of [[row.muteButton, deck.mute, 'Mute'], [row.soloButton, deck.solo, 'Solo']]) {
    show(button, mixing());
    mark(button, 'aria-pressed', String(set.has(slot(row))));
    mark(button, 'aria-label', `${word} ${named}`);
    mark(button, 'title', `${word} (${word[0].toLowerCase()})`);
  }
  // An address holds the engine's name, so in blind listening there is none to hover over.
  show(row.download, row.address !== '' && !secret);
  mark(row.download, 'href', secret ? '' : row.address);
  mark(row.download, 'download', secret ? '' : track.file.orig_name || track.name);
  mark(row.download, 'aria-label', secret ? '' : `Download ${named}`);
  mark(row.download, 'title', 'Download the original');
}
function drawRows() {
  shownRows().forEach(drawRow);
}
function drawLane(row) {
  show(row.canvas, deck.spectrogram && row.bands !== null);
  mark(row.svg, 'class', deck.spectrogram ? 'sc-away' : '');
  show(row.wait, deck.spectrogram && row.bands === null);
  write(row.wait, row.buffer ? 'computing' : 'press play: the sound is needed for its spectrogram');
  row.lane.style.setProperty('--share', `${within((100 * row.track.seconds) / length_s(), 0, 100).toFixed(2)}%`);
  if (deck.spectrogram) return paintSpectrogram(row);
  // One bar per 4 pixels, on the time scale that all rows share: each shows the loudest of the peaks that fall into it.
  const peaks = row.track.peaks.length ? row.track.peaks : [0];
  const slots = Math.max(1, Math.floor((row.lane.clientWidth || 360) / 4));
  const bars = within(Math.round((slots * row.track.seconds) / length_s()), 1, slots);
  mark(row.svg, 'viewBox', `0 0 ${slots} 100`);
  let shape = '';
  for (let bar = 0; bar < bars; bar += 1) {
    const first = Math.floor((bar * peaks.length) / bars);
    const loudest = Math.max(...peaks.slice(first, Math.max(first + 1, Math.floor(((bar + 1) * peaks.length) / bars))));
    const half = Math.max(2, 50 * within(loudest, 0, 1));
    shape += `M${bar + 0.2} ${(50 - half).toFixed(1)}h.6v${(2 * half).toFixed(1)}h-.6z`;
  }
  row.bars.forEach((path) => mark(path, 'd', shape));
}
function drawGroups() {
  const keys = mixing() ? byLetter(groupKeys()) : [];
  show(groups, keys.length > 0);
  const old = document.activeElement && groups.contains(document.activeElement);
  groups.replaceChildren(
    ...keys.map((key) => {
      const button = make('button', 'sc-chip', null, groupName(key));
      const on = key === deck.group;
      mark(button, 'role', 'radio');
      mark(button, 'aria-checked', String(on));
      mark(button, 'dir', 'auto');
      button.tabIndex = on ? 0 : -1;
      button.addEventListener('click', () => key !== deck.group && setGroup(key));
      return button;
    }),
  );
  if (old) groups.querySelector('[aria-checked="true"]')?.focus();
}
function drawAll() {
  const any = deck.state.tracks.length > 0;
  show(root, any);
  write(note, deck.state.note || '');
  show(note, Boolean(deck.state.note));
  mark(list, 'role', mixing() ? 'group' : 'radiogroup');
  mark(list, 'aria-label', mixing() ? 'Stems' : 'What is heard');
  root.classList.toggle('sc-mix', mixing());
  list.style.setProperty('--figures', String(Math.max(0, ...deck.state.tracks.map((track) => Math.min(3, track.measures.length)))));
  arrange(list, shownRows().map((row) => row.node));
  drawGroups();
  drawRows();
  shownRows().forEach(drawLane);
  drawTransport();
  paint();
  if (deck.spectrogram) drawSpectrograms();
}
function draw() {
  const state = { mode: 'switch', tracks: [], target_lufs: null, note: '', comparison: '', ...(props.value || {}) };
  const fresh = state.tracks.some((track) => !rows.has(track.key) || rows.get(track.key).address !== webAddress(track.file.url || ''));
  const gone = [...rows.keys()].some((key) => !state.tracks.some((track) => track.key === key));
  if (fresh || gone || state.mode !== deck.state.mode) {
    pause(0);
    Object.assign(deck, { loop: null, blind: 'off', letters: new Map(), current: '' });
    deck.solo.clear();
    deck.mute.clear();
    deck.muteKnown.clear();
  }
  deck.state = state;
  for (const track of state.tracks) {
    if (!rows.has(track.key)) rows.set(track.key, newRow(track));
    const row = rows.get(track.key);
    const address = webAddress(track.file.url || '');
    row.track = track;
    if (row.address !== address) {
      forget(row);
      Object.assign(row, { address, trouble: address ? '' : 'This sound has no address; run again.' });
    }
    if (!deck.muteKnown.has(slot(row))) {
      deck.muteKnown.add(slot(row));
      if (track.muted) deck.mute.add(slot(row));
    }
  }
  for (const [key, row] of rows) {
    if (state.tracks.some((track) => track.key === key)) continue;
    resized.unobserve(row.lane);
    row.node.remove();
    rows.delete(key);
  }
  if (!groupKeys().includes(deck.group)) deck.group = groupKeys()[0] || '';
  reorder();
  if (!shownRows().some((row) => row.track.key === deck.current)) deck.current = (engineRows()[0] || inputRow() || { track: { key: '' } }).track.key;
  drawAll();
}

// ---------------------------------------------------------------- spectrogram

const nextUnseen = () => shownRows().find((row) => row.buffer && !row.bands);
let analysing = false;
async function drawSpectrograms() {
  if (analysing) return;
  analysing = true;
  for (let row = nextUnseen(); row && deck.spectrogram && element.isConnected; row = nextUnseen()) {
    const { buffer } = row;
    const bands = await spectrogram.bandsOf(buffer, () => row.buffer === buffer);
    if (row.buffer !== buffer) continue;
    row.bands = bands;
    drawLane(row);
  }
  analysing = false;
}
function colour(name) {
  const probe = make('i', '', root);
  probe.style.color = `var(${name})`;
  const parts = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  probe.remove();
  return parts;
}
function paintSpectrogram(row) {
  if (!row.bands) return;
  const middle = row.track.where === 'cloud' && !hiding() ? '--cloud' : '--accent';
  spectrogram.paintBands(row.canvas, row.bands, ['--card', middle, '--ink'].map(colour));
}
const recoloured = new MutationObserver(() => deck.spectrogram && shownRows().forEach(paintSpectrogram));
recoloured.observe(document.body, { attributes: true, attributeFilter: ['class'] });

// ---------------------------------------------------------------- keys, other players, the end

function steps(event, keys) {
  const by = { ArrowRight: 1, ArrowLeft: -1, PageUp: 5, PageDown: -5, ...keys }[event.key];
  if (by !== undefined) seek(position() + by);
  else if (event.key === 'Home') seek(0);
  else if (event.key === 'End') seek(length_s());
  else return false;
  return true;
}
time.addEventListener('keydown', (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (steps(event, { ArrowUp: 1, ArrowDown: -1 })) event.preventDefault();
});
function move(event, nodes, chosen, choosing) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  const place = nodes.indexOf(chosen);
  if (place < 0) return;
  event.preventDefault();
  const next = nodes[(place + by + nodes.length) % nodes.length];
  choosing(next);
  next.focus();
}
// Firefox presses a button when the space bar comes up again, whatever was said on its way down.
list.addEventListener('keyup', (event) => event.key === ' ' && event.target.matches('.sc-key') && event.preventDefault());
list.addEventListener('keydown', (event) => {
  const keys = shownRows().map((row) => row.key);
  move(event, keys, event.target, (next) => !mixing() && select(shownRows()[keys.indexOf(next)].track.key));
});
groups.addEventListener('keydown', (event) => {
  const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  const keys = byLetter(groupKeys());
  if (by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  setGroup(keys[(keys.indexOf(deck.group) + by + keys.length) % keys.length]);
});
const TYPING = 'textarea, select, [contenteditable]:not([contenteditable="false"]), input:not([type="checkbox"], [type="radio"], [type="range"], [type="button"])';
const PRESSED_BY_SPACE = 'button:not(.sc-deck .sc-key), a, summary, input, label, [role="button"], [role="tab"], [role="option"], audio, video';
function inView() {
  const box = root.getBoundingClientRect();
  return box.width > 0 && box.bottom > 0 && box.top < window.innerHeight;
}
function keyed(event) {
  if (!element.isConnected) return close();
  if (event.defaultPrevented || event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
  const target = event.target instanceof Element ? event.target : document.body;
  if (target.closest(TYPING) || !deck.state.tracks.length || !inView()) return;
  const here = root.contains(target);
  const free = here || target === document.body || target === document.documentElement;
  const focused = here ? shownRows().find((row) => row.node.contains(target)) : null;
  if (/^[0-9]$/.test(event.key)) {
    const row = event.key === '0' ? inputRow() : engineRows()[Number(event.key) - 1];
    if (!row) return;
    choose(row);
    if (focused) row.key.focus();
  } else if (event.key === ' ') {
    if (!free || target.closest(PRESSED_BY_SPACE)) return;
    if (!event.repeat) toggle();
  } else if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
    if (!free || target.matches('input, [role="slider"]')) return;
    steps(event);
  } else if (event.key === '[') {
    const end = deck.loop && deck.loop.end > position() + SHORTEST_LOOP_S ? deck.loop.end : length_s();
    setLoop({ start: position(), end });
  } else if (event.key === ']') {
    const start = deck.loop && deck.loop.start < position() - SHORTEST_LOOP_S ? deck.loop.start : 0;
    setLoop({ start, end: position() });
  } else if (event.key === 'Escape' && deck.loop) setLoop(null);
  else if ((event.key === 'm' || event.key === 's') && mixing() && focused) flip(event.key === 'm' ? deck.mute : deck.solo, focused);
  else return;
  event.preventDefault();
}
function playedElsewhere(event) {
  if (!element.isConnected) return close();
  if ((event.detail || event.target) !== root && deck.wanted) pause();
}
function close() {
  document.removeEventListener('keydown', keyed);
  document.removeEventListener('play', playedElsewhere, true);
  document.removeEventListener('soundcheck:play', playedElsewhere);
  document.removeEventListener('soundcheck:volume', volumeChanged);
  recoloured.disconnect();
  resized.disconnect();
  clearInterval(ear.timer);
  deck.playing = deck.wanted = false;
  if (ear.context && ear.context.state !== 'closed') ear.context.close();
}
document.addEventListener('keydown', keyed);
document.addEventListener('play', playedElsewhere, true);
document.addEventListener('soundcheck:play', playedElsewhere);
document.addEventListener('soundcheck:volume', volumeChanged);

// ---------------------------------------------------------------- for proof: reads, never changes

function probe() {
  const now = ear.context ? ear.context.currentTime : 0;
  return {
    playing: deck.playing,
    time: now,
    rate: ear.context ? ear.context.sampleRate : null,
    current: deck.current,
    group: deck.group,
    position_s: position(),
    length_s: length_s(),
    loop: deck.loop && { ...deck.loop },
    volume: ear.volume ? ear.volume.node.gain.value : null,
    tracks: shownRows().map((row) => {
      const voice = ear.voices.find((each) => each.row === row);
      const at_s = voice ? voice.from_s + Math.max(0, now - voice.at) : null;
      const loop = voice && voice.source.loop ? { start: voice.source.loopStart, end: voice.source.loopEnd } : null;
      const place = loop && at_s >= loop.end ? loop.start + ((at_s - loop.start) % (loop.end - loop.start)) : at_s;
      return {
        key: row.track.key,
        loaded: row.buffer !== null,
        audible: audible(row),
        gain: row.level ? row.level.node.gain.value : null,
        sample: place === null ? null : Math.round(place * ear.context.sampleRate),
      };
    }),
  };
}
// The last samples that left the deck, oldest first.
function heard() {
  const samples = new Float32Array(ear.analyser ? ear.analyser.fftSize : 0);
  if (ear.analyser) ear.analyser.getFloatTimeDomainData(samples);
  return samples;
}
// What the deck would give, rendered offline from the loaded sounds by the functions that play them.
async function rehearse({ seconds, from_s = 0, loop = null, first, moves = [] }) {
  const { sampleRate } = ear.context;
  const context = new OfflineAudioContext(1, Math.ceil(seconds * sampleRate), sampleRate);
  const seam = new GainNode(context);
  seam.connect(context.destination);
  const ready = shownRows().filter((row) => row.buffer);
  const pairs = ready.map((row) => [row, newKnob(context, row.track.key === first ? 1 : 0)]);
  pairs.forEach(([, level]) => level.node.connect(seam));
  startAll(context, pairs, 0, from_s, loop);
  for (const { at_s, key } of moves) pairs.forEach(([row, level]) => turn(level, row.track.key === key ? 1 : 0, at_s));
  if (loop) for (let at = firstSeam(0, from_s, loop); at < seconds; at += loop.end - loop.start) dip(seam.gain, at);
  return (await context.startRendering()).getChannelData(0);
}
root.deck = Object.freeze({ probe, heard, rehearse });

volumeChanged();
watch('value', draw);
draw();
