// The result of a blind test (Results of ui/forest.py) as a forest plot; window.soundcheck.forest({}) is the function that draws it.
function drawForest(card, results) {
  const percent = results.kind === "ab" || results.kind === "abx" ? " %" : "";
  const at = (value) => (100 * (Math.min(results.high, Math.max(results.low, value)) - results.low)) / (results.high - results.low);
  const across = (value) => ({ x1: `${at(value)}%`, x2: `${at(value)}%`, y1: "0", y2: "100%" });
  const along = (low, high) => ({ x1: `${at(low)}%`, x2: `${at(high)}%`, y1: "50%", y2: "50%" });
  function figure(value) {
    if (value === null) return "–";
    const text = percent ? (100 * value).toFixed(0) : value.toFixed(results.kind === "mushra" ? 1 : 2);
    return text.replace("-", "−");
  }

  const top = html(card, "div", { class: "sc-listen-verdict" });
  html(top, "p", { class: results.enough ? null : "sc-listen-few", dir: "auto" }, results.verdict);
  html(top, "span", { class: "sc-listen-dim" }, results.headed || `${plural(results.votes, "vote")} · ${plural(results.listeners, "listener")}`);
  const list = html(card, "ol", { class: `sc-listen-forest${results.enough ? "" : " sc-listen-faint"}` });
  for (const line of results.lines) {
    const item = html(list, "li", { class: line.control ? "sc-listen-control" : null });
    const words = html(item, "div", { class: "sc-listen-words" });
    html(words, "b", { dir: "auto" }, line.name);
    if (line.note) html(words, "span", { class: "sc-listen-dim" }, line.note);
    const plot = svg(item, "svg", { class: "sc-listen-plot", "aria-hidden": "true" });
    svg(plot, "line", { ...along(results.low, results.high), class: "sc-listen-rail" });
    if (results.middle !== null) svg(plot, "line", { ...across(results.middle), class: "sc-listen-middle" });
    if (line.low !== null) svg(plot, "line", { ...along(line.low, line.high), class: "sc-listen-whisker" });
    if (line.value !== null) svg(plot, "circle", { cx: `${at(line.value)}%`, cy: "50%", r: "5.5", class: "sc-listen-dot" });
    const figures = html(item, "div", { class: "sc-listen-figure" });
    html(figures, "b", {}, figure(line.value) + (line.value === null ? "" : percent));
    const interval = line.low === null ? "no interval yet" : `${figure(line.low)} to ${figure(line.high)}${percent}`;
    html(figures, "span", { class: "sc-listen-dim" }, `${interval} · n ${line.n}`);
  }
  const axis = html(card, "div", { class: "sc-listen-axis", "aria-hidden": "true" });
  for (const text of [figure(results.low) + percent, results.unit, figure(results.high) + percent]) html(axis, "span", {}, text);
  for (const note of results.notes) html(card, "p", { class: "sc-listen-dim" }, note);
  if (results.inputs.length) {
    const more = html(card, "details", { class: "sc-listen-names sc-listen-inputs" });
    html(more, "summary", {}, `Votes on each of ${results.inputs.length} inputs`);
    const names = html(more, "dl");
    for (const [name, votes] of results.inputs) {
      html(names, "dt", {}, plural(votes, "vote"));
      html(names, "dd", { dir: "auto" }, name);
    }
  }
}
return drawForest;
