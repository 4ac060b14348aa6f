// A feed that is looked at: a pill that says how many posts are new, and the counts of those on the screen. Nothing is put in
// by itself; the pill is a link to the feed as it is now.
import { enhance, make } from "./page";

const POSTS_MAX = 50; // what a stream takes
const FRESH_MAX = 20;

interface Fresh {
  id: string;
  author: { username: string; full_name: string; avatar_url: string | null };
}

interface Counts {
  likes: number;
  replies: number;
  reposts: number;
}

enhance("[data-new-posts]", (pill) => {
  const kind = pill.dataset["newPosts"] || "latest";
  const fresh = new Map<string, Fresh>();
  let events: EventSource | null = null;
  const shown = () => [...document.querySelectorAll<HTMLElement>("#feed > [data-post]")].map((post) => post.dataset["post"] ?? "");
  const close = () => {
    events?.close();
    events = null;
  };
  // A browser opens six connections to a host over HTTP/1.1: only the page that is looked at holds one.
  const follow = () => {
    if (!pill.isConnected) {
      close();
      document.removeEventListener("visibilitychange", follow);
      return;
    }
    if (document.visibilityState !== "visible") return close();
    if (events) return;
    events = new EventSource(`/api/feed/live?kind=${kind}&posts=${shown().slice(0, POSTS_MAX).join(",")}`);
    events.addEventListener("new", (event) => {
      if (!pill.isConnected) return follow();
      const own = new Set(shown());
      for (const post of (JSON.parse((event as MessageEvent<string>).data) as { posts: Fresh[] }).posts) {
        if (!own.has(post.id)) fresh.set(post.id, post);
      }
      if (fresh.size) show(pill, [...fresh.values()]);
    });
    events.addEventListener("counts", (event) => {
      if (!pill.isConnected) return follow();
      const counts = JSON.parse((event as MessageEvent<string>).data) as Record<string, Counts>;
      for (const [id, now] of Object.entries(counts)) showCounts(id, now);
    });
    // What ends or is cut the browser opens again. What is refused (too many streams) stays away: the page works without.
  };
  document.addEventListener("visibilitychange", follow);
  follow();
});

function show(pill: HTMLElement, fresh: Fresh[]): void {
  const faces = pill.querySelector("[data-faces]");
  const says = pill.querySelector("[data-count]");
  if (!faces || !says) return;
  const authors = [...new Map(fresh.map((post) => [post.author.username, post.author])).values()].slice(0, 3);
  faces.replaceChildren(
    ...authors.map((author) => {
      const known = document.querySelector(`a[href="/profile/${author.username}"] .avatar`);
      if (known) {
        const face = known.cloneNode(true) as HTMLElement;
        face.classList.remove("s36");
        return face;
      }
      return make("span", { class: "avatar hue-7", "aria-hidden": "true" }, (author.full_name || author.username).charAt(0).toUpperCase());
    }),
  );
  says.textContent = fresh.length >= FRESH_MAX ? `${FRESH_MAX}+ new posts` : fresh.length === 1 ? "1 new post" : `${fresh.length} new posts`;
  pill.hidden = false;
}

function showCounts(id: string, now: Counts): void {
  const post = document.getElementById(`post-${id}`);
  if (!post) return;
  say(post.querySelector(".action.like"), now.likes, "like", "likes");
  say(post.querySelector(".action.repost"), now.reposts, "repost", "reposts");
  say(post.querySelector('a.action[href$="#replies"]'), now.replies, "reply", "replies");
}

// The number stands last, after the drawing; the label holds it with its word.
function say(action: Element | null, count: number, one: string, many: string): void {
  const last = action?.lastChild;
  if (!action || last?.nodeType !== Node.TEXT_NODE) return;
  const written = short(count);
  if (last.textContent === written) return;
  last.textContent = written;
  const label = action.getAttribute("aria-label") ?? "";
  action.setAttribute("aria-label", label.replace(new RegExp(`[\\d.,kM]+ (${one}|${many})`), `${written} ${count === 1 ? one : many}`));
}

// As pages write counts (web/words.py).
function short(count: number): string {
  if (count < 10_000) return count.toLocaleString("en");
  if (count < 1_000_000) return `${Math.floor(count / 100) / 10}k`;
  return `${Math.floor(count / 100_000) / 10}M`;
}
