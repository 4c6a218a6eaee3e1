import type { Language } from "./index";

export type Format = {
  number: (value: number | null | undefined, digits?: number) => string;
  /** A measured figure: three digits that stay aligned in a column. */
  measured: (value: number | null | undefined) => string;
  compact: (value: number | null | undefined) => string;
  percent: (share: number | null | undefined, digits?: number) => string;
  signed: (value: number | null | undefined, digits?: number) => string;
  money: (minor: number | null | undefined, currency: string, compact?: boolean) => string;
  signedMoney: (minor: number | null | undefined, currency: string) => string;
  day: (value: string | null | undefined) => string;
  month: (value: string | null | undefined) => string;
  moment: (value: string | null | undefined) => string;
  ago: (value: string | null | undefined, now?: Date) => string;
  /** The hour of a moment to the second, for lists of what just happened. */
  clock: (value: string | null | undefined) => string;
  /** How old something is: 3 sec, 12 min, 4 hr, 9 days. */
  age: (seconds: number | null | undefined) => string;
  bytes: (value: number) => string;
};

export const NOTHING = "–";

const made = new Map<string, Format>();

/** Writes numbers and days by language, and moments in a time zone (without one, the reader's own). */
export function formatFor(language: Language, zone = ""): Format {
  const key = `${language} ${zone}`;
  const kept = made.get(key);
  if (kept) return kept;
  const format = make(language, zone);
  made.set(key, format);
  return format;
}

/** Digits after the point of a currency: 2 for CNY, 0 for JPY, 3 for KWD. */
export function minorDigits(currency: string): number {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

function make(language: Language, zone: string): Format {
  const usable = <T,>(value: T | null | undefined): value is T =>
    value !== null && value !== undefined && !(typeof value === "number" && !Number.isFinite(value));

  const money = (minor: number | null | undefined, currency: string, compact = false, sign = false): string => {
    if (!usable(minor)) return NOTHING;
    const digits = minorDigits(currency);
    const major = minor / 10 ** digits;
    const whole = Math.abs(major) >= 1000 || Number.isInteger(major);
    try {
      return new Intl.NumberFormat(language, {
        style: "currency",
        currency,
        currencyDisplay: "narrowSymbol",
        ...(compact && Math.abs(major) >= 10_000
          ? { notation: "compact", minimumFractionDigits: 0, maximumFractionDigits: 1 }
          : { minimumFractionDigits: whole ? 0 : digits, maximumFractionDigits: whole ? 0 : digits }),
        ...(sign ? { signDisplay: "exceptZero" } : {}),
      }).format(major);
    } catch {
      return `${major.toFixed(digits)} ${currency}`;
    }
  };

  const parse = (value: string): Date => new Date(value.length === 10 ? `${value}T00:00:00Z` : value);

  return {
    number: (value, digits = 0) =>
      usable(value) ? new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value) : NOTHING,
    measured: (value) => {
      if (!usable(value)) return NOTHING;
      const digits = Math.abs(value) < 1 ? 3 : Math.abs(value) < 10 ? 2 : Math.abs(value) < 1000 ? 1 : 0;
      return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
    },
    compact: (value) =>
      usable(value)
        ? new Intl.NumberFormat(language, {
            notation: Math.abs(value) >= 100_000 ? "compact" : "standard",
            maximumFractionDigits: Math.abs(value) >= 100 ? 1 : 2,
          }).format(value)
        : NOTHING,
    percent: (share, digits = 1) =>
      usable(share)
        ? new Intl.NumberFormat(language, {
            style: "percent",
            minimumFractionDigits: share === 0 || share === 1 ? 0 : digits,
            maximumFractionDigits: digits,
          }).format(share)
        : NOTHING,
    signed: (value, digits = 2) =>
      usable(value)
        ? new Intl.NumberFormat(language, { maximumFractionDigits: digits, signDisplay: "exceptZero" }).format(value)
        : NOTHING,
    money: (minor, currency, compact = false) => money(minor, currency, compact),
    signedMoney: (minor, currency) => money(minor, currency, false, true),
    day: (value) =>
      value
        ? new Intl.DateTimeFormat(language, { year: "numeric", month: "short", day: "numeric", timeZone: "UTC" }).format(
            parse(value.slice(0, 10)),
          )
        : NOTHING,
    month: (value) =>
      value
        ? new Intl.DateTimeFormat(language, { year: "numeric", month: "short", timeZone: "UTC" }).format(parse(value.slice(0, 10)))
        : NOTHING,
    moment: (value) =>
      value
        ? new Intl.DateTimeFormat(language, {
            year: "numeric",
            month: "short",
            day: "numeric",
            hour: "2-digit",
            minute: "2-digit",
            hour12: false,
            ...(zone ? { timeZone: zone } : {}),
          }).format(parse(value))
        : NOTHING,
    ago: (value, now = new Date()) => {
      if (!value) return NOTHING;
      const seconds = (parse(value).getTime() - now.getTime()) / 1000;
      const steps: Array<[Intl.RelativeTimeFormatUnit, number]> = [
        ["year", 31_557_600],
        ["month", 2_629_800],
        ["day", 86_400],
        ["hour", 3_600],
        ["minute", 60],
      ];
      const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
      for (const [unit, size] of steps)
        if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
      return relative.format(0, "minute");
    },
    clock: (value) =>
      value
        ? new Intl.DateTimeFormat(language, {
            hour: "2-digit",
            minute: "2-digit",
            second: "2-digit",
            hour12: false,
            ...(zone ? { timeZone: zone } : {}),
          }).format(parse(value))
        : NOTHING,
    age: (seconds) => {
      if (!usable(seconds)) return NOTHING;
      const steps: Array<[string, number]> = [
        ["day", 86_400],
        ["hour", 3_600],
        ["minute", 60],
        ["second", 1],
      ];
      const size = Math.max(0, seconds);
      const [unit, step] = steps.find(([, length]) => size >= length) ?? ["second", 1];
      const count = size / step;
      return new Intl.NumberFormat(language, {
        style: "unit",
        unit,
        unitDisplay: "short",
        maximumFractionDigits: unit === "second" && size < 10 && size > 0 ? 1 : 0,
      }).format(unit === "second" && size < 10 ? count : Math.floor(count));
    },
    bytes: (value) => {
      const units = ["B", "KB", "MB", "GB", "TB"];
      const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(value, 1)) / 10));
      return `${new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value / 1024 ** step)} ${units[step]}`;
    },
  };
}
