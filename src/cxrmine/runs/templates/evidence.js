
"use strict";
(() => {
  const SHOWN = 20; // reports on the screen at a time: what keeps a page of thousands quick
  const byId = (id) => document.getElementById(id);
  const meta = JSON.parse(byId("meta").textContent);
  const rows = JSON.parse(byId("data").textContent);
  const number = new Intl.NumberFormat("en");

  // A mention as the page knows it; see evidence_data.py for the order in the data.
  const reports = rows.map(([id, text, mentions, labels]) => ({
    id, text, labels, lower: null,
    mentions: mentions.map(([start, end, finding, concept, status, cue, rule, section, cues]) =>
      ({ start, end, finding, concept, status, cue, rule, section, cues })),
  }));
  const total = reports.reduce((sum, report) => sum + report.mentions.length, 0);
  const NO_FINDING = /^(Normal\b|Unchanged$|Technique$|Technical Quality$|Device Position$)/;
  const state = { query: "", finding: null, rule: null, statuses: new Set(), page: 0 };
  let found = [];

  /* ---- making elements: text goes in as text nodes only, never as markup ---- */

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  const plural = (count, word) => `${number.format(count)} ${word}${count === 1 ? "" : "s"}`;

  /* ---- finding ---- */

  // Lower case of the same length, so that a place in it is a place in the text.
  const lowered = (text) => {
    const lower = text.toLowerCase();
    if (lower.length === text.length) return lower;
    return Array.from(text, (c) => (c.toLowerCase().length === c.length ? c.toLowerCase() : c)).join("");
  };

  const search = () => {
    const query = lowered(state.query.trim());
    const counts = { finding: new Map(), rule: new Map(), status: new Map() };
    const add = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);
    const filtered = state.finding !== null || state.rule !== null || state.statuses.size > 0;
    let matches = 0;
    found = [];
    for (const report of reports) {
      if (query) {
        report.lower ??= lowered(report.text);
        if (!report.lower.includes(query) && !lowered(report.id).includes(query)) continue;
      }
      let hits = 0;
      for (const mention of report.mentions) {
        const finding = state.finding === null || mention.finding === state.finding;
        const rule = state.rule === null || mention.rule === state.rule;
        const status = state.statuses.size === 0 || state.statuses.has(mention.status);
        // Each list counts what it would give beside the other two.
        if (rule && status) add(counts.finding, mention.finding);
        if (finding && status) add(counts.rule, mention.rule);
        if (finding && rule) add(counts.status, mention.status);
        mention.match = finding && rule && status;
        if (mention.match) hits += 1;
      }
      if (filtered && hits === 0) continue;
      matches += hits;
      found.push(report);
    }
    return { query, counts, matches, filtered };
  };

  /* ---- showing a report ---- */

  const cover = (report, query) => {
    // Cut the text where a mention, a cue or a search hit begins or ends.
    const spans = [];
    report.mentions.forEach((mention, index) => {
      spans.push({ start: mention.start, end: mention.end, mention, index });
      for (const [start, end] of mention.cues) spans.push({ start, end, cueOf: index });
    });
    if (query) {
      for (let at = report.lower.indexOf(query); at >= 0; at = report.lower.indexOf(query, at + query.length)) {
        spans.push({ start: at, end: at + query.length, hit: true });
      }
    }
    const cuts = [...new Set([0, report.text.length, ...spans.flatMap((s) => [s.start, s.end])])].sort((a, b) => a - b);
    spans.sort((a, b) => a.start - b.start);
    let open = [];
    let next = 0;
    return cuts.slice(0, -1).map((start, place) => {
      open = open.filter((span) => span.end > start);
      while (next < spans.length && spans[next].start <= start) {
        if (spans[next].end > start) open.push(spans[next]);
        next += 1;
      }
      return { start, end: cuts[place + 1], spans: [...open] };
    });
  };

  const describe = (mention) =>
    `${mention.finding}, ${mention.status}` + (mention.cue ? `, cue “${mention.cue}”` : "") +
    (mention.rule ? `, rule ${mention.rule}` : "");

  const showText = (report, query) => {
    if (!report.text.trim()) return make("div", { class: "text none" }, "The report is empty.");
    const box = make("div", { class: "text" });
    for (const { start, end, spans } of cover(report, query)) {
      let node = document.createTextNode(report.text.slice(start, end));
      if (spans.some((span) => span.hit)) node = make("span", { class: "hit" }, node);
      const cues = spans.filter((span) => "cueOf" in span);
      if (cues.length) {
        const match = cues.some((span) => report.mentions[span.cueOf].match);
        node = make("span", { class: match ? "cue match" : "cue", "data-of": cues.map((span) => span.cueOf).join(" ") }, node);
      }
      const covering = spans.filter((span) => span.mention);
      if (covering.length) {
        // Of nested mentions the innermost gives the colour; the tip tells of all.
        covering.sort((a, b) => (a.end - a.start) - (b.end - b.start));
        const inner = covering[0].mention;
        const names = [`s-${inner.status}`];
        // "The heart is normal in size" is present, and is no finding: it must not look like one.
        if (inner.status === "present" && NO_FINDING.test(inner.finding)) names.push("plain");
        if (covering.some((span) => span.mention.match)) names.push("match");
        if (inner.end === end) names.push("last");
        const mark = make("mark", { class: names.join(" "), "data-mentions": covering.map((span) => span.index).join(" ") }, node);
        if (covering.some((span) => span.start === start)) {
          mark.setAttribute("tabindex", "0");
          mark.setAttribute("role", "note");
          mark.setAttribute("aria-label",
            `${report.text.slice(inner.start, inner.end)}: ${covering.map((span) => describe(span.mention)).join("; ")}`);
        }
        mark.mentions = covering.map((span) => span.mention);
        node = mark;
      }
      box.append(node);
    }
    return box;
  };

  const showLabels = (report) => {
    const box = make("div", { class: "labels" });
    meta.schemes.forEach((scheme, place) => {
      const values = scheme.columns.map((name, column) => [name, report.labels[place][column]]);
      const list = (wanted, name) => make("ul", {}, ...values.filter(([, value]) => wanted(value)).map(
        ([column, value]) => make("li", { class: name(value) }, make("span", {}, column), make("b", {}, String(value)))));
      const zeros = values.filter(([, value]) => value === 0).length;
      const blanks = values.filter(([, value]) => value === null).length;
      box.append(make("h3", {}, scheme.name));
      box.append(list((value) => value !== 0 && value !== null, (value) => (value === -1 ? "unsure" : "one")));
      if (zeros) {
        box.append(make("details", {}, make("summary", {}, `${zeros} labelled 0`), list((value) => value === 0, () => "zero")));
      }
      if (blanks) box.append(make("p", {}, `${blanks} left blank`));
    });
    return box;
  };

  const showReport = (report, { query, filtered }) => {
    const matching = report.mentions.filter((mention) => mention.match).length;
    const told = filtered ? `${matching} of ${plural(report.mentions.length, "mention")}` : plural(report.mentions.length, "mention");
    const article = make("article", {}, make("h2", {}, report.id, make("span", {}, told)));
    if (filtered) article.className = "filtered";
    article.append(showText(report, query), showLabels(report));
    return article;
  };

  /* ---- showing the controls ---- */

  const known = {};
  for (const name of ["finding", "rule"]) {
    const keys = new Set(reports.flatMap((report) => report.mentions.map((mention) => mention[name])));
    known[name] = [...keys].sort((a, b) => a.localeCompare(b, "en"));
  }

  const fillList = (name, all, counts, unnamed) => {
    const select = byId(name);
    const chosen = state[name];
    const options = [make("option", { value: "" }, all)];
    for (const key of known[name]) {
      // A value of its own kind keeps "no rule" apart from "any rule".
      options.push(make("option", { value: `=${key}` }, `${key || unnamed} (${number.format(counts.get(key) ?? 0)})`));
    }
    select.replaceChildren(...options);
    select.value = chosen === null ? "" : `=${chosen}`;
  };

  const statusBoxes = new Map();
  for (const status of meta.statuses) {
    const box = make("input", { type: "checkbox", value: status });
    const count = make("b", {});
    const chip = make("label", { class: `chip s-${status}` }, box, status, count);
    statusBoxes.set(status, { box, count, chip });
    byId("statuses").append(chip);
    box.addEventListener("change", () => {
      if (box.checked) state.statuses.add(status); else state.statuses.delete(status);
      refresh();
    });
  }

  const pagers = [...document.querySelectorAll(".pager")].map((nav, place) => {
    const back = make("button", { type: "button" }, "Previous");
    const on = make("button", { type: "button" }, "Next");
    const where = make("span", {});
    const turn = (step) => {
      state.page += step;
      showPage();
      window.scrollTo(0, 0);
      // The button may have gone out of use; keyboard users must not be thrown to the top.
      if (place > 0 || document.activeElement.disabled) byId("results").focus({ preventScroll: true });
    };
    back.addEventListener("click", () => turn(-1));
    on.addEventListener("click", () => turn(1));
    nav.append(back, where, on);
    return { nav, back, on, where };
  });

  let result = null;

  const showPage = () => {
    hideTip();
    const pages = Math.max(1, Math.ceil(found.length / SHOWN));
    state.page = Math.min(Math.max(0, state.page), pages - 1);
    const shown = found.slice(state.page * SHOWN, (state.page + 1) * SHOWN);
    const cards = shown.map((report) => showReport(report, result));
    byId("reports").replaceChildren(...(cards.length ? cards : [make("p", { class: "empty" },
      reports.length ? "No report matches; take a filter away or press Clear." : "This run labelled no reports.")]));
    for (const { nav, back, on, where } of pagers) {
      nav.hidden = pages === 1;
      back.disabled = state.page === 0;
      on.disabled = state.page === pages - 1;
      where.textContent = `Page ${number.format(state.page + 1)} of ${number.format(pages)}`;
    }
  };

  const refresh = () => {
    state.page = 0;
    result = search();
    const { counts, matches, filtered } = result;
    fillList("finding", "Any finding", counts.finding, "(no name)");
    fillList("rule", "Any rule", counts.rule, "No rule needed");
    for (const [status, { box, count, chip }] of statusBoxes) {
      box.checked = state.statuses.has(status);
      count.textContent = number.format(counts.status.get(status) ?? 0);
      chip.classList.toggle("none", !counts.status.get(status));
    }
    const some = filtered || result.query;
    byId("count").textContent = some
      ? `${number.format(found.length)} of ${plural(reports.length, "report")}` + (filtered ? `, ${plural(matches, "mention")} match` : "")
      : plural(reports.length, "report");
    showPage();
  };

  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    byId("query").value = "";
    Object.assign(state, { query: "", finding: null, rule: null });
    state.statuses.clear();
    refresh();
    byId("query").focus();
  });
  let waiting = 0;
  byId("query").addEventListener("input", (event) => {
    state.query = event.target.value;
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 120);
  });
  for (const name of ["finding", "rule"]) {
    byId(name).addEventListener("change", (event) => {
      state[name] = event.target.value === "" ? null : event.target.value.slice(1);
      refresh();
    });
  }

  /* ---- cue and rule of a mention, on hover and on focus ---- */

  const tip = byId("tip");
  let lit = [];

  function hideTip() {
    tip.hidden = true;
    for (const element of lit) element.classList.remove("lit");
    lit = [];
  }

  const showTip = (mark) => {
    hideTip();
    tip.replaceChildren(...mark.mentions.map((mention) => make("div", { class: `s-${mention.status}` },
      make("strong", {}, mention.status), ` · ${mention.finding}`,
      make("dl", {}, ...[
        ["concept", mention.concept],
        ["cue", mention.cue ? `“${mention.cue}”` : "none"],
        ["rule", mention.rule ? make("code", {}, mention.rule) : "none: present unless something speaks against it"],
        ["section", mention.section],
      ].flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])))));
    const of = new Set(mark.dataset.mentions.split(" "));
    for (const cue of mark.closest(".text").querySelectorAll(".cue")) {
      if (cue.dataset.of.split(" ").some((index) => of.has(index))) {
        cue.classList.add("lit");
        lit.push(cue);
      }
    }
    tip.hidden = false;
    const place = mark.getClientRects()[0];
    const left = Math.min(place.left, document.documentElement.clientWidth - tip.offsetWidth - 10);
    const below = place.bottom + 8 + tip.offsetHeight < window.innerHeight;
    // Through the style object: the page's policy forbids style attributes.
    tip.style.left = `${Math.max(10, left) + window.scrollX}px`;
    tip.style.top = `${(below ? place.bottom + 8 : place.top - 8 - tip.offsetHeight) + window.scrollY}px`;
  };

  const list = byId("reports");
  for (const event of ["mouseover", "focusin"]) {
    list.addEventListener(event, ({ target }) => {
      const mark = target.closest("mark");
      if (mark) showTip(mark); else hideTip();
    });
  }
  list.addEventListener("mouseleave", hideTip);
  list.addEventListener("focusout", hideTip);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });

  const part = meta.pages > 1
    ? ` (${number.format(meta.offset + 1)} to ${number.format(meta.offset + reports.length)} of ${number.format(meta.reports)})` : "";
  byId("about").textContent = `${plural(reports.length, "report")}${part}, ${plural(total, "mention")}`;
  refresh();
})();
