// Uploads that a closed tab left behind go on by themselves; the part that does it is loaded only if there are any.
export const KEPT_MARK = "ments-kept-uploads";

export async function resumeKept(): Promise<void> {
  let some = false;
  try {
    some = localStorage.getItem(KEPT_MARK) !== null;
  } catch {
    return; // no storage, so nothing was kept
  }
  if (some && document.querySelector(".signed-in")) (await import("./kept-resume")).resumeAll();
}
