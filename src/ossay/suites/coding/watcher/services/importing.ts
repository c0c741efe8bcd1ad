import { desk } from "../platform/bridge";
import { addLeaves } from "../stores/leaves";
import type { Binder, FoundFile, Leaf } from "../types";
import { ignoredByAny } from "./ignoring";
import { notify } from "./notices";
import { baseName, isInside } from "./paths";

/** Let the user choose files of a binder's folder. */
export async function addByHand(binder: Binder): Promise<Leaf[]> {
  const chosen = await desk.chooseFiles(binder.root);
  const wanted: FoundFile[] = [];
  for (const file of chosen) {
    const entry = ignoredByAny(file.path, binder.root);
    if (entry === null) {
      wanted.push(file);
    } else {
      notify("warning", `${baseName(file.path)} falls under "${entry}" and was left out`, binder.id);
    }
  }
  return addLeaves(binder, wanted, "hand");
}

/** Files dropped on a binder are meant, whatever the lists say; they must lie in its folder. */
export function addByDrop(binder: Binder, files: FoundFile[]): Leaf[] {
  const inside = files.filter((file) => isInside(file.path, binder.root));
  if (inside.length < files.length) {
    notify("error", `Only files below ${binder.root} can be dropped on ${binder.title}`, binder.id);
  }
  return addLeaves(binder, inside, "drop");
}
