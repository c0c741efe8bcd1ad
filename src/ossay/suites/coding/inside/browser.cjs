// Opens a page in headless Chromium, measures it and takes its picture: run inside the sandbox with a
// job as JSON on stdin; one line goes back. Talks to the browser over a pipe, so there is no port.
// The page's scripts run in Chromium only: measuring is done in a world of its own, where nothing
// that the page has patched is seen, and the picture is looked at in another, empty page.
//
// job: nonce, chromium (places of the program), page (HTML), width, height (CSS pixels).
"use strict";
const fs = require("node:fs");
const os = require("node:os");
const { spawn } = require("node:child_process");
const job = JSON.parse(fs.readFileSync(0, "utf8"));
const SLOW_MS = 30_000; // for one answer of the browser
const RESTLESS_MS = 5_000; // until a page that goes on moving is measured as it is
const MOST_ERRORS = 20;

const done = (value) => {
  let data = Buffer.from(`\n${job.nonce}${JSON.stringify(value)}\n`);
  while (data.length) data = data.subarray(fs.writeSync(1, data));
  process.exit(0);
};
const scratch = os.tmpdir(); // gone with the sandbox
const pause = (ms) => new Promise((wake) => setTimeout(wake, ms));

// One family of fonts, so that widths of words are the same everywhere.
fs.writeFileSync(`${scratch}/fonts.conf`, `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>/usr/share/fonts/truetype/dejavu</dir><dir>/usr/share/fonts/dejavu-sans-fonts</dir>
<dir>/usr/share/fonts/TTF</dir><cachedir>${scratch}/fonts</cachedir>
<alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
<alias><family>serif</family><prefer><family>DejaVu Serif</family></prefer></alias>
<alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
<alias binding="same"><family>system-ui</family><prefer><family>DejaVu Sans</family></prefer></alias>
</fontconfig>`);
const program = job.chromium.find((place) => fs.existsSync(place));
if (!program) done({ broken: "Chromium is not there", ready: false });
const browser = spawn(program, [
  "--headless=new",
  "--no-sandbox", // the whole browser is in a sandbox that has no user namespaces to give
  "--no-zygote",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-extensions",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-breakpad",
  "--no-first-run",
  "--hide-scrollbars",
  "--mute-audio",
  "--force-color-profile=srgb",
  "--remote-debugging-pipe",
  `--user-data-dir=${scratch}/profile`,
  "about:blank",
], {
  stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  env: { PATH: process.env.PATH, HOME: scratch, TMPDIR: scratch, LANG: "C.UTF-8", TZ: "UTC", FONTCONFIG_FILE: `${scratch}/fonts.conf` },
});
browser.on("error", (error) => done({ broken: String(error), ready }));
browser.on("exit", (code, signal) => done({ broken: `Chromium ended with ${code ?? signal}`, ready }));

const waiting = new Map();
let ready = false; // before that nothing of the page was seen: what fails is none of its doing
const heard = { errors: [], dialogs: 0, loaded: false };
let calls = 0;
let pieces = [];
browser.stdio[4].on("data", (data) => {
  let start = 0;
  for (let at = data.indexOf(0); at >= 0; at = data.indexOf(0, start)) {
    take(JSON.parse(Buffer.concat([...pieces, data.subarray(start, at)]).toString("utf8")));
    [pieces, start] = [[], at + 1];
  }
  pieces.push(data.subarray(start));
});

function take(message) {
  if (message.id) return waiting.get(message.id)?.(message);
  const { method, params, sessionId } = message;
  if (method === "Page.loadEventFired") heard.loaded = true;
  if (method === "Page.javascriptDialogOpening") {
    heard.dialogs += 1;
    ask("Page.handleJavaScriptDialog", { accept: false }, sessionId);
  }
  if (method === "Runtime.exceptionThrown") {
    const { text, exception, lineNumber } = params.exceptionDetails;
    wrong(`${text} ${exception?.description ?? ""} (line ${lineNumber + 1})`);
  }
  if (method === "Runtime.consoleAPICalled" && ["error", "assert"].includes(params.type)) {
    wrong(`console.${params.type}: ${params.args.map((one) => one.description ?? one.value).join(" ")}`);
  }
  if (method === "Log.entryAdded" && params.entry.level === "error") {
    wrong(`${params.entry.text} ${params.entry.url ?? ""}`);
  }
}

function wrong(text) {
  if (heard.errors.length < MOST_ERRORS) heard.errors.push(text.slice(0, 300));
}

function ask(method, params = {}, sessionId = undefined) {
  return new Promise((answer, fail) => {
    const id = ++calls;
    const late = setTimeout(() => fail(new Error(`no answer to ${method}`)), SLOW_MS);
    waiting.set(id, (message) => {
      clearTimeout(late);
      waiting.delete(id);
      message.error ? fail(new Error(`${method}: ${message.error.message}`)) : answer(message.result);
    });
    browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  });
}

async function run(session, expression, contextId) {
  const { result, exceptionDetails } = await ask("Runtime.evaluate", { expression, contextId, returnByValue: true, awaitPromise: true }, session);
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

async function opened(targetId) {
  const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
  return sessionId;
}

async function prepare(session) {
  for (const domain of ["Page", "Runtime", "Log"]) await ask(`${domain}.enable`, {}, session);
  const { width, height } = job;
  await ask("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false }, session);
  await ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-reduced-motion", value: "reduce" }, { name: "prefers-color-scheme", value: "light" }] }, session);
}

async function show(session) {
  fs.writeFileSync(`${scratch}/page.html`, job.page);
  const { frameId } = await ask("Page.navigate", { url: `file://${scratch}/page.html` }, session);
  const started = Date.now();
  while (!heard.loaded && Date.now() - started < RESTLESS_MS) await pause(20);
  return frameId;
}

// The page as it is when it no longer moves.
async function settled(session, frameId) {
  const source = fs.readFileSync(`${__dirname}/measure.js`, "utf8");
  const started = Date.now();
  let [before, same] = ["", 0];
  for (let looks = 1; ; looks += 1) {
    const { executionContextId } = await ask("Page.createIsolatedWorld", { frameId, worldName: "measuring" }, session);
    const measured = await run(session, `(${source})(${job.width}, ${job.height})`, executionContextId);
    const now = JSON.stringify(measured);
    same = now === before ? same + 1 : 0;
    before = now;
    const spent = Date.now() - started;
    if (same >= 2 && (measured.bars.length > 0 || spent > 1_000)) return { ...measured, still: true };
    // On a busy machine a look may take seconds, so time alone does not tell that a page moves.
    if (spent > RESTLESS_MS && looks > 4) return { ...measured, still: same > 0 };
    await pause(100);
  }
}

(async () => {
  const { targetInfos } = await ask("Target.getTargets");
  const session = await opened(targetInfos.find((one) => one.type === "page").targetId);
  await prepare(session);
  ready = true;
  const measured = await settled(session, await show(session));
  const { data } = await ask("Page.captureScreenshot", { format: "png" }, session);
  const { targetId } = await ask("Target.createTarget", { url: "about:blank" });
  const boxes = [...measured.texts, ...measured.bars].map((one) => one.box);
  const look = fs.readFileSync(`${__dirname}/pixels.js`, "utf8");
  const seen = await run(await opened(targetId), `(${look})("${data}", ${JSON.stringify(boxes)})`);
  ended({ ...measured, errors: heard.errors, dialogs: heard.dialogs, seen: seen.boxes, ground: seen.ground, screenshot: data });
})().catch((error) => ended({ broken: [error.message, ...heard.errors].join("; ").slice(0, 1_000), ready }));

function ended(value) {
  browser.removeAllListeners("exit");
  browser.kill("SIGKILL");
  done(value);
}
