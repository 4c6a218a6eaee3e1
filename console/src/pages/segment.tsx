import { PlusOutlined } from "@ant-design/icons";
import { Button, Tabs } from "antd";
import { Link, useNavigate, useParams } from "react-router";

import { useRead } from "../api/client";
import type { Audience, SchemeSegment } from "../api/schema";
import { useSpeaker } from "../i18n/text";
import { cash, Status } from "../parts/figures";
import { Card, Fresh, Page } from "../parts/page";
import { Loaded } from "../parts/states";
import { Rows } from "../parts/table";

export default function Segment() {
  const { t } = useSpeaker();
  const navigate = useNavigate();
  const { tab = "schemes" } = useParams();
  return (
    <Page
      title={t("nav.segment")}
      purpose={t("segment.purpose")}
      actions={
        <Link to="/segment/audiences/new">
          <Button type="primary" icon={<PlusOutlined />} tabIndex={-1}>
            {t("segment.new")}
          </Button>
        </Link>
      }
    >
      <Tabs
        activeKey={tab}
        onChange={(next) => void navigate(`/segment/${next}`)}
        destroyOnHidden
        items={[
          { key: "schemes", label: t("segment.schemes"), children: <Schemes /> },
          { key: "audiences", label: t("segment.audiences"), children: <Audiences /> },
        ]}
      />
    </Page>
  );
}

function Schemes() {
  const { t, say, format } = useSpeaker();
  const schemes = useRead("GET /api/v1/segment/schemes", {});
  return (
    <Loaded query={schemes} lines={12} empty={(data) => data.items.length === 0}>
      {(data) => (
        <div className="stack">
          {data.items.map((scheme) => (
            <Card
              key={scheme.scheme}
              title={say(scheme.name)}
              help={say(scheme.definition)}
              extra={
                <span className="row">
                  <span className="muted small">
                    {t("common.customersCount", { count: scheme.customers, customers: format.number(scheme.customers) })}
                  </span>
                  <Fresh of={scheme.freshness} />
                </span>
              }
            >
              <Rows<SchemeSegment>
                rows={scheme.segments}
                rowKey={(row) => row.segment}
                label={say(scheme.name)}
                columns={[
                  {
                    title: t("segment.segment"),
                    width: 420,
                    render: (_, row) => (
                      <>
                        <Link to={`/customers?segment=${encodeURIComponent(`${scheme.scheme}:${row.segment}`)}`}>
                          {say(row.name)}
                        </Link>
                        <div className="muted small">{say(row.description)}</div>
                      </>
                    ),
                  },
                  { title: t("common.customers"), align: "right", render: (_, row) => format.number(row.customers) },
                  {
                    title: t("common.share"),
                    width: 170,
                    render: (_, row) => (
                      <span className="bars">
                        <span className="row nowrap" style={{ flexWrap: "nowrap" }}>
                          <span className="track" style={{ width: 90 }} aria-hidden="true">
                            <span className="fill" style={{ width: `${100 * row.share}%` }} />
                          </span>
                          <span className="num">{format.percent(row.share)}</span>
                        </span>
                      </span>
                    ),
                  },
                  { title: t("customers.spent"), align: "right", render: (_, row) => cash(format, row.spent, true) },
                  { title: t("customers.value"), align: "right", render: (_, row) => cash(format, row.expected_value, true) },
                  { title: t("segment.averageRisk"), align: "right", render: (_, row) => format.number(row.average_risk, 1) },
                ]}
              />
            </Card>
          ))}
        </div>
      )}
    </Loaded>
  );
}

function Audiences() {
  const { t, say, format } = useSpeaker();
  const audiences = useRead("GET /api/v1/segment/audiences", {});
  return (
    <Card title={t("segment.audiences")} help={t("segment.audiencesHelp")}>
      <Loaded query={audiences} empty={(data) => data.items.length === 0}>
        {(data) => (
          <Rows<Audience>
            rows={data.items}
            rowKey={(row) => row.audience_id}
            label={t("segment.audiences")}
            columns={[
              {
                title: t("common.name"),
                width: 260,
                render: (_, row) => (
                  <>
                    <Link to={`/segment/audiences/${encodeURIComponent(row.audience_id)}`}>{row.name}</Link>
                    {row.description && <div className="muted small">{row.description}</div>}
                  </>
                ),
              },
              { title: t("segment.rule"), width: 380, render: (_, row) => <span className="mono break">{say(row.rule_text)}</span> },
              { title: t("common.status"), render: (_, row) => <Status family="audience.status" word={row.status} /> },
              { title: t("segment.size"), align: "right", render: (_, row) => format.number(row.size) },
              { title: t("segment.builtAt"), render: (_, row) => format.moment(row.built_at) },
              { title: t("common.version"), align: "right", render: (_, row) => row.version },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}
