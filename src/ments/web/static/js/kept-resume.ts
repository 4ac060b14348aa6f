// Goes on with the uploads of posts that were sent before the tab was closed. Unposted ones wait for a composer.
import { listKept } from "./kept";
import "./tray";
import { resumeUpload } from "./uploads";

export async function resumeAll(): Promise<void> {
  for (const kept of await listKept()) if (kept.posted) await resumeUpload(kept);
}
