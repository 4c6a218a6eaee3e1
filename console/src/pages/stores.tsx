import { Segmented } from "antd";
import { Link } from "react-router";

import { useRead } from "../api/client";
import type { Store, StoreDay, StoreDetail } from "../api/schema";
import { useSpeaker } from "../i18n/text";
import { Traffic } from "../parts/chart";
import { cash, Plain } from "../parts/figures";
import { Card } from "../parts/page";
import { Loaded, Nothing } from "../parts/states";
import { Rows } from "../parts/table";
import { useUrlWord } from "../parts/url";

const WINDOWS = [7, 28, 90];

/** Stores: footfall, orders, sales and conversion, side by side. */
export function Stores() {
  const [store, setStore] = useUrlWord("store");
  return store ? <One id={store} onBack={() => setStore(null)} /> : <Every onOpen={setStore} />;
}

function Simulated({ sources }: { sources: string[] }) {
  const { t } = useSpeaker();
  if (sources.length === 0) return null;
  return (
    <span className="tag warn" title={t("stores.simulatedHelp")}>
      {t("stores.simulated")}
    </span>
  );
}

function Every({ onOpen }: { onOpen: (store: string) => void }) {
  const { t, say, format } = useSpeaker();
  const [days, setDays] = useUrlWord("days", "28");
  const stores = useRead("GET /api/v1/stores", { query: { days: Number(days) || 28 } });
  return (
    <Card
      title={t("measure.stores")}
      help={t("stores.help")}
      extra={
        <span className="row">
          <Simulated sources={stores.data?.simulated ?? []} />
          <Segmented
            size="small"
            aria-label={t("stores.window")}
            value={days}
            onChange={setDays}
            options={WINDOWS.map((value) => ({ value: String(value), label: t("bots.days", { count: value }) }))}
          />
        </span>
      }
    >
      <Loaded
        query={stores}
        empty={(data) => data.items.length === 0}
        nothing={(data) => <Nothing title={t("stores.none")} next={data.next_step ? { ...data.next_step, link: "/collect/connectors" } : null} />}
      >
        {(data) => (
          <>
            {data.next_step && (
              <p className="muted" style={{ marginBottom: 10 }}>
                {say(data.next_step.text)} <Link to="/collect/connectors">{say(data.next_step.action)}</Link>
              </p>
            )}
            <Rows<Store>
              rows={data.items}
              rowKey={(row) => row.store_id}
              label={t("measure.stores")}
              columns={[
                {
                  title: t("stores.store"),
                  render: (_, row) => (
                    <button type="button" className="linklike" onClick={() => onOpen(row.store_id)}>
                      {row.store_id}
                    </button>
                  ),
                },
                { title: t("stores.visitors"), align: "right", render: (_, row) => format.number(row.figures.visitors) },
                { title: t("stores.orders"), align: "right", render: (_, row) => format.number(row.figures.orders) },
                { title: t("stores.sales"), align: "right", render: (_, row) => cash(format, row.figures.sales) },
                {
                  title: t("stores.conversion"),
                  align: "right",
                  width: 300,
                  render: (_, row) =>
                    row.figures.conversion === null ? <span className="muted small">{say(row.figures.note) || t("state.notEnough")}</span> : format.percent(row.figures.conversion),
                },
              ]}
            />
            <p className="pager muted small">
              {data.since && data.until && t("common.range", { from: format.day(data.since), to: format.day(data.until) })}
            </p>
          </>
        )}
      </Loaded>
    </Card>
  );
}

function One({ id, onBack }: { id: string; onBack: () => void }) {
  const { t } = useSpeaker();
  const [since] = useUrlWord("since");
  const [until] = useUrlWord("until");
  const store = useRead("GET /api/v1/stores/{store_id}", { path: { store_id: id }, query: { since: since || null, until: until || null } });
  return (
    <div className="stack">
      <p className="crumb">
        <button type="button" className="linklike" onClick={onBack}>
          ← {t("stores.every")}
        </button>
      </p>
      <Loaded query={store} lines={10}>
        {(data) => <Detail data={data} />}
      </Loaded>
    </div>
  );
}

function Detail({ data }: { data: StoreDetail }) {
  const { t, say, format } = useSpeaker();
  const { figures } = data;
  return (
    <>
      <div className="row">
        <h2 style={{ fontSize: 17 }}>{t("stores.of", { store: data.store_id })}</h2>
        <span className="muted small">{t("common.range", { from: format.day(data.since), to: format.day(data.until) })}</span>
        <Simulated sources={data.simulated} />
      </div>
      <div className="tiles">
        <Plain label={t("stores.visitors")} value={figures.visitors === null ? <span className="value words">{t("stores.notCounted")}</span> : format.number(figures.visitors)} foot={data.sources.join(", ")} />
        <Plain label={t("stores.orders")} value={format.number(figures.orders)} />
        <Plain label={t("stores.sales")} value={cash(format, figures.sales, true)} />
        <Plain
          label={t("stores.conversion")}
          value={figures.conversion === null ? <span className="value words">{say(figures.note) || t("state.notEnough")}</span> : format.percent(figures.conversion)}
          foot={t("stores.conversionHelp")}
        />
        <Plain label={t("stores.visits")} value={format.number(data.visits)} foot={t("stores.visitsHelp")} />
      </div>
      {data.next_step && (
        <div className="problem note">
          <p>
            {say(data.next_step.text)} <Link to="/collect/connectors">{say(data.next_step.action)}</Link>
          </p>
        </div>
      )}
      <div className="grid">
        <div className="w6">
          <Card title={t("stores.byDay")}>
            <Traffic label={t("stores.byDay")} steps={data.days.map((day) => ({ name: format.day(day.day), ...day }))} />
          </Card>
        </div>
        <div className="w6">
          <Card title={t("stores.byHour")} help={t("stores.byHourHelp")}>
            <Traffic label={t("stores.byHour")} steps={data.hours.map((hour) => ({ name: String(hour.hour), ...hour }))} />
          </Card>
        </div>
      </div>
      <Card title={t("stores.days")}>
        <Rows<StoreDay>
          rows={data.days.toReversed()}
          rowKey={(row) => row.day}
          label={t("stores.days")}
          columns={[
            { title: t("common.day"), render: (_, row) => format.day(row.day) },
            { title: t("stores.visitors"), align: "right", render: (_, row) => (row.visitors === null ? <span className="muted">{t("stores.notCounted")}</span> : format.number(row.visitors)) },
            { title: t("stores.orders"), align: "right", render: (_, row) => format.number(row.orders) },
            { title: t("stores.sales"), align: "right", render: (_, row) => format.money(row.sales_minor, data.currency) },
            { title: t("stores.conversion"), align: "right", render: (_, row) => format.percent(row.conversion) },
          ]}
        />
      </Card>
    </>
  );
}
