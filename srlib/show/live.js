// An explorer on the saved page: the frame of the chosen values is shown, all others are hidden. It sets up
// only explorers that are not set up yet and leaves nothing behind in the page's names.
(() => {
  const setUp = (root) => {
    const sizes = root.dataset.sizes ? root.dataset.sizes.split(",").map(Number) : [];
    const frames = [...root.querySelectorAll(":scope > .frame")];
    const inputs = [...root.querySelectorAll(":scope > .controls :is(input, select)")];
    const value = (input) =>
      input.type === "checkbox" ? Number(input.checked) : input.tagName === "SELECT" ? input.selectedIndex : Number(input.value);
    const update = () => {
      let at = 0;
      let next = 0; // a control with one value only has no input
      for (const size of sizes) at = at * size + (size > 1 ? value(inputs[next++]) : 0);
      frames.forEach((frame, i) => { frame.hidden = i !== at; });
      for (const input of inputs) {
        if (input.type !== "range") continue;
        const word = input.dataset.words.split("\n")[Number(input.value)];
        input.setAttribute("aria-valuetext", word);
        input.nextElementSibling.textContent = word;
      }
    };
    root.addEventListener("input", update);
    root.addEventListener("change", () => { // for those who hear the page: what the new frame says in words
      const frame = frames.find((one) => !one.hidden);
      const words = frame?.querySelector("figcaption, p:last-of-type")?.textContent ?? "";
      root.querySelector(":scope > .told").textContent = words;
    });
    // JupyterLab has keys of its own for a focused cell
    root.addEventListener("keydown", (event) => event.stopPropagation());
    update(); // a browser that comes back to the page keeps what was chosen
  };
  for (const root of document.querySelectorAll(".srlib-explorer:not([data-ready])")) {
    root.dataset.ready = "1";
    setUp(root);
  }
})();
