import { Button } from "antd";
import { Link } from "react-router";

import { useRead } from "../../api/client";
import type { Propensity } from "../../api/schema";
import { useSpeaker } from "../../i18n/text";
import { Status } from "../../parts/figures";
import { Card } from "../../parts/page";
import { Loaded, Nothing } from "../../parts/states";
import { Rows } from "../../parts/table";

/** Models that people asked for by the form, and the way to ask for another. */
export default function Asked() {
  const { t, say, format } = useSpeaker();
  const list = useRead("GET /api/v1/predict/propensity", {}, {
    refetchInterval: (query) => (query.state.data?.items.some((one) => one.status === "waiting" || one.status === "running") ? 3_000 : false),
  });
  return (
    <Card
      title={t("asked.title")}
      help={t("asked.help")}
      extra={
        <Link to="/predict/asked/new">
          <Button type="primary" tabIndex={-1}>
            {t("asked.new")}
          </Button>
        </Link>
      }
    >
      <Loaded query={list} lines={6}>
        {(data) =>
          data.items.length === 0 ? (
            <Nothing title={t("asked.none")} text={t("asked.noneText")} />
          ) : (
            <Rows<Propensity>
              rows={data.items}
              rowKey={(row) => row.name}
              label={t("asked.title")}
              columns={[
                {
                  title: t("predict.model"),
                  width: 420,
                  render: (_, row) => (
                    <>
                      <Link to={`/predict/asked/${encodeURIComponent(row.name)}`}>{say(row.title) || row.name}</Link>
                      <div className="muted small">{say(row.sentence)}</div>
                    </>
                  ),
                },
                {
                  title: t("common.status"),
                  render: (_, row) => (
                    <>
                      <Status family="asked.status" word={row.status} />
                      {row.refused && <div className="muted small">{say(row.refused)}</div>}
                    </>
                  ),
                },
                {
                  title: t("asked.auc"),
                  align: "right",
                  render: (_, row) => (
                    <span className="num nowrap">
                      {format.measured(row.auc)}
                      {row.baseline_auc !== null && <span className="muted small"> {t("asked.beside", { baseline: say(row.baseline), auc: format.measured(row.baseline_auc) })}</span>}
                    </span>
                  ),
                },
                { title: t("asked.scored"), align: "right", render: (_, row) => format.number(row.scored) },
                { title: t("predict.trainedAt"), render: (_, row) => format.moment(row.trained_at) },
              ]}
            />
          )
        }
      </Loaded>
    </Card>
  );
}
