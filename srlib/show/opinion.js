// The opinion-score lab. The pictures stand in the page with their names, for where scripts do not run; this
// script takes both out of the page, shows the pictures one at a time, and gives the names back at the end.
// Ratings are kept by the browser under the lab's own key and go nowhere.
(() => {
  // --- numbers ---
  const FEWEST = 3; // ratings for an interval: with two of them Student's t is 12.7, wider than the scale
  const PAIRS = 4; // for a rank correlation: of three, one order in six is perfect by chance

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  // P(|T| < sqrt(df) tan(angle)) for Student's T: a finite sum (Abramowitz and Stegun 26.7.3 and 26.7.4)
  function within(angle, df) {
    const odd = df % 2;
    let [term, sum] = [odd ? Math.cos(angle) : 1, 0];
    for (let power = odd; power <= df - 2; power += 2) {
      sum += term;
      term *= (Math.cos(angle) ** 2 * (power + 1)) / (power + 2);
    }
    return odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
  }

  function studentT(probability, df) { // the t with P(|T| < t) = probability, by halving
    let [low, high] = [0, Math.PI / 2];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (within(middle, df) < probability) low = middle;
      else high = middle;
    }
    return Math.sqrt(df) * Math.tan((low + high) / 2);
  }

  function interval(scores) { // half its width, for the mean, 95 %
    const centre = mean(scores);
    const variance = scores.reduce((sum, score) => sum + (score - centre) ** 2, 0) / (scores.length - 1);
    return studentT(0.95, scores.length - 1) * Math.sqrt(variance / scores.length);
  }

  function ranks(values) { // 1 for the least; equal values share their mean rank
    return values.map((value) => {
      const [less, same] = [values.filter((other) => other < value).length, values.filter((other) => other === value).length];
      return less + (same + 1) / 2;
    });
  }

  function spearman(one, other) { // NaN where one of the two does not vary
    const [a, b] = [ranks(one), ranks(other)];
    const [ma, mb] = [mean(a), mean(b)];
    const sum = (f) => a.reduce((total, _, i) => total + f(a[i] - ma, b[i] - mb), 0);
    return sum((x, y) => x * y) / Math.sqrt(sum((x) => x * x) * sum((_, y) => y * y));
  }

  function shuffled(count, seed) { // 0..count-1 in an order that the seed decides (mulberry32, Fisher and Yates)
    let state = seed >>> 0;
    const random = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let x = Math.imul(state ^ (state >>> 15), state | 1);
      x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
      return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
    };
    const order = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
  // --- the lab ---

  const WORDS = ["bad", "poor", "fair", "good", "excellent"];
  const unpack = (text) => JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), (c) => c.charCodeAt(0) ^ 90)));
  const memory = { // a page from the disk or in a frame may not be allowed to keep anything: then only the page does
    put: (key, value) => { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* kept until the page is left */ } },
    get: (key) => { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
    drop: (key) => { try { localStorage.removeItem(key); } catch { /* nothing was kept */ } },
  };
  const make = (tag, properties = {}, children = []) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const table = (caption, head, rows) => {
    const cells = (row) => row.map((text, i) => make(i ? "td" : "th", i ? { textContent: text } : { textContent: text, scope: "row" }));
    const made = make("table", {}, [
      make("caption", { textContent: caption }),
      make("thead", {}, [make("tr", {}, head.map((text) => make("th", { textContent: text, scope: "col" })))]),
      make("tbody", {}, rows.map((row) => make("tr", {}, cells(row)))),
    ]);
    const around = make("div", { className: "scroll", tabIndex: 0 }, [made]);
    around.setAttribute("role", "region");
    around.setAttribute("aria-label", caption);
    return around;
  };

  function setUp(root) {
    const { methods, metrics, pictures, published, source, about } = unpack(root.dataset.lab);
    const images = [...root.querySelectorAll(".plain img")];
    root.querySelector(".plain").remove();
    const original = (i) => pictures.findIndex((one) => one.photo === pictures[i].photo && one.same);
    const same = [...document.querySelectorAll(`.srlib-opinion[data-key="${root.dataset.key}"]`)];
    const key = `srlib opinion ${root.dataset.key} ${same.indexOf(root)}`; // the same lab twice on a page: two tests

    // --- what is kept: a seed for the order, and for each rated picture its score and what stood beside it ---
    const fresh = () => ({ seed: Math.floor(Math.random() * 2 ** 32), scores: {}, beside: {} });
    const valid = (kept) => {
      const isScore = ([i, score]) => i in pictures && [1, 2, 3, 4, 5].includes(score);
      return Number.isInteger(kept?.seed) && kept.scores && kept.beside && Object.entries(kept.scores).every(isScore);
    };
    const before = memory.get(key);
    let kept = valid(before) ? before : fresh();
    let order = shuffled(pictures.length, kept.seed);
    const rated = () => order.filter((i) => i in kept.scores);
    const nextUnrated = () => order.findIndex((i) => !(i in kept.scores)); // -1 when all are rated
    let at = Math.max(0, nextUnrated());

    // --- what there is to see and to press ---
    const name = `opinion-${Math.random().toString(36).slice(2)}`; // radio buttons of two labs must not meet
    const slot = make("div");
    const twin = make("div");
    const beside = make("figure", { hidden: true }, [make("figcaption", { textContent: "the original" }), twin]);
    const stage = make("div", { className: "stage" }, [
      make("figure", {}, [make("figcaption", { textContent: "to rate" }), slot]), beside,
    ]);
    const radios = WORDS.map((word, i) => make("input", { type: "radio", name, value: i + 1 }));
    const scale = make("div", { className: "scale" }, WORDS.map((word, i) => make("label", {}, [radios[i], `${i + 1} ${word}`])));
    const progress = make("output");
    progress.setAttribute("aria-live", "polite");
    const button = (textContent, act) => {
      const made = make("button", { type: "button", textContent });
      made.addEventListener("click", act);
      return made;
    };
    const back = button("back", () => { if (at > 0) { at -= 1; draw(); } });
    const next = button("next", () => goOn());
    const early = button("results so far", () => show(true));
    const peek = make("input", { type: "checkbox" });
    const rating = make("div", {}, [
      stage,
      make("fieldset", {}, [make("legend", { textContent: "How good is this picture?" }), scale]),
      make("div", { className: "bar" }, [back, next, progress]),
      make("p", { className: "keys", textContent: "A click or a key from 1 to 5 rates and goes on; arrow keys choose and Enter goes on; back (Backspace) corrects." }),
      make("div", { className: "bar" }, [make("label", {}, [peek, "show the original beside it (another protocol)"]), early]),
    ]);
    const results = make("div", { hidden: true });
    const wipe = button("", () => {
      if (rated().length && !wipe.dataset.sure) {
        wipe.dataset.sure = "yes";
        label();
        return;
      }
      memory.drop(key);
      kept = fresh();
      order = shuffled(pictures.length, kept.seed);
      at = 0;
      delete wipe.dataset.sure;
      show(false);
    });
    wipe.addEventListener("blur", () => { delete wipe.dataset.sure; label(); });
    const label = () => {
      wipe.textContent = wipe.dataset.sure ? "press again to delete them all" : "delete my ratings and start again";
    };
    const paper = make("div", { className: "paper" }); // what is printed in place of the rating
    root.querySelector("script").before(rating, results, paper, make("div", { className: "bar" }, [
      wipe, make("span", { textContent: "Ratings are kept in this browser only; nothing is sent." }),
    ]));

    const named = (i, words = "") => { // a picture with its name below
      const image = images[i].cloneNode();
      image.alt = `${pictures[i].photo}: ${methods[pictures[i].method]}`;
      return make("figure", {}, [image, make("figcaption", { textContent: image.alt + words })]);
    };
    function print() {
      const grid = () => make("div", { className: "grid" }, images.map((_, i) => named(i)));
      paper.replaceChildren(nextUnrated() < 0 ? grid() : make("p", { textContent: "The pictures are to be rated on the screen." }));
    }

    function draw() {
      const i = order[at];
      images[i].alt = `picture ${at + 1}, to be rated`;
      slot.replaceChildren(images[i]);
      twin.replaceChildren(...(peek.checked ? [Object.assign(images[original(i)].cloneNode(), { alt: "the original" })] : []));
      beside.hidden = !peek.checked;
      for (const radio of radios) radio.checked = Number(radio.value) === kept.scores[i];
      const done = rated().length;
      progress.textContent = `picture ${at + 1} of ${pictures.length}, ${done} rated`;
      back.disabled = at === 0;
      next.disabled = !(i in kept.scores);
      next.textContent = at === pictures.length - 1 || done === pictures.length ? "results" : "next";
      early.hidden = done === 0;
      label();
      print();
    }

    function rate(score) {
      kept.scores[order[at]] = score;
      kept.beside[order[at]] = peek.checked;
      memory.put(key, kept);
      draw();
    }

    function goOn() {
      if (!(order[at] in kept.scores)) return;
      if (at < pictures.length - 1 && rated().length < pictures.length) {
        at += 1;
        draw();
      } else show(true);
    }

    function show(wanted) { // the results, or the rating
      [rating.hidden, results.hidden] = [wanted, !wanted];
      if (!wanted) {
        results.replaceChildren();
        draw();
        radios[0].focus({ preventScroll: true, focusVisible: false });
        return;
      }
      results.replaceChildren(...tell());
      label();
      print();
      results.querySelector("h4").focus({ preventScroll: true });
    }

    // --- what came of it ---
    function tell() {
      const mine = rated();
      const of = (method) => mine.filter((i) => pictures[i].method === method);
      const scores = (list) => list.map((i) => kept.scores[i]);
      const value = (i, m) => pictures[i].values[m] ?? Infinity; // identical pictures have an infinite PSNR
      const groups = methods.map((_, method) => of(method));
      const seen = methods.map((_, method) => method).filter((method) => groups[method].length);
      const score = (method) => mean(scores(groups[method]));
      const withIt = mine.filter((i) => kept.beside[i]).length;

      const spread = (list) => {
        if (list.length < FEWEST) return `too few ratings (needs ${FEWEST})`;
        const half = interval(list);
        if (half === 0) return "all ratings equal";
        const [low, high] = [Math.max(1, mean(list) - half), Math.min(5, mean(list) + half)]; // no score lies outside
        return low === 1 && high === 5 ? "1 to 5: too few ratings" : `${low.toFixed(2)} to ${high.toFixed(2)}`;
      };
      const sets = Object.keys(published);
      const same = (one, other) => one.toLowerCase() === other.toLowerCase();
      const theirs = (who) => sets.map((set) => {
        const found = Object.entries(published[set]).find(([method]) => same(method, who));
        return found ? found[1].toFixed(2) : "–";
      });
      const best = [...seen].sort((a, b) => score(b) - score(a));
      const unrated = methods.filter((_, method) => !groups[method].length);
      const others = [...new Set(sets.flatMap((set) => Object.keys(published[set])))].filter((who) => !methods.some((one) => same(one, who)));
      const rows = [
        ...best.map((method) => {
          const list = scores(groups[method]);
          return [methods[method], mean(list).toFixed(2), spread(list), String(list.length)];
        }),
        ...unrated.map((who) => [who, "–", "–", "0"]),
      ];
      const beside = [ // two narrow tables, because a phone would cut a wide one off
        ...best.map((method) => [methods[method], score(method).toFixed(2), ...theirs(methods[method])]),
        ...[...unrated, ...others].map((who) => [who, "–", ...theirs(who)]),
      ];
      const publishedToo = sets.length ? [
        table(`Published scores beside yours (${source})`, ["method", "yours", ...sets], beside),
        make("p", { textContent: "The published scores are of the paper's own networks, trained for days, and of other pictures, at x4. The same name here may be another training." }),
      ] : [];
      const told = methods.filter((who) => who in about);
      const notes = told.length ? [
        make("ul", { className: "about" }, told.map((who) => make("li", { textContent: `${who}: ${about[who]}` }))),
      ] : [];

      const measured = mine.filter((i) => !pictures[i].same);
      const compared = seen.filter((method) => groups[method].some((i) => !pictures[i].same));
      const average = (m) => (method) => mean(groups[method].filter((i) => !pictures[i].same).map((i) => metrics[m].sign * value(i, m)));
      const agreement = (one, other) => {
        if (one.length < PAIRS) return { text: `too few (${one.length}, needs ${PAIRS})`, rho: NaN };
        const rho = spearman(one, other);
        return { text: Number.isNaN(rho) ? "none: all equal" : `${rho.toFixed(2)} (${one.length})`, rho };
      };
      const inOrder = (by) => {
        const sorted = [...compared].sort((a, b) => by(b) - by(a));
        return sorted.map((method, n) => (n ? (by(sorted[n - 1]) - by(method) < 1e-12 ? " = " : " > ") : "") + methods[method]).join("");
      };
      const ownScore = (method) => mean(scores(groups[method].filter((i) => !pictures[i].same)));
      const judged = metrics.map((metric, m) => ({
        name: metric.name,
        order: inOrder(average(m)),
        pictures: agreement(measured.map((i) => metric.sign * value(i, m)), scores(measured)),
        methods: agreement(compared.map(average(m)), compared.map(ownScore)),
      }));
      const known = judged.filter((one) => !Number.isNaN(one.pictures.rho));
      const top = Math.max(...known.map((one) => one.pictures.rho));
      const nearest = known.filter((one) => one.pictures.rho === top).map((one) => one.name);
      const verdict = !known.length ? "" : top < 0.005 ? "No metric ranks the pictures as you do. " // shown as 0.00, or less
        : `Picture by picture ${nearest.join(" and ")} ${nearest.length > 1 ? "come" : "comes"} closest to you. `;

      const heading = make("h4", { textContent: "What you think of them", tabIndex: -1 });
      const part = mine.length < pictures.length ? ` of ${pictures.length}` : "";
      const together = withIt ? `${withIt} of them with the original beside` : "none with the original beside";
      const unveiled = make("details", {}, [
        make("summary", { textContent: "the pictures and their names" }),
        make("div", { className: "grid" }, [...mine].sort((a, b) => a - b).map((i) => {
          const numbers = metrics.map(({ name, digits, unit }, m) => `${name} ${pictures[i].values[m]?.toFixed(digits) ?? "infinite"}${unit}`);
          return named(i, `. Your ${kept.scores[i]}; ${numbers.join(", ")}`);
        })),
      ]);
      return [
        heading,
        make("p", { textContent: `You rated ${mine.length}${part} pictures, ${together}.` }),
        table("Your mean opinion scores", ["method", "yours", "95 % interval", "ratings"], rows),
        make("p", { textContent: "The interval is Student's t over your ratings of different photographs: it speaks of you and of pictures like these, not of other people. Where it would leave the scale it is cut off at 1 or 5." }),
        ...publishedToo,
        ...notes,
        make("h4", { textContent: "Which metric ranks as you do?" }),
        table(
          "Spearman's rank correlation with your scores (number of pairs)",
          ["", "best to worst", "over pictures", "over methods"],
          [["you", inOrder(ownScore), "", ""], ...judged.map((one) => [one.name, one.order, one.pictures.text, one.methods.text])],
        ),
        make("p", { textContent: `${verdict}1 is your order, -1 its reverse, 0 no relation; equal values share a rank. Pictures identical to the original are left out: any metric puts those first. GMSD counts downwards, because less is better. Between photographs a metric also sees how hard each one is; over methods, once all are rated, that averages out.` }),
        unveiled,
        make("div", { className: "bar" }, [button(nextUnrated() < 0 ? "change a rating" : "go on rating", () => {
          at = nextUnrated() < 0 ? pictures.length - 1 : nextUnrated();
          show(false);
        })]),
      ];
    }

    // --- by hand and by keys ---
    let pointed = false; // what arrow keys choose is a click too, but waits for Enter
    scale.addEventListener("pointerup", () => { pointed = true; });
    scale.addEventListener("click", (event) => {
      if (event.target.tagName !== "INPUT") return; // the label's own; the one it makes of its button follows
      const on = pointed;
      pointed = false;
      rate(Number(event.target.value));
      if (on) goOn();
    });
    peek.addEventListener("change", draw);
    root.tabIndex = -1; // a click on the picture brings the keys here
    root.addEventListener("keydown", (event) => {
      event.stopPropagation(); // JupyterLab would take digits and Enter for itself
      pointed = false;
      if (event.ctrlKey || event.metaKey || event.altKey || rating.hidden) return;
      if (/^[1-5]$/.test(event.key)) {
        if (event.repeat) return; // a key held down would rate the pictures that follow
        rate(Number(event.key));
        goOn();
      } else if (event.key === "Backspace") back.click();
      else if (event.key === "Enter" && event.target.type === "radio") goOn();
      else return;
      event.preventDefault();
    });

    if (nextUnrated() < 0) {
      rating.hidden = true;
      results.hidden = false;
      results.replaceChildren(...tell());
      label();
      print();
    } else draw();
  }

  for (const root of document.querySelectorAll(".srlib-opinion:not([data-begun])")) {
    root.dataset.begun = "yes";
    setUp(root);
  }
})();
