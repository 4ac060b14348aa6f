// What was seen of a feed, told in small batches: it makes the ranked feed better, and nothing waits for it.
import { enhance, hit } from "./page";

const SEEN_MS = 500; // shorter is scrolling past
const TELL_EVERY_MS = 10_000;
const BATCH_MOST = 50;
const KEPT_MOST = 200;

interface Told {
  id: string;
  kind: "impression" | "click" | "like" | "share";
  post_id: string;
  at: string;
  dwell_ms?: number;
  source?: string;
}

const waiting: Told[] = [];
const since = new Map<HTMLElement, number>();
let timer = 0;

function note(kind: Told["kind"], post: HTMLElement, dwellMs?: number): void {
  const feed = post.closest<HTMLElement>("[data-source]");
  const id = post.dataset["post"];
  if (!feed || !id || waiting.length >= KEPT_MOST) return;
  const told: Told = { id: newId(), kind, post_id: id, at: new Date().toISOString() };
  if (dwellMs !== undefined) told.dwell_ms = Math.round(dwellMs);
  if (feed.dataset["source"]) told.source = feed.dataset["source"];
  waiting.push(told);
  if (!timer) timer = window.setTimeout(() => void tell(), TELL_EVERY_MS);
}

// Version 4, also where the page is not served by https and browsers keep `randomUUID` to themselves.
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

async function tell(): Promise<void> {
  timer = 0;
  const events = waiting.splice(0, BATCH_MOST);
  if (!events.length) return;
  try {
    const body = JSON.stringify({ events });
    const answer = await fetch("/api/feed/events", { method: "POST", headers: { "Content-Type": "application/json" }, body, keepalive: true });
    // Too often, or away: once more, later. Each has its id, so none counts twice.
    if (answer.status === 429 || answer.status >= 500) waiting.unshift(...events);
  } catch {
    waiting.unshift(...events);
  }
  if (waiting.length && !timer) timer = window.setTimeout(() => void tell(), TELL_EVERY_MS);
}

function tellOnLeaving(): void {
  for (const post of since.keys()) end(post);
  clearTimeout(timer);
  timer = 0;
  while (waiting.length) {
    const body = JSON.stringify({ events: waiting.splice(0, BATCH_MOST) });
    if (!navigator.sendBeacon("/api/feed/events", new Blob([body], { type: "application/json" }))) return;
  }
}

function end(post: HTMLElement): void {
  const from = since.get(post);
  since.delete(post);
  if (from === undefined) return;
  const dwellMs = performance.now() - from;
  if (dwellMs >= SEEN_MS) note("impression", post, dwellMs);
}

// Half of a post, or of the window where the post is higher.
const inSight = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const post = entry.target as HTMLElement;
      const half = Math.min(entry.boundingClientRect.height, entry.rootBounds?.height ?? Infinity) / 2;
      if (entry.isIntersecting && entry.intersectionRect.height >= half && document.visibilityState === "visible") {
        if (!since.has(post)) since.set(post, performance.now());
      } else end(post);
    }
  },
  { threshold: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8] },
);

enhance(".signed-in [data-source] > [data-post]", (post) => inSight.observe(post));

document.addEventListener("click", (event) => {
  const post = hit(event, ".signed-in [data-source] > [data-post]");
  if (!post) return;
  if (hit(event, "[data-share]")) note("share", post);
  else if (hit(event, "a[href]") && !hit(event, ".menu")) note("click", post);
});
document.addEventListener("submit", (event) => {
  const post = hit(event, ".signed-in [data-source] > [data-post]");
  const form = event.target as HTMLFormElement;
  if (post && form.action.endsWith("/like") && new FormData(form).get("on") === "yes") note("like", post);
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") return tellOnLeaving();
  // What is in sight again is seen anew.
  for (const post of document.querySelectorAll<HTMLElement>(".signed-in [data-source] > [data-post]")) {
    inSight.unobserve(post);
    inSight.observe(post);
  }
});
addEventListener("pagehide", tellOnLeaving);
// A page that htmx puts in place of this one takes its posts away without their leaving sight.
document.addEventListener("htmx:before:swap", () => {
  for (const post of [...since.keys()]) end(post);
});
