// Keys for the rating page, and its score as the server computes it. Without this file the page
// works by mouse and Tab alone; the score then shows once it is sent.
"use strict";

const form = document.getElementById("rating");
const rubrics = form ? [...form.querySelectorAll(".rubric")] : [];
let active = 0;
let asked = 0;

function choose(rubric, key) {
  const input = rubric.querySelector(`input[data-key="${CSS.escape(key)}"]`);
  if (!input) return false;
  input.checked = input.type === "radio" ? true : !input.checked;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  input.focus({ preventScroll: true });
  return true;
}

function activate(number) {
  active = (number + rubrics.length) % rubrics.length;
  rubrics.forEach((rubric, i) => rubric.classList.toggle("active", i === active && rubrics.length > 1));
}

async function preview() {
  const mine = ++asked;
  let scores;
  try {
    const answer = await fetch("/preview", { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!answer.ok) return;
    scores = await answer.json();
  } catch {
    return; // the server is away; sending will tell
  }
  if (mine !== asked) return;
  scores.forEach((score, i) => {
    rubrics[i].querySelector("output").textContent = score.score === null ? "–" : String(score.score);
    rubrics[i].querySelector(".sum").textContent = score.sum ? `${score.sum} =` : "";
    rubrics[i].querySelector(".problem").textContent = score.problem;
  });
}

// What was chosen outlives a reload of this tab, until it is sent. It is kept by the answer's run and
// by the rating that held then: answers beside each other may stand in another order the next time,
// and one that was rated meanwhile, on whatever page, shows that rating.
const place = `ossay:${location.pathname}`;

function subject(rubric) {
  return { run: rubric.querySelector('input[name$=".run"]').value, held: rubric.dataset.held };
}

function remember() {
  const said = [...new FormData(form)].map(([name, value]) => [...name.split("."), value]);
  const kept = rubrics.map((rubric) => ({
    ...subject(rubric),
    said: said
      .filter(([number, field]) => number === rubric.dataset.number && /^(tier|item|notes)$/.test(field))
      .map(([, field, value]) => [field, value]),
  }));
  sessionStorage.setItem(place, JSON.stringify(kept));
}

function recall() {
  const kept = JSON.parse(sessionStorage.getItem(place) || "[]");
  const today = rubrics.map((rubric) => {
    const { run, held } = subject(rubric);
    return [rubric, kept.find((draft) => draft.run === run && draft.held === held)];
  });
  for (const [rubric, draft] of today) if (draft) fill(rubric, draft.said);
  if (kept.length) sessionStorage.setItem(place, JSON.stringify(today.flatMap(([, draft]) => draft ?? [])));
}

function fill(rubric, said) {
  for (const input of rubric.querySelectorAll("input[type=radio], input[type=checkbox]"))
    input.checked = said.some(([field, value]) => input.name.endsWith(`.${field}`) && value === input.value);
  for (const [field, value] of said)
    if (field === "notes") rubric.querySelector("textarea").value = value;
}

function pressed(event) {
  const typed = event.getModifierState("AltGraph"); // "[" on many keyboards
  if (event.metaKey || ((event.ctrlKey || event.altKey) && !typed)) return;
  if (event.target.matches("textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  // A key that is held down must not rate what nobody has looked at.
  if (event.repeat && !event.key.startsWith("Arrow")) {
    event.preventDefault();
    return;
  }
  if (event.key === "Enter" && !event.target.matches("a, button, summary")) {
    event.preventDefault();
    form.requestSubmit();
    return;
  }
  const go = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
  if (go && !(event.key.startsWith("Arrow") && event.target.matches("input[type=radio], pre"))) {
    event.preventDefault();
    go.click();
  } else if (event.key === "n") {
    event.preventDefault();
    rubrics[active].querySelector("textarea").focus();
  } else if (rubrics.length > 1 && (event.key === "[" || event.key === "]")) {
    activate(active + (event.key === "]" ? 1 : -1));
  } else if (choose(rubrics[active], event.key.toLowerCase())) {
    event.preventDefault();
  }
}

if (form) {
  recall();
  activate(0);
  preview();
  form.addEventListener("change", () => { remember(); preview(); });
  form.addEventListener("input", remember);
  form.addEventListener("submit", () => sessionStorage.removeItem(place));
  document.addEventListener("keydown", pressed);
  rubrics.forEach((rubric, i) => rubric.addEventListener("focusin", () => activate(i)));
}
