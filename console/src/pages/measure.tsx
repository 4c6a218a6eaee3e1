import { DatePicker, Segmented, Tabs } from "antd";
import dayjs from "dayjs";
import { useNavigate, useParams } from "react-router";

import { useRead } from "../api/client";
import type { CohortTable, Effect, Indicator, RfmMigration } from "../api/schema";
import { named, useSpeaker } from "../i18n/text";
import { Ribbons, Series } from "../parts/chart";
import { Change, cash, lastPoints, shown, span, Spark, Whisker } from "../parts/figures";
import { Heat } from "../parts/heat";
import { Card, Fresh, Page } from "../parts/page";
import { Loaded } from "../parts/states";
import { Rows } from "../parts/table";
import { useUrlFilters, useUrlWord } from "../parts/url";
import { Side } from "../parts/side";
import { Stores } from "./stores";

export default function Measure() {
  const { t } = useSpeaker();
  const navigate = useNavigate();
  const { tab = "indicators" } = useParams();
  return (
    <Page title={t("nav.measure")} purpose={t("measure.purpose")}>
      <Tabs
        activeKey={tab}
        onChange={(next) => void navigate(`/measure/${next}`)}
        destroyOnHidden
        items={[
          { key: "indicators", label: t("measure.indicators"), children: <Indicators /> },
          { key: "effects", label: t("measure.effects"), children: <Effects /> },
          { key: "cohorts", label: t("measure.cohorts"), children: <Cohorts /> },
          { key: "rfm-migration", label: t("measure.migration"), children: <Migration /> },
          { key: "stores", label: t("measure.stores"), children: <Stores /> },
        ]}
      />
    </Page>
  );
}

function Indicators() {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  const [filters, change] = useUrlFilters("start", "end");
  const [open, setOpen] = useUrlWord("indicator");
  const indicators = useRead("GET /api/v1/measure/indicators", {
    query: { start: filters.start ?? null, end: filters.end ?? null },
  });
  const one = indicators.data?.items.find((item) => item.key === open);
  return (
    <Card
      title={t("measure.indicators")}
      help={t("measure.indicatorsHelp")}
      extra={
        <DatePicker.RangePicker
          size="small"
          aria-label={t("measure.range")}
          value={filters.start && filters.end ? [dayjs(filters.start), dayjs(filters.end)] : null}
          onChange={(range) =>
            change({
              start: range?.[0]?.format("YYYY-MM-DD") ?? null,
              end: range?.[1]?.format("YYYY-MM-DD") ?? null,
            })
          }
        />
      }
    >
      <Loaded query={indicators} lines={12} empty={(data) => data.items.length === 0}>
        {(data) => (
          <>
            <p className="muted small" style={{ marginBottom: 8 }}>
              {t("common.range", { from: format.day(data.start), to: format.day(data.end) })}
            </p>
            <Rows<Indicator>
              rows={data.items}
              rowKey={(row) => row.key}
              label={t("measure.indicators")}
              columns={[
                {
                  title: t("measure.indicator"),
                  width: 420,
                  render: (_, row) => (
                    <>
                      <button type="button" className="linklike" aria-haspopup="dialog" onClick={() => setOpen(row.key)}>
                        {say(row.name)}
                      </button>
                      <div className="muted small">{say(row.definition)}</div>
                    </>
                  ),
                },
                {
                  title: t("measure.latest"),
                  align: "right",
                  render: (_, row) =>
                    row.value === null ? (
                      <span className="muted small" style={{ whiteSpace: "normal" }}>{say(row.note) || t("state.notEnough")}</span>
                    ) : (
                      shown(speaker, row)
                    ),
                },
                { title: t("measure.change"), align: "right", render: (_, row) => <Change change={row.change} better={row.better} /> },
                {
                  title: t("measure.before"),
                  align: "right",
                  render: (_, row) => shown(speaker, { value: row.previous, unit: row.unit, currency: row.currency }),
                },
                {
                  title: t("govern.trend"),
                  render: (_, row) => (
                    <Spark points={lastPoints(row.series)} label={t("measure.seriesOf", { name: say(row.name), days: row.series.length })} />
                  ),
                },
                { title: t("figure.freshness"), render: (_, row) => <Fresh of={row.freshness} /> },
              ]}
            />
          </>
        )}
      </Loaded>
      <Side title={say(one?.name)} open={Boolean(one)} onClose={() => setOpen(null)} size={680}>
        {one && (
          <div className="stack">
            <p style={{ fontSize: 26, fontWeight: 620 }} className="num">
              {shown(speaker, one, false)} <Change change={one.change} better={one.better} />
            </p>
            <p>{say(one.definition)}</p>
            {one.note && <p className="muted">{say(one.note)}</p>}
            <Series points={one.series} measure={{ unit: one.unit, currency: one.currency }} label={say(one.name)} height={280} />
            <Fresh of={one.freshness} />
            <details>
              <summary>{t("measure.asTable")}</summary>
              <Rows
                rows={[...one.series].reverse()}
                rowKey={(point) => point.day}
                label={say(one.name)}
                columns={[
                  { title: t("common.day"), render: (_, point) => format.day(point.day) },
                  {
                    title: t("govern.value"),
                    align: "right",
                    render: (_, point) => shown(speaker, { value: point.value, unit: one.unit, currency: one.currency }, false),
                  },
                ]}
              />
            </details>
          </div>
        )}
      </Side>
    </Card>
  );
}

function Effects() {
  const { t } = useSpeaker();
  const effects = useRead("GET /api/v1/measure/effects", {});
  return (
    <Loaded query={effects} lines={8} empty={(data) => data.items.length === 0 && data.spend_saved === null}>
      {(data) => (
        <div className="stack">
          {data.spend_saved && (
            <Card title={t("measure.spendSaved")} help={t("measure.spendSavedHelp")}>
              <OneEffect effect={data.spend_saved} />
            </Card>
          )}
          {data.items.map((effect) => (
            <EffectCard key={effect.key} effect={effect} />
          ))}
        </div>
      )}
    </Loaded>
  );

  function EffectCard({ effect }: { effect: Effect }) {
    const { say } = useSpeaker();
    return (
      <Card title={say(effect.name)}>
        <OneEffect effect={effect} />
      </Card>
    );
  }
}

function OneEffect({ effect }: { effect: Effect }) {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  const { interval, estimate } = effect;
  const ends = interval ? [0, interval.low, interval.high] : [0, 1];
  const margin = (Math.max(...ends) - Math.min(...ends)) * 0.12;
  return (
    <div className="grid">
      <div className="w6">
        <p style={{ fontSize: 16 }}>{say(effect.sentence)}</p>
        {estimate !== null && interval && (
          <div style={{ marginTop: 10 }}>
            <Whisker estimate={estimate} interval={interval} low={Math.min(...ends) - margin} high={Math.max(...ends) + margin} label={span(speaker, interval, effect.unit, effect.currency)} />
            <p className="num">
              {shown(speaker, { value: estimate, unit: effect.unit, currency: effect.currency })}{" "}
              <span className="muted small">{span(speaker, interval, effect.unit, effect.currency)}</span>
            </p>
          </div>
        )}
      </div>
      <dl className="facts w6">
        <dt>{t("measure.verdict")}</dt>
        <dd>
          {t(effect.significant === null ? "measure.unknown" : effect.significant ? "measure.clear" : "measure.unclear")}
        </dd>
        <dt>{t("measure.treated")}</dt>
        <dd className="num">{format.number(effect.treated)}</dd>
        <dt>{t("decide.holdOut")}</dt>
        <dd className="num">{format.number(effect.hold_out)}</dd>
        <dt>{t("measure.method")}</dt>
        <dd>{named(t, "measure.methods", effect.method)}</dd>
        <dt>{t("measure.period")}</dt>
        <dd>{effect.start ? t("common.range", { from: format.day(effect.start), to: format.day(effect.end) }) : t("fresh.asOf", { day: format.day(effect.end) })}</dd>
      </dl>
    </div>
  );
}

function Cohorts() {
  const { t, say } = useSpeaker();
  const cohorts = useRead("GET /api/v1/measure/cohorts", {});
  return (
    <Loaded query={cohorts} lines={10} empty={(data) => data.items.length === 0}>
      {(data) => (
        <Card title={t("measure.cohorts")} help={say(data.definition)} extra={<Fresh of={data.freshness} />}>
          <CohortHeat table={data} />
        </Card>
      )}
    </Loaded>
  );
}

function CohortHeat({ table }: { table: CohortTable }) {
  const { t, format } = useSpeaker();
  const periods = Math.max(0, ...table.items.flatMap((cohort) => cohort.cells.map((cell) => cell.period)));
  return (
    <Heat
      label={t("measure.cohorts")}
      corner={t("measure.cohort")}
      columns={[t("measure.cohortSize"), ...Array.from({ length: periods + 1 }, (_, period) => t("measure.month", { period }))]}
      rows={table.items.map((cohort) => ({
        key: cohort.cohort,
        label: format.month(cohort.cohort),
        cells: [
          { text: format.number(cohort.size), weight: null },
          ...Array.from({ length: periods + 1 }, (_, period) => {
            const cell = cohort.cells.find((one) => one.period === period);
            return cell
              ? {
                  text: format.percent(cell.share, 0),
                  weight: cell.period === 0 ? null : cell.share,
                  title: t("measure.cohortCell", { customers: format.number(cell.customers), spent: cash(format, cell.spent) }),
                }
              : { text: "", weight: null };
          }),
        ],
      }))}
    />
  );
}

function Migration() {
  const { t, say, format } = useSpeaker();
  const migration = useRead("GET /api/v1/measure/rfm-migration", {});
  const [view, setView] = useUrlWord("view", "matrix");
  return (
    <Loaded query={migration} lines={10} empty={(data) => data.cells.length === 0}>
      {(data) => (
        <Card
          title={t("measure.migrationOf", { from: format.day(data.start), to: format.day(data.end) })}
          help={say(data.definition)}
          extra={
            <Segmented
              aria-label={t("measure.view")}
              value={view}
              onChange={setView}
              options={[
                { value: "matrix", label: t("measure.matrix") },
                { value: "ribbons", label: t("measure.ribbons") },
              ]}
            />
          }
        >
          {view === "ribbons" ? (
            <Ribbons cells={data.cells.filter((cell) => cell.customers > 0)} label={t("measure.migration")} />
          ) : (
            <Matrix migration={data} />
          )}
        </Card>
      )}
    </Loaded>
  );
}

function Matrix({ migration }: { migration: RfmMigration }) {
  const { t, say, format } = useSpeaker();
  const names = new Map<string, string>();
  for (const cell of migration.cells) {
    names.set(cell.origin, say(cell.origin_name));
    names.set(cell.target, say(cell.target_name));
  }
  const keys = [...names.keys()];
  const reached = keys.filter((key) => migration.cells.some((cell) => cell.target === key && cell.customers > 0));
  return (
    <Heat
      label={t("measure.migration")}
      corner={t("measure.fromTo")}
      columns={reached.map((key) => names.get(key) ?? key)}
      rows={keys.map((origin) => ({
        key: origin,
        label: names.get(origin) ?? origin,
        cells: reached.map((target) => {
          const cell = migration.cells.find((one) => one.origin === origin && one.target === target);
          return cell && cell.customers > 0
            ? { text: format.number(cell.customers), weight: cell.share, title: format.percent(cell.share) }
            : { text: "", weight: null };
        }),
      }))}
    />
  );
}
