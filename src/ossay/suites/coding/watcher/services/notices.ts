import { reactive } from "vue";
import { desk } from "../platform/bridge";
import { settings } from "../stores/settings";
import type { Notice, NoticeLevel } from "../types";

const MOST_KEPT = 200;

const state = reactive({ notices: [] as Notice[], next: 1 });

/**
 * Tell the user something: kept in the panel, and shown by the system unless the user wants quiet.
 * Errors are shown in any case.
 */
export function notify(level: NoticeLevel, text: string, binderId: string | null = null): Notice {
  const notice: Notice = { id: state.next, level, text, binderId, at: desk.now() };
  state.next += 1;
  state.notices.unshift(notice);
  if (state.notices.length > MOST_KEPT) state.notices.length = MOST_KEPT;
  if (!settings.quiet || level === "error") desk.showNotice(level, text);
  return notice;
}

export function dismiss(id: number): void {
  const at = state.notices.findIndex((notice) => notice.id === id);
  if (at >= 0) state.notices.splice(at, 1);
}

export function dismissAll(binderId?: string): void {
  state.notices = state.notices.filter((notice) => binderId !== undefined && notice.binderId !== binderId);
}

export function noticesFor(binderId: string): Notice[] {
  return state.notices.filter((notice) => notice.binderId === binderId);
}

export function allNotices(): readonly Notice[] {
  return state.notices;
}
