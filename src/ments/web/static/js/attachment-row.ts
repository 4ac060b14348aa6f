// One attachment in the composer: picture, name, how far, how long, and what to do when it stopped.
import { clockTime } from "./clock";
import { countCharacters } from "./form";
import { icon, make } from "./page";
import { clock } from "./scrubber";
import { fileSize, megabytes, timeLeft } from "./size";
import type { Upload } from "./upload";

const ALT_MOST = 1000;

export interface RowActions {
  retry(): void;
  another(): void;
  remove(): void;
  described(text: string): void;
}

export class AttachmentRow {
  readonly element: HTMLElement;
  private readonly over = make("div", { class: "over" });
  private readonly title: HTMLElement;
  private readonly bar = make("div", { class: "bar", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, make("i"));
  private readonly sizes = make("div", { class: "sizes" });
  private readonly says = make("p", { class: "says" });
  private readonly also = make("p", { class: "says" });
  private readonly buttons = make("div", { class: "buttons" });
  private readonly spoken = make("span", { class: "unseen", "aria-live": "polite" });
  private quarter = -1;
  private preview = "";

  constructor(
    readonly upload: Upload,
    private readonly actions: RowActions,
    openDescription: boolean,
  ) {
    const { file } = upload;
    const remove = make("button", { class: "icon-button small remove", type: "button", "aria-label": `Remove ${file.name}` }, icon("close"));
    remove.addEventListener("click", () => actions.remove());
    this.title = make("p", { class: "file" }, make("strong", {}, file.name), ` · ${fileSize(file.size)}`);
    this.bar.setAttribute("aria-label", `Progress of ${file.name}`);
    const thumb = make("div", { class: "thumb" });
    this.showPreview(thumb);
    thumb.append(this.over);
    this.element = make(
      "div",
      { class: "attachment" },
      thumb,
      make("div", { class: "body" }, this.title, this.bar, this.sizes, this.says, this.also, this.buttons, this.spoken),
      remove,
    );
    this.element.append(...this.description(openDescription));
    upload.addEventListener("change", () => this.draw());
    this.draw();
  }

  close(): void {
    if (this.preview) URL.revokeObjectURL(this.preview);
    this.element.remove();
  }

  private showPreview(thumb: HTMLElement): void {
    const { file } = this.upload;
    const isPhoto = file.type.startsWith("image/");
    if (!isPhoto && !file.type.startsWith("video/")) return void thumb.append(icon("sound"));
    this.preview = URL.createObjectURL(file);
    const picture = isPhoto
      ? make("img", { alt: "", src: this.preview })
      : make("video", { muted: "", playsinline: "", preload: "metadata", src: `${this.preview}#t=0.1`, "aria-hidden": "true" });
    // Some phones' formats can't be drawn here; the server can, and the plain tile will do until then.
    picture.addEventListener("error", () => picture.remove());
    thumb.append(picture);
  }

  private description(open: boolean): HTMLElement[] {
    const { file } = this.upload;
    if (file.type.startsWith("audio/")) return [];
    const id = `alt-${Math.random().toString(36).slice(2)}`;
    const area = make("textarea", { class: "input", id, rows: "2", maxlength: "4000", dir: "auto" });
    area.value = this.upload.alt;
    const left = make("span", { class: "num" });
    const count = () => {
      const n = countCharacters(area.value);
      left.textContent = `${n} / ${ALT_MOST.toLocaleString("en")}`;
      area.setAttribute("aria-invalid", String(n > ALT_MOST));
      this.upload.alt = area.value.trim();
      this.actions.described(this.upload.alt);
    };
    area.addEventListener("input", count);
    const verb = file.type.startsWith("video/") ? "Say what happens, skip “video of”." : "Say what is seen, skip “photo of”.";
    const box = make(
      "div",
      { class: "describe" },
      make("label", { for: id }, `Describe ${file.name} for people who can’t see it`),
      area,
      make("div", { class: "foot" }, make("span", {}, `One or two sentences. ${verb}`), left),
    );
    count();
    if (open || this.upload.alt) return [box];
    const show = make("button", { class: "link add-alt reach", type: "button" }, "Describe it");
    box.hidden = true;
    show.addEventListener("click", () => {
      show.remove();
      box.hidden = false;
      area.focus();
    });
    this.element?.querySelector(".body")?.append(show);
    queueMicrotask(() => this.element.querySelector(".body")?.append(show));
    return [box];
  }

  private draw(): void {
    const { upload } = this;
    const failed = upload.stage === "stopped" || upload.stage === "refused";
    this.element.classList.toggle("failed", failed);
    // What can't be posted needs no description.
    this.element.classList.toggle("refused", upload.stage === "refused");
    this.bar.hidden = failed || upload.stage === "playable";
    this.says.classList.toggle("bad", failed);
    this.also.textContent = "";
    this.sizes.replaceChildren();
    this.buttons.replaceChildren();
    const done = upload.isMoving ? upload.sent / Math.max(1, upload.file.size) : upload.stage === "processing" ? upload.progress : 1;
    (this.bar.firstElementChild as HTMLElement).style.setProperty("--done", String(done));
    this.over.replaceChildren();
    if (upload.stage === "stopped") this.drawStopped();
    else if (upload.stage === "refused") this.drawRefused();
    else if (upload.stage === "playable") {
      this.drawSizes();
      if (upload.lengthS) this.title.lastChild!.textContent = ` · ${clock(upload.lengthS)}`;
    } else {
      if (upload.isMoving) this.drawMoving(done);
      else this.drawWorking(done);
      this.also.textContent = "You can post now. It goes out when this finishes.";
    }
    this.speak(done);
  }

  private drawMoving(done: number): void {
    const { upload } = this;
    this.over.textContent = `${Math.floor(done * 100)}%`;
    const of = `${megabytes(upload.sent)} of ${megabytes(upload.file.size)} MB`;
    const speed = upload.speed ? `${megabytes(upload.speed)} MB/s` : "";
    const left = upload.speed ? timeLeft(upload.secondsLeft) : "";
    this.says.textContent = upload.stage === "asking" ? "Starting" : ["Uploading", of, speed, left].filter(Boolean).join(" · ");
  }

  private drawWorking(done: number): void {
    const { stage } = this.upload;
    if (stage === "processing") this.over.textContent = `${Math.floor(done * 100)}%`;
    this.says.textContent =
      stage === "processing" ? `Preparing · ${Math.floor(done * 100)}%` : stage === "queued" ? "Arrived · waiting its turn, usually less than a minute" : "Arrived · being checked";
  }

  // One line for each size of a film that plays already.
  private drawSizes(): void {
    const { sizes, restS } = this.upload;
    if (sizes.length < 2) {
      this.says.textContent = "Ready.";
      return;
    }
    this.sizes.append(
      ...sizes.map(({ name, progress }) => {
        const percent = Math.floor(progress * 100);
        const bar = make("div", { class: "bar", role: "progressbar", "aria-label": name, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(Math.floor(percent / 25) * 25) }, make("i"));
        (bar.firstElementChild as HTMLElement).style.setProperty("--done", String(progress));
        const says = progress >= 1 ? `${name} ready` : progress > 0 ? `${name}, ${percent}%` : name;
        return make("div", { class: progress >= 1 ? "whole" : "" }, bar, make("span", {}, says));
      }),
    );
    const plays = sizes.filter((size) => size.progress >= 1).at(-1)?.name ?? sizes[0]?.name;
    const rest = restS ? `, ${timeLeft(restS).replace(" left", "")}` : "";
    this.says.textContent = `Plays now in ${plays}. Better quality is coming${rest}.`;
  }

  private drawStopped(): void {
    const { upload } = this;
    this.over.replaceChildren(icon("warn"));
    this.says.textContent = upload.sent
      ? `Stopped at ${megabytes(upload.sent)} of ${megabytes(upload.file.size)} MB: ${upload.cause}`
      : sentence(upload.cause);
    if (upload.keptBytes && upload.expiresAt) this.also.textContent = `What arrived is kept until ${dayAndTime(upload.expiresAt)}.`;
    const from = upload.keptBytes ? `Retry from ${megabytes(upload.keptBytes)} MB` : "Retry";
    const retry = make("button", { class: "button ink small", type: "button" }, icon("retry"), from);
    retry.addEventListener("click", () => this.actions.retry());
    this.buttons.append(retry, this.another());
  }

  private drawRefused(): void {
    this.over.replaceChildren(icon("warn"));
    this.says.textContent = sentence(this.upload.cause);
    this.buttons.append(this.another());
  }

  private another(): HTMLButtonElement {
    const button = make("button", { class: "button line small", type: "button" }, "Choose another file");
    button.addEventListener("click", () => this.actions.another());
    return button;
  }

  private speak(done: number): void {
    const quarter = Math.floor(done * 4);
    this.bar.setAttribute("aria-valuenow", String(quarter * 25));
    if (quarter === this.quarter) return;
    this.quarter = quarter;
    if (this.upload.isMoving && quarter > 0) this.spoken.textContent = `${this.upload.file.name}: ${quarter * 25} per cent uploaded`;
  }
}

// A cause that stands alone begins with a capital; apostrophes are the page's.
function sentence(cause: string): string {
  return cause.charAt(0).toUpperCase() + cause.slice(1).replace(/'/g, "’");
}

function dayAndTime(when: Date): string {
  const today = new Date();
  const tomorrow = new Date(today.getFullYear(), today.getMonth(), today.getDate() + 1);
  const day = when.toDateString() === today.toDateString() ? "today" : when.toDateString() === tomorrow.toDateString() ? "tomorrow" : when.toLocaleDateString();
  return `${day}, ${clockTime(when)}`;
}
