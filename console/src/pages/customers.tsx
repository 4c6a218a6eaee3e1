import { Input, Select } from "antd";
import { Link } from "react-router";

import { useRead } from "../api/client";
import type { CustomerRow } from "../api/schema";
import { named, type Speaker, useSpeaker } from "../i18n/text";
import { cash, Risk } from "../parts/figures";
import { Card, Page } from "../parts/page";
import { Loaded, Nothing } from "../parts/states";
import { Pager, Rows } from "../parts/table";
import { useUrlFilters } from "../parts/url";

const SORTS = ["-value", "value", "-risk", "risk", "-last_purchase", "last_purchase", "-spent"] as const;
type Sort = (typeof SORTS)[number];

/** The columns of a customer list, shared by every page that shows one. */
export function customerColumns({ t, say, format }: Speaker) {
  return [
    {
      title: t("customers.customer"),
      render: (_: unknown, row: CustomerRow) => (
        <>
          <Link to={`/customers/${encodeURIComponent(row.customer_id)}`}>{row.display_name ?? row.customer_id}</Link>
          {row.display_name && <div className="muted small mono">{row.customer_id}</div>}
        </>
      ),
    },
    { title: t("customers.rfm"), render: (_: unknown, row: CustomerRow) => say(row.rfm?.name) || "–" },
    { title: t("customers.tier"), render: (_: unknown, row: CustomerRow) => say(row.tier?.name) || "–" },
    { title: t("customers.lifecycle"), render: (_: unknown, row: CustomerRow) => say(row.lifecycle?.name) || "–" },
    {
      title: t("customers.risk"),
      render: (_: unknown, row: CustomerRow) => <Risk value={row.risk} band={row.risk_band?.name} />,
    },
    { title: t("customers.value"), align: "right" as const, render: (_: unknown, row: CustomerRow) => cash(format, row.value) },
    { title: t("customers.orders"), align: "right" as const, render: (_: unknown, row: CustomerRow) => format.number(row.orders) },
    { title: t("customers.spent"), align: "right" as const, render: (_: unknown, row: CustomerRow) => cash(format, row.spent) },
    { title: t("customers.last"), render: (_: unknown, row: CustomerRow) => format.day(row.last_purchase_on) },
  ];
}

export default function Customers() {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  const [filters, change] = useUrlFilters("search", "segment", "sort", "cursor");
  const sort: Sort = SORTS.find((one) => one === filters.sort) ?? "-value";
  const schemes = useRead("GET /api/v1/segment/schemes", {});
  const list = useRead("GET /api/v1/customers", {
    query: {
      search: filters.search ?? null,
      segment: filters.segment ?? null,
      cursor: filters.cursor ?? null,
      sort,
      limit: 25,
    },
  });
  return (
    <Page title={t("nav.customers")} purpose={t("customers.purpose")}>
      <Card>
        <div className="filters">
          <Input.Search
            key={filters.search}
            defaultValue={filters.search ?? ""}
            onSearch={(search) => change({ search })}
            placeholder={t("customers.searchHint")}
            aria-label={t("customers.searchHint")}
            allowClear
            style={{ width: 300 }}
          />
          <Select
            aria-label={t("customers.inSegment")}
            value={filters.segment ?? ""}
            onChange={(segment) => change({ segment })}
            showSearch={{ optionFilterProp: "label" }}
            style={{ width: 240 }}
            popupMatchSelectWidth={false}
            options={[
              { value: "", label: t("customers.everySegment") },
              ...(schemes.data?.items ?? []).map((scheme) => ({
                label: say(scheme.name),
                title: scheme.scheme,
                options: scheme.segments.map((segment) => ({
                  value: `${scheme.scheme}:${segment.segment}`,
                  label: `${say(segment.name)} (${format.number(segment.customers)})`,
                })),
              })),
            ]}
          />
          <Select<Sort>
            aria-label={t("customers.sort")}
            value={sort}
            onChange={(next) => change({ sort: next === "-value" ? null : next })}
            style={{ width: 240 }}
            options={SORTS.map((value) => ({ value, label: named(t, "customers.sorts", value) }))}
          />
        </div>
        <Loaded
          query={list}
          lines={12}
          empty={(data) => data.items.length === 0}
          nothing={(data) => (
            <Nothing
              next={data.next_step}
              {...(filters.search || filters.segment
                ? { title: t("customers.noneFound"), text: t("customers.noneFoundText") }
                : {})}
            />
          )}
        >
          {(data) => (
            <>
              <Rows<CustomerRow>
                rows={data.items}
                rowKey={(row) => row.customer_id}
                label={t("nav.customers")}
                columns={customerColumns(speaker)}
                busy={list.isFetching && list.isPlaceholderData}
              />
              <Pager next={data.next_cursor} total={data.total} shown={data.items.length} />
            </>
          )}
        </Loaded>
      </Card>
    </Page>
  );
}
