import { enhance } from "./page";
import { toast } from "./toast";

enhance("[data-share]", (button) => {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const url = new URL(button.dataset["share"] ?? "/", location.origin).href;
    if (navigator.share && matchMedia("(pointer: coarse)").matches) {
      try {
        await navigator.share({ url, title: button.dataset["shareTitle"] ?? "ments" });
        return;
      } catch (error) {
        if ((error as Error).name === "AbortError") return; // they changed their mind
      }
    }
    try {
      await navigator.clipboard.writeText(url);
      toast("Link copied.");
    } catch {
      // No clipboard outside https and localhost: show the link, ready to be copied by hand.
      window.prompt("Copy this link", url);
    }
  });
});
