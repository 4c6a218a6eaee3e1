import { Input, Segmented } from "antd";
import { useState } from "react";
import { Link } from "react-router";

import { useRead } from "../../api/client";
import type { NeighbourItem, RecommendedItem, RecommendSummary, ShownProduct, Why } from "../../api/schema";
import { useSpeaker } from "../../i18n/text";
import { Bars, cash, Plain, shown } from "../../parts/figures";
import { Card, Fresh } from "../../parts/page";
import { Loaded, Nothing } from "../../parts/states";
import { useUrlWord } from "../../parts/url";
import { FiguresTable } from "./figures";

/** What is recommended and why: for a customer, for a product, and how well. */
export default function Recommend() {
  const speaker = useSpeaker();
  const { t, say, format } = speaker;
  const summary = useRead("GET /api/v1/predict/recommend/summary", {});
  return (
    <Loaded query={summary} lines={10} empty={(data) => data.model === null}>
      {(data) => (
        <div className="stack">
          <div className="tiles">
            <Plain label={t("recommend.model")} value={data.model ?? "–"} foot={<Fresh of={data.freshness} />} />
            <Plain label={t("recommend.customers")} value={format.number(data.customers)} />
            <Plain label={t("recommend.products")} value={format.number(data.products)} foot={t("recommend.cold", { count: data.cold_products, cold: format.number(data.cold_products) })} />
            {data.exposure.map((one) => (
              <Plain key={one.label.en} label={say(one.label)} value={shown(speaker, one)} foot={say(one.definition)} />
            ))}
          </div>
          <WhyThese />
          <div className="grid">
            <div className="w5 stack">
              <Card title={t("recommend.members")} help={t("recommend.membersHelp")}>
                <Bars
                  items={data.members.map((one) => ({ key: one.name, label: one.label, count: one.weight }))}
                  amount={(item) => (item.count > 0 ? format.percent(item.count) : t("recommend.unused"))}
                />
                <dl className="facts small" style={{ marginTop: 12 }}>
                  {data.members.map((one) => (
                    <div key={one.name} style={{ display: "contents" }}>
                      <dt>{say(one.label)}</dt>
                      <dd className="muted">{say(one.definition)}</dd>
                    </div>
                  ))}
                </dl>
              </Card>
              {data.facts.length > 0 && (
                <Card title={t("recommend.facts")}>
                  <ul className="reasons">
                    {data.facts.map((fact) => (
                      <li key={fact.en}>{say(fact)}</li>
                    ))}
                  </ul>
                </Card>
              )}
            </div>
            <div className="w7">
              <Measured data={data} />
            </div>
          </div>
        </div>
      )}
    </Loaded>
  );
}

function Measured({ data }: { data: RecommendSummary }) {
  const { t, say } = useSpeaker();
  const [surface, setSurface] = useUrlWord("surface", data.surfaces[0]?.surface ?? "");
  const open = data.surfaces.find((one) => one.surface === surface) ?? data.surfaces[0];
  return (
    <Card title={t("recommend.measured")} help={data.protocol ? say(data.protocol) : undefined}>
      {open ? (
        <div className="stack">
          <div>
            <Segmented
              aria-label={t("recommend.surface")}
              value={open.surface}
              onChange={setSurface}
              options={data.surfaces.map((one) => ({ value: one.surface, label: say(one.label) }))}
            />
          </div>
          <FiguresTable label={say(open.label)} columns={open.columns} rows={open.rows} />
        </div>
      ) : (
        <p className="muted">{t("state.notEnough")}</p>
      )}
    </Card>
  );
}

/** Two questions: why these products for this customer, and what goes with this product. */
function WhyThese() {
  const { t } = useSpeaker();
  const [customer, setCustomer] = useUrlWord("customer");
  const [product, setProduct] = useUrlWord("product");
  const some = useRead("GET /api/v1/customers", { query: { limit: 1 } }, { enabled: !customer && !product });
  const example = some.data?.items[0]?.customer_id;
  return (
    <Card title={t("recommend.why")} help={t("recommend.whyHelp")}>
      <div className="row" style={{ gap: 12 }}>
        <Ask label={t("recommend.customer")} value={customer} onAsk={(next) => { setProduct(null); setCustomer(next); }} />
        <Ask label={t("recommend.product")} value={product} onAsk={(next) => { setCustomer(null); setProduct(next); }} />
        {example && (
          <button type="button" className="linklike" onClick={() => setCustomer(example)}>
            {t("recommend.example")}
          </button>
        )}
      </div>
      {product ? <ForProduct id={product} onPick={setProduct} /> : customer ? <ForCustomer id={customer} onPick={(next) => { setCustomer(null); setProduct(next); }} /> : null}
    </Card>
  );
}

function Ask({ label, value, onAsk }: { label: string; value: string; onAsk: (next: string | null) => void }) {
  const { t } = useSpeaker();
  const [text, setText] = useState(value);
  return (
    <Input.Search
      style={{ maxWidth: 320 }}
      aria-label={label}
      placeholder={label}
      value={text || value}
      allowClear
      enterButton={t("recommend.show")}
      onChange={(event) => setText(event.target.value)}
      onSearch={(next) => { setText(""); onAsk(next.trim() || null); }}
    />
  );
}

function ForCustomer({ id, onPick }: { id: string; onPick: (product: string) => void }) {
  const { t, say, format } = useSpeaker();
  const lists = useRead("GET /api/v1/predict/recommend/customers/{customer_id}", { path: { customer_id: id } });
  return (
    <Loaded query={lists}>
      {(data) => (
        <div className="grid" style={{ marginTop: 16 }}>
          <section className="w4">
            <h3 className="small muted">{t("recommend.history")}</h3>
            <p className="small">
              <Link to={`/customers/${encodeURIComponent(data.customer_id)}`}>{data.customer_id}</Link>
            </p>
            <ol className="tasks">
              {data.history.map((one) => (
                <li key={one.product.product_id}>
                  <div>
                    <Product of={one.product} onPick={onPick} />
                    <p className="muted small">{t("recommend.bought", { day: format.day(one.last_bought), count: one.times })}</p>
                  </div>
                </li>
              ))}
            </ol>
          </section>
          {data.surfaces.every((surface) => surface.items.length === 0) ? (
            <section className="w8">
              <Nothing next={data.next_step} />
            </section>
          ) : (
            data.surfaces.map((surface) => (
              <section key={surface.surface} className={data.surfaces.length > 2 ? "w4" : "w8"}>
                <h3>{say(surface.label)}</h3>
                <p className="muted small">{say(surface.definition)}</p>
                <Places items={surface.items} onPick={onPick} />
              </section>
            ))
          )}
        </div>
      )}
    </Loaded>
  );
}

function ForProduct({ id, onPick }: { id: string; onPick: (product: string) => void }) {
  const { t, format } = useSpeaker();
  const lists = useRead("GET /api/v1/predict/recommend/items/{product_id}", { path: { product_id: id } });
  return (
    <Loaded query={lists}>
      {(data) => (
        <div className="stack" style={{ marginTop: 16 }}>
          <p>
            <strong>{data.product.name}</strong> <span className="muted">{[data.product.category, data.product.brand].filter(Boolean).join(" · ")}</span>{" "}
            {data.buyers !== null && <span className="tag">{t("recommend.buyers", { count: data.buyers, buyers: format.number(data.buyers) })}</span>}
            {data.cold && <span className="tag warn">{t("recommend.isCold")}</span>}
          </p>
          <div className="grid">
            <section className="w6">
              <h3>{t("recommend.similar")}</h3>
              {data.similar.length ? <Places items={data.similar} onPick={onPick} /> : <Nothing next={data.next_step} />}
            </section>
            <section className="w6">
              <h3>{t("recommend.together")}</h3>
              {data.bought_together.length ? <Places items={data.bought_together} onPick={onPick} /> : <p className="muted">{t("recommend.noTogether")}</p>}
            </section>
          </div>
        </div>
      )}
    </Loaded>
  );
}

function Product({ of, onPick }: { of: ShownProduct; onPick: (product: string) => void }) {
  const { format } = useSpeaker();
  return (
    <p>
      <button type="button" className="linklike" onClick={() => onPick(of.product_id)}>
        {of.name}
      </button>{" "}
      {of.price && <span className="muted small num">{cash(format, of.price)}</span>}
    </p>
  );
}

function Places({ items, onPick }: { items: Array<RecommendedItem | NeighbourItem>; onPick: (product: string) => void }) {
  return (
    <ol className="tasks">
      {items.map((item) => (
        <li key={item.product.product_id}>
          <span className="muted num" style={{ minWidth: 18 }}>{item.rank}</span>
          <div>
            <Product of={item.product} onPick={onPick} />
            <Reasons why={item.why} />
          </div>
        </li>
      ))}
    </ol>
  );
}

function Reasons({ why }: { why: Why[] }) {
  const { say } = useSpeaker();
  return why.map((one) => (
    <p key={`${one.code}:${one.source?.product_id ?? ""}`} className="muted small">
      {say(one.text)}
    </p>
  ));
}
