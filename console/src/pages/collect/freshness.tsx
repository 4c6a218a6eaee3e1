import { useRead } from "../../api/client";
import type { FreshnessLine } from "../../api/schema";
import { useSpeaker } from "../../i18n/text";
import { Plain } from "../../parts/figures";
import { Card } from "../../parts/page";
import { Loaded, Nothing } from "../../parts/states";
import { Rows } from "../../parts/table";

/** How old what the profiles say is: by section, partition and trait. */
export default function FreshnessBoard() {
  const { t, say, format } = useSpeaker();
  const board = useRead("GET /api/v1/collect/freshness", {}, { refetchInterval: 5_000 });
  return (
    <Loaded query={board} lines={8}>
      {(data) => (
        <div className="stack">
          <div className="tiles">
            <Plain label={t("freshness.worst")} value={data.worst_seconds === null ? t("state.notEnough") : format.age(data.worst_seconds)} foot={t("freshness.at", { moment: format.clock(data.at) })} />
            {data.sections.map((line) => (
              <Plain
                key={line.name}
                label={say(line.label)}
                value={line.worst_seconds === null ? "–" : format.age(line.worst_seconds)}
                foot={
                  line.worst_seconds === null
                    ? t("freshness.nothing")
                    : [
                        t("freshness.median", { age: format.age(line.median_seconds) }),
                        line.waiting > 0 ? t("freshness.waiting", { count: line.waiting, waiting: format.number(line.waiting) }) : "",
                      ]
                        .filter(Boolean)
                        .join(" · ")
                }
              />
            ))}
          </div>
          <div className="grid">
            <div className="w5">
              <Card title={t("freshness.partitions")} help={t("freshness.partitionsHelp")}>
                <Rows<FreshnessLine>
                  rows={data.partitions}
                  rowKey={(row) => row.name}
                  label={t("freshness.partitions")}
                  columns={[
                    { title: t("freshness.partition"), render: (_, row) => say(row.label) },
                    {
                      title: t("freshness.lag"),
                      align: "right",
                      render: (_, row) => <span className={row.waiting ? "warn" : ""}>{format.number(row.waiting)}</span>,
                    },
                    { title: t("freshness.oldest"), align: "right", render: (_, row) => (row.waiting ? format.age(row.worst_seconds) : t("freshness.none")) },
                  ]}
                />
              </Card>
            </div>
            <div className="w7">
              <Card title={t("freshness.traits")} help={t("freshness.traitsHelp")}>
                {data.traits.length === 0 ? (
                  <Nothing next={data.next_step} />
                ) : (
                  <Rows<FreshnessLine>
                    rows={data.traits}
                    rowKey={(row) => `${row.section}:${row.name}`}
                    label={t("freshness.traits")}
                    columns={[
                      {
                        title: t("customer.trait"),
                        render: (_, row) => (
                          <>
                            <div>{say(row.label)}</div>
                            {say(row.label) !== row.name && <div className="muted small mono">{row.name}</div>}
                          </>
                        ),
                      },
                      { title: t("freshness.worst"), align: "right", render: (_, row) => format.age(row.worst_seconds) },
                      { title: t("freshness.medianHead"), align: "right", render: (_, row) => format.age(row.median_seconds) },
                      { title: t("freshness.sample"), align: "right", render: (_, row) => format.number(row.customers) },
                    ]}
                  />
                )}
              </Card>
            </div>
          </div>
        </div>
      )}
    </Loaded>
  );
}
