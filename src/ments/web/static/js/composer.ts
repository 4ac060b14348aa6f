// The composer with a script: files by picker, drop and paste, posted together with the words.
import htmx from "htmx.org";
import { ask } from "./ask";
import { AttachmentRow } from "./attachment-row";
import { countCharacters } from "./form";
import { change, listKept } from "./kept";
import { icon, make } from "./page";
import { clearPoll, readPoll } from "./poll-draft";
import { toast } from "./toast";
import "./tray";
import type { Upload } from "./upload";
import { dropUpload, markPosted, resumeUpload, retryUpload, startUpload } from "./uploads";

const DRAFT = "ments-draft";
const MOST_CHARACTERS = 500;

interface Standing {
  id: string;
  alt: string;
  element: HTMLElement;
}

class Composer {
  private readonly words: HTMLTextAreaElement;
  private readonly list: HTMLElement;
  private readonly picker: HTMLInputElement;
  private readonly most: number;
  private readonly instead: string | undefined;
  private rows: AttachmentRow[] = [];
  private standing: Standing[] = []; // attachments that a waiting post has already
  private replacing: AttachmentRow | null = null;
  private sentBody = "";
  private key = "";

  constructor(readonly form: HTMLFormElement) {
    this.words = form.querySelector("textarea.words")!;
    this.list = form.querySelector("[data-attachments]")!;
    this.picker = form.querySelector("[data-picker]")!;
    this.most = Number(form.dataset["most"] ?? 4);
    this.instead = form.dataset["instead"];
    form.querySelector<HTMLElement>("[data-tools]")!.hidden = false;
    for (const button of form.querySelectorAll<HTMLElement>("[data-pick]"))
      button.addEventListener("click", () => this.pick(button.dataset["pick"] ?? ""));
    this.picker.addEventListener("change", () => {
      this.add([...(this.picker.files ?? [])]);
      this.picker.value = "";
    });
    this.words.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      this.add(files);
    });
    this.takeDrops();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.post();
    });
    this.readStanding();
    if (!this.instead) void this.bringBack();
  }

  private pick(accept: string, instead: AttachmentRow | null = null): void {
    this.replacing = instead;
    this.picker.accept = accept;
    this.picker.multiple = instead === null;
    this.picker.click();
  }

  private takeDrops(): void {
    const { form } = this;
    const holdsFiles = (event: DragEvent) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    form.addEventListener("dragover", (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      form.classList.add("dragging");
    });
    form.addEventListener("dragleave", (event) => {
      if (!form.contains(event.relatedTarget as Node | null)) form.classList.remove("dragging");
    });
    form.addEventListener("drop", (event) => {
      form.classList.remove("dragging");
      if (!holdsFiles(event)) return;
      event.preventDefault();
      this.add([...(event.dataTransfer?.files ?? [])]);
    });
  }

  private add(files: File[]): void {
    this.say("");
    const instead = this.replacing;
    this.replacing = null;
    if (instead && files.length) this.remove(instead);
    const room = this.most - this.rows.length - this.standing.length;
    if (files.length > room) this.say(`A post holds at most ${this.most} attachments; ${room > 0 ? `the first ${room} were added` : "nothing was added"}.`);
    for (const file of files.slice(0, Math.max(0, room))) {
      if (file.size === 0) this.say(`${file.name} is empty.`);
      else this.show(startUpload(file));
    }
  }

  private show(upload: Upload): void {
    const row: AttachmentRow = new AttachmentRow(
      upload,
      {
        retry: () => retryUpload(upload),
        another: () => this.pick("image/*,video/*,audio/*", row),
        remove: () => this.remove(row),
        described: (alt) => void (upload.id && change(upload.id, { alt })),
      },
      this.rows.length === 0,
    );
    this.rows.push(row);
    this.list.append(row.element);
  }

  private remove(row: AttachmentRow): void {
    this.rows = this.rows.filter((one) => one !== row);
    row.close();
    dropUpload(row.upload);
    this.words.focus();
  }

  private readStanding(): void {
    for (const mark of [...this.list.querySelectorAll<HTMLElement>("[data-kept]")]) {
      const { kept = "", keptName = "", keptAlt = "", keptThumb = "" } = mark.dataset;
      const remove = make("button", { class: "icon-button small remove", type: "button", "aria-label": `Remove ${keptName}` }, icon("close"));
      const thumb = make("div", { class: "thumb" }, ...(keptThumb ? [make("img", { src: keptThumb, alt: "" })] : [icon("photo")]));
      const element = make("div", { class: "attachment" }, thumb, make("div", { class: "body" }, make("p", { class: "file" }, make("strong", {}, keptName)), make("p", { class: "says" }, "Kept.")), remove);
      const standing = { id: kept, alt: keptAlt, element };
      remove.addEventListener("click", () => {
        this.standing = this.standing.filter((one) => one !== standing);
        element.remove();
      });
      this.standing.push(standing);
      mark.replaceWith(element);
    }
  }

  // Words and files that an earlier page left unposted.
  private async bringBack(): Promise<void> {
    try {
      if (!this.words.value) this.words.value = localStorage.getItem(DRAFT) ?? "";
      this.words.dispatchEvent(new Event("input"));
      this.words.addEventListener("input", () => localStorage.setItem(DRAFT, this.words.value));
    } catch {
      // No storage: the words live as long as the page.
    }
    for (const kept of await listKept()) {
      if (kept.posted || this.rows.length >= this.most) continue;
      const upload = await resumeUpload(kept);
      if (upload) this.show(upload);
    }
  }

  private async post(): Promise<void> {
    const button = this.form.querySelector<HTMLButtonElement>("button[type=submit]")!;
    if (button.getAttribute("aria-busy")) return;
    this.say("");
    const uploads = this.rows.map((row) => row.upload);
    if (!this.words.value.trim() && !uploads.length && !this.standing.length) return this.say("Write something, or attach a photo or video.", true);
    const over = countCharacters(this.words.value) - MOST_CHARACTERS;
    if (over > 0) return this.say(`A post has at most ${MOST_CHARACTERS} characters; this one has ${over} too many.`, true);
    if (uploads.some((upload) => upload.stage === "refused")) return this.say("One file can’t be posted. Choose another or remove it, then post.");
    if (uploads.some((upload) => upload.stage === "stopped" && !upload.mediaId)) return this.say("One file stopped. Retry it or remove it, then post.");
    button.setAttribute("aria-busy", "true");
    try {
      await Promise.all(uploads.map(hasId));
      await this.send(uploads);
      this.posted(uploads);
    } catch (error) {
      this.say((error as Error).message);
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  private async send(uploads: Upload[]): Promise<void> {
    const data = new FormData(this.form);
    const media = [...this.standing.map(({ id, alt }) => ({ id, alt_text: alt })), ...uploads.map((upload) => ({ id: upload.mediaId, alt_text: upload.alt }))];
    const what = { content: this.words.value, media_ids: media.map((one) => one.id), media };
    if (this.instead) return void (await ask("PATCH", `/api/posts/${this.instead}`, what));
    const body = { ...what, poll: readPoll(this.form), environment_id: data.get("environment_id") || null, visibility: data.get("visibility") ?? "public" };
    // The same words sent twice (the answer was lost) make one post; other words are another post.
    const text = JSON.stringify(body);
    if (text !== this.sentBody) [this.sentBody, this.key] = [text, randomKey()];
    await ask("POST", "/api/posts", body, { "Idempotency-Key": this.key });
  }

  private posted(uploads: Upload[]): void {
    for (const upload of uploads) markPosted(upload);
    try {
      localStorage.removeItem(DRAFT);
    } catch {
      // nothing was kept
    }
    this.words.value = "";
    clearPoll(this.form);
    const waits = uploads.filter((upload) => upload.stage !== "playable").length;
    toast(waits ? "Posted. It appears for everyone when it can be played." : "Posted.");
    void htmx.ajax("GET", "/", { target: "#page", swap: "outerHTML", push: "true" } as object);
  }

  private say(text: string, focus = false): void {
    const notice = this.form.querySelector<HTMLElement>("[data-problem]")!;
    notice.hidden = text === "";
    notice.querySelector("p")!.textContent = text;
    if (focus) this.words.focus();
  }
}

// A post names its media, which have an id from the moment the upload is allowed.
function hasId(upload: Upload): Promise<void> {
  if (upload.mediaId) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const look = () => {
      if (upload.mediaId) resolve();
      else if (upload.stage === "stopped" || upload.stage === "refused") reject(new Error("One file stopped. Retry it or remove it, then post."));
      else return;
      upload.removeEventListener("change", look);
    };
    upload.addEventListener("change", look);
    look();
  });
}

function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function openComposer(form: HTMLFormElement): void {
  new Composer(form);
}
