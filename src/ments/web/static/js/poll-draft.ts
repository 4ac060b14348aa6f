// The composer's poll: two lines to begin with, more by a button; read as the API takes it.
import { enhance } from "./page";

const FIRST = 2;

const lines = (form: HTMLFormElement) => [...form.querySelectorAll<HTMLInputElement>("input[name=poll_option]")];
const isAsked = (form: HTMLFormElement) => form.querySelector<HTMLInputElement>("[data-poll]")?.checked === true;

enhance("[data-poll-draft]", (draft) => {
  const form = draft.closest("form")!;
  const more = draft.querySelector<HTMLButtonElement>("[data-poll-more]")!;
  const show = (n: number) => {
    lines(form).forEach((line, at) => (line.hidden = at >= n && !line.value));
    more.hidden = lines(form).every((line) => !line.hidden);
  };
  show(FIRST);
  more.addEventListener("click", () => {
    const next = lines(form).find((line) => line.hidden);
    if (next) next.hidden = false;
    more.hidden = lines(form).every((line) => !line.hidden);
    next?.focus();
  });
  form.querySelector("[data-poll]")?.addEventListener("change", () => {
    if (isAsked(form)) lines(form)[0]?.focus();
  });
  // Enter goes to the next line, where a form would be sent by it.
  draft.addEventListener("keydown", (event) => {
    const at = lines(form).indexOf(event.target as HTMLInputElement);
    if (at < 0 || event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const next = lines(form)[at + 1];
    if (next?.hidden) more.click();
    else next?.focus();
  });
});

export interface Poll {
  options: string[];
  kind: string;
  ends_in_s: number;
}

export function readPoll(form: HTMLFormElement): Poll | null {
  if (!isAsked(form)) return null;
  const data = new FormData(form);
  return {
    options: lines(form).map((line) => line.value).filter((text) => text.trim() !== ""),
    kind: data.get("poll_kind") === "multiple_choice" ? "multiple_choice" : "single_choice",
    ends_in_s: Number(data.get("poll_ends")),
  };
}

export function clearPoll(form: HTMLFormElement): void {
  for (const line of lines(form)) line.value = "";
  const asked = form.querySelector<HTMLInputElement>("[data-poll]");
  if (asked) asked.checked = false;
}
