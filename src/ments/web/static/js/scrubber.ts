// The line under a video: how much has come, how much was played; a 44 px high place to take hold of it, and above it
// what is to be seen there.
import { make } from "./page";
import { Storyboard } from "./storyboard";

export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export class Scrubber {
  readonly element: HTMLElement;
  private readonly board = new Storyboard();
  private readonly at = make("span", { class: "at" });
  private readonly bubble = make("span", { class: "bubble", "aria-hidden": "true" }, this.board.element, this.at);
  private held = false;
  private hovered = false;

  // `now` and `length` in s; `boardUrl` is '' as long as there is no storyboard.
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly now: () => number,
    private readonly length: () => number,
    private readonly boardUrl: () => string,
  ) {
    this.element = make(
      "div",
      { class: "scrubber", role: "slider", tabindex: "0", "aria-label": "Position", "aria-valuemin": "0" },
      make("span", { class: "rail" }),
      make("span", { class: "buffered" }),
      make("span", { class: "played" }),
      make("span", { class: "knob" }),
      this.bubble,
    );
    const at = (event: PointerEvent) => {
      const box = this.element.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    };
    this.element.addEventListener("pointermove", (event) => {
      this.hovered = true;
      this.point(at(event));
      if (this.held) this.seek(at(event));
    });
    this.element.addEventListener("pointerleave", () => (this.hovered = false));
    this.element.addEventListener("focus", () => this.point(this.share(this.now())));
    this.element.addEventListener("pointerdown", (event) => {
      this.held = true;
      this.element.setPointerCapture(event.pointerId);
      this.element.classList.add("scrubbing");
      this.point(at(event));
      this.seek(at(event));
    });
    for (const name of ["pointerup", "pointercancel"] as const)
      this.element.addEventListener(name, () => {
        this.held = false;
        this.element.classList.remove("scrubbing");
      });
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Home") this.seek(0);
      else if (event.key === "End") this.seek(1);
      else return;
      event.preventDefault();
    });
  }

  draw(): void {
    const { buffered } = this.video;
    const [length, now] = [this.length(), this.now()];
    let arrived = 0;
    for (let i = 0; i < buffered.length; i += 1)
      if (buffered.start(i) <= now + 0.5) arrived = Math.max(arrived, buffered.end(i));
    this.element.style.setProperty("--played", String(this.share(now)));
    this.element.style.setProperty("--buffered", String(this.share(arrived)));
    this.element.setAttribute("aria-valuemax", String(Math.round(length)));
    this.element.setAttribute("aria-valuenow", String(Math.round(now)));
    this.element.setAttribute("aria-valuetext", `${clock(now)} of ${clock(length)}`);
    // By the keyboard the bubble goes along.
    if (!this.hovered && this.element.matches(":focus-visible")) this.point(this.share(now));
  }

  private share(time: number): number {
    const length = this.length();
    return length ? Math.min(1, time / length) : 0;
  }

  private point(part: number): void {
    const time = part * this.length();
    this.element.style.setProperty("--at", String(part));
    this.at.textContent = clock(time);
    this.board.show(time);
    void this.board.load(this.boardUrl()).then(() => this.board.show(time));
  }

  private seek(part: number): void {
    if (this.length()) this.video.currentTime = part * this.length();
    this.draw();
  }
}
