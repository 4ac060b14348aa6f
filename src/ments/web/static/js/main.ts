import htmx from "htmx.org";
import { enhance, enhanceAll } from "./page";
import "./blurhash";
import "./clock";
import "./delete-dialog";
import "./events";
import "./feed";
import "./feed-live";
import "./form";
import "./lightbox";
import "./live";
import "./media-state";
import "./menu";
import "./player";
import "./poll-draft";
import "./share";
import "./theme-choice";
import { resumeKept } from "./kept-start";

enhance("[data-captions]", (button) => {
  button.hidden = false;
  button.addEventListener("click", () => void import("./captions-dialog").then(({ openCaptions }) => openCaptions(button)));
});
enhance("[data-composer]", (form) => {
  // Uppy comes with the composer, and only then.
  void import("./composer").then(({ openComposer }) => openComposer(form as HTMLFormElement));
});

document.addEventListener("htmx:after:swap", (event) => {
  enhanceAll();
  const detail = (event as CustomEvent).detail as { ctx?: { target?: Element; request?: { headers?: Record<string, string> } } };
  const isPage = detail.ctx?.target?.id === "page";
  if (!isPage || detail.ctx?.request?.headers?.["HX-History-Restore-Request"]) return;
  // A new page: start at its top (or at its #part), and let screen readers start there too.
  if (!location.hash) window.scrollTo(0, 0);
  document.getElementById("main")?.focus({ preventScroll: true });
});
// A page that cannot be had by htmx is asked for again as a plain link: the browser then shows what is wrong.
document.addEventListener("htmx:error", (event) => {
  const ctx = ((event as CustomEvent).detail as { ctx?: { request?: { method?: string; action?: string }; sourceElement?: Element } }).ctx;
  if (ctx?.request?.method === "GET" && ctx.request.action && ctx.sourceElement instanceof HTMLAnchorElement) location.assign(ctx.request.action);
});

enhanceAll();
void resumeKept();
export { htmx };
