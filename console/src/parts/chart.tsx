import type { EChartsCoreOption, ECharts } from "echarts/core";
import { useEffect, useMemo, useRef, useState } from "react";

import { useAppearance } from "../frame/appearance";
import type { Palette } from "../frame/palette";
import type { CalibrationPoint, MigrationCell } from "../api/schema";
import { useSpeaker } from "../i18n/text";
import { type Measured, shown } from "./figures";

/** Draws one ECharts option; the drawing library arrives on first use. */
export function Chart({ option, height, label }: { option: EChartsCoreOption; height: number; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts | null>(null);
  const [ready, setReady] = useState(false);
  useEffect(() => {
    let gone = false;
    const watcher = new ResizeObserver(() => chart.current?.resize());
    void import("./echarts").then(({ init }) => {
      if (gone || !box.current) return;
      chart.current = init(box.current);
      watcher.observe(box.current);
      setReady(true);
    });
    return () => {
      gone = true;
      watcher.disconnect();
      chart.current?.dispose();
      chart.current = null;
    };
  }, []);
  useEffect(() => {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (ready) chart.current?.setOption(still ? { ...option, animation: false } : option, true);
  }, [option, ready]);
  return <div ref={box} className="chart" style={{ height }} role="img" aria-label={label} data-ready={ready} />;
}

export const base = (palette: Palette): EChartsCoreOption => ({
  color: palette.series,
  animationDuration: 250,
  textStyle: { fontFamily: "inherit", color: palette.ink2 },
  grid: { left: 8, right: 16, top: 28, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
  tooltip: {
    trigger: "axis",
    confine: true,
    backgroundColor: palette.surface,
    borderColor: palette.line2,
    textStyle: { color: palette.ink, fontSize: 13 },
  },
});

export const axis = (palette: Palette) => ({
  axisLine: { lineStyle: { color: palette.line2 } },
  axisTick: { show: false },
  axisLabel: { color: palette.ink2, hideOverlap: true },
  splitLine: { lineStyle: { color: palette.line } },
  nameTextStyle: { color: palette.ink2 },
});

type Measure = Omit<Measured, "value">;

/** One daily series. */
export function Series({
  points,
  measure,
  label,
  height = 240,
}: {
  points: Array<{ day: string; value: number | null }>;
  measure: Measure;
  label: string;
  height?: number;
}) {
  const speaker = useSpeaker();
  const { palette } = useAppearance();
  const option = useMemo<EChartsCoreOption>(() => {
    const write = (value: number) => shown(speaker, { value, unit: measure.unit, currency: measure.currency ?? null });
    return {
      ...base(palette),
      xAxis: { type: "time", ...axis(palette), splitLine: { show: false } },
      yAxis: { type: "value", scale: true, ...axis(palette), axisLabel: { color: palette.ink2, formatter: write } },
      tooltip: { ...(base(palette)["tooltip"] as object), valueFormatter: (value: unknown) => write(Number(value)) },
      series: [
        {
          name: label,
          type: "line",
          showSymbol: points.length < 3,
          lineStyle: { width: 2 },
          color: palette.accent,
          data: points.map((point) => [point.day, point.value]),
        },
      ],
    };
  }, [palette, speaker, points, measure.unit, measure.currency, label]);
  return <Chart option={option} height={height} label={label} />;
}

/** Vertical bars over ordered categories (hours, risk 0–9). */
export function Columns({
  bars,
  label,
  name,
  height = 220,
}: {
  bars: Array<{ name: string; value: number; note?: string }>;
  label: string;
  name: string;
  height?: number;
}) {
  const { format } = useSpeaker();
  const { palette } = useAppearance();
  const option = useMemo<EChartsCoreOption>(
    () => ({
      ...base(palette),
      xAxis: { type: "category", data: bars.map((bar) => bar.name), ...axis(palette) },
      yAxis: {
        type: "value",
        minInterval: 1,
        ...axis(palette),
        axisLabel: { color: palette.ink2, formatter: (value: number) => format.compact(value) },
      },
      tooltip: { ...(base(palette)["tooltip"] as object), valueFormatter: (value: unknown) => format.number(Number(value)) },
      series: [
        {
          name,
          type: "bar",
          color: palette.accentFill,
          barMaxWidth: 38,
          itemStyle: { borderRadius: [3, 3, 0, 0] },
          data: bars.map((bar) => bar.value),
        },
      ],
    }),
    [bars, palette, format, name],
  );
  return <Chart option={option} height={height} label={label} />;
}

/** Visitors and orders as bars, the share of visitors that bought as a line. */
export function Traffic({
  steps,
  label,
}: {
  steps: Array<{ name: string; visitors: number | null; orders: number; conversion: number | null }>;
  label: string;
}) {
  const { t, format } = useSpeaker();
  const { palette } = useAppearance();
  const option = useMemo<EChartsCoreOption>(() => {
    const conversion = t("stores.conversion");
    return {
      ...base(palette),
      legend: { top: 0, left: 0, itemWidth: 14, itemHeight: 10, textStyle: { color: palette.ink2 } },
      grid: { left: 8, right: 8, top: 40, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: { type: "category", data: steps.map((step) => step.name), ...axis(palette), splitLine: { show: false } },
      yAxis: [
        { type: "value", minInterval: 1, ...axis(palette), axisLabel: { color: palette.ink2, formatter: (value: number) => format.compact(value) } },
        { type: "value", min: 0, ...axis(palette), splitLine: { show: false }, axisLabel: { color: palette.ink2, formatter: (value: number) => format.percent(value) } },
      ],
      series: [
        { name: t("stores.visitors"), type: "bar", color: palette.series[0], barMaxWidth: 22, barGap: "10%", data: steps.map((step) => step.visitors) },
        { name: t("stores.orders"), type: "bar", color: palette.accentFill, barMaxWidth: 22, data: steps.map((step) => step.orders) },
        {
          name: conversion,
          type: "line",
          yAxisIndex: 1,
          color: palette.series[1],
          showSymbol: steps.length < 32,
          lineStyle: { width: 2 },
          data: steps.map((step) => step.conversion),
          tooltip: { valueFormatter: (value: unknown) => (typeof value === "number" ? format.percent(value) : "–") },
        },
      ],
    };
  }, [steps, palette, t, format]);
  return <Chart option={option} height={280} label={label} />;
}

/** Predicted against observed; a well calibrated model lies on the diagonal. */
export function Calibration({ points, label }: { points: CalibrationPoint[]; label: string }) {
  const { t, format } = useSpeaker();
  const { palette } = useAppearance();
  const option = useMemo<EChartsCoreOption>(() => {
    const highest = Math.max(...points.flatMap((point) => [point.predicted, point.observed]));
    const top = Math.min(1, Math.ceil(highest * 10.5) / 10);
    const most = Math.max(1, ...points.map((point) => point.customers));
    const percent = { formatter: (value: number) => format.percent(value, 0), color: palette.ink2 };
    return {
      ...base(palette),
      tooltip: {
        ...(base(palette)["tooltip"] as object),
        trigger: "item",
        formatter: (item: { data: number[] }) =>
          t("predict.calibrationPoint", {
            predicted: format.percent(item.data[0]),
            observed: format.percent(item.data[1]),
            customers: format.number(item.data[2]),
          }),
      },
      xAxis: { type: "value", min: 0, max: top, name: t("predict.predicted"), nameLocation: "middle", nameGap: 28, ...axis(palette), axisLabel: percent },
      yAxis: { type: "value", min: 0, max: top, name: t("predict.observed"), ...axis(palette), axisLabel: percent },
      grid: { left: 8, right: 20, top: 30, bottom: 26, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      series: [
        {
          type: "line",
          data: [[0, 0], [top, top]],
          showSymbol: false,
          silent: true,
          lineStyle: { color: palette.ink3, type: "dashed", width: 1 },
        },
        {
          type: "scatter",
          color: palette.accent,
          symbolSize: (data: number[]) => 7 + 15 * Math.sqrt((data[2] ?? 0) / most),
          data: points.map((point) => [point.predicted, point.observed, point.customers]),
        },
      ],
    };
  }, [points, palette, format, t]);
  return <Chart option={option} height={300} label={label} />;
}

/** Moves between segments as ribbons; the table beside it has the numbers. */
export function Ribbons({ cells, label }: { cells: MigrationCell[]; label: string }) {
  const { say, format } = useSpeaker();
  const { palette } = useAppearance();
  const option = useMemo<EChartsCoreOption>(() => {
    const names = new Map<string, string>();
    const order = [...new Set(cells.flatMap((cell) => [cell.origin, cell.target]))];
    for (const cell of cells) {
      names.set(`a:${cell.origin}`, say(cell.origin_name));
      names.set(`b:${cell.target}`, say(cell.target_name));
    }
    return {
      textStyle: { fontFamily: "inherit" },
      tooltip: {
        trigger: "item",
        confine: true,
        backgroundColor: palette.surface,
        borderColor: palette.line2,
        textStyle: { color: palette.ink },
        formatter: (item: { dataType: string; name: string; value: number; data: { source: string; target: string; value: number } }) =>
          item.dataType === "edge"
            ? `${names.get(item.data.source) ?? ""} → ${names.get(item.data.target) ?? ""}: ${format.number(item.data.value)}`
            : `${names.get(item.name) ?? ""}: ${format.number(item.value)}`,
      },
      series: [
        {
          type: "sankey",
          left: 8,
          right: 160,
          top: 8,
          bottom: 8,
          nodeGap: 14,
          nodeWidth: 12,
          layoutIterations: 0,
          emphasis: { focus: "adjacency" },
          label: { color: palette.ink, formatter: (item: { name: string }) => names.get(item.name) ?? "" },
          lineStyle: { color: "source", opacity: 0.32 },
          data: [...names.keys()]
            .sort((a, b) => order.indexOf(a.slice(2)) - order.indexOf(b.slice(2)))
            .map((name) => ({
              name,
              itemStyle: { color: palette.series[order.indexOf(name.slice(2)) % palette.series.length] },
            })),
          links: cells.map((cell) => ({ source: `a:${cell.origin}`, target: `b:${cell.target}`, value: cell.customers })),
        },
      ],
    };
  }, [cells, palette, say, format]);
  return <Chart option={option} height={420} label={label} />;
}
