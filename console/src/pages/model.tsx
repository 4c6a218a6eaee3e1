import { useParams } from "react-router";

import { useRead } from "../api/client";
import type { ModelCard } from "../api/schema";
import { named, useSpeaker } from "../i18n/text";
import { Calibration } from "../parts/chart";
import { Bars, shown } from "../parts/figures";
import { Card, Page } from "../parts/page";
import { Loaded } from "../parts/states";
import { FiguresTable } from "./predict/figures";
import { Gains } from "./predict/gains";
import { Models } from "./predict/models";

export default function Model() {
  const { t, say, format } = useSpeaker();
  const { task = "", version = "" } = useParams();
  const card = useRead("GET /api/v1/predict/models/{task}/{version}", { path: { task, version } });
  const summary = card.data?.summary;
  return (
    <Page
      title={summary ? `${say(summary.task_name)} · ${say(summary.label)}` : version}
      purpose={card.data ? say(card.data.purpose) : undefined}
      back={{ to: "/predict", label: t("nav.predict") }}
      actions={summary?.alias ? <span className="tag accent">{named(t, "predict.alias", summary.alias)}</span> : null}
    >
      <Loaded query={card} lines={12}>
        {(data) => (
          <>
            <Card title={t("predict.figures")} help={t("predict.figuresHelp")}>
              <FiguresTable
                label={t("predict.figures")}
                columns={data.columns}
                rows={data.rows}
                currency={data.summary.figures.find((figure) => figure.currency)?.currency ?? null}
              />
            </Card>
            <div className="grid even">
              <Card className="w6" title={t("predict.window")}>
                <Window card={data} />
              </Card>
              <Card className="w6" title={t("predict.limits")}>
                <p style={{ maxWidth: "70ch" }}>{say(data.limits)}</p>
              </Card>
              {data.calibration.length > 0 && (
                <Card
                  className="w6"
                  title={t("predict.calibration")}
                  help={
                    data.calibration_error === null
                      ? t("predict.calibrationHelp")
                      : t("predict.calibrationError", { error: shownError(data.calibration_error) })
                  }
                >
                  <Calibration points={data.calibration} label={t("predict.calibration")} />
                </Card>
              )}
              {data.importances.length > 0 && (
                <Card className="w6" title={t("predict.importances")} help={t("predict.importancesHelp")}>
                  <Importances card={data} />
                </Card>
              )}
            </div>
            <Extra task={data.summary.task} version={data.summary.version} />
            {data.slices.length > 0 && (
              <Card title={t("predict.slices")} help={t("predict.slicesHelp")}>
                <Slices card={data} />
              </Card>
            )}
            <Card title={t("predict.parameters")}>
              <dl className="facts">
                {Object.entries(data.parameters).map(([name, value]) => (
                  <div key={name} style={{ display: "contents" }}>
                    <dt className="mono">{name}</dt>
                    <dd className="mono">{value}</dd>
                  </div>
                ))}
              </dl>
            </Card>
            {data.versions.length > 0 && (
              <Card title={t("predict.versions")}>
                <Models models={data.versions} />
              </Card>
            )}
          </>
        )}
      </Loaded>
    </Page>
  );

  function shownError(error: number): string {
    return format.percent(error);
  }
}

/** Gains, and what happened to this version: the model's life beside its figures. */
function Extra({ task, version }: { task: string; version: string }) {
  const { t, say, format } = useSpeaker();
  const extra = useRead("GET /api/v1/learn/{task}/versions/{version}", { path: { task, version } });
  const data = extra.data;
  if (!data || (data.gains.length < 2 && data.events.length === 0)) return null;
  return (
    <div className="grid even">
      <Gains className="w6" lines={[{ name: t("asked.model"), found: data.gains.map((gain) => [gain.share, gain.found]) }]} />
      {data.events.length > 0 && (
        <Card className="w6" title={t("learn.events")} help={t("learn.eventsHelp")}>
          <ul className="reasons">
            {data.events.map((event) => (
              <li key={event.event_id}>
                <span>
                  <span className="muted small nowrap">{format.moment(event.at)}</span> <strong>{say(event.act_name)}</strong> {say(event.text)}
                </span>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </div>
  );
}

function Window({ card }: { card: ModelCard }) {
  const { t, format } = useSpeaker();
  const { window } = card;
  const range = (from: string | null, to: string | null) =>
    from || to ? t("common.range", { from: format.day(from), to: format.day(to) }) : "–";
  return (
    <dl className="facts">
      <dt>{t("predict.trained")}</dt>
      <dd>{range(window.train_start, window.train_end)}</dd>
      <dt>{t("predict.tested")}</dt>
      <dd>{range(window.test_start, window.test_end)}</dd>
      {window.cutoffs.length > 0 && (
        <>
          <dt>{t("predict.cutoffs")}</dt>
          <dd>{window.cutoffs.map((day) => format.day(day)).join(t("common.listSeparator"))}</dd>
        </>
      )}
      <dt>{t("predict.trainRows")}</dt>
      <dd className="num">{format.number(window.train_rows)}</dd>
      <dt>{t("predict.testRows")}</dt>
      <dd className="num">{format.number(window.test_rows)}</dd>
      <dt>{t("predict.horizon")}</dt>
      <dd>{card.summary.horizon_days ? t("customer.horizon", { count: card.summary.horizon_days }) : "–"}</dd>
      <dt>{t("predict.trainedAt")}</dt>
      <dd>{format.moment(card.summary.trained_at)}</dd>
    </dl>
  );
}

function Importances({ card }: { card: ModelCard }) {
  const { format } = useSpeaker();
  return (
    <Bars
      items={card.importances.slice(0, 14).map((one) => ({ key: one.feature, label: one.label, count: one.share }))}
      amount={(item) => format.percent(item.count)}
    />
  );
}

function Slices({ card }: { card: ModelCard }) {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  const columns = card.columns.filter((column) => card.slices.some((slice) => slice.values[column.metric] !== undefined));
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={t("predict.slices")}>
      <table className="figure-table">
        <thead>
          <tr>
            <th scope="col">{t("predict.slice")}</th>
            <th scope="col" className="right">
              {t("common.customers")}
            </th>
            {columns.map((column) => (
              <th key={column.metric} scope="col" className="right">
                {say(column.label)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {card.slices.map((slice) => (
            <tr key={slice.slice}>
              <th scope="row">{say(slice.label)}</th>
              <td className="right">{format.number(slice.customers)}</td>
              {columns.map((column) => (
                <td key={column.metric} className="right">
                  {shown(speaker, { value: slice.values[column.metric] ?? null, unit: column.unit })}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
