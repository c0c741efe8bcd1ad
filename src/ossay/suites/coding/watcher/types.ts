export type LeafSource = "hand" | "drop" | "live" | "scan" | "resume";

export interface Leaf {
  id: string;
  binderId: string;
  path: string;
  name: string;
  suffix: string;
  size: number;
  source: LeafSource;
  addedAt: number;
  missing: boolean;
  pinned: boolean;
  tags: string[];
}

/** A folder on disk that the app keeps an eye on. */
export interface Binder {
  id: string;
  title: string;
  root: string;
  paused: boolean;
  attachedAt: number;
  colour: string;
}

export interface FolderEvent {
  kind: "created" | "changed" | "deleted" | "renamed";
  root: string;
  path: string;
  /** Where it was before; only with "renamed". */
  from?: string;
  size?: number;
}

export interface FoundFile {
  path: string;
  size: number;
}

export type NoticeLevel = "info" | "warning" | "error";

export interface Notice {
  id: number;
  level: NoticeLevel;
  text: string;
  binderId: string | null;
  at: number;
}

export interface Settings {
  /** Ends of file names, such as ".tmp". Letter case does not matter. */
  ignoredSuffixes: string[];
  /** Names of folders, at any depth below a binder's root. */
  ignoredFolders: string[];
  /** Beginnings of file names, such as "~$". */
  ignoredPrefixes: string[];
  largestFile: number;
  batchDelay: number;
  quiet: boolean;
  sortBy: "name" | "addedAt" | "size";
}
