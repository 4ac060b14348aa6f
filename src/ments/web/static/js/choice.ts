// A button of the player that opens a list of which one entry is chosen: qualities, captions.
import { icon, make } from "./page";

export interface Entry {
  value: string;
  says: string;
  also?: string; // to the right: how large, what plays now
  disabled?: boolean;
}

let count = 0;

export class Choice {
  readonly element: HTMLElement;
  readonly button: HTMLButtonElement;
  private readonly list: HTMLElement;
  private filling = false;

  constructor(
    name: string,
    className: string,
    private readonly entries: () => Entry[],
    private readonly chosen: () => string,
    private readonly choose: (value: string) => void,
  ) {
    const id = `choice-${(count += 1)}`;
    this.button = make("button", { class: "choice-button", type: "button", "aria-label": name, "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": id });
    this.list = make("div", { class: "choice-list", id, role: "menu", "aria-label": name });
    this.list.hidden = true;
    this.element = make("div", { class: `choice ${className}` }, this.button, this.list);
    this.button.addEventListener("click", () => (this.isOpen ? this.close() : this.open()));
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("focusout", (event) => {
      // Drawn anew the focused entry goes as well; another one gets the focus then.
      if (!this.filling && !this.element.contains(event.relatedTarget as Node | null)) this.close();
    });
    document.addEventListener("pointerdown", (event) => {
      if (this.isOpen && !this.element.contains(event.target as Node)) this.close();
    });
  }

  get isOpen(): boolean {
    return !this.list.hidden;
  }

  // What is listed may change while it is open: a rung arrives.
  refresh(): void {
    if (!this.isOpen) return;
    const at = this.items().indexOf(document.activeElement as HTMLElement);
    this.filling = true;
    this.fill();
    if (at >= 0) this.items()[Math.min(at, this.items().length - 1)]?.focus({ preventScroll: true });
    this.filling = false;
  }

  close(): void {
    this.list.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
  }

  private open(): void {
    this.fill();
    this.list.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    (this.list.querySelector<HTMLElement>('[aria-checked="true"]') ?? this.items()[0])?.focus({ preventScroll: true });
  }

  private fill(): void {
    const chosen = this.chosen();
    this.list.replaceChildren(
      ...this.entries().map((entry) => {
        const item = make("button", { type: "button", role: "menuitemradio", "aria-checked": String(entry.value === chosen), tabindex: "-1" });
        if (entry.disabled) item.setAttribute("aria-disabled", "true");
        item.append(icon("check"), make("span", {}, entry.says), make("span", { class: "also num" }, entry.also ?? ""));
        item.addEventListener("click", () => {
          if (entry.disabled) return;
          this.choose(entry.value);
          this.close();
          this.button.focus({ preventScroll: true });
        });
        return item;
      }),
    );
  }

  private items(): HTMLElement[] {
    return [...this.list.children] as HTMLElement[];
  }

  private key(event: KeyboardEvent): void {
    if (!this.isOpen) return;
    const items = this.items();
    const at = items.indexOf(document.activeElement as HTMLElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) items[(at + step + items.length) % items.length]?.focus();
    else if (event.key === "Home") items[0]?.focus();
    else if (event.key === "End") items.at(-1)?.focus();
    else if (event.key === "Escape") {
      this.close();
      this.button.focus();
    } else if (event.key === " " || event.key === "Enter" || event.key === "Tab") return; // the entry's own
    event.preventDefault();
    event.stopPropagation(); // arrows do not seek while the list is open
  }
}
