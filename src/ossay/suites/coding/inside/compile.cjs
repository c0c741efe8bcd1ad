// Compiles files with the real TypeScript compiler and looks at one of them: run inside the sandbox
// with a job as JSON on stdin; writes one JSON object. Runs none of the code that it reads.
//
// job: files {path: text}, answer (the path that is looked at), given (a path whose exports the
// answer may use without declaring or importing them), wanted (names the answer must offer),
// checked (whether types matter; without them it is four times as fast).
"use strict";
const fs = require("node:fs");
const ts = require("./typescript.js");

const job = JSON.parse(fs.readFileSync(0, "utf8"));
const AMBIENT = "/ambient.d.ts";
const files = { [AMBIENT]: fs.readFileSync(`${__dirname}/ambient.d.ts`, "utf8") };
for (const [path, text] of Object.entries(job.files)) files[`/${path}`] = text;
const answer = `/${job.answer}`;
const as_written = parse(answer, files[answer]);
const { declared, imported, exported, offered } = names(as_written);
files[answer] = completed(files[answer]);

const options = {
  strict: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.CommonJS,
  moduleResolution: ts.ModuleResolutionKind.Node10,
  moduleDetection: ts.ModuleDetectionKind.Force,
  esModuleInterop: true,
  lib: ["lib.es2022.d.ts"],
  types: [],
  skipLibCheck: true,
  noLib: !job.checked,
  noEmitOnError: false,
};
const emitted = {};
const host = ts.createCompilerHost(options);
const [read_library, library_exists, library] = [host.readFile, host.fileExists, host.getSourceFile];
const of_library = (path) => path.startsWith(__dirname);
host.getCurrentDirectory = () => "/";
host.directoryExists = undefined;
host.getDirectories = () => [];
host.fileExists = (path) => Object.hasOwn(files, path) || (of_library(path) && library_exists(path));
host.readFile = (path) =>
  Object.hasOwn(files, path) ? files[path] : of_library(path) ? read_library(path) : undefined;
host.getSourceFile = (path, target, ...rest) =>
  Object.hasOwn(files, path) ? parse(path, files[path], target) : of_library(path) ? library(path, target, ...rest) : undefined;
host.writeFile = (path, text) => { emitted[path.slice(1)] = text; };

const program = ts.createProgram(Object.keys(files), options, host);
const source = program.getSourceFile(answer);
const unparsed = program.getSyntacticDiagnostics(source).map(told);
const problems = job.checked ? ts.getPreEmitDiagnostics(program).map(told) : unparsed;
program.emit();
const checker = program.getTypeChecker();
const banned = [...directives(), ...forbidden(source, job.checked && problems.length === 0)];
process.stdout.write(JSON.stringify({
  problems: problems.slice(0, 50),
  banned: banned.slice(0, 50),
  declared: [...declared].slice(0, 200),
  in_operators: count(source, (node) => node.kind === ts.SyntaxKind.InKeyword && ts.isBinaryExpression(node.parent)),
  missing: job.wanted.filter((name) => !declared.has(name)),
  unexported: job.wanted.filter((name) => declared.has(name) && !exported.has(name) && !offered.has(name)),
  unparsed: unparsed.slice(0, 5),
  emitted,
}));

function parse(path, text, target = ts.ScriptTarget.ES2022) {
  return ts.createSourceFile(path, text, target, true);
}

function count(node, wanted) {
  let found = wanted(node) ? 1 : 0;
  for (const child of node.getChildren()) found += count(child, wanted);
  return found;
}

// What a file declares, imports and exports by name at its top level; `offered` in another way.
function names(file) {
  const found = { declared: new Set(), imported: new Set(), exported: new Set(), offered: new Set() };
  for (const node of file.statements) {
    const own = [];
    if (ts.isVariableStatement(node)) {
      for (const one of node.declarationList.declarations) bound(one.name, own);
    } else if (ts.isImportDeclaration(node)) {
      const clause = node.importClause;
      if (clause?.name) found.imported.add(clause.name.text);
      const bindings = clause?.namedBindings;
      if (bindings && ts.isNamespaceImport(bindings)) found.imported.add(bindings.name.text);
      else for (const one of bindings?.elements ?? []) found.imported.add(one.name.text);
    } else if (ts.isExportDeclaration(node) && node.exportClause && ts.isNamedExports(node.exportClause)) {
      for (const one of node.exportClause.elements) found.exported.add(one.name.text);
    } else if (ts.isExportAssignment(node) && ts.isIdentifier(node.expression)) {
      found.offered.add(node.expression.text);
    } else if (ts.isExpressionStatement(node) && ts.isBinaryExpression(node.expression)) {
      if (/^(module\.)?exports\b/.test(node.expression.left.getText(file))) {
        for (const name of node.expression.right.getText(file).match(/\w+/g) ?? []) found.offered.add(name);
      }
    } else if (node.name && ts.isIdentifier(node.name)) own.push(node.name.text);
    const flags = ts.canHaveModifiers(node) ? ts.getModifiers(node) ?? [] : [];
    const is = (kind) => flags.some((one) => one.kind === kind);
    for (const name of own) {
      found.declared.add(name);
      if (is(ts.SyntaxKind.DefaultKeyword)) found.offered.add(name);
      else if (is(ts.SyntaxKind.ExportKeyword)) found.exported.add(name);
    }
  }
  return found;
}

function bound(name, into) {
  if (ts.isIdentifier(name)) into.push(name.text);
  else for (const one of name.elements) if (!ts.isOmittedExpression(one)) bound(one.name, into);
}

// The answer with what it leaves out because it was given: imports on its first line, so that line
// numbers stay, and the export of what is wanted.
function completed(text) {
  const offered = job.given ? [...names(parse(`/${job.given}`, files[`/${job.given}`])).exported] : [];
  const absent = offered.filter((name) => !declared.has(name) && !imported.has(name));
  const from = `"./${(job.given ?? "").replace(/\.ts$/, "")}"`;
  const head = absent.length ? `import { ${absent.join(", ")} } from ${from}; ` : "";
  const hidden = job.wanted.filter((name) => declared.has(name) && !exported.has(name));
  return `${head}${text}\n${hidden.length ? `export { ${hidden.join(", ")} };\n` : ""}`;
}

function told(one) {
  const where = one.file && ts.getLineAndCharacterOfPosition(one.file, one.start ?? 0);
  const message = ts.flattenDiagnosticMessageText(one.messageText, " ").slice(0, 400);
  return { file: one.file?.fileName.slice(1) ?? "", line: where ? where.line + 1 : 0, code: one.code, message };
}

// Comments that silence the compiler, as the compiler itself understands them.
function directives() {
  const found = (as_written.commentDirectives ?? []).map((one) => ({
    what: "a comment that silences the compiler",
    line: ts.getLineAndCharacterOfPosition(as_written, one.range.pos).line + 1,
  }));
  if (as_written.checkJsDirective?.enabled === false) {
    found.push({ what: "a comment that silences the compiler", line: 1 });
  }
  return found;
}

// Every construct of the file that puts a type in place of a proof. `any` that was inferred is
// looked for only where everything compiles: elsewhere it stands for an error.
function forbidden(file, sound) {
  const found = [];
  const add = (what, node) =>
    found.push({ what, line: ts.getLineAndCharacterOfPosition(file, node.getStart(file)).line + 1 });
  const visit = (node) => {
    const what = construct(node);
    if (what) add(what, node);
    else if (sound && loose(node)) add("a value of type any", node);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  return found;
}

function construct(node) {
  const constant = (type) => ts.isTypeReferenceNode(type) && type.getText() === "const";
  if (ts.isAsExpression(node) || ts.isTypeAssertionExpression(node)) return constant(node.type) ? "" : "a type assertion";
  if (ts.isNonNullExpression(node)) return "a non-null assertion";
  if ((ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node)) && node.exclamationToken) return "a definite assignment assertion";
  if (node.kind === ts.SyntaxKind.AnyKeyword) return "the type any";
  if (ts.isTypePredicateNode(node)) return "a hand-written type predicate";
  if ((ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isConstructorDeclaration(node)) && !node.body) return "a function overload";
  if (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((one) => one.kind === ts.SyntaxKind.DeclareKeyword)) return "a declare statement";
  return "";
}

function loose(node) {
  if (!ts.isExpression(node) || ts.isArrayLiteralExpression(node) || literal(node) || names_something(node)) return false;
  const type = checker.getTypeAtLocation(node);
  if (type.flags & ts.TypeFlags.Any) return true;
  return handed_on(node) && checker.isArrayLikeType(type) && checker.getTypeArguments(type).some((one) => one.flags & ts.TypeFlags.Any);
}

// Literals are also parts of types and of imports, where they have no value.
function literal(node) {
  return ts.isLiteralExpression(node) || node.kind === ts.SyntaxKind.NullKeyword;
}

// An identifier that is a name in a declaration, an import or a property, or is being assigned to.
function names_something(node) {
  const parent = node.parent;
  if (ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken && parent.left === node) return true;
  if (!ts.isIdentifier(node)) return false;
  return parent.name === node || parent.propertyName === node || parent.label === node
    || ts.isExportSpecifier(parent) || ts.isImportSpecifier(parent) || ts.isTypeNode(parent)
    || ts.isExpressionWithTypeArguments(parent) || ts.isQualifiedName(parent);
}

// Whether a value leaves its place with the type that it has there: only then does any[] matter,
// since an empty array has it for a moment.
function handed_on(node) {
  const parent = node.parent;
  return (ts.isVariableDeclaration(parent) && parent.initializer === node) || ts.isReturnStatement(parent)
    || (ts.isCallExpression(parent) && parent.arguments.includes(node))
    || (ts.isBinaryExpression(parent) && parent.right === node);
}
