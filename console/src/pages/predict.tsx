import { Link } from "react-router";

import { useRead } from "../api/client";
import type { HistogramBar, ModelFigure, ModelSummary } from "../api/schema";
import { named, type Speaker, useSpeaker } from "../i18n/text";
import { Columns } from "../parts/chart";
import { Bars, cash, Plain, shown } from "../parts/figures";
import { Card, Fresh, Page } from "../parts/page";
import { Loaded } from "../parts/states";
import { Rows } from "../parts/table";

export default function Predict() {
  const { t, say, format } = useSpeaker();
  const scores = useRead("GET /api/v1/predict/scores/summary", {});
  const models = useRead("GET /api/v1/predict/models", {});
  return (
    <Page title={t("nav.predict")} purpose={t("predict.purpose")}>
      <Loaded query={scores} empty={(data) => data.customers === 0} nothing={() => null}>
        {(data) => (
          <>
            <div className="tiles">
              <Plain label={t("predict.scored")} value={format.number(data.customers)} foot={<Fresh of={data.freshness} />} />
              <Plain
                label={t("predict.atRisk")}
                value={cash(format, data.value_at_risk, true)}
                foot={data.horizon_days ? t("customer.horizon", { count: data.horizon_days }) : ""}
              />
              <Plain
                label={t("predict.expected")}
                value={cash(format, data.expected_value, true)}
                foot={data.horizon_days ? t("customer.horizon", { count: data.horizon_days }) : ""}
              />
            </div>
            <div className="grid even">
              <Card className="w6" title={t("predict.riskBars")} help={t("predict.riskBarsHelp")}>
                <Columns
                  label={t("predict.riskBars")}
                  name={t("common.customers")}
                  bars={data.risk.map((bar) => ({ name: bar.key, value: bar.customers }))}
                />
                <BandTable bars={data.bands} />
              </Card>
              <Card className="w6" title={t("predict.tiers")} help={t("predict.tiersHelp")}>
                <Bars items={data.tiers.map((bar) => ({ ...bar, count: bar.customers }))} />
                <BandTable bars={data.tiers} />
              </Card>
            </div>
          </>
        )}
      </Loaded>
      <Loaded query={models} lines={8} empty={(data) => data.items.length === 0}>
        {(data) => {
          const tasks = [...new Map(data.items.map((model) => [model.task, model.task_name]))];
          return (
            <div className="stack">
              {tasks.map(([task, name]) => (
                <Card key={task} title={say(name)} help={t("predict.modelsHelp")}>
                  <Models models={data.items.filter((model) => model.task === task)} />
                </Card>
              ))}
            </div>
          );
        }}
      </Loaded>
    </Page>
  );
}

function BandTable({ bars }: { bars: HistogramBar[] }) {
  const { t, say, format } = useSpeaker();
  return (
    <table className="figure-table" style={{ marginTop: 12 }}>
      <thead>
        <tr>
          <th scope="col">{t("predict.band")}</th>
          <th scope="col" className="right">
            {t("common.customers")}
          </th>
          <th scope="col" className="right">
            {t("common.share")}
          </th>
          <th scope="col" className="right">
            {t("customers.value")}
          </th>
        </tr>
      </thead>
      <tbody>
        {bars.map((bar) => (
          <tr key={bar.key}>
            <th scope="row">{say(bar.label)}</th>
            <td className="right">{format.number(bar.customers)}</td>
            <td className="right">{format.percent(bar.share)}</td>
            <td className="right">{cash(format, bar.value, true)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A figure beside its baseline, and whether it is better: in words, not by colour alone. */
export function Beside({ figure, speaker }: { figure: ModelFigure; speaker: Speaker }) {
  const { t } = speaker;
  const better = figure.beats_baseline;
  return (
    <span className="nowrap">
      <span className="num">{shown(speaker, figure)}</span>
      {figure.baseline_value !== null && (
        <span className={`small num ${better ? "good" : better === false ? "bad" : "muted"}`}>
          {" "}
          {t(better === null ? "predict.beside" : better ? "predict.better" : "predict.worse", {
            baseline: shown(speaker, { value: figure.baseline_value, unit: figure.unit, currency: figure.currency }),
          })}
        </span>
      )}
    </span>
  );
}

export function Models({ models }: { models: ModelSummary[] }) {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  const metrics = [...new Map(models.flatMap((model) => model.figures.map((figure) => [figure.metric, figure.label] as const)))];
  return (
    <Rows<ModelSummary>
      rows={models}
      rowKey={(row) => `${row.task}:${row.version}`}
      label={t("predict.models")}
      columns={[
        {
          title: t("predict.model"),
          render: (_, row) => (
            <>
              <Link to={`/predict/models/${encodeURIComponent(row.task)}/${encodeURIComponent(row.version)}`}>
                {say(row.label)}
              </Link>{" "}
              {row.alias && <span className="tag accent">{named(t, "predict.alias", row.alias)}</span>}
              <div className="muted small mono">{row.version}</div>
            </>
          ),
        },
        ...metrics.map(([metric, label]) => ({
          title: say(label),
          render: (_: unknown, row: ModelSummary) => {
            const figure = row.figures.find((one) => one.metric === metric);
            return figure ? <Beside figure={figure} speaker={speaker} /> : "–";
          },
        })),
        { title: t("predict.customers"), align: "right" as const, render: (_: unknown, row: ModelSummary) => format.number(row.customers) },
        { title: t("predict.trainedAt"), render: (_: unknown, row: ModelSummary) => format.moment(row.trained_at) },
      ]}
    />
  );
}
