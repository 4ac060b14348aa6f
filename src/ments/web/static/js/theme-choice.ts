import { enhance } from "./page";

enhance("[data-theme-choice]", (group) => {
  group.hidden = false;
  const buttons = [...group.querySelectorAll<HTMLButtonElement>("[data-set-theme]")];
  const show = () => {
    const now = document.documentElement.dataset["theme"] ?? "";
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset["setTheme"] === now));
  };
  for (const button of buttons)
    button.addEventListener("click", () => {
      const theme = button.dataset["setTheme"] ?? "";
      if (theme) document.documentElement.dataset["theme"] = theme;
      else delete document.documentElement.dataset["theme"];
      try {
        if (theme) localStorage.setItem("theme", theme);
        else localStorage.removeItem("theme");
      } catch {
        // Not kept for the next page, then; this one has it.
      }
      show();
    });
  show();
});
