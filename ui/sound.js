// Sound on one clock: gains that only ever ramp, and sources that start together, live and offline alike. The deck and the blind test
// play with these; window.soundcheck.sound({}) gives them.
const RAMP_S = 0.008; // long enough not to click, short enough not to be heard as a fade
const LEAD_S = 0.03; // what is scheduled closer than this may reach the audio thread too late and jump
const within = (value, low, high) => Math.min(Math.max(value, low), high);

// A gain that is only ever changed by ramps. It knows its own past, because `param.value` is a moment old.
function newKnob(context, value) {
  const node = new GainNode(context, { gain: value });
  return { node, from: value, to: value, at: -1 };
}
function turn(knob, value, at) {
  const now = knob.from + (knob.to - knob.from) * within((at - knob.at) / RAMP_S, 0, 1);
  knob.node.gain.cancelScheduledValues(at);
  // A ramp that is cut short has to end where it had come to, or the gain would jump there.
  if (at < knob.at + RAMP_S) knob.node.gain.linearRampToValueAtTime(now, at);
  else knob.node.gain.setValueAtTime(now, at);
  knob.node.gain.linearRampToValueAtTime(value, at + RAMP_S);
  Object.assign(knob, { from: now, to: value, at });
}
// The buffer, with silence behind it where it ends before `end_s`: sources of unlike length would fall out of step in a loop.
function lengthened(context, row, end_s) {
  const { buffer } = row;
  const frames = Math.ceil(end_s * buffer.sampleRate) + 1;
  if (buffer.length >= frames) return buffer;
  if (!row.longer || row.longer.length < frames) {
    row.longer = new AudioBuffer({ length: frames, numberOfChannels: buffer.numberOfChannels, sampleRate: buffer.sampleRate });
    for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) row.longer.copyToChannel(buffer.getChannelData(channel), channel);
  }
  return row.longer;
}
// Starts every row at one moment of the context's clock, from one place in the sound.
function startAll(context, pairs, at, from_s, loop) {
  return pairs.map(([row, level]) => {
    const source = new AudioBufferSourceNode(context, { buffer: loop ? lengthened(context, row, loop.end) : row.buffer });
    const fade = newKnob(context, 0);
    source.connect(fade.node).connect(level.node);
    if (loop) Object.assign(source, { loop: true, loopStart: loop.start, loopEnd: loop.end });
    turn(fade, 1, at);
    source.start(at, from_s);
    return { row, source, fade, at, from_s };
  });
}
function stopAll(voices, at) {
  for (const voice of voices) {
    turn(voice.fade, 0, at);
    voice.source.stop(at + RAMP_S);
    voice.source.onended = () => voice.fade.node.disconnect();
  }
}
// A dip of the whole deck around the moment when a loop goes back, because the two ends of it do not meet.
function dip(gain, at) {
  gain.setValueAtTime(1, at - RAMP_S / 2);
  gain.linearRampToValueAtTime(0, at);
  gain.linearRampToValueAtTime(1, at + RAMP_S / 2);
}
function firstSeam(at, from_s, loop) {
  return at + loop.end - from_s;
}
function wholeFrames(context, seconds) {
  return Math.round(seconds * context.sampleRate) / context.sampleRate;
}
// The first whole frame of the context's clock that can still be scheduled.
function soon(context) {
  return Math.ceil((context.currentTime + LEAD_S) * context.sampleRate) / context.sampleRate;
}
return { within, newKnob, turn, startAll, stopAll, dip, firstSeam, wholeFrames, soon };
