// A before/after slider on one canvas. Every picture is an <img> that stands in the page already (and stays
// there where scripts do not run); this script hides them and draws. It runs once for each output that brings
// it along, touches only sliders that are not set up yet, and leaves nothing behind in the page's names.
(() => {
  const ZOOMS = [1, 2, 3, 4, 6, 8, 12, 16];
  const LUMA = [65.481 / 255, 128.553 / 255, 24.966 / 255]; // of 8-bit R, G, B; the constant 16 cancels
  const GAIN = 4; // an error of 64 gray levels is white

  const add = (parent, tag, properties = {}, attributes = {}) => {
    const element = Object.assign(document.createElement(tag), properties);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    parent.append(element);
    return element;
  };
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  async function setUp(root) {
    const images = [...root.querySelectorAll(".pictures img")];
    await Promise.all(images.map((image) => image.decode()));
    const pictures = images.map((image) => ({ image, label: image.dataset.label }));
    const reference = root.dataset.reference === "" ? -1 : Number(root.dataset.reference);
    const crop = Number(root.dataset.crop || 0);
    const [width, height] = [images[0].naturalWidth, images[0].naturalHeight];
    const view = { a: 0, b: 1, at: 0.5, zoom: 1, x: 0, y: 0, errors: false, large: false };

    // --- what there is to see and to press ---
    const stage = document.createElement("div");
    stage.className = "stage";
    root.querySelector(".pictures").after(stage);
    const frame = add(stage, "div", { className: "frame" });
    const canvas = add(frame, "canvas", {}, { "aria-hidden": "true" });
    const tags = ["a", "b"].map((side) => add(frame, "span", { className: `tag ${side}` }, { "aria-hidden": "true" }));
    const slider = add(stage, "input", { type: "range", min: 0, max: 1000, value: 500 });
    const bar = add(stage, "div", { className: "bar" });
    const button = (text, label, act) => {
      const made = add(bar, "button", { type: "button", textContent: text, title: label }, { "aria-label": label });
      made.addEventListener("click", act);
      return made;
    };
    button("\u2212", "zoom out (key -)", () => zoomBy(-1));
    button("1:1", "one pixel to one (key 0)", () => zoomTo(1));
    button("+", "zoom in (key +)", () => zoomBy(1));
    const large = button("large", "fill the column (key f)", () => {
      view.large = !view.large;
      view.zoom = view.large ? fits() : 1;
      measure();
    });
    const map = button("error map", "show the errors instead of the pictures (key e)", () => {
      view.errors = !view.errors;
      draw();
    });
    if (pictures.length > 2) {
      for (const side of ["a", "b"]) {
        const name = side === "a" ? "left" : "right";
        const choice = add(bar, "select", {}, { "aria-label": `picture on the ${name}` });
        pictures.forEach((one, i) => add(choice, "option", { value: i, textContent: one.label, selected: i === view[side] }));
        choice.addEventListener("change", () => { view[side] = Number(choice.value); draw(); });
      }
    }
    const said = add(bar, "output", { className: "hint" });

    // --- drawing: one picture pixel is a whole number of screen pixels, so nothing is ever smoothed ---
    const dpr = () => window.devicePixelRatio || 1;
    const step = () => Math.max(1, Math.round(view.zoom * dpr())); // screen pixels a picture pixel

    const room = () => root.clientWidth || width;
    const high = () => Math.max(200, Math.floor(innerHeight * 0.8));
    const fits = () => { // the largest zoom at which the whole picture stands in the column
      const most = Math.min(room() / width, high() / height);
      return ZOOMS.filter((zoom) => zoom <= most).pop() ?? 1;
    };

    function measure() {
      const one = Math.max(1, Math.round((view.large ? fits() : 1) * dpr()));
      canvas.width = Math.min(width * one, Math.floor(room() * dpr()));
      canvas.height = Math.min(height * one, high() * Math.ceil(dpr()));
      large.hidden = fits() < 2;
      large.setAttribute("aria-pressed", String(view.large));
      canvas.style.width = `${canvas.width / dpr()}px`;
      canvas.style.height = `${canvas.height / dpr()}px`;
      slider.style.width = bar.style.maxWidth = canvas.style.width;
      bar.style.maxWidth = `${Math.max(canvas.width / dpr(), 280)}px`;
      draw();
    }

    function visible() { // what part of the pictures is on the canvas, in their own pixels
      const w = Math.min(width, Math.floor(canvas.width / step()));
      const h = Math.min(height, Math.floor(canvas.height / step()));
      view.x = clamp(Math.round(view.x), 0, width - w);
      view.y = clamp(Math.round(view.y), 0, height - h);
      return { x: view.x, y: view.y, w, h };
    }

    const pixels = new Map(); // picture number -> its bytes
    function bytes(i) {
      if (!pixels.has(i)) {
        const hidden = Object.assign(document.createElement("canvas"), { width, height });
        const context = hidden.getContext("2d", { willReadFrequently: true });
        context.drawImage(images[i], 0, 0);
        pixels.set(i, context.getImageData(0, 0, width, height).data);
      }
      return pixels.get(i);
    }

    function errors(i, j) { // luma error of two pictures, as a picture
      const key = `${i}-${j}`;
      if (!pixels.has(key)) {
        const [one, other] = [bytes(i), bytes(j)];
        const made = Object.assign(document.createElement("canvas"), { width, height });
        const context = made.getContext("2d");
        const data = context.createImageData(width, height);
        for (let p = 0; p < one.length; p += 4) {
          let error = 0;
          for (let c = 0; c < 3; c++) error += LUMA[c] * (one[p + c] - other[p + c]);
          data.data.fill(Math.round(Math.min(255, GAIN * Math.abs(error))), p, p + 3);
          data.data[p + 3] = 255;
        }
        context.putImageData(data, 0, 0);
        pixels.set(key, made);
      }
      return pixels.get(key);
    }

    function counted({ x, y, w, h }) { // the visible part without the border; all of it where only border is seen
      const [left, top] = [Math.max(x, crop), Math.max(y, crop)];
      const [right, bottom] = [Math.min(x + w, width - crop), Math.min(y + h, height - crop)];
      return right > left && bottom > top ? { left, top, right, bottom } : { left: x, top: y, right: x + w, bottom: y + h };
    }

    function psnr(i, j, part) { // dB on luma, over what counts of the visible part
      const [one, other] = [bytes(i), bytes(j)];
      const { left, top, right, bottom } = counted(part);
      let sum = 0;
      for (let row = top; row < bottom; row++) {
        for (let p = 4 * (row * width + left), end = p + 4 * (right - left); p < end; p += 4) {
          let error = 0;
          for (let c = 0; c < 3; c++) error += LUMA[c] * (one[p + c] - other[p + c]);
          sum += error * error;
        }
      }
      return sum === 0 ? Infinity : 10 * Math.log10((255 * 255 * (right - left) * (bottom - top)) / sum);
    }
    const inWords = (value) => (value === Infinity ? "identical" : `${value.toFixed(2)} dB`);

    function draw() {
      const { x, y, w, h } = visible();
      const k = step();
      const context = canvas.getContext("2d");
      context.imageSmoothingEnabled = false;
      context.clearRect(0, 0, canvas.width, canvas.height);
      const against = reference >= 0 ? [reference, reference] : [view.b, view.a];
      const [left, right] = [view.a, view.b].map((i, n) => (view.errors ? errors(i, against[n]) : images[i]));
      const split = Math.round(view.at * w * k);
      const side = (picture, from, to) => { // screen columns from..to
        if (to <= from) return;
        context.save();
        context.beginPath();
        context.rect(from, 0, to - from, h * k);
        context.clip();
        context.drawImage(picture, x, y, w, h, 0, 0, w * k, h * k);
        context.restore();
      };
      side(left, 0, split);
      side(right, split, w * k);
      if (split > 0 && split < w * k) { // the handle takes two screen columns, one dark and one light
        context.fillStyle = "#000";
        context.fillRect(split - 1, 0, 1, h * k);
        context.fillStyle = "#fff";
        context.fillRect(split, 0, 1, h * k);
      }
      const labels = [pictures[view.a].label, pictures[view.b].label];
      tags.forEach((tag, n) => { tag.textContent = labels[n]; });
      map.setAttribute("aria-pressed", String(view.errors));
      root.classList.toggle("movable", w < width || h < height);
      canvas.style.touchAction = h < height ? "none" : "pan-y"; // a finger may still scroll the page
      slider.value = String(Math.round(view.at * 1000));
      slider.setAttribute("aria-label", `divider: ${labels[0]} on its left, ${labels[1]} on its right`);
      slider.setAttribute("aria-valuetext", `${Math.round(view.at * 100)} % ${labels[0]}`);
      const whole = crop ? `picture without its border of ${crop}` : "whole picture";
      const part = w < width || h < height ? `visible ${w} x ${h}` : whole;
      const values = reference >= 0
        ? `${inWords(psnr(view.a, reference, { x, y, w, h }))} | ${inWords(psnr(view.b, reference, { x, y, w, h }))}`
        : `between the two ${inWords(psnr(view.a, view.b, { x, y, w, h }))}`;
      const what = view.errors ? `luma error x ${GAIN}, ` : "";
      said.textContent = `${view.zoom}x, ${what}PSNR of the ${part}: ${values}`;
    }

    // --- moving: the divider, the zoom, the part that is seen ---
    function zoomTo(zoom, px = canvas.width / 2, py = canvas.height / 2) { // keeps the point under (px, py)
      const before = step();
      const [x, y] = [view.x + px / before, view.y + py / before];
      view.zoom = zoom;
      [view.x, view.y] = [x - px / step(), y - py / step()];
      draw();
    }
    function zoomBy(steps, px, py) {
      const now = ZOOMS.findIndex((zoom) => zoom >= view.zoom);
      zoomTo(ZOOMS[clamp(now + steps, 0, ZOOMS.length - 1)], px, py);
    }
    const place = (event) => { // of a pointer, in screen pixels of the canvas
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) * dpr(), (event.clientY - box.top) * dpr()];
    };
    const divideAt = (px) => {
      view.at = clamp(px / (visible().w * step()), 0, 1);
      draw();
    };

    const fingers = new Map();
    let drag = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, place(event));
      const [px, py] = place(event);
      const near = Math.abs(px - view.at * visible().w * step()) < 16 * dpr();
      const movable = root.classList.contains("movable");
      if (fingers.size === 2) { // a pinch: the divider goes back to where it was before the first finger
        view.at = drag?.at ?? view.at;
        drag = { ...drag, pinch: { apart: apart(), zoom: view.zoom } };
        draw();
        return;
      }
      drag = { px, py, x: view.x, y: view.y, at: view.at, pans: movable && !near, moved: false };
      if (!drag.pans) divideAt(px);
    });
    const apart = () => {
      const [[ax, ay], [bx, by]] = [...fingers.values()];
      return Math.hypot(ax - bx, ay - by);
    };
    canvas.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) return;
      fingers.set(event.pointerId, place(event));
      if (fingers.size === 2 && drag?.pinch) {
        const [[ax, ay], [bx, by]] = [...fingers.values()];
        const wanted = (drag.pinch.zoom * apart()) / drag.pinch.apart;
        const nearest = ZOOMS.reduce((one, other) => (Math.abs(other - wanted) < Math.abs(one - wanted) ? other : one));
        if (nearest !== view.zoom) zoomTo(nearest, (ax + bx) / 2, (ay + by) / 2);
        drag.moved = true;
        return;
      }
      if (drag?.pinch) return; // one finger of a pinch is left on the picture
      const [px, py] = place(event);
      if (Math.hypot(px - drag.px, py - drag.py) > 3 * dpr()) drag.moved = true;
      if (drag.pans) {
        view.x = drag.x - (px - drag.px) / step();
        view.y = drag.y - (py - drag.py) / step();
        draw();
      } else divideAt(px);
    });
    for (const ending of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(ending, (event) => {
        if (!fingers.delete(event.pointerId)) return;
        if (ending === "pointerup" && drag && drag.pans && !drag.moved) divideAt(drag.px); // a click
        if (fingers.size === 0) drag = null;
      });
    }
    canvas.addEventListener("click", () => slider.focus({ preventScroll: true, focusVisible: false }));
    canvas.addEventListener("wheel", (event) => { // a page that is being scrolled past must go on scrolling
      if (!event.ctrlKey && !event.metaKey && !root.contains(document.activeElement)) return;
      event.preventDefault();
      zoomBy(event.deltaY < 0 ? 1 : -1, ...place(event));
    }, { passive: false });
    slider.addEventListener("input", () => { view.at = slider.value / 1000; draw(); });
    root.addEventListener("keydown", (event) => {
      event.stopPropagation(); // JupyterLab would take arrows and letters for itself
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (event.key === "+" || event.key === "=") zoomBy(1);
      else if (event.key === "-") zoomBy(-1);
      else if (event.key === "0") zoomTo(1);
      else if (event.key === "e") map.click();
      else if (event.key === "f") large.click();
      else if (event.shiftKey && move) {
        view.x += (move[0] * visible().w) / 8;
        view.y += (move[1] * visible().h) / 8;
        draw();
      } else if (move && event.target === slider) { // a key is a step that one can see
        view.at = clamp(view.at + (move[0] - move[1]) * 0.02, 0, 1);
        draw();
      } else return;
      event.preventDefault();
    });

    root.classList.add("ready");
    new ResizeObserver(measure).observe(root);
    const listen = () => { // the window moved to another screen, or the page was zoomed
      matchMedia(`(resolution: ${dpr()}dppx)`).addEventListener("change", () => { measure(); listen(); }, { once: true });
    };
    listen();
    measure();
  }

  for (const root of document.querySelectorAll(".srlib-compare:not([data-begun])")) {
    root.dataset.begun = "yes";
    setUp(root).catch((fault) => console.warn("srlib compare:", fault));
  }
})();
