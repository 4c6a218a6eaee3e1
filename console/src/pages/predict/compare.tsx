import { useParams } from "react-router";

import { useRead } from "../../api/client";
import type { ComparedSide, ModelComparison } from "../../api/schema";
import { useSpeaker } from "../../i18n/text";
import { Calibration } from "../../parts/chart";
import { shown } from "../../parts/figures";
import { Card, Page } from "../../parts/page";
import { Loaded } from "../../parts/states";
import { useUrlWord } from "../../parts/url";
import { Gains } from "./gains";

/** Two versions of one model side by side. */
export default function Compare() {
  const { t, say } = useSpeaker();
  const { task = "" } = useParams();
  const [a] = useUrlWord("a");
  const [b] = useUrlWord("b");
  const compared = useRead("GET /api/v1/learn/{task}/compare", { path: { task }, query: { a, b } });
  return (
    <Page title={compared.data ? t("compare.title", { task: say(compared.data.task_name) }) : task} purpose={t("compare.purpose")} back={{ to: "/predict/models", label: t("predict.tabModels") }}>
      <Loaded query={compared} lines={12}>
        {(data) => (
          <>
            <Card title={t("compare.figures")} help={say(data.note)}>
              <Figures data={data} />
              {data.paired && <Paired data={data} />}
            </Card>
            <div className="grid even">
              <Side side={data.a} name={t("compare.a")} />
              <Side side={data.b} name={t("compare.b")} />
            </div>
            <Gains
              lines={[
                { name: t("compare.a"), found: data.a.gains.map((gain) => [gain.share, gain.found]) },
                { name: t("compare.b"), found: data.b.gains.map((gain) => [gain.share, gain.found]) },
              ]}
            />
            {(data.features_added.length > 0 || data.features_removed.length > 0) && (
              <Card title={t("compare.features")}>
                <dl className="facts">
                  <dt>{t("compare.added")}</dt>
                  <dd className="mono small break">{data.features_added.join(", ") || t("common.none")}</dd>
                  <dt>{t("compare.removed")}</dt>
                  <dd className="mono small break">{data.features_removed.join(", ") || t("common.none")}</dd>
                </dl>
              </Card>
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Figures({ data }: { data: ModelComparison }) {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={t("compare.figures")}>
      <table className="figure-table">
        <thead>
          <tr>
            <th scope="col">{t("compare.figure")}</th>
            <th scope="col" className="right">{t("compare.a")}</th>
            <th scope="col" className="right">{t("compare.b")}</th>
            <th scope="col" className="right">{t("compare.difference")}</th>
          </tr>
        </thead>
        <tbody>
          {data.figures.map((figure) => (
            <tr key={figure.column.metric}>
              <th scope="row" title={say(figure.column.definition)}>
                {say(figure.column.label)} <span aria-hidden="true">{figure.column.higher_is_better ? "↑" : "↓"}</span>
                <span className="hidden-text">{t(figure.column.higher_is_better ? "predict.higher" : "predict.lower")}</span>
              </th>
              <td className="right">{shown(speaker, { value: figure.a, unit: figure.column.unit })}</td>
              <td className="right">{shown(speaker, { value: figure.b, unit: figure.column.unit })}</td>
              <td className={`right ${figure.better === "b" ? "good" : figure.better === "a" ? "bad" : "muted"}`}>{format.signed(figure.difference, 4)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Paired({ data }: { data: ModelComparison }) {
  const { t, say, format } = useSpeaker();
  const paired = data.paired;
  if (!paired) return null;
  return (
    <p style={{ marginTop: 10 }}>
      {t("compare.paired", {
        metric: say(paired.label),
        difference: format.signed(paired.difference, 4),
        low: format.signed(paired.low, 4),
        high: format.signed(paired.high, 4),
        n: format.number(paired.n),
      })}
    </p>
  );
}

function Side({ side, name }: { side: ComparedSide; name: string }) {
  const { t, say, format } = useSpeaker();
  return (
    <Card className="w6" title={`${name} · ${say(side.summary.label)}`} extra={<span className="mono small muted">{side.summary.version}</span>}>
      <dl className="facts">
        <dt>{t("predict.trainedAt")}</dt>
        <dd>{format.moment(side.summary.trained_at)}</dd>
        <dt>{t("predict.tested")}</dt>
        <dd>{t("common.range", { from: format.day(side.window.test_start), to: format.day(side.window.test_end) })}</dd>
        <dt>{t("ask.features")}</dt>
        <dd className="num">{format.number(side.features)}</dd>
      </dl>
      {side.calibration.length > 0 && <Calibration points={side.calibration} label={t("predict.calibration")} />}
    </Card>
  );
}
