import { type UseQueryOptions, type UseQueryResult, useQuery } from "@tanstack/react-query";

import type { Both } from "../i18n/text";
import type { Operations } from "./schema";

type Route = keyof Operations;
type Part<R extends Route, P extends string> = Operations[R] extends { [key in P]: infer T } ? T : never;
export type Answer<R extends Route> = Part<R, "response">;

type Optional<P extends string, T> = [T] extends [never] ? object : object extends T ? { [key in P]?: T } : { [key in P]: T };
export type Ask<R extends Route> = Optional<"path", Part<R, "path">> &
  Optional<"query", Part<R, "query">> &
  Optional<"body", Part<R, "body">>;

/** What application/problem+json says, as an error that pages can show. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly titleText: Both | string;
  readonly detail: Both | string;
  readonly nextStep: Both | string;
  readonly facts: Record<string, unknown>;
  readonly retryable: boolean;

  constructor(status: number, body: Record<string, unknown>) {
    const title = body["title"];
    super(typeof title === "string" ? title : `HTTP ${status}`);
    this.status = status;
    this.code = typeof body["code"] === "string" ? body["code"] : "";
    this.titleText = readable(body["title_text"]) || (typeof title === "string" ? title : "");
    this.detail = readable(body["detail"]);
    this.nextStep = readable(body["next_step"]);
    const facts = body["facts"];
    this.retryable = status === 0 || status === 502 || body["retryable"] === true;
    this.facts = typeof facts === "object" && facts !== null ? (facts as Record<string, unknown>) : {};
  }

}

function readable(value: unknown): Both | string {
  if (typeof value === "string") return value;
  if (typeof value === "object" && value !== null && "zh" in value && "en" in value) return value as Both;
  return "";
}

type Loose = {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
};

function address(route: string, ask: Loose): string {
  let path = route.slice(route.indexOf(" ") + 1);
  for (const [name, value] of Object.entries(ask.path ?? {}))
    path = path.replace(`{${name}}`, encodeURIComponent(String(value)));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(ask.query ?? {})) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** A key per request; the browser's own maker exists only on loopback and https. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function call<R extends Route>(route: R, ask: Ask<R>, signal?: AbortSignal): Promise<Answer<R>> {
  const loose = ask as Loose;
  const method = route.slice(0, route.indexOf(" "));
  let response: Response;
  try {
    response = await fetch(address(route, loose), {
      method,
      headers: {
        accept: "application/json",
        ...(loose.body === undefined ? {} : { "content-type": "application/json" }),
        ...(method === "GET" ? {} : { "idempotency-key": newKey() }),
      },
      body: loose.body === undefined ? null : JSON.stringify(loose.body),
      signal: signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, {});
  }
  const text = await response.text();
  let body: unknown = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    body = null;
  }
  if (!response.ok) throw new Problem(response.status, (body ?? {}) as Record<string, unknown>);
  return body as Answer<R>;
}

/** One cached read of the service. The key is the route and what was asked. */
export function useRead<R extends Route>(
  route: R,
  ask: Ask<R>,
  options: Omit<UseQueryOptions<Answer<R>, Error>, "queryKey" | "queryFn"> = {},
): UseQueryResult<Answer<R>, Error> {
  return useQuery<Answer<R>, Error>({
    queryKey: [route, ask],
    queryFn: ({ signal }) => call(route, ask, signal),
    ...options,
  });
}
