// A mel spectrogram, computed in pieces so that the page stays awake; window.soundcheck.spectrogram({}) gives the functions.
const FFT = 1024;
const BANDS = 96;
const MOST_COLUMNS = 800;
const TOP_HZ = 16000;
const FLOOR_DB = -100;
const PIECE_MS = 8;

const hann = Float32Array.from({ length: FFT }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / FFT));
const cosines = Float32Array.from({ length: FFT / 2 }, (_, at) => Math.cos((2 * Math.PI * at) / FFT));
const sines = Float32Array.from({ length: FFT / 2 }, (_, at) => -Math.sin((2 * Math.PI * at) / FFT));
const mirrored = Uint16Array.from({ length: FFT }, (_, at) => parseInt(at.toString(2).padStart(10, '0').split('').reverse().join(''), 2));
const real = new Float32Array(FFT);
const imaginary = new Float32Array(FFT);
function transform() {
  for (let size = 2; size <= FFT; size *= 2) {
    const half = size / 2;
    const step = FFT / size;
    for (let base = 0; base < FFT; base += size) {
      for (let at = 0; at < half; at += 1) {
        const low = base + at;
        const high = low + half;
        const wr = cosines[at * step];
        const wi = sines[at * step];
        const tr = real[high] * wr - imaginary[high] * wi;
        const ti = real[high] * wi + imaginary[high] * wr;
        real[high] = real[low] - tr;
        imaginary[high] = imaginary[low] - ti;
        real[low] += tr;
        imaginary[low] += ti;
      }
    }
  }
}
const mel = (hertz) => 2595 * Math.log10(1 + hertz / 700);
const hertz = (mels) => 700 * (10 ** (mels / 2595) - 1);
// Level of each mel band, dB against a full-scale sine, for one moment of the sound.
function analyse(channels, centre, edges, out, column) {
  for (let at = 0; at < FFT; at += 1) {
    let sum = 0;
    const place = centre - FFT / 2 + at;
    for (const samples of channels) sum += samples[place] || 0;
    real[mirrored[at]] = (sum / channels.length) * hann[at];
    imaginary[at] = 0;
  }
  transform();
  for (let band = 0; band < BANDS; band += 1) {
    let most = 0;
    for (let bin = edges[band]; bin < Math.max(edges[band] + 1, edges[band + 1]); bin += 1) most = Math.max(most, real[bin] ** 2 + imaginary[bin] ** 2);
    const level = 10 * Math.log10(most / (FFT / 4) ** 2 + 1e-12);
    out[column * BANDS + band] = Math.min(Math.max(Math.round((255 * (level - FLOOR_DB)) / -FLOOR_DB), 0), 255);
  }
}
const idle = () => new Promise((resolve) => setTimeout(resolve, 0));
// { columns, levels } of an AudioBuffer, each level from 0 (-100 dB) to 255 (a full-scale sine); null once it is not `wanted()` any more.
async function bandsOf(buffer, wanted) {
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, channel) => buffer.getChannelData(channel));
  const top = mel(Math.min(TOP_HZ, buffer.sampleRate / 2));
  const edges = Array.from({ length: BANDS + 1 }, (_, band) => Math.min(FFT / 2 - 1, Math.round((hertz((top * band) / BANDS) * FFT) / buffer.sampleRate)));
  const columns = Math.min(Math.max(Math.ceil(buffer.length / 256), 1), MOST_COLUMNS);
  const levels = new Uint8Array(columns * BANDS);
  let began = performance.now();
  for (let column = 0; column < columns; column += 1) {
    if (!wanted()) return null;
    analyse(channels, Math.round(((column + 0.5) * buffer.length) / columns), edges, levels, column);
    if (performance.now() - began > PIECE_MS) {
      await idle();
      began = performance.now();
    }
  }
  await idle();
  return { columns, levels };
}
// Paints them; `stops` are the colours [red, green, blue] of silence, middle and full scale.
function paintBands(canvas, { columns, levels }, stops) {
  const shades = Array.from({ length: 256 }, (_, level) => {
    const place = (level / 255) ** 1.6 * 2;
    const [low, high] = place < 1 ? [stops[0], stops[1]] : [stops[1], stops[2]];
    return low.map((part, at) => part + (high[at] - part) * (place - (place < 1 ? 0 : 1)));
  });
  Object.assign(canvas, { width: columns, height: BANDS });
  const pen = canvas.getContext('2d');
  const image = pen.createImageData(columns, BANDS);
  for (let column = 0; column < columns; column += 1) {
    for (let band = 0; band < BANDS; band += 1) {
      const shade = shades[levels[column * BANDS + band]];
      image.data.set([shade[0], shade[1], shade[2], 255], 4 * ((BANDS - 1 - band) * columns + column));
    }
  }
  pen.putImageData(image, 0, 0);
}
return { bandsOf, paintBands };
