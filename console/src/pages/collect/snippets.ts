// Programs that send a first event to this shop, with the address and the key of a source in place.

export const PROGRAMS = ["curl", "python", "node", "browser"] as const;
export type Program = (typeof PROGRAMS)[number];

const EVENT = "Product Viewed";

export function snippet(program: Program, origin: string, key: string): string {
  const { host, protocol } = new URL(origin);
  switch (program) {
    case "curl":
      return [
        `curl ${origin}/v1/track \\`,
        `  -u ${key}: \\`,
        "  -H 'content-type: application/json' \\",
        `  -d '{"userId": "u1", "event": "${EVENT}", "properties": {"product_id": "p1"}}'`,
      ].join("\n");
    case "python":
      return [
        "# pip install segment-analytics-python",
        "import segment.analytics as analytics",
        "",
        `analytics.write_key = "${key}"`,
        `analytics.host = "${origin}"`,
        `analytics.track("u1", "${EVENT}", {"product_id": "p1"})`,
        "analytics.flush()",
      ].join("\n");
    case "node":
      return [
        "// npm install @segment/analytics-node",
        'import { Analytics } from "@segment/analytics-node";',
        "",
        `const analytics = new Analytics({ writeKey: "${key}", host: "${origin}" });`,
        `analytics.track({ userId: "u1", event: "${EVENT}", properties: { product_id: "p1" } });`,
        "await analytics.closeAndFlush();",
      ].join("\n");
    case "browser":
      return [
        "// npm install @segment/analytics-next",
        'import { AnalyticsBrowser } from "@segment/analytics-next";',
        "",
        "const analytics = AnalyticsBrowser.load(",
        `  { writeKey: "${key}", cdnURL: "${origin}" },`,
        `  { integrations: { "Segment.io": { apiHost: "${host}/v1", protocol: "${protocol.replace(":", "")}" } } },`,
        ");",
        `analytics.track("${EVENT}", { product_id: "p1" });`,
      ].join("\n");
  }
}
