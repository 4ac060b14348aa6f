// Draws a blurhash (https://blurha.sh) into its canvas, and lets pictures fade in over it.
import { enhance } from "./page";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";

const number = (text: string) => [...text].reduce((value, digit) => value * 83 + DIGITS.indexOf(digit), 0);
const toLinear = (byte: number) => (byte / 255 <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
const toByte = (linear: number) => {
  const v = Math.min(1, Math.max(0, linear));
  return Math.round((v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055) * 255);
};
const signedSquare = (v: number) => Math.sign(v) * v * v;

export function decode(hash: string, width: number, height: number): Uint8ClampedArray<ArrayBuffer> | null {
  const size = number(hash.charAt(0));
  const columns = (size % 9) + 1;
  const rows = Math.floor(size / 9) + 1;
  if (hash.length !== 4 + 2 * columns * rows) return null;
  const most = (number(hash.charAt(1)) + 1) / 166;
  const colours = Array.from({ length: columns * rows }, (_, i) => {
    if (i === 0) {
      const v = number(hash.slice(2, 6));
      return [toLinear(v >> 16), toLinear((v >> 8) & 255), toLinear(v & 255)] as const;
    }
    const v = number(hash.slice(4 + i * 2, 6 + i * 2));
    const part = (n: number) => signedSquare((n - 9) / 9) * most;
    return [part(Math.floor(v / 361)), part(Math.floor(v / 19) % 19), part(v % 19)] as const;
  });
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      let [r, g, b] = [0, 0, 0];
      for (let row = 0; row < rows; row += 1)
        for (let column = 0; column < columns; column += 1) {
          const basis = Math.cos((Math.PI * x * column) / width) * Math.cos((Math.PI * y * row) / height);
          const colour = colours[row * columns + column];
          if (!colour) return null;
          r += colour[0] * basis;
          g += colour[1] * basis;
          b += colour[2] * basis;
        }
      pixels.set([toByte(r), toByte(g), toByte(b), 255], (y * width + x) * 4);
    }
  return pixels;
}

enhance("canvas[data-blurhash]", (element) => {
  const canvas = element as HTMLCanvasElement;
  const pixels = decode(canvas.dataset["blurhash"] ?? "", canvas.width, canvas.height);
  if (pixels) canvas.getContext("2d")?.putImageData(new ImageData(pixels, canvas.width, canvas.height), 0, 0);
});

enhance("img[data-fade]", (element) => {
  const image = element as HTMLImageElement;
  if (image.complete) return;
  image.classList.add("waits");
  image.addEventListener("load", () => image.classList.remove("waits"), { once: true });
  image.addEventListener("error", () => image.classList.remove("waits"), { once: true });
});
