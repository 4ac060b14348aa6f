// The line under a video: how much has come, how much was played; a 44 px high place to take hold of it.
import { make } from "./page";

export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export class Scrubber {
  readonly element: HTMLElement;
  private readonly bubble = make("span", { class: "bubble", "aria-hidden": "true" });
  private held = false;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly length: () => number,
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
      this.point(at(event));
      if (this.held) this.seek(at(event));
    });
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
    const length = this.length();
    const { currentTime, buffered } = this.video;
    const share = (time: number) => (length ? String(Math.min(1, time / length)) : "0");
    let arrived = 0;
    for (let i = 0; i < buffered.length; i += 1)
      if (buffered.start(i) <= currentTime + 0.5) arrived = Math.max(arrived, buffered.end(i));
    this.element.style.setProperty("--played", share(currentTime));
    this.element.style.setProperty("--buffered", share(arrived));
    this.element.setAttribute("aria-valuemax", String(Math.round(length)));
    this.element.setAttribute("aria-valuenow", String(Math.round(currentTime)));
    this.element.setAttribute("aria-valuetext", `${clock(currentTime)} of ${clock(length)}`);
  }

  private point(part: number): void {
    this.element.style.setProperty("--at", String(part));
    this.bubble.textContent = clock(part * this.length());
  }

  private seek(part: number): void {
    if (this.length()) this.video.currentTime = part * this.length();
    this.draw();
  }
}
