import type { TFunction } from "i18next";
import { useMemo, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";

import { type Format, formatFor } from "./format";
import type { Language } from "./index";

export type Both = { zh: string; en: string };

/** A name from a closed list of the service, or the raw word when the list has grown since. */
export function named(t: TFunction, family: string, word: string | null | undefined): string {
  if (!word) return t("common.none");
  return t(`${family}.${word}`, { defaultValue: word });
}

export type Speaker = {
  t: TFunction;
  language: Language;
  /** Picks the reader's language of a text that the service sent in both. */
  say: (text: Both | null | undefined) => string;
  format: Format;
};

const watchers = new Set<() => void>();
let zone = "";

/** Every moment is written in the shop's own time zone, whoever reads it and wherever. */
export function keepZone(next: string): void {
  if (next === zone) return;
  zone = next;
  for (const tell of watchers) tell();
}

const watch = (tell: () => void) => {
  watchers.add(tell);
  return () => void watchers.delete(tell);
};

export function useSpeaker(): Speaker {
  const place = useSyncExternalStore(watch, () => zone);
  const { t, i18n } = useTranslation();
  const language: Language = i18n.language === "zh-CN" ? "zh-CN" : "en";
  return useMemo(
    () => ({
      t,
      language,
      say: (text) => (text ? (language === "zh-CN" ? text.zh || text.en : text.en || text.zh) : ""),
      format: formatFor(language, place),
    }),
    [t, language, place],
  );
}
