// A table that can be filtered: a row is seen while it has all that is chosen above. Without this script the
// whole table is seen and nothing to choose. It sets up only tables that are not set up yet.
(() => {
  const setUp = (root) => {
    const rows = [...root.querySelectorAll("tbody tr")].map((row) => [row, row.dataset.values.split("\n")]);
    const choices = [...root.querySelectorAll("select")];
    const count = root.querySelector(".count");
    const update = () => {
      let seen = 0;
      for (const [row, values] of rows) {
        row.hidden = choices.some((one, i) => one.selectedIndex > 0 && one.value !== values[i]);
        seen += Number(!row.hidden);
      }
      count.textContent = `${seen} of ${rows.length}`;
    };
    root.querySelector(".controls").hidden = false;
    root.addEventListener("input", update);
    root.addEventListener("keydown", (event) => event.stopPropagation()); // JupyterLab has keys of its own
    update(); // a browser that comes back to the page keeps what was chosen
  };
  for (const root of document.querySelectorAll(".srlib-filtered:not([data-ready])")) {
    root.dataset.ready = "1";
    setUp(root);
  }
})();
