// The sounds of one question of a blind test: all run on one clock, one is loud, and what was heard of each is counted.
// window.soundcheck.listen_player({ element })(changed) makes one; `changed` is called whenever anything about it is to be drawn anew.
const { newKnob, turn, startAll, stopAll, soon } = window.soundcheck.sound({});
const BIN_S = 0.05;

function newPlayer(changed) {
  const state = { sounds: [], buffers: [], levels: [], voices: [], covered: [], current: -1, at: 0, began: 0, playing: false, seen: 0, ready: false, restart: false, load: 0 };
  let speakers = null;
  let output = null;
  const length = (place) => (state.buffers[place] ? state.buffers[place].duration : 0);
  const now = () => (state.playing ? state.at + Math.max(0, speakers.currentTime - state.began) : state.at);

  function cover() {
    if (!state.playing || state.current < 0) return;
    const from = state.seen;
    const to = Math.min(now(), length(state.current));
    const bins = state.covered[state.current];
    for (let bin = Math.floor(from / BIN_S + 0.5); bin < Math.min(bins.length, Math.floor(to / BIN_S + 0.5)); bin += 1) bins[bin] = 1;
    if (to >= length(state.current) - BIN_S / 2 && from < to) bins[bins.length - 1] = 1;
    state.seen = Math.max(from, to);
  }
  // The share of a sound that was heard, 0 to 1.
  function heard(place) {
    const bins = state.covered[place];
    return bins && bins.length ? bins.reduce((sum, bin) => sum + bin, 0) / bins.length : 0;
  }
  function hush() {
    if (state.voices.length) stopAll(state.voices, soon(speakers));
    state.voices = [];
  }
  function pause() {
    if (!state.playing) return;
    cover();
    state.at = Math.min(now(), length(state.current));
    state.playing = false;
    hush();
    changed();
  }
  function start(offset) {
    hush();
    if (speakers.state === "suspended") speakers.resume();
    const from = offset >= length(state.current) - 0.02 ? 0 : offset;
    const began = soon(speakers);
    Object.assign(state, { began, at: from, seen: from, playing: true });
    state.levels.forEach((level, place) => turn(level, place === state.current ? 1 : 0, began));
    state.voices = startAll(speakers, state.buffers.map((buffer, place) => [{ buffer }, state.levels[place]]), began, from, null);
    document.dispatchEvent(new CustomEvent("soundcheck:play", { detail: state }));
    document.querySelectorAll("audio").forEach((other) => other.pause());
    changed();
    requestAnimationFrame(follow);
  }
  // Plays a sound, pauses the one that plays, or crosses over to another at the same place.
  function choose(place) {
    if (!state.ready || !state.buffers[place]) return;
    if (state.playing && state.current === place) return pause();
    cover();
    if (state.playing && !state.restart && now() < length(place)) {
      const at = soon(speakers);
      state.levels.forEach((level, each) => turn(level, each === place ? 1 : 0, at));
      state.current = place;
      state.seen = now();
      return changed();
    }
    const from = state.playing || (state.restart && state.current !== place) ? 0 : state.at;
    state.current = place;
    return start(from);
  }
  function toggle() {
    if (state.playing) return pause();
    if (state.current < 0) state.current = 0;
    if (state.ready) start(state.at);
  }
  function follow() {
    if (!state.playing) return;
    if (!element.isConnected) return close();
    cover();
    if (now() >= length(state.current)) {
      Object.assign(state, { playing: false, at: 0 });
      hush();
    }
    changed();
    if (state.playing) requestAnimationFrame(follow);
  }
  // Forgets the sounds before, so that what was heard of them counts for none of these. Rejects when one cannot be had.
  async function load(sounds, restart) {
    pause();
    state.load += 1;
    const mine = state.load;
    Object.assign(state, { sounds, buffers: [], covered: [], current: -1, at: 0, playing: false, ready: false, restart });
    if (!speakers) {
      speakers = new AudioContext();
      output = new AnalyserNode(speakers, { fftSize: 32768 });
      output.connect(speakers.destination);
    }
    const buffers = await Promise.all(
      sounds.map(async (sound) => {
        const answer = await fetch(sound.file.url);
        if (!answer.ok) throw new Error("gone");
        return speakers.decodeAudioData(await answer.arrayBuffer());
      }),
    );
    if (mine !== state.load) return;
    state.levels.forEach((level) => level.node.disconnect());
    state.levels = buffers.map(() => newKnob(speakers, 0));
    state.levels.forEach((level) => level.node.connect(output));
    state.buffers = buffers;
    state.covered = buffers.map((buffer) => new Uint8Array(Math.max(1, Math.round(buffer.duration / BIN_S))));
    state.ready = true;
    changed();
  }
  function playedElsewhere(event) {
    if (!element.isConnected) close();
    else if (event.detail !== state) pause();
  }
  // animation frames rest while the page is hidden; sound and its count do not
  const hidden = setInterval(() => state.playing && document.hidden && follow(), 250);
  function close() {
    clearInterval(hidden);
    document.removeEventListener("play", playedElsewhere, true);
    document.removeEventListener("soundcheck:play", playedElsewhere);
    state.playing = false;
    if (speakers && speakers.state !== "closed") speakers.close();
  }
  document.addEventListener("play", playedElsewhere, true);
  document.addEventListener("soundcheck:play", playedElsewhere);
  // For proof: reads, never changes. The last samples that left the player, oldest first.
  function heardSamples() {
    const samples = new Float32Array(output ? output.fftSize : 0);
    if (output) output.getFloatTimeDomainData(samples);
    return samples;
  }
  return { state, length, now, heard, pause, choose, toggle, load, rate: () => speakers.sampleRate, clock: () => speakers.currentTime, samples: heardSamples };
}
return newPlayer;
