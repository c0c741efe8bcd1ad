// Puts a reply's parts into the files of an app and strips the types: run inside the sandbox with a
// job as JSON on stdin; writes one JSON object. Runs none of the code that it reads.
//
// job: files {path: text}, parts [{path, text, whole}] (files, or some of their declarations). Files
// that are not TypeScript can be replaced as a whole only.
"use strict";
const fs = require("node:fs");
const ts = require("./typescript.js");

const job = JSON.parse(fs.readFileSync(0, "utf8"));
const files = { ...job.files };
const whole = [];
for (const { path, text, whole: complete } of job.parts) {
  const there = files[path];
  if (complete || there === undefined || (is_code(path) ? covers(path, text, there) : text.includes("<template"))) {
    files[path] = text;
    if (!complete) whole.push(path);
  } else if (is_code(path)) files[path] = merged(path, there, text);
}
const emitted = {};
const unparsed = [];
for (const [path, text] of Object.entries(files).filter(([path]) => is_code(path))) {
  const done = ts.transpileModule(text, {
    fileName: path,
    reportDiagnostics: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      jsx: ts.JsxEmit.ReactJSX,
      esModuleInterop: true,
    },
  });
  emitted[path] = done.outputText;
  for (const one of done.diagnostics ?? []) {
    const where = one.file && ts.getLineAndCharacterOfPosition(one.file, one.start ?? 0);
    const message = ts.flattenDiagnosticMessageText(one.messageText, " ").slice(0, 200);
    unparsed.push({ file: path, line: where ? where.line + 1 : 0, code: one.code, message });
  }
}
process.stdout.write(JSON.stringify({ files, emitted, whole, unparsed: unparsed.slice(0, 5) }));

function is_code(path) {
  return /\.tsx?$/.test(path);
}

function parse(path, text) {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true, path.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
}

function is_exported(node) {
  return ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((one) => one.kind === ts.SyntaxKind.ExportKeyword);
}

function names(node) {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.map((one) => one.name.getText());
  if (ts.isImportDeclaration(node)) return [];
  return node.name ? [node.name.getText()] : [];
}

// Whether a text declares all that a file declares: then it stands for the whole file.
function covers(path, text, there) {
  const own = new Set(parse(path, text).statements.flatMap(names));
  const all = parse(path, there).statements.flatMap(names);
  const imports = parse(path, there).statements.filter(ts.isImportDeclaration).length;
  const shown = parse(path, text).statements.filter(ts.isImportDeclaration).length;
  return all.every((name) => own.has(name)) && (shown > 0 || imports === 0);
}

// A file with the declarations of a text in place of its own of the same name; new ones come after.
// What was exported stays so, since others use it.
function merged(path, there, text) {
  const old = parse(path, there);
  const replaced = new Map();
  const imports = [];
  const added = [];
  for (const node of parse(path, text).statements) {
    const known = names(node);
    const at = old.statements.find((one) => names(one).some((name) => known.includes(name)));
    if (ts.isImportDeclaration(node)) imports.push(node);
    else if (at) replaced.set(at, is_exported(at) && !is_exported(node) ? `export ${node.getText()}` : node.getText());
    else added.push(node.getText());
  }
  const said = new Set(imports.map((node) => node.moduleSpecifier.getText().replace(/'/g, '"')));
  const body = old.statements.map((node) => {
    if (ts.isImportDeclaration(node)) return said.has(node.moduleSpecifier.getText().replace(/'/g, '"')) ? imported(node, imports) : node.getText();
    return replaced.get(node) ?? node.getText();
  });
  const known = new Set(old.statements.filter(ts.isImportDeclaration).map((node) => node.moduleSpecifier.getText().replace(/'/g, '"')));
  const fresh = imports.filter((node) => !known.has(node.moduleSpecifier.getText().replace(/'/g, '"'))).map((node) => node.getText());
  const first = body.findIndex((one) => !/^["']use /.test(one));
  body.splice(first < 0 ? 0 : first, 0, ...fresh);
  return [...body, ...added].join("\n\n") + "\n";
}

// Both imports of one module: the names of each. As it stands where one has all of them.
function imported(node, others) {
  const same = others.filter((one) => one.moduleSpecifier.text === node.moduleSpecifier.text);
  const both = [node, ...same];
  const bindings = both.map((one) => one.importClause?.namedBindings);
  if (!bindings.every((one) => one && ts.isNamedImports(one))) return same.at(-1).getText();
  const named = bindings.map((one) => one.elements.map((each) => each.getText().replace(/^type /, "")));
  const all = [...new Set(named.flat())];
  const whole = both.find((_, at) => all.every((name) => named[at].includes(name)));
  if (whole && both.every((one) => one.importClause.isTypeOnly === whole.importClause.isTypeOnly)) return whole.getText();
  return `import { ${all.join(", ")} } from ${node.moduleSpecifier.getText()};`;
}
