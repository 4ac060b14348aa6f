// A piece of a page that is asked for again every two seconds, while somebody looks and for half an hour at most.
import htmx from "htmx.org";
import { clockTime } from "./clock";
import { enhance } from "./page";

const EVERY_MS = 2_000;
const LATE_MS = 8_000;
const MOST_MS = 30 * 60_000;

enhance("[data-live]", (piece) => {
  const state = document.querySelector<HTMLElement>("[data-live-state]");
  let from = Date.now();
  let answered = from;
  const say = (text: string) => {
    if (!state) return;
    state.hidden = false;
    if (state.textContent !== text) state.textContent = text;
  };
  const tick = () => {
    if (!piece.isConnected) return stop();
    if (document.visibilityState !== "visible") return;
    const now = Date.now();
    if (now - from > MOST_MS) return say("Paused after half an hour. Move to go on.");
    if (now - answered > LATE_MS) say(`No answer since ${clockTime(new Date(answered))}. Still trying.`);
    // One at a time: a slow answer is waited for.
    if (!piece.classList.contains("htmx-request")) htmx.trigger(piece, "look");
  };
  const timer = setInterval(tick, EVERY_MS);
  const awake = () => {
    // What was missed while nobody looked, or while it was paused, is no silence of the server's.
    if (Date.now() - from > MOST_MS) answered = Date.now();
    from = Date.now();
  };
  const seen = () => {
    if (document.visibilityState !== "visible") return;
    answered = Date.now();
    tick();
  };
  const stop = () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", seen);
    document.removeEventListener("pointermove", awake);
    document.removeEventListener("keydown", awake);
  };
  document.addEventListener("visibilitychange", seen);
  document.addEventListener("pointermove", awake, { passive: true });
  document.addEventListener("keydown", awake);
  piece.addEventListener("htmx:after:swap", () => {
    answered = Date.now();
    say("Live");
  });
  say("Live");
});
