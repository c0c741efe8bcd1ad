// Runs the services of a desktop app without its windows: the main process is played, timers stand
// still but for steps. Run inside the sandbox with a job as JSON on stdin; a line goes back for each
// step. What comes back was perhaps made by the code under check.
//
// job: nonce, modules {path: CommonJS}, names (of the app's functions), settings, start (ms),
// steps [{do, ...}].
"use strict";
const fs = require("node:fs");
const { loader } = require("./modules.cjs");
const job = JSON.parse(fs.readFileSync(0, "utf8"));
const write = fs.writeSync;
const encode = JSON.stringify;
const soon = setImmediate;
const send = (value) => {
  let data = Buffer.from(`\n${job.nonce}${encode(value)}\n`);
  while (data.length) data = data.subarray(write(1, data));
};
for (const name of ["log", "info", "warn", "error", "debug"]) console[name] = () => undefined;

let now = job.start;
const timers = new Map();
let made = 0;
const due_in = (call, ms, every) => {
  timers.set(++made, { call, at: now + Math.max(0, Number(ms) || 0), every });
  return made;
};
globalThis.setTimeout = (call, ms, ...given) => due_in(() => call(...given), ms);
globalThis.setInterval = (call, ms, ...given) => due_in(() => call(...given), ms, Math.max(1, Number(ms) || 1));
globalThis.clearTimeout = globalThis.clearInterval = (id) => void timers.delete(id);
const TrueDate = Date;
const clock = () => now;
globalThis.Date = new Proxy(TrueDate, {
  construct: (target, given) => Reflect.construct(target, given.length ? given : [now]),
  get: (target, name) => (name === "now" ? clock : Reflect.get(target, name)),
});

const calm = () => new Promise((done) => soon(() => soon(() => soon(done))));
async function pass(ms) {
  const end = now + ms;
  for (;;) {
    const next = [...timers].filter(([, one]) => one.at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
    if (!next) break;
    const [id, timer] = next;
    now = Math.max(now, timer.at);
    if (timer.every) timer.at += timer.every;
    else timers.delete(id);
    await timer.call();
    await calm();
  }
  now = end;
}

let listener = () => undefined;
let listed = [];
let shown = [];
let index = {};
const watched = new Set();
globalThis.window = globalThis;
globalThis.desk = {
  onFolderEvent: (call) => void (listener = call),
  watchFolder: (root) => void watched.add(root),
  unwatchFolder: (root) => void watched.delete(root),
  listFolder: async () => structuredClone(listed),
  chooseFiles: async () => structuredClone(listed),
  loadSettings: () => structuredClone(job.settings),
  saveSettings: () => undefined,
  loadIndex: () => ({ [job.names.binders]: [], [job.names.leaves]: [] }),
  saveIndex: (value) => void (index = JSON.parse(encode(value))),
  showNotice: (level, text) => void shown.push([level, text]),
  revealInFolder: () => undefined,
  now: clock,
};

const nothing = () => undefined;
const vue = {
  reactive: (value) => value,
  readonly: (value) => value,
  shallowReactive: (value) => value,
  toRaw: (value) => value,
  markRaw: (value) => value,
  ref: (value) => ({ value }),
  shallowRef: (value) => ({ value }),
  unref: (one) => one?.value ?? one,
  computed: (given) => ({ get value() { return (given.get ?? given)(); } }),
  watch: nothing,
  watchEffect: nothing,
  nextTick: async (call) => call?.(),
  onMounted: nothing,
  onUnmounted: nothing,
};
const load = loader(job.modules, { vue });
const at = (path) => load(`@/${path}`);

const by_root = (root) => at(job.names.store)[job.names.binderAtRoot](root);
const deeds = {
  start: () => at("services/watcher").startWatching(),
  event: ({ event }) => watched.has(event.root) && listener(event),
  wait: ({ ms }) => pass(ms),
  attach: ({ root, title }) => at("services/watcher").attachFolder(root, title),
  detach: ({ root }) => at("services/watcher").detachFolder(by_root(root).id),
  pause: ({ root }) => at("services/watcher").pauseFolder(by_root(root).id),
  resume: ({ root }) => at("services/watcher").resumeFolder(by_root(root).id),
  hand: ({ root }) => at("services/importing").addByHand(by_root(root)),
  drop: ({ root, files }) => at("services/importing").addByDrop(by_root(root), structuredClone(files)),
  settings: ({ changes }) => at("stores/settings").updateSettings(structuredClone(changes)),
};

function found() {
  const binders = new Map((index[job.names.binders] ?? []).map((one) => [one.id, one.root]));
  const leaves = (index[job.names.leaves] ?? []).map((one) => [binders.get(one[job.names.binderId]) ?? "", one.path, one.source, one.size]);
  const kept = at("services/notices").allNotices().map((one) => [one.id, one.level, one.text, binders_id(one[job.names.binderId])]);
  return { leaves, kept };
}

function binders_id(id) {
  return at(job.names.store)[job.names.binders].find((one) => one.id === id)?.root ?? null;
}

(async () => {
  for (const [number, step] of job.steps.entries()) {
    try {
      listed = step.files ?? [];
      shown = [];
      await deeds[step.do](step);
      await calm();
      send({ at: number, shown, ...found() });
    } catch (error) {
      let text = "an error that cannot be shown";
      try { text = String(error).slice(0, 300); } catch {}
      send({ at: number, odd: text });
    }
  }
  process.exit(0);
})();
