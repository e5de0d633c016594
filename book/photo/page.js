// "Your own photo" in the page: pick, drop or paste a picture, let a network enlarge it, compare, save. Nothing is
// sent anywhere. The work is done by workers; this file only reads pictures, hands out strips and shows results.
(() => {
  const data = JSON.parse(document.getElementById("srlib-photo-data").textContent);

  const MOST = 1_000_000; // pixels of the small picture; of a larger one the middle is taken
  const LONGEST = 4000; // pixels of its longest side
  const LIMIT = `${MOST.toLocaleString("en")} pixels, or ${LONGEST.toLocaleString("en")} a side`;
  const MEMORY = 2 ** 26; // bytes that one layer's answer to one strip may take
  const LEAST_ROWS = 16; // a thinner strip is mostly what it shares with its neighbours
  const TIMED = 256; // pixels a side of the picture that the table is measured on

  const add = (parent, tag, properties = {}, attributes = {}) => {
    const element = Object.assign(document.createElement(tag), properties);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    parent.append(element);
    return element;
  };
  const button = (parent, text, act) => {
    const made = add(parent, "button", { type: "button", textContent: text });
    made.addEventListener("click", act);
    return made;
  };
  const labelled = (parent, text, tag, properties = {}) => {
    const label = add(parent, "label");
    label.append(`${text} `);
    return add(label, tag, properties);
  };
  const offered = (root) => {
    const names = root.dataset.networks.split(" ");
    return data.networks.filter((one) => names.includes(one.name));
  };
  const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

  // --- the workers --------------------------------------------------------------------------------

  const hands = Math.min(4, navigator.hardwareConcurrency || 2);

  // ask(message, heard) -> promise of the answer, by the next worker that is free; stop() ends all at once.
  function makeCrew() {
    const address = URL.createObjectURL(new Blob([data.worker], { type: "text/javascript" }));
    const workers = [];
    const free = [];
    const asked = [];
    let stopped = false;
    function next() {
      if (stopped || !asked.length) return;
      if (!free.length && workers.length < hands) free.push(workers[workers.push(new Worker(address)) - 1]);
      const worker = free.pop();
      if (!worker) return;
      const { message, heard, settle } = asked.shift();
      worker.onmessage = ({ data: said }) => {
        if ("share" in said) return heard(said.share);
        free.push(worker);
        settle(said);
        next();
      };
      worker.onerror = (event) => settle({ fault: event.message || "a worker could not be started" });
      worker.postMessage(message);
    }
    return {
      ask: (message, heard = () => {}) => new Promise((keep, refuse) => {
        asked.push({ message, heard, settle: (said) => ("fault" in said ? refuse(Error(said.fault)) : keep(said.answer)) });
        next();
      }),
      stop() {
        stopped = true;
        workers.forEach((worker) => worker.terminate());
        URL.revokeObjectURL(address);
      },
    };
  }

  // The picture {data, colours, channels, height, width} (bytes, a channel after the other) through a network:
  // strips of {network, bicubic, nearest}, from top to bottom. `plain`: without WebAssembly.
  function enlarge(crew, picture, network, heard, plain = false) {
    const { channels, height, width } = picture;
    const widest = Math.max(...network.steps.map((step) => step.size)) * (network.enlarged ? network.scale ** 2 : 1);
    const forMemory = Math.ceil((4 * widest * height * width) / MEMORY);
    const count = Math.min(height, Math.max(forMemory, Math.min(hands, Math.floor(height / LEAST_ROWS)), 1));
    const shares = Array(count).fill(0);
    return Promise.all(shares.map((_, i) => {
      const [top, bottom] = [i, i + 1].map((one) => Math.floor((one * height) / count));
      const [from, to] = [Math.max(0, top - network.around), Math.min(height, bottom + network.around)];
      const part = new Uint8Array(channels * (to - from) * width);
      for (let c = 0; c < channels; c++) {
        const rows = picture.data.subarray((c * height + from) * width, (c * height + to) * width);
        part.set(rows, c * (to - from) * width);
      }
      const strip = { data: part, channels, height: to - from, width };
      const message = { job: "enlarge", strip, colours: picture.colours, top: top - from, bottom: bottom - from, network, plain };
      return crew.ask(message, (share) => {
        shares[i] = share;
        heard(shares.reduce((one, other) => one + other) / count);
      });
    }));
  }

  // --- reading a picture --------------------------------------------------------------------------

  // The file as a picture, turned upright, and a line that says what was left out.
  async function read(file) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file, { imageOrientation: "from-image", premultiplyAlpha: "none" });
    } catch {
      throw Error(`${file.name || "this"} is not a picture that your browser can read; try a PNG or a JPEG.`);
    }
    const { width, height } = bitmap;
    const fits = Math.min(1, Math.sqrt(MOST / (width * height)));
    const [w, h] = [width, height].map((side) => Math.max(1, Math.min(Math.floor(side * fits), LONGEST)));
    const cut = await createImageBitmap(bitmap, (width - w) >> 1, (height - h) >> 1, w, h, { premultiplyAlpha: "none" });
    const all = pixels(cut);
    bitmap.close();
    cut.close();
    const line = w === width && h === height ? "" : `${width} x ${height} pixels are more than ${LIMIT}: this is the middle. `;
    return { ...channelled(all, w, h), line };
  }

  // R, G, B, alpha of each pixel. A canvas multiplies colours by alpha and so rounds those under transparency;
  // WebGL, where there is any, hands them over as they are.
  function pixels(bitmap) {
    const { width, height } = bitmap;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    const plain = context.getImageData(0, 0, width, height).data;
    if (plain.every((level, i) => i % 4 < 3 || level === 255)) return plain;
    const gl = document.createElement("canvas").getContext("webgl");
    if (!gl || Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return plain;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
    gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    const exact = new Uint8Array(plain.length);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, exact);
    const fine = gl.getError() === gl.NO_ERROR;
    gl.getExtension("WEBGL_lose_context")?.loseContext(); // a page may have only a few
    return fine ? exact : plain;
  }

  // One channel after the other: gray where all three colours agree everywhere, alpha only where there is any.
  function channelled(all, width, height) {
    const size = width * height;
    let [gray, clear] = [true, false];
    for (let p = 0; p < 4 * size; p += 4) {
      if (all[p] !== all[p + 1] || all[p] !== all[p + 2]) gray = false;
      if (all[p + 3] !== 255) clear = true;
    }
    const kept = [...(gray ? [0] : [0, 1, 2]), ...(clear ? [3] : [])];
    const planes = new Uint8Array(kept.length * size);
    kept.forEach((channel, c) => {
      for (let p = 0; p < size; p++) planes[c * size + p] = all[4 * p + channel];
    });
    return { data: planes, colours: gray ? 1 : 3, channels: kept.length, height, width };
  }

  // The sides cut to multiples of the scale, so that the small picture's pixels lie where the large one's do.
  function cropped(picture, scale) {
    const [height, width] = [picture.height, picture.width].map((side) => side - (side % scale));
    if (!height || !width) throw Error(`a picture of ${picture.width} x ${picture.height} pixels cannot be made ${scale} times smaller.`);
    const planes = new Uint8Array(picture.channels * height * width);
    for (let row = 0; row < picture.channels * height; row++) {
      const from = (Math.floor(row / height) * picture.height + (row % height)) * picture.width;
      planes.set(picture.data.subarray(from, from + width), row * width);
    }
    return { ...picture, data: planes, height, width };
  }

  // --- the component ------------------------------------------------------------------------------

  function setUp(root) {
    const networks = offered(root);
    const names = [...new Set(networks.map((one) => one.name))];
    let file = null;
    let crew = null;
    let addresses = []; // of the pictures shown, to be given back

    root.textContent = "";
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "your own photo");
    add(add(root, "p"), "strong", { textContent: "Try it on your own photo" });
    const sources = add(root, "div", { className: "bar" });
    const pick = labelled(sources, "your photo", "input", { type: "file", accept: "image/*" });
    const sample = button(sources, `try a sample (${data.sample.name})`, async () => {
      take(Object.assign(await (await fetch(data.sample.address)).blob(), { name: data.sample.name }));
    });
    const hint = `Or drop a picture here, or paste one. It stays on this machine. Of more than ${LIMIT}, the middle is taken.`;
    add(root, "p", { className: "hint", textContent: hint });
    const choices = add(root, "div", { className: "bar" });
    const network = labelled(choices, "network", "select");
    for (const name of names) add(network, "option", { value: name, textContent: name });
    const scale = labelled(choices, "scale", "select");
    const shrink = labelled(choices, "", "input", { type: "checkbox" });
    shrink.after(" make it small first, and compare with the original");
    const go = button(choices, "enlarge", () => work());
    const stop = button(choices, "cancel", () => {
      end();
      said.textContent = "Cancelled.";
    });
    const progress = add(root, "progress", { max: 1, value: 0 }, { "aria-label": "progress" });
    const said = add(root, "p", { className: "said" }, { role: "status" });
    const shown = add(root, "div", { className: "shown" });

    function scales() {
      const before = scale.value || root.dataset.scale;
      scale.textContent = "";
      for (const one of networks.filter(({ name }) => name === network.value)) {
        add(scale, "option", { value: one.scale, textContent: `x${one.scale}`, selected: String(one.scale) === before });
      }
    }
    function busy(yes) {
      if (!yes && document.activeElement === stop) go.focus(); // a hidden button cannot keep it
      stop.hidden = progress.hidden = !yes;
      go.disabled = !file;
      root.setAttribute("aria-busy", String(yes));
    }
    function end() {
      crew?.stop();
      crew = null;
      busy(false);
    }
    function take(one) {
      file = one;
      work();
    }

    async function work() {
      end();
      const mine = crew = makeCrew();
      const current = () => crew === mine; // else it was cancelled, or another picture came
      busy(true);
      progress.value = 0;
      said.textContent = "Working ...";
      try {
        const chosen = networks.find((one) => one.name === network.value && String(one.scale) === scale.value);
        const { line, ...given } = await read(file);
        if (!current()) return;
        said.textContent = `Working ... ${line}`;
        const original = shrink.checked ? cropped(given, chosen.scale) : null;
        const small = original
          ? { ...original, ...(await mine.ask({ job: "shrink", whole: original, scale: chosen.scale })) }
          : given;
        const began = performance.now();
        const strips = await enlarge(mine, small, chosen, (share) => { if (current()) progress.value = share; });
        const took = seconds(began);
        const size = [small.width * chosen.scale, small.height * chosen.scale];
        const pictures = { bicubic: "bicubic", [chosen.name]: "network", nearest: "nearest" };
        const files = await Promise.all(Object.entries(pictures).map(async ([name, key]) => [
          name, await mine.ask({ job: "file", strips: strips.map((one) => one[key]), width: size[0], channels: small.channels }),
        ]));
        if (original) files.push(["original", await mine.ask({ job: "copy", whole: original })]);
        if (!current()) return;
        said.textContent = `${file.name || "The picture"}: ${line}${small.width} x ${small.height} pixels became `
          + `${size.join(" x ")} by ${chosen.name} in ${took}.`;
        show(files, original ? chosen.scale : 0, `${(file.name || "photo").replace(/\.\w+$/, "")}-x${chosen.scale}.png`);
      } catch (fault) {
        if (!current()) return;
        shown.textContent = "";
        said.textContent = fault.message;
      }
      end();
    }

    // The chapters' before/after slider over these files, and a link for the network's.
    function show(files, crop, name) {
      addresses.forEach((one) => URL.revokeObjectURL(one));
      addresses = files.map(([, blob]) => URL.createObjectURL(blob));
      shown.textContent = "";
      const labels = files.map(([label]) => label);
      const slider = add(shown, "div", { className: "srlib-compare" }, {
        role: "group",
        "aria-label": `comparison: ${labels.join(", ")}`,
        "data-reference": crop ? labels.length - 1 : "",
        "data-crop": crop,
      });
      const pictures = add(slider, "div", { className: "pictures" });
      labels.forEach((label, i) => {
        add(pictures, "img", { src: addresses[i], alt: `your photo by ${label}` }, { "data-label": label });
      });
      new Function(data.slider)(); // sets up what is not yet set up
      add(shown, "a", { className: "save", href: addresses[1], download: name, textContent: `save ${name}` });
    }

    pick.addEventListener("change", () => { if (pick.files.length) take(pick.files[0]); });
    network.addEventListener("change", scales);
    root.addEventListener("dragover", (event) => {
      event.preventDefault();
      root.classList.add("over");
    });
    root.addEventListener("dragleave", () => root.classList.remove("over"));
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      root.classList.remove("over");
      if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
      else said.textContent = "That was no file; save the picture first, then drop it here.";
    });
    root.takePhoto = take; // for what is pasted
    scales();
    busy(false);
  }

  // --- the table of times -------------------------------------------------------------------------

  function setUpTimes(root) {
    root.textContent = "";
    const frame = add(root, "div", { className: "scroll" });
    const table = add(frame, "table");
    add(table, "caption", { textContent: `A colour picture of ${TIMED} x ${TIMED} pixels in this browser, with ${hands} workers` });
    const heads = add(add(table, "thead"), "tr");
    for (const one of ["network", "weights", "plain", "WebAssembly"]) add(heads, "th", { textContent: one, scope: "col" });
    const body = add(table, "tbody");
    const cells = offered(root).map((one) => {
      const row = add(body, "tr");
      add(row, "th", { textContent: `${one.name} x${one.scale}`, scope: "row" });
      add(row, "td", { textContent: one.parameters.toLocaleString("en") });
      return [one, [true, false].map(() => add(row, "td", { textContent: "not yet" }))];
    });
    const bar = add(root, "div", { className: "bar" });
    const said = add(root, "p", { className: "said" }, { role: "status" });
    let crew = null;
    const go = button(bar, "measure here", async () => {
      go.disabled = true;
      stop.hidden = false;
      crew = makeCrew();
      const noise = Uint8Array.from({ length: 3 * TIMED * TIMED }, () => 256 * Math.random());
      const picture = { data: noise, colours: 3, channels: 3, height: TIMED, width: TIMED };
      try {
        for (const [network, [plain, registers]] of cells) {
          said.textContent = `Measuring ${network.name} x${network.scale} ...`;
          const first = performance.now();
          await enlarge(crew, picture, network, () => {}, true);
          plain.textContent = seconds(first);
          const second = performance.now();
          const strips = await enlarge(crew, picture, network, () => {});
          registers.textContent = strips.every((strip) => strip.registers) ? seconds(second) : "not in this browser";
        }
        said.textContent = "Measured.";
      } catch (fault) {
        said.textContent = fault.message;
      }
      end();
    });
    const end = () => {
      crew?.stop();
      go.disabled = false;
      stop.hidden = true;
    };
    const stop = button(bar, "cancel", () => {
      end();
      said.textContent = "Cancelled.";
      go.focus();
    });
    stop.hidden = true;
  }

  const places = [...document.querySelectorAll(".srlib-photo")];
  places.forEach(setUp);
  document.querySelectorAll(".srlib-photo-times").forEach(setUpTimes);
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (!file || !places.length) return;
    event.preventDefault();
    (document.activeElement.closest(".srlib-photo") ?? places[0]).takePhoto(file);
  });
})();
