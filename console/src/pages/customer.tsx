import { Select, Tabs } from "antd";
import { Link, useParams } from "react-router";

import { Problem, useRead } from "../api/client";
import type { Customer, CustomerScore, FeatureValue, Reason, TimelineItem, Trait } from "../api/schema";
import { named, useSpeaker } from "../i18n/text";
import { Bars, cash, Plain, Risk, shown, span } from "../parts/figures";
import { Card, Fresh, Page } from "../parts/page";
import { Loaded, Nothing } from "../parts/states";
import { Pager, Rows } from "../parts/table";
import { useUrlFilters, useUrlWord } from "../parts/url";
import { LiveCustomer, LiveOnly } from "./customer-live";

export default function CustomerPage() {
  const { t, say, format } = useSpeaker();
  const { id = "" } = useParams();
  const customer = useRead("GET /api/v1/customers/{customer_id}", { path: { customer_id: id } });
  const [tab, setTab] = useUrlWord("tab", "scores");
  const data = customer.data;
  return (
    <Page
      title={data?.display_name ?? id}
      purpose={data ? say(data.summary) : undefined}
      back={{ to: "/customers", label: t("nav.customers") }}
      actions={<Fresh of={data?.freshness} />}
    >
      {customer.error instanceof Problem && customer.error.status === 404 ? (
        <LiveOnly id={id} />
      ) : (
      <Loaded query={customer} lines={12}>
        {(one) => (
          <>
            <div className="tiles">
              <Plain label={t("customers.value")} value={cash(format, one.headline.value)} />
              <Plain label={t("customers.risk")} value={<Risk value={one.headline.risk} />} foot={say(one.headline.risk_band?.name)} />
              <Plain label={t("customers.spent")} value={cash(format, one.headline.spent)} foot={one.headline.orders === null ? "" : t("customers.ordersCount", { count: one.headline.orders, orders: format.number(one.headline.orders) })} />
              <Plain label={t("customers.last")} value={format.day(one.headline.last_purchase_on)} />
              <Plain label={t("customers.rfm")} value={say(one.headline.rfm?.name) || "–"} foot={[say(one.headline.tier?.name), say(one.headline.lifecycle?.name)].filter(Boolean).join(" · ")} />
            </div>
            <Tabs
              activeKey={tab}
              onChange={setTab}
              destroyOnHidden
              items={[
                { key: "live", label: t("customer.live"), children: <LiveCustomer id={one.customer_id} /> },
                { key: "scores", label: t("customer.scores"), children: <Scores customer={one} /> },
                { key: "timeline", label: t("customer.timeline"), children: <Timeline id={one.customer_id} /> },
                { key: "traits", label: t("customer.traits"), children: <Traits traits={one.traits} /> },
                { key: "features", label: t("customer.features"), children: <Features id={one.customer_id} /> },
                { key: "identity", label: t("customer.identity"), children: <Identity customer={one} /> },
              ]}
            />
          </>
        )}
      </Loaded>
      )}
    </Page>
  );
}

export function Reasons({ reasons }: { reasons: Reason[] }) {
  const { say, format } = useSpeaker();
  return (
    <ul className="reasons">
      {reasons.map((reason, index) => (
        <li key={`${reason.key}:${index}`}>
          <span>{say(reason.text)}</span>
          {reason.weight !== null && <span className="muted small num weight">{format.signed(reason.weight)}</span>}
        </li>
      ))}
    </ul>
  );
}

function Score({ score }: { score: CustomerScore }) {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  return (
    <Card title={say(score.label)} extra={<span className="muted small">{say(score.task_name)}</span>}>
      <p style={{ fontSize: 20, fontWeight: 620 }} className="num">
        {shown(speaker, score)} {score.band && <span className="tag accent">{say(score.band.name)}</span>}
      </p>
      {score.interval && <p className="muted small num">{span(speaker, score.interval, score.unit, score.currency)}</p>}
      {score.reasons.length > 0 && (
        <div style={{ marginTop: 10 }}>
          <Reasons reasons={score.reasons} />
        </div>
      )}
      <p className="muted small" style={{ marginTop: 10 }}>
        {[
          score.horizon_days ? t("customer.horizon", { count: score.horizon_days }) : "",
          score.as_of ? t("fresh.asOf", { day: format.day(score.as_of) }) : "",
        ]
          .filter(Boolean)
          .join(" · ")}{" "}
        {score.model && score.version && (
          <Link to={`/predict/models/${encodeURIComponent(score.task)}/${encodeURIComponent(score.version)}`}>
            {score.model}
          </Link>
        )}
      </p>
    </Card>
  );
}

function Scores({ customer }: { customer: Customer }) {
  const { t, say, format } = useSpeaker();
  const kinds = [...new Set(customer.recommendations.map((one) => one.kind))];
  return (
    <div className="grid">
      <div className="w7 stack">
        {customer.scores.length === 0 && (
          <div className="card">
            <Nothing title={t("customer.noScores")} text={t("customer.noScoresText")} />
          </div>
        )}
        {customer.scores.map((score) => (
          <Score key={`${score.task}:${score.name}`} score={score} />
        ))}
      </div>
      <div className="w5 stack">
        <Card title={t("customer.nextAction")}>
          <Decided id={customer.customer_id} />
        </Card>
        <Card title={t("customer.segments")}>
          {customer.segments.length === 0 ? (
            <p className="muted">{t("customer.noSegments")}</p>
          ) : (
            <dl className="facts">
              {customer.segments.map((one) => (
                <div key={one.scheme} style={{ display: "contents" }}>
                  <dt>{say(one.scheme_name)}</dt>
                  <dd>
                    <Link to={`/customers?segment=${encodeURIComponent(`${one.scheme}:${one.segment}`)}`}>
                      {say(one.segment_name)}
                    </Link>
                  </dd>
                </div>
              ))}
            </dl>
          )}
          {customer.audiences.length > 0 && (
            <p className="row" style={{ marginTop: 10 }}>
              {customer.audiences.map((audience) => (
                <Link key={audience.audience_id} className="tag" to={`/segment/audiences/${encodeURIComponent(audience.audience_id)}`}>
                  {audience.name}
                </Link>
              ))}
            </p>
          )}
        </Card>
        {customer.dimensions.length > 0 && (
          <Card title={t("customer.dimensions")} help={t("customer.dimensionsHelp")}>
            <Bars
              items={customer.dimensions.map((one) => ({ key: one.code, label: one.label, count: one.place ?? 0, share: one.place === null ? null : one.place / 100 }))}
              amount={(item) => (item.share === null ? "–" : format.number(item.count))}
              whole={100}
            />
          </Card>
        )}
        <Card title={t("customer.recommendations")}>
          {customer.recommendations.length === 0 ? (
            <p className="muted">{t("customer.noRecommendations")}</p>
          ) : (
            kinds.map((kind) => (
              <section key={kind} style={{ marginTop: 6 }}>
                <h3 className="small muted">{named(t, "customer.recommended", kind)}</h3>
                <ol className="tasks">
                  {customer.recommendations
                    .filter((one) => one.kind === kind)
                    .map((one) => (
                      <li key={one.product_id}>
                        <span className="muted num" style={{ minWidth: 18 }}>{one.rank}</span>
                        <div>
                          <p>{one.name}</p>
                          <p className="muted small">{[one.category, say(one.reason)].filter(Boolean).join(" · ")}</p>
                        </div>
                      </li>
                    ))}
                </ol>
              </section>
            ))
          )}
        </Card>
        <Card title={t("customer.consents")}>
          {customer.consents.length === 0 ? (
            <p className="muted">{t("customer.noConsents")}</p>
          ) : (
            <dl className="facts">
              {customer.consents.map((one) => (
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
          )}
        </Card>
      </div>
    </div>
  );
}

function Decided({ id }: { id: string }) {
  const { t, say } = useSpeaker();
  const decision = useRead("GET /api/v1/decide/decisions/{customer_id}", { path: { customer_id: id } });
  return (
    <Loaded query={decision} lines={2}>
      {(data) => (
        <>
          <p>{say(data.sentence)}</p>
          {data.plan && (
            <p>
              <Link to={`/decide/plans/${encodeURIComponent(data.plan.plan_id)}?customer=${encodeURIComponent(id)}`}>
                {t("customer.whyAction")}
              </Link>
            </p>
          )}
        </>
      )}
    </Loaded>
  );
}

/** A basket of a hundred lines says no more than its first ones and their number. */
const LINES_SHOWN = 8;
const KINDS = ["purchase", "return", "event", "touch", "decision", "consent"];

function Timeline({ id }: { id: string }) {
  const { t, say, format } = useSpeaker();
  const [filters, change] = useUrlFilters("kind", "cursor");
  const timeline = useRead("GET /api/v1/customers/{customer_id}/timeline", {
    path: { customer_id: id },
    query: { kind: filters.kind ?? null, cursor: filters.cursor ?? null, limit: 30 },
  });
  return (
    <Card
      title={t("customer.timeline")}
      extra={
        <Select
          aria-label={t("customer.kind")}
          value={filters.kind ?? ""}
          onChange={(kind) => change({ kind })}
          style={{ width: 180 }}
          options={[
            { value: "", label: t("customer.everyKind") },
            ...KINDS.map((value) => ({ value, label: named(t, "timeline.kind", value) })),
          ]}
        />
      }
    >
      <Loaded query={timeline} empty={(data) => data.items.length === 0}>
        {(data) => (
          <>
            <ol className="timeline">
              {data.items.map((item, index) => (
                <Moment key={`${item.at}:${index}`} item={item} />
              ))}
            </ol>
            <Pager next={data.next_cursor} total={data.total} shown={data.items.length} />
          </>
        )}
      </Loaded>
    </Card>
  );

  function Moment({ item }: { item: TimelineItem }) {
    return (
      <li>
        <time className="muted num" dateTime={item.at}>
          {format.moment(item.at)}
        </time>
        <div>
          <p>
            <span className="tag">{named(t, "timeline.kind", item.kind)}</span> {say(item.title)}
          </p>
          {item.detail && <p className="muted small">{say(item.detail)}</p>}
          {item.lines.length > 0 && (
            <p className="small muted">
              {item.lines
                .slice(0, LINES_SHOWN)
                .map((line) => `${line.name ?? line.product_id ?? ""}${line.quantity !== null && line.quantity !== 1 ? ` × ${format.number(line.quantity, 2)}` : ""}`)
                .join(t("common.listSeparator"))}
              {item.lines.length > LINES_SHOWN &&
                ` ${t("customer.moreLines", { count: item.lines.length - LINES_SHOWN })}`}
            </p>
          )}
        </div>
        <span className="num nowrap">{item.amount ? cash(format, item.amount) : ""}</span>
      </li>
    );
  }
}

function Traits({ traits }: { traits: Trait[] }) {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  if (traits.length === 0)
    return (
      <div className="card">
        <Nothing title={t("customer.noTraits")} text={t("customer.noTraitsText")} />
      </div>
    );
  return (
    <Card title={t("customer.traits")} help={t("customer.traitsHelp")}>
      <Rows<Trait>
        rows={traits}
        rowKey={(row) => row.name}
        label={t("customer.traits")}
        columns={[
          { title: t("customer.trait"), render: (_, row) => say(row.label) },
          {
            title: t("customer.traitValue"),
            render: (_, row) => (
              <span className="break">
                {row.value ?? "–"} {row.masked && <span className="tag">{t("customer.masked")}</span>}
              </span>
            ),
          },
          { title: t("customer.source"), render: (_, row) => row.source ?? "–" },
          ...(traits.some((row) => row.valid_from !== null)
            ? [{ title: t("customer.validFrom"), render: (_: unknown, row: Trait) => format.day(row.valid_from) }]
            : []),
          ...(traits.some((row) => row.freshness_days !== null)
            ? [
                {
                  title: t("customer.freshness"),
                  align: "right" as const,
                  render: (_: unknown, row: Trait) => shown(speaker, { value: row.freshness_days, unit: "days" }),
                },
              ]
            : []),
          { title: t("govern.class"), render: (_, row) => named(t, "govern.classes", row.classification) },
        ]}
      />
    </Card>
  );
}

function Features({ id }: { id: string }) {
  const { t, say, format } = useSpeaker();
  const features = useRead("GET /api/v1/customers/{customer_id}/features", { path: { customer_id: id } });
  return (
    <Loaded query={features} empty={(data) => data.items.length === 0}>
      {(data) => (
        <Card title={t("customer.featuresCount", { count: data.items.length })} extra={<Fresh of={data.freshness} />}>
          <Rows<FeatureValue>
            rows={data.items}
            rowKey={(row) => row.name}
            label={t("customer.features")}
            columns={[
              {
                title: t("customer.feature"),
                width: 460,
                render: (_, row) => (
                  <>
                    <div>{say(row.label)}</div>
                    <div className="muted small">{say(row.definition)}</div>
                  </>
                ),
              },
              { title: t("common.name"), render: (_, row) => <span className="mono">{row.name}</span> },
              { title: t("customer.group"), render: (_, row) => say(row.group_label) },
              {
                title: t("govern.value"),
                align: "right",
                render: (_, row) => row.text_value ?? format.number(row.value, 3),
              },
              { title: t("govern.unit"), render: (_, row) => row.unit },
            ]}
          />
        </Card>
      )}
    </Loaded>
  );
}

function Identity({ customer }: { customer: Customer }) {
  const { t, say, format } = useSpeaker();
  return (
    <div className="stack">
      <Card title={t("customer.identifiers")} help={t("customer.identifiersHelp")}>
        <Rows
          rows={customer.identifiers}
          rowKey={(row) => row.identifier}
          label={t("customer.identifiers")}
          columns={[
            { title: t("customer.idKind"), render: (_, row) => say(row.kind_label) },
            { title: t("govern.value"), render: (_, row) => <span className="mono break">{row.value}</span> },
            { title: t("customer.firstSeen"), render: (_, row) => format.moment(row.first_seen_at) },
          ]}
        />
      </Card>
      <Card title={t("customer.merges")} help={t("customer.mergesHelp")}>
        {customer.merges.length === 0 ? (
          <p className="muted">{t("customer.noMerges")}</p>
        ) : (
          <Rows
            rows={customer.merges}
            rowKey={(row) => row.edge_id}
            label={t("customer.merges")}
            columns={[
              {
                title: t("customer.tied"),
                render: (_, row) => (
                  <span className="mono">
                    {row.left} ↔ {row.right}
                  </span>
                ),
              },
              { title: t("customer.evidence"), width: 320, render: (_, row) => say(row.evidence) },
              { title: t("customer.confidence"), align: "right", render: (_, row) => format.percent(row.confidence) },
              { title: t("customer.mergedAt"), render: (_, row) => format.moment(row.created_at) },
              { title: t("customer.undoneAt"), render: (_, row) => format.moment(row.undone_at) },
            ]}
          />
        )}
      </Card>
    </div>
  );
}
