// One file on its way: from the member's disk to storage, then through the worker until it can be played.
import type { MediaNews } from "./follow";

export type Stage = "asking" | "uploading" | "arrived" | "queued" | "processing" | "playable" | "stopped" | "refused";

// `asking`: for permission; `stopped`: can go on; `refused`: this file never will, another may.
export class Upload extends EventTarget {
  id = "";
  mediaId = "";
  partSize = 0;
  stage: Stage = "asking";
  sent = 0;
  speed = 0; // bytes a second, smoothed
  keptBytes = 0; // what storage keeps if the connection drops
  expiresAt: Date | null = null;
  cause = "";
  progress = 0; // of the preparing, 0 to 1
  posterUrl = "";
  lengthS = 0;
  sizes: { name: string; progress: number }[] = []; // of a film that plays already; empty once all are there
  restS = 0; // seconds until they are, 0 while nobody can say
  posted = false;
  alt = "";
  private measured: { at: number; sent: number } | null = null;

  constructor(readonly file: File) {
    super();
  }

  get isMoving(): boolean {
    return this.stage === "asking" || this.stage === "uploading";
  }

  get secondsLeft(): number {
    return this.speed > 0 ? (this.file.size - this.sent) / this.speed : Number.POSITIVE_INFINITY;
  }

  to(stage: Stage, cause = ""): void {
    this.stage = stage;
    this.cause = cause;
    this.changed();
  }

  sentNow(bytes: number): void {
    const now = performance.now();
    const last = this.measured;
    if (!last || bytes < last.sent) this.measured = { at: now, sent: bytes };
    else if (now - last.at >= 500) {
      const speed = ((bytes - last.sent) * 1000) / (now - last.at);
      this.speed = this.speed ? 0.7 * this.speed + 0.3 * speed : speed;
      this.measured = { at: now, sent: bytes };
    }
    this.sent = bytes;
    this.stage = "uploading";
    this.changed();
  }

  hears(news: MediaNews): void {
    this.progress = news.progress;
    this.posterUrl = news.poster_url ?? this.posterUrl;
    this.lengthS = news.duration_s ?? this.lengthS;
    this.sizes = news.status === "playable" ? (news.renditions ?? []) : [];
    this.restS = news.eta_s ?? 0;
    if (news.status === "failed" || news.status === "erased") {
      const error = news.error;
      this.to("refused", (error?.message) || "Something in the file can’t be read.");
    } else if (news.status === "queued" || news.status === "processing") this.to(news.status);
    else if (news.status === "uploading") this.to("arrived");
    else this.to("playable");
  }

  changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}
