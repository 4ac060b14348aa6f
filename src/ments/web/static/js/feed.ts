// The feed: keys to move between posts, "Show more" when it comes near, and a pill that says what is new.
import { enhance, make } from "./page";

const ASK_EVERY_MS = 20_000;

interface Seen {
  posts: { id: string; author: { username: string; full_name: string; avatar_url: string | null } }[];
}

// Asks for the ids that the API's cache holds anyway, only while somebody looks; never puts anything in by itself.
enhance("[data-new-posts]", (pill) => {
  const feed = document.getElementById("feed");
  const newest = feed?.dataset["newest"];
  if (!feed || !newest) return;
  const timer = setInterval(async () => {
    if (!pill.isConnected) return clearInterval(timer);
    if (document.visibilityState !== "visible") return;
    try {
      const kind = pill.dataset["newPosts"] || "latest";
      const answer = await fetch(`/api/feed?kind=${kind}&limit=20`, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const { posts } = (await answer.json()) as Seen;
      const own = new Set([...feed.querySelectorAll<HTMLElement>("[data-post]")].map((post) => post.dataset["post"]));
      const at = posts.findIndex((post) => own.has(post.id));
      const fresh = (at < 0 ? posts : posts.slice(0, at)).filter((post) => !own.has(post.id));
      if (fresh.length) show(pill, fresh);
    } catch {
      // Offline for a moment; the next round asks again.
    }
  }, ASK_EVERY_MS);
});

function show(pill: HTMLElement, fresh: Seen["posts"]): void {
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
  says.textContent = fresh.length >= 20 ? "20+ new posts" : fresh.length === 1 ? "1 new post" : `${fresh.length} new posts`;
  pill.hidden = false;
}

// role=feed: Page Down and Page Up move between articles (the ARIA authoring practice).
document.addEventListener("keydown", (event) => {
  if (event.key !== "PageDown" && event.key !== "PageUp") return;
  const here = document.activeElement?.closest<HTMLElement>("#feed > .post");
  if (!here || event.target instanceof HTMLTextAreaElement) return;
  const posts = [...document.querySelectorAll<HTMLElement>("#feed > .post")];
  const next = posts[posts.indexOf(here) + (event.key === "PageDown" ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: "start" });
});

const near = new IntersectionObserver(
  (seen) => {
    for (const entry of seen) if (entry.isIntersecting) (entry.target as HTMLElement).click(), near.unobserve(entry.target);
  },
  { rootMargin: "900px" },
);
enhance("[data-more]", (link) => near.observe(link));
