import { reactive } from "vue";
import { desk } from "../platform/bridge";
import { baseName, isInside } from "../services/paths";
import type { Binder } from "../types";

const COLOURS = ["#3b82f6", "#16a34a", "#d97706", "#db2777", "#7c3aed"];

export const binders: Binder[] = reactive([...desk.loadIndex().binders]);

export function binderById(id: string): Binder | undefined {
  return binders.find((binder) => binder.id === id);
}

export function binderAtRoot(root: string): Binder | undefined {
  return binders.find((binder) => binder.root === root);
}

/** The binder that a path belongs to: of several the one with the longest root. */
export function binderFor(path: string): Binder | undefined {
  return binders
    .filter((binder) => isInside(path, binder.root))
    .sort((one, other) => other.root.length - one.root.length)[0];
}

export function createBinder(root: string, title?: string): Binder {
  const there = binderAtRoot(root);
  if (there) return there;
  const binder: Binder = {
    id: `binder-${desk.now()}-${binders.length + 1}`,
    title: title?.trim() || baseName(root),
    root,
    paused: false,
    attachedAt: desk.now(),
    colour: COLOURS[binders.length % COLOURS.length],
  };
  binders.push(binder);
  return binder;
}

export function renameBinder(id: string, title: string): void {
  const binder = binderById(id);
  if (binder && title.trim()) binder.title = title.trim();
}

export function dropBinder(id: string): void {
  const at = binders.findIndex((binder) => binder.id === id);
  if (at >= 0) binders.splice(at, 1);
}
