
"use strict";
(() => {
  const SHOWN = 50; // clauses on the screen at a time: what keeps a page of 200,000 quick
  const HEAD = 8; // clauses of a cluster shown below its medoid in a term
  const CARDS = 20; // clusters of a term shown at a time
  const TERMS = 200; // terms listed at a time
  const FAR = 1 / 3; // of the longer text's length: "far from the medoid"
  const byId = (id) => document.getElementById(id);
  const meta = JSON.parse(byId("meta").textContent);
  const data = JSON.parse(byId("data").textContent);
  const number = new Intl.NumberFormat("en");

  /* ---- what the run found ---- */

  const clusters = meta.clusters.map(([number, medoid, count, reports, radius]) =>
    ({ number, medoid, count, reports, radius, rest: count, first: 0, size: 0 }));
  const size = data.text.length;
  const clusterOf = new Int32Array(size);
  {
    let place = 0;
    for (const [cluster, count] of data.runs) {
      clusterOf.fill(cluster, place, place + count);
      if (cluster >= 0) {
        Object.assign(clusters[cluster], { first: place, size: count });
        for (let i = place; i < place + count; i += 1) clusters[cluster].rest -= data.count[i];
      }
      place += count;
    }
  }
  const unplaced = size - data.near.length; // clauses without a cluster stand last
  const medoidOf = (i) => {
    const cluster = clusterOf[i] >= 0 ? clusterOf[i] : data.near[i - unplaced];
    return cluster >= 0 ? clusters[cluster] : null;
  };
  // A term: one of the run's, or one that the reader made (without lines of its own).
  const terms = meta.terms.map((term) => ({ ...term, made: false }));
  const home = new Int32Array(clusters.length); // the run's term of each cluster
  terms.forEach((term, t) => { for (const c of term.clusters) home[c] = t; });

  /* ---- what the reader decided ---- */

  const clusterTerm = Int32Array.from(home);
  const hand = new Map(); // clause -> term
  const termOf = (i) => hand.get(i) ?? (clusterOf[i] < 0 ? -1 : clusterTerm[clusterOf[i]]);
  const undone = [];
  let dirty = false;
  const state = { term: 0, cluster: -1, query: "", view: "term", sort: "count", page: 0, cards: CARDS, listed: TERMS };
  const selected = new Set();

  /* ---- making elements: text goes in as text nodes only, never as markup ---- */

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const button = (text, act, attributes = {}) => {
    const element = make("button", { type: "button", ...attributes }, text);
    element.addEventListener("click", act);
    return element;
  };
  const said = (text) => make("span", { dir: "auto" }, text);
  const plural = (count, word) => `${number.format(count)} ${word}${count === 1 ? "" : "s"}`;
  const share = (part, whole) => (whole ? `${(100 * part / whole).toFixed(1)} %` : "0 %");

  /* ---- names ---- */

  const tidy = (label) => {
    const text = label.split(/\s+/u).filter(Boolean).join(" ");
    return text.toLowerCase() === "drop" ? "drop" : text;
  };
  const labelOf = (t) => tidy(terms[t].label);
  const named = (t) => labelOf(t) !== "" && labelOf(t) !== "drop";
  const medoidOfTerm = (t) => totals[t]?.medoid ?? ""; // of its largest cluster
  const title = (t) => {
    const name = labelOf(t) || medoidOfTerm(t);
    return `term ${terms[t].number}${name ? ` “${name}”` : ""}`;
  };
  // As the reader of terms.yaml compares columns.
  const key = (label) => label.replace(/[_-]/g, " ").split(/\s+/u).filter(Boolean).join(" ").toLowerCase();
  const wrong = (t) => {
    const label = labelOf(t);
    if (!named(t)) return "";
    if (label.toLowerCase() === "report_id") return "The column of ids has this name; choose another.";
    for (let other = 0; other < terms.length; other += 1) {
      if (named(other) && labelOf(other) !== label && key(labelOf(other)) === key(label)) {
        return `Differs from “${labelOf(other)}” of term ${terms[other].number} in case, hyphens or underscores only: write them alike, or further apart.`;
      }
    }
    return "";
  };

  /* ---- counting ---- */

  let totals = [];
  const recount = () => {
    totals = terms.map(() => ({ count: 0, medoid: "", largest: 0 }));
    let loose = meta.unassigned;
    clusters.forEach((cluster, c) => {
      const total = totals[clusterTerm[c]];
      total.count += cluster.count;
      if (!total.largest || cluster.count > total.largest) Object.assign(total, { largest: cluster.count, medoid: cluster.medoid });
    });
    for (const [i, t] of hand) {
      if (clusterOf[i] >= 0) totals[clusterTerm[clusterOf[i]]].count -= data.count[i];
      else loose -= data.count[i];
      totals[t].count += data.count[i];
    }
    const sums = { named: 0, dropped: 0, terms: 0, gone: 0, labels: new Set(), reports: 0, loose };
    terms.forEach((term, t) => {
      if (named(t)) {
        sums.named += totals[t].count;
        sums.terms += 1;
        sums.labels.add(labelOf(t));
      } else if (labelOf(t) === "drop") {
        sums.dropped += totals[t].count;
        sums.gone += 1;
      }
    });
    if (meta.sets) {
      const covers = clusters.map((_, c) => named(clusterTerm[c]));
      for (const set of meta.sets) {
        for (let place = 1; place < set.length; place += 1) {
          if (covers[set[place]]) {
            sums.reports += set[0];
            break;
          }
        }
      }
    }
    return sums;
  };

  /* ---- changing, so that it can be taken back ---- */

  const change = (text, act, back) => {
    act();
    undone.push({ text, back });
    dirty = true;
    refresh();
    toast(text);
  };
  const assign = (map, i, t) => {
    const natural = clusterOf[i] < 0 ? -1 : clusterTerm[clusterOf[i]];
    if (t === natural) map.delete(i); else map.set(i, t);
  };
  const moveClauses = (list, t) => {
    const before = new Map(hand);
    const what = list.length === 1 ? `“${data.text[list[0]]}”` : plural(list.length, "clause");
    change(`Moved ${what} to ${title(t)}.`, () => {
      for (const i of list) assign(hand, i, t);
      selected.clear();
    }, () => restore(hand, before));
  };
  const restore = (map, before) => {
    map.clear();
    for (const [i, t] of before) map.set(i, t);
  };
  const moveCluster = (c, t) => {
    const from = clusterTerm[c];
    const before = new Map(hand);
    change(`Moved cluster ${clusters[c].number} “${clusters[c].medoid}” to ${title(t)}.`, () => {
      clusterTerm[c] = t;
      // Those placed by hand stay where they were placed, unless that is what the cluster now is.
      for (const [i, other] of before) if (clusterOf[i] === c && other === t) hand.delete(i);
    }, () => {
      clusterTerm[c] = from;
      restore(hand, before);
    });
  };
  const newTerm = () => {
    const last = Math.max(0, ...terms.map((term) => term.number));
    terms.push({ number: last + 1, label: "", clusters: [], made: true });
    return terms.length - 1;
  };
  const relabel = (list, label, text) => {
    const before = list.map((t) => terms[t].label);
    change(text, () => { for (const t of list) terms[t].label = label; },
      () => list.forEach((t, place) => { terms[t].label = before[place]; }));
  };
  const merge = (t, other) => {
    const larger = totals[t].count > totals[other].count ? t : other;
    const label = [other, t].filter(named).map(labelOf)[0] ?? (medoidOfTerm(larger) || `term ${terms[larger].number}`);
    // Those that either shares its label with come along.
    const list = terms.map((_, every) => every).filter((every) => every === t || every === other ||
      (named(every) && [t, other].some((one) => labelOf(one) === labelOf(every))));
    const numbers = list.map((every) => terms[every].number);
    relabel(list, label, `Terms ${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)} are called “${label}” and become one column.`);
  };

  let toasting = 0;
  const toast = (text) => {
    byId("toast").textContent = text;
    byId("toast").hidden = false;
    clearTimeout(toasting);
    toasting = setTimeout(() => { byId("toast").hidden = true; }, 5000);
  };

  /* ---- a clause beside its medoid ---- */

  // Edit alignment by code points, as the distance is counted: a list of [kind, text] with kind
  // "same", "put" (not in the medoid, or another character there) and "lost" (only there).
  const aligned = (clause, medoid) => {
    const a = Array.from(clause);
    const b = Array.from(medoid);
    if (a.length * b.length > 1e6) return [["same", clause]];
    const wide = b.length + 1;
    const cost = new Uint32Array((a.length + 1) * wide);
    for (let i = 0; i <= a.length; i += 1) cost[i * wide] = i;
    for (let j = 0; j <= b.length; j += 1) cost[j] = j;
    for (let i = 1; i <= a.length; i += 1) {
      for (let j = 1; j <= b.length; j += 1) {
        cost[i * wide + j] = Math.min(cost[(i - 1) * wide + j] + 1, cost[i * wide + j - 1] + 1,
          cost[(i - 1) * wide + j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      }
    }
    const steps = [];
    let i = a.length;
    let j = b.length;
    while (i > 0 || j > 0) {
      const here = cost[i * wide + j];
      if (i > 0 && j > 0 && a[i - 1] === b[j - 1] && here === cost[(i - 1) * wide + j - 1]) {
        steps.push(["same", a[i - 1]]);
        i -= 1; j -= 1;
      } else if (i > 0 && j > 0 && here === cost[(i - 1) * wide + j - 1] + 1) {
        steps.push(["put", a[i - 1], b[j - 1]]);
        i -= 1; j -= 1;
      } else if (i > 0 && here === cost[(i - 1) * wide + j] + 1) {
        steps.push(["put", a[i - 1], ""]);
        i -= 1;
      } else {
        steps.push(["lost", b[j - 1]]);
        j -= 1;
      }
    }
    const parts = [];
    for (const [kind, text, other = ""] of steps.reverse()) {
      const last = parts.at(-1);
      if (last && last[0] === kind) {
        last[1] += text;
        last[2] += other;
      } else parts.push([kind, text, other]);
    }
    return parts;
  };
  const compared = (i) => {
    const box = make("span", { dir: "auto" });
    const medoid = medoidOf(i);
    if (!medoid) {
      box.append(data.text[i]);
      return box;
    }
    for (const [kind, text, other] of aligned(data.text[i], medoid.medoid)) {
      if (kind === "same") box.append(text);
      else if (kind === "lost") box.append(make("del", { title: `the medoid has “${text}” here` }, text));
      else box.append(make("mark", { title: other ? `the medoid has “${other}” here` : "not in the medoid" }, text));
    }
    return box;
  };
  const length = (text) => {
    let count = 0;
    for (let place = 0; place < text.length; place += 1) {
      const unit = text.charCodeAt(place);
      if (unit < 0xdc00 || unit > 0xdfff) count += 1;
    }
    return count;
  };
  const medoidLength = clusters.map((cluster) => length(cluster.medoid));
  const relative = Float32Array.from(data.distance, (distance, i) => {
    if (meta.metric === "normalized") return distance;
    const cluster = clusterOf[i] >= 0 ? clusterOf[i] : data.near[i - unplaced];
    return distance / Math.max(1, length(data.text[i]), cluster >= 0 ? medoidLength[cluster] : 0);
  });
  const farness = (i) => relative[i];
  const beyond = (i) => clusterOf[i] >= 0 && data.distance[i] > clusters[clusterOf[i]].radius + 1e-6;

  /* ---- lists of clauses ---- */

  const byCount = (a, b) => data.count[b] - data.count[a] || (data.text[a] < data.text[b] ? -1 : 1);
  const byDistance = (a, b) => farness(b) - farness(a) || byCount(a, b);
  const everything = Array.from({ length: size }, (_, i) => i).sort(byCount);
  const members = (c) => Array.from({ length: clusters[c].size }, (_, place) => clusters[c].first + place);
  const VIEWS = {
    term: ["the chosen term", null, ""],
    all: ["all clauses", () => true, ""],
    unassigned: ["unassigned", (i) => clusterOf[i] < 0 && !hand.has(i), "No cluster is near enough."],
    beyond: ["beyond the radius", (i) => beyond(i) && !hand.has(i), "Further from the medoid than its cluster's radius: where it stands in a report, --apply leaves it unassigned."],
    far: ["far from the medoid", (i) => relative[i] >= FAR, "A third or more of the longer text differs."],
    hand: ["moved by hand", (i) => hand.has(i), ""],
  };
  const searched = (text) => text.normalize("NFKC").toLowerCase().replace(/\p{Nd}/gu, "").split(/\s+/u).filter(Boolean).join(" ");

  let kept = { asked: "", list: [] }; // turning pages asks the same again
  let changes = 0;
  const found = () => {
    const query = searched(state.query);
    const asked = JSON.stringify([query, state.view, state.cluster, state.sort, changes]);
    if (kept.asked === asked) return kept.list;
    let list;
    if (query || state.view !== "term") {
      const test = VIEWS[state.view][1] ?? (() => true);
      list = everything.filter((i) => (!query || data.text[i].includes(query)) && test(i));
    } else {
      list = members(state.cluster);
    }
    if (state.sort === "distance") list.sort(byDistance);
    kept = { asked, list };
    return list;
  };

  const checkbox = (i) => {
    const box = make("input", { type: "checkbox", "aria-label": `Select “${data.text[i]}”` });
    box.checked = selected.has(i);
    box.addEventListener("change", () => {
      if (box.checked) selected.add(i); else selected.delete(i);
      showSelection();
    });
    return box;
  };

  const row = (i, wide, ofTerm) => {
    const cluster = clusterOf[i] >= 0 ? clusters[clusterOf[i]] : null;
    const t = termOf(i);
    const line = make("tr", { draggable: "true" });
    line.dataset.clause = i;
    const cell = make("td", { class: "clause" }, compared(i));
    if (cluster && cluster.medoid === data.text[i]) cell.append(" ", make("span", { class: "chip plain" }, "medoid"));
    if (hand.has(i)) {
      const away = ofTerm !== undefined && t !== ofTerm;
      if (away) line.className = "gone";
      cell.append(" ", make("span", { class: "chip hand" }, away ? `moved to term ${terms[t].number}` : "moved by hand"));
    }
    if (beyond(i) && !hand.has(i) && state.view !== "beyond") cell.append(" ", make("span", { class: "chip far" }, "beyond the radius"));
    if (data.raw[i] !== undefined) cell.append(make("small", { dir: "auto" }, `as in “${data.raw[i]}”`));
    line.append(make("td", {}, checkbox(i)), cell,
      make("td", { class: "number" }, number.format(data.count[i])),
      make("td", { class: "number" }, String(data.distance[i])));
    if (wide) {
      const medoid = medoidOf(i);
      const of = make("td", { class: "of" });
      if (medoid) of.append(said(medoid.medoid));
      if (!cluster) of.append(" ", make("span", { class: "chip plain" }, "too far"));
      const go = t < 0 ? "unassigned" : button(`${terms[t].number} ${labelOf(t) || medoidOfTerm(t)}`, () => openTerm(t), { class: "link" });
      line.append(of, make("td", { class: "of" }, go));
    }
    const acts = make("td", {});
    if (hand.has(i) && clusterOf[i] >= 0) acts.append(button("Put back", () => moveClauses([i], clusterTerm[clusterOf[i]]), { class: "small" }), " ");
    else if (hand.has(i)) acts.append(button("Put back", () => putBack(i), { class: "small" }), " ");
    acts.append(button("Move…", () => pickForClauses([i]), { class: "small", "aria-label": `Move “${data.text[i]}” to another term` }));
    line.append(acts);
    return line;
  };
  const putBack = (i) => {
    const t = hand.get(i);
    change(`“${data.text[i]}” is unassigned again.`, () => hand.delete(i), () => hand.set(i, t));
  };

  const table = (list, wide, ofTerm) => {
    const all = make("input", { type: "checkbox", "aria-label": "Select all that are shown here" });
    all.checked = list.length > 0 && list.every((i) => selected.has(i));
    const head = make("tr", {}, make("th", {}, all), make("th", {}, "Clause"),
      make("th", { class: "number" }, "Count"), make("th", { class: "number" }, "Distance"));
    if (wide) head.append(make("th", {}, "Medoid"), make("th", {}, "Term"));
    head.append(make("th", {}, ""));
    const body = make("tbody", {}, ...list.map((i) => row(i, wide, ofTerm)));
    all.addEventListener("change", () => {
      for (const i of list) if (all.checked) selected.add(i); else selected.delete(i);
      for (const box of body.querySelectorAll("input")) box.checked = all.checked;
      showSelection();
    });
    return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, head), body));
  };

  const pager = (count) => {
    const pages = Math.max(1, Math.ceil(count / SHOWN));
    if (pages === 1) return [];
    const turn = (step) => () => {
      state.page += step;
      showMain();
      byId("main").focus({ preventScroll: true });
      byId("main").scrollIntoView({ block: "start" });
    };
    const back = button("Previous", turn(-1), { class: "small" });
    const on = button("Next", turn(1), { class: "small" });
    back.disabled = state.page === 0;
    on.disabled = state.page === pages - 1;
    return [make("nav", { class: "pager", "aria-label": "Pages of clauses" }, back,
      make("span", {}, `Page ${number.format(state.page + 1)} of ${number.format(pages)}`), on)];
  };
  const legend = () => make("p", { class: "legend" },
    "Against the medoid: ", make("mark", {}, "other or more"), " ", make("del", {}, "missing"),
    ` characters. Distance: ${meta.metric === "normalized" ? "edits divided by the longer length" : "edits (insertions, deletions, substitutions)"}.`);
  const left = (count) => (count > 0
    ? [make("p", { class: "legend" }, `${number.format(count)} more ${count === 1 ? "occurrence is of clauses" : "occurrences are of clauses"} too rare for this page; clusters.csv has them all.`)] : []);

  const showList = () => {
    const list = found();
    const query = searched(state.query);
    const pages = Math.max(1, Math.ceil(list.length / SHOWN));
    state.page = Math.min(Math.max(0, state.page), pages - 1);
    const shown = list.slice(state.page * SHOWN, (state.page + 1) * SHOWN);
    const sum = list.reduce((total, i) => total + data.count[i], 0);
    const one = !query && state.view === "term";
    const head = make("header", {});
    if (one) {
      const cluster = clusters[state.cluster];
      head.append(make("h2", {}, said(cluster.medoid)),
        make("p", {}, `cluster ${cluster.number} of term ${terms[clusterTerm[state.cluster]].number}`),
        make("div", { class: "push" },
          button("Move cluster…", () => pickForCluster(state.cluster), { class: "small" }),
          button(`Back to term ${terms[clusterTerm[state.cluster]].number}`, () => openTerm(clusterTerm[state.cluster]), { class: "small" })));
    } else {
      const what = VIEWS[state.view][1] ? VIEWS[state.view][0] : "all clauses";
      head.append(make("h2", {}, query ? `“${query}” in ${what}` : what[0].toUpperCase() + what.slice(1)));
    }
    head.append(make("p", {}, `${plural(list.length, "distinct clause")}, ${plural(sum, "occurrence")}`));
    const card = make("section", { class: "card" }, head);
    if (!one && VIEWS[state.view][2]) card.append(make("p", { class: "legend" }, VIEWS[state.view][2]));
    if (shown.length) card.append(table(shown, !one, one ? clusterTerm[state.cluster] : undefined), legend());
    else card.append(make("p", { class: "empty" }, query ? "No clause holds this." : "There are none."));
    if (one) card.append(...left(clusters[state.cluster].rest));
    card.append(...pager(list.length));
    byId("main").replaceChildren(card);
  };

  /* ---- a term ---- */

  const showHint = () => {
    const hint = byId("hint");
    const t = state.term;
    if (!hint) return;
    const alike = named(t) ? terms.flatMap((term, other) => (other !== t && labelOf(other) === labelOf(t) ? [term.number] : [])) : [];
    const problem = wrong(t);
    hint.className = problem ? "hint bad" : "hint";
    hint.textContent = problem || (labelOf(t) === "drop" ? "Dropped: it gives no column."
      : alike.length ? `One column with term${alike.length > 1 ? "s" : ""} ${alike.join(", ")}, which ${alike.length > 1 ? "have" : "has"} the same label.`
        : named(t) ? "" : "Without a label it gives no column. Enter goes on to the next term without one.");
  };

  const labelField = (t) => {
    const field = make("input", { id: "label", list: "labels", spellcheck: "false", dir: "auto", placeholder: "what a radiologist calls it" });
    field.value = terms[t].label;
    let before = terms[t].label;
    const keep = () => {
      const label = tidy(field.value);
      terms[t].label = label;
      if (label === before) return;
      const old = before;
      before = label;
      dirty = true;
      // Where the label was shared, the others keep it unless the reader says so.
      const alike = old && old !== "drop" ? terms.flatMap((_, other) => (other !== t && labelOf(other) === old ? [other] : [])) : [];
      undone.push({ text: "", back: () => { terms[t].label = old; } });
      refresh(false);
      showHint();
      if (alike.length && label) {
        const rename = button(`Call ${alike.length === 1 ? `term ${terms[alike[0]].number}` : `the ${alike.length} others`} so too`,
          () => relabel(alike, label, `${plural(alike.length + 1, "term")} are now called “${label}”.`), { class: "link" });
        byId("hint").append(` ${alike.length === 1 ? `Term ${terms[alike[0]].number} is` : `${alike.length} other terms are`} still called “${old}”. `, rename);
      }
    };
    field.addEventListener("input", () => {
      terms[t].label = field.value;
      dirty = true;
      showCover();
      showTerms();
      showHint();
    });
    field.addEventListener("change", keep);
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      keep();
      const order = terms.map((_, other) => (t + 1 + other) % terms.length);
      const next = order.find((other) => labelOf(other) === "");
      if (next === undefined || next === t) return;
      openTerm(next);
      byId("label").focus();
    });
    return field;
  };

  const clusterCard = (c, t) => {
    const cluster = clusters[c];
    let list = members(c);
    if (state.sort === "distance") list = list.sort(byDistance);
    const card = make("section", { class: "card cluster" }, make("header", {},
      make("h3", {}, said(cluster.medoid)),
      make("p", {}, `cluster ${cluster.number} · ${number.format(cluster.count)} × in ${plural(cluster.reports, "report")} · radius ${cluster.radius}`),
      make("div", { class: "push" },
        button("Move cluster…", () => pickForCluster(c), { class: "small", "aria-label": `Move cluster ${cluster.number} to another term` }))));
    if (clusterTerm[c] !== home[c]) card.querySelector("p").append(" ", make("span", { class: "chip hand" }, `moved from term ${terms[home[c]].number}`));
    if (list.length) card.append(table(list.slice(0, HEAD), false, t));
    if (list.length > HEAD) {
      card.append(make("footer", {}, button(`All ${number.format(list.length)} clauses of cluster ${cluster.number}`, () => {
        Object.assign(state, { cluster: c, page: 0 });
        showMain();
        window.scrollTo(0, 0);
        byId("main").focus({ preventScroll: true });
      }, { class: "small" })));
    } else card.append(...left(cluster.rest));
    return card;
  };

  const showTerm = () => {
    const t = state.term;
    const term = terms[t];
    if (!term) {
      byId("main").replaceChildren(make("p", { class: "empty" }, "The run found no clauses."));
      return;
    }
    const of = clusters.map((_, c) => c).filter((c) => clusterTerm[c] === t).sort((a, b) => clusters[b].count - clusters[a].count || a - b);
    const here = [...hand].filter(([, to]) => to === t).map(([i]) => i).sort(state.sort === "distance" ? byDistance : byCount);
    const facts = [`${number.format(totals[t].count)} of ${plural(meta.occurrences, "clause")} (${share(totals[t].count, meta.occurrences)})`];
    if (!term.made) facts.push(`the run found it in ${plural(term.reports, "report")} (${share(term.reports, meta.reports)}), alone in ${number.format(term.sole)}`);
    const dropped = labelOf(t) === "drop";
    const about = make("section", { class: "card" },
      make("header", {}, make("h2", {}, `Term ${term.number}`), make("p", {}, facts.join(" · "))),
      make("div", { class: "about" },
        make("label", { class: "field grow" }, make("span", {}, "Label"), labelField(t)),
        button(dropped ? "Do not drop" : "Drop", () => relabel([t], dropped ? "" : "drop", dropped ? `Term ${term.number} is kept.` : `Term ${term.number} is dropped: it gives no column.`), { id: "drop" }),
        button("Merge with…", () => pickForMerge(t), { id: "merge" }),
        make("p", { class: "hint", id: "hint", role: "status" })));
    const parts = [about];
    if (here.length) {
      parts.push(make("section", { class: "card" }, make("header", {}, make("h3", {}, "Placed here by hand"),
        make("p", {}, plural(here.length, "distinct clause"))), table(here.slice(0, 200), true, t)));
    }
    parts.push(...of.slice(0, state.cards).map((c) => clusterCard(c, t)));
    if (of.length > state.cards) {
      parts.push(button(`Show ${number.format(Math.min(CARDS, of.length - state.cards))} more of ${plural(of.length, "cluster")}`, () => {
        state.cards += CARDS;
        showMain();
      }));
    }
    if (of.length || here.length) parts.push(make("section", { class: "card" }, legend()));
    else parts.push(make("p", { class: "empty" }, "No cluster and no clause is left in this term."));
    byId("main").replaceChildren(...parts);
    showHint();
  };

  const openTerm = (t) => {
    Object.assign(state, { term: t, cluster: -1, query: "", view: "term", page: 0, cards: CARDS });
    byId("query").value = "";
    byId("view").value = "term";
    showTerms();
    showMain();
    window.scrollTo(0, 0);
  };

  /* ---- the lists of terms ---- */

  const termButton = (t, act, tag = "button") => {
    const label = labelOf(t);
    const item = make(tag, { class: `term${label === "drop" ? " dropped" : label ? " named" : ""}` },
      make("span", { class: "n" }, String(terms[t].number)),
      make("span", { class: "name", dir: "auto" }, label === "drop" ? medoidOfTerm(t) || "drop" : label || medoidOfTerm(t) || "(empty)"),
      make("span", { class: "count" }, number.format(totals[t].count)));
    if (label && label !== "drop") item.append(make("span", { class: "of", dir: "auto" }, medoidOfTerm(t)));
    item.type = "button";
    item.dataset.term = t;
    item.addEventListener("click", act);
    return item;
  };

  const showTerms = () => {
    const scroll = byId("terms").scrollTop;
    const focused = document.activeElement?.closest?.("#terms .term")?.dataset.term;
    const listed = Math.max(state.listed, state.term + 1);
    const items = terms.slice(0, listed).map((_, t) => {
      const item = termButton(t, () => openTerm(t));
      if (t === state.term) item.setAttribute("aria-current", "true");
      return item;
    });
    if (terms.length > listed) {
      items.push(button(`Show ${number.format(Math.min(TERMS, terms.length - listed))} more`, () => {
        state.listed = listed + TERMS;
        showTerms();
      }, { class: "small" }));
    }
    byId("terms").replaceChildren(make("p", { class: "shelf" }, plural(terms.length, "term")), ...items);
    byId("terms").scrollTop = scroll;
    if (focused !== undefined) byId("terms").querySelector(`[data-term="${focused}"]`)?.focus({ preventScroll: true });
  };

  /* ---- choosing a term for something ---- */

  const picker = byId("picker");
  let picked = null;
  const offer = (heading, note, without, withNew, act) => {
    picked = { without, withNew, act };
    byId("picker-title").textContent = heading;
    byId("picker-note").textContent = note;
    byId("picker-query").value = "";
    showOffers();
    picker.showModal();
    byId("picker-query").focus();
  };
  const showOffers = () => {
    const query = byId("picker-query").value.trim().toLowerCase();
    const fits = (t) => !query || String(terms[t].number) === query || labelOf(t).toLowerCase().includes(query) ||
      clusters.some((cluster, c) => clusterTerm[c] === t && cluster.medoid.includes(query));
    const items = [];
    for (let t = 0; t < terms.length && items.length < 60; t += 1) {
      if (t !== picked.without && fits(t)) items.push(make("li", {}, termButton(t, () => choose(() => t))));
    }
    if (picked.withNew) items.push(make("li", {}, button("A new term", () => choose(newTerm), { class: "term-new" })));
    byId("picker-list").replaceChildren(...items);
  };
  const choose = (get) => {
    const { act } = picked;
    picker.close();
    act(get());
  };
  byId("picker-query").addEventListener("input", showOffers);
  byId("picker-cancel").addEventListener("click", () => picker.close());
  byId("picker-form").addEventListener("submit", (event) => event.preventDefault());
  picker.addEventListener("keydown", (event) => {
    const items = [...byId("picker-list").querySelectorAll("button")];
    const at = items.indexOf(document.activeElement);
    if (event.key === "Enter" && document.activeElement.id === "picker-query") {
      event.preventDefault();
      items[0]?.click();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = at + (event.key === "ArrowDown" ? 1 : -1);
      (items[next] ?? byId("picker-query")).focus();
    }
  });
  const pickForClauses = (list) => {
    const sum = list.reduce((total, i) => total + data.count[i], 0);
    const same = new Set(list.map(termOf));
    offer(list.length === 1 ? `Move “${data.text[list[0]]}” to` : `Move ${plural(list.length, "clause")} to`,
      `${plural(sum, "occurrence")}. A clause placed by hand counts for its term whatever the distances are.`,
      same.size === 1 ? [...same][0] : -1, true, (t) => moveClauses(list, t));
  };
  const pickForCluster = (c) => offer(`Move cluster ${clusters[c].number} “${clusters[c].medoid}” to`,
    "With all its clauses, and with those of new reports that lie within its radius.", clusterTerm[c], true, (t) => {
      moveCluster(c, t);
      if (state.cluster < 0 && state.view === "term" && !state.query) openTerm(state.term);
    });
  const pickForMerge = (t) => offer(`Merge ${title(t)} with`,
    "Both get one label and become one column. Each stays a term of its own in the list.", t, false, (other) => merge(t, other));

  /* ---- showing everything ---- */

  function showMain() {
    if (state.view !== "term" || searched(state.query) || state.cluster >= 0) showList();
    else showTerm();
  }

  const showSelection = () => {
    const sum = [...selected].reduce((total, i) => total + data.count[i], 0);
    byId("selection").hidden = selected.size === 0;
    byId("selected").textContent = `${plural(selected.size, "clause")} selected (${plural(sum, "occurrence")})`;
  };

  const showCover = () => {
    const sums = recount();
    const bar = (name, count) => { byId(name).style.width = `${meta.occurrences ? 100 * count / meta.occurrences : 0}%`; };
    bar("meter-named", sums.named);
    bar("meter-dropped", sums.dropped);
    const parts = [make("b", {}, `${share(sums.named, meta.occurrences)} of clauses`),
      ...(meta.sets ? [" and ", make("b", {}, `${share(sums.reports, meta.reports)} of reports`)] : []),
      ` named: ${plural(sums.terms, "term")}, ${plural(sums.labels.size, "label")}`,
      ` · ${share(sums.dropped, meta.occurrences)} dropped`,
      ...(sums.loose ? [` · ${share(sums.loose, meta.occurrences)} unassigned`] : [])];
    byId("cover").replaceChildren(...parts);
    byId("undo").disabled = undone.length === 0;
    byId("export").textContent = dirty ? "Export terms.yaml •" : "Export terms.yaml";
    byId("export").title = dirty ? "There are changes that no exported file holds yet" : "";
  };

  const showViews = () => {
    const counts = Object.fromEntries(Object.keys(VIEWS).map((name) => [name, 0]));
    for (let i = 0; i < size; i += 1) {
      for (const [name, [, test]] of Object.entries(VIEWS)) if (test && test(i)) counts[name] += 1;
    }
    byId("view").replaceChildren(...Object.entries(VIEWS).map(([name, [text, test]]) =>
      make("option", { value: name }, test ? `${text} (${number.format(counts[name])})` : text)));
    byId("view").value = state.view;
  };

  function refresh(main = true) {
    changes += 1;
    showCover();
    showTerms();
    showViews();
    showSelection();
    const labels = [...new Set(terms.map((_, t) => labelOf(t)).filter((label) => label && label !== "drop"))];
    byId("labels").replaceChildren(...labels.map((label) => make("option", { value: label })));
    if (main) showMain();
  }

  let waiting = 0;
  byId("query").addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      Object.assign(state, { query: event.target.value, page: 0 });
      showMain();
    }, 150);
  });
  for (const name of ["view", "sort"]) {
    byId(name).addEventListener("change", (event) => {
      Object.assign(state, { [name]: event.target.value, page: 0 });
      if (name === "view") state.cluster = -1;
      showMain();
    });
  }
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("move").addEventListener("click", () => pickForClauses([...selected].sort(byCount)));
  byId("unselect").addEventListener("click", () => {
    selected.clear();
    showSelection();
    showMain();
  });
  byId("undo").addEventListener("click", () => {
    const last = undone.pop();
    if (!last) return;
    last.back();
    // A term that the reader made goes with the last that was put into it.
    while (terms.at(-1)?.made && !terms.at(-1).label && !clusterTerm.includes(terms.length - 1) &&
      ![...hand.values()].includes(terms.length - 1)) terms.pop();
    if (state.term >= terms.length) Object.assign(state, { term: 0, cluster: -1 });
    dirty = true;
    refresh();
    toast(last.text ? `Taken back: ${last.text}` : "Taken back.");
  });

  /* ---- by mouse: rows onto terms ---- */

  let dragged = [];
  byId("main").addEventListener("dragstart", (event) => {
    const line = event.target.closest?.("tr[data-clause]");
    if (!line) return;
    const i = Number(line.dataset.clause);
    dragged = selected.has(i) ? [...selected] : [i];
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
  });
  const over = (event) => (dragged.length ? event.target.closest?.("#terms .term") : null);
  byId("terms").addEventListener("dragover", (event) => {
    const item = over(event);
    if (!item) return;
    event.preventDefault();
    for (const other of byId("terms").querySelectorAll(".over")) if (other !== item) other.classList.remove("over");
    item.classList.add("over");
  });
  byId("terms").addEventListener("dragleave", (event) => over(event)?.classList.remove("over"));
  byId("terms").addEventListener("drop", (event) => {
    const item = over(event);
    if (!item) return;
    event.preventDefault();
    moveClauses(dragged, Number(item.dataset.term));
  });
  document.addEventListener("dragend", () => { dragged = []; });

  /* ---- terms.yaml ---- */

  // A double-quoted scalar that every YAML reader takes for the text: JSON's, with an escape for
  // all that does not show (as terms_file.py writes it).
  const quoted = (text) => JSON.stringify(text).replace(/[\p{C}\p{Z}]/gu, (char) => {
    if (char === " ") return char;
    const code = char.codePointAt(0);
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });

  const written = () => {
    const by = terms.map(() => ({ clusters: [], clauses: [] }));
    // In the file's order, what was moved here behind what was here.
    const order = clusters.map((_, c) => c);
    terms.forEach((term, t) => {
      const own = term.clusters.filter((c) => clusterTerm[c] === t);
      const come = order.filter((c) => clusterTerm[c] === t && home[c] !== t);
      by[t].clusters = [...own, ...come];
    });
    for (const i of [...hand.keys()].sort(byCount)) by[hand.get(i)].clauses.push(i);
    const blocks = terms.map((term, t) => {
      const medoids = by[t].clusters.map((c) => meta.lines[c]).join("");
      const clauses = by[t].clauses.length
        ? `  clauses:\n${by[t].clauses.map((i) => `  - ${quoted(data.text[i])}\n`).join("")}` : "";
      if (!term.made) {
        const middle = medoids ? term.middle : term.middle.replace(/ {2}medoids:\n$/, "  medoids: []\n");
        return `${term.head}  label: ${quoted(labelOf(t))}\n${middle}${medoids}${term.tail}${clauses}`;
      }
      // One that the reader made and emptied again is nobody's.
      if (!medoids && !clauses) return "";
      return `\n- term: ${term.number}\n  label: ${quoted(labelOf(t))}\n  count: ${totals[t].count}\n` +
        (medoids ? `  medoids:\n${medoids}` : "") + clauses;
    });
    return meta.preamble + blocks.join("") + meta.end;
  };

  byId("export").addEventListener("click", () => {
    const bad = terms.findIndex((_, t) => wrong(t));
    if (bad >= 0) {
      openTerm(bad);
      byId("label").focus();
      toast(`Not exported: the label of term ${terms[bad].number} needs another look.`);
      return;
    }
    const address = URL.createObjectURL(new Blob([written()], { type: "application/yaml" }));
    const link = make("a", { href: address, download: "terms.yaml" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    dirty = false;
    showCover();
    toast("terms.yaml is in your downloads; label reports with cluster-clauses REPORTS --apply terms.yaml --out DIR.");
  });
  window.addEventListener("beforeunload", (event) => {
    if (!dirty) return;
    event.preventDefault();
    event.returnValue = "unsaved"; // browsers before 2024
  });

  const missing = meta.distinct - size;
  byId("about").textContent = `${plural(terms.length, "term")}, ${plural(clusters.length, "cluster")}, ${plural(meta.distinct, "distinct clause")}, ` +
    `${plural(meta.occurrences, "occurrence")} in ${plural(meta.reports, "report")}` +
    (missing ? `; the page carries the ${number.format(size)} most frequent, clusters.csv all` : "");
  refresh();
})();
