// Runs before anything else on a page of slides. Each lecture begins with open questions: what was chosen last time,
// here or in the book, is not remembered. (Files on the disk share one memory.)
(() => {
  const kept = new Map();
  const memory = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, String(value)),
    removeItem: (key) => kept.delete(key),
  };
  Object.defineProperty(window, "localStorage", { value: memory });
  window.MathJax = { options: { processHtmlClass: "math" }, startup: { typeset: true } };
})();
