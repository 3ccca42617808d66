// The result board. Everything that is shown goes through textContent: names, transcripts and errors come from strangers.
const root = element.querySelector('.sc-board');
const still = window.matchMedia('(prefers-reduced-motion: reduce)');
const FEW_TAGS = 8;

function changed(view, part, value) {
  const text = JSON.stringify(value);
  if (view.seen[part] === text) return false;
  view.seen[part] = text;
  return true;
}

// One sound at a time on the page: a start here stops every other audio element, and a 'soundcheck:play' event from elsewhere stops these.
let listening = null;
function playedElsewhere(event) {
  if (!element.isConnected) {
    document.removeEventListener('play', playedElsewhere, true);
    document.removeEventListener('soundcheck:play', playedElsewhere);
    if (listening) listening.pause();
    return;
  }
  const source = event.detail || event.target;
  root.querySelectorAll('audio').forEach((audio) => {
    if (audio !== source && !audio.paused) audio.pause();
  });
}
document.addEventListener('play', playedElsewhere, true);
document.addEventListener('soundcheck:play', playedElsewhere);

let speakers = null;
function applyGain(view, gain_db) {
  const factor = 10 ** ((gain_db || 0) / 20);
  if (factor <= 1 && !view.gain) {
    view.audio.volume = factor;
    return;
  }
  if (!view.gain) {
    speakers = speakers || new AudioContext();
    view.gain = speakers.createGain();
    speakers.createMediaElementSource(view.audio).connect(view.gain).connect(speakers.destination);
    view.audio.volume = 1;
  }
  if (speakers.state === 'suspended') speakers.resume();
  view.gain.gain.value = factor;
}

const resized = new ResizeObserver((entries) => entries.forEach((entry) => entry.target.scResized()));
function newSound(parent, cardName) {
  const node = make('div', 'sc-sound', parent);
  const view = { node, seen: {}, sound: null, peaks: '' };
  const audio = make('audio', '', node);
  audio.preload = 'none';
  view.audio = audio;
  view.button = make('button', 'sc-play', node);
  view.button.type = 'button';
  const body = make('div', 'sc-sound-body', node);
  const head = make('div', 'sc-sound-head', body);
  view.name = make('bdi', 'sc-sound-name', head);
  view.gainText = make('span', 'sc-dim', head);
  view.time = make('span', 'sc-time', head);
  view.download = make('a', 'sc-download', head, '↓');
  view.download.title = 'download';
  view.wave = make('div', 'sc-wave', body);
  view.wave.tabIndex = 0;
  mark(view.wave, 'role', 'slider');
  mark(view.wave, 'aria-valuemin', '0');
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  view.svg = svg;
  view.bars = ['sc-bars', 'sc-bars sc-played'].map((className) => {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('class', className);
    svg.append(path);
    return path;
  });
  view.wave.append(svg);
  view.wave.scResized = () => drawBars(view);
  resized.observe(view.wave);
  view.trouble = make('p', 'sc-trouble', body);
  view.trouble.hidden = true;

  const length = () => (Number.isFinite(audio.duration) && audio.duration > 0 ? audio.duration : view.sound ? view.sound.seconds : 0);
  view.paint = () => {
    const playing = !audio.paused && !audio.ended;
    const named = `${view.sound ? view.sound.name : ''} of ${view.cardName}`;
    const share = length() ? Math.min(1, audio.currentTime / length()) : 0;
    view.wave.style.setProperty('--played', `${(100 * share).toFixed(2)}%`);
    write(view.time, `${clock(audio.currentTime)} / ${clock(length())}`);
    mark(view.button, 'aria-label', `${playing ? 'Pause' : 'Play'} ${named}`);
    view.button.classList.toggle('sc-on', playing);
    mark(view.wave, 'aria-label', `Position in ${named}`);
    mark(view.wave, 'aria-valuemax', length().toFixed(1));
    mark(view.wave, 'aria-valuenow', audio.currentTime.toFixed(1));
    mark(view.wave, 'aria-valuetext', `${audio.currentTime.toFixed(1)} of ${length().toFixed(1)} seconds`);
    if (playing) requestAnimationFrame(view.paint);
  };
  const seek = (second) => {
    audio.currentTime = Math.min(Math.max(0, second), Math.max(0, length() - 0.01));
    view.paint();
  };
  const toggle = () => {
    if (!audio.paused) return audio.pause();
    if (audio.ended) audio.currentTime = 0;
    applyGain(view, view.sound.gain_db);
    document.querySelectorAll('audio').forEach((other) => {
      if (other !== audio) other.pause();
    });
    document.dispatchEvent(new CustomEvent('soundcheck:play', { detail: audio }));
    listening = audio;
    audio.play().catch((reason) => {
      if (reason.name !== 'AbortError') say('This sound could not be played here; download it instead.');
    });
  };
  const say = (text) => {
    write(view.trouble, text);
    show(view.trouble, text !== '');
  };
  view.say = say;
  view.button.addEventListener('click', toggle);
  ['play', 'pause', 'ended', 'seeked', 'loadedmetadata', 'timeupdate'].forEach((name) => audio.addEventListener(name, view.paint));
  audio.addEventListener('error', () => audio.getAttribute('src') && say('This sound could not be loaded; it may have expired. Run again.'));
  const at = (event) => {
    const box = view.wave.getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * length());
  };
  view.wave.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    view.wave.setPointerCapture(event.pointerId);
    at(event);
  });
  view.wave.addEventListener('pointermove', (event) => view.wave.hasPointerCapture(event.pointerId) && at(event));
  view.wave.addEventListener('keydown', (event) => {
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5 };
    if (event.key in steps) seek(audio.currentTime + steps[event.key]);
    else if (event.key === 'Home') seek(0);
    else if (event.key === 'End') seek(length());
    else if (event.key === ' ' || event.key === 'Enter') toggle();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  view.cardName = cardName;
  return view;
}
function retire(view) {
  view.audio.pause();
  resized.unobserve(view.wave);
}
function drawSound(view, sound, cardName) {
  view.sound = sound;
  view.cardName = cardName;
  if (!changed(view, 'sound', [sound, cardName])) return;
  const address = webAddress(sound.file.url || '');
  if (view.audio.getAttribute('src') !== address) {
    view.say('');
    if (address) view.audio.src = address;
  }
  write(view.name, sound.name);
  const known = typeof sound.gain_db === 'number';
  write(view.gainText, known ? `gain ${sound.gain_db < 0 ? '−' : '+'}${Math.abs(sound.gain_db).toFixed(1)} dB` : '');
  if (!view.audio.paused) applyGain(view, sound.gain_db);
  show(view.download, address !== '');
  view.download.href = address || '#';
  view.download.download = sound.file.orig_name || sound.name;
  mark(view.download, 'aria-label', `Download ${sound.name} of ${cardName}`);
  drawBars(view);
  view.paint();
}
// One bar per 4 pixels: each shows the loudest of the peaks that fall into it.
function drawBars(view) {
  if (!view.sound) return;
  const peaks = view.sound.peaks.length ? view.sound.peaks : [0];
  const bars = Math.min(peaks.length, Math.max(1, Math.floor((view.wave.clientWidth || 360) / 4)));
  if (!changed(view, 'bars', [peaks, bars])) return;
  view.svg.setAttribute('viewBox', `0 0 ${bars} 100`);
  let shape = '';
  for (let bar = 0; bar < bars; bar += 1) {
    const first = Math.floor((bar * peaks.length) / bars);
    const loudest = Math.max(...peaks.slice(first, Math.max(first + 1, Math.floor(((bar + 1) * peaks.length) / bars))));
    const half = Math.max(3, 50 * Math.min(1, Math.max(0, loudest)));
    shape += `M${bar + 0.2} ${(50 - half).toFixed(1)}h.6v${(2 * half).toFixed(1)}h-.6z`;
  }
  view.bars.forEach((path) => path.setAttribute('d', shape));
}

function newCard(key) {
  const node = make('article', 'sc-result');
  const view = { key, node, seen: {}, sounds: new Map(), card: null, openText: false, allTags: false };
  const head = make('header', 'sc-result-head', node);
  view.name = make('h3', '', head);
  mark(view.name, 'dir', 'auto');
  view.badges = make('div', 'sc-badges', head);
  view.where = make('span', 'sc-tag', view.badges);
  view.clock = make('span', 'sc-tag sc-clock', view.badges);
  view.more = make('span', 'sc-more', view.badges);
  const output = make('div', 'sc-output', node);
  view.error = make('p', 'sc-error', output);
  mark(view.error, 'dir', 'auto');
  view.text = make('div', 'sc-text', output);
  mark(view.text, 'dir', 'auto');
  view.unfold = make('button', 'sc-link', output, 'show all');
  view.unfold.type = 'button';
  view.unfold.hidden = true;
  const fold = () => {
    const long = view.openText || view.text.scrollHeight > view.text.clientHeight + 2;
    show(view.unfold, long && !view.text.hidden);
    write(view.unfold, view.openText ? 'show less' : 'show all');
    mark(view.unfold, 'aria-expanded', String(view.openText));
  };
  view.fold = fold;
  view.text.scResized = fold;
  resized.observe(view.text);
  view.unfold.addEventListener('click', () => {
    view.openText = !view.openText;
    view.text.classList.toggle('sc-open', view.openText);
    fold();
  });
  view.tags = make('ul', 'sc-tagbars', output);
  view.moreTags = make('button', 'sc-link', output);
  view.moreTags.type = 'button';
  view.moreTags.addEventListener('click', () => {
    view.allTags = !view.allTags;
    view.seen.tags = undefined;
    drawTags(view, view.card);
  });
  view.soundList = make('div', 'sc-sounds', output);
  view.hint = make('p', 'sc-hint', output);
  mark(view.hint, 'dir', 'auto');
  view.measures = make('dl', 'sc-measures', node);
  return view;
}
const WORDS = { substituted: 'differs from the reference', inserted: 'not in the reference', deleted: 'missing here', differs: 'engines differ here' };
const ELEMENTS = { substituted: 'mark', inserted: 'ins', deleted: 'del', differs: 'mark' };
function drawText(view, card) {
  const unanswered = card.state in UNANSWERED;
  if (changed(view, 'text', [card.text, card.spans])) {
    if (card.spans.length) {
      view.text.replaceChildren(
        ...card.spans.map((span) => {
          if (!(span.kind in ELEMENTS)) return document.createTextNode(span.text);
          const node = make(ELEMENTS[span.kind], `sc-${span.kind}`, null, span.text);
          node.title = span.title || WORDS[span.kind];
          return node;
        }),
      );
    } else write(view.text, card.text);
  }
  view.text.classList.toggle('sc-partial', card.partial);
  show(view.text, card.text !== '' || card.spans.length > 0);
  write(view.error, unanswered ? card.error || 'It failed and gave no reason.' : '');
  show(view.error, unanswered);
  write(view.hint, card.hint);
  show(view.hint, card.hint !== '');
  view.fold();
}
function drawTags(view, card) {
  if (!changed(view, 'tags', [card.tags, view.allTags])) return;
  const shown = view.allTags ? card.tags : card.tags.slice(0, FEW_TAGS);
  view.tags.replaceChildren(
    ...shown.map((tag) => {
      const row = make('li', '');
      const label = make('span', 'sc-tag-label', row, tag.label);
      label.title = tag.label;
      mark(label, 'dir', 'auto');
      const bar = make('span', 'sc-bar', row);
      make('i', '', bar).style.width = `${100 * Math.min(1, Math.max(0, tag.score))}%`;
      make('span', 'sc-number', row, tag.score.toFixed(2));
      if (tag.start_s !== null && tag.end_s !== null) make('span', 'sc-dim sc-number', row, `${tag.start_s.toFixed(1)}–${tag.end_s.toFixed(1)} s`);
      return row;
    }),
  );
  view.tags.classList.toggle('sc-timed', shown.some((tag) => tag.start_s !== null && tag.end_s !== null));
  show(view.tags, shown.length > 0);
  show(view.moreTags, card.tags.length > FEW_TAGS);
  write(view.moreTags, view.allTags ? 'show fewer' : `show all ${card.tags.length}`);
  mark(view.moreTags, 'aria-expanded', String(view.allTags));
}
function drawSounds(view, card) {
  const counts = {};
  const players = card.sounds.map((sound) => {
    counts[sound.name] = (counts[sound.name] || 0) + 1;
    const key = `${sound.name}\n${counts[sound.name]}`;
    if (!view.sounds.has(key)) view.sounds.set(key, newSound(null, card.name));
    drawSound(view.sounds.get(key), sound, card.name);
    return view.sounds.get(key);
  });
  for (const [key, player] of view.sounds) {
    if (players.includes(player)) continue;
    retire(player);
    view.sounds.delete(key);
  }
  arrange(view.soundList, players.map((player) => player.node));
  show(view.soundList, players.length > 0);
}
function drawMeasures(view, card) {
  if (!changed(view, 'measures', card.measures)) return;
  const nodes = card.measures.map((measure, place) => {
    const node = view.measures.children[place] || make('div', '');
    if (!node.firstChild) {
      make('dt', '', node);
      const told = make('dd', '', node);
      make('span', 'sc-figure', told);
      make('span', 'sc-best-word', told);
      make('i', '', make('span', 'sc-bar', told));
    }
    const [label, told] = node.children;
    const [figure, word, bar] = told.children;
    write(label, measure.label);
    write(figure, [measure.value || '–', measure.value && measure.unit].filter(Boolean).join(' '));
    write(word, measure.best ? 'best' : '');
    show(word, measure.best);
    node.classList.toggle('sc-best', measure.best);
    mark(node, 'title', measure.title);
    bar.style.visibility = measure.bar === null ? 'hidden' : 'visible';
    bar.firstChild.style.width = `${100 * Math.min(1, Math.max(0, measure.bar || 0))}%`;
    return node;
  });
  arrange(view.measures, nodes);
  view.measures.classList.toggle('sc-barless', card.measures.every((measure) => measure.bar === null));
}
const UNANSWERED = { error: 'failed', stopped: 'stopped' };
const STATES = { waiting: 'waiting', loading: 'loading', running: 'running', ok: '', ...UNANSWERED };
function tick(view) {
  const busy = view.card.state === 'loading' || view.card.state === 'running';
  const seconds = busy && view.base !== null ? view.base + (performance.now() - view.since) / 1000 : null;
  write(view.clock, STATES[view.card.state] + (seconds === null ? '' : ` ${seconds.toFixed(1)} s`));
}
function drawCard(view, card) {
  if (!changed(view, 'card', card)) return;
  const sameState = view.card && view.card.state === card.state;
  if (!sameState || changed(view, 'elapsed', card.elapsed_s)) {
    const shown = sameState && view.base !== null ? view.base + (performance.now() - view.since) / 1000 : 0;
    changed(view, 'elapsed', card.elapsed_s);
    view.base = card.elapsed_s === null ? null : Math.max(card.elapsed_s, shown);
    view.since = performance.now();
  }
  view.card = card;
  view.node.className = `sc-result sc-${card.where} sc-is-${card.state}`;
  mark(view.node, 'aria-label', card.name);
  mark(view.node, 'data-key', card.key);
  mark(view.node, 'aria-busy', String(['waiting', 'loading', 'running'].includes(card.state)));
  write(view.name, card.name);
  write(view.where, card.where);
  view.where.className = `sc-tag sc-tone-${card.where}`;
  show(view.clock, STATES[card.state] !== '');
  tick(view);
  if (changed(view, 'badges', card.badges)) {
    view.more.replaceChildren(
      ...card.badges.map((badge) => {
        const node = make('span', `sc-tag sc-tone-${badge.tone}`, null, badge.text);
        mark(node, 'dir', 'auto');
        if (badge.title) {
          node.title = badge.title;
          make('span', 'sc-hear', node, `: ${badge.title}`);
        }
        return node;
      }),
    );
  }
  drawText(view, card);
  drawTags(view, card);
  drawSounds(view, card);
  drawMeasures(view, card);
}

const empty = make('div', 'sc-empty');
const silence = make('div', 'sc-silence', empty);
for (let place = 0; place < 48; place += 1) make('i', '', silence).style.height = `${8 + 84 * Math.abs(Math.sin(place * 0.41) * Math.sin(place * 0.13 + 0.6))}%`;
mark(silence, 'aria-hidden', 'true');
const emptyText = make('p', '', empty);
const tiles = make('div', 'sc-tiles');
const progress = make('div', 'sc-progress');
const progressBar = make('i', '', make('span', 'sc-bar', progress));
const status = make('span', 'sc-status', progress);
mark(status, 'role', 'status');
mark(status, 'aria-live', 'polite');
const cardList = make('div', 'sc-cards');
root.append(tiles, progress, cardList, empty);
const page = { seen: {} };
const views = new Map();

function draw() {
  const state = props.value || {};
  const cards = state.cards || [];
  const headline = (state.headline || []).slice(0, 4);
  const phase = state.phase || 'empty';
  show(empty, phase === 'empty' && cards.length === 0);
  write(emptyText, state.empty_text || '');
  if (changed(page, 'tiles', headline)) {
    tiles.replaceChildren(
      ...headline.map((tile) => {
        const node = make('div', '');
        make('b', '', node, tile.value);
        make('span', '', node, tile.label);
        return node;
      }),
    );
  }
  tiles.style.setProperty('--tiles', String(headline.length || 1));
  show(tiles, headline.length > 0);

  const inState = (state) => cards.filter((card) => card.state === state).length;
  const others = Object.keys(UNANSWERED).filter(inState).map((state) => `${inState(state)} ${UNANSWERED[state]}`);
  const done = cards.filter((card) => card.state === 'ok' || card.state in UNANSWERED).length;
  show(progress, cards.length > 0);
  progress.classList.toggle('sc-finished', phase !== 'running');
  progressBar.style.width = cards.length ? `${(100 * done) / cards.length}%` : '0';
  write(status, cards.length ? [`${done} of ${cards.length} done`, ...others].join(', ') : '');

  const kept = new Set();
  const order = [];
  for (const card of cards) {
    if (kept.has(card.key)) continue;
    kept.add(card.key);
    if (!views.has(card.key)) views.set(card.key, newCard(card.key));
    drawCard(views.get(card.key), card);
    order.push(views.get(card.key));
  }
  for (const [key, view] of views) {
    if (kept.has(key)) continue;
    view.sounds.forEach(retire);
    resized.unobserve(view.text);
    views.delete(key);
  }
  arrange(cardList, order.map((view) => view.node));
  order.forEach((view) => view.fold());
  startClock();
}
let timer = null;
function startClock() {
  const busy = () => [...views.values()].filter((view) => view.card.state === 'loading' || view.card.state === 'running');
  if (timer !== null || busy().length === 0) return;
  timer = setInterval(() => {
    const now = busy();
    if (!element.isConnected || now.length === 0) {
      clearInterval(timer);
      timer = null;
    }
    now.forEach(tick);
  }, still.matches ? 1000 : 100);
}
watch('value', draw);
draw();
