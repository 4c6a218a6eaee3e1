import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Button, Input, InputNumber, Segmented, Select } from "antd";
import { type ReactNode, useState } from "react";
import { useNavigate } from "react-router";

import { call, useRead } from "../../api/client";
import type { PropensityChoice, PropensityOptions, PropensityPreview, PropensityRequest } from "../../api/schema";
import { useSpeaker } from "../../i18n/text";
import { Card, Page } from "../../parts/page";
import { Loaded, Nothing, ProblemBox } from "../../parts/states";

type Kind = "event" | "purchase" | "rule";
type Draft = {
  name: string; title: string; kind: Kind; event: string; where: Record<string, string>; rule: string;
  times: number; horizon: number; audience: string; exclude: string[]; trials: number;
};

const EMPTY: Draft = {
  name: "", title: "", kind: "event", event: "", where: {}, rule: "", times: 1, horizon: 30, audience: "", exclude: [], trials: 0,
};

function requestOf(draft: Draft): PropensityRequest {
  const { kind } = draft;
  return {
    name: draft.name,
    title: draft.title,
    target: {
      kind,
      event: kind === "event" ? draft.event : null,
      where: kind === "rule" ? {} : draft.where,
      rule: kind === "rule" ? draft.rule : null,
      at_least: draft.times,
    },
    horizon_days: draft.horizon,
    audience: draft.audience,
    exclude: draft.exclude,
    exclude_customers: [],
    allow: [],
    trials: draft.trials,
    seconds: 120,
    as_of: null,
  };
}

const told = (draft: Draft): boolean =>
  draft.kind === "event" ? draft.event !== "" : draft.kind === "rule" ? draft.rule.trim() !== "" : true;

/** Asks for a model without code: what, within how long, for whom; looks before it trains. */
export default function AskForModel() {
  const { t } = useSpeaker();
  const options = useRead("GET /api/v1/predict/propensity/options", {});
  return (
    <Page title={t("ask.title")} purpose={t("ask.purpose")} back={{ to: "/predict/asked", label: t("predict.tabAsked") }}>
      <Loaded query={options} lines={10} empty={(data) => data.customers === 0}>
        {(data) => <Form options={data} />}
      </Loaded>
    </Page>
  );
}

function Form({ options }: { options: PropensityOptions }) {
  const { t } = useSpeaker();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [draft, setDraft] = useState<Draft>({ ...EMPTY, kind: options.events.length ? "event" : "purchase" });
  const [seen, setSeen] = useState<string | null>(null);
  const change = (part: Partial<Draft>) => setDraft((now) => ({ ...now, ...part }));
  const named = /^[a-z0-9][a-z0-9_-]{0,39}$/.test(draft.name);
  const preview = useMutation({
    mutationFn: () => call("POST /api/v1/predict/propensity/preview", { body: requestOf({ ...draft, name: named ? draft.name : "preview" }) }),
    onSuccess: () => setSeen(JSON.stringify(requestOf(draft).target) + draft.horizon + draft.audience),
  });
  const train = useMutation({
    mutationFn: () => call("POST /api/v1/predict/propensity", { body: requestOf(draft) }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["GET /api/v1/predict/propensity"] });
      await navigate(`/predict/asked/${encodeURIComponent(draft.name)}`);
    },
  });
  const current = seen === JSON.stringify(requestOf(draft).target) + draft.horizon + draft.audience;
  return (
    <div className="grid">
      <div className="w6 stack">
        <Card title={t("ask.what")}>
          <div className="form">
            <Segmented
              aria-label={t("ask.kind")}
              value={draft.kind}
              onChange={(kind) => change({ kind: kind as Kind, where: {} })}
              options={[
                { value: "event", label: t("ask.event"), disabled: options.events.length === 0 },
                { value: "purchase", label: t("ask.purchase") },
                { value: "rule", label: t("ask.rule") },
              ]}
            />
            <Target options={options} draft={draft} change={change} />
            <Field label={t("ask.horizon")} help={t("ask.horizonHelp")}>
              <div className="row" style={{ gap: 8 }}>
                <InputNumber aria-label={t("ask.horizon")} min={1} max={365} value={draft.horizon} onChange={(next) => change({ horizon: next ?? 30 })} />
                {options.horizons.map((days) => (
                  <button key={days} type="button" className="linklike small" onClick={() => change({ horizon: days })}>
                    {t("ask.days", { count: days })}
                  </button>
                ))}
              </div>
            </Field>
          </div>
        </Card>
        <Card title={t("ask.who")} help={t("ask.whoHelp")}>
          <div className="form">
            <Rule label={t("ask.audience")} value={draft.audience} options={options} onChange={(audience) => change({ audience })} />
            <Field label={t("ask.exclude")} help={t("ask.excludeHelp")}>
              <Many label={t("ask.exclude")} choices={options.features} value={draft.exclude} onChange={(exclude) => change({ exclude })} />
            </Field>
          </div>
        </Card>
        <Card title={t("ask.called")}>
          <div className="form">
            <Field label={t("ask.name")} help={t("ask.nameHelp")}>
              <Input aria-label={t("ask.name")} value={draft.name} maxLength={40} status={draft.name && !named ? "error" : ""} onChange={(event) => change({ name: event.target.value })} />
            </Field>
            <Field label={t("ask.titleField")}>
              <Input aria-label={t("ask.titleField")} value={draft.title} maxLength={120} onChange={(event) => change({ title: event.target.value })} />
            </Field>
            <Field label={t("ask.trials")} help={t("ask.trialsHelp")}>
              <InputNumber aria-label={t("ask.trials")} min={0} max={500} value={draft.trials} onChange={(next) => change({ trials: next ?? 0 })} />
            </Field>
          </div>
        </Card>
      </div>
      <div className="w6 stack">
        <Card
          title={t("ask.before")}
          help={t("ask.beforeHelp")}
          extra={
            <Button onClick={() => preview.mutate()} loading={preview.isPending} disabled={!told(draft)}>
              {t("ask.look")}
            </Button>
          }
        >
          {preview.error ? (
            <ProblemBox error={preview.error} />
          ) : preview.data ? (
            <Looked preview={preview.data} stale={!current} />
          ) : (
            <p className="muted">{t("ask.notLooked")}</p>
          )}
        </Card>
        {train.error && <ProblemBox error={train.error} />}
        <div className="row">
          <Button type="primary" size="large" loading={train.isPending} disabled={!named || !told(draft) || (current && preview.data?.possible === false)} onClick={() => train.mutate()}>
            {t("ask.train")}
          </Button>
          {!named && <span className="muted small">{t("ask.nameFirst")}</span>}
        </div>
      </div>
    </div>
  );
}

function Target({ options, draft, change }: { options: PropensityOptions; draft: Draft; change: (part: Partial<Draft>) => void }) {
  const { t } = useSpeaker();
  if (draft.kind === "rule")
    return <Rule label={t("ask.becomes")} value={draft.rule} options={options} onChange={(rule) => change({ rule })} />;
  const where = (name: string, value: string | undefined) => {
    const rest = Object.fromEntries(Object.entries(draft.where).filter(([key]) => key !== name));
    change({ where: value ? { ...rest, [name]: value } : rest });
  };
  return (
    <>
      {draft.kind === "event" && (
        <Field label={t("ask.which")}>
          <One label={t("ask.which")} choices={options.events} value={draft.event} onChange={(event) => change({ event: event ?? "" })} />
        </Field>
      )}
      {options.categories.length > 0 && (
        <Field label={t("ask.category")} help={t("ask.optional")}>
          <One label={t("ask.category")} choices={options.categories} value={draft.where["category"] ?? ""} onChange={(next) => where("category", next)} />
        </Field>
      )}
      {draft.kind === "purchase" && options.brands.length > 0 && (
        <Field label={t("ask.brand")} help={t("ask.optional")}>
          <One label={t("ask.brand")} choices={options.brands} value={draft.where["brand"] ?? ""} onChange={(next) => where("brand", next)} />
        </Field>
      )}
      <Field label={t("ask.times")}>
        <InputNumber aria-label={t("ask.times")} min={1} max={1000} value={draft.times} onChange={(next) => change({ times: next ?? 1 })} />
      </Field>
    </>
  );
}

function Field({ label, help, children }: { label: string; help?: string; children: ReactNode }) {
  return (
    <div>
      <p>
        {label} {help && <span className="muted small">{help}</span>}
      </p>
      {children}
    </div>
  );
}

function Rule({ label, value, options, onChange }: { label: string; value: string; options: PropensityOptions; onChange: (rule: string) => void }) {
  const { t, say } = useSpeaker();
  return (
    <Field label={label} help={t("ask.ruleHelp")}>
      <Input.TextArea aria-label={label} rows={2} value={value} onChange={(event) => onChange(event.target.value)} />
      <p className="small muted">
        {t("ask.examples")}{" "}
        {options.rules.map((rule) => (
          <button key={rule.en} type="button" className="linklike mono" style={{ marginRight: 12 }} onClick={() => onChange(say(rule))}>
            {say(rule)}
          </button>
        ))}
      </p>
    </Field>
  );
}

const listed = (choices: PropensityChoice[], say: (text: { zh: string; en: string }) => string, number: (value: number) => string) =>
  choices.map((one) => ({
    value: one.value,
    label: [say(one.label) || one.value, one.rows === null ? "" : number(one.rows)].filter(Boolean).join(" · "),
  }));

function One({ label, choices, value, onChange }: { label: string; choices: PropensityChoice[]; value: string; onChange: (next: string | undefined) => void }) {
  const { say, format } = useSpeaker();
  return (
    <Select
      aria-label={label}
      showSearch={{ optionFilterProp: "label" }}
      allowClear
      style={{ width: "100%" }}
      value={value || undefined}
      onChange={(next: string | undefined) => onChange(next)}
      options={listed(choices, say, (one) => format.number(one))}
    />
  );
}

function Many({ label, choices, value, onChange }: { label: string; choices: PropensityChoice[]; value: string[]; onChange: (next: string[]) => void }) {
  const { say, format } = useSpeaker();
  return (
    <Select
      aria-label={label}
      mode="multiple"
      showSearch={{ optionFilterProp: "label" }}
      allowClear
      style={{ width: "100%" }}
      value={value}
      onChange={onChange}
      options={listed(choices, say, (one) => format.number(one))}
    />
  );
}

function Looked({ preview, stale }: { preview: PropensityPreview; stale: boolean }) {
  const { t, say, format } = useSpeaker();
  return (
    <div className="stack">
      {stale && <p className="tag warn">{t("ask.changed")}</p>}
      <p>
        <strong>{say(preview.sentence)}</strong>
      </p>
      {preview.refused && <Nothing title={t("ask.cannot")} text={[say(preview.refused), say(preview.next_step)].filter(Boolean).join(" ")} />}
      {preview.windows.length > 0 && (
        <table className="figure-table">
          <thead>
            <tr>
              <th scope="col">{t("ask.window")}</th>
              <th scope="col" className="right">{t("common.customers")}</th>
              <th scope="col" className="right">{t("ask.positives")}</th>
              <th scope="col" className="right">{t("common.share")}</th>
            </tr>
          </thead>
          <tbody>
            {preview.windows.map((window) => (
              <tr key={window.day}>
                <th scope="row">
                  {t("common.range", { from: format.day(window.day), to: format.day(window.until) })}{" "}
                  <span className={`tag ${window.role === "test" ? "accent" : ""}`}>{t(window.role === "test" ? "ask.test" : "ask.learn")}</span>
                </th>
                <td className="right">{format.number(window.customers)}</td>
                <td className="right">{format.number(window.positives)}</td>
                <td className="right">{format.percent(window.rate)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <dl className="facts">
        <dt>{t("ask.scored")}</dt>
        <dd className="num">{format.number(preview.customers)}</dd>
        <dt>{t("ask.features")}</dt>
        <dd className="num">{format.number(preview.features)}</dd>
        {preview.exclusions.length > 0 && (
          <>
            <dt>{t("ask.excluded")}</dt>
            <dd className="small mono break">{preview.exclusions.join(", ")}</dd>
          </>
        )}
        {preview.estimate_seconds !== null && (
          <>
            <dt>{t("ask.takes")}</dt>
            <dd>{format.age(preview.estimate_seconds)}</dd>
          </>
        )}
      </dl>
    </div>
  );
}
