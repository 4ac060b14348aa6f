// A video that plays already while better pictures of it are made: what is still to come, and what has come.
import type { MediaNews } from "./follow";
import { make } from "./page";
import type { Arriving } from "./quality";
import { timeLeft } from "./size";

const sideOf = (name: string) => Number(/\d+/.exec(name)?.[0] ?? 0);
const isPicture = (name: string) => /^v?\d+p?$/.test(name);

// The rungs that are not whole yet, with how far each is.
export function arrivingRungs(news: MediaNews): Arriving[] {
  if (news.status !== "playable") return [];
  return (news.renditions ?? [])
    .filter((rung) => isPicture(rung.name) && rung.progress < 1)
    .map((rung) => ({ side: sideOf(rung.name), says: rung.progress > 0 ? `arriving, ${Math.floor(rung.progress * 100)}%` : "arriving" }));
}

// For the author: which quality it plays in now, what comes, and a line that grows.
export function drawArriving(box: HTMLElement, news: MediaNews): void {
  const tags = box.querySelector<HTMLElement>(".arriving");
  const hold = box.querySelector<HTMLElement>(".hold");
  if (!tags || !hold) return;
  if (news.status !== "playable") {
    tags.remove();
    hold.remove();
    return;
  }
  hold.style.setProperty("--done", String(news.progress));
  hold.setAttribute("aria-valuenow", String(Math.floor(news.progress * 4) * 25));
  const best = arrivingRungs(news).sort((a, b) => b.side - a.side)[0];
  const says = tags.querySelector("[data-says]");
  if (!says) return;
  const left = news.eta_s ? ` · ${timeLeft(news.eta_s)}` : "";
  says.textContent = best ? `${best.side >= 720 ? "HD arriving" : "Getting sharper"} · ${best.side}p${best.says.replace("arriving", "").replace(", ", " at ")}${left}` : `Getting sharper · ${Math.floor(news.progress * 100)}%${left}`;
}

// The captions as they are now, in the place of those that the page came with.
export function freshTracks(video: HTMLVideoElement, news: MediaNews): void {
  const wanted = news.captions ?? [];
  const present = [...video.querySelectorAll("track")];
  const address = (track: HTMLTrackElement) => track.getAttribute("src");
  if (present.length === wanted.length && wanted.every((one) => present.some((track) => address(track) === one.url))) return;
  for (const track of present) track.remove();
  for (const one of wanted) video.append(make("track", { kind: "captions", src: one.url, srclang: one.language, label: one.label }));
}
