// Calls to the API. A failure is an AskError whose message may be shown.
export class AskError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly againInS = 0, // when the server says to come back
  ) {
    super(message);
  }
}

// `body` goes as JSON, or as it is when it is a file.
export async function ask<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": body instanceof Blob ? "application/octet-stream" : "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: body instanceof Blob ? body : JSON.stringify(body) }),
    });
  } catch {
    throw new AskError("The connection dropped. Nothing is lost; try again.", 0, "offline");
  }
  const text = await answer.text();
  let data: unknown = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    data = null; // a page from something between us and the API; the status says enough
  }
  if (!answer.ok) {
    const problem = (data ?? {}) as { detail?: string; code?: string };
    if (answer.status === 401) location.assign(`/?redirect=${encodeURIComponent(location.pathname)}`);
    throw new AskError(problem.detail ?? `The server answered ${answer.status}. Try again in a moment.`, answer.status, problem.code ?? "unknown", Number(answer.headers.get("Retry-After") ?? 0));
  }
  return data as T;
}
