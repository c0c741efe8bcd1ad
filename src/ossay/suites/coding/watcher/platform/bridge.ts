import type { Binder, FolderEvent, FoundFile, Leaf, NoticeLevel, Settings } from "../types";

/** What the main process offers to this window. */
interface Desk {
  onFolderEvent(listener: (event: FolderEvent) => void): void;
  watchFolder(root: string): void;
  unwatchFolder(root: string): void;
  listFolder(root: string): Promise<FoundFile[]>;
  chooseFiles(root: string): Promise<FoundFile[]>;
  loadSettings(): Partial<Settings>;
  saveSettings(settings: Settings): void;
  loadIndex(): { binders: Binder[]; leaves: Leaf[] };
  saveIndex(index: { binders: Binder[]; leaves: Leaf[] }): void;
  showNotice(level: NoticeLevel, text: string): void;
  revealInFolder(path: string): void;
  now(): number;
}

declare global {
  interface Window {
    desk: Desk;
  }
}

export const desk: Desk = window.desk;
