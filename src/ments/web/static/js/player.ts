// The player: our own controls around a <video>. Without this script the browser's controls are there.
import { enhance, icon, make } from "./page";
import { Scrubber, clock } from "./scrubber";

const quiet = () =>
  matchMedia("(prefers-reduced-motion: reduce)").matches ||
  (navigator as unknown as { connection?: { saveData?: boolean } }).connection?.saveData === true;

const players = new Set<Player>();
let soundIsOn = false;

class Player {
  private readonly toggle: HTMLButtonElement;
  private readonly mute: HTMLButtonElement;
  private readonly full: HTMLButtonElement;
  private readonly big = make("button", { class: "big-play", type: "button", "aria-label": "Play" }, icon("play"));
  private readonly time = make("span", { class: "time" });
  private readonly scrubber: Scrubber;
  private readonly rest: number;
  private sleeping = 0;
  private attached = false;
  // Started by scrolling, so stopped by scrolling; what the reader started keeps playing.
  private byItself = false;
  private waitsForView = false;

  constructor(
    readonly box: HTMLElement,
    readonly video: HTMLVideoElement,
  ) {
    video.controls = false;
    this.rest = Number(box.dataset["length"] ?? 0);
    this.toggle = button("play-solid", "Play");
    this.mute = button("volume", "Mute");
    this.full = button("full", "Full screen");
    this.full.classList.add("full");
    this.scrubber = new Scrubber(video, () => this.length());
    const quality = make("span", { class: "quality num" });
    const row = make("div", { class: "control-row" }, this.toggle, this.mute, this.time, quality, this.full);
    const controls = make("div", { class: "controls" }, this.scrubber.element, row);
    box.append(make("span", { class: "spinner" }), this.big, controls);
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", video.getAttribute("aria-label") ?? "Video");

    this.big.addEventListener("click", () => this.start());
    this.toggle.addEventListener("click", () => this.playOrPause());
    this.mute.addEventListener("click", () => this.turnSound());
    this.full.addEventListener("click", () => this.fill());
    video.addEventListener("click", () => (matchMedia("(hover: none)").matches && !box.classList.contains("awake") ? this.wake() : this.playOrPause()));
    for (const name of ["play", "pause", "ended", "volumechange", "timeupdate", "durationchange", "progress", "seeking"])
      video.addEventListener(name, () => this.draw());
    video.addEventListener("playing", () => box.classList.remove("waiting"));
    video.addEventListener("waiting", () => box.classList.add("waiting"));
    video.addEventListener("pause", () => box.classList.remove("waiting"));
    video.addEventListener("play", () => this.began());
    video.addEventListener("resize", () => (quality.textContent = video.videoHeight ? `${Math.min(video.videoHeight, video.videoWidth)}p` : ""));
    for (const name of ["pointermove", "pointerdown", "focusin"]) box.addEventListener(name, () => this.wake());
    box.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("fullscreenchange", () => this.draw());
    const sources = video.querySelectorAll("source");
    sources[sources.length - 1]?.addEventListener("error", () => this.broke());
    video.addEventListener("error", () => this.broke());
    this.draw();
  }

  length(): number {
    return Number.isFinite(this.video.duration) && this.video.duration > 0 ? this.video.duration : this.rest;
  }

  async start(byItself = false): Promise<void> {
    this.byItself = byItself;
    this.waitsForView = false;
    await this.attach();
    this.video.muted = byItself && !soundIsOn;
    if (!byItself && this.video.muted && soundIsOn) this.video.muted = false;
    try {
      await this.video.play();
    } catch (error) {
      // The browser wants a touch first; the big button stays where it is.
      if ((error as Error).name !== "NotAllowedError" && (error as Error).name !== "AbortError") this.broke();
    }
  }

  stopIfByItself(): void {
    if (!this.byItself || this.video.paused) return;
    this.video.pause();
    this.waitsForView = true;
    this.box.classList.remove("started");
  }

  // Muted, when most of it is in view: for the first time, or again after it was scrolled away.
  startByItself(): void {
    if (this.video.paused && (this.waitsForView || this.video.currentTime === 0)) void this.start(true);
  }

  playOrPause(): void {
    if (this.video.paused) void this.start();
    else this.video.pause();
  }

  // MP4 plays as it is. HLS, once there is a ladder, is native in Safari and by hls.js elsewhere, fetched only now.
  private async attach(): Promise<void> {
    const hls = this.box.dataset["hls"];
    if (this.attached || !hls) return;
    this.attached = true;
    if (this.video.canPlayType("application/vnd.apple.mpegurl")) {
      this.video.src = hls;
      return;
    }
    const { default: Hls } = await import("hls.js");
    if (!Hls.isSupported()) return;
    const stream = new Hls({ capLevelToPlayerSize: true, startLevel: -1 });
    stream.on(Hls.Events.ERROR, (_, data) => {
      if (!data.fatal) return;
      // The MP4 beside the ladder still plays.
      stream.destroy();
      this.video.load();
      void this.video.play();
    });
    stream.loadSource(hls);
    stream.attachMedia(this.video);
  }

  private began(): void {
    const byKey = this.big.matches(":focus-visible");
    this.box.classList.add("started");
    // The big button goes: who pressed it by a key goes on with the small one.
    if (byKey) this.toggle.focus({ preventScroll: true });
    for (const other of players) if (other !== this && !other.video.paused) other.video.pause();
    this.wake();
  }

  private turnSound(): void {
    this.video.muted = !this.video.muted;
    soundIsOn = !this.video.muted;
    if (soundIsOn) this.byItself = false;
  }

  private fill(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else if (this.box.requestFullscreen) void this.box.requestFullscreen();
    else (this.video as unknown as { webkitEnterFullscreen?: () => void }).webkitEnterFullscreen?.();
  }

  private wake(): void {
    this.box.classList.remove("asleep");
    this.box.classList.add("awake");
    clearTimeout(this.sleeping);
    this.sleeping = window.setTimeout(() => {
      this.box.classList.remove("awake");
      if (!this.video.paused) this.box.classList.add("asleep");
    }, 2600);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onButton = event.target instanceof HTMLButtonElement;
    if (event.key === " " || event.key.toLowerCase() === "k") {
      if (onButton && event.key === " ") return; // the button's own key
      this.playOrPause();
    } else if (event.key === "ArrowRight") this.video.currentTime = Math.min(this.length(), this.video.currentTime + 5);
    else if (event.key === "ArrowLeft") this.video.currentTime = Math.max(0, this.video.currentTime - 5);
    else if (event.key.toLowerCase() === "m") this.turnSound();
    else if (event.key.toLowerCase() === "f") this.fill();
    else return;
    event.preventDefault();
    this.wake();
  }

  private broke(): void {
    if (this.box.querySelector(".broken") || this.video.currentTime > 0) return;
    this.box.classList.remove("waiting");
    const again = make("button", { class: "button ink small", type: "button" }, "Try again");
    const note = make("div", { class: "broken", role: "alert" }, make("strong", {}, "The video didn’t arrive."), again);
    again.addEventListener("click", () => {
      note.remove();
      this.video.load();
      void this.start();
    });
    this.box.append(note);
  }

  private draw(): void {
    const { video } = this;
    dress(this.toggle, video.paused ? "play-solid" : "pause", video.paused ? "Play" : "Pause");
    dress(this.mute, video.muted ? "muted" : "volume", video.muted ? "Turn the sound on" : "Mute");
    const isFull = document.fullscreenElement === this.box;
    dress(this.full, isFull ? "unfull" : "full", isFull ? "Leave full screen" : "Full screen");
    this.time.replaceChildren(clock(video.currentTime), make("span", {}, ` / ${clock(this.length())}`));
    this.scrubber.draw();
    if (video.paused && this.box.classList.contains("started")) this.box.classList.remove("asleep");
    if (video.paused) this.box.classList.add("awake");
  }
}

function button(name: string, label: string): HTMLButtonElement {
  const made = make("button", { class: "icon-button", type: "button", "aria-label": label }, icon(name));
  made.dataset["shows"] = name;
  return made;
}

function dress(element: HTMLButtonElement, name: string, label: string): void {
  if (element.dataset["shows"] === name) return;
  element.dataset["shows"] = name;
  element.setAttribute("aria-label", label);
  element.replaceChildren(icon(name));
}

// Muted and by itself when most of it is in view, unless motion or data are to be spared.
const byBox = new WeakMap<Element, Player>();
const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.intersectionRatio < 0.3) byBox.get(entry.target)?.stopIfByItself();
    // One at a time: of several that come into view at once, the first.
    const first = entries.find((entry) => entry.intersectionRatio >= 0.7 && byBox.has(entry.target));
    if (first && !quiet() && nothingPlays()) byBox.get(first.target)?.startByItself();
  },
  { threshold: [0, 0.3, 0.7, 1] },
);
const nothingPlays = () => ![...players].some((player) => player.video.isConnected && !player.video.paused);

enhance("[data-player]", (box) => {
  const video = box.querySelector("video");
  if (!video) return;
  for (const old of players) if (!old.video.isConnected) players.delete(old);
  const player = new Player(box, video);
  players.add(player);
  byBox.set(box, player);
  seen.observe(box);
});
