// Draws a VerdictsState (ui/verdicts.py). Everything goes through textContent: answers and names come from strangers.
const root = element.querySelector('.sc-verdicts');

function make(tag, className, parent, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}
const plural = (count, word) => `${count.toLocaleString('en-US')} ${word}${count === 1 ? '' : 's'}`;

function drawDifferences(item, line, times) {
  if (line.differences.length) {
    const list = make('ul', 'sc-changed', item);
    for (const each of line.differences) {
      const entry = make('li', '', list);
      make('del', each.reference ? '' : 'sc-no-word', entry, each.reference || 'no word');
      make('span', 'sc-to', entry, '→');
      make('ins', each.transcript ? '' : 'sc-no-word', entry, each.transcript || 'no word');
      make('small', '', entry, `${each.votes} of ${times}`);
    }
  }
  if (line.harmless) make('p', 'sc-fine', item, `${plural(line.harmless, 'other difference')} left the meaning alone.`);
}

function drawRating(item, line, place) {
  const row = make('div', 'sc-rating', item);
  const choices = make('fieldset', '', row);
  make('legend', '', choices, `Rating of ${line.name}`);
  for (let stars = 1; stars <= 5; stars += 1) {
    const label = make('label', '', choices);
    const box = make('input', '', label);
    box.type = 'radio';
    box.name = `${props.elem_id || 'rating'}-${place}`;
    box.value = stars;
    box.checked = line.stars === stars;
    make('span', '', label, String(stars));
  }
  const note = make('input', 'sc-why', row);
  note.type = 'text';
  note.maxLength = 2000;
  note.value = line.note;
  note.placeholder = 'Why';
  note.setAttribute('aria-label', `Why, for ${line.name}`);
}

function ratings() {
  return [...root.querySelectorAll('.sc-rating')].map((row) => {
    const chosen = row.querySelector('input[type=radio]:checked');
    return { stars: chosen ? Number(chosen.value) : null, note: row.querySelector('.sc-why').value };
  });
}

function draw() {
  const value = props.value || {};
  const lines = value.lines || [];
  root.replaceChildren();
  root.hidden = !lines.length;
  if (!lines.length) return;
  const list = make('ol', '', root);
  lines.forEach((line, place) => {
    const item = make('li', '', list);
    const head = make('div', 'sc-verdict-head', item);
    make('b', '', head, line.name);
    if (line.figure) make('span', 'sc-figure', head, line.figure);
    if (line.spread) make('span', 'sc-fine', head, line.spread);
    if (line.reason) make('p', 'sc-reason', item, `Not judged: ${line.reason.replace(/\.$/, '')}.`);
    if (line.answer) make('p', 'sc-answer', item, line.answer).tabIndex = 0; // it may scroll
    drawDifferences(item, line, value.times);
    if (value.rate) drawRating(item, line, place);
  });
  if (value.rate) {
    const keep = make('button', 'sc-keep', root, 'Keep ratings');
    keep.type = 'button';
    keep.addEventListener('click', () => trigger('keep', { ratings: ratings() }));
  }
}
watch('value', draw);
draw();
