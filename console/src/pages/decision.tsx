import { Link } from "react-router";

import { useRead } from "../api/client";
import type { Candidate } from "../api/schema";
import { named, useSpeaker } from "../i18n/text";
import { cash, Status } from "../parts/figures";
import { Loaded } from "../parts/states";
import { Rows } from "../parts/table";
import { Reasons } from "./customer";
import { Side } from "../parts/side";

/** Why this customer, this offer, this channel, this hour; and why not the others. */
export function DecisionDrawer({ customer, plan, onClose }: { customer: string; plan: string; onClose: () => void }) {
  const { t, say, format } = useSpeaker();
  const decision = useRead(
    "GET /api/v1/decide/decisions/{customer_id}",
    { path: { customer_id: customer }, query: { plan_id: plan } },
    { enabled: customer.length > 0 },
  );
  return (
    <Side
      title={decision.data?.decision?.display_name ?? customer}
      open={customer.length > 0}
      onClose={onClose}
      size={760}
      extra={<Link to={`/customers/${encodeURIComponent(customer)}`}>{t("decide.openCustomer")}</Link>}
    >
      <Loaded query={decision} lines={8}>
        {(data) => (
          <div className="stack">
            <p style={{ fontSize: 16 }}>{say(data.sentence)}</p>
            {data.decision && (
              <dl className="facts">
                <dt>{t("decide.action")}</dt>
                <dd>
                  <Status family="decide.actions" word={data.decision.action} tone={data.decision.action === "send" ? "accent" : ""} />
                </dd>
                {data.decision.action === "send" && (
                  <>
                    <dt>{t("decide.expectedMargin")}</dt>
                    <dd className="num">{cash(format, data.decision.expected_margin)}</dd>
                    <dt>{t("decide.cost")}</dt>
                    <dd className="num">{cash(format, data.decision.cost)}</dd>
                  </>
                )}
                <dt>{t("decide.probability")}</dt>
                <dd className="num">
                  {format.number(data.decision.probability, 4)}{" "}
                  <span className="muted small">{t("decide.probabilityHelp")}</span>
                </dd>
                {data.policy_version && (
                  <>
                    <dt>{t("decide.policy")}</dt>
                    <dd className="mono">{data.policy_version}</dd>
                  </>
                )}
              </dl>
            )}
            {data.decision && data.decision.reasons.length > 0 && (
              <section>
                <h3>{t("decide.reasons")}</h3>
                <Reasons reasons={data.decision.reasons} />
              </section>
            )}
            <section>
              <h3>{t("decide.candidates")}</h3>
              {data.candidates.length === 0 ? (
                <p className="muted">{t("decide.noCandidates")}</p>
              ) : (
                <Rows<Candidate>
                  rows={data.candidates}
                  rowKey={(row) => `${row.offer_id}:${row.channel}:${row.hour}`}
                  label={t("decide.candidates")}
                  columns={[
                    {
                      title: t("decide.offer"),
                      width: 220,
                      render: (_, row) => (
                        <>
                          {say(row.offer_name) || row.offer_id || t("decide.actions.none")}{" "}
                          {row.chosen && <span className="tag accent">{t("decide.chosen")}</span>}
                          <div className="muted small">
                            {[say(row.channel_name) || row.channel, row.hour === null ? "" : t("decide.atHour", { hour: String(row.hour).padStart(2, "0") })]
                              .filter(Boolean)
                              .join(" · ")}
                          </div>
                        </>
                      ),
                    },
                    { title: t("decide.value"), align: "right", render: (_, row) => cash(format, row.value) },
                    { title: t("decide.whyNot"), width: 320, render: (_, row) => say(row.refused?.text) || (row.chosen ? "" : "–") },
                  ]}
                />
              )}
            </section>
            {data.guards.length > 0 && (
              <section>
                <h3>{t("decide.guards")}</h3>
                <Reasons reasons={data.guards} />
              </section>
            )}
            {data.consents.length > 0 && (
              <section>
                <h3>{t("customer.consents")}</h3>
                <dl className="facts">
                  {data.consents.map((one) => (
                    <div key={`${one.purpose}:${one.channel}`} style={{ display: "contents" }}>
                      <dt>
                        {say(one.channel_label)} · {named(t, "consent.purpose", one.purpose)}
                      </dt>
                      <dd>
                        {say(one.state_label)} <span className="muted small">{format.day(one.since)}</span>
                      </dd>
                    </div>
                  ))}
                </dl>
              </section>
            )}
          </div>
        )}
      </Loaded>
    </Side>
  );
}
