import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Button, Input, Tabs } from "antd";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";

import { call, useRead } from "../api/client";
import type { ChangePlan, DriftReport, FeatureDrift, ModelEvent, ModelSummary, TaskStatus } from "../api/schema";
import { useSpeaker } from "../i18n/text";
import { Status } from "../parts/figures";
import { Card, Page } from "../parts/page";
import { Loaded, Nothing, ProblemBox } from "../parts/states";
import { Side } from "../parts/side";
import { Rows } from "../parts/table";
import { useUrlWord } from "../parts/url";

/** How models stand, what moved under them, and what was done about it. */
export default function Learn() {
  const { t } = useSpeaker();
  const navigate = useNavigate();
  const { tab = "status" } = useParams();
  return (
    <Page title={t("nav.learn")} purpose={t("learn.purpose")}>
      <Tabs
        activeKey={tab}
        onChange={(next) => void navigate(next === "status" ? "/learn" : `/learn/${next}`)}
        destroyOnHidden
        items={[
          { key: "status", label: t("learn.status"), children: <Standing /> },
          { key: "events", label: t("learn.events"), children: <Events /> },
        ]}
      />
    </Page>
  );
}

function Version({ model }: { model: ModelSummary | null }) {
  const { say, format } = useSpeaker();
  if (!model) return <span className="muted">–</span>;
  return (
    <>
      <Link to={`/predict/models/${encodeURIComponent(model.task)}/${encodeURIComponent(model.version)}`}>{say(model.label)}</Link>
      <div className="muted small">
        <span className="mono">{model.version.slice(0, 10)}</span> · {format.day(model.as_of)}
      </div>
    </>
  );
}

function Standing() {
  const { t, say, format } = useSpeaker();
  const status = useRead("GET /api/v1/learn/status", {});
  const [drift, setDrift] = useUrlWord("drift");
  const [change, setChange] = useState<{ task: TaskStatus; act: "promote" | "rollback" } | null>(null);
  return (
    <Loaded query={status} lines={10} empty={(data) => data.tasks.length === 0}>
      {(data) => (
        <>
          {!data.enabled && <p className="tag warn">{t("learn.off")}</p>}
          <Card title={t("learn.models")} help={t("learn.modelsHelp")}>
            <Rows<TaskStatus>
              rows={data.tasks}
              rowKey={(row) => row.task}
              label={t("learn.models")}
              columns={[
                {
                  title: t("learn.task"),
                  width: 300,
                  render: (_, row) => (
                    <>
                      <strong>{say(row.task_name)}</strong>
                      <div className="muted small">{say(row.text)}</div>
                    </>
                  ),
                },
                {
                  title: t("common.status"),
                  render: (_, row) => (
                    <>
                      <Status family="learn.state" word={row.state} tone={row.state === "good" ? "good" : row.state === "drifted" ? "warn" : row.state === "degraded" ? "bad" : ""} />
                      {row.watched && <div className="muted small">{t("learn.watched")}</div>}
                    </>
                  ),
                },
                { title: t("learn.champion"), render: (_, row) => <Version model={row.champion} /> },
                { title: t("learn.challenger"), render: (_, row) => <Version model={row.challenger} /> },
                {
                  title: t("learn.skill"),
                  align: "right",
                  render: (_, row) => (
                    <span title={say(row.skill_label)} className="num nowrap">
                      {format.measured(row.skill_now)}
                      {row.skill_expected !== null && <span className="muted small"> {t("learn.expected", { skill: format.measured(row.skill_expected) })}</span>}
                    </span>
                  ),
                },
                {
                  title: t("learn.drift"),
                  align: "right",
                  render: (_, row) =>
                    row.champion ? (
                      <button type="button" className="linklike" onClick={() => setDrift(row.task)}>
                        {row.drift === null ? t("learn.look") : t("learn.columns", { count: row.drift })}
                      </button>
                    ) : (
                      "–"
                    ),
                },
                { title: t("learn.nextTraining"), render: (_, row) => format.moment(row.next_training) },
                {
                  title: t("learn.act"),
                  render: (_, row) => (
                    <div className="row" style={{ gap: 8 }}>
                      <Button size="small" disabled={!row.can_promote} onClick={() => setChange({ task: row, act: "promote" })}>
                        {t("learn.promote")}
                      </Button>
                      <Button size="small" disabled={!row.can_roll_back} onClick={() => setChange({ task: row, act: "rollback" })}>
                        {t("learn.rollback")}
                      </Button>
                    </div>
                  ),
                },
              ]}
            />
          </Card>
          <Side title={t("learn.drift")} open={drift !== ""} onClose={() => setDrift(null)} size={760}>
            {drift && <Drift task={drift} />}
          </Side>
          <Side title={change ? t(change.act === "promote" ? "learn.promoteTitle" : "learn.rollbackTitle", { task: say(change.task.task_name) }) : ""} open={change !== null} onClose={() => setChange(null)} size={560}>
            {change && <Change task={change.task} act={change.act} onDone={() => setChange(null)} />}
          </Side>
        </>
      )}
    </Loaded>
  );
}

/** Plan first: what would change, then a button that does it. */
function Change({ task, act, onDone }: { task: TaskStatus; act: "promote" | "rollback"; onDone: () => void }) {
  const { t, say } = useSpeaker();
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const ask = (confirm: string | null) => {
    const body = { version: null, confirm, reason, by: "" };
    return act === "promote"
      ? call("POST /api/v1/learn/{task}/promote", { path: { task: task.task }, body })
      : call("POST /api/v1/learn/{task}/rollback", { path: { task: task.task }, body });
  };
  const plan = useMutation({ mutationFn: () => ask(null) });
  const perform = useMutation({
    mutationFn: (digest: string) => ask(digest),
    onSuccess: async () => {
      await queries.invalidateQueries();
      onDone();
    },
  });
  const found: ChangePlan | undefined = plan.data;
  return (
    <div className="stack">
      <Input.TextArea aria-label={t("learn.reason")} placeholder={t("learn.reason")} rows={2} value={reason} onChange={(event) => setReason(event.target.value)} />
      <div>
        <Button onClick={() => plan.mutate()} loading={plan.isPending}>
          {t("learn.plan")}
        </Button>
      </div>
      {plan.error && <ProblemBox error={plan.error} />}
      {found && (
        <>
          <p>{say(found.text)}</p>
          {found.warnings.map((warning) => (
            <p key={warning.en} className="warn">
              {say(warning)}
            </p>
          ))}
          <dl className="facts">
            <dt>{t("learn.goes")}</dt>
            <dd>
              <Version model={found.out} />
            </dd>
            <dt>{t("learn.comes")}</dt>
            <dd>
              <Version model={found.into} />
            </dd>
          </dl>
          {perform.error && <ProblemBox error={perform.error} />}
          <div>
            <Button type="primary" loading={perform.isPending} onClick={() => perform.mutate(found.digest)}>
              {t(act === "promote" ? "learn.promote" : "learn.rollback")}
            </Button>
          </div>
        </>
      )}
    </div>
  );
}

function Drift({ task }: { task: string }) {
  const report = useRead("GET /api/v1/learn/{task}/drift", { path: { task } });
  return <Loaded query={report}>{(data) => <DriftOf report={data} />}</Loaded>;
}

function DriftOf({ report }: { report: DriftReport }) {
  const { t, say, format } = useSpeaker();
  if (report.columns.length === 0) return <Nothing next={report.next_step} title={say(report.text)} />;
  return (
    <div className="stack">
      <p>
        <span className={`tag ${report.alarmed ? "warn" : "good"}`}>{t(report.alarmed ? "learn.moved" : "learn.steady")}</span> {say(report.text)}
      </p>
      {report.separating.length > 0 && (
        <p className="small">{t("learn.separating", { columns: report.separating.join(t("common.listSeparator")), auc: format.measured(report.separating_auc) })}</p>
      )}
      <Rows<FeatureDrift>
        rows={report.columns.slice(0, 60)}
        rowKey={(row) => `${row.kind}:${row.feature}`}
        label={t("learn.drift")}
        expand={(row) => <Bins column={row} />}
        columns={[
          {
            title: t("learn.column"),
            render: (_, row) => (
              <>
                {say(row.label)}
                <div className="muted small">{say(row.text)}</div>
              </>
            ),
          },
          { title: t("learn.level"), render: (_, row) => <Status family="learn.levels" word={row.level} tone={row.alarmed ? "warn" : ""} /> },
          {
            title: t("learn.psi"),
            align: "right",
            render: (_, row) => (
              <span className="num nowrap">
                {format.measured(row.psi)} <span className="muted small">{t("learn.byChance", { psi: format.measured(row.expected) })}</span>
              </span>
            ),
          },
        ]}
      />
    </div>
  );
}

function Bins({ column }: { column: FeatureDrift }) {
  const { t, format } = useSpeaker();
  const name = (at: number): string => {
    if (column.levels.length > 0) return column.levels[at] ?? t("learn.other");
    const low = column.edges[at - 1];
    const high = column.edges[at];
    if (low === undefined) return high === undefined ? "–" : `< ${format.compact(high)}`;
    return high === undefined ? `≥ ${format.compact(low)}` : `${format.compact(low)} – ${format.compact(high)}`;
  };
  return (
    <table className="figure-table">
      <thead>
        <tr>
          <th scope="col">{t("learn.bin")}</th>
          <th scope="col" className="right">{t("learn.before")}</th>
          <th scope="col" className="right">{t("learn.now")}</th>
        </tr>
      </thead>
      <tbody>
        {column.before.map((share, at) => (
          <tr key={name(at)}>
            <th scope="row">{name(at)}</th>
            <td className="right">{format.percent(share)}</td>
            <td className="right">{format.percent(column.now[at])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Events() {
  const { t, say, format } = useSpeaker();
  const events = useRead("GET /api/v1/learn/events", {});
  return (
    <Card title={t("learn.events")} help={t("learn.eventsHelp")}>
      <Loaded query={events} lines={8} empty={(data) => data.items.length === 0}>
        {(data) => (
          <Rows<ModelEvent>
            rows={data.items}
            rowKey={(row) => row.event_id}
            label={t("learn.events")}
            columns={[
              { title: t("learn.when"), render: (_, row) => <span className="nowrap">{format.moment(row.at)}</span> },
              { title: t("learn.task"), render: (_, row) => say(row.task_name) },
              { title: t("learn.what"), render: (_, row) => <span className={`tag ${TONES[row.act] ?? ""}`}>{say(row.act_name)}</span> },
              { title: t("learn.why"), width: 520, render: (_, row) => say(row.text) },
              {
                title: t("learn.evidence"),
                align: "right",
                render: (_, row) =>
                  row.comparison ? (
                    <span className="num nowrap">
                      {format.signed(row.comparison.difference, 4)}
                      <div className="muted small">{t("forecast.between", { low: format.signed(row.comparison.low, 4), high: format.signed(row.comparison.high, 4) })}</div>
                    </span>
                  ) : (
                    "–"
                  ),
              },
              { title: t("predict.model"), render: (_, row) => <span className="mono small">{row.version.slice(0, 10)}</span> },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

const TONES: Record<string, string> = {
  first: "accent", promoted: "good", sound: "good", steady: "good", renewed: "good", drifted: "warn", degraded: "bad", rolled_back: "warn", retired: "bad",
};
