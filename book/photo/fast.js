// The convolution's innermost loops in WebAssembly with its 128-bit registers: eight pixels of four outputs at once,
// where fourOutputs() of network.js has two of four. The one function is written down here, instruction by
// instruction, so nothing has to be compiled. Sums are float32, as PyTorch's. A browser that has no such registers, or
// is forbidden to use them, computes by network.js alone.

const fast = (() => {
  const OUTPUTS = 4; // that share each pixel they read
  const PIXELS = 8; // two registers of four float32
  const FLOAT = 4; // bytes

  // --- the function, instruction by instruction ---------------------------------------------------

  const given = ["rows", "weights", "bias", "out", "plane", "count", "kernel", "stride", "width"]; // bytes or counts
  const counters = ["x", "row", "tap", "from", "at", "weight", "to"];
  const sums = Array.from({ length: OUTPUTS }, (_, o) => [`left${o}`, `right${o}`]); // four pixels each
  const registers = ["left", "right", ...sums.flat()];
  const locals = [...given, ...counters, ...registers];

  const get = (name) => [0x20, locals.indexOf(name)];
  const set = (name, ...value) => [value, 0x21, locals.indexOf(name)];
  const number = (value) => [0x41, value]; // 0 to 63
  const plus = (one, other) => [one, other, 0x6a];
  const minus = (one, other) => [one, other, 0x6b];
  const further = (name, bytes) => set(name, plus(get(name), bytes));
  const neighbours = (address, offset) => [address, 0xfd, 0x00, 2, offset]; // four numbers that lie side by side
  const same = (address, offset) => [address, 0xfd, 0x09, 2, offset]; // one number, four times
  const keep = (address, offset, value) => [address, value, 0xfd, 0x0b, 2, offset];
  const product = (one, other) => [one, other, 0xfd, 0xe6, 0x01];
  const sum = (one, other) => [one, other, 0xfd, 0xe4, 0x01];
  const repeat = (name, times, ...body) => [ // counts `name` down from `times`, at least once
    set(name, times), 0x03, 0x40, body, set(name, minus(get(name), number(1))), get(name), 0x0d, 0, 0x0b,
  ];

  const row = repeat("x", get("width"),
    sums.map((pair, o) => pair.map((name) => set(name, same(get("bias"), FLOAT * o)))),
    set("from", get("rows")),
    set("weight", get("weights")),
    repeat("row", get("count"),
      set("at", get("from")),
      repeat("tap", get("kernel"),
        set("left", neighbours(get("at"), 0)),
        set("right", neighbours(get("at"), 4 * FLOAT)),
        sums.map(([left, right], o) => [
          set(left, sum(get(left), product(get("left"), same(get("weight"), FLOAT * o)))),
          set(right, sum(get(right), product(get("right"), same(get("weight"), FLOAT * o)))),
        ]),
        further("at", number(FLOAT)),
        further("weight", number(FLOAT * OUTPUTS))),
      further("from", get("stride"))),
    set("to", get("out")),
    sums.map(([left, right]) => [
      keep(get("to"), 0, get(left)),
      keep(get("to"), 4 * FLOAT, get(right)),
      further("to", get("plane")),
    ]),
    further("out", number(PIXELS * FLOAT)),
    further("rows", number(PIXELS * FLOAT)));

  // --- the module around it -----------------------------------------------------------------------

  const length = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...length(n >> 7)]);
  const sized = (...content) => {
    const bytes = content.flat(Infinity);
    return [...length(bytes.length), ...bytes];
  };
  const [I32, V128] = [0x7f, 0x7b];
  const name = (text) => sized([...text].map((letter) => letter.charCodeAt(0)));
  const code = sized(2, counters.length, I32, registers.length, V128, row, 0x0b);
  const file = Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // "\0asm", version 1
    1, sized(1, 0x60, sized(given.map(() => I32)), 0), // one type: so many numbers, no answer
    3, sized(1, 0), // one function, of that type
    5, sized(1, 0, 1), // one memory, of one page of 64 KiB to begin with
    7, sized(2, name("memory"), 2, 0, name("row"), 0, 0), // both can be seen from outside
    10, sized(1, code),
  ].flat(Infinity));

  let exported;
  try {
    exported = new WebAssembly.Instance(new WebAssembly.Module(file)).exports;
  } catch {
    return null;
  }

  // --- conv() of network.js by this function ------------------------------------------------------

  // The weights in the order in which they are used: four outputs at a time, input by input; zeros to the end.
  function ordered({ inputs, outputs, kernel, weights, values }) {
    const taps = inputs * kernel ** 2;
    const groups = Math.ceil(outputs / OUTPUTS);
    const made = new Float32Array(groups * OUTPUTS * (taps + 1)); // each group's bias, then its weights
    for (let o = 0; o < outputs; o++) {
      const to = Math.floor(o / OUTPUTS) * OUTPUTS * (taps + 1) + (o % OUTPUTS);
      made[to] = values[o];
      for (let t = 0; t < taps; t++) made[to + OUTPUTS * (t + 1)] = weights[o * taps + t];
    }
    return made;
  }

  function conv(x, step) {
    const { inputs, outputs, kernel, before } = step;
    const { height, width } = x;
    const y = picture(outputs, height, width);
    const taps = inputs * kernel ** 2;
    const many = Math.ceil(width / PIXELS);
    const wide = many * PIXELS; // the last pixels beside the picture are computed and left
    const stride = wide + kernel;
    step.ordered ??= ordered(step);
    const rows = step.ordered.length; // where they begin; first in the memory lie the weights
    const out = rows + inputs * kernel * stride;
    const needed = FLOAT * (out + OUTPUTS * wide) - exported.memory.buffer.byteLength;
    if (needed > 0) exported.memory.grow(Math.ceil(needed / 65536));
    const memory = new Float32Array(exported.memory.buffer);
    memory.set(step.ordered);
    memory.fill(0, rows, out);
    for (let at = 0; at < height; at++) {
      gather(memory.subarray(rows, out), x, at - before, inputs, kernel, before, stride);
      for (let first = 0, group = 0; first < outputs; first += OUTPUTS, group += OUTPUTS * (taps + 1)) {
        exported.row(...[rows, group + OUTPUTS, group, out, wide].map((one) => FLOAT * one),
          inputs * kernel, kernel, FLOAT * stride, many);
        for (let o = 0; o < Math.min(OUTPUTS, outputs - first); o++) {
          const from = out + o * wide;
          y.data.set(memory.subarray(from, from + width), ((first + o) * height + at) * width);
        }
      }
    }
    return y;
  }

  return { conv };
})();
