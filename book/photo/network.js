// A trained network as a list of steps, and how each is computed. The list comes from the network itself, by
// book/_ext/photo.py. A step is {op, from: [names], to: name, ...}; the picture that goes in is called "x".

// --- the weights ----------------------------------------------------------------------------------

function half(bits) { // float16 to a number
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return exponent ? sign * (1 + fraction / 1024) * 2 ** (exponent - 15) : sign * fraction * 2 ** -24;
}

function numbers({ type, base64 }) { // Float64Array: it costs nothing more and the sums need no conversion
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer); // the files are little-endian, whatever the machine is
  return type === "float16"
    ? Float64Array.from({ length: bytes.length / 2 }, (_, i) => half(view.getUint16(2 * i, true)))
    : Float64Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

// The network with its numbers decoded, and for each step what it takes: `work` multiply-adds a pixel of input.
// `plain`: without the registers of fast.js, even where there are any.
function unpacked(network, plain = false) {
  const last = {}; // name -> the step that uses it last
  network.steps.forEach((step, i) => step.from.forEach((name) => { last[name] = i; }));
  const steps = network.steps.map((step, i) => ({
    ...step,
    done: step.from.filter((name) => last[name] === i),
    work: step.op === "conv" ? step.size * step.inputs * step.kernel ** 2 : step.size,
    ...Object.fromEntries(["weights", "values"].filter((key) => step[key]).map((key) => [key, numbers(step[key])])),
  }));
  for (const step of steps) if (step.op === "conv") step.fast = Boolean(fast) && !plain;
  return { ...network, plain, steps, work: steps.reduce((sum, step) => sum + step.work, 0) };
}

// --- convolution ----------------------------------------------------------------------------------

const BLOCK = 4; // outputs that share each pixel they read

// The weights in the order in which they are used: for BLOCK outputs (or one) at a time, input by input.
function blocks({ inputs, outputs, kernel, weights }) {
  const taps = inputs * kernel ** 2;
  const made = [];
  for (let first = 0; first < outputs;) {
    const count = outputs - first >= BLOCK ? BLOCK : 1;
    const ordered = new Float64Array(taps * count);
    for (let t = 0; t < taps; t++) {
      for (let o = 0; o < count; o++) ordered[t * count + o] = weights[(first + o) * taps + t];
    }
    made.push({ first, count, ordered });
    first += count;
  }
  return made;
}

// The rows that one row of outputs looks at, side by side: `kernel` of each input from row `top` on, or zeros.
function gather(rows, { data, height, width }, top, inputs, kernel, before, stride) {
  for (let c = 0, to = before; c < inputs; c++) {
    for (let i = top; i < top + kernel; i++, to += stride) {
      if (i < 0 || i >= height) rows.fill(0, to, to + width);
      else rows.set(data.subarray((c * height + i) * width, (c * height + i + 1) * width), to);
    }
  }
}

// Outputs as large as the input, which is continued by zeros: `before` rows and columns on its top and left. Row
// by row: the rows that one row of outputs looks at are copied side by side (they fit into the processor's
// cache), then each block of outputs runs over them.
function conv(x, step) {
  const { inputs, outputs, kernel, before, values: bias } = step;
  const { height, width } = x;
  const y = picture(outputs, height, width);
  const stride = width + kernel;
  const rows = new Float64Array(inputs * kernel * stride);
  step.blocks ??= blocks(step);
  for (let row = 0; row < height; row++) {
    gather(rows, x, row - before, inputs, kernel, before, stride);
    for (const { first, count, ordered } of step.blocks) {
      const sum = count === BLOCK ? fourOutputs : oneOutput;
      sum(rows, ordered, inputs * kernel, kernel, stride, bias, first, y.data, row * width, width, height * width);
    }
  }
  return y;
}

// Four outputs at two places at once: six numbers are read for eight multiply-adds, and all sums stay in registers.
function fourOutputs(rows, weights, count, kernel, stride, bias, first, out, to, width, plane) {
  for (let x = 0; x < width; x += 2) {
    let a = bias[first], b = bias[first + 1], c = bias[first + 2], d = bias[first + 3];
    let a2 = a, b2 = b, c2 = c, d2 = d;
    for (let row = 0, from = x, w = 0; row < count; row++, from += stride) {
      let pixel = rows[from];
      for (let k = 1; k <= kernel; k++, w += 4) {
        const next = rows[from + k];
        const wa = weights[w], wb = weights[w + 1], wc = weights[w + 2], wd = weights[w + 3];
        a += wa * pixel;
        b += wb * pixel;
        c += wc * pixel;
        d += wd * pixel;
        a2 += wa * next;
        b2 += wb * next;
        c2 += wc * next;
        d2 += wd * next;
        pixel = next;
      }
    }
    const at = first * plane + to + x;
    out[at] = a;
    out[at + plane] = b;
    out[at + 2 * plane] = c;
    out[at + 3 * plane] = d;
    if (x + 1 === width) break;
    out[at + 1] = a2;
    out[at + plane + 1] = b2;
    out[at + 2 * plane + 1] = c2;
    out[at + 3 * plane + 1] = d2;
  }
}

function oneOutput(rows, weights, count, kernel, stride, bias, first, out, to, width, plane) {
  for (let x = 0; x < width; x += 2) {
    let a = bias[first], a2 = a;
    for (let row = 0, from = x, w = 0; row < count; row++, from += stride) {
      let pixel = rows[from];
      for (let k = 1; k <= kernel; k++, w++) {
        const next = rows[from + k];
        a += weights[w] * pixel;
        a2 += weights[w] * next;
        pixel = next;
      }
    }
    out[first * plane + to + x] = a;
    if (x + 1 < width) out[first * plane + to + x + 1] = a2;
  }
}

// --- the other steps ------------------------------------------------------------------------------

const copied = (x) => picture(x.channels, x.height, x.width, x.data.slice());

function each(x, change) { // change(value, channel), in place
  const size = x.height * x.width;
  for (let c = 0, p = 0; c < x.channels; c++) for (const end = p + size; p < end; p++) x.data[p] = change(x.data[p], c);
  return x;
}

function shuffle(x, { factor }) { // channel c * factor^2 + i * factor + j goes to row i, column j of each square
  const y = picture(x.channels / factor ** 2, x.height * factor, x.width * factor);
  let from = 0;
  for (let c = 0; c < y.channels; c++) {
    for (let i = 0; i < factor; i++) {
      for (let j = 0; j < factor; j++) {
        for (let row = 0; row < x.height; row++) {
          let to = (c * y.height + row * factor + i) * y.width + j;
          for (let column = 0; column < x.width; column++, to += factor) y.data[to] = x.data[from++];
        }
      }
    }
  }
  return y;
}

// `x` may be written over: run() hands a copy where the old values are still needed.
const OPS = {
  conv: (x, step) => (step.fast ? fast.conv(x, step) : conv(x, step)),
  shuffle,
  relu: (x) => each(x, (value) => Math.max(value, 0)),
  prelu: (x, { values }) => each(x, (value, c) => (value < 0 ? value * values[c % values.length] : value)),
  tanh: (x) => each(x, Math.tanh),
  times: (x, { factor }) => each(x, (value) => value * factor),
  shift: (x, { values }) => each(x, (value, c) => value + values[c]),
  add(x, _, other) {
    for (let p = 0; p < x.data.length; p++) x.data[p] += other.data[p];
    return x;
  },
};

// The network's answer to a float picture; report(share) tells how much is done.
function run(network, x, report = () => {}) {
  const values = { x };
  let done = 0;
  let answer = x;
  for (const step of network.steps) {
    const [first, second] = step.from.map((name) => values[name]);
    const keeps = step.op === "conv" || step.op === "shuffle" || (step.done.includes(step.from[0]) && first !== x);
    answer = OPS[step.op](keeps ? first : copied(first), step, second);
    for (const name of step.done) delete values[name];
    values[step.to] = answer;
    report((done += step.work) / network.work);
  }
  return answer;
}

// As srlib.inference.upscale: a luma network enlarges Y and leaves the colours to bicubic; a colour network takes
// gray as three equal channels; a network that sharpens what was enlarged gets it enlarged. Not yet clipped.
function upscale(network, x, report) {
  const answer = (y) => run(network, network.enlarged ? imresize(y, network.scale) : y, report);
  if (network.channels === 1 && x.channels === 3) {
    const ycbcr = toYcbcr(x);
    return toRgb(stacked(answer(channelsOf(ycbcr, 0, 1)), imresize(channelsOf(ycbcr, 1, 3), network.scale)));
  }
  if (network.channels === 3 && x.channels === 1) {
    const y = answer(stacked(stacked(x, x), x));
    const size = y.height * y.width;
    const mean = picture(1, y.height, y.width);
    for (let p = 0; p < size; p++) mean.data[p] = (y.data[p] + y.data[size + p] + y.data[2 * size + p]) / 3;
    return mean;
  }
  return answer(x);
}
