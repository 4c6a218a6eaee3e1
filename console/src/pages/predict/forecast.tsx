import { Segmented } from "antd";
import { useCallback } from "react";

import { useRead } from "../../api/client";
import type { ForecastList, ForecastModel, ForecastSeries, PriceResponse } from "../../api/schema";
import { type Speaker, useSpeaker } from "../../i18n/text";
import { Ahead, Curves } from "../../parts/curves";
import { Change, Plain, shown, Whisker } from "../../parts/figures";
import { Card, Fresh } from "../../parts/page";
import { Loaded, Nothing } from "../../parts/states";
import { Rows } from "../../parts/table";
import { useUrlWord } from "../../parts/url";

const amount = (speaker: Speaker, unit: string, currency: string | null | undefined, value: number | null) =>
  shown(speaker, { value, unit: unit === "minor" ? "minor" : "count", currency: currency ?? null });

/** What will be sold, and what prices and promotions do to it. */
export default function Forecast() {
  const { t } = useSpeaker();
  const [view, setView] = useUrlWord("view", "sales");
  return (
    <div className="stack">
      <div>
        <Segmented
          aria-label={t("forecast.view")}
          value={view}
          onChange={setView}
          options={[
            { value: "sales", label: t("forecast.sales") },
            { value: "prices", label: t("forecast.prices") },
          ]}
        />
      </div>
      {view === "prices" ? <Prices /> : <Sales />}
    </div>
  );
}

function Sales() {
  const list = useRead("GET /api/v1/predict/forecast", {});
  return (
    <Loaded query={list} lines={10} empty={(data) => data.items.length === 0}>
      {(data) => <SalesOf data={data} />}
    </Loaded>
  );
}

function SalesOf({ data }: { data: ForecastList }) {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  const first = data.items[0];
  const [key, setKey] = useUrlWord("series", first ? keyOf(first) : "");
  const open = data.items.find((one) => keyOf(one) === key) ?? first;
  return (
    <>
      {open && <Drawn series={open} />}
      <Card title={t("forecast.all")} extra={<Fresh of={data.freshness} />}>
        <Rows<ForecastSeries>
          rows={data.items}
          rowKey={keyOf}
          label={t("forecast.all")}
          columns={[
            {
              title: t("forecast.series"),
              render: (_, row) => (
                <button type="button" className="linklike" aria-pressed={open === row} onClick={() => setKey(keyOf(row))}>
                  {say(row.label)}
                </button>
              ),
            },
            { title: t("forecast.next"), align: "right", render: (_, row) => amount(speaker, row.unit, row.currency, row.next_value) },
            {
              title: t("forecast.range"),
              align: "right",
              render: (_, row) =>
                row.next_low === null ? "–" : `${amount(speaker, row.unit, row.currency, row.next_low)} – ${amount(speaker, row.unit, row.currency, row.next_high)}`,
            },
            { title: t("forecast.expected"), align: "right", render: (_, row) => amount(speaker, row.unit, row.currency, row.expected) },
            { title: t("forecast.change"), align: "right", render: (_, row) => <Change change={row.change} /> },
          ]}
        />
      </Card>
      {data.model && (
        <Card title={t("forecast.figures")} help={say(data.model.protocol)} extra={<span className="muted small">{format.moment(data.model.trained_at)}</span>}>
          <Figures model={data.model} />
        </Card>
      )}
    </>
  );
}

const keyOf = (series: ForecastSeries) => `${series.series_kind}:${series.series_id}`;

function Drawn({ series }: { series: ForecastSeries }) {
  const speaker = useSpeaker();
  const { t, say } = speaker;
  const detail = useRead("GET /api/v1/predict/forecast/series", {
    query: { kind: series.series_kind, id: series.series_id },
  });
  const write = useCallback((value: number) => amount(speaker, series.unit, series.currency, value), [speaker, series.unit, series.currency]);
  return (
    <Card title={say(series.label)} help={t("forecast.help")}>
      <Loaded query={detail} lines={8}>
        {(data) => <Ahead past={data.history} ahead={data.forecast} label={say(series.label)} write={write} />}
      </Loaded>
    </Card>
  );
}

function Figures({ model }: { model: ForecastModel }) {
  const { t, say, format } = useSpeaker();
  const metrics = [...new Set(model.figures.flatMap((figure) => Object.keys(figure.values)))];
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={t("forecast.figures")}>
      <table className="figure-table">
        <thead>
          <tr>
            <th scope="col">{t("predict.model")}</th>
            {metrics.map((metric) => (
              <th key={metric} scope="col" className="right">
                {t(`forecast.metric.${metric}`, { defaultValue: metric })}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {model.figures.map((figure) => (
            <tr key={figure.method} className={figure.chosen ? "chosen" : figure.baseline ? "baseline" : ""}>
              <th scope="row">
                {say(figure.label)} {figure.chosen && <span className="tag accent">{t("predict.chosen")}</span>}
                {figure.baseline && <span className="tag">{t("predict.baseline")}</span>}
              </th>
              {metrics.map((metric) => (
                <td key={metric} className="right">
                  {format.measured(figure.values[metric])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Prices() {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  const responses = useRead("GET /api/v1/predict/promotion", {});
  const [key, setKey] = useUrlWord("category");
  return (
    <Loaded query={responses} lines={10} empty={(data) => data.items.length === 0}>
      {(data) => {
        const open = data.items.find((one) => one.series_id === key) ?? data.items.find((one) => one.estimate !== null);
        const low = Math.min(-3, ...data.items.map((one) => one.low ?? 0));
        return (
          <div className="stack">
            {open && <Response of={open} currency={data.currency} />}
            <Card title={t("forecast.elasticities")} help={t("forecast.elasticitiesHelp")} extra={<Fresh of={data.freshness} />}>
              <Rows<PriceResponse>
                rows={data.items}
                rowKey={(row) => `${row.series_kind}:${row.series_id}`}
                label={t("forecast.elasticities")}
                columns={[
                  {
                    title: t("forecast.category"),
                    render: (_, row) => (
                      <button type="button" className="linklike" aria-pressed={open === row} onClick={() => setKey(row.series_id)}>
                        {say(row.label)}
                      </button>
                    ),
                  },
                  { title: t("forecast.elasticity"), align: "right", render: (_, row) => format.measured(row.estimate) },
                  {
                    title: t("forecast.interval"),
                    width: 300,
                    render: (_, row) =>
                      row.estimate === null || row.low === null || row.high === null ? (
                        <span className="muted">{say(row.note) || t("state.notEnough")}</span>
                      ) : (
                        <Whisker estimate={row.estimate} interval={{ low: row.low, high: row.high, level: row.level }} low={low} high={1} label={t("forecast.elasticity")} />
                      ),
                  },
                  { title: t("forecast.observations"), align: "right", render: (_, row) => format.number(row.observations) },
                  { title: t("forecast.priceChanges"), align: "right", render: (_, row) => format.number(row.price_changes) },
                ]}
              />
            </Card>
          </div>
        );
      }}
    </Loaded>
  );
}

function Response({ of, currency }: { of: PriceResponse; currency: string }) {
  const { t, say, format } = useSpeaker();
  const price = useCallback((value: number) => format.money(value, currency), [format, currency]);
  const units = useCallback((value: number) => format.compact(value), [format]);
  const effect = of.effect;
  return (
    <div className="grid even">
      <Card className="w7" title={t("forecast.curve", { category: say(of.label) })} help={say(of.sentence) || say(of.note)}>
        {of.curve.length > 1 ? (
          <Curves
            label={t("forecast.curve", { category: say(of.label) })}
            x={price}
            y={units}
            xName={t("forecast.price")}
            yName={t("forecast.units")}
            curves={[
              {
                name: t("forecast.units"),
                points: of.curve.map((point) => [point.price_minor, point.units]),
                band: of.curve.map((point) => [point.price_minor, point.units_low, point.units_high]),
              },
            ]}
          />
        ) : (
          <Nothing title={t("state.notEnough")} text={say(of.note)} />
        )}
      </Card>
      <Card className="w5" title={t("forecast.promotion")} help={t("forecast.promotionHelp")}>
        {effect ? (
          <div className="stack">
            <div className="tiles">
              <Plain label={t("forecast.uplift")} value={format.signed(effect.uplift, 1)} foot={t("forecast.weeks", { count: effect.weeks, weeks: format.number(effect.weeks) })} />
              <Plain label={t("forecast.pulled")} value={format.signed(effect.pulled_forward, 1)} />
              <Plain label={t("forecast.cannibal")} value={format.signed(effect.cannibalised, 1)} />
              <Plain label={t("forecast.net")} value={format.signed(effect.net, 1)} foot={t("forecast.between", { low: format.signed(effect.net_low, 1), high: format.signed(effect.net_high, 1) })} />
            </div>
            {effect.margin_minor !== null && effect.margin_low !== null && effect.margin_high !== null && (
              <p>
                {t("forecast.margin", { margin: format.signedMoney(effect.margin_minor, currency) })}{" "}
                <span className="muted">{t("forecast.between", { low: format.signedMoney(effect.margin_low, currency), high: format.signedMoney(effect.margin_high, currency) })}</span>
              </p>
            )}
          </div>
        ) : (
          <p className="muted">{t("state.notEnough")}</p>
        )}
      </Card>
    </div>
  );
}
