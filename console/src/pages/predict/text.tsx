import { useMutation } from "@tanstack/react-query";
import { Button, Input } from "antd";
import { useMemo, useState } from "react";

import { call, useRead } from "../../api/client";
import type { ProductSentiment, TextAnswer, TextSummary } from "../../api/schema";
import { useSpeaker } from "../../i18n/text";
import { Series } from "../../parts/chart";
import { Bars, Plain } from "../../parts/figures";
import { Card, Fresh } from "../../parts/page";
import { Loaded, Nothing, ProblemBox } from "../../parts/states";
import { Rows } from "../../parts/table";

/** What customers write: how they feel, what they want, and which products they complain about. */
export default function Text() {
  const { t } = useSpeaker();
  const summary = useRead("GET /api/v1/predict/text/summary", {});
  return (
    <div className="stack">
      <Try />
      <Loaded query={summary} lines={10}>
        {(data) => (data.texts === 0 ? <Card title={t("text.sentiment")}><Nothing next={data.next_step} /></Card> : <Written data={data} />)}
      </Loaded>
    </div>
  );
}

function Written({ data }: { data: TextSummary }) {
  const { t, say, format } = useSpeaker();
  const points = useMemo(() => data.weeks.map((week) => ({ day: week.week, value: week.score })), [data.weeks]);
  return (
    <>
      <div className="tiles">
        <Plain label={t("text.texts")} value={format.number(data.texts)} foot={<Fresh of={data.freshness} />} />
        <Plain label={t("text.writers")} value={format.number(data.customers)} />
        <Plain label={t("text.method")} value={<span className="words">{say(data.method_label)}</span>} foot={data.model_version ?? ""} />
      </div>
      <div className="grid even">
        <Card className="w6" title={t("text.sentiment")}>
          <Bars items={data.sentiment} />
        </Card>
        <Card className="w6" title={t("text.byWeek")} help={t("text.byWeekHelp")}>
          {points.length > 1 ? <Series points={points} measure={{ unit: "number" }} label={t("text.byWeek")} /> : <p className="muted">{t("state.notEnough")}</p>}
        </Card>
        <Card className="w6" title={t("text.intents")} help={t("text.intentsHelp")}>
          {data.intents.length ? <Bars items={data.intents} /> : <p className="muted">{t("text.noIntents")}</p>}
        </Card>
        <Card className="w6" title={t("text.aspects")} help={t("text.aspectsHelp")}>
          {data.aspects.length ? (
            <Bars
              items={data.aspects.map((one) => ({ key: one.aspect, label: one.label, count: one.texts, share: one.texts ? one.negative / one.texts : null }))}
              amount={(item) => t("text.negativeOf", { count: item.count, texts: format.number(item.count), share: format.percent(item.share) })}
            />
          ) : (
            <p className="muted">{t("state.notEnough")}</p>
          )}
        </Card>
      </div>
      {data.worst.length > 0 && (
        <Card title={t("text.worst")} help={t("text.worstHelp")}>
          <Rows<ProductSentiment>
            rows={data.worst}
            rowKey={(row) => row.product_id}
            label={t("text.worst")}
            columns={[
              { title: t("text.product"), render: (_, row) => row.name ?? row.product_id },
              { title: t("text.texts"), align: "right", render: (_, row) => format.number(row.texts) },
              { title: t("text.negative"), align: "right", render: (_, row) => format.number(row.negative) },
              { title: t("text.score"), align: "right", render: (_, row) => format.signed(row.score) },
            ]}
          />
        </Card>
      )}
    </>
  );
}

/** Reads one sentence, and shows which words decided it. */
function Try() {
  const { t } = useSpeaker();
  const [text, setText] = useState("");
  const asked = useMutation({ mutationFn: (said: string) => call("POST /api/v1/predict/text/score", { body: { text: said } }) });
  return (
    <Card title={t("text.try")} help={t("text.tryHelp")}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim()) asked.mutate(text);
        }}
      >
        <Input.TextArea aria-label={t("text.try")} placeholder={t("text.placeholder")} rows={2} value={text} onChange={(event) => setText(event.target.value)} />
        <div>
          <Button htmlType="submit" type="primary" disabled={!text.trim()} loading={asked.isPending}>
            {t("text.read")}
          </Button>
        </div>
      </form>
      {asked.error && <ProblemBox error={asked.error} />}
      {asked.data && <Answer answer={asked.data} />}
    </Card>
  );
}

function Answer({ answer }: { answer: TextAnswer }) {
  const { t, say, format } = useSpeaker();
  const most = Math.max(0.001, ...answer.words.map((one) => Math.abs(one.weight)));
  return (
    <div className="grid" style={{ marginTop: 14 }}>
      <div className="w5">
        <p style={{ fontSize: 20, fontWeight: 620 }}>
          {say(answer.sentiment_label)} <span className="muted num">{format.percent(answer.probability)}</span>
        </p>
        <p className="muted small">{say(answer.method_label)}</p>
        <dl className="facts" style={{ marginTop: 8 }}>
          <dt>{t("text.intent")}</dt>
          <dd>{answer.intent_label ? `${say(answer.intent_label)} (${answer.intent_words.join(t("common.listSeparator"))})` : t("common.none")}</dd>
          {answer.aspects.map((one) => (
            <div key={one.aspect} style={{ display: "contents" }}>
              <dt>{say(one.label)}</dt>
              <dd className="num">{format.signed(one.score)}</dd>
            </div>
          ))}
        </dl>
      </div>
      <div className="w7">
        <h3 className="small muted">{t("text.words")}</h3>
        <ul className="bars">
          {answer.words.map((one) => (
            <li key={one.word}>
              <span className="name">{one.word}</span>
              <span className="track" aria-hidden="true">
                <span className="fill" style={{ width: `${(100 * Math.abs(one.weight)) / most}%`, background: one.weight < 0 ? "var(--bad)" : undefined }} />
              </span>
              <span className="count">{format.signed(one.weight)}</span>
            </li>
          ))}
        </ul>
        <p className="muted small">{t("text.sum", { base: format.signed(answer.base), rest: format.signed(answer.rest), sum: format.signed(answer.log_odds) })}</p>
      </div>
    </div>
  );
}
