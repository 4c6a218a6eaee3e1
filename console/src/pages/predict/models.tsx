import { Link } from "react-router";

import { useRead } from "../../api/client";
import type { ModelFigure, ModelSummary } from "../../api/schema";
import { named, type Speaker, useSpeaker } from "../../i18n/text";
import { shown } from "../../parts/figures";
import { Card } from "../../parts/page";
import { Loaded } from "../../parts/states";
import { Rows } from "../../parts/table";

/** Every version of every model, champions first, each figure beside its baseline. */
export default function ModelsTab() {
  const { t, say } = useSpeaker();
  const models = useRead("GET /api/v1/predict/models", {});
  return (
    <Loaded query={models} lines={8} empty={(data) => data.items.length === 0}>
      {(data) => {
        const tasks = [...new Map(data.items.map((model) => [model.task, model.task_name]))];
        return (
          <div className="stack">
            {tasks.map(([task, name]) => {
              const own = data.items.filter((model) => model.task === task);
              return (
                <Card key={task} title={say(name)} help={t("predict.modelsHelp")} extra={own.length > 1 ? <Compare models={own} /> : null}>
                  <Models models={own} />
                </Card>
              );
            })}
          </div>
        );
      }}
    </Loaded>
  );
}

function Compare({ models }: { models: ModelSummary[] }) {
  const { t } = useSpeaker();
  const first = models.find((model) => model.alias === "champion") ?? models[0];
  const second = models.find((model) => model.alias === "challenger") ?? models.find((model) => model !== first);
  if (!first || !second) return null;
  const query = new URLSearchParams({ a: first.version, b: second.version });
  return <Link to={`/predict/models/${encodeURIComponent(first.task)}/compare?${query.toString()}`}>{t("predict.compare")}</Link>;
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
