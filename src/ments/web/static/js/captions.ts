// Captions: the page's own <track>s, drawn by us above the controls; the choice is kept for the next video.
import { Choice } from "./choice";
import { icon, make } from "./page";

const KEPT = "captions"; // a language, or "off"
const OFF = "off";

function kept(): string {
  try {
    return localStorage.getItem(KEPT) ?? OFF;
  } catch {
    return OFF; // storage is forbidden; the choice holds for this page
  }
}

function keep(language: string): void {
  try {
    localStorage.setItem(KEPT, language);
  } catch {
    // as above
  }
}

export class Captions {
  readonly lines = make("div", { class: "cues" });
  readonly choice: Choice;
  private language = OFF;
  private last = ""; // what C turns on again

  constructor(private readonly video: HTMLVideoElement) {
    this.choice = new Choice(
      "Captions",
      "captions",
      () => [{ value: OFF, says: "Off" }, ...this.tracks().map((track) => ({ value: track.language, says: track.label || track.language }))],
      () => this.language,
      (language) => this.turn(language),
    );
    this.choice.button.append(icon("captions"));
    // A phone's own full screen shows the video alone: the browser draws the captions there.
    video.addEventListener("webkitbeginfullscreen", () => this.setMode("showing"));
    video.addEventListener("webkitendfullscreen", () => this.setMode("hidden"));
    this.refresh();
  }

  // The tracks may have changed with the media.
  refresh(): void {
    const tracks = this.tracks();
    for (const track of tracks) track.oncuechange = () => this.draw();
    this.choice.element.hidden = tracks.length === 0;
    const wanted = this.language === OFF ? kept() : this.language;
    this.show(tracks.some((track) => track.language === wanted) ? wanted : OFF);
    this.choice.refresh();
  }

  toggle(): void {
    const tracks = this.tracks();
    if (!tracks.length) return;
    const known = tracks.some((track) => track.language === this.last);
    this.turn(this.language !== OFF ? OFF : known ? this.last : (tracks[0]?.language ?? OFF));
  }

  private turn(language: string): void {
    keep(language);
    this.show(language);
  }

  private show(language: string): void {
    this.language = language;
    if (language !== OFF) this.last = language;
    this.choice.button.classList.toggle("on", language !== OFF);
    this.setMode("hidden");
    this.draw();
  }

  private setMode(shown: TextTrackMode): void {
    for (const track of this.tracks()) {
      const mode = track.language === this.language ? shown : "disabled";
      if (track.mode !== mode) track.mode = mode;
    }
  }

  // Those of the page; others may come out of the stream itself.
  private tracks(): TextTrack[] {
    return [...this.video.querySelectorAll("track")].map((element) => element.track);
  }

  private draw(): void {
    const track = this.tracks().find((one) => one.language === this.language && one.mode === "hidden");
    const cues = [...(track?.activeCues ?? [])] as VTTCue[];
    this.lines.lang = track?.language ?? "";
    this.lines.classList.toggle("high", cues.some(isHigh));
    this.lines.replaceChildren(
      ...cues.map((cue) => {
        const line = make("p", { dir: "auto" });
        line.append(cue.getCueAsHTML());
        return line;
      }),
    );
  }
}

// Set by its author into the upper half, since something is to be seen below.
function isHigh(cue: VTTCue): boolean {
  if (typeof cue.line !== "number") return false;
  return cue.snapToLines ? cue.line >= 0 && cue.line < 6 : cue.line < 50;
}
