// Answers of a small invented shop, for work on the console without a service
// (`npm run dev:mock`). Typed by the same schema as the console; never part of a build.
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Answer } from "../src/api/client";
import type {
  Audience, AudiencePreview, Candidate, Customer, CustomerRow, Decision, Effect, Figure, Freshness, Indicator, Label,
  ModelSummary, Operations, Plan, PlanSummary, Reason, Run, Text,
} from "../src/api/schema";

type Route = keyof Operations;
type Ask = { path: Record<string, string>; query: URLSearchParams; body: Record<string, unknown> };
type Handlers = { [R in Route]?: (ask: Ask) => Answer<R> };

const b = (zh: string, en: string): Text => ({ zh, en });
const yuan = (value: number) => ({ minor: Math.round(value * 100), currency: "CNY" });
const fresh: Freshness = { as_of: "2026-11-20", computed_at: "2026-11-21T02:14:00Z", stale: false };
const page = <T>(items: T[], total = items.length, next: string | null = null) => ({ items, next_cursor: next, total, next_step: null });

let state = 42;
const random = () => {
  state = (state * 1664525 + 1013904223) % 4294967296;
  return state / 4294967296;
};
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const day = (back: number) => new Date(Date.UTC(2026, 10, 20) - back * 86_400_000).toISOString().slice(0, 10);

const RFM: Label[] = [
  { key: "champions", name: b("重要价值", "Champions") },
  { key: "promising", name: b("重要发展", "Potential loyalists") },
  { key: "keep", name: b("重要保持", "Cannot lose them") },
  { key: "win_back", name: b("重要挽留", "At risk") },
  { key: "loyal", name: b("一般价值", "Loyal") },
  { key: "new", name: b("一般发展", "New") },
  { key: "about", name: b("一般保持", "About to sleep") },
  { key: "lost", name: b("一般挽留", "Lost") },
];
const TIERS: Label[] = [
  { key: "vip", name: b("VIP", "VIP") },
  { key: "strategic", name: b("战略", "Strategic") },
  { key: "core", name: b("核心", "Core") },
  { key: "potential", name: b("潜力", "Potential") },
  { key: "lapsing", name: b("流失", "Lapsing") },
];
const LIFE: Label[] = [
  { key: "new", name: b("新客", "New") },
  { key: "active", name: b("活跃", "Active") },
  { key: "silent", name: b("沉默", "Silent") },
  { key: "lost", name: b("流失", "Lost") },
];
const BANDS: Label[] = [
  { key: "low", name: b("低", "low") },
  { key: "middle", name: b("中", "medium") },
  { key: "high", name: b("高", "high") },
];

const customers: CustomerRow[] = Array.from({ length: 60 }, (_, index) => {
  const risk = Math.floor(random() * 10);
  return {
    customer_id: `c${String(100000 + index * 37)}`,
    display_name: index % 7 === 3 ? null : `${pick(["张", "王", "李", "赵", "陈", "欧阳"])}**`,
    rfm: pick(RFM),
    tier: pick(TIERS),
    lifecycle: pick(LIFE),
    risk,
    risk_band: BANDS[risk < 4 ? 0 : risk < 7 ? 1 : 2] ?? null,
    value: yuan(4000 * random() ** 2),
    orders: Math.ceil(random() * 40),
    spent: yuan(9000 * random()),
    last_purchase_on: day(Math.floor(random() * 200)),
  };
});
const first = customers[0] as CustomerRow;

const figure = (key: string, label: Text, value: number | null, unit: Figure["unit"], more: Partial<Figure> = {}): Figure => ({
  key, label, value, unit,
  definition: b("统计口径：过去 30 天内有购买且未退货的客户，按门店时区计日。", "Customers who bought and did not return in the last 30 days; days in the shop's zone."),
  currency: unit === "minor" ? "CNY" : null, interval: null, change: null, freshness: fresh, note: null, link: "/measure", ...more,
});

const series = (base: number, swing: number) =>
  Array.from({ length: 90 }, (_, index) => ({ day: day(89 - index), value: base * (1 + swing * (random() - 0.5) + 0.08 * Math.sin(index / 4.4)) }));

const INDICATORS: Array<[string, Text, Text, Indicator["unit"], number, Indicator["better"]]> = [
  ["revenue", b("销售额", "Revenue"), b("扣除退货后的成交金额", "Sales less returns"), "minor", 8_600_000, "up"],
  ["orders", b("订单数", "Orders"), b("当日成交订单", "Orders placed on the day"), "count", 412, "up"],
  ["buyers", b("购买客户数", "Buyers"), b("当日至少购买一次的客户", "Customers who bought on the day"), "customers", 371, "up"],
  ["aov", b("客单价", "Average order value"), b("销售额除以订单数", "Revenue over orders"), "minor", 20_900, "up"],
  ["new", b("新客数", "New customers"), b("首次购买的客户", "Customers buying for the first time"), "customers", 44, "up"],
  ["repurchase", b("30 天复购率", "30-day repurchase"), b("首购后 30 天内再次购买的比例", "Share who bought again within 30 days"), "ratio", 0.31, "up"],
  ["returns", b("退货率", "Return rate"), b("退货金额占成交金额", "Returned over sold"), "ratio", 0.041, "down"],
  ["discount", b("折扣率", "Discount share"), b("折扣金额占原价", "Discount over list price"), "ratio", 0.12, "neither"],
  ["basket", b("件单量", "Items per order"), b("每单商品件数", "Items in an order"), "number", 3.4, "up"],
  ["active", b("活跃客户", "Active customers"), b("近 30 天有购买", "Bought in 30 days"), "customers", 6210, "up"],
  ["silent", b("沉默客户", "Silent customers"), b("31–90 天未购买", "No purchase for 31–90 days"), "customers", 3120, "down"],
  ["churn", b("流失率", "Churn"), b("90 天未购买占比", "Share without purchase for 90 days"), "ratio", 0.19, "down"],
  ["contacts", b("触达次数", "Contacts"), b("当日发出的消息", "Messages sent on the day"), "count", 880, "neither"],
  ["optout", b("退订率", "Opt-outs"), b("退订占触达", "Opt-outs over contacts"), "ratio", 0.0021, "down"],
  ["margin", b("毛利率", "Gross margin"), b("毛利占销售额", "Margin over revenue"), "ratio", 0.28, "up"],
];
const indicators: Indicator[] = INDICATORS.map(([key, name, definition, unit, base, better], index) => {
  const points = series(base, 0.3);
  const unknown = index === 13;
  return {
    key, name, definition, unit, better,
    currency: unit === "minor" ? "CNY" : null,
    value: unknown ? null : (points.at(-1)?.value ?? null),
    previous: points.at(-8)?.value ?? null,
    change: unknown ? null : random() * 0.3 - 0.12,
    series: points,
    freshness: fresh,
    note: unknown ? b("数据不足：还需约 40 次触达", "Not enough data: about 40 more contacts") : null,
  };
});

const reason = (key: string, text: Text, weight: number | null = null): Reason => ({ key, text, weight, field: null, value: null });
const CHURN_REASONS = [
  reason("gap", b("距上次购买 61 天，而平时约 23 天买一次", "61 days since the last purchase; usually buys every 23"), 0.31),
  reason("trend", b("近 90 天消费比之前少 58%", "Spent 58% less in the last 90 days than before"), 0.18),
  reason("category", b("最常买的品类“咖啡”已两个月未购", "Has not bought “coffee”, the favourite category, for two months"), 0.07),
];

const customer: Customer = {
  customer_id: first.customer_id,
  display_name: first.display_name,
  summary: b("老客，买了 3 年，主要买咖啡和婴儿用品；最近两个月没来，流失风险高。", "A customer of three years, mostly coffee and baby care; silent for two months, likely to leave."),
  headline: { ...first, risk: 8, risk_band: BANDS[2] ?? null },
  traits: [
    ["城市", "City", "杭州", "personal"], ["会员等级", "Member level", "金卡", "displayable"], ["手机", "Phone", "138****8000", "personal"],
    ["偏好渠道", "Preferred channel", "sms", "analytic"], ["常买品类", "Favourite category", "咖啡", "analytic"], ["价格敏感度", "Price sensitivity", "0.42", "analytic"],
  ].map(([zh = "", en = "", value = "", classification = ""], index) => ({
    name: `trait_${index}`, label: b(zh, en), value, unit: "text" as const, source: index < 3 ? "crm" : "features",
    valid_from: "2024-03-02T00:00:00Z", freshness_days: 1 + index * 7, classification, masked: index === 2,
  })),
  identifiers: [
    { identifier: "crm:1001", kind: "crm", kind_label: b("会员号", "Member number"), value: "1001", masked: false, first_seen_at: "2023-10-01T03:00:00Z" },
    { identifier: "phone:138****8000", kind: "phone", kind_label: b("手机号", "Phone"), value: "138****8000", masked: true, first_seen_at: "2023-10-04T03:00:00Z" },
  ],
  merges: [{ edge_id: "e1", left: "crm:1001", right: "phone:138****8000", evidence: b("同一订单中同时出现两次", "Seen together in two orders"), source: "orders", confidence: 0.98, created_at: "2024-01-05T03:00:00Z", undone_at: null }],
  segments: [
    { scheme: "rfm", scheme_name: b("RFM 八分群", "RFM-8"), segment: "win_back", segment_name: b("重要挽留", "At risk"), as_of: day(0) },
    { scheme: "tier", scheme_name: b("价值分层", "Value tier"), segment: "core", segment_name: b("核心", "Core"), as_of: day(0) },
    { scheme: "lifecycle", scheme_name: b("生命周期", "Life cycle"), segment: "silent", segment_name: b("沉默", "Silent"), as_of: day(0) },
  ],
  scores: [
    { task: "churn", task_name: b("流失", "Churn"), name: "churn_probability", label: b("90 天内流失概率", "Probability of leaving in 90 days"), value: 0.78, unit: "ratio", currency: null, horizon_days: 90, interval: { low: 0.69, high: 0.85, level: 0.9 }, band: BANDS[2] ?? null, model: "boosted", version: "v3", as_of: day(0), reasons: CHURN_REASONS },
    { task: "value", task_name: b("客户价值", "Value"), name: "predicted_clv", label: b("未来一年预期消费", "Expected spend in a year"), value: 184_000, unit: "minor", currency: "CNY", horizon_days: 365, interval: { low: 92_000, high: 311_000, level: 0.8 }, band: TIERS[2] ?? null, model: "bgnbd", version: "v2", as_of: day(0), reasons: [reason("freq", b("一年买 14 次，高于 82% 的客户", "Buys 14 times a year, more than 82% of customers"), 0.4)] },
  ],
  recommendations: ["挪威三文鱼 300g", "深烘咖啡豆 1kg", "婴儿湿巾 80 抽", "有机燕麦奶", "厨房纸 6 卷"].map((name, index) => ({ kind: index < 3 ? "new" : "again", rank: index + 1, product_id: `p${index}`, name, category: pick(["生鲜", "咖啡", "母婴"]), score: 0.9 - index * 0.11, reason: b("买过咖啡豆的人常接着买", "Often bought after coffee beans") })),
  consents: [
    { purpose: "marketing", channel: "sms", channel_label: b("短信", "SMS"), state: "grant", state_label: b("已授权", "Granted"), since: "2024-02-01T00:00:00Z" },
    { purpose: "marketing", channel: "email", channel_label: b("邮件", "E-mail"), state: "revoked", state_label: b("已撤回", "Revoked"), since: "2025-06-01T00:00:00Z" },
  ],
  audiences: [{ audience_id: "silent-vip", name: "沉默高价值客户" }],
  freshness: fresh,
};

const OFFERS = [
  { key: "coffee20", label: b("咖啡品类满 100 减 20", "20 off coffee over 100") },
  { key: "baby15", label: b("母婴 85 折", "15% off baby care") },
  { key: "freeship", label: b("免运费", "Free delivery") },
  { key: "birthday", label: b("生日礼券 30 元", "Birthday voucher 30") },
];
const CHANNELS = [
  { key: "sms", label: b("短信", "SMS") },
  { key: "wecom", label: b("企业微信", "WeCom") },
  { key: "email", label: b("邮件", "E-mail") },
];
let planStatus: PlanSummary["status"] = "draft";
const summary = (): PlanSummary => ({
  plan_id: "plan-2026-11-21", as_of: "2026-11-21", status: planStatus, created_at: "2026-11-21T02:20:00Z",
  approved_at: planStatus === "draft" ? null : "2026-11-21T08:00:00Z", approved_by: null, performed_at: planStatus === "performed" ? "2026-11-21T08:05:00Z" : null,
  digest: "9f3a", policy_version: "nba-4",
  totals: { customers: 12_480, contacts: 3110, hold_out: 346, refused: 9024, spend: yuan(4886.4), budget: yuan(5000), expected_margin: yuan(21_430), expected_margin_interval: { low: 1_690_000, high: 2_610_000, level: 0.9 }, expected_net: yuan(16_543.6), bound_gap: 0.0031 },
});
const plan = (): Plan => ({
  summary: summary(),
  sentence: b("今天触达 3,110 位客户，花费 ¥4,886，预期增量毛利 ¥21,430；346 位作为对照组，9,024 位不打扰。", "Contact 3,110 customers today for ¥4,886, with ¥21,430 more margin expected; 346 kept as hold-out, 9,024 left alone."),
  by_offer: OFFERS.map((offer, index) => ({ ...offer, contacts: [1420, 820, 610, 260][index] ?? 0, spend: yuan(1200 - index * 180), expected_margin: yuan(9000 - index * 1900) })),
  by_channel: CHANNELS.map((channel, index) => ({ ...channel, contacts: [1600, 1010, 500][index] ?? 0, spend: yuan(2600 - index * 900), expected_margin: yuan(11_000 - index * 3500) })),
  by_hour: Array.from({ length: 13 }, (_, index) => ({ key: String(index + 9), label: b(`${index + 9} 时`, `${String(index + 9).padStart(2, "0")}`), contacts: Math.round(80 + 380 * Math.exp(-((index - 9) ** 2) / 8) + 160 * Math.exp(-((index - 2) ** 2) / 3)), spend: yuan(100), expected_margin: yuan(900) })),
  refusals: [
    { key: "low_value", label: b("预期收益低于触达成本", "Expected gain below the cost of contact"), count: 5210, share: 0.577 },
    { key: "consent", label: b("没有营销授权", "No marketing consent"), count: 2114, share: 0.234 },
    { key: "fatigue", label: b("疲劳度已满（7 天内触达过 2 次）", "Fatigue: contacted twice in 7 days"), count: 1190, share: 0.132 },
    { key: "budget", label: b("预算已用完", "Budget used up"), count: 510, share: 0.057 },
  ],
  guards: [
    reason("quiet", b("21:00 至次日 9:00 不触达", "No contact between 21:00 and 09:00")),
    reason("cap", b("每位客户 7 天内至多 2 次", "At most 2 contacts in 7 days for each customer")),
    reason("budget", b("总预算 ¥5,000，已用 97.7%", "Budget ¥5,000, 97.7% used")),
  ],
});
const decisions: Decision[] = customers.map((row, index) => {
  const action: Decision["action"] = index % 5 === 4 ? "none" : index % 9 === 7 ? "hold_out" : "send";
  const offer = OFFERS[index % 4];
  const channel = CHANNELS[index % 3];
  const send = action === "send";
  return {
    decision_id: `d${index}`, plan_id: "plan-2026-11-21", customer_id: row.customer_id, display_name: row.display_name, action,
    offer_id: send ? (offer?.key ?? null) : null, offer_name: send ? (offer?.label ?? null) : null,
    channel: send ? (channel?.key ?? null) : null, channel_name: send ? (channel?.label ?? null) : null,
    send_at: send ? "2026-11-21T10:00:00Z" : null, hour: send ? 18 : null, probability: action === "hold_out" ? 0.1 : 0.855,
    expected_margin: send ? yuan(20 - index * 0.2) : null, cost: send ? yuan(0.8) : null, reason: action === "none" ? "fatigue" : null,
    reasons: [action === "none" ? reason("fatigue", b("7 天内已触达 2 次，这次不打扰", "Contacted twice in 7 days; left alone this time")) : reason("value", b("预期增量毛利 ¥18.4，成本 ¥0.8；晚 6 点最常打开短信", "¥18.4 more margin expected at ¥0.8 cost; opens SMS mostly at 6 pm"))],
  };
});
const candidates: Candidate[] = OFFERS.flatMap((offer, o) =>
  CHANNELS.slice(0, 2).map((channel, c) => ({
    offer_id: offer.key, offer_name: offer.label, channel: channel.key, channel_name: channel.label, hour: 18 - c * 6,
    expected_margin: yuan(18.4 - o * 3 - c), cost: yuan(0.8 - c * 0.5), value: yuan(17.6 - o * 3 - c * 0.5), probability: o + c === 0 ? 0.855 : 0.02,
    chosen: o + c === 0, refused: o === 3 ? reason("stock", b("礼券已发完", "No voucher left")) : c === 1 ? reason("consent", b("未授权企业微信", "No consent for WeCom")) : null,
  })),
);

const model = (task: string, taskName: Text, name: string, label: Text, version: string, alias: string | null): ModelSummary => ({
  task, task_name: taskName, name, label, version, alias, trained_at: "2026-11-20T18:02:00Z", as_of: day(0), horizon_days: 90, customers: 12_480,
  figures: task === "churn"
    ? [
        { metric: "auc", label: b("AUC", "AUC"), definition: b("排序能力", "ranking"), value: alias ? 0.812 : 0.79, baseline: "recency", baseline_value: 0.741, higher_is_better: true, beats_baseline: true, unit: "number", currency: null },
        { metric: "ece", label: b("校准误差", "Calibration error"), definition: b("概率可信度", "how far probabilities are off"), value: 0.011, baseline: "recency", baseline_value: 0.052, higher_is_better: false, beats_baseline: true, unit: "number", currency: null },
      ]
    : [{ metric: "mae", label: b("平均误差", "Mean error"), definition: b("每位客户的平均绝对误差", "mean absolute error per customer"), value: 8120, baseline: "mean", baseline_value: 9870, higher_is_better: false, beats_baseline: true, unit: "minor", currency: "CNY" }],
});
const CHURN = b("流失", "Churn");
const VALUE = b("客户价值", "Customer value");
const models: ModelSummary[] = [
  model("churn", CHURN, "boosted", b("梯度提升", "Gradient boosting"), "v3", "champion"),
  model("churn", CHURN, "logistic", b("逻辑回归", "Logistic regression"), "v2", "challenger"),
  model("value", VALUE, "bgnbd", b("BG/NBD 与 Gamma-Gamma", "BG/NBD with Gamma-Gamma"), "v2", "champion"),
];

const audiences: Audience[] = [
  { audience_id: "silent-vip", name: "沉默高价值客户 / Silent VIPs", description: "两个月没来的高价值客户", rule_text: b("预期价值 >= 1000 且 距上次购买天数 > 60", "predicted_clv >= 1000 and recency_days > 60"), rule_yaml: "all:\n  - predicted_clv: {gte: 1000}\n  - recency_days: {gt: 60}\n", version: 3, status: "built", size: 310, as_of: day(0), built_at: "2026-11-21T02:18:00Z", created_at: "2026-10-01T02:18:00Z", updated_at: "2026-11-02T02:18:00Z" },
  { audience_id: "new-coffee", name: "新客咖啡", description: null, rule_text: b("生命周期 = 新客 且 买过品类 咖啡", "lifecycle = new and bought category coffee"), rule_yaml: "all: []\n", version: 1, status: "draft", size: null, as_of: null, built_at: null, created_at: "2026-11-20T02:18:00Z", updated_at: "2026-11-20T02:18:00Z" },
];
const preview = (text: string): AudiencePreview => {
  const fault = text.indexOf("??");
  return fault >= 0
    ? { size: null, customers: 12_480, share: null, sample: [], rule_text: null, rule_yaml: null, rule_tree: null, seconds: 0.01, freshness: fresh, error: { message: b("“??” 不是字段或运算符", "“??” is neither a field nor an operator"), line: 1, column: fault + 1, offset: fault, length: 2, expected: ["recency_days", "predicted_clv", "not", "("] } }
    : { size: 310, customers: 12_480, share: 310 / 12_480, sample: customers.slice(0, 8), rule_text: audiences[0]?.rule_text ?? null, rule_yaml: "all: []", rule_tree: {}, error: null, seconds: 0.08, freshness: fresh };
};

const effect = (key: string, name: Text, estimate: number | null, low: number, high: number, sentence: Text): Effect => ({
  key, name, metric: "margin", estimate, interval: estimate === null ? null : { low, high, level: 0.95 }, unit: "minor", currency: "CNY", method: "CUPED", treated: 3110, hold_out: 346,
  significant: estimate === null ? null : low > 0 || high < 0, sentence, plan_id: "plan-2026-11-14", start: day(14), end: day(0),
});

const steps: Array<[string, string, Text]> = [
  ["collect", "collect", b("读取新文件", "Read new files")], ["govern", "govern", b("清洗与质检", "Clean and check")], ["unify", "unify", b("合并标识", "Resolve identities")],
  ["features", "features", b("计算特征", "Compute features")], ["predict", "predict", b("打分", "Score")], ["segment", "segment", b("分群", "Segment")], ["decide", "decide", b("生成计划", "Draft the plan")], ["measure", "measure", b("计算指标", "Compute indicators")],
];
const runs: Run[] = Array.from({ length: 4 }, (_, index) => ({
  run_id: `nightly-${day(index)}`, flow: "nightly", as_of: day(index), status: index === 2 ? "failed" : "done", started_at: `${day(index)}T18:00:00Z`, finished_at: `${day(index)}T18:03:12Z`, seconds: 192.4,
  message: index === 2 ? "orders.csv grew while it was read. Next: run again" : null,
  steps: steps.map(([step, stage, label], at) => ({ step, stage, label, status: index === 2 && at > 2 ? "skipped" : "done", started_at: null, finished_at: null, seconds: 3 + at * 7.1, rows: 12_480 * (at + 1), message: null })),
}));

const STAGES: Array<[Answer<"GET /api/v1/overview">["stages"][number]["stage"], string, string, string, string, string]> = [
  ["collect", "采集", "Collect", "/collect", "1,469,307 行，隔离 212 行", "1,469,307 rows, 212 in quarantine"],
  ["govern", "治理", "Govern", "/govern", "15 项指标，14 项达标", "14 of 15 indicators on target"],
  ["unify", "客户归一", "Unify", "/customers", "2,469 位客户", "2,469 customers"],
  ["features", "特征", "Features", "/customers", "96 个特征", "96 features"],
  ["predict", "预测", "Predict", "/predict", "3 个模型在用", "3 champions"],
  ["segment", "分群", "Segment", "/segment", "4 个方案", "4 schemes"],
  ["decide", "决策", "Decide", "/decide", "1 份草稿待批准", "1 draft waits for approval"],
  ["deliver", "触达", "Deliver", "/deliver", "发件箱 3,110 条", "3,110 in the outbox"],
  ["measure", "度量", "Measure", "/measure", "效果待数据积累", "effects need more data"],
];

const TABLES = ["orders", "order_lines", "customers", "purchases", "scores"];
const columnsOf = (table: string) =>
  ["order_id", "customer_ref", "ts_us", "amount_minor", "currency", "channel"].map((name, index) => ({
    name, type: index < 2 ? "string" : "int64", unit: name.endsWith("minor") ? "minor" : name === "ts_us" ? "µs" : null, key: index === 0, nullable: index > 3,
    classification: index === 1 ? "personal" : "core", classification_label: index === 1 ? b("个人信息", "personal") : b("核心", "core"),
    meaning: b(`${table} 表的 ${name}：写入时即按约定校验`, `${name} of ${table}, checked against the contract when written`),
  }));

const handlers: Handlers = {
  "GET /api/v1/overview": () => ({
    shop: { name: "湖滨小店", currency: "CNY", time_zone: "Asia/Shanghai", as_of: day(0), empty: false, simulated: true },
    sentences: [
      { key: "risk", text: b("1,240 位客户有流失风险，他们一年约值 ¥86,000；其中 310 位值得本周触达。", "1,240 customers worth ¥86,000 a year are about to leave; 310 of them are worth a contact this week."), link: "/customers?sort=-risk" },
      { key: "plan", text: b("今天的计划触达 3,110 位客户，花费 ¥4,886，预期净赚 ¥16,544。", "Today's plan contacts 3,110 customers for ¥4,886 and should earn ¥16,544 net."), link: "/decide/plans/plan-2026-11-21" },
      { key: "saved", text: b("上周的触达带来 ¥4,100 ± 900 的增量毛利。", "Last week's contacts brought ¥4,100 ± 900 more margin."), link: "/measure/effects" },
    ],
    figures: [
      figure("revenue", b("近 30 天销售额", "Revenue, 30 days"), 258_340_000, "minor", { change: 0.043 }),
      figure("active", b("活跃客户", "Active customers"), 6210, "customers", { change: -0.012 }),
      figure("aov", b("客单价", "Average order value"), 20_930, "minor", { change: 0.008 }),
      figure("repurchase", b("30 天复购率", "30-day repurchase"), 0.312, "ratio", { change: 0 }),
      figure("at_risk", b("流失风险价值", "Value at risk"), 8_600_000, "minor", { interval: { low: 7_100_000, high: 10_200_000, level: 0.9 } }),
      figure("lift", b("触达增量", "Contact effect"), null, "minor", { note: b("数据不足：还需约 40 笔订单", "Not enough data: about 40 more orders") }),
    ],
    today: [
      { key: "plan", text: b("批准今天的触达计划", "Approve today's contact plan"), why: b("3,110 位客户，¥4,886，预期净收益 ¥16,544", "3,110 customers, ¥4,886, ¥16,544 net expected"), action: b("查看计划", "Open the plan"), link: "/decide/plans/plan-2026-11-21", customers: 3110, value: yuan(16_544) },
      { key: "quarantine", text: b("处理 212 行被隔离的数据", "Look at 212 quarantined rows"), why: b("最多的原因：日期无法识别（141 行）", "Most common: unreadable date (141 rows)"), action: b("查看隔离区", "Open quarantine"), link: "/collect/quarantine", customers: null, value: null },
    ],
    stages: STAGES.map(([stage, zh, en, link, szh, sen], index) => ({ stage, name: b(zh, en), state: index === 1 ? "stale" : index === 8 ? "running" : "ready", rows: 1000 * (index + 1), summary: b(szh, sen), last_run_at: "2026-11-21T18:03:00Z", seconds: 12, link })),
    next_step: null,
  }),
  "GET /api/v1/search": ({ query }) => ({ query: query.get("q") ?? "", items: customers.slice(0, 4).map((row) => ({ kind: "customer", key: row.customer_id, label: b(row.customer_id, row.customer_id), detail: row.rfm?.name ?? null, link: `/customers/${row.customer_id}` })) }),
  "GET /api/v1/collect/loads": () => page(TABLES.map((table, index) => ({ load_id: `l${index}`, source: `exports/2026-11/${table}.csv`, table, table_label: b(["订单", "订单行", "客户", "购买", "预测分"][index] ?? table, table), status: index === 1 ? "partial" : "done", rows_read: 155_848, rows_admitted: 155_636, rows_duplicate: index * 11, rows_quarantined: index === 1 ? 212 : 0, started_at: "2026-11-20T18:00:00Z", finished_at: "2026-11-20T18:00:08Z", seconds: 8.2, digest: "ab" })), 5),
  "GET /api/v1/collect/quarantine/summary": () => ({ total: 212, admitted: 155_636, share: 0.00136, by_reason: [{ key: "bad_date", label: b("日期无法识别", "Unreadable date"), count: 141, share: 0.665 }, { key: "negative", label: b("数量为负但不是退货", "Negative quantity, not a return"), count: 52, share: 0.245 }, { key: "currency", label: b("未知币种", "Unknown currency"), count: 19, share: 0.09 }], by_table: [{ key: "order_lines", label: b("订单行", "Order lines"), count: 212, share: 1 }], by_field: [{ key: "ordered_at", label: b("下单时间", "ordered_at"), count: 141, share: 0.665 }, { key: "quantity", label: b("数量", "quantity"), count: 52, share: 0.245 }], next_step: null }),
  "GET /api/v1/collect/quarantine": () => page(Array.from({ length: 12 }, (_, index) => ({ quarantine_id: `q${index}`, load_id: "l1", table: "order_lines", table_label: b("订单行", "Order lines"), source: "exports/2026-11/order_lines.csv", row_number: 1200 + index * 31, field: index % 2 ? "quantity" : "ordered_at", value: index % 2 ? "-3" : "31/02/2026", reason: "bad_date", reason_text: index % 2 ? b("数量 -3 为负，而该行不是退货", "Quantity -3 is negative, but the row is not a return") : b("“31/02/2026” 不是存在的日期", "“31/02/2026” is not a date that exists"), next_step: index % 2 ? b("若是退货，请把 kind 填为 return；否则更正数量后重新导入", "If it is a return, set kind to return; otherwise correct the quantity and load again") : b("按 YYYY-MM-DD 更正后重新导入，已入库的行不会重复", "Write YYYY-MM-DD and load again; admitted rows are not doubled"), record: { order_id: `o${index}`, ordered_at: "31/02/2026", quantity: "-3", price: "12.50" }, quarantined_at: "2026-11-20T18:00:05Z" })), 212, "p2"),
  "GET /api/v1/collect/tables": () => ({ rows: 1_500_000, next_step: null, items: TABLES.map((table, index) => ({ table, label: b(["订单", "订单行", "客户", "购买", "预测分"][index] ?? table, table), stage: "collect", rows: 155_636 * (index + 1), columns: 14, version: index, changed_at: "2026-11-20T18:00:05Z" })) }),
  "GET /api/v1/govern/quality": () => ({ run_id: "r1", freshness: fresh, passed: 14, failed: 1, next_step: null, summary: b("15 项指标中 14 项达标；“及时性”低于目标", "14 of 15 indicators are on target; timeliness is below"), indicators: ["完整性|Completeness", "准确性|Accuracy", "一致性|Consistency", "唯一性|Uniqueness", "及时性|Timeliness", "有效性|Validity", "分布漂移|Drift", "引用完整|Referential integrity", "金额对账|Amount reconciliation", "手机号规范|Phone standard", "邮箱规范|E-mail standard", "时间顺序|Time order", "币种一致|Currency", "商品可识别|Products known", "客户可识别|Customers known"].map((name, index) => { const [zh = "", en = ""] = name.split("|"); const value = index === 4 ? 0.912 : 0.97 + random() * 0.03; return { key: `i${index}`, name: b(zh, en), finding: b("满足规则的行数低于目标", "Fewer rows keep the rule than the target asks"), definition: b("满足规则的行数 ÷ 检查的行数", "Rows that keep the rule over rows checked"), dimension: "completeness", dimension_label: b(zh.slice(0, 3), en), table: pick(TABLES), column: index % 3 ? "amount_minor" : null, value, unit: "ratio", target: 0.95, passed: value >= 0.95, numerator: 1, denominator: 1, history: Array.from({ length: 14 }, (_, back) => ({ at: `${day(14 - back)}T18:00:00Z`, value: back === 13 ? value : 0.95 + random() * 0.05 })) }; }) }),
  "GET /api/v1/govern/report": () => ({ freshness: fresh, next_step: null, sections: [{ heading: b("总体", "Overall"), body: b("本次运行检查 155,848 行，修正 1,204 处，隔离 212 行。", "This run checked 155,848 rows, corrected 1,204 values and set 212 rows aside.") }, { heading: b("需要注意", "To look at"), body: b("订单到达比平时晚 5 小时，及时性降到 91.2%。", "Orders arrived five hours late; timeliness fell to 91.2%.") }] }),
  "GET /api/v1/govern/rules": () => ({ corrections: 1204, items: ["全角转半角|Full width to half width|text|ＡＢＣ|ABC", "手机号去区号|Strip phone country code|phone|+86 138 0013 8000|13800138000", "邮箱小写|Lower-case e-mail|email|A@B.COM|a@b.com", "性别编码|Gender code|gender|男|1", "日期归一|Dates in one form|date|2026年11月3日|2026-11-03", "拒收未来日期|Refuse future dates|date|2099-01-01|"].map((text, index) => { const [zh = "", en = "", kind = "", before = "", after = ""] = text.split("|"); return { key: `rule${index}`, name: b(zh, en), description: b("按字段类别自动套用", "Applied to every column of the kind"), column_kind: kind, column_kind_label: b({ text: "文本", phone: "手机号", email: "邮箱", gender: "性别", date: "日期" }[kind] ?? kind, kind), examples: [{ before, after: after || null }], applied: index * 211, last_applied_at: "2026-11-20T18:00:05Z" }; }) }),
  "GET /api/v1/govern/dictionary": () => ({ tables: TABLES.map((table, index) => ({ table, stage: "collect", label: b(["订单", "订单行", "客户", "购买", "预测分"][index] ?? table, table), meaning: b("一行是一笔订单；金额以分记。", "One row is one order; amounts in minor units."), columns: columnsOf(table) })) }),
  "GET /api/v1/govern/lineage": ({ query }) => { const asked = query.get("column") ?? "purchases.amount_minor"; const nodes: Array<[string, number]> = [["orders.amount_minor", -2], ["order_lines.price_minor", -2], ["purchase_lines.amount_minor", -1], [asked, 0], ["features.spent_90d", 1], ["scores.predicted_clv", 2], ["decisions.expected_margin_minor", 3]]; return { column: asked, truncated: false, next_step: null, nodes: nodes.map(([id, distance]) => ({ id, table: id.split(".")[0] ?? "", column: id.split(".")[1] ?? "", stage: "features", label: b("金额（分）", "amount, minor units"), distance })), edges: nodes.slice(1).map(([id], index) => ({ source: nodes[index]?.[0] ?? "", target: id, transform: index === 3 ? "sum over 90 days" : null })) }; },
  "GET /api/v1/customers": () => page(customers.slice(0, 25), 12_480, "p2"),
  "GET /api/v1/customers/{customer_id}": () => customer,
  "GET /api/v1/customers/{customer_id}/timeline": () => page(Array.from({ length: 14 }, (_, index) => ({ at: `${day(index * 9)}T10:2${index % 10}:00Z`, kind: ["purchase", "touch", "event", "return", "decision", "consent"][index % 6] ?? "event", title: b(["在湖滨店购买 3 件", "收到短信：咖啡满 100 减 20", "浏览商品 深烘咖啡豆", "退货 1 件", "决定不打扰", "授权短信营销"][index % 6] ?? "", ["Bought 3 items at Lakeside", "Received SMS: 20 off coffee", "Viewed dark roast beans", "Returned 1 item", "Left alone", "Granted SMS marketing"][index % 6] ?? ""), detail: index % 2 ? b("7 天内已触达 2 次", "Contacted twice in 7 days") : null, amount: index % 6 === 0 ? yuan(128.5) : index % 6 === 3 ? yuan(-42) : null, channel: "store", reference: "o1", lines: index % 6 === 0 ? [{ product_id: "p1", name: "深烘咖啡豆 1kg", quantity: 1, amount: yuan(89) }, { product_id: "p2", name: "燕麦奶", quantity: 2, amount: yuan(39.5) }] : [] })), 41, "p2"),
  "GET /api/v1/customers/{customer_id}/features": () => ({ customer_id: first.customer_id, freshness: fresh, next_step: null, items: ["距上次购买天数|Days since last purchase|recency_days|days", "近 90 天消费|Spent in 90 days|spent_90d|minor", "近 90 天订单数|Orders in 90 days|orders_90d|orders", "平均购买间隔|Mean gap|gap_mean_days|days"].map((text, index) => { const [zh = "", en = "", name = "", unit = ""] = text.split("|"); return { name, label: b(zh, en), definition: b("截至切分日之前的数据", "From data before the cut-off"), group: "RFM", group_label: b("消费", "Purchases"), value: 61 - index * 7.3, text_value: null, unit, window_days: 90 }; }) }),
  "GET /api/v1/predict/models": () => ({ items: models, next_step: null }),
  "GET /api/v1/predict/models/{task}/{version}": ({ path }) => { const chosen = models.find((one) => one.task === path["task"] && one.version === path["version"]) ?? (models[0] as ModelSummary); const columns = [["auc", "AUC", "AUC", true], ["logloss", "对数损失", "Log loss", false], ["ece", "校准误差", "Calibration error", false], ["lift10", "前 10% 提升", "Lift in top 10%", true]] as const; return { summary: chosen, purpose: b("判断客户在未来 90 天内不再购买的概率，用于挑选值得挽留的人。", "The probability that a customer buys nothing in the next 90 days, to choose whom it pays to win back."), limits: b("购买少于 2 次的客户只能按最近购买时间粗略判断；促销大月的流失率会被高估。", "Customers with fewer than two purchases are judged by recency alone; churn is overstated in months of heavy promotion."), window: { train_start: "2025-05-01", train_end: "2026-05-20", test_start: "2026-08-20", test_end: "2026-11-18", cutoffs: ["2026-02-20", "2026-05-20", "2026-08-20"], train_rows: 48_210, test_rows: 12_480 }, columns: columns.map(([metric, zh, en, higher]) => ({ metric, label: b(zh, en), definition: b("在检验期上测得", "measured on the test period"), higher_is_better: higher, unit: "number" })), rows: [["boosted", "梯度提升", "Gradient boosting", false, true, 0.812], ["logistic", "逻辑回归", "Logistic", false, false, 0.79], ["pareto", "Pareto/NBD", "Pareto/NBD", false, false, 0.782], ["recency", "只看最近购买", "Recency only", true, false, 0.741]].map(([key, zh, en, baseline, isChosen, auc]) => ({ model: String(key), label: b(String(zh), String(en)), baseline: Boolean(baseline), chosen: Boolean(isChosen), values: { auc: Number(auc), logloss: 1.2 - Number(auc), ece: (1 - Number(auc)) / 17, lift10: Number(auc) * 3.4 } })), calibration: Array.from({ length: 10 }, (_, index) => ({ predicted: 0.05 + index * 0.09, observed: Math.max(0, 0.04 + index * 0.092 + (random() - 0.5) * 0.04), customers: 400 + index * 160 })), calibration_error: 0.0112, slices: ["新客|New", "活跃|Active", "沉默|Silent", "VIP|VIP"].map((text, index) => { const [zh = "", en = ""] = text.split("|"); return { slice: en, label: b(zh, en), customers: 3000 - index * 600, values: { auc: 0.82 - index * 0.02, ece: 0.01 + index * 0.004 } }; }), importances: ["距上次购买天数|Days since last purchase", "平均购买间隔|Mean gap between purchases", "近 90 天消费|Spent in 90 days", "品类数|Categories", "折扣占比|Discount share"].map((text, index) => { const [zh = "", en = ""] = text.split("|"); return { feature: `f${index}`, label: b(zh, en), share: 0.38 / (index + 1) }; }), parameters: { learning_rate: "0.05", num_leaves: "31", trees: "412" }, versions: models.filter((one) => one.task === chosen.task) }; },
  "GET /api/v1/predict/scores/summary": () => ({ freshness: fresh, customers: 12_480, risk: Array.from({ length: 10 }, (_, index) => ({ key: String(index), label: b(String(index), String(index)), customers: Math.round(2400 / (1 + index * 0.6)), share: 0.1, value: null })), bands: BANDS.map((band, index) => ({ key: band.key, label: band.name, customers: [8200, 3040, 1240][index] ?? 0, share: [0.66, 0.24, 0.1][index] ?? 0, value: yuan(900_000 - index * 300_000) })), tiers: TIERS.map((tier, index) => ({ key: tier.key, label: tier.name, customers: [320, 1100, 3400, 4560, 3100][index] ?? 0, share: [0.026, 0.088, 0.272, 0.365, 0.249][index] ?? 0, value: yuan(600_000 - index * 110_000) })), value_at_risk: yuan(86_000), expected_value: yuan(2_140_000), horizon_days: 90, next_step: null }),
  "GET /api/v1/segment/schemes": () => ({ next_step: null, items: ([["rfm", "RFM 八分群", "RFM-8", RFM], ["tier", "价值分层", "Value tiers", TIERS], ["lifecycle", "生命周期", "Life cycle", LIFE]] as const).map(([scheme, zh, en, labels]) => ({ scheme, name: b(zh, en), definition: b("按最近购买、频次和金额的高低组合而成；每天重算。", "By recency, frequency and spend, high or low; recomputed daily."), freshness: fresh, customers: 12_480, segments: labels.map((label, index) => ({ segment: label.key, name: label.name, description: b("最近买过、买得勤、花得多的客户", "Bought lately, often and much"), customers: Math.round(3600 / (index + 1)), share: 0.29 / (index + 1), spent: yuan(410_000 / (index + 1)), expected_value: yuan(120_000 / (index + 1)), average_risk: 2 + index * 0.7 })) })) }),
  "GET /api/v1/segment/vocabulary": () => ({ fields: ["recency_days|距上次购买天数|Days since last purchase|integer", "predicted_clv|预期价值|Expected value|money", "lifecycle|生命周期|Life cycle|choice", "orders_90d|近 90 天订单数|Orders in 90 days|integer"].map((text) => { const [name = "", zh = "", en = "", type = ""] = text.split("|"); return { name, label: b(zh, en), definition: b("截至昨天", "Until yesterday"), group: "rfm", group_label: b("消费", "Purchases"), type: type as "integer", unit: null, operators: [">", "<"], values: type === "choice" ? LIFE.map((one) => ({ value: one.key, label: one.name })) : [] }; }), operators: [{ operator: ">=", label: b("不小于", "at least"), arity: 1 }, { operator: "between", label: b("介于", "between"), arity: 2 }, { operator: "in", label: b("属于", "one of"), arity: -1 }], examples: audiences.map((one) => one.rule_text) }),
  "GET /api/v1/segment/audiences": () => ({ items: audiences, next_step: null }),
  "GET /api/v1/segment/audiences/{audience_id}": () => audiences[0] as Audience,
  "POST /api/v1/segment/audiences": () => audiences[0] as Audience,
  "POST /api/v1/segment/audiences/preview": ({ body }) => preview(String(body["rule_text"] ?? "")),
  "POST /api/v1/segment/audiences/{audience_id}/build": () => audiences[0] as Audience,
  "GET /api/v1/segment/audiences/{audience_id}/why": ({ query }) => ({ audience_id: "silent-vip", customer_id: query.get("customer_id") ?? "", member: false, built_member: true, sentence: b("不在其中：距上次购买只有 41 天，不到 60 天。", "Not in it: only 41 days since the last purchase, not more than 60."), facts: [{ field: "predicted_clv", label: b("预期价值", "Expected value"), operator: ">=", expected: "1000", actual: "1840", unit: null, satisfied: true, flips: false, text: b("预期价值 1,840，不小于 1,000", "Expected value 1,840 is at least 1,000") }, { field: "recency_days", label: b("距上次购买", "Recency"), operator: ">", expected: "60", actual: "41", unit: "days", satisfied: false, flips: true, text: b("距上次购买 41 天，要求大于 60 天", "41 days since the last purchase; more than 60 asked") }] }),
  "GET /api/v1/decide/plans": () => ({ items: [summary(), { ...summary(), plan_id: "plan-2026-11-14", as_of: "2026-11-14", status: "performed", performed_at: "2026-11-14T08:00:00Z" }], next_step: null }),
  "GET /api/v1/decide/plans/{plan_id}": () => plan(),
  "GET /api/v1/decide/plans/{plan_id}/decisions": ({ query }) => { const action = query.get("action"); const rows = decisions.filter((one) => !action || one.action === action); return page(rows.slice(0, 25), rows.length * 208, "p2"); },
  "GET /api/v1/decide/decisions/{customer_id}": ({ path }) => ({ customer_id: path["customer_id"] ?? "", plan: summary(), decision: decisions.find((one) => one.customer_id === path["customer_id"]) ?? decisions[0] ?? null, sentence: b("今晚 6 点用短信发“咖啡品类满 100 减 20”：他两个月没买咖啡，这个权益对他最有效，预期净赚 ¥17.6。", "SMS at 6 pm with “20 off coffee over 100”: no coffee for two months, and this offer moves this customer most; ¥17.6 net expected."), candidates, guards: plan().guards, consents: customer.consents, policy_version: "nba-4", next_step: null }),
  "POST /api/v1/decide/plans/{plan_id}/approve": () => { planStatus = "approved"; return plan(); },
  "POST /api/v1/decide/plans/{plan_id}/perform": () => { planStatus = "performed"; return { plan_id: "plan-2026-11-21", status: "performed", written: 3110, already: 0, failed: 0, performed_at: "2026-11-21T08:05:00Z", sentence: b("已写入 3,110 条消息", "3,110 messages written") }; },
  "GET /api/v1/deliver/outbox": () => ({ ...page(Array.from({ length: 12 }, (_, index) => ({ message_id: `m${index}`, customer_id: customers[index]?.customer_id ?? null, plan_id: "plan-2026-11-14", decision_id: `d${index}`, channel: CHANNELS[index % 3]?.key ?? "sms", channel_label: CHANNELS[index % 3]?.label ?? b("", ""), status: "written", status_label: b("已写入", "Written"), subject: index % 2 ? "好久不见，咖啡满 100 减 20" : null, body: "【湖滨小店】好久不见！本周咖啡满 100 减 20，点此领取 …… 回T退订", send_at: "2026-11-14T10:00:00Z", sent_at: "2026-11-14T10:00:03Z", cost: yuan(0.08) })), 3110, "p2"), summary: { total: 3110, by_status: [{ key: "written", label: b("已写入", "Written"), count: 3110, share: 1 }], by_channel: CHANNELS.map((channel, index) => ({ ...channel, count: [1600, 1010, 500][index] ?? 0, share: [0.51, 0.33, 0.16][index] ?? 0 })), spend: yuan(4886.4), last_sent_at: "2026-11-14T12:40:00Z" } }),
  "GET /api/v1/measure/indicators": () => ({ items: indicators, start: day(89), end: day(0), next_step: null }),
  "GET /api/v1/measure/cohorts": () => ({ freshness: fresh, definition: b("首次购买在同一月的客户，之后每月仍有购买的比例。", "Customers first buying in the same month, and the share still buying each month after."), next_step: null, items: Array.from({ length: 10 }, (_, index) => ({ cohort: `2026-${String(index + 1).padStart(2, "0")}-01`, size: 820 - index * 31, cells: Array.from({ length: 10 - index }, (_, period) => ({ period, customers: Math.round((820 - index * 31) * 0.62 ** period), share: period === 0 ? 1 : 0.44 / period ** 0.45 + random() * 0.04, spent: yuan(20_000 / (period + 1)) })) })) }),
  "GET /api/v1/measure/rfm-migration": () => ({ start: day(90), end: day(0), definition: b("同一批客户在两个日期所处的 RFM 分群。", "Where the same customers stood on the two days."), next_step: null, cells: RFM.flatMap((from, f) => RFM.map((to, at) => ({ origin: from.key, origin_name: from.name, target: to.key, target_name: to.name, customers: Math.round(f === at ? 900 - f * 60 : (260 * random()) / (1 + Math.abs(f - at))), share: f === at ? 0.62 : 0.12 / (1 + Math.abs(f - at)) }))) }),
  "GET /api/v1/measure/effects": () => ({ next_step: null, spend_saved: effect("saved", b("省下的花费", "Spend saved"), 410_000, 320_000, 500_000, b("上周不打扰 9,024 位客户，省下 ¥4,100（95% 区间 ¥3,200 ~ ¥5,000），销售没有下降。", "Leaving 9,024 customers alone last week saved ¥4,100 (95% interval ¥3,200 to ¥5,000) without losing sales.")), items: [effect("margin", b("11 月 14 日计划的增量毛利", "Incremental margin of the plan of 14 Nov"), 1_640_000, 620_000, 2_660_000, b("触达使每位客户多带来 ¥5.3 毛利，共 ¥16,400。", "Contacts brought ¥5.3 more margin a customer, ¥16,400 in all.")), effect("orders", b("短信对沉默客户", "SMS on silent customers"), 38_000, -90_000, 166_000, b("差异尚不明确：还需约 400 位客户。", "No clear difference yet: about 400 more customers are needed.")), effect("none", b("企业微信", "WeCom"), null, 0, 0, b("数据不足，暂不下结论：对照组只有 12 人。", "Not enough data to say: the hold-out has 12 customers."))] }),
  "GET /api/v1/runs": () => page(runs),
  "GET /api/v1/runs/{run_id}": ({ path }) => runs.find((run) => run.run_id === path["run_id"]) ?? (runs[0] as Run),
  "POST /api/v1/runs/nightly": () => runs[0] as Run,
  "GET /api/v1/settings": () => ({ version: "0.1.0", items: [{ key: "shop.currency", value: "CNY", meaning: b("店铺币种", "Currency of the shop"), source: "shopkeeper.toml" }, { key: "shop.time_zone", value: "Asia/Shanghai", meaning: b("店铺时区", "Zone of the shop"), source: "default" }], backends: { tables: "delta + duckdb", state: "sqlite", log: "sqlite", sender: "outbox" } }),
  "GET /ready": () => ({ ready: true, checks: [{ name: "tables", ok: true, detail: "24 tables" }, { name: "state", ok: true, detail: null }] }),
};

const routes = (Object.entries(handlers) as Array<[string, (ask: Ask) => unknown]>).map(([route, answer]) => {
  const [method = "", path = ""] = route.split(" ");
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
  return { method, names, pattern: new RegExp(`^${path.replace(/\{\w+\}/g, "([^/]+)")}$`), answer, fixed: names.length };
});
routes.sort((a, z) => a.fixed - z.fixed);

/** Answers what it knows, and passes on the rest. */
export function mock(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  const url = new URL(request.url ?? "/", "http://localhost");
  const route = routes.find((one) => one.method === request.method && one.pattern.test(url.pathname));
  if (!route) {
    if (!url.pathname.startsWith("/api/")) return next();
    response.writeHead(404, { "content-type": "application/problem+json" });
    response.end(JSON.stringify({ title: "Not found", title_text: { zh: "没有找到", en: "Not found" }, status: 404, detail: `nothing at ${url.pathname}`, code: "not_found", next_step: "See the API description", facts: {}, retryable: false }));
    return;
  }
  let body = "";
  request.on("data", (chunk: Buffer) => (body += chunk.toString()));
  request.on("end", () => {
    const values = route.pattern.exec(url.pathname)?.slice(1) ?? [];
    const path = Object.fromEntries(route.names.map((name, index) => [name, decodeURIComponent(values[index] ?? "")]));
    const answer = route.answer({ path, query: url.searchParams, body: body ? (JSON.parse(body) as Record<string, unknown>) : {} });
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
  });
}
