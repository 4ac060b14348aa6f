// What makes an element more than its markup: `enhance` runs once for each match, now and after every swap.
type Work = (element: HTMLElement) => void;
const known: [string, Work, WeakSet<Element>][] = [];

export function enhance(selector: string, work: Work): void {
  known.push([selector, work, new WeakSet()]);
}

export function enhanceAll(root: ParentNode = document): void {
  for (const [selector, work, done] of known) {
    const found = [...root.querySelectorAll<HTMLElement>(selector)];
    if (root instanceof HTMLElement && root.matches(selector)) found.unshift(root);
    for (const element of found) {
      if (done.has(element)) continue;
      done.add(element);
      work(element);
    }
  }
}

// The element that an event is about, or null; for listeners on the document.
export function hit(event: Event, selector: string): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>(selector) : null;
}

export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${document.body.dataset["icons"]}#${name}`);
  svg.append(use);
  return svg;
}

// Short for making elements; text goes in as text, never as markup.
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Motion or data are to be spared.
export const quiet = () =>
  matchMedia("(prefers-reduced-motion: reduce)").matches ||
  (navigator as unknown as { connection?: { saveData?: boolean } }).connection?.saveData === true;
