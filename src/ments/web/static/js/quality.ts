// Which rung plays: by itself, or as the reader wants it; how much each costs, and which are still to come.
import { Choice, type Entry } from "./choice";
import { icon, make } from "./page";
import { fileSize } from "./size";
import type { Stream } from "./stream";

const AUTO = "auto";

// A rung that the workers still make. `side` is its short side in px, `says` how far or how long.
export interface Arriving {
  side: number;
  says: string;
}

export class Quality {
  readonly choice: Choice;
  private readonly now = make("span", { class: "num" });
  private arriving: Arriving[] = [];

  // `length` in s.
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly stream: Stream,
    private readonly length: () => number,
  ) {
    this.choice = new Choice(
      "Quality",
      "quality",
      () => this.entries(),
      () => (stream.chosen ? String(stream.chosen) : AUTO),
      (value) => stream.choose(value === AUTO ? 0 : Number(value)),
    );
    this.choice.button.append(icon("gear"), this.now);
    for (const name of ["rungs", "moved"]) stream.addEventListener(name, () => this.draw());
    video.addEventListener("resize", () => this.draw());
    this.draw();
  }

  await(arriving: Arriving[]): void {
    this.arriving = arriving;
    this.draw();
  }

  private draw(): void {
    const { video, choice } = this;
    const side = Math.min(video.videoHeight, video.videoWidth);
    this.now.textContent = side ? `${side}p` : "";
    choice.button.setAttribute("aria-label", side ? `Quality, ${side}p now` : "Quality");
    // Where the browser chooses, and where there is one file, it is only told.
    choice.button.disabled = this.stream.rungs().length + this.arriving.length < 2;
    choice.element.hidden = !side;
    choice.refresh();
  }

  private entries(): Entry[] {
    const here = this.stream.rungs();
    const side = Math.min(this.video.videoHeight, this.video.videoWidth);
    const known = new Set(here.map((rung) => rung.side));
    const listed = [
      ...here.map((rung) => ({ side: rung.side, also: fileSize((rung.bitrate * this.length()) / 8), disabled: false })),
      ...this.arriving.filter((rung) => !known.has(rung.side)).map((rung) => ({ side: rung.side, also: rung.says, disabled: true })),
    ].sort((a, b) => b.side - a.side);
    return [
      { value: AUTO, says: "Auto", also: side && !this.stream.chosen ? `${side}p now` : "" },
      ...listed.map(({ side, also, disabled }) => ({ value: String(side), says: `${side}p`, also, disabled })),
    ];
  }
}
