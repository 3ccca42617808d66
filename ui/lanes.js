// Who speaks when, as engines hear it: a row for each speaker, a button for each turn. Names and words come from strangers: textContent alone.
// window.soundcheck.lanes({})(box, play) is the function that draws `lanes` of a WordsState (ui/words.py) into `box`.
function newLanes(box, play) {
  let chosen = 0;
  return function drawLanes({ lanes, engines }) {
    box.hidden = lanes.length === 0;
    box.replaceChildren();
    if (!lanes.length) return;
    chosen = Math.min(chosen, lanes.length - 1);
    const own = lanes[chosen];
    const top = make('div', 'sc-differ-head', box);
    make('h4', '', top, 'Who speaks when');
    if (lanes.length > 1) {
      const select = make('select', 'sc-chip', top);
      select.setAttribute('aria-label', 'As heard by');
      lanes.forEach((lane, number) => {
        make('option', '', select, engines[lane.engine].name).value = String(number);
      });
      select.value = String(chosen);
      select.addEventListener('change', () => {
        chosen = Number(select.value);
        drawLanes({ lanes, engines });
        box.querySelector('select').focus();
      });
    } else make('span', 'sc-dim', top, `as heard by ${engines[own.engine].name}`);
    const end_s = Math.max(0.1, ...own.turns.map((turn) => turn.end_s));
    const group = make('div', 'sc-lanes', box);
    group.setAttribute('role', 'group');
    group.setAttribute('aria-label', 'Turns in time; arrow keys move, Enter plays');
    const shown = make('p', 'sc-turn-text', box);
    shown.dir = 'auto';
    const rows = own.speakers.map((speaker, lane) => {
      const row = make('div', `sc-lane sc-lane-${lane % 6}`, group);
      const spoken = own.turns.reduce((sum, turn) => sum + (turn.lane === lane ? turn.end_s - turn.start_s : 0), 0);
      const label = make('div', 'sc-lane-name', row);
      make('bdi', '', label, speaker);
      make('span', 'sc-dim', label, `${spoken.toFixed(1)} s`);
      return make('div', 'sc-lane-line', row);
    });
    const nodes = own.turns.map((turn) => {
      const node = pressable('sc-turn', rows[turn.lane], '', () => {
        focusTurn(node, false);
        play(turn.start_s, turn.end_s, `${own.speakers[turn.lane]}, ${clock(turn.start_s)} to ${clock(turn.end_s)}.`);
      });
      node.style.left = `${(100 * turn.start_s) / end_s}%`;
      node.style.width = `${(100 * (turn.end_s - turn.start_s)) / end_s}%`;
      node.tabIndex = -1;
      const named = `${own.speakers[turn.lane]}, ${clock(turn.start_s)}–${clock(turn.end_s)}: ${turn.text}`;
      node.setAttribute('aria-label', named);
      const tell = () => (shown.textContent = named);
      node.addEventListener('focus', tell);
      node.addEventListener('pointerenter', tell);
      return node;
    });
    const focusTurn = (node, move = true) => {
      nodes.forEach((other) => (other.tabIndex = -1));
      node.tabIndex = 0;
      if (move) node.focus();
    };
    if (nodes.length) nodes[0].tabIndex = 0;
    shown.textContent = own.turns.length ? nodes[0].getAttribute('aria-label') : '';
    group.addEventListener('keydown', (event) => {
      const at = nodes.indexOf(event.target);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: nodes.length - 1 }[event.key];
      if (at < 0 || to === undefined) return;
      event.preventDefault();
      if (nodes[to]) focusTurn(nodes[to]);
    });
    const axis = make('div', 'sc-axis', group);
    axis.setAttribute('aria-hidden', 'true');
    for (let tick = 0; tick <= 4; tick += 1) make('span', '', axis, clock((end_s * tick) / 4));
  };
}
return newLanes;
