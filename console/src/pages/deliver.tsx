import { Link } from "react-router";

import { useRead } from "../api/client";
import type { Message } from "../api/schema";
import { useSpeaker } from "../i18n/text";
import { Bars, cash, Plain } from "../parts/figures";
import { Card, Page } from "../parts/page";
import { Loaded } from "../parts/states";
import { Pager, Rows } from "../parts/table";
import { useUrlFilters, useUrlWord } from "../parts/url";
import { Side } from "../parts/side";

export default function Deliver() {
  const { t, say, format } = useSpeaker();
  const [filters, change] = useUrlFilters("channel", "plan_id", "cursor");
  const [open, setOpen] = useUrlWord("message");
  const outbox = useRead("GET /api/v1/deliver/outbox", { query: { ...filters, limit: 25 } });
  const message = outbox.data?.items.find((one) => one.message_id === open);
  return (
    <Page title={t("nav.deliver")} purpose={t("deliver.purpose")}>
      <Loaded query={outbox} lines={10} empty={(data) => data.summary.total === 0}>
        {(data) => (
          <>
            <div className="tiles">
              <Plain label={t("deliver.messages")} value={format.number(data.summary.total)} />
              <Plain label={t("deliver.spend")} value={cash(format, data.summary.spend)} />
              <Plain label={t("deliver.lastSent")} value={format.ago(data.summary.last_sent_at)} foot={data.summary.last_sent_at ? format.moment(data.summary.last_sent_at) : ""} />
            </div>
            <div className="grid even">
              <Card className="w6" title={t("deliver.byChannel")}>
                <Bars
                  items={data.summary.by_channel}
                  picked={filters.channel}
                  onPick={(key) => change({ channel: key === filters.channel ? null : key })}
                />
              </Card>
              <Card className="w6" title={t("deliver.byStatus")}>
                <Bars items={data.summary.by_status} />
              </Card>
            </div>
            <Card
              title={t("deliver.outbox")}
              help={t("deliver.outboxHelp")}
              extra={
                (filters.channel || filters.plan_id) && (
                  <button type="button" className="linklike" onClick={() => change({ channel: null, plan_id: null })}>
                    {t("common.clearFilters")}
                  </button>
                )
              }
            >
              <Rows<Message>
                rows={data.items}
                rowKey={(row) => row.message_id}
                label={t("deliver.outbox")}
                columns={[
                  {
                    title: t("deliver.subject"),
                    width: 320,
                    render: (_, row) => (
                      <button type="button" className="linklike" aria-haspopup="dialog" onClick={() => setOpen(row.message_id)}>
                        {row.subject || row.body?.slice(0, 60) || row.message_id}
                      </button>
                    ),
                  },
                  {
                    title: t("customers.customer"),
                    render: (_, row) =>
                      row.customer_id ? (
                        <Link to={`/customers/${encodeURIComponent(row.customer_id)}`}>{row.customer_id}</Link>
                      ) : (
                        "–"
                      ),
                  },
                  { title: t("decide.channel"), render: (_, row) => say(row.channel_label) },
                  { title: t("common.status"), render: (_, row) => <span className="tag">{say(row.status_label)}</span> },
                  { title: t("decide.sendAt"), render: (_, row) => format.moment(row.send_at) },
                  { title: t("deliver.sentAt"), render: (_, row) => format.moment(row.sent_at) },
                  { title: t("decide.cost"), align: "right", render: (_, row) => cash(format, row.cost) },
                ]}
              />
              <Pager next={data.next_cursor} total={data.total} shown={data.items.length} />
            </Card>
          </>
        )}
      </Loaded>
      <Side title={message?.subject || t("deliver.message")} open={Boolean(message)} onClose={() => setOpen(null)} size={520}>
        {message && (
          <div className="stack">
            <pre className="code" style={{ fontFamily: "inherit" }}>
              {message.body || t("deliver.noBody")}
            </pre>
            <dl className="facts">
              <dt>{t("common.status")}</dt>
              <dd>{say(message.status_label)}</dd>
              <dt>{t("decide.channel")}</dt>
              <dd>{say(message.channel_label)}</dd>
              <dt>{t("decide.cost")}</dt>
              <dd className="num">{cash(format, message.cost)}</dd>
              <dt>{t("decide.plan")}</dt>
              <dd>
                {message.plan_id ? (
                  <Link
                    to={`/decide/plans/${encodeURIComponent(message.plan_id)}${message.customer_id ? `?customer=${encodeURIComponent(message.customer_id)}` : ""}`}
                  >
                    {message.plan_id}
                  </Link>
                ) : (
                  "–"
                )}
              </dd>
              <dt>{t("deliver.id")}</dt>
              <dd className="mono">{message.message_id}</dd>
            </dl>
          </div>
        )}
      </Side>
    </Page>
  );
}
