import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router";

import { Problem } from "./api/client";
import { Appearance } from "./frame/appearance";
import { router } from "./frame/router";
import { startLanguage } from "./i18n";
import "./frame/style.css";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 2 && error instanceof Problem && error.retryable,
    },
  },
});

await startLanguage();

const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <Appearance>
          <RouterProvider router={router} />
        </Appearance>
      </QueryClientProvider>
    </StrictMode>,
  );
