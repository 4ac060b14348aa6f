// Times that grow old on the page, times in the reader's own clock, and countdowns.
import { enhance } from "./page";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// The same words as ments/web/words.py.
export function timePassed(when: Date, now = new Date()): string {
  const minutes = (now.getTime() - when.getTime()) / 60_000;
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${Math.floor(minutes)} min`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h`;
  if (minutes < 2880) return "yesterday";
  if (minutes < 10_080) return `${Math.floor(minutes / 1440)} days`;
  const day = `${when.getDate()} ${MONTHS[when.getMonth()]}`;
  return when.getFullYear() === now.getFullYear() ? day : `${day} ${when.getFullYear()}`;
}

export function clockTime(when: Date): string {
  return `${String(when.getHours()).padStart(2, "0")}:${String(when.getMinutes()).padStart(2, "0")}`;
}

function freshen(): void {
  for (const time of document.querySelectorAll<HTMLTimeElement>("time[data-ago]")) {
    const says = timePassed(new Date(time.dateTime));
    if (time.textContent !== says) time.textContent = says;
  }
}
setInterval(() => document.visibilityState === "visible" && freshen(), 30_000);
document.addEventListener("visibilitychange", freshen);
enhance("time[data-ago]", (time) => {
  time.title = new Date((time as HTMLTimeElement).dateTime).toLocaleString();
});
enhance("time[data-clock]", (time) => {
  time.textContent = clockTime(new Date((time as HTMLTimeElement).dateTime));
});

// A button that is paused: "Try again in 9:18", then itself again.
enhance("[data-again-in]", (element) => {
  const button = element as HTMLButtonElement;
  const until = Date.now() + Number(button.dataset["againIn"]) * 1000;
  const says = button.dataset["againSays"] ?? "Sign in";
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left <= 0) {
      clearInterval(timer);
      button.disabled = false;
      button.textContent = says;
      return;
    }
    button.textContent = `Try again in ${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  };
  const timer = setInterval(tick, 1000);
  tick();
});
