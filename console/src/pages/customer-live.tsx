import { useQueryClient } from "@tanstack/react-query";
import { Segmented } from "antd";
import { useEffect, useState } from "react";
import { Link } from "react-router";

import { Problem, useRead } from "../api/client";
import { type Following, useChanges } from "../api/door";
import type { LiveProfile, LiveScore, LiveTraitValue } from "../api/schema";
import { named, type Speaker, useSpeaker } from "../i18n/text";
import { cash, Plain, shown, span } from "../parts/figures";
import { Card } from "../parts/page";
import { Loaded, Nothing } from "../parts/states";
import { Rows } from "../parts/table";
import { useUrlWord } from "../parts/url";
import { Reasons } from "./customer";

const READ = "GET /api/v1/customers/{customer_id}/live";
const UNITS = ["minor", "days", "hours", "seconds"];

/** The profile of this second; it is read again whenever something changes. */
function useLive(id: string) {
  const cache = useQueryClient();
  const live = useRead(READ, { path: { customer_id: id } }, { retry: false, refetchInterval: 60_000 });
  // Also of somebody of whom nothing is known yet: the first event opens the profile.
  const following = useChanges(live.data?.customer_id ?? id, () => void cache.invalidateQueries({ queryKey: [READ] }));
  return { live, following };
}

export function LiveCustomer({ id }: { id: string }) {
  const { t } = useSpeaker();
  const { live, following } = useLive(id);
  if (live.error instanceof Problem && live.error.status === 404)
    return (
      <div className="card" data-following={following}>
        <Nothing title={t("live.nothing")} text={t("live.nothingText")} />
      </div>
    );
  return (
    <Loaded query={live} lines={12}>
      {(data) => <Profile data={data} following={following} />}
    </Loaded>
  );
}

/** Somebody whom the night has not seen yet: the live profile is all there is. */
export function LiveOnly({ id }: { id: string }) {
  const { t } = useSpeaker();
  const { live, following } = useLive(id);
  return (
    <Loaded query={live} lines={12}>
      {(data) => (
        <div className="stack">
          <div className="problem note">
            <h3>{t("live.newHere")}</h3>
            <p>{t("live.newHereText")}</p>
          </div>
          <Profile data={data} following={following} />
        </div>
      )}
    </Loaded>
  );
}

/** Seconds since an answer arrived: ages go on while nobody asks. */
function useSince(mark: string): number {
  const [since, set] = useState(0);
  useEffect(() => {
    const began = performance.now();
    set(0);
    const timer = setInterval(() => set((performance.now() - began) / 1000), 1000);
    return () => clearInterval(timer);
  }, [mark]);
  return since;
}

function Profile({ data, following }: { data: LiveProfile; following: Following }) {
  const { t, say, format } = useSpeaker();
  const since = useSince(`${data.at}:${data.last_change}`);
  return (
    <div className="stack" data-last-change={data.last_change} data-following={following}>
      <div className="row">
        <span className={`pulse small ${following === "open" ? "on" : "off"}`} role="status">
          {named(t, "live.following", following)}
        </span>
        <span className="muted small mono">{data.customer_id}</span>
      </div>
      <div className="tiles">
        {data.sections.map((one) => (
          <Plain
            key={one.section}
            label={say(one.label)}
            value={one.age_seconds === null ? "–" : format.age(one.age_seconds + since)}
            foot={one.at ? t("live.since", { moment: format.moment(one.at) }) : t("live.never")}
          />
        ))}
      </div>
      <div className="grid">
        <div className="w7 stack">
          <Traits data={data} since={since} />
          {data.scores.map((score) => (
            <Score key={score.name} score={score} since={since} />
          ))}
        </div>
        <div className="w5 stack">
          <Card title={t("live.timeline")}>
            {data.timeline.length === 0 ? (
              <p className="muted">{t("live.noTimeline")}</p>
            ) : (
              <ol className="moments">
                {data.timeline.slice(0, 30).map((one) => (
                  <li key={one.event_id}>
                    <time className="muted num nowrap small" dateTime={one.at} title={format.moment(one.at)}>
                      {t("live.ago", { age: format.age((Date.parse(data.at) - Date.parse(one.at)) / 1000 + since) })}
                    </time>
                    <div>
                      {say(one.title)}
                      {one.detail && <span className="muted break"> · {one.detail}</span>}
                      {one.channel && <div className="muted small">{one.channel}</div>}
                    </div>
                    <span className="num nowrap">{one.amount ? cash(format, one.amount) : ""}</span>
                  </li>
                ))}
              </ol>
            )}
          </Card>
          <Card title={t("live.audiences")}>
            {data.audiences.length === 0 ? (
              <p className="muted">{t("live.noAudiences")}</p>
            ) : (
              <dl className="facts">
                {data.audiences.map((one) => (
                  <div key={one.audience_id} style={{ display: "contents" }}>
                    <dt>
                      <Link to={`/segment/audiences/${encodeURIComponent(one.audience_id)}`}>{one.name}</Link>
                    </dt>
                    <dd className="muted small">{one.since ? t("live.memberSince", { moment: format.moment(one.since) }) : ""}</dd>
                  </div>
                ))}
              </dl>
            )}
          </Card>
          <Card title={t("live.changes")} help={t("live.changesHelp")}>
            {data.changes.length === 0 ? (
              <p className="muted">{t("live.noChanges")}</p>
            ) : (
              <ol className="moments" data-changes={data.changes.length}>
                {data.changes.slice(0, 12).map((one) => (
                  <li key={one.sequence}>
                    <time className="muted num nowrap small" dateTime={one.at} title={format.moment(one.at)}>
                      {t("live.ago", { age: format.age((Date.parse(data.at) - Date.parse(one.at)) / 1000 + since) })}
                    </time>
                    <span>{say(one.text)}</span>
                  </li>
                ))}
              </ol>
            )}
          </Card>
        </div>
      </div>
    </div>
  );
}

function valueOf(speaker: Speaker, one: LiveTraitValue, currency: string): string {
  const { t, format } = speaker;
  if (one.value === null) return "–";
  if (typeof one.value === "boolean") return t(one.value ? "common.yes" : "common.no");
  if (one.unit === "timestamp") return format.moment(String(one.value));
  if (typeof one.value === "string") return one.value;
  if (one.unit === "truth") return t(one.value ? "common.yes" : "common.no");
  if (one.unit === "minor" || one.unit === "minor units") return format.money(one.value, currency);
  if (UNITS.includes(one.unit)) return shown(speaker, { value: one.value, unit: one.unit });
  return format.number(one.value, 3);
}

const ORIGINS = ["live", "fact", "features"];

function Traits({ data, since }: { data: LiveProfile; since: number }) {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  const [origin, setOrigin] = useUrlWord("origin", "live");
  const rows = data.traits.filter((one) => one.origin === origin);
  return (
    <Card
      title={t("live.traits")}
      help={t("live.traitsHelp")}
      extra={
        <Segmented
          size="small"
          aria-label={t("live.origin")}
          value={origin}
          onChange={setOrigin}
          options={ORIGINS.map((value) => ({
            value,
            label: t("live.originCount", { origin: named(t, "live.origins", value), traits: format.number(data.traits.filter((one) => one.origin === value).length) }),
          }))}
        />
      }
    >
      {rows.length === 0 ? (
        <Nothing title={t("customer.noTraits")} text={t("live.noTraitsText")} />
      ) : (
        <Rows<LiveTraitValue>
          rows={rows}
          rowKey={(row) => row.name}
          label={t("live.traits")}
          columns={[
            {
              title: t("customer.trait"),
              render: (_, row) => (
                <>
                  <div>{say(row.label)}</div>
                  {say(row.label) !== row.name && <div className="muted small mono">{row.name}</div>}
                </>
              ),
            },
            {
              title: t("customer.traitValue"),
              render: (_, row) => (
                <span className="break" data-trait={row.name}>
                  {valueOf(speaker, row, data.currency)} {row.masked && <span className="tag">{t("customer.masked")}</span>}
                </span>
              ),
            },
            { title: t("customer.source"), render: (_, row) => (row.source === "features" ? t("live.computed") : (row.source ?? "–")) },
            {
              title: t("customer.freshness"),
              align: "right",
              render: (_, row) => <span className="nowrap">{row.age_seconds === null ? "–" : format.age(row.age_seconds + since)}</span>,
            },
          ]}
        />
      )}
    </Card>
  );
}

function Score({ score, since }: { score: LiveScore; since: number }) {
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
          score.age_seconds === null ? "" : t("live.judged", { age: format.age(score.age_seconds + since) }),
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
    </Card>
  );
}
