import { ArrowRightOutlined } from "@ant-design/icons";
import type { ReactNode } from "react";
import { Link } from "react-router";

import type { Figure, Interval, Money, Point } from "../api/schema";
import type { Format } from "../i18n/format";
import { NOTHING } from "../i18n/format";
import { type Both, named, type Speaker, useSpeaker } from "../i18n/text";
import { Fresh } from "./page";
import { useUrlWord } from "./url";
import { Side } from "./side";

export type Measured = { value: number | null; unit: string; currency?: string | null };

/** A number in the reader's locale, by its unit. */
export function shown({ format, t }: Speaker, { value, unit, currency }: Measured, compact = true): string {
  if (value === null || value === undefined) return NOTHING;
  switch (unit) {
    case "minor":
      return format.money(value, currency ?? "CNY", compact);
    case "ratio":
      return format.percent(value);
    case "percent_points":
      return t("unit.percent_points", { value: format.signed(value, 1) });
    case "days":
    case "hours":
    case "seconds":
      return t(`unit.${unit}`, { value: format.number(value, value < 10 ? 1 : 0) });
    case "score":
    case "number":
      return format.measured(value);
    case "boolean":
      return t(value ? "common.yes" : "common.no");
    default:
      return compact ? format.compact(value) : format.number(value, 2);
  }
}

export function span(speaker: Speaker, interval: Interval, unit: string, currency?: string | null): string {
  return speaker.t("unit.interval", {
    low: shown(speaker, { value: interval.low, unit, currency: currency ?? null }),
    high: shown(speaker, { value: interval.high, unit, currency: currency ?? null }),
    level: speaker.format.percent(interval.level, 0),
  });
}

export const cash = (format: Format, money: Money | null | undefined, compact = false): string =>
  money ? format.money(money.minor, money.currency, compact) : NOTHING;

/** Change against the value before, with its sign and direction in words for readers of screens. */
export function Change({ change, better }: { change: number | null | undefined; better?: "up" | "down" | "neither" }) {
  const { t, format } = useSpeaker();
  if (change === null || change === undefined || !Number.isFinite(change)) return null;
  const flat = Math.abs(change) < 0.0005;
  const tone = flat || !better || better === "neither" ? "muted" : (change > 0) === (better === "up") ? "good" : "bad";
  const arrow = flat ? "→" : change > 0 ? "↑" : "↓";
  return (
    <span className={`num ${tone}`}>
      <span aria-hidden="true">{arrow} </span>
      <span className="hidden-text">{t(flat ? "change.flat" : change > 0 ? "change.up" : "change.down")} </span>
      {format.percent(Math.abs(change))}
    </span>
  );
}

/** One headline figure; a click opens its definition, freshness and the page that proves it. */
export function Tile({ figure, onOpen }: { figure: Figure; onOpen: () => void }) {
  const speaker = useSpeaker();
  const { say } = speaker;
  const known = figure.value !== null;
  return (
    <button type="button" className="tile" onClick={onOpen} aria-haspopup="dialog">
      <span className="label">{say(figure.label)}</span>
      {known ? (
        <span className="value">{shown(speaker, figure)}</span>
      ) : (
        <span className="value words">{say(figure.note) || speaker.t("state.notEnough")}</span>
      )}
      <span className="foot">
        {figure.interval ? (
          span(speaker, figure.interval, figure.unit, figure.currency)
        ) : (
          <>
            <Change change={figure.change} /> {speaker.format.day(figure.freshness.as_of)}
          </>
        )}
      </span>
    </button>
  );
}

export function Tiles({ figures }: { figures: Figure[] }) {
  const speaker = useSpeaker();
  const { t, say } = speaker;
  const [open, setOpen] = useUrlWord("figure");
  const figure = figures.find((one) => one.key === open);
  return (
    <>
      <div className={`tiles${figures.length > 6 ? " many" : ""}`}>
        {figures.map((one) => (
          <Tile key={one.key} figure={one} onOpen={() => setOpen(one.key)} />
        ))}
      </div>
      <Side title={say(figure?.label)} open={Boolean(figure)} onClose={() => setOpen(null)} size={460}>
        {figure && (
          <div className="stack">
            <p style={{ fontSize: 28, fontWeight: 620 }} className="num">
              {shown(speaker, figure, false)}
            </p>
            <dl className="facts">
              <dt>{t("figure.definition")}</dt>
              <dd>{say(figure.definition)}</dd>
              {figure.interval && (
                <>
                  <dt>{t("figure.interval")}</dt>
                  <dd className="num">{span(speaker, figure.interval, figure.unit, figure.currency)}</dd>
                </>
              )}
              {figure.change !== null && (
                <>
                  <dt>{t("figure.change")}</dt>
                  <dd>
                    <Change change={figure.change} />
                  </dd>
                </>
              )}
              <dt>{t("figure.freshness")}</dt>
              <dd>
                <Fresh of={figure.freshness} />
              </dd>
              {figure.note && (
                <>
                  <dt>{t("figure.note")}</dt>
                  <dd>{say(figure.note)}</dd>
                </>
              )}
            </dl>
            {figure.link && (
              <p>
                <Link to={figure.link}>
                  {t("figure.rows")} <ArrowRightOutlined />
                </Link>
              </p>
            )}
          </div>
        )}
      </Side>
    </>
  );
}

/** A figure without a drawer: the definition is the tooltip and stands beside it on the page. */
export function Plain({ label, value, foot }: { label: string; value: ReactNode; foot?: ReactNode }) {
  return (
    <div className="tile plain">
      <span className="label">{label}</span>
      <span className="value">{value}</span>
      <span className="foot">{foot}</span>
    </div>
  );
}

/** Horizontal bars as a list: readable by eye, keyboard and screen reader alike. */
export function Bars({
  items,
  amount,
  onPick,
  picked,
  whole,
}: {
  items: Array<{ key: string; label: Both; count: number; share?: number | null }>;
  amount?: (item: { count: number; share?: number | null }) => string;
  onPick?: (key: string) => void;
  picked?: string | undefined;
  /** What a full bar stands for; the largest item when left out. */
  whole?: number;
}) {
  const { say, format } = useSpeaker();
  const top = whole ?? Math.max(Number.MIN_VALUE, ...items.map((item) => item.count));
  const text =
    amount ??
    ((item: { count: number; share?: number | null }) =>
      item.share === null || item.share === undefined
        ? format.number(item.count)
        : `${format.number(item.count)} · ${format.percent(item.share)}`);
  return (
    <ul className="bars">
      {items.map((item) => (
        <li key={item.key}>
          <span className="name">
            {onPick ? (
              <button type="button" aria-pressed={picked === item.key} onClick={() => onPick(item.key)}>
                {say(item.label)}
              </button>
            ) : (
              say(item.label)
            )}
          </span>
          <span className="track" aria-hidden="true">
            <span className="fill" style={{ width: `${(100 * item.count) / top}%` }} />
          </span>
          <span className="count">{text(item)}</span>
        </li>
      ))}
    </ul>
  );
}

/** A small line without axes; the figures beside it carry the meaning. */
export function Spark({ points, label, target }: { points: Array<number | null>; label: string; target?: number | null }) {
  const known = points.filter((value): value is number => value !== null && Number.isFinite(value));
  if (known.length < 2) return <span className="muted">{NOTHING}</span>;
  const all = target === null || target === undefined ? known : [...known, target];
  const low = Math.min(...all);
  const high = Math.max(...all);
  const width = 120;
  const height = 28;
  const x = (index: number) => 2 + (index * (width - 4)) / Math.max(1, points.length - 1);
  const y = (value: number) => (high === low ? height / 2 : 3 + (1 - (value - low) / (high - low)) * (height - 6));
  const parts: string[] = [];
  let drawing = false;
  points.forEach((value, index) => {
    if (value === null || !Number.isFinite(value)) {
      drawing = false;
      return;
    }
    parts.push(`${drawing ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`);
    drawing = true;
  });
  return (
    <svg width={width} height={height} role="img" aria-label={label}>
      {target !== null && target !== undefined && (
        <line x1="0" x2={width} y1={y(target)} y2={y(target)} stroke="var(--line2)" strokeDasharray="3 3" />
      )}
      <path d={parts.join(" ")} fill="none" stroke="var(--accent)" strokeWidth="1.6" strokeLinejoin="round" />
    </svg>
  );
}

/** An estimate with its interval, drawn against zero. */
export function Whisker({
  estimate,
  interval,
  low,
  high,
  label,
}: {
  estimate: number;
  interval: Interval;
  low: number;
  high: number;
  label: string;
}) {
  const width = 260;
  const reach = high - low || 1;
  const x = (value: number) => 6 + ((value - low) / reach) * (width - 12);
  return (
    <svg width="100%" viewBox={`0 0 ${width} 42`} role="img" aria-label={label} style={{ maxWidth: 420, display: "block" }}>
      <line x1={x(0)} x2={x(0)} y1="2" y2="28" stroke="var(--ink3)" strokeDasharray="2 3" />
      <line x1={x(interval.low)} x2={x(interval.high)} y1="15" y2="15" stroke="var(--accent)" strokeWidth="2" />
      <line x1={x(interval.low)} x2={x(interval.low)} y1="10" y2="20" stroke="var(--accent)" strokeWidth="2" />
      <line x1={x(interval.high)} x2={x(interval.high)} y1="10" y2="20" stroke="var(--accent)" strokeWidth="2" />
      <circle cx={x(estimate)} cy="15" r="4.5" fill="var(--accent)" />
      <text x={x(0)} y="40" textAnchor="middle" fontSize="10" fill="var(--ink2)">
        0
      </text>
    </svg>
  );
}

/** Churn risk 0–9 as ten steps and a number. */
export function Risk({ value, band }: { value: number | null | undefined; band?: Both | null | undefined }) {
  const { t, say } = useSpeaker();
  if (value === null || value === undefined) return <span className="muted">{NOTHING}</span>;
  return (
    <span className="nowrap">
      <span className="scheme-risk" aria-hidden="true">
        {Array.from({ length: 10 }, (_, step) => (
          <i key={step} className={step <= value ? "on" : ""} />
        ))}
      </span>{" "}
      <span className="num">
        {t("customers.riskOf", { value })}
        {band ? <span className="muted"> {say(band)}</span> : null}
      </span>
    </span>
  );
}

export function Status({ family, word, tone }: { family: string; word: string; tone?: string }) {
  const { t } = useSpeaker();
  const tones: Record<string, string> = {
    done: "good", ready: "good", admitted: "good", performed: "good", sent: "good", built: "good", loaded: "good", complete: "good",
    failed: "bad", refused: "bad", running: "accent", approved: "accent", stale: "warn", partial: "warn",
  };
  return <span className={`tag ${tone ?? tones[word] ?? ""}`}>{named(t, family, word)}</span>;
}

export const lastPoints = (series: Point[]): Array<number | null> => series.map((point) => point.value);
