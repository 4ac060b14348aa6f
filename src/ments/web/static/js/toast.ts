import { make } from "./page";

const STAYS_MS = 6000;

// Say one thing, with at most one thing to do about it.
export function toast(says: string, action?: { label: string; href?: string; run?: () => void }): void {
  const box = document.getElementById("toasts");
  if (!box) return;
  const item = make("div", { class: "toast" }, make("span", {}, says));
  if (action?.href) item.append(make("a", { href: action.href }, action.label));
  else if (action?.run) {
    const button = make("button", { type: "button" }, action.label);
    button.addEventListener("click", () => (item.remove(), action.run?.()));
    item.append(button);
  }
  box.replaceChildren(item);
  let timer = setTimeout(() => item.remove(), STAYS_MS);
  // Who reads slowly, or is about to press the button, gets the time for it.
  item.addEventListener("pointerenter", () => clearTimeout(timer));
  item.addEventListener("focusin", () => clearTimeout(timer));
  item.addEventListener("pointerleave", () => (timer = setTimeout(() => item.remove(), STAYS_MS)));
}
