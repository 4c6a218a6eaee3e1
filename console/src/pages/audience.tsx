import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Input } from "antd";
import { Link, useParams } from "react-router";

import { call, useRead } from "../api/client";
import type { Audience, AudiencePreview, AudienceWhy, Fact } from "../api/schema";
import { useSpeaker } from "../i18n/text";
import { Plain, Status } from "../parts/figures";
import { Card, Fresh, Page } from "../parts/page";
import { Loaded, ProblemBox } from "../parts/states";
import { Rows } from "../parts/table";
import { useUrlWord } from "../parts/url";
import { Sample } from "./builder";

export default function AudiencePage() {
  const { t, say, format } = useSpeaker();
  const { message } = App.useApp();
  const { id = "" } = useParams();
  const cache = useQueryClient();
  const audience = useRead("GET /api/v1/segment/audiences/{audience_id}", { path: { audience_id: id } });
  const build = useMutation({
    mutationFn: () => call("POST /api/v1/segment/audiences/{audience_id}/build", { path: { audience_id: id } }),
    onSuccess: (built) => {
      void message.success(t("audience.built", { count: built.size ?? 0, customers: format.number(built.size) }));
      void cache.invalidateQueries();
    },
  });
  return (
    <Page
      title={audience.data?.name ?? id}
      purpose={audience.data?.description ?? t("audience.purpose")}
      back={{ to: "/segment/audiences", label: t("segment.audiences") }}
      actions={
        <Button type="primary" loading={build.isPending} disabled={!audience.data} onClick={() => build.mutate()}>
          {t(audience.data?.status === "built" ? "audience.rebuild" : "audience.build")}
        </Button>
      }
    >
      {build.isError && <ProblemBox error={build.error} />}
      <Loaded query={audience} lines={10}>
        {(data) => (
          <>
            <div className="tiles">
              <Plain label={t("segment.size")} value={format.number(data.size)} foot={data.as_of ? t("fresh.asOf", { day: format.day(data.as_of) }) : ""} />
              <Plain label={t("common.status")} value={<Status family="audience.status" word={data.status} />} foot={data.built_at ? format.moment(data.built_at) : ""} />
              <Plain label={t("common.version")} value={data.version} foot={format.moment(data.updated_at)} />
            </div>
            <Card
              title={t("segment.rule")}
              extra={<Link to={`/segment/audiences/new?rule=${encodeURIComponent(say(data.rule_text))}`}>{t("audience.copy")}</Link>}
            >
              <pre className="code mono">{say(data.rule_text)}</pre>
              <details style={{ marginTop: 10 }}>
                <summary>{t("audience.asYaml")}</summary>
                <pre className="code mono">{data.rule_yaml}</pre>
              </details>
            </Card>
            <Why audience={data} />
            <Members audience={data} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Members({ audience }: { audience: Audience }) {
  const { t, format } = useSpeaker();
  const preview = useQuery<AudiencePreview, Error>({
    queryKey: ["preview", audience.rule_yaml],
    queryFn: ({ signal }) => call("POST /api/v1/segment/audiences/preview", { body: { rule_yaml: audience.rule_yaml } }, signal),
  });
  return (
    <Loaded query={preview}>
      {(data) => (
        <Card
          title={t("audience.now", { count: data.size ?? 0, customers: format.number(data.size) })}
          help={t("audience.nowHelp")}
          extra={<Fresh of={data.freshness} />}
        >
          <Sample rows={data.sample} />
        </Card>
      )}
    </Loaded>
  );
}

function Why({ audience }: { audience: Audience }) {
  const { t } = useSpeaker();
  const [customer, setCustomer] = useUrlWord("customer");
  const why = useRead(
    "GET /api/v1/segment/audiences/{audience_id}/why",
    { path: { audience_id: audience.audience_id }, query: { customer_id: customer } },
    { enabled: customer.length > 0 },
  );
  return (
    <Card title={t("audience.why")} help={t("audience.whyHelp")}>
      <Input.Search
        defaultValue={customer}
        aria-label={t("audience.whyCustomer")}
        placeholder={t("audience.whyCustomer")}
        enterButton={t("audience.ask")}
        onSearch={(value) => setCustomer(value.trim())}
        style={{ maxWidth: 420 }}
      />
      {customer && (
        <div style={{ marginTop: 14 }} aria-live="polite">
          <Loaded query={why} lines={3}>
            {(data) => <Answer why={data} />}
          </Loaded>
        </div>
      )}
    </Card>
  );
}

function Answer({ why }: { why: AudienceWhy }) {
  const { t, say } = useSpeaker();
  return (
    <div className="stack">
      <p>
        <span className={`tag ${why.member ? "good" : ""}`}>{t(why.member ? "audience.in" : "audience.out")}</span>{" "}
        {say(why.sentence)}
      </p>
      {why.built_member !== null && why.built_member !== why.member && (
        <p className="warn">{t(why.built_member ? "audience.wasIn" : "audience.wasOut")}</p>
      )}
      <Rows<Fact>
        rows={why.facts}
        rowKey={(fact) => `${fact.field}:${fact.operator}:${fact.expected}`}
        label={t("audience.facts")}
        columns={[
          {
            title: t("audience.holds"),
            render: (_, fact) => (
              <span className={`tag ${fact.satisfied ? "good" : "warn"}`}>{t(fact.satisfied ? "common.yes" : "common.no")}</span>
            ),
          },
          { title: t("audience.fact"), width: 420, render: (_, fact) => say(fact.text) },
          { title: t("audience.expected"), render: (_, fact) => <span className="mono">{`${fact.operator} ${fact.expected}`}</span> },
          { title: t("audience.actual"), render: (_, fact) => <span className="mono">{fact.actual ?? "–"}</span> },
          {
            title: t("audience.flips"),
            render: (_, fact) => (fact.flips ? <span className="tag accent">{t("audience.wouldFlip")}</span> : ""),
          },
        ]}
      />
    </div>
  );
}
