// The listening room. It draws a ListenState (ui/listen.py) and asks for the next one; texts go in through textContent alone.
// Sounds have neutral names here: what they are arrives only after the last vote.
const root = element.querySelector(".sc-listen-room");
const BIN_S = 0.05;
const LATE_MS = 60000;
const memory = { tokens: {}, number: 0, late: null, trial: "", kind: "ab", share: 0.5, rounds: {}, length: 20, off: {}, chosen: new Set(), references: [] };
try {
  memory.tokens = JSON.parse(sessionStorage.getItem("soundcheck-listen") || "{}");
} catch {
  memory.tokens = {};
}

function make(parent, tag, attributes = {}, text = null) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  if (text !== null) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}
function button(parent, text, className, pressed, attributes = {}) {
  const made = make(parent, "button", { type: "button", class: className, ...attributes }, text);
  made.addEventListener("click", pressed);
  return made;
}
function seconds(value) {
  const whole = Math.max(0, value);
  return `${Math.floor(whole / 60)}:${(whole % 60).toFixed(1).padStart(4, "0")}`;
}

// ------------------------------------------------------------------ asking

const status = make(null, "p", { class: "sc-listen-status", role: "status", "aria-live": "polite" });
function say(text, tone = "plain") {
  status.textContent = text;
  status.dataset.tone = tone;
}
function ask(doing, more = {}, busy = "") {
  memory.number += 1;
  if (busy) say(busy);
  root.setAttribute("aria-busy", "true");
  clearTimeout(memory.late);
  memory.late = setTimeout(() => {
    root.removeAttribute("aria-busy");
    say("The server did not answer. Check that Soundcheck still runs, then try again.", "bad");
  }, LATE_MS);
  const test = more.test || "";
  trigger("ask", { do: doing, number: memory.number, listener: memory.tokens[test] || "", ...more });
}
function linkOf(test) {
  const address = new URL(window.location.href);
  address.search = "";
  address.hash = "";
  address.searchParams.set("listen", test);
  return address.href;
}
function copyLink(test, pressed) {
  const link = linkOf(test);
  const shown = () => say(`The link: ${link}`);
  if (!navigator.clipboard) return shown();
  navigator.clipboard.writeText(link).then(() => {
    pressed.textContent = "Copied";
    setTimeout(() => (pressed.textContent = "Copy link"), 1500);
  }, shown);
}

// ------------------------------------------------------------------ the deck: every sound starts at one moment, one is loud

let speakers = null;
const deck = { sounds: [], buffers: [], nodes: [], covered: [], current: -1, at: 0, began: 0, playing: false, seen: 0, ready: false, restart: false, load: 0, changed: () => {} };
const length = (place) => (deck.buffers[place] ? deck.buffers[place].duration : 0);
const now = () => (deck.playing ? deck.at + Math.max(0, speakers.currentTime - deck.began) : deck.at);

function cover() {
  if (!deck.playing || deck.current < 0) return;
  const from = deck.seen;
  const to = Math.min(now(), length(deck.current));
  const bins = deck.covered[deck.current];
  for (let bin = Math.floor(from / BIN_S + 0.5); bin < Math.min(bins.length, Math.floor(to / BIN_S + 0.5)); bin += 1) bins[bin] = 1;
  if (to >= length(deck.current) - BIN_S / 2 && from < to) bins[bins.length - 1] = 1;
  deck.seen = Math.max(from, to);
}
function heard(place) {
  const bins = deck.covered[place];
  return bins && bins.length ? bins.reduce((sum, bin) => sum + bin, 0) / bins.length : 0;
}
function hush() {
  for (const { source } of deck.nodes) {
    try {
      source.stop();
    } catch {
      // it had ended by itself
    }
    source.disconnect();
  }
  deck.nodes = [];
}
function pause() {
  if (!deck.playing) return;
  cover();
  deck.at = Math.min(now(), length(deck.current));
  deck.playing = false;
  hush();
  deck.changed();
}
function start(offset) {
  hush();
  if (speakers.state === "suspended") speakers.resume();
  if (offset >= length(deck.current) - 0.02) offset = 0;
  deck.began = speakers.currentTime + 0.02;
  deck.at = offset;
  deck.seen = offset;
  deck.playing = true;
  deck.nodes = deck.buffers.map((buffer, place) => {
    const source = speakers.createBufferSource();
    const gain = speakers.createGain();
    source.buffer = buffer;
    gain.gain.value = place === deck.current ? 1 : 0;
    source.connect(gain).connect(speakers.destination);
    if (offset < buffer.duration) source.start(deck.began, offset);
    return { source, gain };
  });
  document.dispatchEvent(new CustomEvent("soundcheck:play", { detail: deck }));
  document.querySelectorAll("audio").forEach((other) => other.pause());
  deck.changed();
  requestAnimationFrame(follow);
}
function choose(place) {
  if (!deck.ready || !deck.buffers[place]) return;
  if (deck.playing && deck.current === place) return pause();
  cover();
  if (deck.playing && !deck.restart && now() < length(place)) {
    const time = speakers.currentTime;
    deck.nodes.forEach(({ gain }, each) => gain.gain.setTargetAtTime(each === place ? 1 : 0, time, 0.004));
    deck.current = place;
    deck.seen = now();
    return deck.changed();
  }
  const offset = deck.restart && deck.current !== place ? 0 : deck.playing ? 0 : deck.at;
  deck.current = place;
  start(offset);
}
function toggle() {
  if (deck.playing) return pause();
  if (deck.current < 0) deck.current = 0;
  if (deck.ready) start(deck.at);
}
function follow() {
  if (!deck.playing) return;
  if (!element.isConnected) return pause();
  cover();
  if (now() >= length(deck.current)) {
    deck.playing = false;
    deck.at = 0;
    hush();
  }
  deck.changed();
  if (deck.playing) requestAnimationFrame(follow);
}
// animation frames rest while the page is hidden; sound and its count do not
setInterval(() => deck.playing && document.hidden && follow(), 250);
async function loadDeck(sounds, restart) {
  pause();
  hush();
  deck.load += 1;
  const mine = deck.load;
  Object.assign(deck, { sounds, buffers: [], covered: [], current: -1, at: 0, playing: false, ready: false, restart });
  speakers = speakers || new AudioContext();
  const buffers = await Promise.all(
    sounds.map(async (sound) => {
      const answer = await fetch(sound.file.url);
      if (!answer.ok) throw new Error("gone");
      return speakers.decodeAudioData(await answer.arrayBuffer());
    }),
  );
  if (mine !== deck.load) return;
  deck.buffers = buffers;
  deck.covered = buffers.map((buffer) => new Uint8Array(Math.max(1, Math.round(buffer.duration / BIN_S))));
  deck.ready = true;
  deck.changed();
}
function playedElsewhere(event) {
  if (!element.isConnected) {
    document.removeEventListener("play", playedElsewhere, true);
    document.removeEventListener("soundcheck:play", playedElsewhere);
  } else if (event.detail === deck) return;
  pause();
}
document.addEventListener("play", playedElsewhere, true);
document.addEventListener("soundcheck:play", playedElsewhere);

// ------------------------------------------------------------------ home: make a test, and those there are

function field(parent, label, choices, value, changed) {
  const select = make(make(parent, "label", { class: "sc-listen-field" }, label), "select", { "aria-label": label });
  for (const [choice, text] of choices) make(select, "option", { value: choice }, text);
  select.value = String(value);
  select.addEventListener("change", () => changed(Number(select.value)));
  return select;
}
function drawHome(state) {
  pause();
  const page = make(null, "div", { class: "sc-listen-home" });
  const left = make(page, "section", { class: "sc-listen-card", "aria-label": "New test" });
  make(left, "h2", {}, "New blind test");
  make(left, "p", { class: "sc-listen-dim" }, "From anything with sounds that was run here. Names stay hidden until the last answer; loudness is matched.");
  const kinds = make(left, "div", { class: "sc-listen-kinds", role: "radiogroup", "aria-label": "Kind of test" });
  const settings = make(left, "div", { class: "sc-listen-settings" });
  const several = make(left, "div", { class: "sc-listen-several" });
  const list = make(left, "ul", { class: "sc-listen-offers" });
  function drawKinds() {
    const focused = kinds.contains(document.activeElement);
    kinds.replaceChildren();
    props.kinds.forEach(([name, title, meaning], place) => {
      const on = memory.kind === name;
      const pressed = (kind) => {
        memory.kind = kind;
        drawKinds();
        drawOffers();
      };
      const choice = button(kinds, null, "sc-listen-kind", () => pressed(name), { role: "radio", "aria-checked": String(on), tabindex: on ? "0" : "-1" });
      make(choice, "b", {}, title);
      make(choice, "span", {}, meaning);
      choice.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        pressed(props.kinds[(place + step + props.kinds.length) % props.kinds.length][0]);
      });
      if (on && focused) choice.focus();
    });
    settings.replaceChildren();
    field(settings, "Heard before a vote counts", props.shares.map((share) => [share, `${Math.round(100 * share)} % of each sound`]), memory.share, (value) => (memory.share = value));
    const rounds = props.rounds[memory.kind];
    if (rounds) {
      const value = memory.rounds[memory.kind] || (memory.kind === "abx" ? 10 : 1);
      memory.rounds[memory.kind] = value;
      field(settings, "Votes per pair and listener", rounds.map((count) => [count, String(count)]), value, (count) => (memory.rounds[memory.kind] = count));
    }
    if (memory.kind === "mushra") {
      const label = make(settings, "label", { class: "sc-listen-field" }, "Reference sound, optional");
      const files = make(label, "input", { type: "file", accept: "audio/*", multiple: true, "aria-label": "Reference sound, optional" });
      files.addEventListener("change", async () => {
        memory.references = [];
        say("Taking in the reference …");
        try {
          for (const file of files.files) memory.references.push({ path: (await upload(file)).path, name: file.name });
          say(`${memory.references.length} reference${memory.references.length === 1 ? "" : "s"} ready. A file named like a stem belongs to it.`);
        } catch {
          say("The reference could not be uploaded; it may be too large.", "bad");
        }
      });
    }
  }
  const offOf = (offer) => (memory.off[offer.id] = memory.off[offer.id] || new Set());
  function makeTest(offers, inputs) {
    root.querySelectorAll(".sc-listen-main").forEach((each) => (each.disabled = true));
    const off = new Set(offers.flatMap((offer) => [...offOf(offer)]));
    const ids = new Set(offers.flatMap((offer) => offer.engines.map((engine) => engine.id)));
    ask("make", {
      ...inputs, kind: memory.kind, share: memory.share, rounds: memory.rounds[memory.kind] || null, length: memory.length,
      engines: [...ids].filter((id) => !off.has(id)),
      references: memory.kind === "mushra" ? memory.references : [],
    }, "Preparing the sounds …");
  }
  function drawSeveral() {
    const single = state.offers.filter((offer) => !offer.batch);
    several.hidden = single.length < 2 && single.length === state.offers.length;
    if (several.hidden) return;
    several.replaceChildren();
    const chosen = single.filter((offer) => memory.chosen.has(offer.id));
    const mixed = new Set(chosen.map((offer) => offer.task)).size > 1;
    const words = make(several, "div", { class: "sc-listen-words" });
    make(words, "b", {}, "Over several inputs");
    const advice = mixed ? "These are of different tasks: tick comparisons of one." : "Tick comparisons of one task, or take a dataset run. Results are pooled.";
    make(words, "span", { class: "sc-listen-dim" }, advice);
    field(several, "Votes per listener", props.lengths.map((count) => [count, String(count)]), memory.length, (value) => (memory.length = value));
    const go = button(several, `Make one test of ${chosen.length}`, "sc-listen-main", () => makeTest(chosen, { comparisons: chosen.map((offer) => offer.id) }));
    go.disabled = chosen.length < 2 || mixed;
  }
  function drawOffers() {
    list.replaceChildren();
    drawSeveral();
    for (const offer of state.offers) {
      const fits = offer.kinds.includes(memory.kind);
      const item = make(list, "li", {});
      if (!offer.batch && !several.hidden) {
        const pick = make(item, "input", { type: "checkbox", class: "sc-listen-pick", "aria-label": `Choose ${offer.title}` });
        pick.checked = memory.chosen.has(offer.id);
        pick.addEventListener("change", () => {
          if (pick.checked) memory.chosen.add(offer.id);
          else memory.chosen.delete(offer.id);
          drawSeveral();
        });
      }
      const words = make(item, "div", { class: "sc-listen-words" });
      make(words, "b", { dir: "auto" }, offer.title);
      make(words, "span", { class: "sc-listen-dim" }, offer.detail + (offer.sounds.length ? ` · ${offer.sounds.join(", ")}` : ""));
      const chips = make(words, "div", { class: "sc-listen-chips", role: "group", "aria-label": "Engines" });
      const off = offOf(offer);
      for (const engine of offer.engines) {
        const chip = make(chips, "label", { class: "sc-listen-chip" });
        const box = make(chip, "input", { type: "checkbox" });
        box.checked = !off.has(engine.id);
        make(chip, "span", {}, engine.name);
        box.addEventListener("change", () => (box.checked ? off.delete(engine.id) : off.add(engine.id)));
      }
      const pressed = () => makeTest([offer], offer.batch ? { batch: offer.id } : { comparison: offer.id });
      const go = button(item, "Make test", "sc-listen-main", pressed, { "aria-label": `Make test of ${offer.title}` });
      go.disabled = !fits;
      if (!fits) go.title = "Needs two engines";
    }
    if (!state.offers.length) make(list, "li", { class: "sc-listen-empty" }, "Nothing to hear yet. Run text to speech, music, separation or a spoken answer with two engines, then come back.");
  }
  drawKinds();
  drawOffers();

  const right = make(page, "section", { class: "sc-listen-card", "aria-label": "Tests" });
  make(right, "h2", {}, "Tests");
  const tests = make(right, "ul", { class: "sc-listen-tests" });
  for (const test of state.tests) {
    const item = make(tests, "li", {});
    const words = make(item, "div", { class: "sc-listen-words" });
    make(words, "b", { dir: "auto" }, test.title);
    const line = make(words, "span", { class: "sc-listen-dim" });
    make(line, "i", { class: "sc-listen-badge" }, test.kind);
    line.append(` ${test.detail}`);
    const tools = make(item, "div", { class: "sc-listen-tools" });
    button(tools, "Listen", "sc-listen-plain", () => ask("open", { test: test.id }, "Opening …"), { "aria-label": `Listen: ${test.kind}, ${test.title}` });
    const copy = button(tools, "Copy link", "sc-listen-plain", () => copyLink(test.id, copy), { "aria-label": `Copy link of ${test.kind}, ${test.title}` });
    button(tools, "Results", "sc-listen-plain", () => ask("results", { test: test.id }, "Counting …"), { "aria-label": `Results: ${test.kind}, ${test.title}` });
  }
  if (!state.tests.length) make(tests, "li", { class: "sc-listen-empty" }, "No tests yet. Make one; others listen by its link, without an account.");
  root.replaceChildren(status, page);
}

// ------------------------------------------------------------------ one question

let answers = null;
function drawHead(page, state) {
  const head = make(page, "header", { class: "sc-listen-head" });
  if (state.owner) button(head, "← All tests", "sc-listen-plain", () => ask("home"));
  const words = make(head, "div", { class: "sc-listen-words" });
  make(words, "h2", { dir: "auto" }, state.title);
  make(make(words, "span", { class: "sc-listen-dim" }), "i", { class: "sc-listen-badge" }, state.kind_title);
  if (state.owner) {
    const copy = button(head, "Copy link", "sc-listen-plain", () => copyLink(state.test, copy));
  }
}
function drawTrial(state) {
  const trial = state.trial;
  const key = `${state.test} ${state.listener} ${trial.number}`;
  if (memory.trial === key && root.querySelector(".sc-listen-trial")) return answers.paint();
  memory.trial = key;
  const all = trial.reference ? [...trial.sounds, trial.reference] : trial.sounds;
  const page = make(null, "div", { class: "sc-listen-trial" });
  drawHead(page, state);
  const card = make(page, "section", { class: "sc-listen-card", "aria-label": "Question" });
  const top = make(card, "div", { class: "sc-listen-progress" });
  const bar = make(top, "span", { class: "sc-listen-bar", "aria-hidden": "true" });
  make(bar, "i", {}).style.width = `${(100 * (trial.place - 1)) / trial.of}%`;
  make(top, "span", {}, `${trial.place} of ${trial.of}`);
  const question = make(card, "h3", { class: "sc-listen-question", tabindex: "-1" }, trial.question);
  if (trial.input) make(card, "p", { class: "sc-listen-dim sc-listen-input", dir: "auto" }, `Input: ${trial.input}`);

  const players = make(card, "div", { class: `sc-listen-players sc-listen-${trial.kind}` });
  const views = [];
  const scores = trial.sounds.map(() => null);
  all.forEach((sound, place) => {
    const row = make(players, "div", { class: "sc-listen-sound" });
    const play = button(row, null, "sc-listen-play", () => choose(place));
    make(play, "b", {}, sound.label === "Reference" ? "Ref" : sound.label);
    const middle = make(row, "div", { class: "sc-listen-track" });
    const line = make(middle, "div", { class: "sc-listen-line", "aria-hidden": "true" });
    const fill = make(line, "i", {});
    const head = make(line, "u", {});
    const gate = make(line, "s", {});
    gate.style.left = `${100 * trial.share}%`;
    const words = make(middle, "span", { class: "sc-listen-dim" });
    let score = null;
    if (trial.kind === "mushra" && place < trial.sounds.length) {
      const box = make(row, "div", { class: "sc-listen-rate" });
      score = make(box, "input", { type: "range", min: "0", max: "100", step: "1", value: "50", "aria-label": `Rating of ${sound.label}, 0 to 100` });
      const figure = make(box, "output", {}, "–");
      const rated = () => {
        scores[place] = Number(score.value);
        figure.textContent = score.value;
        row.classList.add("sc-listen-rated");
        answers.paint();
      };
      score.addEventListener("input", rated);
      score.addEventListener("pointerup", rated);
      score.addEventListener("keydown", (event) => event.key === "Enter" && rated());
    } else if (trial.kind === "mushra") make(row, "div", { class: "sc-listen-rate sc-listen-dim" }, "open reference: compare, do not rate");
    views.push({ row, play, fill, head, words, gated: place < trial.sounds.length });
  });
  if (trial.kind === "mushra") {
    const scale = make(card, "div", { class: "sc-listen-scale", "aria-hidden": "true" });
    ["Bad", "Poor", "Fair", "Good", "Excellent"].forEach((word) => make(scale, "span", {}, word));
  }
  const missing = make(card, "p", { class: "sc-listen-dim sc-listen-missing", id: "sc-listen-missing" });
  const row = make(card, "div", { class: `sc-listen-answers sc-listen-${trial.kind}`, role: "group", "aria-label": trial.question });
  const shown = trial.kind === "mushra" ? [[null, "Next"]] : trial.answers;
  const letters = { ab: ["A", "B", "T", "N"], abx: ["A", "B"] }[trial.kind] || [];
  const vote = (choice) => {
    if (!answers.open()) return answers.paint();
    pause();
    buttons.forEach((each) => (each.disabled = true));
    answers.sent = true;
    ask("vote", { test: state.test, listener: state.listener, trial: trial.number, choice, heard: trial.sounds.map((_, place) => Math.min(1, heard(place))) }, "");
  };
  const chosen = (answer) => (trial.kind === "mushra" ? scores.slice() : answer);
  const buttons = shown.map(([answer, words], place) => {
    const made = button(row, null, "sc-listen-answer", () => vote(chosen(answer)), { "aria-describedby": "sc-listen-missing" });
    if (trial.kind === "cmos") make(made, "b", {}, answer > 0 ? `+${answer}` : String(answer).replace("-", "−"));
    if (trial.kind === "acr") make(made, "b", {}, String(answer));
    make(made, "span", {}, words);
    if (letters[place]) make(made, "kbd", {}, letters[place]);
    return made;
  });
  const keys = [all.length > 2 ? `1 to ${all.length} play` : all.length > 1 ? "1 and 2 play" : "1 plays", "space pauses", trial.restart ? "each starts from its beginning" : "switching keeps the place"];
  make(card, "p", { class: "sc-listen-dim sc-listen-keys" }, `Keys: ${keys.join(" · ")}${letters.length ? ` · ${letters.join(", ")} answer` : ""}`);

  answers = {
    sent: false,
    letters: Object.fromEntries(letters.map((letter, place) => [letter.toLowerCase(), shown[place][0]])),
    vote,
    open: () => deck.ready && !answers.sent && trial.sounds.every((_, place) => heard(place) >= trial.share) && (trial.kind !== "mushra" || scores.every((each) => each !== null)),
    paint: () => {
      const lacking = trial.sounds.filter((_, place) => heard(place) < trial.share).map((sound) => sound.label);
      views.forEach((view, place) => {
        const on = deck.playing && deck.current === place;
        view.row.classList.toggle("sc-listen-on", on);
        view.row.classList.toggle("sc-listen-enough", view.gated && heard(place) >= trial.share);
        view.play.disabled = !deck.ready;
        view.play.setAttribute("aria-label", `${on ? "Pause" : "Play"} ${all[place].label}`);
        view.play.setAttribute("aria-pressed", String(on));
        view.fill.style.width = `${100 * heard(place)}%`;
        view.head.style.left = length(place) ? `${Math.min(100, (100 * (deck.current === place ? now() : 0)) / length(place))}%` : "0%";
        const text = `${seconds(deck.current === place ? Math.min(now(), length(place)) : 0)} / ${seconds(all[place].seconds)} · heard ${Math.round(100 * heard(place))} %`;
        if (view.words.textContent !== text) view.words.textContent = text;
      });
      const share = Math.round(100 * trial.share);
      const unrated = trial.kind === "mushra" ? trial.sounds.filter((_, place) => scores[place] === null).map((sound) => sound.label) : [];
      const text = !deck.ready ? "Loading the sounds …" : lacking.length ? `Listen to at least ${share} % of ${lacking.join(", ")}.` : unrated.length ? `Rate ${unrated.join(", ")}.` : "Ready for your answer.";
      if (missing.textContent !== text) missing.textContent = text;
      const open = answers.open();
      buttons.forEach((each) => {
        if (each.disabled === open) each.disabled = !open;
      });
    },
  };
  deck.changed = () => answers.paint();
  // first of all the last question's sounds are forgotten, so that what was heard of them counts for none of these
  loadDeck(all, trial.restart).catch(() => say("The sounds could not be loaded. Reload the page; your answers so far are kept.", "bad"));
  root.replaceChildren(status, page);
  answers.paint();
  question.focus({ preventScroll: true });
}
function pressed(event) {
  if (!element.isConnected) return document.removeEventListener("keydown", pressed);
  const typing = event.target.closest && event.target.closest("input:not([type=range]), textarea, select, [contenteditable=true]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || root.offsetParent === null || !root.querySelector(".sc-listen-trial")) return;
  const place = "123456789".indexOf(event.key);
  if (place >= 0 && place < deck.sounds.length) choose(place);
  else if (event.key === " " && !(event.target.closest && event.target.closest("button, a"))) toggle();
  else if (event.key.toLowerCase() in answers.letters) answers.vote(answers.letters[event.key.toLowerCase()]);
  else return;
  event.preventDefault();
}
document.addEventListener("keydown", pressed);

// ------------------------------------------------------------------ results

function drawResults(state) {
  pause();
  const results = state.results;
  const page = make(null, "div", { class: "sc-listen-results" });
  drawHead(page, state);
  const card = make(page, "section", { class: "sc-listen-card", "aria-label": "Results" });
  window.soundcheck.forest({})(card, results);
  const tools = make(card, "div", { class: "sc-listen-tools" });
  const get = (kind) => trigger("export", { test: state.test, listener: memory.tokens[state.test] || "", kind });
  button(tools, "CSV", "sc-listen-plain", () => get("csv"), { "data-kind": "csv", "aria-label": "Download every vote as CSV" });
  button(tools, "webMUSHRA CSV", "sc-listen-plain", () => get("webmushra"), { "data-kind": "webmushra" });
  button(tools, "Refresh", "sc-listen-plain", () => ask("results", { test: state.test }));
  if (results.names.length) {
    const more = make(card, "details", { class: "sc-listen-names" });
    make(more, "summary", {}, "What you heard");
    const names = make(more, "dl", {});
    for (const [place, who] of results.names) {
      make(names, "dt", {}, place);
      make(names, "dd", {}, who);
    }
  }
  root.replaceChildren(status, page);
}

// ------------------------------------------------------------------ drawing what came

function draw() {
  const state = props.value || {};
  if (!state.view || state.view === "wait" || state.number < memory.number) return;
  clearTimeout(memory.late);
  root.removeAttribute("aria-busy");
  if (state.test && state.listener) {
    memory.tokens[state.test] = state.listener;
    try {
      sessionStorage.setItem("soundcheck-listen", JSON.stringify(memory.tokens));
    } catch {
      // without storage a reload starts as a new listener
    }
  }
  say(state.message || "", state.tone);
  if (state.view === "trial" && state.trial) {
    if (answers && answers.sent) memory.trial = "";
    drawTrial(state);
  } else if (state.view === "results" && state.results) drawResults(state);
  else drawHome(state);
}
const linked = new URLSearchParams(window.location.search).get("listen");
const begin = () => (linked ? ask("open", { test: linked }, "Opening the test …") : ask("home"));
element.addEventListener("sc-refresh", () => {
  // a question under way is neither thrown away nor asked twice
  if (root.querySelector(".sc-listen-home")) ask("home");
  else if (!root.children[1] && !root.hasAttribute("aria-busy")) begin();
});
watch("value", draw);
root.append(status);
say("Reading what was kept …");
begin();
