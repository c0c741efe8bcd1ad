"use strict";
// Filters the list of runs and shows transcripts. Everything that came from a model is set as
// textContent; nothing here makes HTML from text.

const PIECE = 20000; // characters of one text shown at a time

const report = document.getElementById("report");
const page = document.getElementById("transcript");
const form = document.querySelector(".filters");
const rows = [...document.querySelectorAll(".runs tbody tr")];
const packed = new Map();
for (const node of document.querySelectorAll("script[data-run]")) packed.set(node.dataset.run, node);
const title = document.title;
let about = null;
let place = 0; // where the reader was in the report, and the fragment that stood there
let origin = "";
let listed = true; // whether that was in the list of runs

function element(tag, text, kind) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

async function unpack(node) {
  const bytes = Uint8Array.from(atob(node.textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function filter() {
  const { model, task, outcome } = form.elements;
  let shown = 0;
  for (const row of rows) {
    const failed = !["passed", "infrastructure_error", "planned", "running"].includes(row.dataset.outcome);
    row.hidden =
      (model.value && row.dataset.model !== model.value) ||
      (task.value && row.dataset.task !== task.value) ||
      (outcome.value === "failed" ? !failed : outcome.value && row.dataset.outcome !== outcome.value);
    shown += row.hidden ? 0 : 1;
  }
  form.querySelector("output").textContent = `Showing ${shown} of ${rows.length} runs`;
}

// A text in a box; a very long one piece by piece, so that the page stays quick.
function textBox(text) {
  const box = element("pre");
  box.tabIndex = 0;
  const parts = document.createDocumentFragment();
  parts.append(box);
  let at = 0;
  const button = element("button");
  const more = () => {
    box.append(text.slice(at, at + PIECE));
    at += PIECE;
    const rest = text.length - at;
    if (rest <= 0) button.remove();
    else button.textContent = `Show ${Math.min(PIECE, rest).toLocaleString("en")} more of ${rest.toLocaleString("en")} characters left`;
  };
  if (text.length > PIECE) {
    button.type = "button";
    button.addEventListener("click", more);
    parts.append(button);
  }
  more();
  return parts;
}

function link(href, text) {
  const made = element("a", text);
  made.href = href;
  return made;
}

function head(id) {
  const made = element("header");
  made.append(link("#runs", "← All runs"));
  const listed = rows.filter((row) => !row.hidden).map((row) => row.querySelector("a"));
  const here = listed.findIndex((a) => runOf(a.hash) === id);
  if (here > 0) made.append(link(listed[here - 1].hash, "Previous run"));
  if (here >= 0 && here + 1 < listed.length) made.append(link(listed[here + 1].hash, "Next run"));
  return made;
}

function facts(pairs) {
  const list = element("dl", undefined, "facts");
  for (const [name, value] of pairs) list.append(element("dt", name), element("dd", value));
  return list;
}

function block({ kind, title: heading, text, failed }) {
  const made = element("div", undefined, `block ${kind}${failed ? " failed" : ""}`);
  made.append(element("h3", heading));
  if (text) made.append(textBox(text));
  return made;
}

async function show(id) {
  about ??= await unpack(document.getElementById("about"));
  const run = about[id];
  const body = element("section");
  body.append(element("h2", `Run ${id}`));
  if (!run) body.append(element("p", "This page knows no run of that name."));
  else {
    body.append(facts(run.facts));
    if (packed.has(id)) {
      for (const piece of await unpack(packed.get(id))) body.append(block(piece));
    } else {
      body.append(element("p", "The transcript is not in this page. Where there is one, this shows it:"));
      body.append(element("pre", run.command));
    }
  }
  if (runOf(location.hash) !== id) return; // the reader went on meanwhile
  page.replaceChildren(head(id), body);
  document.title = `Run ${id} – ${title}`;
  if (!report.hidden) {
    place = scrollY;
    listed = document.getElementById("runs").getBoundingClientRect().top < innerHeight;
  }
  report.hidden = true;
  page.hidden = false;
  page.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function runOf(hash) {
  if (!hash.startsWith("#run-")) return null;
  try {
    return decodeURIComponent(hash.slice(5));
  } catch {
    return hash.slice(5);
  }
}

function go() {
  const id = runOf(location.hash);
  if (id !== null) {
    show(id);
    return;
  }
  if (report.hidden) {
    page.hidden = true;
    page.replaceChildren();
    report.hidden = false;
    document.title = title;
    if (location.hash === origin || (listed && location.hash === "#runs")) scrollTo(0, place);
    else document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }
}

form.addEventListener("input", filter);
document.querySelector(".heat").addEventListener("click", (event) => {
  const cell = event.target.closest("a[data-task]");
  if (!cell) return;
  form.elements.model.value = cell.dataset.model;
  form.elements.task.value = cell.dataset.task;
  form.elements.outcome.value = "";
  filter();
});
addEventListener("hashchange", (event) => {
  if (!report.hidden) origin = new URL(event.oldURL).hash;
  go();
});
addEventListener("beforeprint", () => {
  for (const node of document.querySelectorAll("details")) node.open = true;
});
filter();
go();
