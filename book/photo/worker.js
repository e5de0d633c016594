// What a worker does, so that the page stays free: one strip of a picture, or one file. The page makes the worker
// from pixels.js, fast.js, network.js and this file, whose text it holds: so it works from the disk, too.

let known = null; // the network used last, its numbers decoded

// The rows top..bottom of a strip (the others are what the network looks at around them), each enlarged in three
// ways: the pixels of (rows, width, channels), side by side. `colours` of the strip's channels are gray or RGB;
// one more is transparency, which is enlarged by bicubic, as `srlib upscale` does. `plain`: see unpacked().
function enlarge({ strip, colours, top, bottom, network, plain = false }, report) {
  if (known?.name !== network.name || known.scale !== network.scale || known.plain !== plain) {
    known = unpacked(network, plain);
  }
  const floats = toFloat(strip);
  let y = upscale(known, channelsOf(floats, 0, colours), report);
  if (strip.channels > colours) {
    y = stacked(y, imresize(channelsOf(floats, colours, strip.channels), known.scale));
  }
  const rows = [top * known.scale, bottom * known.scale];
  return {
    network: sideBySide(y, rows, toByte),
    bicubic: sideBySide(imresize(strip, known.scale), rows),
    nearest: sideBySide(nearest(strip, known.scale), rows),
    registers: Boolean(fast) && !plain,
  };
}

function sideBySide({ data, channels, height, width }, [top, bottom] = [0, height], kept = (value) => value) {
  const bytes = new Uint8Array((bottom - top) * width * channels);
  for (let c = 0; c < channels; c++) {
    const from = (c * height + top) * width;
    for (let p = 0; p < (bottom - top) * width; p++) bytes[p * channels + c] = kept(data[from + p]);
  }
  return bytes;
}

const JOBS = {
  enlarge,
  shrink: ({ whole, scale }) => imresize(whole, 1 / scale),
  copy: ({ whole }) => png([sideBySide(whole)], whole.width, whole.channels),
  file: ({ strips, width, channels }) => png(strips, width, channels),
};

globalThis.onmessage = async ({ data }) => {
  try {
    const report = (share) => globalThis.postMessage({ share });
    globalThis.postMessage({ answer: await JOBS[data.job](data, report) });
  } catch (fault) {
    globalThis.postMessage({ fault: String(fault) });
  }
};
