// "Delete this post?": the form works without this; with it, nothing is deleted by one slip.
import { hit, make } from "./page";

document.addEventListener("submit", (event) => {
  const form = hit(event, "form[data-confirm-delete]") as HTMLFormElement | null;
  if (!form || form.dataset["confirmed"]) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const replies = Number(form.dataset["replies"] ?? 0);
  const kind = form.dataset["kind"] ?? "";
  const what = kind === "" ? "" : kind === "file" ? "Its files go with it. " : `The ${kind} goes with it. `;
  const stay = replies === 0 ? "" : replies === 1 ? "Its one reply stays with who wrote it. " : `Its ${replies} replies stay with who wrote them. `;
  const keep = make("button", { class: "button line", type: "button" }, "Keep it");
  const remove = make("button", { class: "button bad", type: "button" }, form.closest(".reply") ? "Delete reply" : "Delete post");
  const dialog = make(
    "dialog",
    { class: "dialog", "aria-labelledby": "delete-title" },
    make("h2", { id: "delete-title" }, form.closest(".reply") ? "Delete this reply?" : "Delete this post?"),
    make("p", {}, `${what}${stay}This can’t be undone.`),
    make("div", { class: "buttons" }, keep, remove),
  );
  keep.addEventListener("click", () => dialog.close());
  remove.addEventListener("click", () => {
    form.dataset["confirmed"] = "yes";
    dialog.close();
    form.requestSubmit();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    // The menu that it was chosen from has closed: the focus goes to what opens that.
    form.closest("details")?.querySelector("summary")?.focus();
  });
  dialog.addEventListener("click", (click) => click.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  keep.focus();
});
