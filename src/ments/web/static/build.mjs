// Builds css/ and js/ into dist/: file names carry a hash of what is inside, and manifest.json maps the plain
// name to it, so that a browser may keep a file for a year and still never show an old one.
import { context, build } from "esbuild";
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "dist");
// light-dark() and :has() set the floor: what everyone's browser has had since the middle of 2024.
const target = ["chrome123", "firefox121", "safari17.5"];

const manifest = {
  name: "manifest",
  setup(plugin) {
    plugin.onEnd(async (result) => {
      if (result.errors.length) return;
      const entries = Object.entries(result.metafile.outputs)
        .filter(([, made]) => made.entryPoint)
        .map(([file, made]) => {
          const name = basename(made.entryPoint).replace(/\.ts$/, ".js");
          return [name, relative(out, join(process.cwd(), file))];
        });
      await writeFile(join(out, "manifest.json"), JSON.stringify(Object.fromEntries(entries.sort()), null, 1));
    });
  },
};

const shared = {
  absWorkingDir: process.cwd(),
  outdir: out,
  bundle: true,
  minify: true,
  sourcemap: false,
  metafile: true,
  target,
  logLevel: "warning",
  legalComments: "none",
};
const options = {
  ...shared,
  entryPoints: ["main.ts", "theme.ts"].map((f) => join(here, "js", f)).concat(join(here, "css", "main.css"), ["icons.svg", "favicon.svg", "favicon.ico", "touch-icon.png"].map((f) => join(here, f))),
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  format: "esm",
  splitting: true,
  loader: { ".svg": "copy", ".ico": "copy", ".png": "copy" },
  plugins: [manifest],
};

await mkdir(out, { recursive: true });
// Pages that are open, and processes that have read the last manifest, still ask for the files of the last build.
const HOUR_MS = 3_600_000;
for (const file of await readdir(out)) {
  const { mtimeMs } = await stat(join(out, file));
  if (Date.now() - mtimeMs > HOUR_MS) await rm(join(out, file));
}
if (process.argv.includes("--watch")) {
  await (await context(options)).watch();
} else {
  await build(options);
}
