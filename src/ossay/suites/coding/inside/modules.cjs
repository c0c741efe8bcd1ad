// Loads CommonJS modules that are held as texts, with a few packages that are played. What is loaded
// is the code under check.
"use strict";
const builtin = require;

function joined(from, name) {
  const parts = from.split("/").slice(0, -1);
  for (const part of name.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

// modules {path: text}, played {package: exports} -> load(name, the path that asks for it).
exports.loader = (modules, played) => {
  const loaded = new Map();
  return function load(name, from) {
    if (Object.hasOwn(played, name)) return played[name];
    const base = /^[@~]\//.test(name) ? name.slice(2).replace(/^src\//, "") : name.startsWith(".") ? joined(from, name) : null;
    if (base === null) return builtin(name);
    const bare = base.replace(/\.(js|jsx|ts|tsx)$/, "");
    const path = [base, ...[".ts", ".tsx", "/index.ts", "/index.tsx"].map((end) => bare + end)].find((one) => Object.hasOwn(modules, one));
    if (!path) throw new Error(`there is no ${name}`);
    if (!loaded.has(path)) {
      const module_ = { exports: {} };
      loaded.set(path, module_);
      new Function("exports", "require", "module", modules[path])(module_.exports, (one) => load(one, path), module_);
    }
    return loaded.get(path).exports;
  };
};
