// Uploads whose post was sent already: they go on below whatever page is read, and say how far they are.
import { make } from "./page";
import { megabytes, timeLeft } from "./size";
import { toast } from "./toast";
import type { Upload } from "./upload";
import { listUploads, retryUpload, uploads } from "./uploads";

const items = new Map<Upload, HTMLElement>();
let tray: HTMLElement | null = null;

uploads.addEventListener("change", () => {
  for (const upload of listUploads())
    if (upload.posted && !items.has(upload) && isShown(upload)) {
      items.set(upload, item(upload));
      upload.addEventListener("change", () => draw(upload));
      draw(upload);
    }
});

const isShown = (upload: Upload) => upload.isMoving || upload.stage === "stopped";

function item(upload: Upload): HTMLElement {
  if (!tray?.isConnected) document.body.append((tray = make("section", { class: "tray", "aria-label": "Uploads" })));
  const element = make(
    "div",
    { class: "item" },
    make("span", { class: "file" }, upload.file.name),
    make("div", { class: "bar", role: "progressbar", "aria-label": upload.file.name, "aria-valuemin": "0", "aria-valuemax": "100" }, make("i")),
    make("span", { class: "meta num" }),
  );
  tray.append(element);
  return element;
}

function draw(upload: Upload): void {
  const element = items.get(upload);
  if (!element) return;
  if (!isShown(upload)) {
    element.remove();
    items.delete(upload);
    if (!items.size) tray?.remove();
    if (upload.stage === "arrived") toast("The file has arrived. It is being prepared.");
    return;
  }
  const done = upload.sent / Math.max(1, upload.file.size);
  const bar = element.querySelector<HTMLElement>(".bar")!;
  bar.setAttribute("aria-valuenow", String(Math.floor(done * 4) * 25));
  (bar.firstElementChild as HTMLElement).style.setProperty("--done", String(done));
  const says = element.querySelector(".meta")!;
  const of = `${megabytes(upload.sent)} of ${megabytes(upload.file.size)} MB`;
  if (upload.stage === "stopped") {
    const retry = make("button", { class: "link", type: "button" }, "Retry");
    retry.addEventListener("click", () => retryUpload(upload));
    says.replaceChildren(`Stopped at ${of}: ${upload.cause} `, retry);
  } else says.textContent = [of, upload.speed ? timeLeft(upload.secondsLeft) : ""].filter(Boolean).join(" · ");
}
