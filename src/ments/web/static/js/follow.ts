// Follows media until they are all they will be, or have failed. One stream for each, however many places on the page want to know.
export interface MediaNews {
  id: string;
  status: "uploading" | "queued" | "processing" | "playable" | "ready" | "failed" | "erased";
  progress: number;
  error: { code: string; message: string } | null;
  poster_url?: string | null;
  hls_url?: string | null;
  storyboard_url?: string | null;
  duration_s?: number | null;
  eta_s?: number | null;
  renditions?: { name: string; progress: number }[];
  captions?: { language: string; label: string; url: string }[];
}
type Hear = (news: MediaNews) => void;

// Something can be shown, or never will be. What plays may still become better.
export const isOver = (news: MediaNews) => !["uploading", "queued", "processing"].includes(news.status);
const isFinal = (news: MediaNews) => isOver(news) && news.status !== "playable";

// A browser opens six connections to a host at most over HTTP/1.1, and each stream holds one.
const STREAMS_MOST = 2;
const POLL_MS = 2500;
const followed = new Map<string, Followed>();
let streams = 0;

class Followed {
  readonly hearers = new Set<Hear>();
  private events: EventSource | null = null;
  private timer = 0;
  private last: MediaNews | null = null;
  private over = false;

  constructor(private readonly id: string) {
    if (streams < STREAMS_MOST) this.listen();
    else void this.poll();
  }

  add(hear: Hear): void {
    this.hearers.add(hear);
    if (this.last) hear(this.last);
  }

  private listen(): void {
    streams += 1;
    const events = new EventSource(`/api/media/${this.id}/events`);
    this.events = events;
    events.addEventListener("media", (event) => this.take(JSON.parse((event as MessageEvent<string>).data) as MediaNews));
    events.addEventListener("end", () => this.stop());
    events.addEventListener("error", () => {
      // What is cut is tried again by the browser; what is refused (too many streams, say) is asked for instead.
      if (events.readyState !== EventSource.CLOSED || this.over) return;
      this.close();
      void this.poll();
    });
  }

  private async poll(): Promise<void> {
    if (this.over) return;
    try {
      const answer = await fetch(`/api/media/${this.id}`, { headers: { Accept: "application/json" } });
      if (answer.ok) this.take((await answer.json()) as MediaNews);
      else if (answer.status === 404) this.stop();
    } catch {
      // Offline; asked again below.
    }
    if (!this.over) this.timer = window.setTimeout(() => void this.poll(), POLL_MS);
  }

  private take(news: MediaNews): void {
    this.last = news;
    if (isFinal(news)) this.stop();
    for (const hear of [...this.hearers]) hear(news);
  }

  private close(): void {
    if (!this.events) return;
    this.events.close();
    this.events = null;
    streams -= 1;
  }

  stop(): void {
    this.over = true;
    this.close();
    clearTimeout(this.timer);
    if (followed.get(this.id) === this) followed.delete(this.id);
  }
}

// Tells `hear` every change until the state is final, or until the function that it returns is called.
export function follow(id: string, hear: Hear): () => void {
  let one = followed.get(id);
  if (!one) followed.set(id, (one = new Followed(id)));
  const { hearers } = one;
  const stopped = one;
  one.add(hear);
  return () => {
    hearers.delete(hear);
    if (!hearers.size) stopped.stop();
  };
}
