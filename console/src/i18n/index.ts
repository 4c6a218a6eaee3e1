import i18n from "i18next";
import { initReactI18next } from "react-i18next";

export const LANGUAGES = ["zh-CN", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

const KEPT = "shopkeeper.language";

const files: Record<Language, () => Promise<{ default: object }>> = {
  "zh-CN": () => import("./zh-CN.json"),
  en: () => import("./en.json"),
};

function known(value: string | null | undefined): Language | undefined {
  if (!value) return undefined;
  return value.toLowerCase().startsWith("zh") ? "zh-CN" : value.toLowerCase().startsWith("en") ? "en" : undefined;
}

/** The language of the link, else the one chosen before, else the browser's, else English. */
function firstLanguage(): Language {
  const asked = known(new URLSearchParams(location.search).get("lang"));
  if (asked) localStorage.setItem(KEPT, asked);
  return asked ?? known(localStorage.getItem(KEPT)) ?? known(navigator.languages.find((l) => known(l))) ?? "en";
}

async function load(language: Language): Promise<void> {
  if (i18n.hasResourceBundle(language, "translation")) return;
  i18n.addResourceBundle(language, "translation", (await files[language]()).default);
}

export async function startLanguage(): Promise<void> {
  const language = firstLanguage();
  await i18n.use(initReactI18next).init({
    lng: language,
    resources: {},
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  await changeLanguage(language);
}

export async function changeLanguage(language: Language): Promise<void> {
  await load(language);
  await i18n.changeLanguage(language);
  localStorage.setItem(KEPT, language);
  document.documentElement.lang = language;
}

/** Marks a key that is kept in a constant and translated later. */
export function k(key: string): string {
  return key;
}
