import { useRead } from "../../api/client";
import type { HistogramBar } from "../../api/schema";
import { useSpeaker } from "../../i18n/text";
import { Columns } from "../../parts/chart";
import { Bars, cash, Plain } from "../../parts/figures";
import { Card, Fresh } from "../../parts/page";
import { Loaded } from "../../parts/states";

/** How the latest scores are distributed. */
export default function Scores() {
  const { t, format } = useSpeaker();
  const scores = useRead("GET /api/v1/predict/scores/summary", {});
  return (
    <Loaded query={scores} empty={(data) => data.customers === 0} lines={8}>
      {(data) => (
        <div className="stack">
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
        </div>
      )}
    </Loaded>
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
