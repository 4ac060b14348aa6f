// The feed: keys to move between posts, and "Show more" when it comes near.
import { enhance } from "./page";

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
