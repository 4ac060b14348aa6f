// Small helps in forms: characters left, a password shown, small letters, a submit that is not sent twice.
import { enhance, hit, icon } from "./page";

const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" });

// What a reader calls a character, as the server counts.
export function countCharacters(text: string): number {
  let n = 0;
  for (const _ of segments.segment(text.trim())) n += 1;
  return n;
}

enhance("textarea[data-most]", (element) => {
  const area = element as HTMLTextAreaElement;
  const left = area.form?.querySelector<HTMLElement>("[data-left]");
  if (!left) return;
  const most = Number(area.dataset["most"]);
  const show = () => {
    const n = most - countCharacters(area.value);
    left.hidden = area.value === "";
    left.textContent = n >= 0 ? `${n} left` : `${-n} too many`;
    left.classList.toggle("over", n < 0);
    area.setAttribute("aria-invalid", String(n < 0));
  };
  area.addEventListener("input", show);
  show();
});

document.addEventListener("keydown", (event) => {
  // Ctrl or Cmd with Enter sends, as in every composer.
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const area = hit(event, "textarea[data-most]") as HTMLTextAreaElement | null;
  area?.form?.requestSubmit();
});

enhance("[data-reveal]", (button) => {
  button.hidden = false;
  const input = document.getElementById(button.dataset["reveal"] ?? "") as HTMLInputElement | null;
  button.addEventListener("click", () => {
    if (!input) return;
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("aria-label", shown ? "Hide the password" : "Show the password");
    button.replaceChildren(icon(shown ? "eye-off" : "eye"));
  });
});

enhance("input[data-lower]", (element) => {
  const input = element as HTMLInputElement;
  input.addEventListener("input", () => {
    const low = input.value.toLowerCase();
    if (low !== input.value) input.value = low;
  });
});

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const form = event.target as HTMLFormElement;
  if (form.dataset["sent"] === "yes") return event.preventDefault();
  form.dataset["sent"] = "yes";
  (event as SubmitEvent).submitter?.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-sent]")) delete form.dataset["sent"];
  for (const busy of document.querySelectorAll("button[aria-busy]")) busy.removeAttribute("aria-busy");
});

// What went wrong is where the reader starts.
enhance(".input[aria-invalid=true]", (input) => {
  if (input === document.querySelector(".input[aria-invalid=true]")) input.focus();
});
