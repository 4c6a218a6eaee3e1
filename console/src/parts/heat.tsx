import { useAppearance } from "../frame/appearance";
import { useSpeaker } from "../i18n/text";

export type HeatCell = { text: string; weight: number | null; title?: string };

/** A table whose cells are shaded by weight 0–1; the number is always written in the cell. */
export function Heat({
  label,
  corner,
  columns,
  rows,
}: {
  label: string;
  corner: string;
  columns: string[];
  rows: Array<{ key: string; label: string; cells: HeatCell[] }>;
}) {
  const { t } = useSpeaker();
  const { palette, dark } = useAppearance();
  const top = Math.max(0.01, ...rows.flatMap((row) => row.cells.map((cell) => cell.weight ?? 0)));
  const shade = (weight: number) => {
    const step = Math.min(palette.ramp.length - 1, Math.floor(Math.sqrt(weight / top) * palette.ramp.length));
    const strong = step >= (dark ? 4 : 3);
    return {
      background: palette.ramp[step],
      color: strong ? (dark ? "#08201f" : step === 3 ? "#041f1e" : "#ffffff") : palette.ink,
    };
  };
  return (
    <>
      <div className="scroll" role="region" aria-label={label} tabIndex={0}>
        <table className="figure-table heat">
          <thead>
            <tr>
              <th scope="col">{corner}</th>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.key}>
                <th scope="row">{row.label}</th>
                {row.cells.map((cell, index) => (
                  <td key={index} title={cell.title} style={cell.weight === null ? undefined : shade(cell.weight)}>
                    {cell.text}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="muted small row" style={{ marginTop: 10 }}>
        {t("heat.less")}
        <span aria-hidden="true" style={{ display: "inline-flex" }}>
          {palette.ramp.map((color) => (
            <i key={color} style={{ width: 22, height: 12, background: color }} />
          ))}
        </span>
        {t("heat.more")}
      </p>
    </>
  );
}
