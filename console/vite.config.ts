import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const service = process.env["SHOPKEEPER_URL"] ?? "http://127.0.0.1:8080";

/** Only for `npm run dev:mock` and `npm run preview:mock`. */
function invented(): Plugin {
  return {
    name: "invented-shop",
    async configureServer(server) {
      server.middlewares.use((await import("./dev/mock")).mock);
    },
    async configurePreviewServer(server) {
      server.middlewares.use((await import("./dev/mock")).mock);
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [react(), ...(mode === "mock" ? [invented()] : [])],
  build: {
    outDir: "../src/shopkeeper/apps/service/static",
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 900,
  },
  ...(mode === "mock" ? {} : { server: { proxy: { "/api": service, "/v1": service, "/ready": service, "/health": service } } }),
}));
