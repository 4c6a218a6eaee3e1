import { Input, Segmented, Select, Tabs } from "antd";
import { useMemo } from "react";
import { Link, useNavigate, useParams } from "react-router";

import { useRead } from "../api/client";
import type { CleaningRule, DictionaryColumn, LineageEdge, LineageNode, QualityIndicator } from "../api/schema";
import { named, useSpeaker } from "../i18n/text";
import { shown, Spark } from "../parts/figures";
import { Card, Fresh, Page } from "../parts/page";
import { Loaded, Nothing } from "../parts/states";
import { Rows } from "../parts/table";
import { useUrlWord } from "../parts/url";

export default function Govern() {
  const { t } = useSpeaker();
  const navigate = useNavigate();
  const { tab = "quality" } = useParams();
  return (
    <Page title={t("nav.govern")} purpose={t("govern.purpose")}>
      <Tabs
        activeKey={tab}
        onChange={(next) => void navigate(`/govern/${next}`)}
        destroyOnHidden
        items={[
          { key: "quality", label: t("govern.quality"), children: <Quality /> },
          { key: "rules", label: t("govern.rules"), children: <Rules /> },
          { key: "dictionary", label: t("govern.dictionary"), children: <Dictionary /> },
          { key: "lineage", label: t("govern.lineage"), children: <Lineage /> },
        ]}
      />
    </Page>
  );
}

function Quality() {
  const speaker = useSpeaker();
  const { t, say } = speaker;
  const quality = useRead("GET /api/v1/govern/quality", {});
  const report = useRead("GET /api/v1/govern/report", {});
  return (
    <div className="stack">
      <Loaded query={quality} lines={10} empty={(data) => data.indicators.length === 0}>
        {(data) => (
          <Card
            title={say(data.summary)}
            extra={
              <span className="row">
                <span className="tag good">{t("govern.passed", { count: data.passed })}</span>
                {data.failed > 0 && <span className="tag bad">{t("govern.failed", { count: data.failed })}</span>}
                <Fresh of={data.freshness} />
              </span>
            }
          >
            <Rows<QualityIndicator>
              rows={data.indicators}
              rowKey={(row) => `${row.key}:${row.table}:${row.column ?? ""}`}
              label={t("govern.quality")}
              columns={[
                {
                  title: t("govern.verdict"),
                  render: (_, row) => (
                    <span className={`tag ${row.passed === null ? "" : row.passed ? "good" : "bad"}`}>
                      {t(row.passed === null ? "govern.noTarget" : row.passed ? "govern.ok" : "govern.below")}
                    </span>
                  ),
                },
                {
                  title: t("govern.indicator"),
                  width: 380,
                  render: (_, row) => (
                    <>
                      <div>{say(row.name)}</div>
                      <div className="muted small">{say(row.definition)}</div>
                      {row.passed === false && <div className="small bad">{say(row.finding)}</div>}
                    </>
                  ),
                },
                { title: t("govern.dimension"), render: (_, row) => say(row.dimension_label) },
                {
                  title: t("govern.on"),
                  render: (_, row) => <span className="mono">{row.column ? `${row.table}.${row.column}` : row.table}</span>,
                },
                { title: t("govern.value"), align: "right", render: (_, row) => shown(speaker, row) },
                {
                  title: t("govern.target"),
                  align: "right",
                  render: (_, row) => shown(speaker, { value: row.target, unit: row.unit }),
                },
                {
                  title: t("govern.trend"),
                  render: (_, row) => (
                    <Spark
                      points={row.history.map((point) => point.value)}
                      target={row.target}
                      label={t("govern.trendOf", { name: say(row.name), runs: row.history.length })}
                    />
                  ),
                },
              ]}
            />
          </Card>
        )}
      </Loaded>
      <Loaded query={report} empty={(data) => data.sections.length === 0} nothing={() => null}>
        {(data) => (
          <Card title={t("govern.report")} extra={<Fresh of={data.freshness} />}>
            <div className="stack">
              {data.sections.map((section) => (
                <div key={section.heading.en}>
                  <h3 style={{ fontSize: 14 }}>{say(section.heading)}</h3>
                  <p style={{ whiteSpace: "pre-wrap", maxWidth: "86ch" }}>{say(section.body)}</p>
                </div>
              ))}
            </div>
          </Card>
        )}
      </Loaded>
    </div>
  );
}

function Rules() {
  const { t, say, format } = useSpeaker();
  const rules = useRead("GET /api/v1/govern/rules", {});
  const [kind, setKind] = useUrlWord("kind");
  return (
    <Loaded query={rules} empty={(data) => data.items.length === 0}>
      {(data) => {
        const kinds = [...new Map(data.items.map((rule) => [rule.column_kind, rule.column_kind_label]))];
        return (
          <Card
            title={t("govern.rules")}
            help={t("govern.rulesHelp", { count: data.items.length, changed: format.number(data.corrections) })}
            extra={
              <Select
                aria-label={t("govern.columnKind")}
                value={kind}
                onChange={setKind}
                style={{ minWidth: 180 }}
                options={[
                  { value: "", label: t("govern.everyKind") },
                  ...kinds.map(([key, label]) => ({ value: key, label: say(label) })),
                ]}
              />
            }
          >
            <Rows<CleaningRule>
              rows={data.items.filter((rule) => !kind || rule.column_kind === kind)}
              rowKey={(row) => row.key}
              label={t("govern.rules")}
              columns={[
                {
                  title: t("govern.rule"),
                  width: 400,
                  render: (_, row) => (
                    <>
                      <div>{say(row.name)}</div>
                      <div className="muted small">{say(row.description)}</div>
                    </>
                  ),
                },
                { title: t("govern.columnKind"), render: (_, row) => say(row.column_kind_label) },
                {
                  title: t("govern.example"),
                  render: (_, row) => (
                    <span className="mono">
                      {row.examples.slice(0, 2).map((example, index) => (
                        <span key={index} style={{ display: "block" }}>
                          <span className="muted">{quoted(example.before)}</span>
                          <span aria-hidden="true"> → </span>
                          <span className="hidden-text"> {t("govern.becomes")} </span>
                          {example.after === null ? t("govern.refused") : quoted(example.after)}
                        </span>
                      ))}
                    </span>
                  ),
                },
                { title: t("govern.applied"), align: "right", render: (_, row) => format.number(row.applied) },
                { title: t("govern.lastApplied"), render: (_, row) => format.moment(row.last_applied_at) },
              ]}
            />
          </Card>
        );
      }}
    </Loaded>
  );
}

const quoted = (value: string | null): string => (value === null ? "∅" : JSON.stringify(value));

function Dictionary() {
  const { t, say } = useSpeaker();
  const dictionary = useRead("GET /api/v1/govern/dictionary", {});
  const [table, setTable] = useUrlWord("table");
  const [find, setFind] = useUrlWord("find");
  return (
    <Loaded query={dictionary} empty={(data) => data.tables.length === 0}>
      {(data) => {
        const word = find.toLowerCase();
        const fits = (text: string) => text.toLowerCase().includes(word);
        const tables = data.tables
          .filter((one) => !table || one.table === table)
          .map((one) => ({
            ...one,
            columns: word
              ? one.columns.filter((column) => fits(column.name) || fits(column.meaning.zh) || fits(column.meaning.en))
              : one.columns,
          }))
          .filter((one) => one.columns.length > 0);
        const first = table || word ? tables : tables.slice(0, 4);
        return (
          <div className="stack">
            <div className="filters" style={{ margin: 0 }}>
              <Select
                aria-label={t("common.table")}
                value={table}
                onChange={setTable}
                showSearch={{ optionFilterProp: "label" }}
                style={{ minWidth: 240 }}
                options={[
                  { value: "", label: t("govern.everyTable", { count: data.tables.length }) },
                  ...data.tables.map((one) => ({ value: one.table, label: say(one.label) })),
                ]}
              />
              <Input.Search
                aria-label={t("govern.findColumn")}
                placeholder={t("govern.findColumn")}
                defaultValue={find}
                onSearch={setFind}
                allowClear
                style={{ width: 280 }}
              />
            </div>
            {first.map((one) => (
              <Card key={one.table} title={`${say(one.label)} · ${one.table}`} help={say(one.meaning)}>
                <Rows<DictionaryColumn>
                  rows={one.columns}
                  rowKey={(row) => row.name}
                  label={say(one.label)}
                  columns={[
                    {
                      title: t("govern.column"),
                      render: (_, row) => (
                        <span className="mono nowrap">
                          {row.name}
                          {row.key && <span className="tag accent"> {t("govern.key")}</span>}
                        </span>
                      ),
                    },
                    { title: t("govern.meaning"), width: 420, render: (_, row) => say(row.meaning) },
                    { title: t("govern.type"), render: (_, row) => <span className="mono">{row.type}</span> },
                    { title: t("govern.unit"), render: (_, row) => row.unit ?? "–" },
                    { title: t("govern.class"), render: (_, row) => say(row.classification_label) },
                    { title: t("govern.nullable"), render: (_, row) => t(row.nullable ? "common.yes" : "common.no") },
                  ]}
                />
              </Card>
            ))}
            {first.length === 0 && (
              <div className="card">
                <Nothing title={t("govern.noColumn")} text={t("govern.noColumnText")} />
              </div>
            )}
            {first.length < tables.length && (
              <p className="muted">{t("govern.moreTables", { count: tables.length - first.length })}</p>
            )}
          </div>
        );
      }}
    </Loaded>
  );
}

function Lineage() {
  const { t, say } = useSpeaker();
  const dictionary = useRead("GET /api/v1/govern/dictionary", {});
  const [column, setColumn] = useUrlWord("column");
  const [direction, setDirection] = useUrlWord("direction", "both");
  const lineage = useRead("GET /api/v1/govern/lineage", {
    query: { column: column || null, direction: direction as "both" | "upstream" | "downstream", depth: 4 },
  });
  const options = useMemo(
    () =>
      (dictionary.data?.tables ?? []).map((table) => ({
        label: say(table.label),
        title: table.table,
        options: table.columns.map((one) => ({
          value: `${table.table}.${one.name}`,
          label: `${table.table}.${one.name}`,
        })),
      })),
    [dictionary.data, say],
  );
  return (
    <Card title={t("govern.lineage")} help={t("govern.lineageHelp")}>
      <div className="filters">
        <Select
          aria-label={t("govern.column")}
          placeholder={t("govern.pickColumn")}
          value={column || null}
          onChange={(next: string | null) => setColumn(next)}
          showSearch={{ optionFilterProp: "value" }}
          allowClear
          style={{ width: 340 }}
          options={options}
        />
        <Segmented
          aria-label={t("govern.direction")}
          value={direction}
          onChange={setDirection}
          options={["upstream", "both", "downstream"].map((word) => ({
            value: word,
            label: named(t, "govern.directions", word),
          }))}
        />
      </div>
      <Loaded query={lineage} empty={(data) => data.nodes.length === 0}>
        {(data) => (
          <>
            {data.column === null ? (
              <TableFlow nodes={data.nodes} edges={data.edges} />
            ) : (
              <LineageColumns nodes={data.nodes} asked={data.column} onPick={setColumn} />
            )}
            <p className="muted small" style={{ marginTop: 12 }}>
              {t(data.column === null ? "govern.tableCount" : "govern.lineageCount", { nodes: data.nodes.length, edges: data.edges.length })}
              {data.truncated ? ` ${t("govern.truncated")}` : ""}
            </p>
            {data.edges.some((edge) => edge.transform) && (
              <Rows
                rows={data.edges.filter((edge) => edge.transform)}
                rowKey={(edge) => `${edge.source}>${edge.target}`}
                label={t("govern.transforms")}
                columns={[
                  { title: t("govern.from"), render: (_, edge) => <span className="mono">{edge.source}</span> },
                  { title: t("govern.into"), render: (_, edge) => <span className="mono">{edge.target}</span> },
                  { title: t("govern.transform"), render: (_, edge) => <span className="mono break">{edge.transform}</span> },
                ]}
              />
            )}
          </>
        )}
      </Loaded>
    </Card>
  );
}

/** Without a column: the tables in the order data flows, each opening its columns. */
function TableFlow({ nodes, edges }: { nodes: LineageNode[]; edges: LineageEdge[] }) {
  const { t, say } = useSpeaker();
  const depth = new Map(nodes.map((node) => [node.id, 0]));
  for (let pass = 0; pass < nodes.length; pass++)
    for (const { source, target } of edges) {
      const next = (depth.get(source) ?? 0) + 1;
      if (next > (depth.get(target) ?? 0) && next < nodes.length) depth.set(target, next);
    }
  const steps = [...new Set(depth.values())].sort((a, b) => a - b);
  return (
    <div className="lineage" role="region" aria-label={t("govern.lineage")} tabIndex={0}>
      {steps.map((step) => (
        <div key={step}>
          {nodes
            .filter((node) => depth.get(node.id) === step)
            .map((node) => (
              <Link key={node.id} className="node" to={`/govern/dictionary?table=${encodeURIComponent(node.table)}`}>
                <span className="mono">{node.id}</span>
                <br />
                <span className="muted small">{say(node.label)}</span>
              </Link>
            ))}
        </div>
      ))}
    </div>
  );
}

function LineageColumns({
  nodes,
  asked,
  onPick,
}: {
  nodes: LineageNode[];
  asked: string | null;
  onPick: (id: string) => void;
}) {
  const { t, say } = useSpeaker();
  const steps = [...new Set(nodes.map((node) => node.distance))].sort((a, b) => a - b);
  return (
    <div className="lineage" role="region" aria-label={t("govern.lineage")} tabIndex={0}>
      {steps.map((step) => (
        <div key={step}>
          <h3 className="small muted">
            {step === 0
              ? t("govern.asked")
              : t(step < 0 ? "govern.stepsBefore" : "govern.stepsAfter", { count: Math.abs(step) })}
          </h3>
          {nodes
            .filter((node) => node.distance === step)
            .map((node) => (
              <button
                key={node.id}
                type="button"
                className={`node ${node.id === asked ? "asked" : ""}`}
                onClick={() => onPick(node.id)}
              >
                <span className="mono">{node.id}</span>
                <br />
                <span className="muted small">{say(node.label)}</span>
              </button>
            ))}
        </div>
      ))}
    </div>
  );
}
