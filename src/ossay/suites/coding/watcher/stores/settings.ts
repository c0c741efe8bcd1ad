import { reactive } from "vue";
import { desk } from "../platform/bridge";
import type { Settings } from "../types";

const DEFAULTS: Settings = {
  ignoredSuffixes: [".tmp", ".part"],
  ignoredFolders: ["node_modules", ".cache"],
  ignoredPrefixes: ["~$", "._"],
  largestFile: 50_000_000,
  batchDelay: 400,
  quiet: false,
  sortBy: "name",
};

export const settings: Settings = reactive({ ...DEFAULTS, ...desk.loadSettings() });

export function updateSettings(changes: Partial<Settings>): void {
  Object.assign(settings, changes);
  for (const list of [settings.ignoredSuffixes, settings.ignoredFolders, settings.ignoredPrefixes]) {
    tidy(list);
  }
  desk.saveSettings({ ...settings });
}

export function resetSettings(): void {
  updateSettings(structuredClone(DEFAULTS));
}

/** Without empty and repeated entries, in place, so that whoever holds the list sees it. */
function tidy(list: string[]): void {
  const kept = [...new Set(list.map((entry) => entry.trim()).filter(Boolean))];
  list.splice(0, list.length, ...kept);
}
