import { hit, icon, make } from "./page";

document.addEventListener("click", (event) => {
  const link = hit(event, "a[data-lightbox]") as HTMLAnchorElement | null;
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  const alt = link.parentElement?.querySelector("img")?.alt ?? "";
  const close = make("button", { class: "icon-button", type: "button", "aria-label": "Close" }, icon("close"));
  const dialog = make("dialog", { class: "lightbox", "aria-label": alt || "Photo" }, make("img", { src: link.href, alt }), close);
  dialog.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
});
