// The states of one's own attachments, live: queued, processing with its ring, then the card as it plays.
import { follow, isOver, type MediaNews } from "./follow";
import { enhance, enhanceAll } from "./page";
import { toast } from "./toast";

enhance("[data-media-live]", (frame) => {
  const ring = frame.querySelector<HTMLElement>(".ring");
  ring?.style.setProperty("--done", String(Number(ring.getAttribute("aria-valuenow")) / 100));
  let over = false;
  // Deferred: what is known already is told before `follow` has returned.
  const stop = () => queueMicrotask(() => unfollow());
  const unfollow = follow(frame.dataset["mediaLive"] ?? "", (news) => {
    if (over) return;
    over = !frame.isConnected || isOver(news);
    if (over) stop();
    if (!frame.isConnected) return;
    if (over) void redraw(frame, news);
    else draw(frame, news);
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
  if (working) next.textContent = `${estimate(frame, news)} Everyone sees it then.`;
  else if (news.status === "queued") next.textContent = "Usually starts within a minute. Only you can see this.";
}

// What the workers say, or else what the pace so far tells.
function estimate(frame: HTMLElement, { progress, eta_s: told }: MediaNews): string {
  const now = Date.now();
  const from = started.get(frame);
  if (!from) started.set(frame, { at: now, progress });
  if (!told && (!from || progress - from.progress < 0.05)) return "Playable when this finishes.";
  const left = told || ((1 - progress) * (now - (from?.at ?? now))) / (progress - (from?.progress ?? 0)) / 1000;
  return left < 60 ? `Playable in about ${Math.max(5, Math.ceil(left / 5) * 5)} s.` : `Playable in about ${Math.ceil(left / 60)} min.`;
}

const ASK_AGAIN_MS = 1500;
const MOST_TRIES = 40;

async function freshCard(card: HTMLElement): Promise<HTMLElement | null> {
  try {
    const answer = await fetch(`/post/${card.dataset["post"]}/card`, { headers: { Accept: "text/html" } });
    if (!answer.ok) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector<HTMLElement>(".post");
  } catch {
    return null; // offline; whoever called asks again
  }
}

function put(fresh: HTMLElement, card: HTMLElement): void {
  // A menu that is open, or words being written, are not taken from under anybody.
  if (card.contains(document.activeElement)) fresh.querySelector<HTMLElement>("summary")?.focus();
  card.replaceWith(fresh);
  keepPlaying(card, fresh); // in the page only: what is moved through another document loses its styles to the policy
  enhanceAll(fresh.parentElement ?? document);
}

// A video that was begun, or is just being fetched since its button was pressed, goes on: its frame moves over as it is, and asks for its new address when it needs it.
function keepPlaying(card: HTMLElement, fresh: HTMLElement): void {
  for (const player of card.querySelectorAll<HTMLElement>(".player.started[data-media], .player.pressed[data-media]")) {
    const frame = fresh.querySelector(`.player[data-media="${player.dataset["media"]}"]`)?.closest(".frame");
    const own = player.closest(".frame");
    if (frame && own) frame.replaceWith(own);
  }
}

// The file's state is final: draw its card again. The row may be a moment behind the event.
async function redraw(frame: HTMLElement, news: MediaNews, tries = 0): Promise<void> {
  const card = frame.closest<HTMLElement>("[data-post]");
  if (!card) return;
  const fresh = await freshCard(card);
  if (!frame.isConnected) return;
  const id = frame.dataset["mediaLive"];
  if (!fresh || fresh.querySelector(`[data-media-live="${id}"]`)) {
    if (tries < MOST_TRIES) setTimeout(() => void redraw(frame, news, tries + 1), ASK_AGAIN_MS);
    return;
  }
  put(fresh, card);
  if (news.status === "failed") toast("A file couldn’t be prepared.", { label: "See why", run: () => fresh.scrollIntoView({ block: "center" }) });
  else if (!fresh.dataset["waits"]) wentOut(fresh);
}

function wentOut(card: HTMLElement): void {
  toast("Posted. Everyone can see it now.", { label: "View", href: `/post/${card.dataset["post"]}` });
}

// Everything in it plays for its author, and it is being opened to everyone: ask until it is.
enhance("[data-waits]", (card) => {
  if (card.querySelector("[data-media-live], .failure")) return;
  let tries = 0;
  const look = async () => {
    if (!card.isConnected) return;
    const fresh = await freshCard(card);
    tries += 1;
    if (fresh && !fresh.dataset["waits"] && card.isConnected) {
      put(fresh, card);
      wentOut(fresh);
    } else if (tries < MOST_TRIES) setTimeout(() => void look(), ASK_AGAIN_MS);
  };
  setTimeout(() => void look(), ASK_AGAIN_MS);
});
