import { Segmented } from "antd";
import { useMemo } from "react";

import { useRead } from "../../api/client";
import type { BotExample, TrafficDay } from "../../api/schema";
import { useSpeaker } from "../../i18n/text";
import { Columns } from "../../parts/chart";
import { Bars, Plain } from "../../parts/figures";
import { Card } from "../../parts/page";
import { Loaded } from "../../parts/states";
import { Rows } from "../../parts/table";
import { useUrlWord } from "../../parts/url";

const WINDOWS = ["7", "30", "90"];

/** How much of the traffic no person caused, and why. */
export default function Bots() {
  const { t, say, format } = useSpeaker();
  const [days, setDays] = useUrlWord("days", "30");
  const [reason, setReason] = useUrlWord("reason");
  const traffic = useRead("GET /api/v1/collect/bots", { query: { days: Number(days) || 30 } });
  return (
    <Loaded query={traffic} lines={10} empty={(data) => data.events === 0}>
      {(data) => (
        <div className="stack">
          <div className="row end">
            <Segmented
              aria-label={t("bots.window")}
              value={days}
              onChange={setDays}
              options={WINDOWS.map((value) => ({ value, label: t("bots.days", { count: Number(value) }) }))}
            />
          </div>
          <div className="tiles">
            <Plain label={t("bots.share")} value={format.percent(data.share, 2)} foot={t("bots.of", { count: data.events, events: format.number(data.events) })} />
            <Plain label={t("bots.marked")} value={format.number(data.marked)} foot={t("bots.markedHelp")} />
            <Plain label={t("bots.judged")} value={format.number(data.judged)} foot={t("bots.judgedHelp")} />
          </div>
          <div className="grid">
            <div className="w6">
              <Card title={t("bots.byReason")} help={t("bots.byReasonHelp")}>
                {data.by_reason.length === 0 ? (
                  <p className="muted">{t("bots.none")}</p>
                ) : (
                  <Bars items={data.by_reason} picked={reason} onPick={(key) => setReason(key === reason ? null : key)} />
                )}
              </Card>
            </div>
            <div className="w6">
              <Card title={t("bots.byDay")}>
                <Daily days={data.by_day} />
              </Card>
            </div>
          </div>
          <Card title={t("bots.examples")} help={t("bots.examplesHelp")}>
            <Rows<BotExample>
              rows={data.examples.filter((one) => !reason || one.reason === reason)}
              rowKey={(row) => row.event_id}
              label={t("bots.examples")}
              columns={[
                { title: t("live.at"), render: (_, row) => <span className="nowrap">{format.moment(row.occurred_at)}</span> },
                { title: t("collect.source"), render: (_, row) => <span className="mono">{row.source || "–"}</span> },
                { title: t("bots.event"), render: (_, row) => <span className="mono">{row.kind}</span> },
                { title: t("collect.reason"), width: 260, render: (_, row) => say(row.reason_text) },
                { title: t("bots.agent"), width: 320, render: (_, row) => <span className="mono break muted">{row.agent ?? "–"}</span> },
                {
                  title: t("bots.human"),
                  align: "right",
                  render: (_, row) => (row.human === null ? <span className="muted">{t("bots.onArrival")}</span> : format.percent(row.human)),
                },
              ]}
            />
          </Card>
          <Card title={t("bots.bySource")}>
            <Rows<TrafficDay>
              rows={data.by_day.slice(0, 60)}
              rowKey={(row) => `${row.day}:${row.source}`}
              label={t("bots.bySource")}
              columns={[
                { title: t("common.day"), render: (_, row) => format.day(row.day) },
                { title: t("collect.source"), render: (_, row) => <span className="mono">{row.source || "–"}</span> },
                { title: t("bots.events"), align: "right", render: (_, row) => format.number(row.events) },
                { title: t("bots.marked"), align: "right", render: (_, row) => format.number(row.marked) },
                { title: t("bots.judged"), align: "right", render: (_, row) => format.number(row.judged) },
                { title: t("common.share"), align: "right", render: (_, row) => format.percent(row.share, 2) },
              ]}
            />
          </Card>
        </div>
      )}
    </Loaded>
  );
}

function Daily({ days }: { days: TrafficDay[] }) {
  const { t, format } = useSpeaker();
  const bars = useMemo(() => {
    const sums = new Map<string, number>();
    for (const one of days) sums.set(one.day, (sums.get(one.day) ?? 0) + one.marked + one.judged);
    return [...sums].sort(([a], [b]) => a.localeCompare(b)).map(([day, value]) => ({ name: format.day(day), value }));
  }, [days, format]);
  return <Columns bars={bars} label={t("bots.byDay")} name={t("bots.invalid")} />;
}
