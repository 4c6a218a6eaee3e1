import { Link } from "react-router";

import { useRead } from "../api/client";
import type { PlanSummary } from "../api/schema";
import { useSpeaker } from "../i18n/text";
import { cash, Status } from "../parts/figures";
import { Card, Page } from "../parts/page";
import { Loaded } from "../parts/states";
import { Rows } from "../parts/table";

export default function Decide() {
  const { t, format } = useSpeaker();
  const plans = useRead("GET /api/v1/decide/plans", {});
  return (
    <Page title={t("nav.decide")} purpose={t("decide.purpose")}>
      <Card title={t("decide.plans")} help={t("decide.plansHelp")}>
        <Loaded query={plans} empty={(data) => data.items.length === 0}>
          {(data) => (
            <Rows<PlanSummary>
              rows={data.items}
              rowKey={(row) => row.plan_id}
              label={t("decide.plans")}
              columns={[
                {
                  title: t("decide.plan"),
                  render: (_, row) => (
                    <>
                      <Link to={`/decide/plans/${encodeURIComponent(row.plan_id)}`}>{format.day(row.as_of)}</Link>
                      <div className="muted small mono">{row.plan_id}</div>
                    </>
                  ),
                },
                { title: t("common.status"), render: (_, row) => <Status family="plan.status" word={row.status} /> },
                { title: t("decide.contacts"), align: "right", render: (_, row) => format.number(row.totals.contacts) },
                { title: t("decide.holdOut"), align: "right", render: (_, row) => format.number(row.totals.hold_out) },
                { title: t("decide.refused"), align: "right", render: (_, row) => format.number(row.totals.refused) },
                { title: t("decide.spend"), align: "right", render: (_, row) => cash(format, row.totals.spend) },
                { title: t("decide.expectedNet"), align: "right", render: (_, row) => cash(format, row.totals.expected_net) },
                { title: t("decide.gap"), align: "right", render: (_, row) => format.percent(row.totals.bound_gap, 2) },
                { title: t("decide.createdAt"), render: (_, row) => format.moment(row.created_at) },
              ]}
            />
          )}
        </Loaded>
      </Card>
    </Page>
  );
}
