import { Link, useParams } from "react-router";

import { useRead } from "../../api/client";
import type { PropensityDetail, PropensityExample, PropensityFigure, PropensityReport } from "../../api/schema";
import { useSpeaker } from "../../i18n/text";
import { Calibration } from "../../parts/chart";
import { Bars, Plain, Status } from "../../parts/figures";
import { Card, Page } from "../../parts/page";
import { Loaded, Nothing } from "../../parts/states";
import { Gains } from "./gains";

/** One model that a person asked for: whether it is worth using, and why it says what it says. */
export default function AskedModel() {
  const { t, say, format } = useSpeaker();
  const { name = "" } = useParams();
  const detail = useRead("GET /api/v1/predict/propensity/{name}", { path: { name } }, {
    refetchInterval: (query) => (query.state.data?.status === "waiting" || query.state.data?.status === "running" ? 2_000 : false),
  });
  const data = detail.data;
  return (
    <Page
      title={data ? say(data.title) || data.name : name}
      purpose={data ? say(data.sentence) : undefined}
      back={{ to: "/predict/asked", label: t("predict.tabAsked") }}
      actions={data ? <Status family="asked.status" word={data.status} /> : null}
    >
      <Loaded query={detail} lines={12}>
        {(one) => (
          <>
            {one.status === "running" || one.status === "waiting" ? (
              <Card>
                <p role="status">
                  {t("asked.working")} {one.run_id && <Link to={`/runs/${encodeURIComponent(one.run_id)}`}>{t("asked.watch")}</Link>}
                </p>
              </Card>
            ) : null}
            {one.refused && (
              <Card>
                <Nothing title={t("ask.cannot")} text={[say(one.refused), say(one.next_step)].filter(Boolean).join(" ")} />
              </Card>
            )}
            {one.report && <Report detail={one} report={one.report} />}
            {!one.report && one.status === "done" && <p className="muted">{format.moment(one.trained_at)}</p>}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Report({ detail, report }: { detail: PropensityDetail; report: PropensityReport }) {
  const { t, say, format } = useSpeaker();
  return (
    <div className="stack">
      <Card title={say(report.verdict)} help={say(report.protocol)} extra={<span className={`tag ${report.useful ? "good" : "warn"}`}>{t(report.useful ? "asked.useful" : "asked.useless")}</span>}>
        <div className="tiles">
          <Plain label={t("asked.positives")} value={format.number(report.positives)} foot={format.percent(report.base_rate)} />
          <Plain label={t("predict.trainRows")} value={format.number(report.train_rows)} />
          <Plain label={t("predict.testRows")} value={format.number(report.test_rows)} />
          <Plain label={t("asked.scored")} value={format.number(detail.scored)} foot={<span className="mono">{detail.score_kind}</span>} />
        </div>
        {report.notes.map((note) => (
          <p key={note.en} className="muted">
            {say(note)}
          </p>
        ))}
      </Card>
      <Card title={t("predict.figures")} help={t("asked.figuresHelp")}>
        <Figures figures={report.figures} />
      </Card>
      <div className="grid even">
        <Gains className="w6" lines={[{ name: t("asked.model"), found: report.gains.map((row) => [row.share, row.captured]) }]} />
        {report.calibration.length > 0 && (
          <Card className="w6" title={t("predict.calibration")} help={t("predict.calibrationHelp")}>
            <Calibration points={report.calibration} label={t("predict.calibration")} />
          </Card>
        )}
        {report.importances.length > 0 && (
          <Card className="w6" title={t("predict.importances")} help={t("predict.importancesHelp")}>
            <Bars items={report.importances.slice(0, 14).map((one) => ({ key: one.feature, label: one.label, count: one.share }))} amount={(item) => format.percent(item.count)} />
          </Card>
        )}
        {report.examples.length > 0 && (
          <Card className="w6" title={t("asked.examples")} help={t("asked.examplesHelp")}>
            {report.examples.map((example) => (
              <Example key={example.customer_id} example={example} />
            ))}
          </Card>
        )}
      </div>
      {report.slices.length > 0 && <Slices report={report} />}
      <Checks report={report} />
    </div>
  );
}

function Figures({ figures }: { figures: PropensityFigure[] }) {
  const { t, say, format } = useSpeaker();
  const metrics = [...new Set(figures.map((figure) => figure.metric))];
  const methods = [...new Map(figures.map((figure) => [figure.method, figure]))];
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={t("predict.figures")}>
      <table className="figure-table">
        <thead>
          <tr>
            <th scope="col">{t("predict.model")}</th>
            {metrics.map((metric) => (
              <th key={metric} scope="col" className="right">
                {t(`asked.metric.${metric}`, { defaultValue: metric })}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {methods.map(([method, some]) => (
            <tr key={method} className={some.ours ? "chosen" : "baseline"}>
              <th scope="row">
                {say(some.label)} <span className={`tag ${some.ours ? "accent" : ""}`}>{t(some.ours ? "predict.chosen" : "predict.baseline")}</span>
              </th>
              {metrics.map((metric) => {
                const figure = figures.find((one) => one.method === method && one.metric === metric);
                return (
                  <td key={metric} className="right">
                    {format.measured(figure?.value)}
                    {figure && figure.low !== null && figure.high !== null && (
                      <div className="muted small">
                        {format.measured(figure.low)} – {format.measured(figure.high)}
                      </div>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Example({ example }: { example: PropensityExample }) {
  const { t, say, format } = useSpeaker();
  return (
    <section style={{ marginBottom: 14 }}>
      <p>
        <Link to={`/customers/${encodeURIComponent(example.customer_id)}`}>{example.customer_id}</Link> <strong className="num">{format.percent(example.probability)}</strong>
      </p>
      <ul className="reasons">
        {example.reasons.map((reason) => (
          <li key={reason.text.en}>
            <span>{say(reason.text)}</span>
            <span className="muted small num weight">{format.signed(reason.weight)}</span>
          </li>
        ))}
      </ul>
      <p className="muted small">{t("asked.sum", { base: format.signed(example.base), others: format.signed(example.others), calibration: format.signed(example.calibration) })}</p>
    </section>
  );
}

function Slices({ report }: { report: PropensityReport }) {
  const { t, say, format } = useSpeaker();
  return (
    <Card title={t("predict.slices")} help={t("predict.slicesHelp")}>
      <table className="figure-table">
        <thead>
          <tr>
            <th scope="col">{t("predict.slice")}</th>
            <th scope="col" className="right">{t("common.customers")}</th>
            <th scope="col" className="right">{t("ask.positives")}</th>
            <th scope="col" className="right">{t("predict.observed")}</th>
            <th scope="col" className="right">{t("predict.predicted")}</th>
            <th scope="col" className="right">{t("asked.metric.auc")}</th>
          </tr>
        </thead>
        <tbody>
          {report.slices.map((slice) => (
            <tr key={slice.label.en}>
              <th scope="row">{say(slice.label)}</th>
              <td className="right">{format.number(slice.customers)}</td>
              <td className="right">{format.number(slice.positives)}</td>
              <td className="right">{format.percent(slice.rate)}</td>
              <td className="right">{format.percent(slice.predicted)}</td>
              <td className="right">{format.measured(slice.auc)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Checks({ report }: { report: PropensityReport }) {
  const { t, say } = useSpeaker();
  return (
    <Card title={t("asked.checks")} help={t("asked.checksHelp")}>
      {report.findings.length === 0 ? (
        <p className="good">{t("asked.clean")}</p>
      ) : (
        <ul className="reasons">
          {report.findings.map((finding) => (
            <li key={`${finding.kind}:${finding.column ?? ""}`}>
              <span>
                <span className={`tag ${finding.severity === "refuse" ? "bad" : "warn"}`}>{t(finding.severity === "refuse" ? "asked.leak" : "asked.doubt")}</span> {say(finding.text)}{" "}
                <span className="muted">{say(finding.next_step)}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
      {report.dropped.length > 0 && (
        <dl className="facts small" style={{ marginTop: 12 }}>
          {report.dropped.map((one) => (
            <div key={one.value} style={{ display: "contents" }}>
              <dt className="mono">{one.value}</dt>
              <dd className="muted">{say(one.label)}</dd>
            </div>
          ))}
        </dl>
      )}
    </Card>
  );
}
