import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const service = process.env.SHOPKEEPER_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/shopkeeper/apps/service/static",
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { "/api": service } },
});
