import { settings } from "../stores/settings";
import { baseName, foldersBetween } from "./paths";

/**
 * The lists of things to ignore, as the settings have them now. Each function returns the entry
 * that a path falls under, or null.
 */

export function ignoredSuffix(path: string): string | null {
  const name = baseName(path).toLowerCase();
  return settings.ignoredSuffixes.find((entry) => name.endsWith(entry.toLowerCase())) ?? null;
}

export function ignoredFolder(path: string, root: string): string | null {
  const between = foldersBetween(root, path);
  return settings.ignoredFolders.find((entry) => between.includes(entry)) ?? null;
}

export function ignoredPrefix(path: string): string | null {
  const name = baseName(path);
  return settings.ignoredPrefixes.find((entry) => name.startsWith(entry)) ?? null;
}

/** All three lists at once, for what a person adds: the first entry that a path falls under. */
export function ignoredByAny(path: string, root: string): string | null {
  return ignoredSuffix(path) ?? ignoredFolder(path, root) ?? ignoredPrefix(path);
}
