// Quiz questions, predictions and what became of them. Notes are packed so that nobody reads an answer by
// accident in the page's source. What was chosen is kept by the browser under the question's own key.
(() => {
  const unpack = (text) => JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), (c) => c.charCodeAt(0) ^ 90)));
  const memory = { // a page from the disk or in a frame may not be allowed to keep anything: then the page itself does
    put: (key, value) => { try { localStorage.setItem(`srlib ${key}`, value); } catch { /* kept by the radio button */ } },
    get: (key) => { try { return localStorage.getItem(`srlib ${key}`); } catch { return null; } },
  };
  const chosen = (key) => document.querySelector(`.srlib-question[data-key="${key}"] input:checked`)?.value ?? memory.get(key);

  function say(output, text, kind = "") {
    output.className = kind;
    output.textContent = text;
  }

  function quiz(root, output) {
    const { right, notes } = unpack(root.dataset.notes);
    return (value) => {
      const good = Number(value) === right;
      // said in words too: a mark that the style sheet draws is not read aloud
      const word = /^(right|yes|no|not quite|wrong)\s*[:.,;!]/i.test(notes[value]) ? "" : good ? "Right. " : "Not right. ";
      say(output, word + notes[value], good ? "right" : "wrong");
    };
  }

  function prediction(root, output) {
    return (value) => {
      const option = root.querySelector(`input[value="${value}"]`).parentElement.textContent.trim();
      say(output, `Noted: ${option}. Read on; the run decides.`);
      document.dispatchEvent(new CustomEvent("srlib-predicted", { detail: root.dataset.key }));
    };
  }

  function revelation(root, output) {
    const { answer, options, why } = unpack(root.dataset.notes);
    const tell = () => {
      const value = chosen(root.dataset.of);
      if (value === null) return wait();
      root.querySelector("details")?.remove();
      const kind = Number(value) === answer ? "right" : "wrong";
      say(output, `You predicted: ${options[value]}. The run says: ${options[answer]}. ${why}`, kind);
    };
    const wait = () => { // nothing chosen yet: the answer stays shut, but on paper there is no later
      if (root.querySelector("details")) return;
      const shut = document.createElement("details");
      const summary = document.createElement("summary");
      summary.textContent = "Predict first (above), or open this to see what the run says.";
      const inside = document.createElement("p");
      inside.textContent = `The run says: ${options[answer]}. ${why}`;
      shut.append(summary, inside);
      output.before(shut);
    };
    window.addEventListener("beforeprint", () => root.querySelectorAll("details").forEach((one) => { one.open = true; }));
    document.addEventListener("srlib-predicted", (event) => { if (event.detail === root.dataset.of) tell(); });
    tell();
  }

  for (const root of document.querySelectorAll(".srlib-question:not([data-begun])")) {
    root.dataset.begun = "yes";
    const output = root.querySelector("output");
    root.addEventListener("keydown", (event) => event.stopPropagation()); // arrows choose here, also in JupyterLab
    if (root.dataset.of) {
      revelation(root, output);
      continue;
    }
    const answer = (root.dataset.notes ? quiz : prediction)(root, output);
    root.addEventListener("change", (event) => {
      memory.put(root.dataset.key, event.target.value);
      answer(event.target.value);
    });
    const before = root.querySelector(`input[value="${memory.get(root.dataset.key)}"]`);
    if (before) {
      before.checked = true;
      answer(before.value);
    }
  }
})();
