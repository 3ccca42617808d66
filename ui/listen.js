// The listening room. It draws a ListenState (ui/listen.py) and asks for the next one; texts go in through textContent alone.
// Sounds have neutral names here: what they are arrives only after the last vote.
const root = element.querySelector(".sc-listen-room");
const LATE_MS = 60000;
const memory = { tokens: {}, number: 0, late: null, trial: "", kind: "ab", share: 0.5, rounds: {}, length: 20, off: {}, chosen: new Set(), references: [] };
try {
  memory.tokens = JSON.parse(sessionStorage.getItem("soundcheck-listen") || "{}");
} catch {
  memory.tokens = {};
}

// ------------------------------------------------------------------ asking

const status = html(null, "p", { class: "sc-listen-status", role: "status", "aria-live": "polite" });
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

const drawHome = window.soundcheck.listen_home({})({ root, props, memory, ask, say, upload, copyLink });
let answers = null;
const player = window.soundcheck.listen_player({ element })(() => answers && answers.paint());

// ------------------------------------------------------------------ one question

function drawHead(page, state) {
  const head = html(page, "header", { class: "sc-listen-head" });
  if (state.owner) press(head, "← All tests", "sc-listen-plain", () => ask("home"));
  const words = html(head, "div", { class: "sc-listen-words" });
  html(words, "h2", { dir: "auto" }, state.title);
  html(html(words, "span", { class: "sc-listen-dim" }), "i", { class: "sc-listen-badge" }, state.kind_title);
  if (state.owner) {
    const copy = press(head, "Copy link", "sc-listen-plain", () => copyLink(state.test, copy));
  }
}
function drawTrial(state) {
  const trial = state.trial;
  const key = `${state.test} ${state.listener} ${trial.number}`;
  if (memory.trial === key && root.querySelector(".sc-listen-trial")) return answers.paint();
  memory.trial = key;
  const all = trial.reference ? [...trial.sounds, trial.reference] : trial.sounds;
  const page = html(null, "div", { class: "sc-listen-trial" });
  drawHead(page, state);
  const card = html(page, "section", { class: "sc-listen-card", "aria-label": "Question" });
  const top = html(card, "div", { class: "sc-listen-progress" });
  const bar = html(top, "span", { class: "sc-listen-bar", "aria-hidden": "true" });
  html(bar, "i", {}).style.width = `${(100 * (trial.place - 1)) / trial.of}%`;
  html(top, "span", {}, `${trial.place} of ${trial.of}`);
  const question = html(card, "h3", { class: "sc-listen-question", tabindex: "-1" }, trial.question);
  if (trial.input) html(card, "p", { class: "sc-listen-dim sc-listen-input", dir: "auto" }, `Input: ${trial.input}`);

  const players = html(card, "div", { class: `sc-listen-players sc-listen-${trial.kind}` });
  const views = [];
  const scores = trial.sounds.map(() => null);
  all.forEach((sound, place) => {
    const row = html(players, "div", { class: "sc-listen-sound" });
    const play = press(row, null, "sc-listen-play", () => player.choose(place));
    html(play, "b", {}, sound.label === "Reference" ? "Ref" : sound.label);
    const middle = html(row, "div", { class: "sc-listen-track" });
    const line = html(middle, "div", { class: "sc-listen-line", "aria-hidden": "true" });
    const fill = html(line, "i", {});
    const head = html(line, "u", {});
    const gate = html(line, "s", {});
    gate.style.left = `${100 * trial.share}%`;
    const words = html(middle, "span", { class: "sc-listen-dim" });
    let score = null;
    if (trial.kind === "mushra" && place < trial.sounds.length) {
      const box = html(row, "div", { class: "sc-listen-rate" });
      score = html(box, "input", { type: "range", min: "0", max: "100", step: "1", value: "50", "aria-label": `Rating of ${sound.label}, 0 to 100` });
      const figure = html(box, "output", {}, "–");
      const rated = () => {
        scores[place] = Number(score.value);
        figure.textContent = score.value;
        row.classList.add("sc-listen-rated");
        answers.paint();
      };
      score.addEventListener("input", rated);
      score.addEventListener("pointerup", rated);
      score.addEventListener("keydown", (event) => event.key === "Enter" && rated());
    } else if (trial.kind === "mushra") html(row, "div", { class: "sc-listen-rate sc-listen-dim" }, "open reference: compare, do not rate");
    views.push({ row, play, fill, head, words, gated: place < trial.sounds.length });
  });
  if (trial.kind === "mushra") {
    const scale = html(card, "div", { class: "sc-listen-scale", "aria-hidden": "true" });
    ["Bad", "Poor", "Fair", "Good", "Excellent"].forEach((word) => html(scale, "span", {}, word));
  }
  const missing = html(card, "p", { class: "sc-listen-dim sc-listen-missing", id: "sc-listen-missing" });
  const row = html(card, "div", { class: `sc-listen-answers sc-listen-${trial.kind}`, role: "group", "aria-label": trial.question });
  const shown = trial.kind === "mushra" ? [[null, "Next"]] : trial.answers;
  const letters = { ab: ["A", "B", "T", "N"], abx: ["A", "B"] }[trial.kind] || [];
  const vote = (choice) => {
    if (!answers.open()) return answers.paint();
    player.pause();
    buttons.forEach((each) => (each.disabled = true));
    answers.sent = true;
    ask("vote", { test: state.test, listener: state.listener, trial: trial.number, choice, heard: trial.sounds.map((_, place) => Math.min(1, player.heard(place))) }, "");
  };
  const chosen = (answer) => (trial.kind === "mushra" ? scores.slice() : answer);
  const buttons = shown.map(([answer, words], place) => {
    const made = press(row, null, "sc-listen-answer", () => vote(chosen(answer)), { "aria-describedby": "sc-listen-missing" });
    if (trial.kind === "cmos") html(made, "b", {}, answer > 0 ? `+${answer}` : String(answer).replace("-", "−"));
    if (trial.kind === "acr") html(made, "b", {}, String(answer));
    html(made, "span", {}, words);
    if (letters[place]) html(made, "kbd", {}, letters[place]);
    return made;
  });
  const keys = [all.length > 2 ? `1 to ${all.length} play` : all.length > 1 ? "1 and 2 play" : "1 plays", "space pauses", trial.restart ? "each starts from its beginning" : "switching keeps the place"];
  html(card, "p", { class: "sc-listen-dim sc-listen-keys" }, `Keys: ${keys.join(" · ")}${letters.length ? ` · ${letters.join(", ")} answer` : ""}`);

  answers = {
    sent: false,
    letters: Object.fromEntries(letters.map((letter, place) => [letter.toLowerCase(), shown[place][0]])),
    vote,
    open: () => player.state.ready && !answers.sent && trial.sounds.every((_, place) => player.heard(place) >= trial.share) && (trial.kind !== "mushra" || scores.every((each) => each !== null)),
    paint: () => {
      const lacking = trial.sounds.filter((_, place) => player.heard(place) < trial.share).map((sound) => sound.label);
      views.forEach((view, place) => {
        const on = player.state.playing && player.state.current === place;
        view.row.classList.toggle("sc-listen-on", on);
        view.row.classList.toggle("sc-listen-enough", view.gated && player.heard(place) >= trial.share);
        view.play.disabled = !player.state.ready;
        view.play.setAttribute("aria-label", `${on ? "Pause" : "Play"} ${all[place].label}`);
        view.play.setAttribute("aria-pressed", String(on));
        view.fill.style.width = `${100 * player.heard(place)}%`;
        view.head.style.left = player.length(place) ? `${Math.min(100, (100 * (player.state.current === place ? player.now() : 0)) / player.length(place))}%` : "0%";
        const text = `${clock(player.state.current === place ? Math.min(player.now(), player.length(place)) : 0)} / ${clock(all[place].seconds)} · heard ${Math.round(100 * player.heard(place))} %`;
        if (view.words.textContent !== text) view.words.textContent = text;
      });
      const share = Math.round(100 * trial.share);
      const unrated = trial.kind === "mushra" ? trial.sounds.filter((_, place) => scores[place] === null).map((sound) => sound.label) : [];
      const text = !player.state.ready ? "Loading the sounds …" : lacking.length ? `Listen to at least ${share} % of ${lacking.join(", ")}.` : unrated.length ? `Rate ${unrated.join(", ")}.` : "Ready for your answer.";
      if (missing.textContent !== text) missing.textContent = text;
      const open = answers.open();
      buttons.forEach((each) => {
        if (each.disabled === open) each.disabled = !open;
      });
    },
  };
  // first of all the last question's sounds are forgotten, so that what was heard of them counts for none of these
  player.load(all, trial.restart).catch(() => say("The sounds could not be loaded. Reload the page; your answers so far are kept.", "bad"));
  root.replaceChildren(status, page);
  answers.paint();
  question.focus({ preventScroll: true });
}
function pressed(event) {
  if (!element.isConnected) return document.removeEventListener("keydown", pressed);
  const typing = event.target.closest && event.target.closest("input:not([type=range]), textarea, select, [contenteditable=true]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || root.offsetParent === null || !root.querySelector(".sc-listen-trial")) return;
  const place = "123456789".indexOf(event.key);
  if (place >= 0 && place < player.state.sounds.length) player.choose(place);
  else if (event.key === " " && !(event.target.closest && event.target.closest("button, a"))) player.toggle();
  else if (event.key.toLowerCase() in answers.letters) answers.vote(answers.letters[event.key.toLowerCase()]);
  else return;
  event.preventDefault();
}
document.addEventListener("keydown", pressed);

// ------------------------------------------------------------------ results

function drawResults(state) {
  player.pause();
  const results = state.results;
  const page = html(null, "div", { class: "sc-listen-results" });
  drawHead(page, state);
  const card = html(page, "section", { class: "sc-listen-card", "aria-label": "Results" });
  window.soundcheck.forest({})(card, results);
  const tools = html(card, "div", { class: "sc-listen-tools" });
  const get = (kind) => trigger("export", { test: state.test, listener: memory.tokens[state.test] || "", kind });
  press(tools, "CSV", "sc-listen-plain", () => get("csv"), { "data-kind": "csv", "aria-label": "Download every vote as CSV" });
  press(tools, "webMUSHRA CSV", "sc-listen-plain", () => get("webmushra"), { "data-kind": "webmushra" });
  press(tools, "Refresh", "sc-listen-plain", () => ask("results", { test: state.test }));
  if (results.names.length) {
    const more = html(card, "details", { class: "sc-listen-names" });
    html(more, "summary", {}, "What you heard");
    const names = html(more, "dl", {});
    for (const [place, who] of results.names) {
      html(names, "dt", {}, place);
      html(names, "dd", {}, who);
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
  else {
    player.pause();
    root.replaceChildren(status, drawHome(state));
  }
}
const linked = new URLSearchParams(window.location.search).get("listen");
const begin = () => makeWanted() || (linked ? ask("open", { test: linked }, "Opening the test …") : ask("home"));
// A comparison whose deck asked for a blind test; it is made of all its engines at once.
function makeWanted() {
  const comparison = window.soundcheckBlindTest;
  if (!comparison) return false;
  window.soundcheckBlindTest = "";
  ask("make", { comparison, kind: "ab", share: memory.share, rounds: null, engines: [] }, "Preparing the sounds …");
  return true;
}
element.addEventListener("sc-refresh", () => {
  // a question under way is neither thrown away nor asked twice
  if (makeWanted()) return;
  if (root.querySelector(".sc-listen-home")) ask("home");
  else if (!root.children[1] && !root.hasAttribute("aria-busy")) begin();
});
function wanted() {
  if (!element.isConnected) document.removeEventListener("soundcheck:blind-test", wanted);
  else if (root.children[1]) makeWanted();
}
document.addEventListener("soundcheck:blind-test", wanted);
root.player = player;
watch("value", draw);
root.append(status);
say("Reading what was kept …");
begin();
