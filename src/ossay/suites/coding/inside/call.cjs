// Calls one function of a module with many inputs: run inside the sandbox with a job as JSON on
// stdin. One line goes back for each call, at once, so that what came before a crash still arrives.
// What comes back was perhaps made by the code under check; no expected value is in the job.
//
// job: nonce, code (a CommonJS module), name, calls (a list of argument lists).
"use strict";
const fs = require("node:fs");
const job = JSON.parse(fs.readFileSync(0, "utf8"));
const write = fs.writeSync;
const encode = JSON.stringify;
const send = (value) => {
  let data = Buffer.from(`\n${job.nonce}${encode(value)}\n`);
  while (data.length) data = data.subarray(write(1, data));
};
const silent = () => undefined;
for (const name of ["log", "info", "warn", "error", "debug", "trace", "table"]) console[name] = silent;

const text_of = (error) => {
  try {
    return String(error).slice(0, 300);
  } catch {
    return "an error that cannot be shown";
  }
};
const module_ = { exports: {} };
let subject;
try {
  new Function("exports", "require", "module", job.code)(module_.exports, require, module_);
  const made = module_.exports;
  subject = made[job.name] ?? made.default ?? made;
} catch (error) {
  send({ broken: text_of(error) });
  process.exit(0);
}
job.calls.forEach((given, at) => {
  try {
    const value = subject(...given);
    send(typeof value === "string" ? { at, value } : { at, odd: `returned ${typeof value}` });
  } catch (error) {
    send({ at, odd: text_of(error) });
  }
});
process.exit(0);
