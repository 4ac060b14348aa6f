// The captions of one's own video: which languages it has, a file for another, and one taken away.
import { AskError, ask } from "./ask";
import { icon, make } from "./page";

interface Present {
  language: string;
  label: string;
}

const LANGUAGES = "ar bg bn ca cs da de el en en-GB es es-419 et eu fa fi fr he hi hr hu id it ja ko lt lv ms nl no pl pt pt-BR ro ru sk sl sr sv sw ta th tr uk ur vi zh-Hans zh-Hant".split(" ");
const CAPTIONS_MAX_BYTES = 1_000_000;

// As its own speakers call it, with a capital.
function ownName(tag: string): string {
  const name = new Intl.DisplayNames([tag], { type: "language" }).of(tag) ?? tag;
  return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
}

export function openCaptions(opener: HTMLElement): void {
  const id = opener.dataset["captions"] ?? "";
  const address = `/api/media/${id}/captions`;
  const list = make("ul", { class: "caption-list" });
  const problem = make("p", { class: "field-error", role: "alert", id: "captions-problem" });
  const news = make("p", { class: "unseen", role: "status" });
  const language = make("select", { class: "input", id: "captions-language" });
  const spoken = navigator.language.split("-")[0] ?? "en";
  for (const tag of LANGUAGES) {
    const option = make("option", { value: tag }, ownName(tag));
    option.selected = tag === spoken;
    language.append(option);
  }
  const file = make("input", { class: "input", type: "file", id: "captions-file", accept: ".vtt,.srt,text/vtt,application/x-subrip", "aria-describedby": "captions-problem" });
  const add = make("button", { class: "button ink", type: "submit" }, "Add");
  const done = make("button", { class: "button line", type: "button" }, "Done");
  const form = make(
    "form",
    { class: "caption-form" },
    make("div", { class: "field" }, make("label", { for: "captions-language" }, "Language"), language),
    make("div", { class: "field" }, make("label", { for: "captions-file" }, "WebVTT or SubRip file"), file, problem),
    news,
    make("div", { class: "buttons" }, done, add),
  );
  const dialog = make("dialog", { class: "dialog captions-dialog", "aria-labelledby": "captions-title" }, make("h2", { id: "captions-title" }, "Captions"), list, form);

  const say = (words: string) => {
    // As told by the server, with the page's apostrophes.
    problem.replaceChildren(...(words ? [icon("warn"), make("span", {}, words.replace(/'/g, "’"))] : []));
    file.setAttribute("aria-invalid", String(words !== ""));
  };
  const attempt = async (work: () => Promise<unknown>) => {
    add.disabled = true;
    say("");
    try {
      await work();
      document.querySelector(`.player[data-media="${id}"]`)?.dispatchEvent(new Event("media-changed"));
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      say(error.message);
    } finally {
      add.disabled = false;
    }
    await read();
  };
  const read = async () => {
    try {
      draw(await ask<Present[]>("GET", address));
    } catch (error) {
      say((error as Error).message);
    }
  };
  const draw = (present: Present[]) => {
    list.replaceChildren(
      ...present.map((one) => {
        const remove = make("button", { class: "icon-button small", type: "button", "aria-label": `Remove ${one.label}` }, icon("close"));
        remove.addEventListener("click", () =>
          attempt(async () => {
            await ask("DELETE", `${address}/${one.language}`);
            news.textContent = `Captions removed: ${one.label}.`;
            file.focus();
          }),
        );
        return make("li", {}, icon("captions"), make("span", {}, one.label), remove);
      }),
    );
    if (!present.length) list.append(make("li", { class: "meta" }, "None yet. They help who can’t hear, and who watches without sound."));
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = file.files?.[0];
    if (!chosen) return say("Choose a file first: WebVTT (.vtt) or SubRip (.srt).");
    if (chosen.size > CAPTIONS_MAX_BYTES) return say("Captions may have up to 1 MB; this file is larger.");
    void attempt(async () => {
      const query = new URLSearchParams({ language: language.value, label: ownName(language.value) });
      await ask("POST", `${address}?${query}`, chosen);
      news.textContent = `Captions added: ${ownName(language.value)}.`;
      form.reset();
    });
  });
  done.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (click) => click.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    opener.closest("details")?.querySelector("summary")?.focus();
  });
  void read();
  document.body.append(dialog);
  dialog.showModal();
  language.focus();
}
