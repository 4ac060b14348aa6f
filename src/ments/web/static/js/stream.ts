// Where a video's pictures come from: a ladder of rungs by HLS, which Apple's browsers play themselves and hls.js plays
// elsewhere (fetched only when a video is about to play), or the one file that the page names.
import type Hls from "hls.js";

// One step of the ladder. `side` is its short side in px, `bitrate` in bit/s.
export interface Rung {
  index: number;
  side: number;
  bitrate: number;
}

const HLS_TYPE = "application/vnd.apple.mpegurl";
const AUTO = -1;

const appleOwn = (video: HTMLVideoElement) => navigator.vendor.startsWith("Apple") && video.canPlayType(HLS_TYPE) !== "";

// Events: `rungs` (there are others, or another one plays), `moved` (a new address begins to play where the old one was),
// `stale` (the address is refused or gone: ask for a fresh one), `broke` (this ladder will not play).
export class Stream extends EventTarget {
  private hls: Hls | null = null;
  private native = false;
  private mended = false;
  private wanted = 0; // the short side that the reader has chosen; 0 leaves it to the connection
  private heldAt: number | null = null;

  constructor(private readonly video: HTMLVideoElement) {
    super();
  }

  // The time that is shown: while one address takes the other's place, the one where it will go on.
  get now(): number {
    return this.heldAt ?? this.video.currentTime;
  }

  get isOpen(): boolean {
    return this.native || this.hls !== null;
  }

  // Begin with a ladder. False where the browser can't: the page's file then plays.
  async open(url: string): Promise<boolean> {
    if (appleOwn(this.video)) {
      this.native = true;
      this.video.src = url;
      return true;
    }
    const { default: Loaded } = await import("hls.js");
    if (!Loaded.isSupported()) return false;
    this.hls = new Loaded({
      startPosition: 0, // a playlist that still grows would begin near its end
      capLevelToPlayerSize: true,
      backBufferLength: 60,
      enableWorker: false, // our segments need no repackaging
      preferManagedMediaSource: false, // it would take away the page's file, which plays when all else fails
      enableWebVTT: false, // the page's own tracks are the captions, whatever plays
      enableIMSC1: false,
      enableCEA708Captions: false,
    });
    this.listen(this.hls, Loaded);
    this.endWhatShowsNothing(this.hls, Loaded);
    this.hls.loadSource(url);
    this.hls.attachMedia(this.video);
    return true;
  }

  // Go on from another address at the same time: a better ladder, or a fresh signature.
  replace(url: string): void {
    const { video, hls } = this;
    const at = this.now;
    const plays = !video.paused;
    this.heldAt = at;
    const settle = () => {
      this.heldAt = null;
      this.dispatchEvent(new Event("moved"));
    };
    const start = () => void video.play().catch(() => undefined); // paused by somebody meanwhile: so be it
    if (hls) {
      hls.config.startPosition = at;
      video.addEventListener("loadeddata", settle, { once: true });
      hls.loadSource(url);
    } else {
      video.src = url;
      video.addEventListener("loadedmetadata", () => (video.currentTime = at), { once: true });
      video.addEventListener("seeked", settle, { once: true });
    }
    if (plays) start();
  }

  // Largest first; empty where the browser chooses by itself.
  rungs(): Rung[] {
    const found = (this.hls?.levels ?? []).map((level, index) => ({
      index,
      side: Math.min(level.width, level.height) || 0,
      bitrate: level.averageBitrate || level.bitrate,
    }));
    return found.filter((rung) => rung.side > 0).sort((a, b) => b.side - a.side);
  }

  // The short side that was chosen, 0 for none.
  get chosen(): number {
    return this.wanted;
  }

  // What was chosen shows at once. (From the next segment on would be never, in a short film that is all there.) Left to
  // the connection again, what plays is not cut off.
  choose(side: number): void {
    this.wanted = side;
    if (!this.hls) return;
    const index = this.rungs().find((rung) => rung.side === side)?.index ?? AUTO;
    if (index === AUTO) this.hls.nextLevel = AUTO;
    else this.hls.currentLevel = index;
    this.dispatchEvent(new Event("rungs"));
  }

  close(): void {
    this.heldAt = null;
    this.hls?.destroy();
    this.hls = null;
    this.native = false;
  }

  private listen(hls: Hls, { Events, ErrorTypes }: typeof Hls): void {
    hls.on(Events.MANIFEST_PARSED, () => {
      this.mended = false;
      if (this.wanted) this.choose(this.wanted);
      this.dispatchEvent(new Event("rungs"));
    });
    hls.on(Events.LEVEL_SWITCHED, () => this.dispatchEvent(new Event("rungs")));
    hls.on(Events.ERROR, (_, problem) => {
      const status = problem.response?.code ?? 0;
      if (status === 403 || status === 404 || status === 410) this.dispatchEvent(new Event("stale"));
      if (!problem.fatal) return;
      if (problem.type === ErrorTypes.MEDIA_ERROR && !this.mended) {
        this.mended = true;
        hls.recoverMediaError();
        return;
      }
      this.dispatchEvent(new Event("broke"));
    });
  }

  // hls.js ends a film's buffers only when a picture of it shows (its stream-controller waits until the sound has been
  // "switched to"), and a browser shows none of a film's last moments until its buffers are ended. A film of 0.1 s, and one
  // that goes on 0.1 s before its end, would wait for ever: what is there to its end and shows nothing is ended here.
  private endWhatShowsNothing(hls: Hls, { Events }: typeof Hls): void {
    const complete = new Set<string>(); // what has its last piece: `main`, and `audio` where that comes apart
    hls.on(Events.MANIFEST_LOADING, () => complete.clear());
    hls.on(Events.BUFFER_FLUSHING, () => complete.clear());
    hls.on(Events.FRAG_BUFFERED, (_, { frag }) => {
      if (!frag.endList || frag.bitrateTest) return;
      complete.add(frag.type);
      const all = hls.audioTracks.length ? 2 : 1;
      if (complete.size === all && this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) hls.trigger(Events.BUFFER_EOS, { type: null });
    });
  }
}
