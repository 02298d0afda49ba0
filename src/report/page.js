"use strict";
// The report works without this: here are sorting, choices between figures, and the browser of answers. Texts become
// text nodes alone, never markup.

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === "onclick" || key === "onchange" || key === "oninput") made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// ---- tables that sort ----

function sortKey(cell, numeric) {
  if (cell.dataset.k !== undefined) return Number(cell.dataset.k);
  const text = cell.textContent;
  if (!numeric) return text;
  const number = Number(text);
  return text.trim() === "" || Number.isNaN(number) ? null : number;
}

// Numbers from large to small first; what has none stays last either way.
function sortTable(table, column, header) {
  const numeric = header.classList.contains("n");
  const was = header.getAttribute("aria-sort");
  const first = numeric ? "descending" : "ascending";
  const now = was === "none" ? first : was === "ascending" ? "descending" : "ascending";
  for (const other of header.parentNode.children) other.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", now);
  const sign = now === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [sortKey(row.cells[column], numeric), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), "en", { numeric: true });
  });
  body.append(...rows.map(([, row]) => row));
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = element("button", { type: "button", onclick: () => sortTable(table, column, header) });
    button.append(...header.childNodes);
    header.append(button);
    header.setAttribute("aria-sort", "none");
  });
}

// ---- one of several figures ----

function makeChoice(box) {
  const options = [...box.children].map((node) => ({ node, choice: JSON.parse(node.dataset.choice) }));
  const names = [...new Set(options.flatMap(({ choice }) => Object.keys(choice)))];
  const current = { ...options[0].choice };
  const bar = element("div", { class: "choices" });
  const selects = names.map((name) => {
    const values = [...new Set(options.map(({ choice }) => choice[name]))];
    const select = element("select", { onchange: () => choose(name, select.value) });
    select.append(...values.map((value) => element("option", { value }, value)));
    if (values.length > 1) bar.append(element("label", {}, name, select));
    return select;
  });
  function choose(name, value) {
    const wanted = { ...current, [name]: value };
    const fits = (choice, keys) => keys.every((key) => choice[key] === wanted[key]);
    const found = options.find(({ choice }) => fits(choice, names)) || options.find(({ choice }) => fits(choice, [name]));
    Object.assign(current, found.choice);
    show();
  }
  function show() {
    for (const { node, choice } of options) node.hidden = !names.every((name) => choice[name] === current[name]);
    names.forEach((name, i) => { selects[i].value = current[name]; });
  }
  if (bar.children.length > 0) box.prepend(bar);
  show();
}

document.querySelectorAll("table.sortable").forEach(makeSortable);
document.querySelectorAll(".choose").forEach(makeChoice);

// ---- single answers ----

// The blocks of answers are JSON, deflated, in base64; each is unpacked when it is first asked for.
const blocks = new Map();
function block(id) {
  if (!blocks.has(id)) {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    blocks.set(id, new Response(stream).json());
  }
  return blocks.get(id);
}

const kShown = {
  "all answers": () => true,
  "became wrong": (own, base) => base && base.grade === 1 && own.grade === 0,
  "became right": (own, base) => base && base.grade === 0 && own.grade === 1,
  "wrong": (own) => own.grade === 0,
  "right": (own) => own.grade === 1,
  "truncated": (own) => own.finish === "length",
};
const kPage = 100;  // entries of the list that are made at a time

function verdict(answer) {
  return answer.grade === 1 ? "right" : "wrong";
}

// Pieces of a text: strings, and numbers for bytes that were left out. From piece `from` on the text is its own.
function textNodes(pieces, from) {
  return pieces.map((piece, i) => {
    if (typeof piece === "number") return element("span", { class: "cut" }, ` [${piece.toLocaleString("en")} bytes left out] `);
    if (from === undefined || i < from) return element("span", { class: from === undefined ? "" : "same" }, piece);
    return i === from ? markedStart(piece) : document.createTextNode(piece);
  });
}

// The first word that differs is marked.
function markedStart(text) {
  const word = /^\s*\S+/.exec(text);
  const end = word ? word[0].length : Math.min(1, text.length);
  const part = document.createDocumentFragment();
  part.append(element("mark", {}, text.slice(0, end) || " "), text.slice(end));
  return part;
}

// The baseline's text, parted where the other one leaves it.
function baseNodes(base, own) {
  if (own.parts === undefined) return textNodes(base.text);
  if (base.text.length === 1) {
    const text = base.text[0];
    return textNodes([text.slice(0, own.parted), text.slice(own.parted)], 1);
  }
  const nodes = textNodes(base.text);
  if (own.base_goes_on !== undefined)
    nodes.push(element("p", { class: "quiet" }, "Where they part it goes on: "), markedStart(own.base_goes_on));
  return nodes;
}

function answerColumn(title, answer, nodes) {
  const facts = [verdict(answer)];
  if (answer.tokens >= 0) facts.push(`${answer.tokens.toLocaleString("en")} tokens`);
  if (answer.finish === "length") facts.push("truncated");
  return element("div", { class: "column" },
    element("h4", {}, title),
    element("p", { class: "quiet" }, element("span", { class: answer.grade === 1 ? "better" : "worse" }, facts[0]),
      facts.slice(1).map((fact) => ", " + fact).join(""), ". Taken as the answer: ", answer.extracted || "nothing",
      answer.remark ? ` (${answer.remark})` : ""),
    element("pre", { tabindex: "0", "aria-label": title }, ...nodes));
}

// Long texts begin where they part, a few lines before it.
function showMarks(columns) {
  for (const mark of columns.querySelectorAll("mark")) {
    const text = mark.closest("pre");
    const below = mark.getBoundingClientRect().top - text.getBoundingClientRect().top;
    text.scrollTop += below - text.clientHeight / 3;
  }
}

function makeBrowser(box) {
  const index = JSON.parse(document.getElementById("answers-index").textContent);
  if (typeof DecompressionStream === "undefined") {
    box.append(element("p", {}, "This browser is too old to unpack the answers; the result files hold them."));
    return;
  }
  const state = { show: "all answers", at: 0, limit: kPage };
  const controls = element("div", { class: "choices" });
  const count = element("p", { class: "quiet", role: "status" });
  const list = element("ol", { class: "list", tabindex: "0", "aria-label": "Answers" });
  const detail = element("div", { class: "detail" });
  box.append(controls, count, element("div", { class: "panes" }, list, detail));

  const keys = ["model", "method", "task", "seed"];
  const selects = {};
  for (const key of [...keys, "show"]) {
    selects[key] = element("select", { onchange: () => { state[key] = selects[key].value; update(key); } });
    controls.append(element("label", {}, key, selects[key]));
  }

  // Each choice offers what the ones before it leave.
  function offer() {
    let left = index.runs;
    for (const key of keys) {
      const values = [...new Set(left.map((run) => String(run[key])))];
      if (!values.includes(state[key])) state[key] = key === "method" && values.length > 1 ? values[1] : values[0];
      selects[key].replaceChildren(...values.map((value) => element("option", { value }, value)));
      selects[key].value = state[key];
      left = left.filter((run) => String(run[key]) === state[key]);
    }
    selects.show.replaceChildren(...Object.keys(kShown).map((value) => element("option", { value }, value)));
    selects.show.value = state.show;
    return left[0];
  }

  let turn = 0;
  async function update() {
    const mine = ++turn;
    const run = offer();
    const base = run.base === undefined ? null : index.runs[run.base];
    const [own, bases, prompts] = await Promise.all(
      [block(run.block), base ? block(base.block) : null, block(index.prompts[run.task])]);
    if (mine !== turn) return;
    const byId = new Map((bases || []).map((answer) => [answer.id, answer]));
    state.entries = own.map((answer) => ({ answer, base: byId.get(answer.id) }))
      .filter((entry) => kShown[state.show](entry.answer, entry.base));
    state.run = run;
    state.baseRun = base;
    state.prompts = prompts;
    state.at = 0;
    state.limit = kPage;
    count.textContent = `${state.entries.length} of ${own.length} answers`;
    drawList();
    drawDetail();
  }

  function drawList() {
    const entries = state.entries.slice(0, state.limit);
    list.replaceChildren(...entries.map(({ answer, base }, i) => {
      const change = base ? `${verdict(base)} → ${verdict(answer)}` : verdict(answer);
      const changed = base && base.grade !== answer.grade;
      return element("li", {}, element("button",
        { type: "button", "aria-current": String(i === state.at), onclick: () => { state.at = i; drawList(); drawDetail(); } },
        element("span", {}, answer.id),
        element("span", { class: changed ? (answer.grade === 1 ? "better" : "worse") : "quiet" }, change)));
    }));
    if (state.entries.length > state.limit)
      list.append(element("li", {}, element("button", { type: "button", onclick: () => { state.limit += kPage; drawList(); } },
        `${state.entries.length - state.limit} more`)));
  }

  function step(by) {
    state.at = Math.max(0, Math.min(state.entries.length - 1, state.at + by));
    while (state.at >= state.limit) state.limit += kPage;
    drawList();
    drawDetail();
  }

  function drawDetail() {
    const entry = state.entries[state.at];
    if (!entry) return detail.replaceChildren(element("p", { class: "quiet" }, "No such answer."));
    const { answer, base } = entry;
    const columns = element("div", { class: "columns" });
    let parted = "";
    if (base) {
      columns.append(answerColumn(`${state.baseRun.model} ${state.baseRun.method}`, base, baseNodes(base, answer)));
      parted = answer.parts === undefined ? "Both texts are the same." :
        `They are the same for ${answer.parted.toLocaleString("en")} characters; the first word that differs is marked.`;
    }
    columns.append(answerColumn(`${state.run.model} ${state.run.method}`, answer, textNodes(answer.text, base ? answer.parts : undefined)));
    detail.replaceChildren(
      element("h3", {}, answer.id),
      element("p", { class: "quiet" }, "Right answer: ", answer.gold || "not recorded", ". ", parted),
      element("p", { class: "steps" },
        element("button", { type: "button", onclick: () => step(-1) }, "previous"), " ",
        element("button", { type: "button", onclick: () => step(1) }, "next")),
      element("details", { open: "" }, element("summary", {}, "Prompt"),
        element("pre", { tabindex: "0", "aria-label": "Prompt" }, ...textNodes(state.prompts[answer.prompt]))),
      columns);
    showMarks(columns);
  }

  update();
}

const browser = document.getElementById("browser");
if (browser) makeBrowser(browser);
