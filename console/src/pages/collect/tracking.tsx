import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Input, Modal } from "antd";
import { useEffect, useRef, useState } from "react";

import { call, useRead } from "../../api/client";
import type { PlanTally, PlanVersion, TrackedEvent, TrackingPlanView, TrackingPreview } from "../../api/schema";
import { named, useSpeaker } from "../../i18n/text";
import { Editor, showLine } from "../../parts/editor";
import { Card } from "../../parts/page";
import { Loaded, ProblemBox } from "../../parts/states";
import { Rows } from "../../parts/table";
import { useUrlWord } from "../../parts/url";

/** Latest events that a draft is tried on. */
const RECENT = 10_000;

export default function Tracking() {
  const [version, setVersion] = useUrlWord("version");
  const plan = useRead("GET /api/v1/collect/tracking", {});
  return (
    <Loaded query={plan} lines={12}>
      {(data) => <Plan key={data.version} view={data} version={Number(version) || null} onVersion={(next) => setVersion(next === null ? null : String(next))} />}
    </Loaded>
  );
}

function Plan({ view, version, onVersion }: { view: TrackingPlanView; version: number | null; onVersion: (version: number | null) => void }) {
  const { t, say, format } = useSpeaker();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const [text, setText] = useState(view.yaml);
  const [asking, ask] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const preview = useMutation({
    mutationFn: async (yaml: string) => ({ yaml, found: await call("POST /api/v1/collect/tracking/preview", { body: { yaml, recent: RECENT } }) }),
  });
  const guess = useMutation({
    mutationFn: () => call("GET /api/v1/collect/tracking/guess", {}),
    onSuccess: (found) => {
      if (found.events === 0) void message.info(t("tracking.guessNothing"));
      else {
        setText(found.yaml);
        preview.mutate(found.yaml);
        void message.success(t("tracking.guessed", { count: found.events, events: format.number(found.events) }));
      }
    },
    onError: (error) => void message.error(error.message),
  });
  const earlier = useRead(
    "GET /api/v1/collect/tracking/versions/{version}",
    { path: { version: version ?? 1 } },
    { enabled: version !== null && version !== view.version },
  );
  const old = version !== null && version !== view.version ? earlier.data : undefined;
  useEffect(() => {
    if (old) setText(old.yaml);
  }, [old]);

  const judged = preview.data?.yaml === text ? preview.data.found : undefined;
  const changed = text !== view.yaml || view.version === 0;
  const ready = Boolean(judged?.valid && (judged.steps.length > 0 || view.version === 0));
  return (
    <div className="stack">
      {view.version === 0 && view.next_step && (
        <div className="problem note">
          <h3>{t("tracking.noPlan")}</h3>
          <p>{say(view.next_step.text)}</p>
        </div>
      )}
      <div className="grid">
        <div className="w7">
          <Card
            title={view.version ? t("tracking.version", { version: view.version }) : t("tracking.standard")}
            help={t("tracking.help")}
            extra={
              <span className="row">
                <Button loading={guess.isPending} onClick={() => guess.mutate()}>
                  {t("tracking.guess")}
                </Button>
                <Button disabled={!text.trim()} loading={preview.isPending} onClick={() => preview.mutate(text)}>
                  {t("tracking.preview")}
                </Button>
                <Button type="primary" disabled={!ready} onClick={() => ask(true)}>
                  {t("tracking.apply")}
                </Button>
              </span>
            }
          >
            {old && (
              <p className="muted small" style={{ marginBottom: 8 }}>
                {t("tracking.earlier", { version: old.version })}{" "}
                <button
                  type="button"
                  className="linklike"
                  onClick={() => {
                    onVersion(null);
                    setText(view.yaml);
                  }}
                >
                  {t("tracking.backToCurrent")}
                </button>
              </p>
            )}
            <Editor box={box} value={text} onChange={setText} label={t("tracking.title")} says="plan-says" wrong={judged?.valid === false} height={520} />
          </Card>
        </div>
        <div className="w5 stack" id="plan-says" aria-live="polite">
          <Card title={t("tracking.effect")}>
            {preview.isError ? (
              <ProblemBox error={preview.error} retry={() => preview.mutate(text)} />
            ) : judged ? (
              <Says found={judged} onJump={(line) => showLine(box.current, text, line)} />
            ) : (
              <p className="muted">{t(changed ? "tracking.askPreview" : "tracking.unchanged")}</p>
            )}
          </Card>
          <History items={view.history} current={view.version} onPick={onVersion} />
        </div>
      </div>
      <Planned events={view.events} />
      <Apply
        open={asking}
        found={judged}
        yaml={text}
        onClose={() => ask(false)}
        onDone={async (applied) => {
          ask(false);
          onVersion(null);
          void message.success(t("tracking.applied", { version: applied }));
          await cache.invalidateQueries({ predicate: (query) => String(query.queryKey[0]).includes("/collect/") });
        }}
      />
    </div>
  );
}

function Says({ found, onJump }: { found: TrackingPreview; onJump: (line: number) => void }) {
  const { t, say, format } = useSpeaker();
  if (!found.valid)
    return (
      <div className="stack" style={{ gap: 10 }}>
        <p className="bad">{t("tracking.faults", { count: found.faults.length })}</p>
        <ul className="faults">
          {found.faults.map((fault, index) => (
            <li key={`${fault.line}:${index}`}>
              <button type="button" className="linklike small" onClick={() => onJump(fault.line)}>
                {t("tracking.line", { line: fault.line })}
              </button>{" "}
              {fault.path && <span className="mono muted">{fault.path}</span>}
              <div>{say(fault.message)}</div>
            </li>
          ))}
        </ul>
      </div>
    );
  const effect = found.effect;
  return (
    <div className="stack" style={{ gap: 12 }}>
      <p className="row">
        <span className="tag good">{t("tracking.valid")}</span>
        {found.stricter && <span className="tag warn">{t("tracking.stricter")}</span>}
      </p>
      {effect && (
        <dl className="facts">
          <dt>{t("tracking.judged")}</dt>
          <dd className="num">{effect.events === 0 ? t("tracking.noEvents") : format.number(effect.events)}</dd>
          {effect.events > 0 && (
            <>
              <dt>{t("tracking.refusedNow")}</dt>
              <dd className="num">
                {format.number(effect.refused_now)} → <strong className={effect.refused_then > effect.refused_now ? "bad" : ""}>{format.number(effect.refused_then)}</strong>
              </dd>
              <dt>{t("tracking.newly")}</dt>
              <dd className="num">{t("tracking.newlyOf", { refused: format.number(effect.newly_refused), admitted: format.number(effect.newly_admitted) })}</dd>
              <dt>{t("tracking.warned")}</dt>
              <dd className="num">{format.number(effect.warned_then)}</dd>
            </>
          )}
        </dl>
      )}
      {found.steps.length === 0 ? (
        <p className="muted">{t("tracking.nothingChanges")}</p>
      ) : (
        <div>
          <h3 className="small muted">{t("tracking.steps", { count: found.steps.length })}</h3>
          <ul className="steps held" tabIndex={0} aria-label={t("tracking.steps", { count: found.steps.length })}>
            {found.steps.slice(0, 100).map((step) => (
              <li key={`${step.action}:${step.path}`}>
                <span className={`tag ${step.stricter ? "warn" : ""}`}>{named(t, "tracking.actions", step.action)}</span>
                <span style={{ flex: 1, minWidth: 180 }}>{say(step.text)}</span>
              </li>
            ))}
          </ul>
          {found.steps.length > 100 && <p className="muted small">{t("common.more", { count: found.steps.length - 100 })}</p>}
        </div>
      )}
      {effect && effect.reasons.length > 0 && (
        <Rows<PlanTally>
          rows={effect.reasons.slice(0, 20)}
          rowKey={(row) => `${row.event}:${row.field}:${row.reason}`}
          label={t("tracking.reasons")}
          columns={[
            { title: t("tracking.event"), render: (_, row) => <span className="break">{row.event || "–"}</span> },
            { title: t("collect.reason"), render: (_, row) => say(row.text) },
            { title: t("tracking.events"), align: "right", render: (_, row) => format.number(row.count) },
          ]}
        />
      )}
    </div>
  );
}

function History({ items, current, onPick }: { items: PlanVersion[]; current: number; onPick: (version: number | null) => void }) {
  const { t, format } = useSpeaker();
  return (
    <Card title={t("tracking.history")}>
      {items.length === 0 ? (
        <p className="muted">{t("tracking.noHistory")}</p>
      ) : (
        <ul className="tasks">
          {items.slice(0, 20).map((one) => (
            <li key={one.version}>
              <div>
                <button type="button" className="linklike" onClick={() => onPick(one.version === current ? null : one.version)}>
                  {t("tracking.version", { version: one.version })}
                </button>{" "}
                {one.version === current && <span className="tag good">{t("tracking.inForce")}</span>}
                <div className="muted small">
                  {format.moment(one.applied_at)} · {one.applied_by} · {t("tracking.eventsCount", { count: one.events })}
                </div>
                {one.note && <div className="small break">{one.note}</div>}
              </div>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Planned({ events }: { events: TrackedEvent[] }) {
  const { t, say, format } = useSpeaker();
  return (
    <Card title={t("tracking.planned", { count: events.length })} help={t("tracking.plannedHelp")}>
      <Rows<TrackedEvent>
        rows={events}
        rowKey={(row) => row.name}
        label={t("tracking.event")}
        expand={(row) =>
          row.properties.length === 0 ? (
            <p className="muted">{t("tracking.noProperties")}</p>
          ) : (
            <table className="figure-table">
              <thead>
                <tr>
                  <th scope="col">{t("tracking.property")}</th>
                  <th scope="col">{t("govern.type")}</th>
                  <th scope="col">{t("tracking.required")}</th>
                  <th scope="col">{t("tracking.rules")}</th>
                  <th scope="col">{t("govern.meaning")}</th>
                </tr>
              </thead>
              <tbody>
                {row.properties.map((one) => (
                  <tr key={one.path}>
                    <th scope="row" className="mono">{one.path}</th>
                    <td className="mono">{one.types.join(" | ") || "–"}</td>
                    <td>{t(one.required ? "common.yes" : "common.no")}</td>
                    <td className="mono">{one.rules.join("; ") || "–"}</td>
                    <td>{say(one.description) || "–"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
        columns={[
          { title: t("tracking.event"), render: (_, row) => row.name },
          { title: t("govern.meaning"), width: 380, render: (_, row) => say(row.description) || "–" },
          { title: t("tracking.owner"), render: (_, row) => row.owner || "–" },
          { title: t("tracking.severity"), render: (_, row) => named(t, "tracking.severities", row.severity) },
          { title: t("tracking.unplanned"), render: (_, row) => named(t, "tracking.unplannedWords", row.unplanned) },
          { title: t("tracking.properties"), align: "right", render: (_, row) => format.number(row.properties.length) },
        ]}
      />
    </Card>
  );
}

function Apply({
  open,
  found,
  yaml,
  onClose,
  onDone,
}: {
  open: boolean;
  found: TrackingPreview | undefined;
  yaml: string;
  onClose: () => void;
  onDone: (version: number) => Promise<void>;
}) {
  const { t, format } = useSpeaker();
  const [note, setNote] = useState("");
  const apply = useMutation({
    mutationFn: () => call("PUT /api/v1/collect/tracking", { body: { yaml, based_on: found?.based_on ?? 0, note: note.trim(), by: "console" } }),
    onSuccess: async (applied) => {
      setNote("");
      await onDone(applied.version.version);
    },
  });
  return (
    <Modal
      open={open}
      title={t("tracking.apply")}
      okText={t("tracking.applyNow")}
      cancelText={t("common.cancel")}
      confirmLoading={apply.isPending}
      onOk={() => apply.mutate()}
      onCancel={onClose}
      destroyOnHidden
    >
      <div className="form">
        <p>
          {t("tracking.applySteps", { count: found?.steps.length ?? 0 })}{" "}
          {found?.effect && found.effect.events > 0 &&
            t("tracking.applyEffect", { events: format.number(found.effect.events), refused: format.number(found.effect.newly_refused), admitted: format.number(found.effect.newly_admitted) })}
        </p>
        <p className="muted">{t("tracking.applyUndo")}</p>
        <label>
          <span className="muted small">{t("tracking.note")}</span>
          <Input value={note} maxLength={2000} onChange={(event) => setNote(event.target.value)} />
        </label>
        {apply.isError && <ProblemBox error={apply.error} />}
      </div>
    </Modal>
  );
}
