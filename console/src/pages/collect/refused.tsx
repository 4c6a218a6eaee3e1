import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Select } from "antd";
import { useEffect, useState } from "react";

import { call, useRead } from "../../api/client";
import type { EventViolation, QuarantinedEvent, QuarantinedEventView, ReplayRequest } from "../../api/schema";
import { named, useSpeaker } from "../../i18n/text";
import { Copy } from "../../parts/copy";
import { Editor, tidy } from "../../parts/editor";
import { Bars } from "../../parts/figures";
import { Card } from "../../parts/page";
import { Side } from "../../parts/side";
import { Loaded, Nothing, ProblemBox } from "../../parts/states";
import { Pager, Rows } from "../../parts/table";
import { useUrlFilters, useUrlWord } from "../../parts/url";

const STATUSES = ["open", "edited", "requested", "admitted", "refused"] as const;
type State = (typeof STATUSES)[number];
const TONES: Record<State, string> = { open: "", edited: "accent", requested: "accent", admitted: "good", refused: "bad" };
const EVERY = "GET /api/v1/collect/quarantine/events";

const NOTHING_CHOSEN: ReplayRequest = { numbers: [], reason: null, source: null, every: false, force: false, by: "console" };

function useReplay(after?: () => void) {
  const { t, format } = useSpeaker();
  const cache = useQueryClient();
  const { message } = App.useApp();
  return useMutation({
    mutationFn: (chosen: Partial<ReplayRequest>) => call("POST /api/v1/collect/quarantine/replays", { body: { ...NOTHING_CHOSEN, ...chosen } }),
    onSuccess: (result) => {
      const facts = {
        requested: format.number(result.requested),
        admitted: format.number(result.admitted),
        refused: format.number(result.would_be_refused),
      };
      if (result.requested + result.admitted === 0 && result.would_be_refused > 0) void message.warning(t("refused.noneSent", facts), 6);
      else void message.success(t("refused.sent", facts), 6);
      after?.();
      void cache.invalidateQueries({ predicate: (query) => String(query.queryKey[0]).startsWith(EVERY) });
    },
    onError: (error) => void message.error(error.message),
  });
}

/** Live events in quarantine: by reason, opened, corrected, sent again. */
export default function Refused() {
  const { t, say, format } = useSpeaker();
  const [filters, change] = useUrlFilters("reason", "source", "field", "status", "cursor");
  const [open, setOpen] = useUrlWord("event");
  const [picked, pick] = useState<string[]>([]);
  const replay = useReplay(() => pick([]));
  const page = useRead(
    EVERY,
    {
      query: {
        reason: filters.reason ?? null,
        source: filters.source ?? null,
        field: filters.field ?? null,
        status: (filters.status as State | undefined) ?? null,
        cursor: filters.cursor ?? null,
        limit: 25,
      },
    },
    { refetchInterval: 4_000, placeholderData: (before) => before },
  );
  const filtered = Boolean(filters.reason || filters.source || filters.field || filters.status);
  return (
    <div className="stack">
      <Loaded
        query={page}
        empty={(data) => data.items.length === 0 && !filtered}
        nothing={() => (
          <div className="card">
            <Nothing title={t("refused.none")} text={t("refused.noneText")} />
          </div>
        )}
      >
        {(data) => (
          <>
            <Card title={t("refused.total", { count: data.total ?? 0, total: format.number(data.total) })} help={t("refused.help")}>
              <div className="grid">
                <div className="w5">
                  <h3 className="small muted">{t("collect.byReason")}</h3>
                  <Bars items={data.by_reason} picked={filters.reason} onPick={(key) => change({ reason: key === filters.reason ? null : key })} />
                </div>
                <div className="w4">
                  <h3 className="small muted">{t("collect.byField")}</h3>
                  <Bars items={data.by_field} amount={(item) => format.number(item.count)} picked={filters.field} onPick={(key) => change({ field: key === filters.field ? null : key })} />
                </div>
                <div className="w3">
                  <h3 className="small muted">{t("refused.bySource")}</h3>
                  <Bars items={data.by_source} amount={(item) => format.number(item.count)} picked={filters.source} onPick={(key) => change({ source: key === filters.source ? null : key })} />
                </div>
              </div>
            </Card>
            <Card
              title={t("refused.events")}
              extra={
                <span className="row">
                  <Select
                    aria-label={t("common.status")}
                    value={filters.status ?? ""}
                    onChange={(status) => change({ status })}
                    style={{ minWidth: 180 }}
                    options={[{ value: "", label: t("refused.notYet") }, ...STATUSES.map((value) => ({ value, label: named(t, "refused.status", value) }))]}
                  />
                  {filters.reason && (
                    <Button loading={replay.isPending} onClick={() => replay.mutate({ reason: filters.reason ?? null, source: filters.source ?? null })}>
                      {t("refused.replayReason")}
                    </Button>
                  )}
                  <Button
                    type="primary"
                    disabled={picked.length === 0}
                    loading={replay.isPending}
                    onClick={() => replay.mutate({ numbers: picked.map(Number) })}
                  >
                    {t("refused.replayPicked", { count: picked.length })}
                  </Button>
                  {filtered && (
                    <button type="button" className="linklike" onClick={() => change({ reason: null, source: null, field: null, status: null })}>
                      {t("common.clearFilters")}
                    </button>
                  )}
                </span>
              }
            >
              {data.items.length === 0 ? (
                <Nothing title={t("refused.noMatch")} text={t("refused.noMatchText")} />
              ) : (
                <>
                  <Rows<QuarantinedEvent>
                    rows={data.items}
                    rowKey={(row) => String(row.number)}
                    label={t("refused.events")}
                    picked={{ keys: picked, onPick: pick, name: (row) => t("refused.pick", { number: row.number }) }}
                    columns={[
                      {
                        title: t("tracking.event"),
                        render: (_, row) => (
                          <>
                            <button type="button" className="linklike" aria-haspopup="dialog" onClick={() => setOpen(String(row.number))}>
                              {row.name ?? t("refused.unreadable")}
                            </button>
                            <div className="muted small">
                              {row.source} · {format.moment(row.quarantined_at)}
                            </div>
                          </>
                        ),
                      },
                      { title: t("refused.field"), render: (_, row) => <span className="mono break">{row.field || "–"}</span> },
                      { title: t("collect.reason"), width: 300, render: (_, row) => say(row.reason_text) },
                      { title: t("collect.nextStep"), width: 280, render: (_, row) => <span className="muted">{say(row.next_step)}</span> },
                      {
                        title: t("common.status"),
                        render: (_, row) => (
                          <>
                            <span className={`tag ${TONES[row.status]}`}>{say(row.status_text)}</span>
                            {row.replays > 0 && <div className="muted small">{t("refused.replays", { count: row.replays })}</div>}
                          </>
                        ),
                      },
                    ]}
                  />
                  <Pager next={data.next_cursor} total={data.total} shown={data.items.length} />
                </>
              )}
            </Card>
          </>
        )}
      </Loaded>
      <Side title={t("refused.one", { number: open })} open={Boolean(open)} onClose={() => setOpen(null)} size={680}>
        {open && <One key={open} number={Number(open)} />}
      </Side>
    </div>
  );
}

function One({ number }: { number: number }) {
  const view = useRead(
    "GET /api/v1/collect/quarantine/events/{number}",
    { path: { number } },
    { refetchInterval: (query) => (query.state.data?.event.status === "requested" ? 1_000 : false) },
  );
  return <Loaded query={view}>{(data) => <Desk view={data} number={number} />}</Loaded>;
}

function Desk({ view, number }: { view: QuarantinedEventView; number: number }) {
  const { t, say, format } = useSpeaker();
  const { event } = view;
  const [text, setText] = useState(() => (event.event ? JSON.stringify(event.event, null, 2) : tidy(event.raw)));
  const [fault, setFault] = useState("");
  const replay = useReplay();
  const check = useMutation({
    mutationFn: async ({ body, keep }: { body: Record<string, unknown>; keep: boolean }) =>
      call("PATCH /api/v1/collect/quarantine/events/{number}", { path: { number }, body: { event: body, patch: [], keep, by: "console" } }),
    onSuccess: (_, { keep }) => {
      if (keep) replay.mutate({ numbers: [number] });
    },
  });
  const { reset } = check;
  useEffect(() => {
    reset();
    setFault("");
  }, [text, reset]);
  const send = (keep: boolean) => {
    try {
      const body: unknown = JSON.parse(text);
      if (typeof body !== "object" || body === null || Array.isArray(body)) throw new SyntaxError(t("refused.noObject"));
      check.mutate({ body: body as Record<string, unknown>, keep });
    } catch (error) {
      setFault((error as Error).message);
    }
  };
  const judged = check.data;
  const admitted = judged ? judged.admitted : view.admitted;
  const done = event.status === "admitted";
  return (
    <div className="stack">
      <dl className="facts">
        <dt>{t("common.status")}</dt>
        <dd data-status={event.status}>
          <span className={`tag ${TONES[event.status]}`}>{say(event.status_text)}</span>
        </dd>
        <dt>{t("tracking.event")}</dt>
        <dd>{event.name ?? "–"}</dd>
        <dt>{t("live.source")}</dt>
        <dd>{event.source}</dd>
        <dt>{t("refused.at")}</dt>
        <dd>{format.moment(event.quarantined_at)}</dd>
        <dt>{t("refused.why")}</dt>
        <dd>
          {event.field && !say(event.reason_text).includes(event.field) && <span className="mono">{event.field} </span>}
          {say(event.reason_text)}
        </dd>
      </dl>
      <div className="stack" style={{ gap: 10 }}>
        <div className="row">
          <h3 style={{ flex: 1, margin: 0 }}>{t("refused.edit")}</h3>
          <Copy text={text} what={t("refused.json")} />
          {tidy(event.raw) !== text && (
            <Button size="small" onClick={() => setText(tidy(event.raw))}>
              {t("refused.asSent")}
            </Button>
          )}
        </div>
        <Editor value={text} onChange={setText} label={t("refused.edit")} says="event-says" wrong={Boolean(fault) || !admitted} height={240} />
        <div id="event-says" aria-live="polite">
          {fault ? (
            <div className="problem warning" role="alert">
              <h3>{t("refused.notJson")}</h3>
              <p className="mono">{fault}</p>
            </div>
          ) : check.isError ? (
            <ProblemBox error={check.error} />
          ) : (
            <Verdict admitted={admitted} violations={judged ? judged.violations : view.violations} asked={Boolean(judged)} />
          )}
        </div>
        {!done && (
          <div className="row">
            <Button loading={check.isPending && !check.variables?.keep} onClick={() => send(false)}>
              {t("refused.check")}
            </Button>
            <Button type="primary" loading={(check.isPending && check.variables?.keep) || replay.isPending} onClick={() => send(true)}>
              {t("refused.saveAndSend")}
            </Button>
          </div>
        )}
        {done && <p className="muted">{t("refused.doneText")}</p>}
      </div>
    </div>
  );
}

function Verdict({ admitted, violations, asked }: { admitted: boolean; violations: EventViolation[]; asked: boolean }) {
  const { t, say } = useSpeaker();
  return (
    <div className="stack" style={{ gap: 8 }} data-verdict={admitted ? "accepted" : "refused"}>
      <p className="row">
        <span className={`tag ${admitted ? "good" : "bad"}`}>{t(admitted ? "live.would" : "live.wouldNot")}</span>
        <span className="muted small">{t(asked ? "refused.asEdited" : "refused.asKept")}</span>
      </p>
      {violations.length > 0 && (
        <ul className="faults">
          {violations.map((one, index) => (
            <li key={`${one.field}:${index}`}>
              <span className="mono">{one.field || "–"}</span>
              <div>{say(one.text)}</div>
              <div className="muted small">{say(one.next_step)}</div>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
