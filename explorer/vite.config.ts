import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// What is built is committed, so it may depend on nothing but the source: no dates, no absolute paths, no environment.
export default defineConfig({
  base: "/",
  envDir: false,
  resolve: {
    alias: [
      // What the client has for Node alone.
      { find: /^\.\/node-websocket\.js$/, replacement: here("src/server/no-node.ts") },
      { find: "client", replacement: here("../clients/typescript/src") },
    ],
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { host: "127.0.0.1", port: 5173, fs: { allow: [here(".."), here(".")] } },
  build: {
    target: "es2022",
    // The server's policy lets no inline script in, nor data in place of files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
});
