import { computed, reactive } from "vue";
import { desk } from "../platform/bridge";
import { baseName, suffixOf } from "../services/paths";
import type { Binder, FoundFile, Leaf, LeafSource } from "../types";
import { binders } from "./binders";
import { settings } from "./settings";

const state = reactive({ leaves: [...desk.loadIndex().leaves] as Leaf[], next: 1 });

export const leafCount = computed(() => state.leaves.length);

export function leavesOf(binderId: string): Leaf[] {
  const own = state.leaves.filter((leaf) => leaf.binderId === binderId);
  return own.sort((one, other) => {
    if (one.pinned !== other.pinned) return one.pinned ? -1 : 1;
    if (settings.sortBy === "name") return one.name.localeCompare(other.name);
    return other[settings.sortBy] - one[settings.sortBy];
  });
}

export function leafAt(path: string): Leaf | undefined {
  return state.leaves.find((leaf) => leaf.path === path);
}

/**
 * Put files into a binder and return what was new. Files that are there already only lose their
 * mark of being missing. What is larger than the settings allow is left out.
 */
export function addLeaves(binder: Binder, files: FoundFile[], source: LeafSource): Leaf[] {
  const added: Leaf[] = [];
  for (const file of files) {
    const known = leafAt(file.path);
    if (known) {
      known.missing = false;
      continue;
    }
    if (file.size > settings.largestFile) continue;
    const leaf = made(binder, file, source);
    state.leaves.push(leaf);
    added.push(leaf);
  }
  save();
  return added;
}

function made(binder: Binder, file: FoundFile, source: LeafSource): Leaf {
  const id = `leaf-${desk.now()}-${state.next}`;
  state.next += 1;
  return {
    id,
    binderId: binder.id,
    path: file.path,
    name: baseName(file.path),
    suffix: suffixOf(file.path),
    size: file.size,
    source,
    addedAt: desk.now(),
    missing: false,
    pinned: false,
    tags: [],
  };
}

export function moveLeaf(from: string, to: string): boolean {
  const leaf = leafAt(from);
  if (!leaf) return false;
  leaf.path = to;
  leaf.name = baseName(to);
  leaf.suffix = suffixOf(to);
  save();
  return true;
}

export function resizeLeaf(path: string, size: number): void {
  const leaf = leafAt(path);
  if (!leaf) return;
  leaf.size = size;
  leaf.missing = false;
  save();
}

/** A file is gone from disk: a pinned leaf stays, marked; any other goes. */
export function loseLeaf(path: string): void {
  const leaf = leafAt(path);
  if (!leaf) return;
  if (leaf.pinned) leaf.missing = true;
  else state.leaves.splice(state.leaves.indexOf(leaf), 1);
  save();
}

export function removeLeaf(id: string): void {
  const at = state.leaves.findIndex((leaf) => leaf.id === id);
  if (at >= 0) state.leaves.splice(at, 1);
  save();
}

export function removeLeavesOf(binderId: string): void {
  state.leaves = state.leaves.filter((leaf) => leaf.binderId !== binderId);
  save();
}

export function togglePin(id: string): void {
  const leaf = state.leaves.find((one) => one.id === id);
  if (leaf) leaf.pinned = !leaf.pinned;
  save();
}

export function tagLeaf(id: string, tag: string): void {
  const leaf = state.leaves.find((one) => one.id === id);
  const word = tag.trim().toLowerCase();
  if (leaf && word && !leaf.tags.includes(word)) leaf.tags.push(word);
  save();
}

function save(): void {
  desk.saveIndex({ binders: [...binders], leaves: [...state.leaves] });
}
