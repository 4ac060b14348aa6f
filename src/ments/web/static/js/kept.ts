// What is needed to go on after the tab was closed: the file itself and where its upload stood, in IndexedDB.
import { KEPT_MARK } from "./kept-start";

export interface Kept {
  id: string;
  account: string;
  mediaId: string;
  partSize: number;
  expiresAt: string;
  file: File;
  multipart: { uploadId: string; key: string } | null;
  posted: boolean;
  alt: string;
}

const MOST_BYTES = 2 ** 31;

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("ments", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("uploads", { keyPath: "id" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T | null> {
  try {
    const db = await open();
    return await new Promise<T>((resolve, reject) => {
      const asked = work(db.transaction("uploads", mode).objectStore("uploads"));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  } catch {
    return null; // no room or no storage: the upload goes on, it just can't outlive the tab
  }
}

export const account = () => document.getElementById("page")?.dataset["me"] ?? "";

export async function keep(kept: Kept): Promise<void> {
  if (kept.file.size > MOST_BYTES) return;
  await run("readwrite", (store) => store.put(kept));
  mark(true);
}

export async function change(id: string, changes: Partial<Kept>): Promise<void> {
  const kept = await run<Kept | undefined>("readonly", (store) => store.get(id) as IDBRequest<Kept | undefined>);
  if (kept) await run("readwrite", (store) => store.put({ ...kept, ...changes }));
}

export async function forget(id: string): Promise<void> {
  await run("readwrite", (store) => store.delete(id));
  if (!((await run("readonly", (store) => store.count())) ?? 0)) mark(false);
}

export async function listKept(): Promise<Kept[]> {
  const all = (await run<Kept[]>("readonly", (store) => store.getAll() as IDBRequest<Kept[]>)) ?? [];
  const now = Date.now();
  for (const old of all) if (new Date(old.expiresAt).getTime() < now) void forget(old.id);
  return all.filter((one) => one.account === account() && new Date(one.expiresAt).getTime() >= now);
}

function mark(some: boolean): void {
  try {
    if (some) localStorage.setItem(KEPT_MARK, "1");
    else localStorage.removeItem(KEPT_MARK);
  } catch {
    // Without the mark nothing is resumed by itself; nothing else depends on it.
  }
}
