import type { FiguresRow, MetricColumn } from "../../api/schema";
import { useSpeaker } from "../../i18n/text";
import { shown } from "../../parts/figures";

/** Methods down, figures across: the one in use and the baselines are marked in words. */
export function FiguresTable({
  label,
  columns,
  rows,
  currency = null,
}: {
  label: string;
  columns: MetricColumn[];
  rows: FiguresRow[];
  currency?: string | null;
}) {
  const speaker = useSpeaker();
  const { t, say } = speaker;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="figure-table">
        <thead>
          <tr>
            <th scope="col">{t("predict.model")}</th>
            {columns.map((column) => (
              <th key={column.metric} scope="col" className="right" title={say(column.definition)}>
                {say(column.label)} <span aria-hidden="true">{column.higher_is_better ? "↑" : "↓"}</span>
                <span className="hidden-text">{t(column.higher_is_better ? "predict.higher" : "predict.lower")}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.model} className={row.chosen ? "chosen" : row.baseline ? "baseline" : ""}>
              <th scope="row">
                {say(row.label)} {row.chosen && <span className="tag accent">{t("predict.chosen")}</span>}
                {row.baseline && <span className="tag">{t("predict.baseline")}</span>}
              </th>
              {columns.map((column) => (
                <td key={column.metric} className="right">
                  {shown(speaker, { value: row.values[column.metric] ?? null, unit: column.unit, currency })}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <dl className="facts small" style={{ marginTop: 12 }}>
        {columns.map((column) => (
          <div key={column.metric} style={{ display: "contents" }}>
            <dt>{say(column.label)}</dt>
            <dd className="muted">{say(column.definition)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
