import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Switch } from "antd";

import { call, useRead } from "../../api/client";
import type { Connector, ConnectorKind, ConnectorRun, EnrichmentScore } from "../../api/schema";
import { useSpeaker } from "../../i18n/text";
import { Status } from "../../parts/figures";
import { Card } from "../../parts/page";
import { Side } from "../../parts/side";
import { Loaded, Nothing } from "../../parts/states";
import { Pager, Rows } from "../../parts/table";
import { useUrlWord } from "../../parts/url";

const TONES: Record<string, string> = { ok: "good", retrying: "warn", open: "bad", refused: "bad", new: "", off: "" };

export default function Connectors() {
  const { t, say, format } = useSpeaker();
  const connectors = useRead("GET /api/v1/connectors", {}, { refetchInterval: 10_000 });
  const [open, setOpen] = useUrlWord("connector");
  const one = connectors.data?.items.find((row) => row.connector_id === open);
  const scored = (connectors.data?.items ?? []).filter((row) => row.score !== null);
  return (
    <div className="stack">
      <Card
        title={t("connectors.title")}
        help={t("connectors.help")}
        extra={
          connectors.data?.worst_lag_seconds != null && (
            <span className="tag">{t("connectors.worst", { age: format.age(connectors.data.worst_lag_seconds) })}</span>
          )
        }
      >
        <Loaded
          query={connectors}
          empty={(data) => data.items.length === 0}
          nothing={(data) => <Nothing title={t("connectors.none")} next={data.next_step ? { ...data.next_step, link: null } : null} />}
        >
          {(data) => (
            <Rows<Connector>
              rows={data.items}
              rowKey={(row) => row.connector_id}
              label={t("connectors.title")}
              columns={[
                {
                  title: t("common.name"),
                  render: (_, row) => (
                    <>
                      <button type="button" className="linklike" aria-haspopup="dialog" onClick={() => setOpen(row.connector_id)}>
                        {row.connector_id}
                      </button>
                      <div className="muted small">{say(row.kind_label)}</div>
                    </>
                  ),
                },
                {
                  title: t("common.status"),
                  width: 340,
                  render: (_, row) => (
                    <>
                      <span className={`tag ${TONES[row.status] ?? ""}`}>{say(row.status_label)}</span>
                      {row.error && <div className="small bad break">{row.error}</div>}
                    </>
                  ),
                },
                { title: t("connectors.lag"), align: "right", render: (_, row) => format.age(row.lag_seconds) },
                { title: t("connectors.rows"), align: "right", render: (_, row) => format.number(row.rows_total) },
                { title: t("connectors.lastOk"), render: (_, row) => <span className="nowrap">{format.moment(row.last_ok_at)}</span> },
                {
                  title: t("connectors.next"),
                  render: (_, row) => (
                    <span className="nowrap">{row.every_seconds === 0 ? t("connectors.sentTo") : row.enabled ? format.moment(row.next_at) : "–"}</span>
                  ),
                },
                { title: t("sources.enabled"), render: (_, row) => <Enabled connector={row} /> },
                { title: t("connectors.do"), render: (_, row) => (row.every_seconds === 0 ? null : <RunNow connector={row} />) },
              ]}
            />
          )}
        </Loaded>
      </Card>
      {scored.length > 0 && <Scores rows={scored} />}
      <Kinds />
      <Side title={one?.connector_id ?? ""} open={Boolean(one)} onClose={() => setOpen(null)} size={760}>
        {one && <Detail one={one} />}
      </Side>
    </div>
  );
}

function Enabled({ connector }: { connector: Connector }) {
  const { t } = useSpeaker();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const change = useMutation({
    mutationFn: (enabled: boolean) =>
      call("POST /api/v1/connectors/{connector_id}/enabled", { path: { connector_id: connector.connector_id }, body: { enabled } }),
    onSuccess: (_, enabled) => {
      void message.success(t(enabled ? "connectors.nowOn" : "connectors.nowOff", { connector: connector.connector_id }));
      void cache.invalidateQueries({ queryKey: ["GET /api/v1/connectors"] });
    },
    onError: (error) => void message.error(error.message),
  });
  return (
    <Switch
      size="small"
      checked={connector.enabled}
      loading={change.isPending}
      onChange={(next) => change.mutate(next)}
      aria-label={t("sources.enabledOf", { source: connector.connector_id })}
    />
  );
}

function RunNow({ connector }: { connector: Connector }) {
  const { t, format } = useSpeaker();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const run = useMutation({
    mutationFn: () => call("POST /api/v1/connectors/{connector_id}/run", { path: { connector_id: connector.connector_id } }),
    onSuccess: (done) => {
      if (done.error) void message.error(done.error, 8);
      else
        void message.success(
          t("connectors.ran", { rows: format.number(done.rows), admitted: format.number(done.admitted), quarantined: format.number(done.quarantined) }),
        );
    },
    onError: (error) => void message.error(error.message),
    onSettled: () =>
      void cache.invalidateQueries({ predicate: (query) => String(query.queryKey[0]).includes("/connectors") }),
  });
  return (
    <Button size="small" loading={run.isPending} onClick={() => run.mutate()} aria-label={t("connectors.runOf", { connector: connector.connector_id })}>
      {t("connectors.run")}
    </Button>
  );
}

function Scores({ rows }: { rows: Connector[] }) {
  const { t, say, format } = useSpeaker();
  const score = (row: Connector) => row.score as EnrichmentScore;
  return (
    <Card title={t("connectors.scores")} help={t("connectors.scoresHelp")}>
      <Rows<Connector>
        rows={rows}
        rowKey={(row) => row.connector_id}
        label={t("connectors.scores")}
        columns={[
          { title: t("common.name"), render: (_, row) => row.connector_id },
          {
            title: t("connectors.verdict"),
            width: 320,
            render: (_, row) => (
              <>
                <span className={`tag ${score(row).admitted ? "good" : "bad"}`}>{t(score(row).admitted ? "connectors.used" : "connectors.refused")}</span>
                {score(row).faults.map((fault) => (
                  <div key={fault.field} className="small bad">
                    {say(fault.text)}
                  </div>
                ))}
              </>
            ),
          },
          {
            title: t("connectors.coverage"),
            align: "right",
            render: (_, row) => (
              <>
                {format.percent(score(row).coverage)}
                <div className="muted small">{t("connectors.matched", { matched: format.number(score(row).matched), ours: format.number(score(row).ours) })}</div>
              </>
            ),
          },
          {
            title: t("connectors.age"),
            align: "right",
            render: (_, row) => (score(row).age_days === null ? "–" : t("unit.days", { value: format.number(score(row).age_days, 1) })),
          },
          { title: t("connectors.cost"), align: "right", render: (_, row) => format.number(score(row).cost_per_key, 4) },
          { title: t("connectors.basis"), render: (_, row) => score(row).basis || "–" },
        ]}
      />
    </Card>
  );
}

function Kinds() {
  const { t, say, format } = useSpeaker();
  const kinds = useRead("GET /api/v1/connectors/kinds", {});
  return (
    <Card title={t("connectors.kinds")} help={t("connectors.kindsHelp")}>
      <Loaded query={kinds} empty={(data) => data.items.length === 0}>
        {(data) => (
          <Rows<ConnectorKind>
            rows={data.items}
            rowKey={(row) => row.kind}
            label={t("connectors.kinds")}
            columns={[
              { title: t("connectors.kind"), render: (_, row) => say(row.label) },
              { title: t("common.name"), render: (_, row) => <span className="mono">{row.kind}</span> },
              { title: t("connectors.every"), render: (_, row) => (row.every_seconds ? format.age(row.every_seconds) : t("connectors.sentTo")) },
              { title: t("connectors.keys"), width: 420, render: (_, row) => <span className="mono muted small break">{row.keys.join(", ")}</span> },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

function Detail({ one }: { one: Connector }) {
  const { t, say, format } = useSpeaker();
  const [cursor] = useUrlWord("cursor");
  const runs = useRead("GET /api/v1/connectors/{connector_id}/runs", {
    path: { connector_id: one.connector_id },
    query: { cursor: cursor || null, limit: 20 },
  });
  return (
    <div className="stack">
      {one.error && (
        <div className="problem" role="alert">
          <h3>{t("connectors.lastError")}</h3>
          <p className="break">{one.error}</p>
          <p className="muted small">{t("connectors.failures", { count: one.failures })}</p>
        </div>
      )}
      <dl className="facts">
        <dt>{t("connectors.kind")}</dt>
        <dd>{say(one.kind_label)}</dd>
        <dt>{t("common.status")}</dt>
        <dd>
          <span className={`tag ${TONES[one.status] ?? ""}`}>{say(one.status_label)}</span>
        </dd>
        <dt>{t("connectors.every")}</dt>
        <dd>{one.every_seconds ? format.age(one.every_seconds) : t("connectors.sentTo")}</dd>
        <dt>{t("connectors.until")}</dt>
        <dd>{format.moment(one.data_until)}</dd>
        {Object.entries(one.config).map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt className="mono">{name}</dt>
            <dd className="mono">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
      <div>
        <h3>{t("connectors.runs")}</h3>
        <Loaded query={runs} empty={(data) => data.items.length === 0} nothing={() => <p className="muted">{t("connectors.noRuns")}</p>}>
          {(data) => (
            <>
              <Rows<ConnectorRun>
                rows={data.items}
                rowKey={(row) => row.run_id}
                label={t("connectors.runs")}
                columns={[
                  { title: t("live.at"), render: (_, row) => <span className="nowrap">{format.moment(row.started_at)}</span> },
                  {
                    title: t("common.status"),
                    width: 280,
                    render: (_, row) => (
                      <>
                        <Status family="connectors.status" word={row.status} tone={row.error ? "bad" : "good"} />
                        {row.error && <div className="small bad break">{row.error}</div>}
                        {row.notes.map((note) => (
                          <div key={note.en} className="small muted">
                            {say(note)}
                          </div>
                        ))}
                      </>
                    ),
                  },
                  { title: t("connectors.rows"), align: "right", render: (_, row) => format.number(row.rows) },
                  { title: t("collect.admitted"), align: "right", render: (_, row) => format.number(row.admitted) },
                  { title: t("collect.duplicate"), align: "right", render: (_, row) => format.number(row.repeated) },
                  { title: t("collect.quarantined"), align: "right", render: (_, row) => format.number(row.quarantined) },
                  { title: t("common.took"), align: "right", render: (_, row) => (row.seconds === null ? "–" : t("unit.seconds", { value: format.number(row.seconds, 1) })) },
                ]}
              />
              <Pager next={data.next_cursor} total={data.total} shown={data.items.length} />
            </>
          )}
        </Loaded>
      </div>
    </div>
  );
}
