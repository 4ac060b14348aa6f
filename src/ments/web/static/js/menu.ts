// <details> menus: one open at a time, closed by Escape, by a click elsewhere and by choosing.
import { hit } from "./page";

const open = () => document.querySelectorAll<HTMLDetailsElement>("details.menu-of[open], details.alt[open]");

document.addEventListener("click", (event) => {
  const inside = hit(event, "details.menu-of, details.alt");
  const chosen = hit(event, ".menu a, .menu button:not([data-set-theme])");
  for (const menu of open()) if (menu !== inside || chosen) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of open()) {
    const had = menu.contains(document.activeElement);
    menu.open = false;
    if (had) menu.querySelector("summary")?.focus();
  }
});
