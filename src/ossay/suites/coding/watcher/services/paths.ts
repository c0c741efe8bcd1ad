/** Paths arrive from the main process with forward slashes on every system. */

export function baseName(path: string): string {
  const at = path.lastIndexOf("/");
  return at < 0 ? path : path.slice(at + 1);
}

export function parentOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at <= 0 ? "/" : path.slice(0, at);
}

/** The last suffix in lower case with its dot; "" where there is none. */
export function suffixOf(path: string): string {
  const name = baseName(path);
  const at = name.lastIndexOf(".");
  return at <= 0 ? "" : name.slice(at).toLowerCase();
}

export function isInside(path: string, root: string): boolean {
  return path.startsWith(root.endsWith("/") ? root : `${root}/`);
}

/** The folders between a root and a file, outermost first. */
export function foldersBetween(root: string, path: string): string[] {
  if (!isInside(path, root)) return [];
  const inner = path.slice(root.length).split("/").filter(Boolean);
  return inner.slice(0, -1);
}

export function shortened(path: string, longest = 48): string {
  if (path.length <= longest) return path;
  const half = Math.floor((longest - 1) / 2);
  return `${path.slice(0, half)}…${path.slice(-half)}`;
}

export function readableSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
