// Buttons that show an icon alone; their label says what they do now.
import { icon, make } from "./page";

export function button(name: string, label: string): HTMLButtonElement {
  const made = make("button", { class: "icon-button", type: "button", "aria-label": label }, icon(name));
  made.dataset["shows"] = name;
  return made;
}

export function dress(element: HTMLButtonElement, name: string, label: string): void {
  if (element.dataset["shows"] === name) return;
  element.dataset["shows"] = name;
  element.setAttribute("aria-label", label);
  element.replaceChildren(icon(name));
}
