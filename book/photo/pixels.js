// The arithmetic of pictures, as srlib has it (srlib/resize.py, srlib/images.py): chapters 1 and 2 in JavaScript.
//
// Everywhere in this folder a picture is {data, channels, height, width}; data holds the channels one after the
// other, each row by row, as in a tensor (C, H, W). A Float32Array is 0..1, a Uint8Array 0..255.

const picture = (channels, height, width, data = new Float32Array(channels * height * width)) =>
  ({ data, channels, height, width });

// Some channels of a picture, sharing its memory.
const channelsOf = ({ data, height, width }, from, to) =>
  picture(to - from, height, width, data.subarray(from * height * width, to * height * width));

function stacked(one, other) { // the channels of both
  const data = new one.data.constructor(one.data.length + other.data.length);
  data.set(one.data);
  data.set(other.data, one.data.length);
  return picture(one.channels + other.channels, one.height, one.width, data);
}

const toFloat = (x) => picture(x.channels, x.height, x.width, Float32Array.from(x.data, (level) => level / 255));
const toByte = (value) => Math.floor(Math.min(Math.max(value, 0), 1) * 255 + 0.5); // rounded half up

// --- MATLAB's imresize, bicubic -------------------------------------------------------------------

function cubic(distance) { // Keys' kernel, a = -0.5
  const x = Math.abs(distance);
  if (x <= 1) return (1.5 * x - 2.5) * x * x + 1;
  return x <= 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

// For each of `out` samples: which samples of the input it sums, and with what weights.
function axisWeights(length, out, scale) {
  const stretch = Math.min(scale, 1); // shrinking widens the kernel: this is the anti-aliasing
  const taps = Math.ceil(4 / stretch) + 2;
  const index = new Int32Array(out * taps);
  const weight = new Float64Array(out * taps);
  for (let i = 0; i < out; i++) {
    const centre = (i + 1) / scale + 0.5 * (1 - 1 / scale); // counted from 1, as in MATLAB
    const left = Math.floor(centre - 2 / stretch);
    let sum = 0;
    for (let t = 0; t < taps; t++) {
      const around = 2 * length; // the border is a mirror: ... 2 1 | 1 2 ... n | n ...
      const place = (((left + t - 1) % around) + around) % around;
      index[i * taps + t] = place < length ? place : around - 1 - place;
      sum += weight[i * taps + t] = cubic(stretch * (centre - left - t));
    }
    for (let t = 0; t < taps; t++) weight[i * taps + t] /= sum;
  }
  return { taps, index, weight };
}

// A sum as the picture's kind of number. The 1e-9 makes a tie a tie whatever the order of summation.
const rounded = (sum) => Math.min(Math.max(Math.floor(sum + 0.5 + 1e-9), 0), 255);
const keeper = (data) => (data instanceof Uint8Array ? rounded : (sum) => sum);

function resizeRows(x, scale) {
  const height = Math.ceil(x.height * scale);
  const y = picture(x.channels, height, x.width, new x.data.constructor(x.channels * height * x.width));
  const { taps, index, weight } = axisWeights(x.height, height, scale);
  const kept = keeper(x.data);
  const sums = new Float64Array(x.width);
  for (let c = 0; c < x.channels; c++) {
    for (let i = 0; i < height; i++) {
      sums.fill(0);
      for (let t = i * taps; t < (i + 1) * taps; t++) {
        if (weight[t] === 0) continue;
        const from = (c * x.height + index[t]) * x.width;
        for (let j = 0; j < x.width; j++) sums[j] += weight[t] * x.data[from + j];
      }
      const to = (c * height + i) * x.width;
      for (let j = 0; j < x.width; j++) y.data[to + j] = kept(sums[j]);
    }
  }
  return y;
}

function resizeColumns(x, scale) {
  const width = Math.ceil(x.width * scale);
  const rows = x.channels * x.height;
  const y = picture(x.channels, x.height, width, new x.data.constructor(rows * width));
  const { taps, index, weight } = axisWeights(x.width, width, scale);
  const kept = keeper(x.data);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      let sum = 0;
      for (let t = i * taps; t < (i + 1) * taps; t++) {
        if (weight[t] !== 0) sum += weight[t] * x.data[row * x.width + index[t]];
      }
      y.data[row * width + i] = kept(sum);
    }
  }
  return y;
}

// Bytes are rounded after each of the two passes, as MATLAB does; floats may leave 0..1 at edges.
const imresize = (x, scale) => resizeColumns(resizeRows(x, scale), scale);

function nearest(x, scale) {
  const [height, width] = [x.height * scale, x.width * scale];
  const y = picture(x.channels, height, width, new x.data.constructor(x.channels * height * width));
  for (let row = 0; row < x.channels * height; row++) { // as height = H * scale, this runs through all channels
    const from = Math.floor(row / scale) * x.width;
    for (let j = 0; j < width; j++) y.data[row * width + j] = x.data[from + Math.floor(j / scale)];
  }
  return y;
}

// --- colour: BT.601, studio range -----------------------------------------------------------------

const YCBCR = [[65.481, 128.553, 24.966], [-37.797, -74.203, 112], [112, -93.786, -18.214]]; // in 0..255, of 0..1
const OFFSET = [16, 128, 128];

function inverse([[a, b, c], [d, e, f], [g, h, i]]) {
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  return [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / det));
}

function mixed(x, matrix, before, after) { // matrix @ (x + before) + after, for each pixel
  const y = picture(3, x.height, x.width);
  const size = x.height * x.width;
  for (let o = 0; o < 3; o++) {
    const [r, g, b] = matrix[o];
    const shift = after[o] + r * before[0] + g * before[1] + b * before[2];
    for (let p = 0; p < size; p++) {
      y.data[o * size + p] = r * x.data[p] + g * x.data[size + p] + b * x.data[2 * size + p] + shift;
    }
  }
  return y;
}

const scaled = (matrix, factor) => matrix.map((row) => row.map((value) => value * factor));
const NONE = [0, 0, 0];
const toYcbcr = (x) => mixed(x, scaled(YCBCR, 1 / 255), NONE, OFFSET.map((value) => value / 255));
const toRgb = (x) => mixed(x, scaled(inverse(YCBCR), 255), OFFSET.map((value) => -value / 255), NONE);

// --- a PNG file -----------------------------------------------------------------------------------

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function chunk(name, content) { // length, name, content, check sum
  const bytes = new Uint8Array(content.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = name.charCodeAt(i);
  bytes.set(content, 8);
  let crc = -1;
  for (let i = 4; i < content.length + 8; i++) crc = CRC[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  view.setUint32(content.length + 8, ~crc);
  return bytes;
}

// The file of strips of pixels, each (rows, width, channels): gray, gray with alpha, RGB or RGB with alpha. A
// canvas could write one too, but it multiplies colours by alpha and so loses what lies under transparency.
async function png(strips, width, channels) {
  const row = width * channels;
  const height = strips.reduce((sum, strip) => sum + strip.length, 0) / row;
  const squeeze = new CompressionStream("deflate");
  const file = new Response(squeeze.readable).arrayBuffer();
  const writer = squeeze.writable.getWriter();
  for (const strip of strips) {
    const lines = new Uint8Array(strip.length + strip.length / row);
    for (let from = 0, to = 0; from < strip.length; from += row) {
      lines[to++] = 1; // what follows is the difference to the pixel on the left
      for (let i = 0; i < row; i++) lines[to++] = strip[from + i] - (i < channels ? 0 : strip[from + i - channels]);
    }
    await writer.write(lines);
  }
  await writer.close();
  const head = new DataView(new ArrayBuffer(13));
  head.setUint32(0, width);
  head.setUint32(4, height);
  head.setUint8(8, 8); // bits a channel
  head.setUint8(9, [0, 4, 2, 6][channels - 1]);
  const parts = [chunk("IHDR", new Uint8Array(head.buffer)), chunk("IDAT", new Uint8Array(await file))];
  const signature = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]);
  return new Blob([signature, ...parts, chunk("IEND", new Uint8Array(0))], { type: "image/png" });
}
