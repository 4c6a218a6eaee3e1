// What the door of events answers: it stands beside the API and outside its OpenAPI document.
import { useEffect, useRef, useState } from "react";

import type { Both } from "../i18n/text";
import { Problem } from "./client";

export type DoorFault = { field: string; reason: string; zh: string; en: string; next_step: string };
export type DoorVerdict = {
  index: number;
  message_id: string;
  kind: string;
  occurred_us: number;
  accepted: boolean;
  violations: DoorFault[];
  /** Why the event would count as traffic of a machine. */
  invalid: string | null;
};
export type DoorAnswer = { success: boolean; stored: boolean; events: DoorVerdict[] };

/** A next step is stored with both languages in one text. */
export function bothOf(text: string): Both {
  const [zh = "", en = ""] = text.split(" / ", 2);
  return { zh, en: en || zh };
}

/** What would become of one event or a batch; nothing is stored. */
export async function judge(writeKey: string, body: string): Promise<DoorAnswer> {
  let response: Response;
  try {
    response = await fetch("/v1/debug", {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Basic ${btoa(`${writeKey}:`)}` },
      body,
    });
  } catch {
    throw new Problem(0, {});
  }
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (!response.ok) throw new Problem(response.status, answer);
  return answer as unknown as DoorAnswer;
}

export type Following = "waiting" | "open" | "lost";

/** Follows the changes of one customer, and says each time that something is different. */
export function useChanges(customer: string | null, onChange: () => void): Following {
  const [state, set] = useState<Following>("waiting");
  const tell = useRef(onChange);
  tell.current = onChange;
  useEffect(() => {
    if (!customer) return;
    const stream = new EventSource(`/v1/changes?customer=${encodeURIComponent(customer)}`);
    // What happened between the first read and this moment is read once more.
    stream.onopen = () => {
      set("open");
      tell.current();
    };
    stream.addEventListener("change", () => tell.current());
    stream.onerror = () => set("lost");
    return () => stream.close();
  }, [customer]);
  return state;
}
