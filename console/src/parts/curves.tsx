import type { EChartsCoreOption } from "echarts/core";
import { useMemo } from "react";

import { useAppearance } from "../frame/appearance";
import { useSpeaker } from "../i18n/text";
import { axis, base, Chart } from "./chart";

export type Curve = {
  name: string;
  points: Array<[number, number]>;
  /** Drawn thin and dashed: what the others are judged against. */
  baseline?: boolean;
  /** Ends of an interval around each point, by the same x. */
  band?: Array<[number, number, number]>;
};

/** Curves over a number: gains, Qini, price against units. */
export function Curves({
  curves,
  label,
  x,
  y,
  xName,
  yName,
  height = 280,
}: {
  curves: Curve[];
  label: string;
  x: (value: number) => string;
  y: (value: number) => string;
  xName: string;
  yName: string;
  height?: number;
}) {
  const { palette } = useAppearance();
  const option = useMemo<EChartsCoreOption>(() => {
    const all = curves.flatMap((curve) => curve.points.map((point) => point[0]));
    return {
      ...base(palette),
      legend: { show: curves.length > 1, top: 0, left: 0, itemWidth: 14, itemHeight: 10, textStyle: { color: palette.ink2 }, data: curves.map((curve) => curve.name) },
      grid: { left: 8, right: 20, top: curves.length > 1 ? 54 : 30, bottom: 26, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: {
        type: "value",
        min: Math.min(...all),
        max: Math.max(...all),
        name: xName,
        nameLocation: "middle",
        nameGap: 28,
        ...axis(palette),
        splitLine: { show: false },
        axisLabel: { color: palette.ink2, hideOverlap: true, formatter: x, showMinLabel: true, showMaxLabel: false },
      },
      yAxis: { type: "value", scale: true, name: yName, ...axis(palette), axisLabel: { color: palette.ink2, formatter: y } },
      tooltip: {
        ...(base(palette)["tooltip"] as object),
        formatter: (items: Array<{ seriesName: string; marker: string; data: [number, number] }>) =>
          items.length === 0
            ? ""
            : [
                `${xName} ${x(items[0]?.data[0] ?? 0)}`,
                ...items.filter((item) => !item.seriesName.startsWith("~")).map((item) => `${item.marker} ${item.seriesName} ${y(item.data[1])}`),
              ].join("<br>"),
      },
      series: curves.flatMap((curve, index) => {
        const color = curve.baseline ? palette.ink3 : palette.series[index % palette.series.length];
        const line = {
          name: curve.name,
          type: "line",
          showSymbol: curve.points.length < 12 && !curve.baseline,
          color,
          lineStyle: { width: curve.baseline ? 1.2 : 2, type: curve.baseline ? "dashed" : "solid" },
          data: curve.points,
        };
        return [...(curve.band ? bandOf(`~${curve.name}`, curve.band, String(color)) : []), line];
      }),
    };
  }, [curves, palette, x, y, xName, yName]);
  return <Chart option={option} height={height} label={label} />;
}

/** An interval as two stacked areas: an unseen floor, and what lies above it. */
function bandOf(name: string, band: Array<[number | string, number, number]>, color: string) {
  const area = { type: "line", stack: name, symbol: "none", lineStyle: { opacity: 0 }, silent: true, stackStrategy: "all" };
  return [
    { ...area, name: `${name} low`, data: band.map(([at, low]) => [at, low]) },
    { ...area, name: `${name} high`, areaStyle: { color, opacity: 0.16 }, data: band.map(([at, low, high]) => [at, high - low]) },
  ];
}

/** A past line, the line ahead, and its interval. */
export function Ahead({
  past,
  ahead,
  label,
  write,
  height = 320,
}: {
  past: Array<{ start: string; value: number }>;
  ahead: Array<{ start: string; value: number; low: number | null; high: number | null }>;
  label: string;
  write: (value: number) => string;
  height?: number;
}) {
  const { t, format } = useSpeaker();
  const { palette } = useAppearance();
  const option = useMemo<EChartsCoreOption>(() => {
    const last = past.at(-1);
    const joined = last ? [{ start: last.start, value: last.value, low: last.value, high: last.value }, ...ahead] : ahead;
    const band = joined.flatMap((point) =>
      point.low === null || point.high === null ? [] : [[point.start, point.low, point.high] as [string, number, number]],
    );
    return {
      ...base(palette),
      legend: { top: 0, left: 0, itemWidth: 14, itemHeight: 10, textStyle: { color: palette.ink2 }, data: [t("forecast.past"), t("forecast.ahead")] },
      grid: { left: 8, right: 16, top: 40, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: { type: "time", ...axis(palette), splitLine: { show: false } },
      yAxis: { type: "value", scale: true, ...axis(palette), axisLabel: { color: palette.ink2, formatter: write } },
      tooltip: {
        ...(base(palette)["tooltip"] as object),
        formatter: (items: Array<{ seriesName: string; marker: string; data: [string, number] }>) => {
          const seen = items.filter((item) => !item.seriesName.startsWith("~"));
          if (seen.length === 0) return "";
          const day = seen[0]?.data[0] ?? "";
          const point = ahead.find((one) => one.start === day);
          const lines = seen.map((item) => `${item.marker} ${item.seriesName} ${write(item.data[1])}`);
          if (point && point.low !== null && point.high !== null) lines.push(t("forecast.between", { low: write(point.low), high: write(point.high) }));
          return [format.day(day), ...lines].join("<br>");
        },
      },
      series: [
        ...bandOf("~", band, palette.accent),
        { name: t("forecast.past"), type: "line", showSymbol: false, color: palette.ink2, lineStyle: { width: 1.6 }, data: past.map((point) => [point.start, point.value]) },
        { name: t("forecast.ahead"), type: "line", showSymbol: ahead.length < 15, color: palette.accent, lineStyle: { width: 2 }, data: joined.map((point) => [point.start, point.value]) },
      ],
    };
  }, [past, ahead, palette, write, t, format]);
  return <Chart option={option} height={height} label={label} />;
}
