// The front page of the listening room: making a blind test of what was run here, and the tests there are. Texts are strangers': textContent alone.
// window.soundcheck.listen_home({})(room) is the function that draws a ListenState of view "home"; `room` is what ui/listen.js hands over.
function newHome({ root, props, memory, ask, say, upload, copyLink }) {
  function field(parent, label, choices, value, changed) {
    const select = html(html(parent, "label", { class: "sc-listen-field" }, label), "select", { "aria-label": label });
    for (const [choice, text] of choices) html(select, "option", { value: choice }, text);
    select.value = String(value);
    select.addEventListener("change", () => changed(Number(select.value)));
    return select;
  }
  function drawHome(state) {
    const page = html(null, "div", { class: "sc-listen-home" });
    const left = html(page, "section", { class: "sc-listen-card", "aria-label": "New test" });
    html(left, "h2", {}, "New blind test");
    html(left, "p", { class: "sc-listen-dim" }, "From anything with sounds that was run here. Names stay hidden until the last answer; loudness is matched.");
    const kinds = html(left, "div", { class: "sc-listen-kinds", role: "radiogroup", "aria-label": "Kind of test" });
    const settings = html(left, "div", { class: "sc-listen-settings" });
    const several = html(left, "div", { class: "sc-listen-several" });
    const list = html(left, "ul", { class: "sc-listen-offers" });
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
        const choice = press(kinds, null, "sc-listen-kind", () => pressed(name), { role: "radio", "aria-checked": String(on), tabindex: on ? "0" : "-1" });
        html(choice, "b", {}, title);
        html(choice, "span", {}, meaning);
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
        const label = html(settings, "label", { class: "sc-listen-field" }, "Reference sound, optional");
        const files = html(label, "input", { type: "file", accept: "audio/*", multiple: true, "aria-label": "Reference sound, optional" });
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
      const words = html(several, "div", { class: "sc-listen-words" });
      html(words, "b", {}, "Over several inputs");
      const advice = mixed ? "These are of different tasks: tick comparisons of one." : "Tick comparisons of one task, or take a dataset run. Results are pooled.";
      html(words, "span", { class: "sc-listen-dim" }, advice);
      field(several, "Votes per listener", props.lengths.map((count) => [count, String(count)]), memory.length, (value) => (memory.length = value));
      const go = press(several, `Make one test of ${chosen.length}`, "sc-listen-main", () => makeTest(chosen, { comparisons: chosen.map((offer) => offer.id) }));
      go.disabled = chosen.length < 2 || mixed;
    }
    function drawOffers() {
      list.replaceChildren();
      drawSeveral();
      for (const offer of state.offers) {
        const fits = offer.kinds.includes(memory.kind);
        const item = html(list, "li", {});
        if (!offer.batch && !several.hidden) {
          const pick = html(item, "input", { type: "checkbox", class: "sc-listen-pick", "aria-label": `Choose ${offer.title}` });
          pick.checked = memory.chosen.has(offer.id);
          pick.addEventListener("change", () => {
            if (pick.checked) memory.chosen.add(offer.id);
            else memory.chosen.delete(offer.id);
            drawSeveral();
          });
        }
        const words = html(item, "div", { class: "sc-listen-words" });
        html(words, "b", { dir: "auto" }, offer.title);
        html(words, "span", { class: "sc-listen-dim" }, offer.detail + (offer.sounds.length ? ` · ${offer.sounds.join(", ")}` : ""));
        const chips = html(words, "div", { class: "sc-listen-chips", role: "group", "aria-label": "Engines" });
        const off = offOf(offer);
        for (const engine of offer.engines) {
          const chip = html(chips, "label", { class: "sc-listen-chip" });
          const box = html(chip, "input", { type: "checkbox" });
          box.checked = !off.has(engine.id);
          html(chip, "span", {}, engine.name);
          box.addEventListener("change", () => (box.checked ? off.delete(engine.id) : off.add(engine.id)));
        }
        const pressed = () => makeTest([offer], offer.batch ? { batch: offer.id } : { comparison: offer.id });
        const go = press(item, "Make test", "sc-listen-main", pressed, { "aria-label": `Make test of ${offer.title}` });
        go.disabled = !fits;
        if (!fits) go.title = "Needs two engines";
      }
      if (!state.offers.length) html(list, "li", { class: "sc-listen-empty" }, "Nothing to hear yet. Run text to speech, music, separation or a spoken answer with two engines, then come back.");
    }
    drawKinds();
    drawOffers();

    const right = html(page, "section", { class: "sc-listen-card", "aria-label": "Tests" });
    html(right, "h2", {}, "Tests");
    const tests = html(right, "ul", { class: "sc-listen-tests" });
    for (const test of state.tests) {
      const item = html(tests, "li", {});
      const words = html(item, "div", { class: "sc-listen-words" });
      html(words, "b", { dir: "auto" }, test.title);
      const line = html(words, "span", { class: "sc-listen-dim" });
      html(line, "i", { class: "sc-listen-badge" }, test.kind);
      line.append(` ${test.detail}`);
      const tools = html(item, "div", { class: "sc-listen-tools" });
      press(tools, "Listen", "sc-listen-plain", () => ask("open", { test: test.id }, "Opening …"), { "aria-label": `Listen: ${test.kind}, ${test.title}` });
      const copy = press(tools, "Copy link", "sc-listen-plain", () => copyLink(test.id, copy), { "aria-label": `Copy link of ${test.kind}, ${test.title}` });
      press(tools, "Results", "sc-listen-plain", () => ask("results", { test: test.id }, "Counting …"), { "aria-label": `Results: ${test.kind}, ${test.title}` });
    }
    if (!state.tests.length) html(tests, "li", { class: "sc-listen-empty" }, "No tests yet. Make one; others listen by its link, without an account.");
    return page;
  }
  return drawHome;
}
return newHome;
