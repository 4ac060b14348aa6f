// All uploads of this page. Uppy moves the bytes; it lives as long as the document, so htmx may change the page under it.
import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";
import { ask, AskError } from "./ask";
import { account, change, forget, keep, type Kept } from "./kept";
import { follow } from "./follow";
import { Upload } from "./upload";

interface Permission {
  id: string;
  media_id?: string;
  url?: string;
  headers?: Record<string, string>;
  part_size?: number | null;
  expires_at: string;
}
interface Signed {
  url: string;
  headers?: Record<string, string>;
}

const AT_ONCE = 2;
const all = new Map<string, Upload>();
const firstSigned = new Map<string, Signed>();
const partSizes = new Map<number, number>();
// Uploads that the server has put off, each with the timer that asks again.
const putOff = new Map<Upload, number>();
const released = new Map<string, () => void>();
export const uploads = new EventTarget();
export const listUploads = () => [...all.values()];

const uppy = new Uppy({ autoProceed: false });
uppy.use(AwsS3, {
  limit: AT_ONCE,
  generateObjectKey: (file) => String(file.meta["upload"]),
  shouldUseMultipart: (file) => Number(file.meta["partSize"]) > 0,
  // Uppy asks by size alone, and the server cuts by size alone.
  getChunkSize: ({ size }) => partSizes.get(size) ?? 16 * 1024 * 1024,
  signRequest: async (request) => {
    const id = request.key;
    const first = firstSigned.get(id);
    if (first && request.method === "PUT" && !("partNumber" in request)) {
      firstSigned.delete(id);
      return { url: first.url, headers: { ...first.headers } };
    }
    const multipart = "uploadId" in request ? { upload_id: request.uploadId } : {};
    const part = "partNumber" in request ? { part_number: request.partNumber } : {};
    const signed = await ask<Signed>("POST", `/api/uploads/${id}/sign`, { method: request.method, ...multipart, ...part });
    return { url: signed.url, headers: { ...signed.headers } };
  },
});

const uploadOf = (file: { meta: Record<string, unknown> } | undefined) => all.get(String(file?.meta["upload"]));

uppy.on("upload-progress", (file, progress) => {
  const upload = uploadOf(file);
  if (upload && upload.stage !== "stopped") upload.sentNow(progress.bytesUploaded || 0);
});
uppy.on("s3-multipart:part-uploaded", (file, part) => {
  const upload = uploadOf(file);
  if (!upload) return;
  if (part.PartNumber === 1) void change(upload.id, { multipart: multipartOf(upload) });
  upload.keptBytes = Math.min(upload.file.size, upload.keptBytes + upload.partSize);
});
uppy.on("upload-success", (file) => {
  const upload = uploadOf(file);
  if (upload) void arrive(upload);
});
uppy.on("upload-error", (file, error) => {
  const upload = uploadOf(file);
  if (!upload) return;
  const status = (error as { status?: number }).status ?? 0;
  // The answer to the last request was lost and the object is there: the server looks for itself.
  if (status === 412 || (status === 404 && upload.keptBytes > 0)) return void arrive(upload);
  upload.to("stopped", causeOf(error, status));
});

function causeOf(error: Error, status: number): string {
  if (error instanceof AskError && error.status) return error.message;
  if (status === 403) return "the permission for it has run out.";
  if (status >= 500) return `storage did not take it (${status}).`;
  if (status) return `storage refused it (${status}).`;
  return "the connection dropped.";
}

function multipartOf(upload: Upload): Kept["multipart"] {
  const file = uppy.getFiles().find((one) => one.meta["upload"] === upload.id);
  return (file as { s3Multipart?: { uploadId: string; key: string } } | undefined)?.s3Multipart ?? null;
}

// Start to send a file. The upload tells its changes; it is never rejected.
export function startUpload(file: File): Upload {
  const upload = new Upload(file);
  void begin(upload);
  return upload;
}

async function begin(upload: Upload): Promise<void> {
  const { file } = upload;
  try {
    const given = await ask<Permission>("POST", "/api/uploads", { filename: file.name, content_type: file.type, size: file.size });
    take(upload, given);
    if (given.url) firstSigned.set(upload.id, { url: given.url, headers: given.headers ?? {} });
    await keep({
      id: upload.id,
      account: account(),
      mediaId: upload.mediaId,
      partSize: upload.partSize,
      expiresAt: given.expires_at,
      file,
      multipart: null,
      posted: false,
      alt: "",
    });
    send(upload, null);
  } catch (error) {
    const refused = error instanceof AskError && error.status >= 400 && error.status < 500 && error.status !== 429;
    upload.to(refused ? "refused" : "stopped", (error as Error).message);
    if (error instanceof AskError && error.code === "media_backlog") askAgainLater(upload, error.againInS);
  }
}

// The file waits in the page; a little later than told, so that not all who were put off come back at once.
function askAgainLater(upload: Upload, inS: number): void {
  putOff.set(upload, window.setTimeout(() => retryUpload(upload), 1000 * (inS + Math.random() * Math.max(5, inS / 4))));
}

function forgetPutOff(upload: Upload): void {
  window.clearTimeout(putOff.get(upload));
  putOff.delete(upload);
}

function take(upload: Upload, given: Permission): void {
  upload.id = given.id;
  upload.mediaId = given.media_id ?? "";
  upload.partSize = given.part_size ?? 0;
  upload.expiresAt = new Date(given.expires_at);
  all.set(upload.id, upload);
  if (upload.partSize) partSizes.set(upload.file.size, upload.partSize);
  uploads.dispatchEvent(new Event("change"));
}

function send(upload: Upload, multipart: Kept["multipart"]): void {
  upload.to("uploading");
  // While one tab sends a file, another that finds it kept leaves it alone.
  void navigator.locks?.request(`upload:${upload.id}`, () => new Promise<void>((free) => released.set(upload.id, free)));
  const id = uppy.addFile({
    name: upload.file.name,
    type: upload.file.type || "application/octet-stream",
    data: upload.file,
    // The path makes Uppy's own id unique, so that one file may be sent twice.
    meta: { upload: upload.id, partSize: upload.partSize, relativePath: upload.id },
  });
  if (multipart) uppy.setFileState(id, { s3Multipart: multipart } as object);
  void uppy.upload();
}

// Go on with an upload that a closed tab left; null when another tab is sending it.
export async function resumeUpload(kept: Kept): Promise<Upload | null> {
  if (all.has(kept.id)) return null;
  const free = (await navigator.locks?.query())?.held?.every((lock) => lock.name !== `upload:${kept.id}`) ?? true;
  if (!free) return null;
  const upload = new Upload(kept.file);
  upload.posted = kept.posted;
  upload.alt = kept.alt;
  take(upload, { id: kept.id, media_id: kept.mediaId, part_size: kept.partSize, expires_at: kept.expiresAt });
  send(upload, kept.multipart);
  return upload;
}

export function retryUpload(upload: Upload): void {
  forgetPutOff(upload);
  if (!upload.id) {
    upload.to("asking");
    void begin(upload);
    return;
  }
  const file = uppy.getFiles().find((one) => one.meta["upload"] === upload.id);
  upload.to("uploading");
  if (file) void uppy.retryUpload(file.id);
  else void arrive(upload);
}

// Take it away: here, in storage, and in what is kept for later.
export function dropUpload(upload: Upload): void {
  forgetPutOff(upload);
  const file = uppy.getFiles().find((one) => one.meta["upload"] === upload.id);
  if (file) uppy.removeFile(file.id);
  finish(upload);
  all.delete(upload.id);
  uploads.dispatchEvent(new Event("change"));
  if (upload.id) ask("DELETE", `/api/uploads/${upload.id}`).catch(() => undefined); // the sweeper ends what this misses
}

export function markPosted(upload: Upload): void {
  upload.posted = true;
  void change(upload.id, { posted: true });
  uploads.dispatchEvent(new Event("change"));
}

function finish(upload: Upload): void {
  released.get(upload.id)?.();
  released.delete(upload.id);
  if (upload.id) void forget(upload.id);
}

async function arrive(upload: Upload): Promise<void> {
  upload.sent = upload.file.size;
  upload.to("arrived");
  for (let tries = 1; ; tries += 1) {
    try {
      const { media_id } = await ask<{ media_id: string }>("POST", `/api/uploads/${upload.id}/complete`, {});
      upload.mediaId = media_id;
      break;
    } catch (error) {
      const lost = error instanceof AskError && (error.status === 0 || error.status >= 500);
      if (!lost || tries >= 5) return upload.to("stopped", (error as Error).message);
      await new Promise((resolve) => setTimeout(resolve, 1000 * tries));
    }
  }
  const file = uppy.getFiles().find((one) => one.meta["upload"] === upload.id);
  if (file) uppy.removeFile(file.id);
  finish(upload);
  upload.changed();
  uploads.dispatchEvent(new Event("change"));
  follow(upload.mediaId, (news) => upload.hears(news));
}

window.addEventListener("beforeunload", (event) => {
  if (listUploads().some((upload) => upload.isMoving)) event.preventDefault();
});
