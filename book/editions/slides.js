// Starts the presentation when the formulas are drawn, makes each slide's figures as large as the slide allows, and
// leaves the keys to whatever control has the focus.
(async () => {
  const OWN_KEYS = ".slides :is(input, select, button, summary, .srlib-compare, .srlib-explorer, .srlib-question, .srlib-opinion, .srlib-filtered)";
  const PICTURES = ":is(.srlib-figure, .srlib-explorer) :is(img, svg)";

  const wide = (picture) => Number(picture.getAttribute("width")) || picture.naturalWidth || 0;
  const outermost = (picture) => !picture.parentElement.closest("svg") && !picture.closest(".stack svg, .srlib-network");

  function fit(slide) { // figures grow to the slide; what is still too much shrinks
    const content = slide?.querySelector(".content");
    if (!content || content.closest(".own-size")) return;
    const inner = content.querySelector(".inner");
    const pictures = [...inner.querySelectorAll(PICTURES)].filter(outermost);
    const high = () => inner.getBoundingClientRect().height;
    const seen = (picture) => picture.getBoundingClientRect().width;
    inner.style.zoom = 1;
    const set = (times) => pictures.forEach((one) => { // pixels stay squares: whole numbers only
      one.style.zoom = one.tagName === "IMG" ? Math.max(1, Math.floor(times)) : times;
    });
    const fits = (times) => {
      set(times);
      const whole = pictures.every((one) => one.tagName !== "IMG" || seen(one) === 0 || seen(one) >= wide(one) * Math.floor(times) - 1);
      return high() <= content.clientHeight && inner.scrollWidth <= inner.clientWidth + 1 && (whole || times === 1);
    };
    const large = [1.6, 1.5, 1.4, 1.3, 1.2, 1.1];
    if (!pictures.length) { // text, tables and diagrams may be larger, too
      const wider = () => [inner, ...inner.querySelectorAll("pre, .scroll")].some((one) => one.scrollWidth > one.clientWidth + 1);
      large.find((size) => { inner.style.zoom = size; return high() <= 0.92 * content.clientHeight && !wider(); }) ?? (inner.style.zoom = 1);
    } else if (![4, 3.5, 3, 2.75, 2.5, 2.25, 2, 1.75, 1.5, 1.25, 1].some(fits)) set(1);
    for (let size = 0.95; size > 0.35 && high() > content.clientHeight; size -= 0.05) inner.style.zoom = size;
  }

  async function enlarge(slide) { // a slider fills the slide in its own way: by whole pixels
    for (const root of slide?.querySelectorAll(".srlib-compare:not([data-enlarged])") ?? []) {
      root.dataset.enlarged = "yes";
      while (!root.classList.contains("ready")) await new Promise(requestAnimationFrame);
      const content = root.closest(".content");
      const large = [...root.querySelectorAll("button")].find((one) => one.textContent === "large");
      if (large.hidden) continue;
      large.click();
      if (content.scrollHeight > content.clientHeight) large.click();
    }
  }

  const show = (slide) => {
    document.activeElement?.blur();
    fit(slide);
    enlarge(slide);
  };

  document.querySelectorAll(".slides section:has(.srlib-compare)").forEach((one) => one.classList.add("own-size"));
  await window.MathJax.startup.promise;
  Reveal.on("ready", (event) => show(event.currentSlide));
  Reveal.on("slidechanged", (event) => show(event.currentSlide));
  window.addEventListener("resize", () => fit(Reveal.getCurrentSlide()));
  document.addEventListener("toggle", () => fit(Reveal.getCurrentSlide()), true);
  document.addEventListener("keydown", (event) => {
    const turn = { PageDown: "next", PageUp: "prev" }[event.key]; // what a remote sends: it always turns the slide
    if (turn) {
      event.preventDefault();
      event.stopPropagation();
      Reveal[turn]();
    } else if (event.key === "Escape" && document.activeElement?.closest(OWN_KEYS)) {
      event.stopPropagation();
      document.activeElement.blur();
    }
  }, true);
  await Reveal.initialize({
    controls: true,
    disableLayout: true, // a slide is laid out in the window's own pixels, so that pictures stay exact
    hash: true,
    keyboardCondition: () => !document.activeElement?.closest(OWN_KEYS),
    plugins: [RevealNotes],
    progress: true,
    scrollActivationWidth: null,
    slideNumber: "c/t",
    transition: "none",
  });
})();
