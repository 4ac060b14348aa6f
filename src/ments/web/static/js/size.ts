// Sizes and lengths of time as people read them; decimal units, as file managers show.
export function megabytes(bytes: number): string {
  const mb = bytes / 1e6;
  return mb < 9.95 ? mb.toFixed(1) : String(Math.round(mb));
}

export function fileSize(bytes: number): string {
  if (bytes < 999.5) return `${bytes} B`;
  if (bytes < 999_500) return `${Math.round(bytes / 1e3)} KB`;
  if (bytes < 999.5e6) return `${megabytes(bytes)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

export function timeLeft(seconds: number): string {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 5) return "a few seconds left";
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  if (seconds < 3300) return `about ${Math.ceil(seconds / 60)} min left`;
  return `about ${Math.ceil(seconds / 3600)} h left`;
}
