import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Modal, Segmented } from "antd";
import { useState } from "react";
import { useParams } from "react-router";

import { call, useRead } from "../api/client";
import type { Decision, Plan, PlanShare } from "../api/schema";
import { useSpeaker } from "../i18n/text";
import { Columns } from "../parts/chart";
import { Bars, cash, Plain, span, Status } from "../parts/figures";
import { Card, Page } from "../parts/page";
import { Loaded, ProblemBox } from "../parts/states";
import { Pager, Rows } from "../parts/table";
import { useUrlFilters, useUrlWord } from "../parts/url";
import { Reasons } from "./customer";
import { DecisionDrawer } from "./decision";

export default function PlanPage() {
  const { t, say, format } = useSpeaker();
  const { id = "" } = useParams();
  const plan = useRead("GET /api/v1/decide/plans/{plan_id}", { path: { plan_id: id } });
  const [customer, setCustomer] = useUrlWord("customer");
  const summary = plan.data?.summary;
  return (
    <Page
      title={summary ? t("decide.planOf", { day: format.day(summary.as_of) }) : t("decide.plan")}
      purpose={plan.data ? say(plan.data.sentence) : undefined}
      back={{ to: "/decide", label: t("nav.decide") }}
      actions={plan.data && <Actions plan={plan.data} />}
    >
      <Loaded query={plan} lines={14}>
        {(data) => (
          <>
            <Totals plan={data} />
            <div className="grid even">
              <Card className="w6" title={t("decide.byOffer")}>
                <Shares shares={data.by_offer} />
              </Card>
              <div className="w6 stack">
                <Card title={t("decide.byChannel")}>
                  <Shares shares={data.by_channel} />
                </Card>
                <Card title={t("decide.leftOut")} help={t("decide.leftOutHelp")}>
                  <LeftOut plan={data} />
                </Card>
                <Card title={t("decide.byHour")} help={t("decide.byHourHelp")}>
                  <Columns
                    label={t("decide.byHour")}
                    name={t("decide.contacts")}
                    bars={data.by_hour.map((share) => ({ name: say(share.label), value: share.contacts }))}
                    height={200}
                  />
                </Card>
              </div>
            </div>
            {data.guards.length > 0 && (
              <Card title={t("decide.guards")} help={t("decide.guardsHelp")}>
                <Reasons reasons={data.guards} />
              </Card>
            )}
            <Decisions plan={data} onOpen={setCustomer} />
          </>
        )}
      </Loaded>
      <DecisionDrawer customer={customer} plan={id} onClose={() => setCustomer(null)} />
    </Page>
  );
}

function Totals({ plan }: { plan: Plan }) {
  const speaker = useSpeaker();
  const { t, format } = speaker;
  const { totals } = plan.summary;
  const used = totals.budget && totals.budget.minor > 0 ? totals.spend.minor / totals.budget.minor : null;
  return (
    <div className="tiles">
      <Plain
        label={t("decide.contacts")}
        value={format.number(totals.contacts)}
        foot={t("decide.ofCustomers", { customers: format.number(totals.customers) })}
      />
      <Plain
        label={t("decide.spend")}
        value={cash(format, totals.spend)}
        foot={
          totals.budget
            ? t("decide.ofBudget", { budget: cash(format, totals.budget), share: format.percent(used) })
            : t("decide.noBudget")
        }
      />
      <Plain
        label={t("decide.expectedMargin")}
        value={cash(format, totals.expected_margin, true)}
        foot={
          totals.expected_margin_interval
            ? span(speaker, totals.expected_margin_interval, "minor", totals.expected_margin.currency)
            : t("decide.incremental")
        }
      />
      <Plain label={t("decide.expectedNet")} value={cash(format, totals.expected_net, true)} foot={t("decide.afterCost")} />
      <Plain
        label={t("decide.holdOut")}
        value={format.number(totals.hold_out)}
        foot={t("decide.holdOutFoot")}
      />
      <Plain label={t("decide.gap")} value={format.percent(totals.bound_gap, 2)} foot={t("decide.gapFoot")} />
    </div>
  );
}

function Shares({ shares }: { shares: PlanShare[] }) {
  const { t, say, format } = useSpeaker();
  const top = Math.max(1, ...shares.map((share) => share.contacts));
  if (shares.length === 0) return <p className="muted">{t("decide.nobody")}</p>;
  return (
    <table className="figure-table">
      <thead>
        <tr>
          <th scope="col">{t("common.name")}</th>
          <th scope="col" style={{ width: "26%" }}>
            <span className="hidden-text">{t("common.share")}</span>
          </th>
          <th scope="col" className="right">
            {t("decide.contacts")}
          </th>
          <th scope="col" className="right">
            {t("decide.spend")}
          </th>
          <th scope="col" className="right">
            {t("decide.expectedMargin")}
          </th>
        </tr>
      </thead>
      <tbody>
        {shares.map((share) => (
          <tr key={share.key}>
            <th scope="row">{say(share.label)}</th>
            <td className="bars" style={{ display: "table-cell", verticalAlign: "middle" }}>
              <span className="track" style={{ display: "block" }} aria-hidden="true">
                <span className="fill" style={{ width: `${(100 * share.contacts) / top}%` }} />
              </span>
            </td>
            <td className="right">{format.number(share.contacts)}</td>
            <td className="right">{cash(format, share.spend)}</td>
            <td className="right">{cash(format, share.expected_margin, true)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function LeftOut({ plan }: { plan: Plan }) {
  const { t } = useSpeaker();
  const [filters, change] = useUrlFilters("reason", "action");
  if (plan.refusals.length === 0) return <p className="muted">{t("decide.nobodyLeftOut")}</p>;
  return (
    <Bars
      items={plan.refusals}
      picked={filters.reason}
      onPick={(key) => change(key === filters.reason ? { reason: null, action: null } : { reason: key, action: null })}
    />
  );
}

type Action = Decision["action"];
const ACTIONS: Action[] = ["send", "hold_out", "none"];

function Decisions({ plan, onOpen }: { plan: Plan; onOpen: (customer: string) => void }) {
  const { t, say, format } = useSpeaker();
  const [filters, change] = useUrlFilters("action", "reason", "cursor");
  const action = ACTIONS.find((one) => one === filters.action) ?? null;
  const decisions = useRead("GET /api/v1/decide/plans/{plan_id}/decisions", {
    path: { plan_id: plan.summary.plan_id },
    query: { action, reason: filters.reason ?? null, cursor: filters.cursor ?? null, limit: 25 },
  });
  const reason = plan.refusals.find((one) => one.key === filters.reason);
  return (
    <Card
      title={t("decide.decisions")}
      help={t("decide.decisionsHelp")}
      extra={
        <span className="row">
          {reason && (
            <button type="button" className="linklike" onClick={() => change({ reason: null })}>
              {t("decide.onlyReason", { reason: say(reason.label) })}
            </button>
          )}
          <Segmented
            aria-label={t("decide.action")}
            value={action ?? ""}
            onChange={(next) => change({ action: next, reason: null })}
            options={[
              { value: "", label: t("common.all") },
              { value: "send", label: t("decide.actions.send") },
              { value: "hold_out", label: t("decide.actions.hold_out") },
              { value: "none", label: t("decide.actions.none") },
            ]}
          />
        </span>
      }
    >
      <Loaded query={decisions} lines={10} empty={(data) => data.items.length === 0}>
        {(data) => (
          <>
            <Rows<Decision>
              rows={data.items}
              rowKey={(row) => row.decision_id}
              label={t("decide.decisions")}
              columns={[
                {
                  title: t("customers.customer"),
                  render: (_, row) => (
                    <button type="button" className="linklike" aria-haspopup="dialog" onClick={() => onOpen(row.customer_id)}>
                      {row.display_name ?? row.customer_id}
                    </button>
                  ),
                },
                { title: t("decide.action"), render: (_, row) => <Status family="decide.actions" word={row.action} tone={row.action === "send" ? "accent" : ""} /> },
                {
                  title: t("decide.offer"),
                  width: 230,
                  render: (_, row) =>
                    row.action === "send" ? (
                      <>
                        <div>{say(row.offer_name) || row.offer_id}</div>
                        <div className="muted small">
                          {[say(row.channel_name) || row.channel, format.moment(row.send_at)].filter(Boolean).join(" · ")}
                        </div>
                      </>
                    ) : (
                      "–"
                    ),
                },
                { title: t("decide.expectedMargin"), align: "right", render: (_, row) => cash(format, row.expected_margin) },
                { title: t("decide.cost"), align: "right", render: (_, row) => cash(format, row.cost) },
                { title: t("decide.probability"), align: "right", render: (_, row) => format.number(row.probability, 3) },
                {
                  title: t("decide.why"),
                  width: 320,
                  render: (_, row) => (row.reasons[0] ? say(row.reasons[0].text) : "–"),
                },
              ]}
            />
            <Pager next={data.next_cursor} total={data.total} shown={data.items.length} />
          </>
        )}
      </Loaded>
    </Card>
  );
}

/** Draft, then approved, then performed; each step says what it will do before it does it. */
function Actions({ plan }: { plan: Plan }) {
  const { t, say, format } = useSpeaker();
  const { message } = App.useApp();
  const cache = useQueryClient();
  const [asking, ask] = useState<"approve" | "perform" | null>(null);
  const { summary } = plan;
  const { totals } = summary;
  const path = { plan_id: summary.plan_id };
  const done = (text: string) => {
    ask(null);
    void message.success(text);
    void cache.invalidateQueries();
  };
  const approve = useMutation({
    mutationFn: () => call("POST /api/v1/decide/plans/{plan_id}/approve", { path, body: { by: "console", digest: summary.digest } }),
    onSuccess: () => done(t("decide.approved")),
  });
  const perform = useMutation({
    mutationFn: () => call("POST /api/v1/decide/plans/{plan_id}/perform", { path }),
    onSuccess: (result) => done(say(result.sentence)),
  });
  const current = asking === "perform" ? perform : approve;
  const facts = {
    contacts: format.number(totals.contacts),
    spend: cash(format, totals.spend),
    holdOut: format.number(totals.hold_out),
  };
  return (
    <>
      <Status family="plan.status" word={summary.status} />
      {summary.status === "draft" && (
        <Button type="primary" onClick={() => ask("approve")}>
          {t("decide.approve")}
        </Button>
      )}
      {summary.status === "approved" && (
        <Button type="primary" onClick={() => ask("perform")}>
          {t("decide.perform")}
        </Button>
      )}
      {summary.status === "performed" && (
        <span className="muted small">{t("decide.performedAt", { moment: format.moment(summary.performed_at) })}</span>
      )}
      <Modal
        open={asking !== null}
        title={t(asking === "perform" ? "decide.performTitle" : "decide.approveTitle")}
        okText={t(asking === "perform" ? "decide.performNow" : "decide.approve")}
        cancelText={t("common.cancel")}
        confirmLoading={current.isPending}
        onCancel={() => {
          ask(null);
          approve.reset();
          perform.reset();
        }}
        onOk={() => current.mutate()}
        destroyOnHidden
      >
        <div className="stack" style={{ gap: 10 }}>
          <p>{t(asking === "perform" ? "decide.performSays" : "decide.approveSays", facts)}</p>
          <ul className="reasons">
            {plan.by_channel.map((share) => (
              <li key={share.key}>
                {say(share.label)}: {format.number(share.contacts)} · {cash(format, share.spend)}
              </li>
            ))}
          </ul>
          <p className="muted">{t(asking === "perform" ? "decide.performUndo" : "decide.approveUndo")}</p>
          {current.isError && <ProblemBox error={current.error} />}
        </div>
      </Modal>
    </>
  );
}
