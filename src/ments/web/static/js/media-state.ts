// The states of one's own attachments, live: queued, processing with its ring, then the card as it plays.
import { enhance } from "./page";
import { toast } from "./toast";

export interface MediaNews {
  id: string;
  status: "uploading" | "queued" | "processing" | "playable" | "ready" | "failed" | "erased";
  progress: number;
  error: { code: string; message: string } | string | null;
  poster_url?: string | null;
  duration_s?: number | null;
}

export const isOver = (news: MediaNews) => !["uploading", "queued", "processing"].includes(news.status);

// Tells `hear` every change until the state is final or `stop` is called. SSE, and asking again where it breaks.
export function follow(id: string, hear: (news: MediaNews) => void): () => void {
  let stopped = false;
  let events: EventSource | null = null;
  let timer = 0;
  const take = (news: MediaNews) => {
    if (stopped) return;
    if (isOver(news)) stop();
    hear(news);
  };
  const poll = async () => {
    if (stopped) return;
    try {
      const answer = await fetch(`/api/media/${id}`, { headers: { Accept: "application/json" } });
      if (answer.ok) take((await answer.json()) as MediaNews);
      else if (answer.status === 404) stop();
    } catch {
      // Offline; asked again below.
    }
    if (!stopped) timer = window.setTimeout(poll, 3000);
  };
  const stop = () => {
    stopped = true;
    events?.close();
    clearTimeout(timer);
  };
  events = new EventSource(`/api/media/${id}/events`);
  const parse = (event: Event) => take(JSON.parse((event as MessageEvent<string>).data) as MediaNews);
  events.addEventListener("message", parse);
  for (const name of ["state", "progress", "media"]) events.addEventListener(name, parse);
  events.addEventListener("end", () => stop());
  events.addEventListener("error", () => {
    // A proxy that cuts long answers makes EventSource try again by itself; one that refuses them ends it.
    if (events?.readyState === EventSource.CLOSED && !stopped) void poll();
  });
  return stop;
}

enhance("[data-media-live]", (frame) => {
  const ring = frame.querySelector<HTMLElement>(".ring");
  ring?.style.setProperty("--done", String(Number(ring.getAttribute("aria-valuenow")) / 100));
  const stop = follow(frame.dataset["mediaLive"] ?? "", (news) => {
    if (!frame.isConnected) return stop();
    if (isOver(news)) return void redraw(frame, news);
    draw(frame, news);
  });
});

const started = new WeakMap<HTMLElement, { at: number; progress: number }>();

function draw(frame: HTMLElement, news: MediaNews): void {
  const noun = frame.dataset["noun"] ?? "video";
  const ring = frame.querySelector<HTMLElement>(".ring");
  const says = frame.querySelector<HTMLElement>("[data-says]");
  const next = frame.querySelector<HTMLElement>("[data-next]");
  const waiting = frame.querySelector<HTMLElement>(".when-waiting");
  if (!ring || !says || !next || !waiting) return;
  const working = news.status === "processing";
  ring.hidden = !working;
  waiting.hidden = working;
  const percent = Math.floor(news.progress * 100);
  ring.style.setProperty("--done", String(news.progress));
  // Screen readers hear each quarter, not each step.
  ring.setAttribute("aria-valuenow", String(Math.floor(percent / 25) * 25));
  const label = ring.querySelector("[data-percent]");
  if (label) label.textContent = `${percent}%`;
  says.textContent = working ? `Preparing your ${noun}` : news.status === "queued" ? "Queued" : "Still uploading";
  if (working) next.textContent = `${estimate(frame, news.progress)} Everyone sees it then.`;
  else if (news.status === "queued") next.textContent = "Usually starts within a minute. Only you can see this.";
}

function estimate(frame: HTMLElement, progress: number): string {
  const now = Date.now();
  const from = started.get(frame);
  if (!from) started.set(frame, { at: now, progress });
  if (!from || progress - from.progress < 0.05) return "Playable when this finishes.";
  const left = ((1 - progress) * (now - from.at)) / (progress - from.progress) / 1000;
  return left < 60 ? `Playable in about ${Math.max(5, Math.ceil(left / 5) * 5)} s.` : `Playable in about ${Math.ceil(left / 60)} min.`;
}

// Fetch the card again, once the state has changed for good. Opening a file to everyone may take a moment more.
async function redraw(frame: HTMLElement, news: MediaNews, tries = 0): Promise<void> {
  const card = frame.closest<HTMLElement>("[data-post]");
  if (!card) return;
  const answer = await fetch(`/post/${card.dataset["post"]}/card`, { headers: { Accept: "text/html" } });
  if (!answer.ok || !frame.isConnected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".post");
  if (!fresh) return;
  const settled = fresh.querySelector(".player, img.picture, audio, .failure");
  if (!settled && tries < 20) {
    setTimeout(() => void redraw(frame, news, tries + 1), 1000);
    return;
  }
  card.replaceWith(fresh);
  document.dispatchEvent(new CustomEvent("htmx:after:swap", { detail: {} }));
  if (news.status === "failed") toast("A file couldn’t be prepared.", { label: "See why", run: () => fresh.scrollIntoView({ block: "center" }) });
  else toast("Posted. Everyone can see it now.", { label: "View", href: `/post/${card.dataset["post"]}` });
}
