// Runs an app in the manner of Next.js without Next.js: its route handlers are called with requests,
// its page is rendered to HTML. Run inside the sandbox with a job as JSON on stdin; a line goes back
// for each step. What comes back was perhaps made by the code under check.
//
// job: nonce, modules {path: CommonJS}, route, page, start (ms), steps [{do, ms, body}].
"use strict";
const fs = require("node:fs");
const job = JSON.parse(fs.readFileSync(0, "utf8"));
const write = fs.writeSync;
const encode = JSON.stringify;
const { loader } = require("./modules.cjs");
const send = (value) => {
  let data = Buffer.from(`\n${job.nonce}${encode(value)}\n`);
  while (data.length) data = data.subarray(write(1, data));
};
for (const name of ["log", "info", "warn", "error", "debug"]) console[name] = () => undefined;

let now = job.start;
const TrueDate = Date;
const clock = () => now;
globalThis.Date = new Proxy(TrueDate, {
  construct: (target, given) => Reflect.construct(target, given.length ? given : [now]),
  apply: () => new TrueDate(now).toString(),
  get: (target, name) => (name === "now" ? clock : Reflect.get(target, name)),
});

const Fragment = Symbol("fragment");
const element = (type, props, key) => ({ type, props: props ?? {}, key });
const hooks = {
  Fragment,
  createElement: (type, props, ...children) => element(type, children.length ? { ...props, children } : props),
  useState: (first) => [typeof first === "function" ? first() : first, () => undefined],
  useEffect: () => undefined,
  useMemo: (make) => make(),
  useCallback: (call) => call,
  useRef: (current) => ({ current }),
  useId: () => "id",
  memo: (component) => component,
  cache: (call) => call,
  Suspense: ({ children }) => children,
};
class NextResponse extends Response {
  static json(body, init) {
    return new NextResponse(encode(body), { ...init, headers: { "content-type": "application/json" } });
  }
}
const shims = {
  react: Object.assign({ default: hooks, __esModule: true }, hooks),
  "react/jsx-runtime": { jsx: element, jsxs: element, Fragment },
  "next/server": { NextResponse, NextRequest: Request },
  "next/cache": { revalidatePath: () => undefined, unstable_noStore: () => undefined },
  "next/link": { default: "a", __esModule: true },
};

const load = loader(job.modules, shims);

const escaped = (text) => String(text).replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
async function html(node) {
  node = await node;
  if (node === null || node === undefined || typeof node === "boolean") return "";
  if (Array.isArray(node)) return (await Promise.all(node.map(html))).join("");
  if (typeof node !== "object") return escaped(node);
  if (node instanceof TrueDate) throw new Error("Objects are not valid as a React child (found: [object Date])");
  if (!("type" in node)) throw new Error("Objects are not valid as a React child");
  const { children, ...props } = node.props;
  if (node.type === Fragment) return html(children);
  if (typeof node.type === "function") return html(node.type(node.props));
  const attributes = Object.entries(props)
    .filter(([, value]) => ["string", "number"].includes(typeof value))
    .map(([name, value]) => ` ${name.toLowerCase()}="${escaped(value)}"`)
    .join("");
  return `<${node.type}${attributes}>${await html(children)}</${node.type}>`;
}

async function done(step) {
  now += step.ms;
  if (step.do === "page") return { html: await html(element(load(`@/${job.page}`).default, { params: {}, searchParams: {} })) };
  const method = step.do.toUpperCase();
  const body = step.body === null ? undefined : encode(step.body);
  const request = new Request("http://localhost/api", { method, body, headers: { "content-type": "application/json" } });
  const response = await load(`@/${job.route}`)[method](request);
  return { status: response.status, body: await response.text() };
}

(async () => {
  for (const [at, step] of job.steps.entries()) {
    try {
      send({ at, ...(await done(step)) });
    } catch (error) {
      let text = "an error that cannot be shown";
      try { text = String(error).slice(0, 300); } catch {}
      send({ at, odd: text });
    }
  }
  process.exit(0);
})();
