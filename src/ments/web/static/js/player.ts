// The player: our own controls around a <video>. Without this script the browser's controls are there.
import { Captions } from "./captions";
import { follow, type MediaNews } from "./follow";
import { button, dress } from "./icon-button";
import { enhance, icon, make, quiet } from "./page";
import { Quality } from "./quality";
import { Scrubber, clock } from "./scrubber";
import { arrivingRungs, drawArriving, freshTracks } from "./sharper";
import { Stream } from "./stream";

const players = new Set<Player>();
let soundIsOn = false;
// A signature lives for minutes: whoever asks more often than this has no right to it any more.
const RENEW_MS = 30_000;

class Player {
  private readonly toggle = button("play-solid", "Play");
  private readonly mute = button("volume", "Mute");
  private readonly full = button("full", "Full screen");
  private readonly big = make("button", { class: "big-play", type: "button", "aria-label": "Play" }, icon("play"));
  private readonly time = make("span", { class: "time" });
  private readonly stream: Stream;
  private readonly scrubber: Scrubber;
  private readonly quality: Quality;
  private readonly captions: Captions;
  private sleeping = 0;
  private renewed = Number.NEGATIVE_INFINITY;
  // Started by scrolling, so stopped by scrolling; what the reader started keeps playing.
  private byItself = false;
  private waitsForView = false;
  private unfollow: (() => void) | null = null;
  private whole = -1; // sizes that were all there when last heard of

  constructor(
    readonly box: HTMLElement,
    readonly video: HTMLVideoElement,
  ) {
    video.controls = false;
    this.full.classList.add("full");
    this.stream = new Stream(video);
    this.scrubber = new Scrubber(video, () => this.stream.now, () => this.length(), () => box.dataset["board"] ?? "");
    this.quality = new Quality(video, this.stream, () => this.length());
    this.captions = new Captions(video);
    const row = make("div", { class: "control-row" }, this.toggle, this.mute, this.time, this.captions.choice.element, this.quality.choice.element, this.full);
    const controls = make("div", { class: "controls" }, this.scrubber.element, row);
    box.append(this.captions.lines, make("span", { class: "spinner" }), this.big, controls);
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
    for (const name of ["pointermove", "pointerdown", "focusin"]) box.addEventListener(name, () => this.wake());
    box.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("fullscreenchange", () => this.draw());
    const sources = video.querySelectorAll("source");
    sources[sources.length - 1]?.addEventListener("error", () => this.broke());
    video.addEventListener("error", () => this.broke());
    box.addEventListener("media-changed", () => void this.readMedia());
    this.stream.addEventListener("moved", () => this.moved());
    this.stream.addEventListener("stale", () => void this.renew());
    this.stream.addEventListener("broke", () => this.useFile());
    if (box.dataset["status"] === "playable" && box.dataset["own"]) this.followMedia();
    this.draw();
  }

  // While a film is still being prepared its playlist ends before it does.
  length(): number {
    const known = Number(this.box.dataset["length"] ?? 0);
    const told = Number.isFinite(this.video.duration) ? this.video.duration : 0;
    return this.box.dataset["status"] === "playable" ? Math.max(known, told) : told || known;
  }

  async start(byItself = false): Promise<void> {
    this.byItself = byItself;
    this.waitsForView = false;
    if (!byItself) this.box.classList.add("pressed"); // a card that is drawn anew before it plays keeps this player
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

  // Before that nothing but the poster was fetched.
  private async attach(): Promise<void> {
    const hls = this.box.dataset["hls"];
    if (this.stream.isOpen || !hls || this.box.dataset["file"] === "only") return;
    if (this.box.dataset["status"] === "playable") this.followMedia();
    if (!(await this.stream.open(hls))) this.box.dataset["file"] = "only";
  }

  // Playable is not ready: better rungs, captions and the storyboard come while somebody watches.
  private followMedia(): void {
    const id = this.box.dataset["media"];
    if (this.unfollow || !id) return;
    this.unfollow = follow(id, (news) => {
      if (!this.box.isConnected) return this.unfollow?.();
      this.takeNews(news);
    });
  }

  private takeNews(news: MediaNews): void {
    this.quality.await(arrivingRungs(news));
    drawArriving(this.box, news);
    const whole = (news.renditions ?? []).filter((rung) => rung.progress >= 1).length;
    const more = whole > this.whole && this.whole >= 0;
    this.whole = Math.max(whole, this.whole);
    if (news.status === "ready") this.takeMedia(news);
    // The same address lists more sizes than when it was read.
    else if (more && this.stream.isOpen && news.hls_url) this.goOn(news.hls_url);
  }

  // What the page was drawn with has changed: go on with the new, where we are.
  private takeMedia(news: MediaNews): void {
    const { dataset } = this.box;
    const before = dataset["hls"];
    dataset["status"] = news.status;
    dataset["hls"] = news.hls_url ?? "";
    dataset["board"] = news.storyboard_url ?? "";
    if (news.duration_s) dataset["length"] = String(news.duration_s);
    freshTracks(this.video, news);
    this.captions.refresh();
    if (this.stream.isOpen && news.hls_url && news.hls_url !== before) this.goOn(news.hls_url);
    this.draw();
  }

  // The last picture stays until the next one is there.
  private goOn(url: string): void {
    this.freeze();
    this.stream.replace(url);
  }

  private freeze(): void {
    const { video } = this;
    if (!video.videoWidth || !this.box.classList.contains("started")) return;
    const canvas = make("canvas", { class: "frozen", width: String(video.videoWidth), height: String(video.videoHeight), "aria-hidden": "true" });
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    this.box.querySelector(".frozen")?.remove();
    video.after(canvas);
  }

  private moved(): void {
    this.box.querySelector(".frozen")?.remove();
    this.draw();
  }

  private async renew(): Promise<void> {
    const now = performance.now();
    if (now - this.renewed < RENEW_MS) return;
    this.renewed = now;
    await this.readMedia();
  }

  private async readMedia(): Promise<void> {
    try {
      const answer = await fetch(`/api/media/${this.box.dataset["media"]}`, { headers: { Accept: "application/json" } });
      if (answer.ok) this.takeMedia((await answer.json()) as MediaNews);
    } catch {
      // Offline; hls.js tries its segments again, and then says so.
    }
  }

  // The ladder does not play here: the file beside it may.
  private useFile(): void {
    const { video } = this;
    const [at, plays] = [this.stream.now, !video.paused];
    this.stream.close();
    this.box.dataset["file"] = "only";
    if (!video.querySelector("source")) return this.broke();
    video.addEventListener("loadedmetadata", () => (video.currentTime = at), { once: true });
    video.load();
    if (plays) void this.start(this.byItself);
    this.moved();
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
    } else if (event.key === "ArrowRight") this.video.currentTime = Math.min(this.length(), this.stream.now + 5);
    else if (event.key === "ArrowLeft") this.video.currentTime = Math.max(0, this.stream.now - 5);
    else if (event.key.toLowerCase() === "c") this.captions.toggle();
    else if (event.key.toLowerCase() === "m") this.turnSound();
    else if (event.key.toLowerCase() === "f") this.fill();
    else return;
    event.preventDefault();
    this.wake();
  }

  private broke(): void {
    if (this.box.querySelector(".broken") || this.video.currentTime > 0) return;
    this.box.classList.remove("waiting", "pressed");
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
    this.time.replaceChildren(clock(this.stream.now), make("span", {}, ` / ${clock(this.length())}`));
    this.scrubber.draw();
    if (video.paused && this.box.classList.contains("started")) this.box.classList.remove("asleep");
    if (video.paused) this.box.classList.add("awake");
  }
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
