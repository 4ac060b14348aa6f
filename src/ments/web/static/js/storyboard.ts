// Small pictures of the whole film, for who looks for a place in it: WebVTT whose cues name a part of a sheet.
interface Tile {
  from: number;
  to: number;
  sheet: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

const seconds = (time: string) => time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);

// `base` is the address of the text, by which the sheets' names are read.
export function parseStoryboard(text: string, base: string): Tile[] {
  const tiles: Tile[] = [];
  for (const block of text.replace(/\r/g, "").split(/\n{2,}/)) {
    const found = /^([\d:.]+) --> ([\d:.]+)[^\n]*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/m.exec(block);
    if (!found) continue;
    const [, from = "", to = "", file = "", ...box] = found;
    const [x = 0, y = 0, width = 0, height = 0] = box.map(Number);
    tiles.push({ from: seconds(from), to: seconds(to), sheet: new URL(file, base).href, x, y, width, height });
  }
  return tiles;
}

export class Storyboard {
  readonly element = document.createElement("span");
  private tiles: Tile[] = [];
  private url = "";

  constructor() {
    this.element.className = "tile";
    this.element.hidden = true;
  }

  // Nothing is fetched before somebody comes near.
  async load(url: string): Promise<void> {
    if (!url || url === this.url) return;
    this.url = url;
    try {
      const answer = await fetch(url);
      if (answer.ok) this.tiles = parseStoryboard(await answer.text(), new URL(url, location.href).href);
      else this.url = "";
    } catch {
      this.url = ""; // offline; asked for again at the next movement
    }
  }

  show(time: number): void {
    const tile = this.tiles.find((one) => time < one.to) ?? this.tiles.at(-1);
    this.element.hidden = !tile;
    if (!tile) return;
    const { style } = this.element;
    style.width = `${tile.width}px`;
    style.height = `${tile.height}px`;
    style.backgroundImage = `url("${tile.sheet}")`;
    style.backgroundPosition = `-${tile.x}px -${tile.y}px`;
  }
}
