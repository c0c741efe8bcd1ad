import { desk } from "../platform/bridge";
import { binderById, binderFor, binders, createBinder, dropBinder } from "../stores/binders";
import { addLeaves, leafAt, loseLeaf, moveLeaf, removeLeavesOf, resizeLeaf } from "../stores/leaves";
import { settings } from "../stores/settings";
import type { Binder, FolderEvent, FoundFile } from "../types";
import { notify } from "./notices";
import { parentOf } from "./paths";

/**
 * Keeps binders in step with their folders. Events of one binder are gathered for a moment, since
 * programs create, rename and delete files in bursts when they save.
 */

interface Batch {
  timer: ReturnType<typeof setTimeout>;
  created: Map<string, number>;
}

const batches = new Map<string, Batch>();
let listening = false;

export function startWatching(): void {
  if (!listening) desk.onFolderEvent(onEvent);
  listening = true;
  for (const binder of binders) {
    if (!binder.paused) desk.watchFolder(binder.root);
  }
}

/** Attach a folder: its files go into a new binder, and from then on it is watched. */
export async function attachFolder(root: string, title?: string): Promise<Binder> {
  const binder = createBinder(root, title);
  const files = await desk.listFolder(binder.root);
  const added = addLeaves(binder, files, "scan");
  desk.watchFolder(binder.root);
  notify("info", `${binder.title} is attached with ${added.length} files`, binder.id);
  return binder;
}

export function detachFolder(id: string): void {
  const binder = binderById(id);
  if (!binder) return;
  forget(id);
  desk.unwatchFolder(binder.root);
  removeLeavesOf(id);
  dropBinder(id);
}

export function pauseFolder(id: string): void {
  const binder = binderById(id);
  if (!binder || binder.paused) return;
  forget(id);
  desk.unwatchFolder(binder.root);
  binder.paused = true;
}

/** Watch a paused folder again, after taking in what came while nobody looked. */
export async function resumeFolder(id: string): Promise<void> {
  const binder = binderById(id);
  if (!binder || !binder.paused) return;
  binder.paused = false;
  const files = await desk.listFolder(binder.root);
  const fresh = files.filter((file) => !leafAt(file.path));
  addLeaves(binder, fresh, "resume");
  desk.watchFolder(binder.root);
}

function onEvent(event: FolderEvent): void {
  const binder = binderFor(event.path);
  if (!binder || binder.paused) return;
  if (event.kind === "created") {
    gather(binder, event.path, event.size ?? 0);
  } else if (event.kind === "changed") {
    changed(binder, event);
  } else if (event.kind === "deleted") {
    batches.get(binder.id)?.created.delete(event.path);
    loseLeaf(event.path);
  } else {
    renamed(binder, event);
  }
}

function changed(binder: Binder, event: FolderEvent): void {
  const batch = batches.get(binder.id);
  if (batch?.created.has(event.path)) batch.created.set(event.path, event.size ?? 0);
  else resizeLeaf(event.path, event.size ?? 0);
}

/** A file that nobody knew under its old name is a new one. */
function renamed(binder: Binder, event: FolderEvent): void {
  const from = event.from ?? "";
  batches.get(binder.id)?.created.delete(from);
  if (moveLeaf(from, event.path)) return;
  gather(binder, event.path, event.size ?? 0);
}

function gather(binder: Binder, path: string, size: number): void {
  let batch = batches.get(binder.id);
  if (!batch) {
    const timer = setTimeout(() => flush(binder.id), settings.batchDelay);
    batch = { timer, created: new Map() };
    batches.set(binder.id, batch);
  }
  batch.created.set(path, size);
}

/** Take in what was gathered for a binder. */
function flush(id: string): void {
  const batch = batches.get(id);
  const binder = binderById(id);
  batches.delete(id);
  if (!batch || !binder || binder.paused) return;
  const files: FoundFile[] = [...batch.created].map(([path, size]) => ({ path, size }));
  addLeaves(binder, files, "live");
}

function forget(id: string): void {
  const batch = batches.get(id);
  if (batch) clearTimeout(batch.timer);
  batches.delete(id);
}

/** The folders in which something was gathered that is not taken in yet, for the status line. */
export function busyFolders(): string[] {
  const paths = [...batches.values()].flatMap((batch) => [...batch.created.keys()]);
  return [...new Set(paths.map(parentOf))].sort();
}
