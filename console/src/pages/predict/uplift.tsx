import { InputNumber, Segmented } from "antd";
import { useCallback, useState } from "react";

import { useRead } from "../../api/client";
import type { UpliftGroup, UpliftMethod, UpliftTask, UpliftWaiting } from "../../api/schema";
import { minorDigits } from "../../i18n/format";
import { type Speaker, useSpeaker } from "../../i18n/text";
import { Curves } from "../../parts/curves";
import { cash, Plain, span } from "../../parts/figures";
import { Card } from "../../parts/page";
import { Loaded, Nothing } from "../../parts/states";
import { Rows } from "../../parts/table";
import { useUrlWord } from "../../parts/url";

/** Whom a contact really changes: four groups, what treating them is worth, and what is saved. */
export default function Uplift() {
  const { t, say } = useSpeaker();
  const overview = useRead("GET /api/v1/predict/uplift", {});
  const [task, setTask] = useUrlWord("task");
  return (
    <Loaded query={overview} lines={10} empty={(data) => data.tasks.length === 0 && data.waiting.length === 0}>
      {(data) => {
        const open = data.tasks.find((one) => one.task === task) ?? data.tasks[0];
        return (
          <div className="stack">
            {data.tasks.length > 1 && open && (
              <div>
                <Segmented
                  aria-label={t("uplift.task")}
                  value={open.task}
                  onChange={setTask}
                  options={data.tasks.map((one) => ({ value: one.task, label: say(one.name) }))}
                />
              </div>
            )}
            {open ? <Trained task={open} /> : data.next_step ? <Nothing next={data.next_step} title={t("uplift.notYet")} /> : null}
            {data.waiting.length > 0 && <Waiting items={data.waiting} />}
          </div>
        );
      }}
    </Loaded>
  );
}

function Waiting({ items }: { items: UpliftWaiting[] }) {
  const { t, say, format } = useSpeaker();
  return (
    <Card title={t("uplift.waiting")} help={t("uplift.waitingHelp")}>
      <Rows<UpliftWaiting>
        rows={items}
        rowKey={(row) => row.task}
        label={t("uplift.waiting")}
        columns={[
          { title: t("uplift.task"), render: (_, row) => say(row.name) },
          { title: t("uplift.treated"), align: "right", render: (_, row) => format.number(row.treated) },
          { title: t("uplift.heldOut"), align: "right", render: (_, row) => format.number(row.held_out) },
          { title: t("uplift.more"), align: "right", render: (_, row) => format.number(row.more_needed) },
          { title: t("uplift.reason"), render: (_, row) => say(row.reason) },
        ]}
      />
    </Card>
  );
}

function Trained({ task }: { task: UpliftTask }) {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  const percent = useCallback((value: number) => format.percent(value, 0), [format]);
  const gain = useCallback((value: number) => effect(speaker, task, value), [speaker, task]);
  const interval = task.average_effect_interval;
  return (
    <>
      {task.simulated && <p className="tag warn">{t("uplift.simulated")}</p>}
      <div className="tiles">
        <Plain
          label={t("uplift.average", { outcome: say(task.outcome) })}
          value={effect(speaker, task, task.average_effect)}
          foot={interval ? t("unit.interval", { low: effect(speaker, task, interval.low), high: effect(speaker, task, interval.high), level: format.percent(interval.level, 0) }) : ""}
        />
        <Plain label={t("uplift.treated")} value={format.number(task.treated)} />
        <Plain label={t("uplift.heldOut")} value={format.number(task.controls)} />
        <Plain label={t("uplift.trained")} value={format.day(task.as_of)} foot={format.moment(task.trained_at)} />
      </div>
      <p style={{ maxWidth: "76ch" }}>{say(task.heterogeneity)}</p>
      {task.warnings.map((warning) => (
        <p key={warning.en} className="warn">
          {say(warning)}
        </p>
      ))}
      <Groups task={task} />
      <div className="grid even">
        <Card className="w6" title={t("uplift.curve")} help={t("uplift.curveHelp")}>
          <Curves
            label={t("uplift.curve")}
            x={percent}
            y={gain}
            xName={t("uplift.share")}
            yName={t("uplift.gain")}
            curves={[
              ...task.curves.map((curve) => ({ name: say(curve.label), points: curve.points.map((point) => [point.share, point.gain] as [number, number]) })),
              ...(task.curves[0]
                ? [{ name: t("uplift.random"), baseline: true, points: task.curves[0].points.map((point) => [point.share, point.random] as [number, number]) }]
                : []),
            ]}
          />
        </Card>
        <Card className="w6" title={t("uplift.methods")} help={t("uplift.methodsHelp")}>
          <Methods task={task} />
        </Card>
      </div>
    </>
  );
}

const effect = (speaker: Speaker, task: UpliftTask, value: number): string =>
  task.outcome_unit === "ratio"
    ? speaker.t("unit.percent_points", { value: speaker.format.signed(100 * value, 2) })
    : speaker.format.signed(value / 100, 2);

function Methods({ task }: { task: UpliftTask }) {
  const { t, say, format } = useSpeaker();
  const metrics = [...new Map(task.methods.flatMap((method) => method.figures.map((figure) => [figure.metric, figure.label] as const)))];
  const figureOf = (method: UpliftMethod, metric: string) => method.figures.find((one) => one.metric === metric);
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={t("uplift.methods")}>
      <table className="figure-table">
        <thead>
          <tr>
            <th scope="col">{t("predict.model")}</th>
            {metrics.map(([metric, label]) => (
              <th key={metric} scope="col" className="right">
                {say(label)}
              </th>
            ))}
            <th scope="col" className="right">
              {t("uplift.betterBy")}
            </th>
          </tr>
        </thead>
        <tbody>
          {task.methods.map((method) => (
            <tr key={method.method} className={method.chosen ? "chosen" : method.baseline ? "baseline" : ""}>
              <th scope="row">
                {say(method.label)} {method.chosen && <span className="tag accent">{t("predict.chosen")}</span>}
                {method.baseline && <span className="tag">{t("predict.baseline")}</span>}
              </th>
              {metrics.map(([metric]) => {
                const figure = figureOf(method, metric);
                return (
                  <td key={metric} className="right" title={figure?.interval ? `${format.signed(figure.interval.low, 4)} … ${format.signed(figure.interval.high, 4)}` : undefined}>
                    {format.signed(figure?.value, 4)}
                  </td>
                );
              })}
              <td className="right muted small">
                {method.better_by ? `${format.signed(method.better_by.low, 4)} … ${format.signed(method.better_by.high, 4)}` : "–"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Groups({ task }: { task: UpliftTask }) {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  const [cost, setCost] = useUrlWord("cost");
  const groups = useRead("GET /api/v1/predict/uplift/{task}/groups", { path: { task: task.task }, query: cost ? { cost_minor: Number(cost) } : {} });
  const [draft, setDraft] = useState<number | null>(null);
  return (
    <Loaded query={groups} lines={6}>
      {(data) => {
        const scale = 10 ** minorDigits(data.cost.currency);
        const keep = () => { if (draft !== null) setCost(String(Math.round(draft * scale))); };
        return (
          <Card title={t("uplift.groups")} help={t("uplift.groupsHelp", { breakEven: task.outcome_unit === "ratio" ? format.percent(data.break_even, 2) : format.measured(data.break_even) })}>
            <div className="tiles">
              <Plain
                label={t("uplift.cost")}
                value={
                  <InputNumber
                    aria-label={t("uplift.cost")}
                    min={0}
                    step={0.1}
                    value={draft ?? data.cost.minor / scale}
                    onChange={(next) => setDraft(next)}
                    onBlur={keep}
                    onPressEnter={keep}
                  />
                }
                foot={t("uplift.worth", { worth: cash(format, data.worth) })}
              />
              <Plain label={t("uplift.treat")} value={format.number(data.treat)} />
              <Plain label={t("uplift.saved")} value={cash(format, data.spend_saved, true)} />
              <Plain label={t("uplift.expected")} value={cash(format, data.expected_gain, true)} />
            </div>
            <Rows<UpliftGroup>
              rows={data.groups}
              rowKey={(row) => row.group}
              label={t("uplift.groups")}
              columns={[
                {
                  title: t("uplift.group"),
                  width: 300,
                  render: (_, row) => (
                    <>
                      <strong>{say(row.label)}</strong>
                      <div className="muted small">{say(row.meaning)}</div>
                    </>
                  ),
                },
                { title: t("common.customers"), align: "right", render: (_, row) => `${format.number(row.customers)} · ${format.percent(row.share)}` },
                {
                  title: t("uplift.meanUplift"),
                  align: "right",
                  render: (_, row) => (
                    <>
                      {row.mean_uplift === null ? "–" : effect(speaker, task, row.mean_uplift)}
                      {row.uplift_interval && task.outcome_unit === "ratio" && <div className="muted small">{span(speaker, row.uplift_interval, "ratio")}</div>}
                    </>
                  ),
                },
                { title: t("uplift.costAll"), align: "right", render: (_, row) => cash(format, row.cost, true) },
                { title: t("uplift.advice"), width: 300, render: (_, row) => say(row.advice) },
              ]}
            />
          </Card>
        );
      }}
    </Loaded>
  );
}
