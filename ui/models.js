// The models tab. The server sends a ModelsState; every press goes back as an event with plain strings.
const root = element.querySelector('.sc-models-inside') || element;
let asked = '', task = '', known = null;
const families = props.families, tasks = Object.fromEntries(props.tasks);
const gigabytes = (gb) => gb >= 0.1 ? `${gb.toFixed(1)} GB` : `${Math.max(1, Math.round(gb * 1000))} MB`;

const said = make('p', 'sc-said', root);
said.setAttribute('role', 'status');
const locked = make('p', 'sc-locked', root);
const tiles = make('div', 'sc-tiles', root);
const tile = (label) => {
  const box = make('div', 'sc-tile', tiles), value = make('b', '', box, '–');
  make('span', '', box, label);
  return value;
};
const held = tile('held by models'), free = tile('free on this disk'), wait = tile('engines to prepare');

const disk = make('section', 'sc-box', root);
make('h3', '', disk, 'On this machine');
const keptList = make('ul', 'sc-list', disk), keptNone = make('p', 'sc-fine', disk, 'No weights and no environments yet. Engines that need none are ready.');

const mine = make('section', 'sc-box', root);
make('h3', '', mine, 'Your own checkpoint');
make('p', 'sc-fine', mine, 'A folder with config.json and safetensors, or a hub id. Pickled weights are not loaded.');
const form = make('form', 'sc-form', mine);
const labelled = (text, control, className) => {
  const label = make('label', `sc-field ${className || ''}`, form, text);
  label.append(control);
  return control;
};
const family = labelled('Family', document.createElement('select'));
for (const [name, ways] of families) {
  make('option', '', family, `${name} · ${[...new Set(ways.map(([, , title]) => title))].join(', ')}`).value = name;
}
const variant = labelled('How it runs', document.createElement('select'));
function offerWays() {
  const ways = Object.fromEntries(families)[family.value];
  variant.replaceChildren();
  for (const [name, said] of ways) make('option', '', variant, said).value = name;
  show(variant.parentElement, ways.length > 1);
}
family.addEventListener('change', offerWays);
offerWays();
const source = labelled('Folder or hub id', document.createElement('input'), 'sc-wide');
source.maxLength = 1000; source.placeholder = 'owner/name'; source.spellcheck = false;
const adopt = make('button', 'sc-act', form, 'Add');
adopt.type = 'submit';
const ownList = make('ul', 'sc-list', mine);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (source.value.trim()) trigger('adopt', { family: family.value, variant: variant.value, source: source.value.trim() });
  else source.focus();
});

const offers = make('section', 'sc-box', root);
make('h3', '', offers, 'Ready to prepare');
const tools = make('div', 'sc-form', offers);
const search = make('input', '', make('label', 'sc-field sc-wide', tools, 'Search'));
search.type = 'search'; search.placeholder = 'name, licence'; search.maxLength = 100;
const kind = make('select', '', make('label', 'sc-field', tools, 'Task'));
make('option', '', kind, 'All tasks').value = '';
for (const [name, title] of props.tasks) make('option', '', kind, title).value = name;
const offerList = make('ul', 'sc-list', offers), offerNote = make('p', 'sc-fine', offers);
search.addEventListener('input', () => { asked = search.value.trim().toLowerCase(); draw(); });
kind.addEventListener('change', () => { task = kind.value; draw(); });

// Rows stay the same nodes from state to state, so that neither focus nor a half-pressed button is lost.
const rows = new Map();
function row(key, list, build) {
  if (!rows.has(key)) { const node = make('li', 'sc-row', list); rows.set(key, { node, ...build(node) }); }
  return rows.get(key);
}
// Deleting takes two presses of the same button.
function twice(node, text, sure, act) {
  const button = pressable('sc-quiet', node, text, () => {
    if (button.dataset.sure) { delete button.dataset.sure; write(button, text); act(); return; }
    button.dataset.sure = '1'; write(button, sure);
  });
  button.addEventListener('blur', () => { delete button.dataset.sure; write(button, text); });
  return button;
}

function drawKept(state) {
  const most = Math.max(...state.kept.map((each) => each.gb), 0.001);
  arrange(keptList, state.kept.map((each) => {
    const known = row(`kept ${each.kind} ${each.name}`, keptList, (node) => {
      const text = make('div', 'sc-text', node), name = make('b', '', text), about = make('span', 'sc-fine', text);
      const bar = make('i', 'sc-size', make('div', 'sc-track', text)), size = make('span', 'sc-gb', node);
      if (each.kind !== 'own folder') twice(node, 'Delete', 'Delete for good?', () => trigger('discard', { kind: each.kind, name: each.name }))
        .setAttribute('aria-label', `Delete ${each.kind} ${each.name}`);
      return { name, about, bar, size };
    });
    write(known.name, each.name);
    const users = each.engines.slice(0, 3).join(', ') + (each.engines.length > 3 ? ` and ${each.engines.length - 3} more` : '');
    write(known.about, `${each.kind} · ${users}`);
    write(known.size, gigabytes(each.gb));
    known.bar.style.width = `${Math.max(1, 100 * each.gb / most)}%`;
    return known.node;
  }));
  show(keptNone, !state.kept.length);
}

function drawOwn(state) {
  arrange(ownList, state.own.map((each) => {
    const known = row(`own ${each.id}`, ownList, (node) => {
      const text = make('div', 'sc-text', node), name = make('b', '', text), about = make('span', 'sc-fine', text);
      twice(node, 'Forget', 'Forget it?', () => trigger('forget', { id: each.id })).setAttribute('aria-label', `Forget ${each.id}`);
      return { name, about };
    });
    write(known.name, each.id);
    write(known.about, `${each.source} · ${each.ready ? 'ready' : 'to prepare'}`);
    return known.node;
  }));
}

function offerRow(each, node) {
  const text = make('div', 'sc-text', node), name = make('b', '', text), about = make('span', 'sc-fine', text);
  const terms = make('a', 'sc-fine', text, 'Accept the terms on the hub, then set HF_TOKEN');
  terms.target = '_blank'; terms.rel = 'noopener noreferrer'; terms.href = webAddress(each.terms);
  show(terms, Boolean(each.terms));
  let agreed = null;
  if (each.consent || each.runs_code) {
    const label = make('label', 'sc-agree', text);
    agreed = make('input', '', label);
    agreed.type = 'checkbox';
    make('span', '', label, [each.consent, each.runs_code ? 'It runs code that comes with the weights.' : ''].filter(Boolean).join(' ') + ' I agree.');
  }
  const line = make('span', 'sc-line', text), progress = make('progress', '', text), error = make('span', 'sc-error', text);
  progress.setAttribute('aria-label', `Preparing ${each.name}`);
  const go = pressable('sc-act', node, 'Prepare', () => trigger('prepare', { id: each.id, agreed: agreed ? agreed.checked : false }));
  go.setAttribute('aria-label', `Prepare ${each.name}`);
  const stop = pressable('sc-quiet', node, 'Stop', () => trigger('halt', { id: each.id }));
  stop.setAttribute('aria-label', `Stop preparing ${each.name}`);
  const allow = () => { go.disabled = Boolean(agreed && !agreed.checked); };
  if (agreed) agreed.addEventListener('change', allow);
  allow();
  return { name, about, line, progress, error, go, stop };
}

function drawOffer(each, list) {
  const known = row(`offer ${each.id}`, list, (node) => offerRow(each, node));
  write(known.name, each.name);
  const size = each.gb === null ? 'size unknown' : gigabytes(each.gb);
  write(known.about, [tasks[each.task], size, each.environment, each.licence].filter(Boolean).join(' · '));
  write(known.line, each.busy ? each.line : '');
  show(known.line, each.busy); show(known.progress, each.busy); show(known.stop, each.busy); show(known.go, !each.busy);
  if (each.share === null) known.progress.removeAttribute('value'); else known.progress.value = each.share;
  write(known.error, each.busy ? '' : each.error);
  show(known.error, !each.busy && Boolean(each.error));
  return known.node;
}
// One line for a family of several; its rows are made when it is opened.
function drawFamily(name, members) {
  const known = row(`family ${members[0].task} ${name}`, offerList, (node) => {
    const fold = make('details', 'sc-fold', node), head = make('summary', '', fold), text = make('span', 'sc-text', head);
    const title = make('b', '', text), about = make('span', 'sc-fine', text), list = make('ul', 'sc-list', fold);
    fold.addEventListener('toggle', draw);
    return { fold, title, about, list };
  });
  const sizes = members.flatMap((each) => each.gb ?? []).map(gigabytes);
  const ends = [...new Set([sizes[0], sizes[sizes.length - 1]].filter(Boolean))];
  write(known.title, name);
  write(known.about, [tasks[members[0].task], plural(members.length, 'engine'), ends.join(' to ')].filter(Boolean).join(' · '));
  if (known.fold.open) arrange(known.list, members.map((each) => drawOffer(each, known.list)));
  return known.node;
}

const MOST = 60;
// At work or failed first, then one line per family; what a search finds is shown flat.
function drawOffers(state) {
  const found = state.offers.filter((each) => each.busy || ((!task || each.task === task)
    && (!asked || `${each.id} ${each.name} ${each.licence}`.toLowerCase().includes(asked))));
  const alone = found.filter((each) => each.busy || each.error), families = new Map();
  for (const each of found.filter((one) => !alone.includes(one))) {
    const key = asked ? each.id : `${each.task} ${each.family}`;
    families.set(key, [...(families.get(key) || []), each]);
  }
  const lines = [...alone.map((each) => [each]), ...families.values()];
  arrange(offerList, lines.slice(0, asked ? MOST : lines.length).map((members) => members.length === 1 ? drawOffer(members[0], offerList)
    : drawFamily(members[0].family, members)));
  const more = asked && lines.length > MOST ? `${lines.length - MOST} more: search more closely. ` : '';
  const none = found.length ? '' : state.offers.length ? 'No engine matches. ' : 'Everything that fits this machine is prepared. ';
  write(offerNote, `${none}${more}${state.unavailable ? `${plural(state.unavailable, 'local engine')} cannot run here; the catalogue says why.` : ''}`);
}

function draw() {
  const state = known;
  if (!state || !state.ready) return;
  write(said, state.said); show(said, Boolean(state.said)); mark(said, 'data-tone', state.bad ? 'bad' : 'plain');
  write(locked, state.locked); show(locked, Boolean(state.locked));
  for (const part of [tiles, disk, mine, offers]) show(part, !state.locked);
  if (state.locked) return;
  write(held, gigabytes(state.kept.reduce((sum, each) => sum + each.gb, 0)));
  write(free, gigabytes(state.free_gb));
  write(wait, String(state.offers.length));
  drawKept(state); drawOwn(state); drawOffers(state);
}
function take() { known = props.value; draw(); }
watch('value', take);
element.addEventListener('sc-refresh', () => trigger('look', {}));
take();
trigger('look', {});
