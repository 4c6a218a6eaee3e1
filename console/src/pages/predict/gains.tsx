import { useSpeaker } from "../../i18n/text";
import { Curves } from "../../parts/curves";
import { Card } from "../../parts/page";

/** How many of those that did it are found among the best-scored, against chance; nothing where nothing was measured. */
export function Gains({ lines, className = "" }: { lines: Array<{ name: string; found: Array<[number, number]> }>; className?: string }) {
  const { t, format } = useSpeaker();
  const measured = lines.filter((line) => line.found.length > 1);
  if (measured.length === 0) return null;
  const percent = (value: number) => format.percent(value, 0);
  return (
    <Card className={className} title={t("asked.gains")} help={t("asked.gainsHelp")}>
      <Curves
        label={t("asked.gains")}
        x={percent}
        y={percent}
        xName={t("asked.share")}
        yName={t("asked.captured")}
        curves={[
          ...measured.map((line) => ({ name: line.name, points: [[0, 0] as [number, number], ...line.found] })),
          { name: t("asked.chance"), baseline: true, points: [[0, 0], [1, 1]] },
        ]}
      />
    </Card>
  );
}
