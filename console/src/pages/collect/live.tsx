import { PauseOutlined, PlayCircleOutlined } from "@ant-design/icons";
import { useMutation } from "@tanstack/react-query";
import { Button, Input, Select } from "antd";
import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";

import { call, useRead } from "../../api/client";
import { bothOf, type DoorAnswer, judge } from "../../api/door";
import type { LiveArrival, LiveFeed, LiveSource } from "../../api/schema";
import { named, useSpeaker } from "../../i18n/text";
import { Copy } from "../../parts/copy";
import { Editor, tidy } from "../../parts/editor";
import { Card } from "../../parts/page";
import { Side } from "../../parts/side";
import { Nothing, ProblemBox } from "../../parts/states";
import { Rows } from "../../parts/table";
import { useUrlFilters, useUrlWord } from "../../parts/url";

const KEPT = 500;
const EVERY_MS = 1000;
const VERDICTS = ["accepted", "duplicate", "refused"] as const;
type Verdict = (typeof VERDICTS)[number];

const verdictOf = (one: LiveArrival): Verdict =>
  one.reason !== null || one.status >= 400 ? "refused" : one.accepted === 0 && one.duplicates > 0 ? "duplicate" : "accepted";

type Heard = { items: LiveArrival[]; feed: LiveFeed | null; error: Error | null };

/** The latest arrivals, asked again every second; a pause keeps what is on the page. */
function useArrivals(paused: boolean): Heard {
  const [heard, hear] = useState<Heard>({ items: [], feed: null, error: null });
  const last = useRef(0);
  useEffect(() => {
    if (paused) return;
    const stop = new AbortController();
    let timer = 0;
    const ask = async () => {
      try {
        const known = last.current;
        let feed = await call("GET /api/v1/collect/live", { query: { after: known, limit: KEPT } }, stop.signal);
        // The service was started anew: its numbers begin again.
        const again = feed.last < known;
        if (again) feed = await call("GET /api/v1/collect/live", { query: { limit: KEPT } }, stop.signal);
        last.current = feed.last;
        hear((before) => ({
          items: again || feed.items.length > 0 ? [...feed.items.toReversed(), ...(again ? [] : before.items)].slice(0, KEPT) : before.items,
          feed,
          error: null,
        }));
      } catch (error) {
        if (!stop.signal.aborted) hear((before) => ({ ...before, error: error as Error }));
      }
      if (!stop.signal.aborted) timer = window.setTimeout(() => void ask(), document.hidden ? 5 * EVERY_MS : EVERY_MS);
    };
    void ask();
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [paused]);
  return heard;
}

export default function Live() {
  const { t, format } = useSpeaker();
  const [paused, pause] = useState(false);
  const { items, feed, error } = useArrivals(paused);
  const [filters, change] = useUrlFilters("source", "verdict", "find");
  const [open, setOpen] = useUrlWord("arrival");
  const sources = useRead("GET /api/v1/collect/sources", {});
  const [draft, setDraft] = useState("");
  const word = (filters.find ?? "").toLowerCase();
  const shown = items.filter(
    (one) =>
      (!filters.source || one.source === filters.source) &&
      (!filters.verdict || verdictOf(one) === filters.verdict) &&
      (!word ||
        [one.path, one.ip, one.reason ?? "", one.sample ?? "", ...one.events.map((event) => event.name)].some((text) =>
          text.toLowerCase().includes(word),
        )),
  );
  const arrival = items.find((one) => String(one.number) === open);
  const names = [...new Set([...(sources.data?.items ?? []).map((one) => one.source_id), ...items.map((one) => one.source)])].filter(Boolean);
  const waiting = (feed?.lag ?? []).reduce((sum, one) => sum + one.lag, 0);
  return (
    <div className="stack">
      <Card
        title={t("live.title")}
        help={t("live.help")}
        extra={
          <span className="row">
            <span className={`pulse small ${error ? "off" : paused ? "off" : "on"}`} role="status">
              {t(error ? "live.lost" : paused ? "live.paused" : "live.listening")}
            </span>
            {feed && <span className="muted small num">{t("live.waiting", { count: waiting, waiting: format.number(waiting) })}</span>}
            {feed && feed.pressure > 0.5 && <span className="tag warn">{t("live.pressure", { share: format.percent(feed.pressure, 0) })}</span>}
            <Button icon={paused ? <PlayCircleOutlined /> : <PauseOutlined />} onClick={() => pause(!paused)} aria-pressed={paused}>
              {t(paused ? "live.goOn" : "live.pause")}
            </Button>
          </span>
        }
      >
        <div className="filters">
          <Select
            aria-label={t("live.source")}
            value={filters.source ?? ""}
            onChange={(source) => change({ source })}
            style={{ minWidth: 170 }}
            options={[{ value: "", label: t("live.everySource") }, ...names.map((value) => ({ value, label: value }))]}
          />
          <Select
            aria-label={t("live.verdict")}
            value={filters.verdict ?? ""}
            onChange={(verdict) => change({ verdict })}
            style={{ minWidth: 170 }}
            options={[
              { value: "", label: t("live.everyVerdict") },
              ...VERDICTS.map((value) => ({ value, label: named(t, "live.verdicts", value) })),
            ]}
          />
          <Input.Search
            aria-label={t("live.find")}
            placeholder={t("live.find")}
            defaultValue={filters.find}
            onSearch={(find) => change({ find })}
            allowClear
            style={{ width: 280 }}
          />
        </div>
        {error && items.length === 0 ? (
          <ProblemBox error={error} />
        ) : feed === null ? (
          <p className="muted" role="status">{t("state.loading")}</p>
        ) : items.length === 0 ? (
          <Empty />
        ) : shown.length === 0 ? (
          <Nothing title={t("live.noMatch")} text={t("live.noMatchText")} />
        ) : (
          <Arrivals rows={shown} onOpen={(number) => setOpen(String(number))} />
        )}
      </Card>
      <Try sources={sources.data?.items ?? []} draft={draft} onDraft={setDraft} />
      <Side title={t("live.request", { number: open })} open={Boolean(arrival)} onClose={() => setOpen(null)} size={620}>
        {arrival && (
          <Arrival
            one={arrival}
            source={sources.data?.items.find((one) => one.source_id === arrival.source)}
            onTry={(text) => {
              setDraft(text);
              setOpen(null);
              requestAnimationFrame(() => document.getElementById("try-event")?.scrollIntoView({ block: "center" }));
            }}
          />
        )}
      </Side>
    </div>
  );
}

function Empty() {
  const { t } = useSpeaker();
  return (
    <div className="state">
      <h3>{t("live.emptyTitle")}</h3>
      <p>{t("live.emptyText")}</p>
      <Link to="/collect/sources">
        <Button type="primary" tabIndex={-1}>
          {t("live.toSources")}
        </Button>
      </Link>
    </div>
  );
}

function VerdictTag({ one }: { one: LiveArrival }) {
  const { t } = useSpeaker();
  const verdict = verdictOf(one);
  const tone = verdict === "accepted" ? "good" : verdict === "refused" ? "bad" : "warn";
  return (
    <span className={`tag ${tone}`}>
      {named(t, "live.verdicts", verdict)}
      {verdict === "refused" && <span className="num"> {one.status}</span>}
    </span>
  );
}

function Arrivals({ rows, onOpen }: { rows: LiveArrival[]; onOpen: (number: number) => void }) {
  const { t, say, format } = useSpeaker();
  const began = useRef(rows[0]?.number ?? 0);
  return (
    <>
      <Rows<LiveArrival>
        rows={rows.slice(0, 100)}
        rowKey={(row) => String(row.number)}
        rowClass={(row) => (row.number > began.current ? "new-row" : "")}
        label={t("live.title")}
        columns={[
          {
            title: t("live.at"),
            render: (_, row) => (
              <button type="button" className="linklike num nowrap" aria-haspopup="dialog" onClick={() => onOpen(row.number)}>
                {format.clock(row.at)}
              </button>
            ),
          },
          { title: t("live.source"), render: (_, row) => (row.source ? <span className="mono">{row.source}</span> : <span className="muted">{t("live.unknown")}</span>) },
          {
            title: t("live.events"),
            width: 280,
            render: (_, row) => (
              <span className="break">
                {row.events.length === 0 && <span className="muted">–</span>}
                {row.events.slice(0, 4).map((event, index) => (
                  <span key={event.name}>
                    {index > 0 && t("common.listSeparator")}
                    {event.name}
                    {event.count > 1 && <span className="muted num"> × {format.number(event.count)}</span>}
                  </span>
                ))}
                {row.events.length > 4 && <span className="muted"> {t("common.more", { count: row.events.length - 4 })}</span>}
              </span>
            ),
          },
          { title: t("live.verdict"), render: (_, row) => <VerdictTag one={row} /> },
          {
            title: t("live.why"),
            width: 380,
            render: (_, row) =>
              row.reason_text ? (
                <>
                  <div>{say(row.reason_text)}</div>
                  {row.next_step && <div className="muted small">{say(bothOf(row.next_step))}</div>}
                </>
              ) : row.duplicates > 0 ? (
                <span className="muted small">{t("live.repeated", { count: row.duplicates, repeated: format.number(row.duplicates) })}</span>
              ) : (
                <span className="muted small">{t("live.kept", { count: row.accepted, kept: format.number(row.accepted) })}</span>
              ),
          },
          { title: t("live.path"), render: (_, row) => <span className="mono muted">{row.path}</span> },
        ]}
      />
      <p className="pager muted small">
        {t("table.rowsOf", { shown: format.number(Math.min(100, rows.length)), total: format.number(rows.length) })}
      </p>
    </>
  );
}

function Arrival({ one, source, onTry }: { one: LiveArrival; source: LiveSource | undefined; onTry: (text: string) => void }) {
  const { t, say, format } = useSpeaker();
  const sample = one.sample ? tidy(one.sample) : "";
  return (
    <div className="stack">
      <dl className="facts">
        <dt>{t("live.verdict")}</dt>
        <dd>
          <VerdictTag one={one} />
        </dd>
        {one.reason_text && (
          <>
            <dt>{t("live.why")}</dt>
            <dd>{say(one.reason_text)}</dd>
          </>
        )}
        {one.next_step && (
          <>
            <dt>{t("collect.nextStep")}</dt>
            <dd>{say(bothOf(one.next_step))}</dd>
          </>
        )}
        <dt>{t("live.at")}</dt>
        <dd className="num">
          {format.moment(one.at)} · {format.clock(one.at)}
        </dd>
        <dt>{t("live.source")}</dt>
        <dd>{one.source || t("live.unknown")}</dd>
        <dt>{t("live.events")}</dt>
        <dd>{one.events.map((event) => `${event.name} × ${format.number(event.count)}`).join(t("common.listSeparator")) || "–"}</dd>
        <dt>{t("live.counts")}</dt>
        <dd className="num">{t("live.countsOf", { accepted: format.number(one.accepted), duplicates: format.number(one.duplicates) })}</dd>
        <dt>{t("live.path")}</dt>
        <dd className="mono">{one.path}</dd>
        <dt>{t("live.ip")}</dt>
        <dd className="mono">{one.ip || "–"}</dd>
      </dl>
      {sample && (
        <div className="stack" style={{ gap: 8 }}>
          <div className="row">
            <h3 style={{ flex: 1, margin: 0 }}>{t("live.sample")}</h3>
            <Copy text={sample} what={t("live.sample")} />
            <Button size="small" onClick={() => onTry(sample)}>
              {t("live.tryThis")}
            </Button>
          </div>
          <pre className="mono code">{sample}</pre>
        </div>
      )}
      {one.reason === null && source?.enabled && one.sample && <Now writeKey={source.write_key} sample={one.sample} />}
    </div>
  );
}

/** What the checks in force say to the event: the worker judges it by the same ones. */
function Now({ writeKey, sample }: { writeKey: string; sample: string }) {
  const { t } = useSpeaker();
  const asked = useMutation({ mutationFn: () => judge(writeKey, sample) });
  const { mutate } = asked;
  useEffect(() => mutate(), [mutate]);
  return (
    <div>
      <h3>{t("live.now")}</h3>
      {asked.isPending && <p className="muted">{t("state.loading")}</p>}
      {asked.isError && <ProblemBox error={asked.error} />}
      {asked.data && <Verdicts answer={asked.data} />}
    </div>
  );
}

export function Verdicts({ answer }: { answer: DoorAnswer }) {
  const { t, say, format } = useSpeaker();
  const refused = answer.events.filter((event) => !event.accepted);
  return (
    <div className="stack" style={{ gap: 8 }} data-verdict={answer.success ? "accepted" : "refused"}>
      <p className="row">
        <span className={`tag ${answer.success ? "good" : "bad"}`}>{t(answer.success ? "live.would" : "live.wouldNot")}</span>
        {answer.events.length > 1 && (
          <span className="muted small">
            {t("live.ofEvents", { refused: format.number(refused.length), events: format.number(answer.events.length) })}
          </span>
        )}
        {answer.events.length === 1 && (
          <span className="muted small">{t("live.countsAs", { kind: answer.events[0]?.kind })}</span>
        )}
      </p>
      {answer.events.some((event) => event.invalid) && <p className="warn small">{t("live.machine")}</p>}
      {refused.length > 0 && (
        <ul className="faults">
          {refused.slice(0, 20).flatMap((event) =>
            event.violations.map((fault, index) => (
              <li key={`${event.index}:${index}`}>
                <div>
                  <span className="mono">{fault.field || "–"}</span>{" "}
                  {answer.events.length > 1 && <span className="muted small">{t("live.eventNumber", { number: event.index + 1 })}</span>}
                </div>
                <div>{say(fault)}</div>
                {fault.next_step && <div className="muted small">{say(bothOf(fault.next_step))}</div>}
              </li>
            )),
          )}
        </ul>
      )}
    </div>
  );
}

function example(): string {
  const body = { type: "track", event: "Product Viewed", userId: "u1", properties: { product_id: "p1", price: 15 } };
  return JSON.stringify(body, null, 2);
}

function Try({ sources, draft, onDraft }: { sources: LiveSource[]; draft: string; onDraft: (text: string) => void }) {
  const { t } = useSpeaker();
  // The one that sends is the one that is asked about.
  const usable = sources.filter((one) => one.enabled).toSorted((a, b) => (b.last_at ?? "").localeCompare(a.last_at ?? ""));
  const [chosen, choose] = useState("");
  const source = usable.find((one) => one.source_id === chosen) ?? usable[0];
  const asked = useMutation({ mutationFn: () => judge(source?.write_key ?? "", draft) });
  return (
    <Card title={t("live.try")} help={t("live.tryHelp")}>
      <div className="grid" id="try-event">
        <div className="w6 stack" style={{ gap: 10 }}>
          <Editor value={draft} onChange={onDraft} label={t("live.try")} says="try-says" wrong={asked.data?.success === false} hint={example()} height={200} />
          <div className="row">
            <Select
              aria-label={t("live.trySource")}
              value={source?.source_id ?? null}
              onChange={choose}
              placeholder={t("live.noSource")}
              style={{ minWidth: 160 }}
              options={usable.map((one) => ({ value: one.source_id, label: one.source_id }))}
            />
            <Button type="primary" disabled={!draft.trim() || !source} loading={asked.isPending} onClick={() => asked.mutate()}>
              {t("live.check")}
            </Button>
            {!draft.trim() && (
              <button type="button" className="linklike" onClick={() => onDraft(example())}>
                {t("live.example")}
              </button>
            )}
          </div>
        </div>
        <div className="w6" id="try-says" aria-live="polite">
          {asked.isError ? <ProblemBox error={asked.error} /> : asked.data ? <Verdicts answer={asked.data} /> : <p className="muted">{t(source ? "live.tryWaiting" : "live.noSourceText")}</p>}
        </div>
      </div>
    </Card>
  );
}
