import { Segmented, Skeleton, Tabs } from "antd";
import { type ComponentType, lazy, type LazyExoticComponent, Suspense } from "react";
import { useNavigate, useParams } from "react-router";

import { useRead } from "../api/client";
import type { Load, QuarantinedRow, TableInfo } from "../api/schema";
import { named, useSpeaker } from "../i18n/text";
import { Bars, Status } from "../parts/figures";
import { Card, Page } from "../parts/page";
import { Loaded, Nothing } from "../parts/states";
import { Pager, Rows } from "../parts/table";
import { useUrlFilters, useUrlWord } from "../parts/url";

const Live = lazy(() => import("./collect/live"));
const Sources = lazy(() => import("./collect/sources"));
const Connectors = lazy(() => import("./collect/connectors"));
const Tracking = lazy(() => import("./collect/tracking"));
const Refused = lazy(() => import("./collect/refused"));
const Bots = lazy(() => import("./collect/bots"));
const FreshnessBoard = lazy(() => import("./collect/freshness"));

export default function Collect() {
  const { t } = useSpeaker();
  const navigate = useNavigate();
  const { tab = "loads" } = useParams();
  return (
    <Page title={t("nav.collect")} purpose={t("collect.purpose")}>
      <Tabs
        activeKey={tab}
        onChange={(next) => void navigate(`/collect/${next}`)}
        destroyOnHidden
        items={[
          { key: "loads", label: t("collect.loads"), children: <Loads /> },
          { key: "live", label: t("collect.live"), children: <Later page={Live} /> },
          { key: "sources", label: t("collect.sources"), children: <Later page={Sources} /> },
          { key: "connectors", label: t("collect.connectors"), children: <Later page={Connectors} /> },
          { key: "tracking", label: t("collect.tracking"), children: <Later page={Tracking} /> },
          { key: "quarantine", label: t("collect.quarantine"), children: <Held /> },
          { key: "bots", label: t("collect.bots"), children: <Later page={Bots} /> },
          { key: "freshness", label: t("collect.freshness"), children: <Later page={FreshnessBoard} /> },
          { key: "tables", label: t("collect.tables"), children: <Tables /> },
        ]}
      />
    </Page>
  );
}

function Later({ page: Content }: { page: LazyExoticComponent<ComponentType> }) {
  return (
    <Suspense fallback={<Skeleton active title={false} paragraph={{ rows: 6 }} />}>
      <Content />
    </Suspense>
  );
}

/** What was held back: rows of files, and live events. */
function Held() {
  const { t } = useSpeaker();
  const [of] = useUrlWord("of", "rows");
  const navigate = useNavigate();
  return (
    <div className="stack">
      <div>
        <Segmented
          aria-label={t("collect.held")}
          value={of}
          onChange={(next) => void navigate(next === "rows" ? "/collect/quarantine" : "/collect/quarantine?of=events")}
          options={[
            { value: "rows", label: t("collect.heldRows") },
            { value: "events", label: t("collect.heldEvents") },
          ]}
        />
      </div>
      {of === "events" ? <Later page={Refused} /> : <Quarantine />}
    </div>
  );
}

function Loads() {
  const { t, say, format } = useSpeaker();
  const [filters] = useUrlFilters("cursor", "table");
  const loads = useRead("GET /api/v1/collect/loads", { query: { ...filters, limit: 25 } });
  return (
    <Card title={t("collect.loads")} help={t("collect.loadsHelp")}>
      <Loaded query={loads} empty={(data) => data.items.length === 0}>
        {(data) => (
          <>
            <Rows<Load>
              rows={data.items}
              rowKey={(row) => row.load_id}
              label={t("collect.loads")}
              columns={[
                { title: t("collect.source"), render: (_, row) => <span className="break">{row.source}</span> },
                { title: t("common.table"), render: (_, row) => say(row.table_label) },
                { title: t("common.status"), render: (_, row) => <Status family="load.status" word={row.status} /> },
                { title: t("collect.read"), align: "right", render: (_, row) => format.number(row.rows_read) },
                { title: t("collect.admitted"), align: "right", render: (_, row) => format.number(row.rows_admitted) },
                { title: t("collect.duplicate"), align: "right", render: (_, row) => format.number(row.rows_duplicate) },
                {
                  title: t("collect.quarantined"),
                  align: "right",
                  render: (_, row) => (
                    <span className={row.rows_quarantined ? "warn" : ""}>{format.number(row.rows_quarantined)}</span>
                  ),
                },
                { title: t("collect.finished"), render: (_, row) => format.moment(row.finished_at ?? row.started_at) },
                {
                  title: t("common.took"),
                  align: "right",
                  render: (_, row) =>
                    row.seconds === null ? "–" : t("unit.seconds", { value: format.number(row.seconds, 1) }),
                },
              ]}
            />
            <Pager next={data.next_cursor} total={data.total} shown={data.items.length} />
          </>
        )}
      </Loaded>
    </Card>
  );
}

function Quarantine() {
  const { t, say, format } = useSpeaker();
  const [filters, change] = useUrlFilters("cursor", "reason", "table", "load_id");
  const summary = useRead("GET /api/v1/collect/quarantine/summary", {});
  const rows = useRead("GET /api/v1/collect/quarantine", { query: { ...filters, limit: 25 } });
  const filtered = Boolean(filters.reason || filters.table || filters.load_id);
  return (
    <div className="stack">
      <Loaded
        query={summary}
        empty={(data) => data.total === 0}
        nothing={(data) => (
          <div className="card">
            <Nothing next={data.next_step} title={t("collect.noQuarantine")} text={t("collect.noQuarantineText")} />
          </div>
        )}
      >
        {(data) => (
          <Card
            title={t("collect.waiting", { count: data.total, total: format.number(data.total) })}
            help={
              data.share === null
                ? t("collect.quarantineHelp")
                : t("collect.quarantineShare", { share: format.percent(data.share, 2) })
            }
          >
            <div className="grid">
              <div className="w6">
                <h3 className="small muted">{t("collect.byReason")}</h3>
                <Bars
                  items={data.by_reason}
                  picked={filters.reason}
                  onPick={(key) => change({ reason: key === filters.reason ? null : key })}
                />
              </div>
              <div className="w3">
                <h3 className="small muted">{t("collect.byTable")}</h3>
                <Bars
                  items={data.by_table}
                  amount={(item) => format.number(item.count)}
                  picked={filters.table}
                  onPick={(key) => change({ table: key === filters.table ? null : key })}
                />
              </div>
              <div className="w3">
                <h3 className="small muted">{t("collect.byField")}</h3>
                <Bars items={data.by_field} amount={(item) => format.number(item.count)} />
              </div>
            </div>
          </Card>
        )}
      </Loaded>
      {summary.data?.total !== 0 && (
      <Card
        title={t("collect.rows")}
        extra={
          filtered && (
            <button type="button" className="linklike" onClick={() => change({ reason: null, table: null, load_id: null })}>
              {t("common.clearFilters")}
            </button>
          )
        }
      >
        <Loaded query={rows} empty={(data) => data.items.length === 0}>
          {(data) => (
            <>
              <Rows<QuarantinedRow>
                rows={data.items}
                rowKey={(row) => row.quarantine_id}
                label={t("collect.rows")}
                columns={[
                  {
                    title: t("collect.where"),
                    render: (_, row) => (
                      <span className="break">
                        {row.source}
                        <br />
                        <span className="muted small">
                          {row.row_number !== null && `${t("collect.rowNumber", { row: format.number(row.row_number) })} · `}
                          {format.moment(row.quarantined_at)}
                        </span>
                      </span>
                    ),
                  },
                  {
                    title: t("collect.field"),
                    render: (_, row) => (
                      <span>
                        <span className="mono">{row.field ?? "–"}</span>
                        {row.value !== null && (
                          <>
                            <br />
                            <span className="mono muted break">{row.value}</span>
                          </>
                        )}
                      </span>
                    ),
                  },
                  { title: t("collect.reason"), width: 280, render: (_, row) => say(row.reason_text) },
                  { title: t("collect.nextStep"), width: 300, render: (_, row) => say(row.next_step) },
                ]}
                expand={(row) => (
                  <dl className="facts">
                    {Object.entries(row.record).map(([name, value]) => (
                      <div key={name} style={{ display: "contents" }}>
                        <dt className="mono">{name}</dt>
                        <dd className="mono">{value ?? "–"}</dd>
                      </div>
                    ))}
                  </dl>
                )}
              />
              <Pager next={data.next_cursor} total={data.total} shown={data.items.length} />
            </>
          )}
        </Loaded>
      </Card>
      )}
    </div>
  );
}

function Tables() {
  const { t, say, format } = useSpeaker();
  const tables = useRead("GET /api/v1/collect/tables", {});
  return (
    <Card title={t("collect.tables")} help={t("collect.tablesHelp")}>
      <Loaded query={tables} empty={(data) => data.items.length === 0}>
        {(data) => (
          <Rows
            rows={data.items}
            rowKey={(row) => row.table}
            label={t("collect.tables")}
            columns={[
              { title: t("common.table"), render: (_, row) => say(row.label) },
              { title: t("common.name"), render: (_, row) => <span className="mono">{row.table}</span> },
              { title: t("common.stage"), render: (_, row) => named(t, "stage.name", row.stage) },
              { title: t("common.rowsHead"), align: "right", render: (_, row) => format.number(row.rows) },
              { title: t("common.columns"), align: "right", render: (_, row) => format.number(row.columns) },
              { title: t("common.version"), align: "right", render: (_, row) => row.version ?? "–" },
              ...(data.items.some((row) => row.changed_at !== null)
                ? [{ title: t("common.changed"), render: (_: unknown, row: TableInfo) => format.moment(row.changed_at) }]
                : []),
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}
