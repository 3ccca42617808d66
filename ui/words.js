// Draws a WordsState (ui/words.py). Everything that is shown goes through textContent: transcripts, names and speakers come from strangers.
const root = element.querySelector('.sc-differ');
const PLACES = 400;
const DIFFERENCES = 60;
const AROUND = 3;
const state = { value: null, key: '', page: 0, only: false, chosen: new Map(), at: null, focus: null, until: null, captions: null, links: [] };

const quoted = (text) => (text ? `“${text.length > 60 ? `${text.slice(0, 59)}…` : text}”` : 'no word');

// ------------------------------------------------------------------ the frame, built once

const part = {};
const head = make('header', 'sc-differ-head', root);
part.title = make('h3', '', head, 'Where they differ');
part.count = make('span', 'sc-count', head);
part.tools = make('div', 'sc-differ-tools', head);
part.only = pressable('sc-chip', part.tools, 'Only differences', () => {
  const place = currentPlace();
  state.only = !state.only;
  show(place);
});
part.previous = pressable('sc-chip', part.tools, '↑', () => step(-1));
part.previous.setAttribute('aria-label', 'Previous difference');
part.next = pressable('sc-chip', part.tools, '↓ next', () => step(1));
part.next.setAttribute('aria-label', 'Next difference');
part.times = pressable('sc-chip', part.tools, 'Word times', () => {
  trigger('times', {});
  say('Word times are on: press Run, then every word can be heard. Engines that give none are skipped.');
});
part.play = pressable('sc-chip', part.tools, '▸ Play all', () => (audio.paused ? play(0, null, 'Playing the input.') : audio.pause()));
part.legend = make('ul', 'sc-legend', root);
part.legend.setAttribute('aria-label', 'Engines');
part.flow = make('div', 'sc-flow', root);
part.flow.setAttribute('role', 'group');
part.flow.setAttribute('aria-label', 'The aligned text. Arrow keys move, Enter plays a word or chooses a variant, P plays, N goes to the next difference.');
part.pages = make('nav', 'sc-differ-pages', root);
part.pages.setAttribute('aria-label', 'Pages of the text');
part.status = make('p', 'sc-differ-status', root);
part.status.setAttribute('role', 'status');
part.build = make('div', 'sc-build', root);
part.progress = make('span', 'sc-dim', part.build);
part.clear = pressable('sc-link', part.build, 'Clear choices', () => {
  state.chosen.clear();
  const place = currentPlace();
  show(place);
  say('Every place follows the most engines again.');
});
part.use = pressable('sc-use', part.build, 'Use as reference', () => {
  const text = reference();
  trigger('choose', { text });
  say(`The reference is now these ${state.value.unspaced ? plural(text.length, 'character') : plural(text.split(' ').length, 'word')}.`);
});
part.lanes = make('div', 'sc-speakers', root);
const drawLanes = window.soundcheck.lanes({})(part.lanes, (...stretch) => play(...stretch));
part.more = make('div', 'sc-differ-more', root);
part.notes = make('div', 'sc-differ-notes', root);
const audio = make('audio', '', root);
audio.preload = 'none';

function say(text) {
  part.status.textContent = text;
}

// ------------------------------------------------------------------ listening

const LEAD_S = 0.06;
function play(start_s, end_s, text) {
  if (!audio.getAttribute('src')) return say('The input cannot be played here.');
  document.querySelectorAll('audio').forEach((other) => {
    if (other !== audio) other.pause();
  });
  document.dispatchEvent(new CustomEvent('soundcheck:play', { detail: audio }));
  state.until = end_s === null ? null : end_s + LEAD_S;
  audio.currentTime = Math.max(0, start_s - LEAD_S);
  audio.play().then(follow, (reason) => {
    if (reason.name !== 'AbortError') say('The input could not be played here.');
  });
  say(text);
}
let timer = null;
function follow() {
  part.play.textContent = '❚❚ Pause';
  if (timer !== null) return;
  timer = setInterval(() => {
    if (audio.paused || !element.isConnected || (state.until !== null && audio.currentTime >= state.until)) {
      audio.pause();
      clearInterval(timer);
      timer = null;
      part.play.textContent = '▸ Play all';
      light(null);
    } else light(placeAt(audio.currentTime));
  }, 30);
}
function placeAt(second) {
  let low = 0;
  let high = state.timed.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (state.value.times[state.timed[middle]][0] <= second) low = middle;
    else high = middle - 1;
  }
  const place = state.timed[low];
  return place !== undefined && state.value.times[place][0] <= second && second <= state.value.times[place][1] + 0.3 ? place : null;
}
function light(place) {
  if (state.at === place) return;
  part.flow.querySelectorAll('.sc-now').forEach((node) => node.classList.remove('sc-now'));
  state.at = place;
  if (place === null) return;
  if (state.until === null && !state.only && Math.floor(place / PLACES) !== state.page) {
    state.page = Math.floor(place / PLACES);
    drawFlow();
  }
  nodeOf(place)?.classList.add('sc-now');
}
audio.addEventListener('error', () => audio.getAttribute('src') && say('The input could not be loaded; it may have expired. Run again.'));
function otherPlays(event) {
  if (!element.isConnected) {
    document.removeEventListener('play', otherPlays, true);
    document.removeEventListener('soundcheck:play', otherPlays);
    audio.pause();
  } else if ((event.detail || event.target) !== audio && !audio.paused) audio.pause();
}
document.addEventListener('play', otherPlays, true);
document.addEventListener('soundcheck:play', otherPlays);

function hear(place) {
  const { times, words } = state.value;
  const text = quoted(textAt(place) || longest(place));
  if (times[place]) return play(...times[place], `${text}, ${clock(times[place][0])} to ${clock(times[place][1])}.`);
  if (!state.timed.length) return say(`No engine gave word times, so ${text} cannot be played. Press Word times, then Run.`);
  let before = place - 1;
  let after = place + 1;
  while (before >= 0 && before >= place - AROUND && !times[before]) before -= 1;
  while (after < words.length && after <= place + AROUND && !times[after]) after += 1;
  if (!times[before] || !times[after] || times[after][1] < times[before][0]) return say(`No engine gave a time for ${text} or for the words beside it.`);
  return play(times[before][0], times[after][1], `No engine timed ${text}: playing from ${quoted(textAt(before))} to ${quoted(textAt(after))}.`);
}

// ------------------------------------------------------------------ choosing

const disputeAt = (place) => state.disputes.get(place);
const chosenAt = (place) => (state.chosen.has(place) ? state.chosen.get(place) : 0);
const textAt = (place) => (disputeAt(place) ? disputeAt(place).choices[chosenAt(place)].text : state.value.words[place]);
const longest = (place) => (disputeAt(place) ? disputeAt(place).choices.find((choice) => choice.text)?.text || '' : '');
function reference() {
  const chosen = state.value.words.map((word, place) => textAt(place));
  return chosen.filter((word) => word).join(state.value.unspaced ? '' : ' ');
}
function choose(place, number) {
  if (state.chosen.get(place) === number) state.chosen.delete(place);
  else state.chosen.set(place, number);
  const stack = nodeOf(place);
  if (stack) markChosen(stack, place);
  drawProgress();
  say(state.chosen.has(place) ? `${quoted(textAt(place))} is chosen.` : `This place follows the most engines again: ${quoted(textAt(place))}.`);
}
function markChosen(stack, place) {
  stack.classList.toggle('sc-settled', state.chosen.has(place));
  stack.querySelectorAll('.sc-variant').forEach((node, number) => {
    const pressed = state.chosen.get(place) === number;
    node.setAttribute('aria-pressed', String(pressed));
    node.classList.toggle('sc-in', chosenAt(place) === number);
  });
}
function drawProgress() {
  const all = state.value.disputes.length;
  const done = state.chosen.size;
  const ties = state.value.disputes.filter((dispute) => dispute.tied && !state.chosen.has(dispute.place)).length;
  const rest = done === all ? '' : `; the rest follow most engines${ties ? `, at ${plural(ties, 'tie')} the first engine` : ''}`;
  part.progress.textContent = `${done} of ${all} chosen${rest}.`;
  part.clear.hidden = done === 0;
}

// ------------------------------------------------------------------ the text

const nodeOf = (place) => part.flow.querySelector(`[data-place="${place}"]`);
const pageCount = () => Math.max(1, state.only ? Math.ceil(state.value.disputes.length / DIFFERENCES) : Math.ceil(state.value.words.length / PLACES));
function currentPlace() {
  const node = part.flow.querySelector('[tabindex="0"]');
  return node ? Number(node.closest('[data-place]').dataset.place) : 0;
}
function pageOf(place) {
  if (!state.only) return Math.floor(place / PLACES);
  const later = state.value.disputes.findIndex((dispute) => dispute.place >= place);
  return Math.floor((later < 0 ? state.value.disputes.length - 1 : later) / DIFFERENCES);
}
function shownPlaces() {
  if (!state.only) {
    const first = state.page * PLACES;
    return Array.from({ length: Math.min(PLACES, state.value.words.length - first) }, (_, offset) => first + offset);
  }
  const places = new Set();
  for (const dispute of state.value.disputes.slice(state.page * DIFFERENCES, (state.page + 1) * DIFFERENCES)) {
    for (let place = dispute.place - AROUND; place <= dispute.place + AROUND; place += 1) {
      const foreign = place !== dispute.place && disputeAt(place) && pageOf(place) !== state.page;
      if (place >= 0 && place < state.value.words.length && !foreign) places.add(place);
    }
  }
  return [...places].sort((one, other) => one - other);
}
function drawWord(place) {
  const node = pressable('sc-word', null, state.value.words[place]);
  node.dataset.place = place;
  if (!state.value.times[place]) node.classList.add('sc-untimed');
  node.tabIndex = -1;
  return node;
}
function drawStack(place) {
  const dispute = disputeAt(place);
  const stack = make('span', 'sc-stack');
  stack.dataset.place = place;
  stack.setAttribute('role', 'group');
  stack.setAttribute('aria-label', `Engines differ${dispute.tied ? ', no majority' : ''}`);
  dispute.choices.forEach((choice, number) => {
    const node = pressable('sc-variant', stack);
    node.dataset.number = number;
    node.tabIndex = -1;
    const names = choice.engines.map((engine) => state.value.engines[engine].name).join(', ');
    const said = make('bdi', choice.text ? 'sc-said' : 'sc-said sc-nothing', node, choice.text ? choice.text.slice(0, 300) : 'no word');
    if (choice.text.length > 300) said.append('…');
    if (dispute.tied && number === 0) make('span', 'sc-tie', node, 'tie');
    const few = choice.engines.length <= 3;
    const who = make('span', 'sc-who', node, few ? choice.engines.map((engine) => state.value.engines[engine].letters).join(' ') : `${choice.engines.length} engines`);
    who.setAttribute('aria-hidden', 'true');
    make('span', 'sc-hear', node, `: ${names}${dispute.tied && number === 0 ? '; no majority' : ''}`);
    node.title = `${names}${dispute.tied ? ' (no majority)' : ''}`;
  });
  if (state.timed.length && audio.getAttribute('src')) {
    const listen = pressable('sc-listen', stack, '▸');
    listen.tabIndex = -1;
    listen.title = 'Play (P)';
    listen.setAttribute('aria-label', 'Play this place');
  }
  markChosen(stack, place);
  return stack;
}
function drawFlow() {
  state.page = Math.min(Math.max(0, state.page), pageCount() - 1);
  const nodes = [];
  let last = null;
  for (const place of shownPlaces()) {
    if (last !== null && place !== last + 1) nodes.push(make('span', 'sc-gap', null, state.only ? '' : ' '));
    last = place;
    if (disputeAt(place)) nodes.push(drawStack(place), document.createTextNode(' '));
    else if (state.value.words[place]) nodes.push(drawWord(place), document.createTextNode(state.value.unspaced ? '' : ' '));
  }
  part.flow.replaceChildren(...nodes);
  part.flow.classList.toggle('sc-unspaced', state.value.unspaced);
  const first = part.flow.querySelector('.sc-stack .sc-in, .sc-word');
  if (first) first.tabIndex = 0;
  part.only.setAttribute('aria-pressed', String(state.only));
  drawPages();
}
function drawPages() {
  const all = pageCount();
  part.pages.hidden = all < 2;
  part.pages.replaceChildren();
  if (all < 2) return;
  const turn = (page, focus) => {
    state.page = page;
    drawFlow();
    part.pages.querySelector(`[data-turn="${focus}"]:enabled`)?.focus();
  };
  const back = pressable('sc-chip', part.pages, 'Previous', () => turn(state.page - 1, 'back'));
  make('span', 'sc-dim', part.pages, `page ${state.page + 1} of ${all}`);
  const on = pressable('sc-chip', part.pages, 'Next', () => turn(state.page + 1, 'on'));
  back.dataset.turn = 'back';
  on.dataset.turn = 'on';
  back.disabled = state.page === 0;
  on.disabled = state.page === all - 1;
}
// Turns to the page that holds the place and puts the one tab stop of the text there.
function show(place, focus = false) {
  state.page = pageOf(place);
  drawFlow();
  const holder = nodeOf(place);
  const node = holder && (holder.matches('button') ? holder : holder.querySelector('.sc-in'));
  if (!node) return;
  part.flow.querySelectorAll('[tabindex="0"]').forEach((other) => (other.tabIndex = -1));
  node.tabIndex = 0;
  if (focus) {
    node.focus({ preventScroll: true });
    node.scrollIntoView({ block: 'nearest' });
  }
}
function step(direction) {
  const here = part.flow.querySelector('[tabindex="0"]') ? currentPlace() : -1;
  const places = state.value.disputes.map((dispute) => dispute.place);
  // the first press after drawing meets the difference that already holds the tab stop
  const fresh = state.focus === null && disputeAt(here);
  const place = direction > 0 ? places.find((each) => (fresh ? each >= here : each > here)) : places.findLast((each) => each < here);
  if (place === undefined) return say(direction > 0 ? 'This was the last difference.' : 'This was the first difference.');
  state.focus = place;
  return show(place, true);
}
function focusOn(node) {
  if (!node) return;
  part.flow.querySelectorAll('[tabindex="0"]').forEach((other) => (other.tabIndex = -1));
  node.tabIndex = 0;
  node.focus();
}
const beside = (node, direction) => {
  const variants = [...node.parentNode.querySelectorAll('.sc-variant')];
  return variants[variants.indexOf(node) + direction];
};
const entry = (holder) => (holder && (holder.matches('button') ? holder : holder.querySelector('.sc-in')));
part.flow.addEventListener('focusin', (event) => {
  if (event.target.matches('button')) state.focus = Number(event.target.closest('[data-place]').dataset.place);
});
part.flow.addEventListener('click', (event) => {
  const node = event.target.closest('button');
  if (!node) return;
  const place = Number(node.closest('[data-place]').dataset.place);
  if (node.matches('.sc-listen')) return hear(place);
  focusOn(node);
  if (node.matches('.sc-variant')) choose(place, Number(node.dataset.number));
  else hear(place);
});
part.flow.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !event.target.matches('button')) return;
  const holder = event.target.closest('[data-place]');
  const all = [...part.flow.querySelectorAll('[data-place]')];
  const at = all.indexOf(holder);
  const inStack = event.target.matches('.sc-variant');
  if (event.key === 'ArrowRight') focusOn(entry(all[at + 1]));
  else if (event.key === 'ArrowLeft') focusOn(entry(all[at - 1]));
  else if (event.key === 'Home') focusOn(entry(all[0]));
  else if (event.key === 'End') focusOn(entry(all.at(-1)));
  else if (event.key === 'ArrowDown' && inStack) focusOn(beside(event.target, 1));
  else if (event.key === 'ArrowUp' && inStack) focusOn(beside(event.target, -1));
  else if (event.key === 'ArrowDown' || event.key === 'n') step(1);
  else if (event.key === 'ArrowUp' || event.key === 'N') step(-1);
  else if (event.key === 'p' || event.key === 'P') hear(Number(holder.dataset.place));
  else if (event.key === 'PageDown' && state.page < pageCount() - 1) turnTo(state.page + 1);
  else if (event.key === 'PageUp' && state.page > 0) turnTo(state.page - 1);
  else return;
  event.preventDefault();
  event.stopPropagation();
});
function turnTo(page) {
  state.page = page;
  drawFlow();
  focusOn(part.flow.querySelector('[tabindex="0"]'));
}

// ------------------------------------------------------------------ all of it

function drawMore() {
  const { engines, pairs } = state.value;
  state.links.forEach((link) => URL.revokeObjectURL(link));
  state.links = [];
  part.more.replaceChildren();
  if (pairs.length) {
    const box = make('details', '', part.more);
    make('summary', '', box, 'How much each pair agrees');
    const list = make('ul', 'sc-pairs', box);
    for (const [left, right, share] of [...pairs].sort((one, other) => other[2] - one[2])) {
      const row = make('li', '', list);
      make('bdi', '', row, `${engines[left].name} · ${engines[right].name}`);
      const bar = make('span', 'sc-bar', row);
      make('i', '', bar).style.width = `${100 * share}%`;
      make('span', 'sc-number', row, `${(100 * share).toFixed(1)} %`);
    }
  }
  const captioned = engines.filter((engine) => engine.captions);
  if (captioned.length) {
    const row = make('div', 'sc-captions', part.more);
    const label = make('label', '', row, 'Captions on your sound ');
    const select = make('select', 'sc-chip', label);
    make('option', '', select, 'off').value = '';
    for (const engine of captioned) make('option', '', select, engine.name).value = engine.name;
    if (state.captions !== '' && !captioned.some((engine) => engine.name === state.captions)) state.captions = captioned[0].name;
    select.value = state.captions;
    select.addEventListener('change', () => {
      state.captions = select.value;
      caption();
    });
    const files = make('span', '', row, 'Download: ');
    for (const engine of captioned) {
      const link = make('a', '', files, engine.name);
      link.href = URL.createObjectURL(new Blob([engine.captions], { type: 'text/vtt' }));
      link.download = `${engine.name.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60)}.vtt`;
      link.setAttribute('aria-label', `Download captions by ${engine.name}, WebVTT`);
      state.links.push(link.href);
    }
  }
  part.more.hidden = !part.more.firstChild;
}
// Asks for the chosen engine's captions on the player of the input; none where there are none.
function caption() {
  const { engines, sound } = state.value;
  const captions = engines.find((engine) => engine.name === state.captions)?.captions || '';
  if (sound) trigger('caption', { captions, path: sound.path });
}
function draw() {
  const value = { engines: [], words: [], times: [], disputes: [], pairs: [], lanes: [], notes: [], ...(props.value || {}) };
  const key = JSON.stringify(value);
  root.hidden = !value.words.length && !value.notes.length;
  if (key === state.key) return;
  audio.pause();
  Object.assign(state, { value, key, page: 0, only: false, focus: null, at: null });
  state.chosen.clear();
  state.disputes = new Map(value.disputes.map((dispute) => [dispute.place, dispute]));
  state.timed = value.words.map((word, place) => place).filter((place) => value.times[place]);
  state.timed.sort((one, other) => value.times[one][0] - value.times[other][0]);
  const address = webAddress(value.sound?.url || '');
  if (!address) audio.removeAttribute('src');
  else if (audio.getAttribute('src') !== address) audio.src = address;
  const several = value.engines.length > 1;
  const differ = value.disputes.length;
  part.title.textContent = several ? 'Where they differ' : 'Word by word';
  root.setAttribute('aria-label', part.title.textContent);
  const unit = value.unspaced ? 'characters' : 'words';
  part.count.textContent = !value.words.length
    ? ''
    : !several
      ? `${value.words.length.toLocaleString('en-US')} ${unit}`
      : differ
        ? `${differ.toLocaleString('en-US')} of ${plural(value.words.length, 'place')} ${differ === 1 ? 'differs' : 'differ'}`
        : `All ${value.engines.length} engines agree on every one of ${value.words.length.toLocaleString('en-US')} ${unit}.`;
  [part.only, part.previous, part.next, part.progress].forEach((node) => (node.hidden = differ === 0));
  part.clear.hidden = true;
  part.build.hidden = value.words.length === 0;
  part.play.hidden = !address || !state.timed.length;
  part.times.hidden = !address || state.timed.length > 0 || !value.words.length;
  part.legend.hidden = !several;
  part.legend.replaceChildren(
    ...value.engines.map((engine) => {
      const item = make('li', '');
      make('b', 'sc-who', item, engine.letters);
      make('bdi', '', item, engine.name);
      return item;
    }),
  );
  const letters = value.words.slice(0, 200).join('');
  const rightToLeft = (letters.match(/[\u0590-\u08ff\ufb1d-\ufefc]/g) || []).length > (letters.match(/\p{L}/gu) || []).length / 2;
  part.flow.dir = rightToLeft ? 'rtl' : 'ltr';
  say(!value.words.length ? '' : state.timed.length && address ? 'Choose a word to hear it, a variant if it is right. Keys: arrows, Enter, P plays, N next difference.' : differ ? 'Choose the variant that is right. No engine gave word times.' : '');
  drawFlow();
  drawProgress();
  drawLanes(value);
  drawMore();
  caption();
  part.notes.hidden = value.notes.length === 0;
  part.notes.replaceChildren(...value.notes.map((note) => make('p', 'sc-dim', null, note)));
}
watch('value', draw);
draw();
