import { useMutation, useQuery } from "@tanstack/react-query";
import { Button, Input, Tabs } from "antd";
import { useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";

import { call, useRead } from "../api/client";
import type { AudiencePreview, CustomerRow, VocabularyField } from "../api/schema";
import { useSpeaker } from "../i18n/text";
import { Card, Fresh, Page } from "../parts/page";
import { Loaded, ProblemBox } from "../parts/states";
import { Rows } from "../parts/table";
import { useUrlWord } from "../parts/url";
import { customerColumns } from "./customers";

/** The rule waits a moment after the last key before it is asked about. */
function useQuiet(value: string): string {
  const [quiet, set] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => set(value), 350);
    return () => clearTimeout(timer);
  }, [value]);
  return quiet;
}

export default function Builder() {
  const { t } = useSpeaker();
  const navigate = useNavigate();
  const [kept, keep] = useUrlWord("rule");
  const [rule, setRule] = useState(kept);
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const area = useRef<HTMLTextAreaElement>(null);
  const quiet = useQuiet(rule.trim());

  useEffect(() => keep(quiet || null), [quiet, keep]);

  const preview = useQuery<AudiencePreview, Error>({
    queryKey: ["preview", quiet],
    queryFn: ({ signal }) => call("POST /api/v1/segment/audiences/preview", { body: { rule_text: quiet } }, signal),
    enabled: quiet.length > 0,
    placeholderData: (before) => before,
  });
  const create = useMutation({
    mutationFn: () =>
      call("POST /api/v1/segment/audiences", {
        body: { name: name.trim(), description: description.trim() || null, rule_text: quiet },
      }),
    onSuccess: (audience) => void navigate(`/segment/audiences/${encodeURIComponent(audience.audience_id)}`),
  });

  const insert = (text: string) => {
    const box = area.current;
    const at = box?.selectionStart ?? rule.length;
    const end = box?.selectionEnd ?? rule.length;
    const gap = at > 0 && !/[\s(]$/.test(rule.slice(0, at)) ? " " : "";
    const next = `${rule.slice(0, at)}${gap}${text} ${rule.slice(end)}`;
    setRule(next);
    requestAnimationFrame(() => {
      box?.focus();
      const place = at + gap.length + text.length + 1;
      box?.setSelectionRange(place, place);
    });
  };

  const good = quiet.length > 0 && preview.data?.error === null && quiet === rule.trim();
  return (
    <Page
      title={t("builder.title")}
      purpose={t("builder.purpose")}
      back={{ to: "/segment/audiences", label: t("segment.audiences") }}
      actions={
        <Button type="primary" disabled={!good || !name.trim()} loading={create.isPending} onClick={() => create.mutate()}>
          {t("builder.save")}
        </Button>
      }
    >
      <div className="grid">
        <div className="w8 stack">
          <Card title={t("builder.rule")} help={t("builder.ruleHelp")}>
            <textarea
              ref={area}
              className="editor ant-input"
              style={{ width: "100%", minHeight: 130, resize: "vertical", padding: "10px 12px", fontSize: 14, background: "var(--surface)", color: "var(--ink)", border: "1px solid var(--line2)", borderRadius: 6 }}
              aria-label={t("builder.rule")}
              aria-invalid={Boolean(preview.data?.error)}
              aria-describedby="rule-says"
              spellCheck={false}
              value={rule}
              onChange={(event) => setRule(event.target.value)}
            />
            <div id="rule-says" aria-live="polite" style={{ marginTop: 12 }}>
              <Says preview={preview.data} asked={quiet} error={preview.error} busy={preview.isFetching} onJump={(at, length) => {
                area.current?.focus();
                area.current?.setSelectionRange(at, at + Math.max(1, length));
              }} />
            </div>
          </Card>
          <Card title={t("builder.keep")}>
            <div className="stack">
              <label>
                <span className="muted small">{t("common.name")}</span>
                <Input value={name} maxLength={120} onChange={(event) => setName(event.target.value)} placeholder={t("builder.nameHint")} />
              </label>
              <label>
                <span className="muted small">{t("builder.description")}</span>
                <Input value={description} maxLength={2000} onChange={(event) => setDescription(event.target.value)} />
              </label>
              {create.isError && <ProblemBox error={create.error} />}
            </div>
          </Card>
          {preview.data && preview.data.sample.length > 0 && quiet && (
            <Card title={t("builder.sample")} help={t("builder.sampleHelp")}>
              <Sample rows={preview.data.sample} />
            </Card>
          )}
        </div>
        <div className="w4">
          <Vocabulary onPick={insert} onExample={setRule} />
        </div>
      </div>
    </Page>
  );
}

export function Sample({ rows }: { rows: CustomerRow[] }) {
  const speaker = useSpeaker();
  return (
    <Rows<CustomerRow>
      rows={rows}
      rowKey={(row) => row.customer_id}
      label={speaker.t("builder.sample")}
      columns={customerColumns(speaker).filter((_, index) => [0, 2, 4, 5, 8].includes(index))}
    />
  );
}

function Says({
  preview,
  asked,
  error,
  busy,
  onJump,
}: {
  preview: AudiencePreview | undefined;
  asked: string;
  error: Error | null;
  busy: boolean;
  onJump: (at: number, length: number) => void;
}) {
  const { t, say, format } = useSpeaker();
  if (!asked) return <p className="muted">{t("builder.waiting")}</p>;
  if (error) return <ProblemBox error={error} />;
  if (!preview) return <p className="muted">{t("builder.counting")}</p>;
  const fault = preview.error;
  if (fault) {
    const { offset } = fault;
    return (
      <div className="problem warning" role="alert">
        <h3>
          {fault.line === null ? t("builder.fault") : t("builder.faultAt", { line: fault.line, column: fault.column ?? 1 })}
        </h3>
        <p>{say(fault.message)}</p>
        {offset !== null && (
          <pre className="mono code">
            {asked.slice(0, offset)}
            <mark>{asked.slice(offset, offset + Math.max(1, fault.length ?? 1)) || " "}</mark>
            {asked.slice(offset + Math.max(1, fault.length ?? 1))}
          </pre>
        )}
        {fault.expected.length > 0 && (
          <p>
            <span className="muted">{t("builder.expected")} </span>
            <span className="mono">{fault.expected.slice(0, 12).join(t("common.listSeparator"))}</span>
          </p>
        )}
        {offset !== null && (
          <div>
            <button type="button" className="linklike" onClick={() => onJump(offset, fault.length ?? 1)}>
              {t("builder.jump")}
            </button>
          </div>
        )}
      </div>
    );
  }
  return (
    <div className="stack" style={{ gap: 6, opacity: busy ? 0.6 : 1 }}>
      <p className="row">
        <strong className="num" style={{ fontSize: 22 }}>
          {t("common.customersCount", { count: preview.size ?? 0, customers: format.number(preview.size) })}
        </strong>
        <span className="muted">{t("builder.share", { share: format.percent(preview.share), all: format.number(preview.customers) })}</span>
        <Fresh of={preview.freshness} />
        <span className="muted small num">{t("unit.seconds", { value: format.number(preview.seconds, 2) })}</span>
      </p>
      {preview.rule_text && <p className="muted">{say(preview.rule_text)}</p>}
    </div>
  );
}

function Vocabulary({ onPick, onExample }: { onPick: (text: string) => void; onExample: (rule: string) => void }) {
  const { t, say } = useSpeaker();
  const vocabulary = useRead("GET /api/v1/segment/vocabulary", {});
  const [find, setFind] = useState("");
  const word = find.trim().toLowerCase();
  const fits = (field: VocabularyField) =>
    !word || [field.name, field.label.zh, field.label.en, field.group_label.zh, field.group_label.en].some((text) => text.toLowerCase().includes(word));
  return (
    <Card title={t("builder.vocabulary")} help={t("builder.vocabularyHelp")}>
      <Loaded query={vocabulary}>
        {(data) => (
          <Tabs
            size="small"
            destroyOnHidden
            items={[
              {
                key: "fields",
                label: t("builder.fields"),
                children: (
                  <>
                    <Input
                      value={find}
                      onChange={(event) => setFind(event.target.value)}
                      placeholder={t("builder.findField")}
                      aria-label={t("builder.findField")}
                      allowClear
                    />
                    <ul className="vocabulary" tabIndex={0} aria-label={t("builder.fields")}>
                      {data.fields.filter(fits).map((field) => (
                        <li key={field.name}>
                          <button type="button" className="linklike mono" onClick={() => onPick(field.name)}>
                            {field.name}
                          </button>{" "}
                          <span>{say(field.label)}</span>
                          {say(field.definition) !== say(field.label) && <div className="muted small">{say(field.definition)}</div>}
                          {field.values.length > 0 && (
                            <div className="row small" style={{ gap: 6 }}>
                              {field.values.slice(0, 10).map((value) => (
                                <button key={value.value} type="button" className="linklike small" onClick={() => onPick(value.value)}>
                                  {say(value.label)}
                                </button>
                              ))}
                            </div>
                          )}
                        </li>
                      ))}
                    </ul>
                  </>
                ),
              },
              {
                key: "operators",
                label: t("builder.operators"),
                children: (
                  <ul className="vocabulary" tabIndex={0} aria-label={t("builder.operators")}>
                    {data.operators.map((one) => (
                      <li key={one.operator}>
                        <button type="button" className="linklike mono" onClick={() => onPick(one.operator)}>
                          {one.operator}
                        </button>{" "}
                        {say(one.label)}
                      </li>
                    ))}
                  </ul>
                ),
              },
              {
                key: "examples",
                label: t("builder.examples"),
                children: (
                  <ul className="vocabulary" tabIndex={0} aria-label={t("builder.examples")}>
                    {data.examples.map((example) => (
                      <li key={example.en}>
                        <button type="button" className="linklike mono break" onClick={() => onExample(say(example))}>
                          {say(example)}
                        </button>
                      </li>
                    ))}
                  </ul>
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}
