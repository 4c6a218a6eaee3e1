// Generated from openapi.json by `npm run schema`. Do not edit.

/** How one aspect is spoken about. */
export type AspectFigures = {
  aspect: string;
  label: Text;
  texts: number;
  positive: number;
  negative: number;
  score: number | null;
};

/** One aspect the text speaks about. */
export type AspectScore = {
  aspect: string;
  label: Text;
  sentiment: string;
  score: number;
};

/** A named rule and, once built, the frozen set of customers it gave. */
export type Audience = {
  audience_id: string;
  name: string;
  description: string | null;
  rule_text: Text;
  rule_yaml: string;
  version: number;
  status: "draft" | "built";
  size: number | null;
  as_of: string | null;
  built_at: string | null;
  created_at: string;
  updated_at: string;
};

/** A new audience. */
export type AudienceCreate = {
  rule_text?: string | null;
  rule_yaml?: string | null;
  name: string;
  description?: string | null;
};

/** A rule as a person (or a file) writes it: text or YAML, one of the two. */
export type AudienceDraft = {
  rule_text?: string | null;
  rule_yaml?: string | null;
};

/** All audiences, newest first. */
export type AudienceList = {
  items: Array<Audience>;
  next_step: NextStep | null;
};

/** What a rule would give now, or why it cannot be read. */
export type AudiencePreview = {
  size: number | null;
  customers: number;
  share: number | null;
  sample: Array<CustomerRow>;
  rule_text: Text | null;
  rule_yaml: string | null;
  rule_tree: Record<string, unknown> | null;
  error: RuleError | null;
  seconds: number;
  freshness: Freshness;
};

/** Why a customer is, or is not, in the audience. */
export type AudienceWhy = {
  audience_id: string;
  customer_id: string;
  /** what the rule says now */
  member: boolean;
  /** what the last build says; null: never built */
  built_member: boolean | null;
  sentence: Text;
  facts: Array<Fact>;
};

/** One event of a program. */
export type BotExample = {
  event_id: string;
  occurred_at: string;
  kind: string;
  source: string;
  reason: string;
  reason_text: Text;
  agent: string | null;
  human: number | null;
};

/** Invalid traffic of the last days; ``marked`` on arrival, ``judged`` by a later verdict. */
export type BotTraffic = {
  days: number;
  events: number;
  marked: number;
  judged: number;
  share: number | null;
  by_reason: Array<Count>;
  by_day: Array<TrafficDay>;
  examples: Array<BotExample>;
  next_step: NextStep | null;
};

/** What the customer bought lately: the history the reasons speak of. */
export type BoughtProduct = {
  product: ShownProduct;
  last_bought: string;
  times: number;
};

/** Mean prediction and observed rate of one bin. */
export type CalibrationPoint = {
  predicted: number;
  observed: number;
  customers: number;
};

/** One action that was possible, and what became of it. */
export type Candidate = {
  offer_id: string | null;
  offer_name: Text | null;
  channel: string | null;
  channel_name: Text | null;
  hour: number | null;
  expected_margin: Money | null;
  cost: Money | null;
  value: Money | null;
  probability: number | null;
  chosen: boolean;
  refused: Reason | null;
};

/** What a change by hand would do, or did. */
export type ChangePlan = {
  task: string;
  act: "promoted" | "rolled_back";
  /** the champion that goes */
  out: ModelSummary | null;
  /** the version that comes */
  into: ModelSummary;
  digest: string;
  performed: boolean;
  text: Text;
  warnings: Array<Text>;
  comparison: Comparison | null;
  event: ModelEvent | null;
};

/** A change by hand: without `confirm` the answer is the plan, nothing is changed. */
export type ChangeRequest = {
  /** the version to bring in; null: challenger or previous */
  version?: string | null;
  /** `digest` of the plan that was read */
  confirm?: string | null;
  reason: string;
  by: string;
};

/** One thing the process needs. */
export type Check = {
  name: string;
  ok: boolean;
  detail: string | null;
};

/** One named cleaning rule. */
export type CleaningRule = {
  key: string;
  name: Text;
  description: Text;
  column_kind: string;
  column_kind_label: Text;
  examples: Array<RuleExample>;
  applied: number;
  last_applied_at: string | null;
};

/** The catalogue of cleaning rules with how often each changed a value. */
export type CleaningRules = {
  items: Array<CleaningRule>;
  corrections: number;
};

/** Customers who bought for the first time in the same month. */
export type Cohort = {
  cohort: string;
  size: number;
  cells: Array<CohortCell>;
};

/** What one cohort did `period` periods after its first purchase. */
export type CohortCell = {
  period: number;
  customers: number;
  share: number;
  spent: Money | null;
};

/** Retention by cohort. */
export type CohortTable = {
  freshness: Freshness;
  definition: Text;
  items: Array<Cohort>;
  next_step: NextStep | null;
};

/** One figure of two versions. */
export type ComparedFigure = {
  column: MetricColumn;
  a: number | null;
  b: number | null;
  difference: number | null;
  better: "a" | "b" | "same" | "unknown";
};

/** One of two versions. */
export type ComparedSide = {
  summary: ModelSummary;
  window: TrainingWindow;
  calibration: Array<CalibrationPoint>;
  gains: Array<Gain>;
  slices: Array<SliceFigures>;
  features: number;
  parameters: Record<string, string>;
};

/** Two models on the same later window; the difference is positive where the second is better. */
export type Comparison = {
  metric: string;
  label: Text;
  champion: number | null;
  challenger: number | null;
  difference: number | null;
  low: number | null;
  high: number | null;
  n: number;
  window_from: string | null;
  window_to: string | null;
  higher_is_better: boolean;
};

/** One connector with its state. */
export type Connector = {
  connector_id: string;
  kind: string;
  kind_label: Text;
  /** secrets are references, never values */
  config: Record<string, unknown>;
  every_seconds: number;
  retry: Record<string, unknown>;
  enabled: boolean;
  status: string;
  status_label: Text;
  failures: number;
  error: string | null;
  rows_total: number;
  /** age of the newest complete picture of the source */
  lag_seconds: number | null;
  data_until: string | null;
  last_started_at: string | null;
  last_ok_at: string | null;
  next_at: string | null;
  score: EnrichmentScore | null;
};

/** A connector to be created or changed. */
export type ConnectorDraft = {
  kind: string;
  /** as in YAML, without kind, every, retry, enabled */
  config: Record<string, unknown>;
  every_seconds?: number | null;
  retry?: Record<string, unknown>;
  enabled: boolean;
};

/** One kind of connector and what a definition of it may say. */
export type ConnectorKind = {
  kind: string;
  label: Text;
  /** 0: it is sent to, and does not run */
  every_seconds: number;
  keys: Array<string>;
};

/** All kinds. */
export type ConnectorKinds = {
  items: Array<ConnectorKind>;
};

/** All connectors; the ones that need somebody first. */
export type ConnectorList = {
  items: Array<Connector>;
  worst_lag_seconds: number | null;
  next_step: NextStep | null;
};

/** One attempt. */
export type ConnectorRun = {
  run_id: string;
  status: string;
  rows: number;
  admitted: number;
  repeated: number;
  quarantined: number;
  seconds: number | null;
  error: string | null;
  notes: Array<Text>;
  started_at: string;
  ended_at: string | null;
};

/** Runs, newest first. */
export type ConnectorRunPage = {
  items: Array<ConnectorRun>;
  next_cursor: string | null;
  /** rows over all pages, where cheap to know */
  total: number | null;
  /** set when the list is empty */
  next_step: NextStep | null;
};

/** How often one thing occurs. */
export type Count = {
  key: string;
  label: Text;
  count: number;
  share: number | null;
};

/** Everything known about one customer. */
export type Customer = {
  customer_id: string;
  display_name: string | null;
  summary: Text;
  headline: CustomerRow;
  traits: Array<Trait>;
  identifiers: Array<CustomerIdentifier>;
  merges: Array<MergeEdge>;
  segments: Array<CustomerSegment>;
  dimensions: Array<ValueDimension>;
  scores: Array<CustomerScore>;
  recommendations: Array<RecommendedProduct>;
  consents: Array<CustomerConsent>;
  audiences: Array<CustomerAudience>;
  freshness: Freshness;
};

/** A built audience that the customer is in. */
export type CustomerAudience = {
  audience_id: string;
  name: string;
};

/** What the customer said about one channel and purpose. */
export type CustomerConsent = {
  purpose: string;
  channel: string;
  channel_label: Text;
  state: string;
  state_label: Text;
  since: string | null;
};

/** The latest decision about one customer, explained. */
export type CustomerDecision = {
  customer_id: string;
  plan: PlanSummary | null;
  decision: Decision | null;
  sentence: Text;
  candidates: Array<Candidate>;
  guards: Array<Reason>;
  consents: Array<CustomerConsent>;
  policy_version: string | null;
  next_step: NextStep | null;
};

/** All features of the customer at the latest cut-off. */
export type CustomerFeatures = {
  customer_id: string;
  freshness: Freshness;
  items: Array<FeatureValue>;
  next_step: NextStep | null;
};

/** One way this customer is recognised. */
export type CustomerIdentifier = {
  /** kind:value, as given to /profiles */
  identifier: string;
  kind: string;
  kind_label: Text;
  value: string;
  masked: boolean;
  first_seen_at: string | null;
};

/** Customers in the asked order. */
export type CustomerPage = {
  items: Array<CustomerRow>;
  next_cursor: string | null;
  /** rows over all pages, where cheap to know */
  total: number | null;
  /** set when the list is empty */
  next_step: NextStep | null;
};

/** The lists of one customer. */
export type CustomerRecommendations = {
  customer_id: string;
  model_version: string | null;
  freshness: Freshness;
  surfaces: Array<CustomerSurface>;
  history: Array<BoughtProduct>;
  next_step: NextStep | null;
};

/** One line of the customer list. */
export type CustomerRow = {
  customer_id: string;
  display_name: string | null;
  rfm: Label | null;
  tier: Label | null;
  lifecycle: Label | null;
  /** churn risk, 0 (safe) to 9 (leaving) */
  risk: number | null;
  risk_band: Label | null;
  /** expected spend over the value horizon */
  value: Money | null;
  orders: number | null;
  spent: Money | null;
  last_purchase_on: string | null;
};

/** A model's statement about this customer. */
export type CustomerScore = {
  task: string;
  task_name: Text;
  name: string;
  label: Text;
  value: number | null;
  unit: "count" | "customers" | "orders" | "rows" | "minor" | "ratio" | "percent_points" | "days" | "hours" | "seconds" | "score" | "number" | "text" | "date" | "timestamp" | "boolean";
  currency: string | null;
  horizon_days: number | null;
  interval: Interval | null;
  band: Label | null;
  model: string | null;
  version: string | null;
  as_of: string | null;
  reasons: Array<Reason>;
};

/** The customer's place in one scheme. */
export type CustomerSegment = {
  scheme: string;
  scheme_name: Text;
  segment: string;
  segment_name: Text;
  as_of: string | null;
};

/** One list of a customer. */
export type CustomerSurface = {
  surface: "for_you" | "again" | "next_basket";
  label: Text;
  definition: Text;
  items: Array<RecommendedItem>;
};

/** One ledger row: what was chosen for one customer (non-sends too) and why. */
export type Decision = {
  decision_id: string;
  plan_id: string;
  customer_id: string;
  display_name: string | null;
  action: "send" | "hold_out" | "none";
  offer_id: string | null;
  offer_name: Text | null;
  channel: string | null;
  channel_name: Text | null;
  send_at: string | null;
  hour: number | null;
  /** with which this action was chosen */
  probability: number | null;
  expected_margin: Money | null;
  cost: Money | null;
  reason: string | null;
  reasons: Array<Reason>;
};

/** Decisions of a plan, highest expected value first. */
export type DecisionPage = {
  items: Array<Decision>;
  next_cursor: string | null;
  /** rows over all pages, where cheap to know */
  total: number | null;
  /** set when the list is empty */
  next_step: NextStep | null;
};

/** The data dictionary, generated from the table contracts. */
export type Dictionary = {
  tables: Array<DictionaryTable>;
};

/** One column of the data dictionary. */
export type DictionaryColumn = {
  name: string;
  type: string;
  unit: string | null;
  key: boolean;
  nullable: boolean;
  classification: string;
  classification_label: Text;
  meaning: Text;
};

/** One table of the data dictionary. */
export type DictionaryTable = {
  table: string;
  stage: string;
  label: Text;
  meaning: Text;
  columns: Array<DictionaryColumn>;
};

/** Today's customers beside those the champion learned from. */
export type DriftReport = {
  task: string;
  version: string;
  as_of: string | null;
  before_n: number | null;
  now_n: number | null;
  alarmed: boolean;
  text: Text;
  columns: Array<FeatureDrift>;
  /** columns that together tell then from now */
  separating: Array<string>;
  separating_auc: number | null;
  next_step: NextStep | null;
};

/** An estimated difference between contacted customers and the hold-out. */
export type Effect = {
  key: string;
  name: Text;
  metric: string;
  /** null: not enough data to say */
  estimate: number | null;
  interval: Interval | null;
  unit: "count" | "customers" | "orders" | "rows" | "minor" | "ratio" | "percent_points" | "days" | "hours" | "seconds" | "score" | "number" | "text" | "date" | "timestamp" | "boolean";
  currency: string | null;
  method: string;
  treated: number;
  hold_out: number;
  significant: boolean | null;
  sentence: Text;
  plan_id: string | null;
  start: string | null;
  end: string | null;
};

/** Hold-out effects and what they save. */
export type EffectList = {
  items: Array<Effect>;
  spend_saved: Effect | null;
  next_step: NextStep | null;
};

/** Whether a connector runs by itself. */
export type Enabled = {
  enabled: boolean;
};

/** What an enrichment is worth: coverage, freshness, cost, legal basis. */
export type EnrichmentScore = {
  keys: number;
  ours: number;
  matched: number;
  coverage: number;
  age_days: number | null;
  cost_per_key: number | null;
  basis: string;
  admitted: boolean;
  faults: Array<ScoreFault>;
};

/** A change of an event: a JSON patch, or the whole event. */
export type EventEdit = {
  patch?: Array<Record<string, unknown>>;
  event?: Record<string, unknown> | null;
  /** false only asks for the verdict */
  keep: boolean;
  by: string;
};

/** Why an event is refused. */
export type EventViolation = {
  field: string;
  reason: string;
  text: Text;
  next_step: Text;
};

/** How much of the assortment the lists show, and how different their products are. */
export type Exposure = {
  label: Text;
  definition: Text;
  value: number | null;
  unit: "count" | "customers" | "orders" | "rows" | "minor" | "ratio" | "percent_points" | "days" | "hours" | "seconds" | "score" | "number" | "text" | "date" | "timestamp" | "boolean";
};

/** One condition of the rule held against the customer. */
export type Fact = {
  field: string;
  label: Text;
  operator: string;
  expected: string;
  actual: string | null;
  unit: string | null;
  satisfied: boolean;
  /** true when changing this fact alone changes the answer */
  flips: boolean;
  text: Text;
};

/** How one column moved since the model was trained. */
export type FeatureDrift = {
  feature: string;
  label: Text;
  kind: "feature" | "prediction" | "outcome" | "together";
  psi: number | null;
  /** what chance alone makes of it on average */
  expected: number | null;
  /** index above chance */
  effect: number | null;
  p: number | null;
  alarmed: boolean;
  level: "none" | "small" | "notable" | "large";
  missing_before: number | null;
  missing_now: number | null;
  importance: number | null;
  text: Text;
  /** inner limits of the bins; empty for words */
  edges: Array<number>;
  /** words of the bins; empty for numbers */
  levels: Array<string>;
  /** share of customers by bin when it was trained */
  before: Array<number>;
  now: Array<number>;
};

/** One feature of the customer. */
export type FeatureValue = {
  name: string;
  label: Text;
  definition: Text;
  group: string;
  group_label: Text;
  value: number | null;
  text_value: string | null;
  unit: string;
  window_days: number | null;
};

/** One number that a page shows, with everything needed to open it. */
export type Figure = {
  key: string;
  label: Text;
  definition: Text;
  /** null: not enough data to say; `note` tells why */
  value: number | null;
  unit: "count" | "customers" | "orders" | "rows" | "minor" | "ratio" | "percent_points" | "days" | "hours" | "seconds" | "score" | "number" | "text" | "date" | "timestamp" | "boolean";
  currency: string | null;
  interval: Interval | null;
  /** relative change to the value before */
  change: number | null;
  freshness: Freshness;
  note: Text | null;
  /** console path that proves the number */
  link: string | null;
};

/** One candidate (or baseline) of the figures table. */
export type FiguresRow = {
  model: string;
  label: Text;
  baseline: boolean;
  chosen: boolean;
  /** by metric */
  values: Record<string, number | null>;
};

/** One series: the past, the forecast, and the figures of the model. */
export type ForecastDetail = {
  freshness: Freshness;
  model: ForecastModel | null;
  series: ForecastSeries;
  history: Array<HistoryPoint>;
  forecast: Array<ForecastPoint>;
};

/** One method on the later weeks that were held back. */
export type ForecastFigure = {
  method: string;
  label: Text;
  baseline: boolean;
  chosen: boolean;
  /** by metric: mase, rmsse, wape, bias, coverage80, coverage90, width90 */
  values: Record<string, number | null>;
};

/** Every forecast of the latest run: total, categories, top products. */
export type ForecastList = {
  freshness: Freshness;
  model: ForecastModel | null;
  items: Array<ForecastSeries>;
  next_step: NextStep | null;
};

/** What made the forecast, and how it was measured. */
export type ForecastModel = {
  version: string;
  trained_at: string | null;
  /** days of one period: 7 for weeks, 1 for days */
  step_days: number;
  /** periods ahead */
  steps: number;
  /** share of cases the interval was made to hold, e.g. 0.9 */
  level: number;
  protocol: Text;
  figures: Array<ForecastFigure>;
};

/** One period ahead with its interval. */
export type ForecastPoint = {
  start: string;
  step: number;
  value: number;
  low: number | null;
  high: number | null;
};

/** One series with what is expected of it. */
export type ForecastSeries = {
  /** total, category or product */
  series_kind: string;
  series_id: string;
  label: Text;
  /** units, or minor for money in minor units */
  unit: string;
  currency: string | null;
  /** sum over the periods ahead */
  expected: number;
  /** sum over as many periods before */
  before: number | null;
  /** relative change against `before` */
  change: number | null;
  /** the first period ahead */
  next_value: number;
  next_low: number | null;
  next_high: number | null;
};

/** How new a number is. */
export type Freshness = {
  /** the day the number speaks about */
  as_of: string | null;
  computed_at: string | null;
  stale: boolean;
};

/** How old what the profiles say is. */
export type FreshnessBoard = {
  at: string;
  /** the section furthest behind */
  worst_seconds: number | null;
  sections: Array<FreshnessLine>;
  partitions: Array<FreshnessLine>;
  /** age of the facts, oldest first */
  traits: Array<FreshnessLine>;
  next_step: NextStep | null;
};

/** One section, partition or trait. */
export type FreshnessLine = {
  kind: "section" | "partition" | "trait";
  name: string;
  label: Text;
  section: "base" | "live" | "features";
  /** null: nothing is known */
  worst_seconds: number | null;
  median_seconds: number | null;
  /** events not applied, or customers whose moment has passed */
  waiting: number;
  /** customers looked at; 0: not from a sample */
  customers: number;
};

/** Share of what was looked for that the best-scored share of customers holds. */
export type Gain = {
  share: number;
  found: number;
  customers: number;
};

/** The best-scored part of the customers and what it holds. */
export type GainsRow = {
  /** share of the customers, best first */
  share: number;
  customers: number;
  positives: number;
  /** share of all positives in this part */
  captured: number;
  rate: number;
  lift: number;
};

/** The quality report in words. */
export type GovernReport = {
  freshness: Freshness;
  sections: Array<ReportSection>;
  next_step: NextStep | null;
};

/** The process answers. */
export type Health = {
  status: string;
  version: string;
};

/** One bar of a distribution. */
export type HistogramBar = {
  key: string;
  label: Text;
  customers: number;
  share: number;
  /** sum of expected value of the bar */
  value: Money | null;
};

/** One past period. */
export type HistoryPoint = {
  start: string;
  value: number;
};

/** How much one feature matters to the model. */
export type Importance = {
  feature: string;
  label: Text;
  share: number;
};

/** One daily indicator with its series. */
export type Indicator = {
  key: string;
  name: Text;
  definition: Text;
  unit: "count" | "customers" | "orders" | "rows" | "minor" | "ratio" | "percent_points" | "days" | "hours" | "seconds" | "score" | "number" | "text" | "date" | "timestamp" | "boolean";
  currency: string | null;
  better: "up" | "down" | "neither";
  value: number | null;
  /** the same figure one period earlier */
  previous: number | null;
  /** relative */
  change: number | null;
  series: Array<Point>;
  freshness: Freshness;
  note: Text | null;
};

/** The daily indicators. */
export type IndicatorList = {
  items: Array<Indicator>;
  start: string | null;
  end: string | null;
  next_step: NextStep | null;
};

/** An interval around an estimate. */
export type Interval = {
  low: number;
  high: number;
  /** coverage, e.g. 0.95 */
  level: number;
};

/** What goes with one product. */
export type ItemRecommendations = {
  product: ShownProduct;
  /** hardly ever bought: found by its words and attributes */
  cold: boolean;
  buyers: number | null;
  model_version: string | null;
  freshness: Freshness;
  similar: Array<NeighbourItem>;
  bought_together: Array<NeighbourItem>;
  next_step: NextStep | null;
};

/** A key with its name in both languages. */
export type Label = {
  key: string;
  name: Text;
};

/** What the leakage harness found. */
export type LeakFinding = {
  kind: string;
  column: string | null;
  severity: "refuse" | "warn";
  text: Text;
  next_step: Text;
};

/** How every task stands. */
export type LearnStatus = {
  enabled: boolean;
  tasks: Array<TaskStatus>;
  next_step: NextStep | null;
};

/** Where a column comes from and what depends on it. */
export type Lineage = {
  column: string | null;
  nodes: Array<LineageNode>;
  edges: Array<LineageEdge>;
  truncated: boolean;
  next_step: NextStep | null;
};

/** `source` flows into `target`. */
export type LineageEdge = {
  source: string;
  target: string;
  transform: string | null;
};

/** One column in the lineage graph. */
export type LineageNode = {
  /** table.column */
  id: string;
  table: string;
  column: string;
  stage: string;
  label: Text;
  /** steps from the asked column; negative is upstream */
  distance: number;
};

/** One request with events, accepted or refused. */
export type LiveArrival = {
  /** counts up; pass the highest one as `after` */
  number: number;
  at: string;
  /** empty if its write key is unknown */
  source: string;
  path: string;
  status: number;
  accepted: number;
  /** events dropped because their message id was seen before */
  duplicates: number;
  events: Array<NamedCount>;
  /** code, set when the request was refused */
  reason: string | null;
  reason_text: Text | null;
  next_step: string | null;
  /** the first event as sent, at most 4 KB */
  sample: string | null;
  ip: string;
};

/** An audience that the customer is in now. */
export type LiveAudience = {
  audience_id: string;
  name: string;
  since: string | null;
};

/** Something that became different, in one sentence. */
export type LiveChange = {
  sequence: number;
  at: string;
  kind: string;
  text: Text;
};

/** The latest arrivals, oldest first. */
export type LiveFeed = {
  items: Array<LiveArrival>;
  /** number of the newest arrival; ask again with `after` set to it */
  last: number;
  /** how full the queue of unconfirmed events is, 0 to 1 */
  pressure: number;
  lag: Array<LogLag>;
  /** set when nothing ever arrived */
  next_step: NextStep | null;
};

/** One event. */
export type LiveMoment = {
  at: string;
  kind: string;
  title: Text;
  detail: string | null;
  channel: string | null;
  amount: Money | null;
  event_id: string;
};

/** What is known about one customer now; ages count from ``at``. */
export type LiveProfile = {
  customer_id: string;
  at: string;
  /** ask /v1/changes from here on with `after` */
  last_change: number;
  currency: string;
  sections: Array<LiveSection>;
  identifiers: Array<CustomerIdentifier>;
  traits: Array<LiveTraitValue>;
  scores: Array<LiveScore>;
  audiences: Array<LiveAudience>;
  timeline: Array<LiveMoment>;
  /** the latest, newest first */
  changes: Array<LiveChange>;
};

/** A model's statement and the moment it was made. */
export type LiveScore = {
  task: string;
  task_name: Text;
  name: string;
  label: Text;
  value: number | null;
  unit: "count" | "customers" | "orders" | "rows" | "minor" | "ratio" | "percent_points" | "days" | "hours" | "seconds" | "score" | "number" | "text" | "date" | "timestamp" | "boolean";
  currency: string | null;
  horizon_days: number | null;
  interval: Interval | null;
  band: Label | null;
  model: string | null;
  version: string | null;
  as_of: string | null;
  reasons: Array<Reason>;
  judged_at: string | null;
  age_seconds: number | null;
};

/** When one part of the profile was last written. */
export type LiveSection = {
  section: "base" | "live" | "features";
  label: Text;
  at: string | null;
  age_seconds: number | null;
};

/** One source of live events. */
export type LiveSource = {
  source_id: string;
  kind: string;
  /** kind of identifier that its user ids are */
  user_kind: string;
  write_key: string;
  /** pages that may send from a browser; empty means any */
  origins: Array<string>;
  enabled: boolean;
  created_at: string;
  health: "active" | "quiet" | "silent" | "never" | "disabled";
  health_text: Text;
  /** last accepted request since the service runs */
  last_at: string | null;
  accepted: number;
  duplicates: number;
  refused: number;
  /** events accepted in the last 60 seconds */
  per_minute: number;
};

/** Every source, oldest first. */
export type LiveSources = {
  items: Array<LiveSource>;
  next_step: NextStep | null;
};

/** One value with where it comes from and of when it is. */
export type LiveTraitValue = {
  name: string;
  label: Text;
  /** moments as ISO 8601 */
  value: string | number | boolean | null;
  /** what a number counts, `timestamp`, `truth`, or empty for words */
  unit: string;
  /** `live`: follows from events; `fact`: somebody said so; `features`: computed */
  origin: "live" | "fact" | "features";
  source: string | null;
  /** moment of the fact */
  as_of: string | null;
  age_seconds: number | null;
  masked: boolean;
};

/** One load of one source into one table. */
export type Load = {
  load_id: string;
  source: string;
  table: string;
  table_label: Text;
  status: string;
  rows_read: number;
  rows_admitted: number;
  rows_duplicate: number;
  rows_quarantined: number;
  started_at: string | null;
  finished_at: string | null;
  seconds: number | null;
  digest: string | null;
};

/** Loads, newest first. */
export type LoadPage = {
  items: Array<Load>;
  next_cursor: string | null;
  /** rows over all pages, where cheap to know */
  total: number | null;
  /** set when the list is empty */
  next_step: NextStep | null;
};

/** One partition of the event log. */
export type LogLag = {
  partition: number;
  head: number;
  committed: number;
  /** records not yet worked off */
  lag: number;
};

/** How well one method finds members that were held back. */
export type LookalikeFigure = {
  method: string;
  label: Text;
  /** share of members in its best tenth over their share in all */
  lift: number;
  auc: number;
};

/** A customer who is like the audience. */
export type LookalikeMember = {
  customer_id: string;
  similarity: number;
  reasons: Array<Text>;
};

/** Who an audience would be widened by. */
export type LookalikePreview = {
  audience_id: string;
  audience: string;
  seeds: number;
  candidates: number;
  found: number;
  least_similarity: number | null;
  figures: Array<LookalikeFigure>;
  /** what sets the audience apart, strongest first */
  differences: Array<Text>;
  /** most similar first, at most 100 */
  members: Array<LookalikeMember>;
  next_step: NextStep | null;
};

/** An audience to be widened. */
export type LookalikeQuestion = {
  audience_id: string;
  /** how many new customers */
  size?: number | null;
  /** least similarity, 0 to 1, instead of a size */
  min_similarity?: number | null;
};

/** A widened audience to be kept. */
export type LookalikeSave = {
  audience_id: string;
  /** how many new customers */
  size?: number | null;
  /** least similarity, 0 to 1, instead of a size */
  min_similarity?: number | null;
  name: string;
};

/** The widened audience, kept as one of its own. */
export type LookalikeSaved = {
  audience_id: string;
  name: string;
  size: number;
  /** kind of the scores, usable in rules */
  score_kind: string;
};

/** One method inside the model. */
export type Member = {
  name: string;
  label: Text;
  definition: Text;
  /** share in the blend; 0 is not used */
  weight: number;
};

/** One edge that ties two identifiers together; undoing it restores both histories. */
export type MergeEdge = {
  edge_id: string;
  left: string;
  right: string;
  evidence: Text;
  source: string | null;
  confidence: number | null;
  created_at: string | null;
  undone_at: string | null;
};

/** One message in the outbox. */
export type Message = {
  message_id: string;
  customer_id: string | null;
  plan_id: string | null;
  decision_id: string | null;
  channel: string;
  channel_label: Text;
  status: string;
  status_label: Text;
  subject: string | null;
  body: string | null;
  send_at: string | null;
  sent_at: string | null;
  cost: Money | null;
};

/** One column of the figures table. */
export type MetricColumn = {
  metric: string;
  label: Text;
  definition: Text;
  higher_is_better: boolean;
  unit: "count" | "customers" | "orders" | "rows" | "minor" | "ratio" | "percent_points" | "days" | "hours" | "seconds" | "score" | "number" | "text" | "date" | "timestamp" | "boolean";
};

/** How many customers moved from one RFM segment to another. */
export type MigrationCell = {
  origin: string;
  origin_name: Text;
  target: string;
  target_name: Text;
  customers: number;
  /** of the origin segment */
  share: number;
};

/** What a model is good and bad for. */
export type ModelCard = {
  summary: ModelSummary;
  purpose: Text;
  limits: Text;
  window: TrainingWindow;
  columns: Array<MetricColumn>;
  rows: Array<FiguresRow>;
  calibration: Array<CalibrationPoint>;
  calibration_error: number | null;
  slices: Array<SliceFigures>;
  importances: Array<Importance>;
  parameters: Record<string, string>;
  versions: Array<ModelSummary>;
};

/** Two versions of one task side by side. */
export type ModelComparison = {
  task: string;
  task_name: Text;
  a: ComparedSide;
  b: ComparedSide;
  figures: Array<ComparedFigure>;
  /** whether both were measured on the same window */
  same_window: boolean;
  /** both on the same customers, where that was done */
  paired: Comparison | null;
  features_added: Array<string>;
  features_removed: Array<string>;
  note: Text;
};

/** One thing that happened to a model. */
export type ModelEvent = {
  event_id: string;
  task: string;
  task_name: Text;
  version: string;
  model: string | null;
  act: "first" | "trained" | "challenged" | "promoted" | "held" | "renewed" | "drifted" | "steady" | "degraded" | "sound" | "due" | "watched" | "rolled_back" | "retired";
  act_name: Text;
  /** the moment the shop stood at */
  as_of: string;
  at: string;
  text: Text;
  comparison: Comparison | null;
  /** the other version of a comparison */
  against: string | null;
  /** who asked for it; null where nobody did */
  by: string | null;
};

/** What happened to models, newest first. */
export type ModelEventList = {
  items: Array<ModelEvent>;
  next_step: NextStep | null;
};

/** What a card shows beside its figures. */
export type ModelExtra = {
  task: string;
  version: string;
  gains: Array<Gain>;
  calibration: Array<CalibrationPoint>;
  events: Array<ModelEvent>;
  drift: DriftReport | null;
};

/** One measured figure of a model beside the baseline. */
export type ModelFigure = {
  metric: string;
  label: Text;
  definition: Text;
  value: number | null;
  baseline: string | null;
  baseline_value: number | null;
  higher_is_better: boolean;
  beats_baseline: boolean | null;
  unit: "count" | "customers" | "orders" | "rows" | "minor" | "ratio" | "percent_points" | "days" | "hours" | "seconds" | "score" | "number" | "text" | "date" | "timestamp" | "boolean";
  currency: string | null;
};

/** All models, champions first. */
export type ModelList = {
  items: Array<ModelSummary>;
  next_step: NextStep | null;
};

/** One trained version of one model. */
export type ModelSummary = {
  task: string;
  task_name: Text;
  name: string;
  label: Text;
  version: string;
  /** champion, challenger or null */
  alias: string | null;
  trained_at: string | null;
  as_of: string | null;
  horizon_days: number | null;
  customers: number | null;
  figures: Array<ModelFigure>;
};

/** An amount in integer minor units with its currency. */
export type Money = {
  minor: number;
  currency: string;
};

/** Events of one name. */
export type NamedCount = {
  name: string;
  count: number;
};

/** A product beside another one. */
export type NeighbourItem = {
  rank: number;
  product: ShownProduct;
  score: number;
  why: Array<Why>;
};

/** What to do now, on a page that has nothing (or too little) to show. */
export type NextStep = {
  text: Text;
  /** label of the one button */
  action: Text;
  link: string | null;
  /** the same on the command line */
  command: string | null;
};

/** Which day to run the loop for. */
export type NightlyRequest = {
  /** default: the day after the last data */
  as_of?: string | null;
};

/** Messages, newest first, with a summary over all of them. */
export type Outbox = {
  items: Array<Message>;
  next_cursor: string | null;
  /** rows over all pages, where cheap to know */
  total: number | null;
  /** set when the list is empty */
  next_step: NextStep | null;
  /** over all messages, not this page alone */
  summary: OutboxSummary;
};

/** How many messages, by status and channel. */
export type OutboxSummary = {
  total: number;
  by_status: Array<Count>;
  by_channel: Array<Count>;
  spend: Money | null;
  last_sent_at: string | null;
};

/** Three sentences, the figures behind them, what to do today, and the loop. */
export type Overview = {
  shop: Shop;
  sentences: Array<Sentence>;
  figures: Array<Figure>;
  today: Array<Task>;
  stages: Array<StageStatus>;
  next_step: NextStep | null;
};

/** A plan opened: totals, where it goes, who is left out and why. */
export type Plan = {
  summary: PlanSummary;
  sentence: Text;
  by_offer: Array<PlanShare>;
  by_channel: Array<PlanShare>;
  by_hour: Array<PlanShare>;
  refusals: Array<Count>;
  /** consent, caps, quiet hours, budget that applied */
  guards: Array<Reason>;
};

/** The version in force, and whether it is new. */
export type PlanApplied = {
  version: PlanVersion;
  changed: boolean;
};

/** A plan to put in force. */
export type PlanApply = {
  yaml: string;
  /** version it was made from; another one is a conflict */
  based_on: number;
  note: string;
  by: string;
};

/** Who approves, and the digest they looked at (refused when the plan changed since). */
export type PlanApproval = {
  by: string;
  digest?: string | null;
  note?: string | null;
};

/** A plan that is not in force. */
export type PlanDraft = {
  yaml: string;
  /** latest events judged */
  recent: number;
};

/** What the plan would do to the latest events of the log. */
export type PlanEffect = {
  events: number;
  refused_now: number;
  refused_then: number;
  newly_refused: number;
  newly_admitted: number;
  warned_then: number;
  reasons: Array<PlanTally>;
};

/** Something in a plan file that cannot be used. */
export type PlanFault = {
  path: string;
  line: number;
  message: Text;
};

/** A plan inferred from the latest events; nothing is in force by it. */
export type PlanGuess = {
  events: number;
  yaml: string;
};

/** All plans, newest first. */
export type PlanList = {
  items: Array<PlanSummary>;
  next_step: NextStep | null;
};

/** What performing the plan did; performing again does nothing more. */
export type PlanPerformed = {
  plan_id: string;
  status: "draft" | "approved" | "performed";
  /** messages written to the outbox by this call */
  written: number;
  /** messages that were there before */
  already: number;
  failed: number;
  performed_at: string | null;
  sentence: Text;
};

/** The part of a plan that goes to one offer, channel or hour. */
export type PlanShare = {
  key: string;
  label: Text;
  contacts: number;
  spend: Money;
  expected_margin: Money;
};

/** One change. */
export type PlanStep = {
  action: "add" | "remove" | "change";
  path: string;
  text: Text;
  /** may refuse events that were admitted before */
  stricter: boolean;
};

/** One plan of contacts. */
export type PlanSummary = {
  plan_id: string;
  as_of: string | null;
  status: "draft" | "approved" | "performed";
  created_at: string | null;
  approved_at: string | null;
  approved_by: string | null;
  performed_at: string | null;
  digest: string | null;
  policy_version: string | null;
  totals: PlanTotals;
};

/** Events that would be refused for one reason. */
export type PlanTally = {
  event: string;
  field: string;
  reason: string;
  text: Text;
  count: number;
};

/** What a plan comes to. */
export type PlanTotals = {
  /** customers considered */
  customers: number;
  /** customers who would be contacted */
  contacts: number;
  hold_out: number;
  refused: number;
  spend: Money;
  budget: Money | null;
  expected_margin: Money;
  /** in minor units */
  expected_margin_interval: Interval | null;
  expected_net: Money;
  /** (bound − plan) / bound, ratio */
  bound_gap: number | null;
};

/** One version of the tracking plan. */
export type PlanVersion = {
  version: number;
  digest: string;
  note: string;
  applied_by: string;
  applied_at: string;
  events: number;
};

/** One point of a daily series. */
export type Point = {
  day: string;
  value: number | null;
};

/** Elasticity of one category, or why it cannot be said. */
export type PriceResponse = {
  series_kind: string;
  series_id: string;
  label: Text;
  /** percent of units by percent of price */
  estimate: number | null;
  low: number | null;
  high: number | null;
  /** share the interval is made to hold: 0.95 */
  level: number;
  /** product-weeks it rests on */
  observations: number;
  price_changes: number;
  /** why there is no estimate */
  note: Text | null;
  /** the estimate in words */
  sentence: Text | null;
  price_now_minor: number | null;
  effect: PromotionEffect | null;
  curve: Array<shopkeeper__apps__service__schemas__forecast__CurvePoint>;
};

/** Categories by elasticity, strongest first; those without an estimate last. */
export type PriceResponses = {
  freshness: Freshness;
  currency: string;
  items: Array<PriceResponse>;
  next_step: NextStep | null;
};

/** An error as `application/problem+json` (RFC 9457), with the facts and the next step. */
export type Problem = {
  type: string;
  title: string;
  /** the kind of problem, in both languages */
  title_text: Text;
  status: number;
  detail: string;
  code: string;
  facts: Record<string, unknown>;
  next_step: string | null;
  retryable: boolean;
  instance: string | null;
};

/** How one product is spoken about. */
export type ProductSentiment = {
  product_id: string;
  name: string | null;
  texts: number;
  negative: number;
  /** mean score of its texts, drawn to the shop's mean where there are few */
  score: number;
};

/** What promotions of the category brought, in units a promoted week. */
export type PromotionEffect = {
  /** promoted product-weeks it rests on */
  weeks: number;
  uplift: number;
  /** sales missing in the weeks after; negative */
  pulled_forward: number;
  /** sales missing at other products; negative; null where it cannot be told */
  cannibalised: number | null;
  net: number;
  net_low: number;
  net_high: number;
  /** net effect on margin; null without costs */
  margin_minor: number | null;
  margin_low: number | null;
  margin_high: number | null;
};

/** One model that a person asked for, as it stands. */
export type Propensity = {
  name: string;
  title: Text;
  sentence: Text;
  request: PropensityRequest;
  status: "waiting" | "running" | "done" | "refused" | "failed";
  refused: Text | null;
  next_step: Text | null;
  version: string | null;
  task: string;
  score_kind: string;
  trained_at: string | null;
  as_of: string | null;
  /** customers with a score */
  scored: number | null;
  /** run that is working on it; see /runs/{run_id} */
  run_id: string | null;
  auc: number | null;
  /** the best baseline */
  baseline: Text | null;
  baseline_auc: number | null;
};

/** One thing that can be chosen in the form. */
export type PropensityChoice = {
  value: string;
  label: Text;
  /** how often it occurs */
  rows: number | null;
  customers: number | null;
};

/** One model with its report; null before the first training. */
export type PropensityDetail = {
  name: string;
  title: Text;
  sentence: Text;
  request: PropensityRequest;
  status: "waiting" | "running" | "done" | "refused" | "failed";
  refused: Text | null;
  next_step: Text | null;
  version: string | null;
  task: string;
  score_kind: string;
  trained_at: string | null;
  as_of: string | null;
  /** customers with a score */
  scored: number | null;
  /** run that is working on it; see /runs/{run_id} */
  run_id: string | null;
  auc: number | null;
  /** the best baseline */
  baseline: Text | null;
  baseline_auc: number | null;
  report: PropensityReport | null;
};

/** One customer's score with the parts that add up to it. */
export type PropensityExample = {
  customer_id: string;
  probability: number;
  /** log-odds of everyone */
  base: number;
  reasons: Array<PropensityReason>;
  /** log-odds of all other features together */
  others: number;
  /** log-odds that calibration adds */
  calibration: number;
};

/** One figure of one method on the test window. */
export type PropensityFigure = {
  method: string;
  label: Text;
  ours: boolean;
  metric: "auc" | "average_precision" | "brier" | "ece";
  value: number | null;
  low: number | null;
  high: number | null;
  customers: number;
  higher_is_better: boolean;
};

/** All models that people asked for, newest first. */
export type PropensityList = {
  items: Array<Propensity>;
  next_step: NextStep | null;
};

/** Everything the form offers. */
export type PropensityOptions = {
  /** kinds of events, most frequent first */
  events: Array<PropensityChoice>;
  categories: Array<PropensityChoice>;
  brands: Array<PropensityChoice>;
  /** keys of `where`, with labels */
  conditions: Array<PropensityChoice>;
  /** columns that can be excluded */
  features: Array<PropensityChoice>;
  /** suggested horizons, in days */
  horizons: Array<number>;
  /** examples of rules that this shop can answer */
  rules: Array<Text>;
  /** first day of data */
  first_day: string | null;
  /** the day after the last data */
  as_of: string | null;
  customers: number;
  next_step: NextStep | null;
};

/** What would be trained, or why it cannot be. */
export type PropensityPreview = {
  possible: boolean;
  /** why not, where it is not possible */
  refused: Text | null;
  next_step: Text | null;
  windows: Array<PropensityWindow>;
  /** customers who would be scored now */
  customers: number;
  features: number;
  /** features that give the answer away by definition */
  exclusions: Array<string>;
  estimate_seconds: number | null;
  /** the whole model in one sentence */
  sentence: Text;
  seconds: number;
};

/** One feature's part in one customer's score. */
export type PropensityReason = {
  text: Text;
  /** log-odds it adds */
  weight: number;
};

/** The honest report of a trained model. */
export type PropensityReport = {
  /** whether it is worth using, in one sentence */
  verdict: Text;
  useful: boolean;
  protocol: Text;
  train_rows: number;
  test_rows: number;
  positives: number;
  base_rate: number;
  figures: Array<PropensityFigure>;
  calibration: Array<CalibrationPoint>;
  gains: Array<GainsRow>;
  slices: Array<PropensitySlice>;
  importances: Array<Importance>;
  findings: Array<LeakFinding>;
  /** columns left out, with the reason */
  dropped: Array<PropensityChoice>;
  examples: Array<PropensityExample>;
  /** widened intervals, small numbers, what was sampled */
  notes: Array<Text>;
  seconds: number;
};

/** A model that a person asks for. */
export type PropensityRequest = {
  /** lower-case letters, digits, '_' and '-' */
  name: string;
  title: string;
  target: PropensityTarget;
  horizon_days: number;
  /** audience rule; empty: all */
  audience: string;
  /** features */
  exclude?: Array<string>;
  exclude_customers?: Array<string>;
  /** features a person vouches for although they look like the answer */
  allow?: Array<string>;
  /** tuning trials; 0: none */
  trials: number;
  /** most seconds of tuning */
  seconds: number;
  as_of?: string | null;
};

/** Figures of a part of the customers. */
export type PropensitySlice = {
  label: Text;
  customers: number;
  positives: number;
  rate: number;
  predicted: number;
  auc: number | null;
};

/** What is predicted. */
export type PropensityTarget = {
  kind: "event" | "purchase" | "rule";
  /** for kind event */
  event?: string | null;
  /** conditions, all of them */
  where?: Record<string, string>;
  /** for kind rule */
  rule?: string | null;
  /** times within the horizon */
  at_least: number;
};

/** One past moment: features before it, outcome after it. */
export type PropensityWindow = {
  role: "learn" | "test";
  day: string;
  until: string;
  customers: number;
  positives: number;
  rate: number | null;
};

/** Quality of the data at the latest run. */
export type Quality = {
  run_id: string | null;
  freshness: Freshness;
  passed: number;
  failed: number;
  summary: Text;
  indicators: Array<QualityIndicator>;
  next_step: NextStep | null;
};

/** One quality indicator of the latest run with its history. */
export type QualityIndicator = {
  key: string;
  name: Text;
  definition: Text;
  dimension: string;
  dimension_label: Text;
  table: string;
  column: string | null;
  value: number | null;
  unit: "count" | "customers" | "orders" | "rows" | "minor" | "ratio" | "percent_points" | "days" | "hours" | "seconds" | "score" | "number" | "text" | "date" | "timestamp" | "boolean";
  target: number | null;
  passed: boolean | null;
  /** what was found, in a sentence */
  finding: Text;
  numerator: number | null;
  denominator: number | null;
  history: Array<QualityPoint>;
};

/** The indicator's value at one run. */
export type QualityPoint = {
  at: string;
  value: number | null;
};

/** Quarantined rows, newest first. */
export type QuarantinePage = {
  items: Array<QuarantinedRow>;
  next_cursor: string | null;
  /** rows over all pages, where cheap to know */
  total: number | null;
  /** set when the list is empty */
  next_step: NextStep | null;
};

/** How many rows wait in quarantine, by reason and table. */
export type QuarantineSummary = {
  total: number;
  admitted: number;
  share: number | null;
  by_reason: Array<Count>;
  by_table: Array<Count>;
  by_field: Array<Count>;
  next_step: NextStep | null;
};

/** One live event in quarantine. */
export type QuarantinedEvent = {
  number: number;
  source: string;
  event_id: string;
  /** name of the event, where it can be read */
  name: string | null;
  field: string;
  reason: string;
  reason_text: Text;
  next_step: Text;
  status: "open" | "edited" | "requested" | "admitted" | "refused";
  status_text: Text;
  replays: number;
  quarantined_at: string;
  /** JSON as sent */
  raw: string;
  /** as edited last; null if it is no JSON object */
  event: Record<string, unknown> | null;
};

/** Live events in quarantine, newest first; of one refused again, the last time. */
export type QuarantinedEventPage = {
  items: Array<QuarantinedEvent>;
  next_cursor: string | null;
  /** rows over all pages, where cheap to know */
  total: number | null;
  /** set when the list is empty */
  next_step: NextStep | null;
  by_reason: Array<Count>;
  by_field: Array<Count>;
  by_source: Array<Count>;
};

/** One event with the verdict of the plan in force. */
export type QuarantinedEventView = {
  event: QuarantinedEvent;
  admitted: boolean;
  violations: Array<EventViolation>;
};

/** One row that was not admitted, with where it stands and what to do. */
export type QuarantinedRow = {
  quarantine_id: string;
  load_id: string;
  table: string;
  table_label: Text;
  source: string;
  row_number: number | null;
  field: string | null;
  value: string | null;
  reason: string;
  reason_text: Text;
  next_step: Text;
  record: Record<string, string | null>;
  quarantined_at: string | null;
};

/** Whether the process can do its work. */
export type Ready = {
  ready: boolean;
  checks: Array<Check>;
};

/** One reason from the ledger, as a sentence. */
export type Reason = {
  key: string;
  text: Text;
  /** share in the score, signed */
  weight: number | null;
  field: string | null;
  value: string | null;
};

/** The recommender in use. */
export type RecommendSummary = {
  model: string | null;
  model_version: string | null;
  trained_at: string | null;
  freshness: Freshness;
  protocol: Text | null;
  customers: number;
  products: number;
  /** products in the catalogue that nobody bought yet */
  cold_products: number;
  members: Array<Member>;
  surfaces: Array<SurfaceFigures>;
  exposure: Array<Exposure>;
  /** what was decided and why, as sentences */
  facts: Array<Text>;
  next_step: NextStep | null;
};

/** Products recommended to one customer. */
export type Recommendations = {
  customer_id: string;
  model: string | null;
  freshness: Freshness;
  items: Array<RecommendedProduct>;
  next_step: NextStep | null;
};

/** One place of one list. */
export type RecommendedItem = {
  rank: number;
  product: ShownProduct;
  score: number;
  /** method that found it */
  model: Text;
  why: Array<Why>;
};

/** One recommended product. */
export type RecommendedProduct = {
  /** new to the customer, or to buy again */
  kind: string;
  rank: number;
  product_id: string;
  name: string;
  category: string | null;
  score: number;
  reason: Text | null;
};

/** Which events are sent again: their numbers, or all that a filter gives. */
export type ReplayRequest = {
  numbers?: Array<number>;
  reason?: string | null;
  source?: string | null;
  every: boolean;
  /** also what would be refused again */
  force: boolean;
  by: string;
};

/** What was sent again; however often, each event is in the lake once. */
export type ReplayResult = {
  requested: number;
  /** in the lake already, not sent */
  admitted: number;
  /** not sent */
  would_be_refused: number;
  /** the first 200; refused ones first */
  items: Array<ReplayedEvent>;
};

/** What became of one request. */
export type ReplayedEvent = {
  number: number;
  event_id: string;
  outcome: "requested" | "admitted" | "would_be_refused";
  violations: Array<EventViolation>;
};

/** One section of the quality report in words. */
export type ReportSection = {
  heading: Text;
  body: Text;
};

/** Moves between RFM segments from one day to another. */
export type RfmMigration = {
  start: string | null;
  end: string | null;
  definition: Text;
  cells: Array<MigrationCell>;
  next_step: NextStep | null;
};

/** Where and why a rule cannot be read. */
export type RuleError = {
  message: Text;
  line: number | null;
  column: number | null;
  offset: number | null;
  length: number | null;
  expected: Array<string>;
};

/** A value before and after a cleaning rule (after null: the value becomes empty). */
export type RuleExample = {
  before: string | null;
  after: string | null;
};

/** One run of a flow. */
export type Run = {
  run_id: string;
  flow: string;
  as_of: string | null;
  status: "waiting" | "running" | "done" | "failed" | "skipped";
  started_at: string | null;
  finished_at: string | null;
  seconds: number | null;
  message: string | null;
  steps: Array<RunStep>;
};

/** Runs, newest first. */
export type RunPage = {
  items: Array<Run>;
  next_cursor: string | null;
  /** rows over all pages, where cheap to know */
  total: number | null;
  /** set when the list is empty */
  next_step: NextStep | null;
};

/** One step of a run. */
export type RunStep = {
  step: string;
  stage: string;
  label: Text;
  status: "waiting" | "running" | "done" | "failed" | "skipped";
  started_at: string | null;
  finished_at: string | null;
  seconds: number | null;
  rows: number | null;
  message: string | null;
};

/** One way to divide all customers (RFM-8, tiers, life cycle, clusters). */
export type Scheme = {
  scheme: string;
  name: Text;
  definition: Text;
  freshness: Freshness;
  customers: number;
  segments: Array<SchemeSegment>;
};

/** All schemes. */
export type SchemeList = {
  items: Array<Scheme>;
  next_step: NextStep | null;
};

/** One segment of a scheme. */
export type SchemeSegment = {
  segment: string;
  name: Text;
  description: Text;
  customers: number;
  share: number;
  spent: Money | null;
  expected_value: Money | null;
  average_risk: number | null;
};

/** One line of an enrichment's contract that was not met. */
export type ScoreFault = {
  field: string;
  text: Text;
};

/** How the latest scores are distributed. */
export type ScoresSummary = {
  freshness: Freshness;
  customers: number;
  /** ten bars, 0 to 9 */
  risk: Array<HistogramBar>;
  bands: Array<HistogramBar>;
  tiers: Array<HistogramBar>;
  value_at_risk: Money | null;
  expected_value: Money | null;
  horizon_days: number | null;
  next_step: NextStep | null;
};

/** One thing the search found. */
export type SearchHit = {
  kind: "customer" | "audience" | "plan" | "indicator" | "model" | "table" | "page";
  key: string;
  label: Text;
  detail: Text | null;
  link: string;
};

/** What the search found, best first. */
export type SearchResult = {
  query: string;
  items: Array<SearchHit>;
};

/** One sentence of the overview and the console path that proves it. */
export type Sentence = {
  key: string;
  text: Text;
  link: string;
};

/** Texts of one week by sentiment. */
export type SentimentWeek = {
  /** Monday of the week */
  week: string;
  texts: number;
  positive: number;
  neutral: number;
  negative: number;
  /** mean score, -1 (bad) to 1 (good) */
  score: number | null;
};

/** One setting that is not secret. */
export type Setting = {
  key: string;
  value: string | null;
  meaning: Text | null;
  source: string | null;
};

/** The settings in force; secrets are never listed. */
export type Settings = {
  items: Array<Setting>;
  /** port to back end */
  backends: Record<string, string>;
  version: string;
};

/** The shop that is open. */
export type Shop = {
  name: string;
  currency: string;
  time_zone: string;
  /** last day that the nightly run looked at */
  as_of: string | null;
  empty: boolean;
  /** true when (part of) the data are simulated */
  simulated: boolean;
};

/** A product as a list shows it. */
export type ShownProduct = {
  product_id: string;
  name: string;
  category: string | null;
  subcategory: string | null;
  brand: string | null;
  price: Money | null;
};

/** The model's figures on one slice of the customers. */
export type SliceFigures = {
  slice: string;
  label: Text;
  customers: number;
  values: Record<string, number | null>;
};

/** What to change of a source; what is left out stays. */
export type SourceChange = {
  enabled?: boolean | null;
  /** make a new write key */
  rotate: boolean;
  origins?: Array<string> | null;
  user_kind?: string | null;
};

/** A source to make. */
export type SourceNew = {
  source_id: string;
  kind: string;
  user_kind: string;
  origins: Array<string>;
};

/** Where one stage of the loop stands. */
export type StageStatus = {
  stage: "collect" | "govern" | "unify" | "features" | "predict" | "segment" | "decide" | "deliver" | "measure" | "learn";
  name: Text;
  state: "empty" | "ready" | "stale" | "running" | "failed";
  rows: number;
  summary: Text;
  last_run_at: string | null;
  seconds: number | null;
  link: string;
};

/** One store in the list. */
export type Store = {
  store_id: string;
  figures: StoreFigures;
};

/** One day of a store. */
export type StoreDay = {
  day: string;
  visitors: number | null;
  orders: number;
  sales_minor: number;
  conversion: number | null;
};

/** One store: its days, its hours, its visits. */
export type StoreDetail = {
  store_id: string;
  since: string;
  until: string;
  currency: string;
  figures: StoreFigures;
  days: Array<StoreDay>;
  hours: Array<StoreHour>;
  /** events store_visited of known customers */
  visits: number;
  /** where the footfall comes from */
  sources: Array<string>;
  simulated: Array<string>;
  next_step: NextStep | null;
};

/** What happened in a store in some time. */
export type StoreFigures = {
  /** null: nobody counted */
  visitors: number | null;
  orders: number;
  sales: Money;
  /** orders by visitor over the days that were counted; null: cannot be said */
  conversion: number | null;
  /** why a figure cannot be said */
  note: Text | null;
};

/** One hour of the day, over all days of the window. */
export type StoreHour = {
  hour: number;
  visitors: number | null;
  orders: number;
  sales_minor: number;
  conversion: number | null;
};

/** Stores, most sales first. */
export type StoreList = {
  since: string | null;
  until: string | null;
  total: number;
  items: Array<Store>;
  /** sources of footfall that are simulated */
  simulated: Array<string>;
  next_step: NextStep | null;
};

/** How one surface was measured, beside its baselines. */
export type SurfaceFigures = {
  surface: string;
  label: Text;
  chosen: string;
  baseline: string | null;
  columns: Array<MetricColumn>;
  rows: Array<FiguresRow>;
};

/** One table of the lake. */
export type TableInfo = {
  table: string;
  label: Text;
  stage: string;
  rows: number;
  columns: number;
  version: number | null;
  changed_at: string | null;
};

/** All tables, in the order data flows. */
export type TableList = {
  items: Array<TableInfo>;
  rows: number;
  next_step: NextStep | null;
};

/** One thing the shop should do today. */
export type Task = {
  key: string;
  text: Text;
  why: Text;
  action: Text;
  link: string;
  customers: number | null;
  value: Money | null;
};

/** How one task stands. */
export type TaskStatus = {
  task: string;
  task_name: Text;
  champion: ModelSummary | null;
  challenger: ModelSummary | null;
  previous: ModelSummary | null;
  retired: Array<string>;
  /** whether the champion is still on probation */
  watched: boolean;
  state: "good" | "drifted" | "degraded" | "unmeasured" | "none";
  text: Text;
  trained_at: string | null;
  next_training: string | null;
  skill_expected: number | null;
  skill_now: number | null;
  skill_label: Text;
  /** columns that drifted at the last check */
  drift: number | null;
  last: ModelEvent | null;
  can_promote: boolean;
  can_roll_back: boolean;
};

/** One text in both languages. */
export type Text = {
  zh: string;
  en: string;
};

/** How a sentence is read, and which words decided it. */
export type TextAnswer = {
  sentiment: string;
  sentiment_label: Text;
  /** -1 (bad) to 1 (good): twice the probability, less one */
  score: number;
  /** probability that the writer is satisfied */
  probability: number;
  /** its log-odds: `base` plus all weights plus `rest` */
  log_odds: number;
  base: number;
  /** strongest first */
  words: Array<WordWeight>;
  /** what all weaker words add together */
  rest: number;
  intent: string | null;
  intent_label: Text | null;
  /** what in the text showed the intent */
  intent_words: Array<string>;
  aspects: Array<AspectScore>;
  method: string;
  method_label: Text;
  model_version: string | null;
};

/** A sentence to be read. */
export type TextQuestion = {
  text: string;
};

/** What customers wrote, read by the model in use. */
export type TextSummary = {
  freshness: Freshness;
  /** rules, or the model trained on the shop's own rated texts */
  method: string;
  method_label: Text;
  model_version: string | null;
  texts: number;
  customers: number;
  /** positive, neutral, negative */
  sentiment: Array<Count>;
  weeks: Array<SentimentWeek>;
  intents: Array<Count>;
  aspects: Array<AspectFigures>;
  /** products with the worst sentiment first */
  worst: Array<ProductSentiment>;
  next_step: NextStep | null;
};

/** What happened, newest first. */
export type Timeline = {
  items: Array<TimelineItem>;
  next_cursor: string | null;
  /** rows over all pages, where cheap to know */
  total: number | null;
  /** set when the list is empty */
  next_step: NextStep | null;
};

/** One thing that happened to or with the customer. */
export type TimelineItem = {
  at: string;
  /** purchase, return, event, touch, decision, consent */
  kind: string;
  title: Text;
  detail: Text | null;
  amount: Money | null;
  channel: string | null;
  reference: string | null;
  lines: Array<TimelineLine>;
};

/** One product line of a purchase on the timeline. */
export type TimelineLine = {
  product_id: string | null;
  name: string | null;
  quantity: number | null;
  amount: Money | null;
};

/** One event that the plan names. */
export type TrackedEvent = {
  name: string;
  description: Text;
  owner: string;
  severity: string;
  /** what happens to properties that are not named */
  unplanned: string;
  properties: Array<TrackedProperty>;
};

/** One property that the plan names, nested ones by path. */
export type TrackedProperty = {
  /** such as `products[].price` */
  path: string;
  /** empty: any */
  types: Array<string>;
  required: boolean;
  description: Text;
  privacy: string;
  /** what a violation does */
  severity: string;
  /** further conditions as in the file */
  rules: Array<string>;
};

/** The tracking plan in force, as file and as structure. */
export type TrackingPlanView = {
  /** 0: none is in force and every event is admitted */
  version: number;
  digest: string | null;
  /** without a plan in force: the standard one, to begin with */
  yaml: string;
  /** the file's content as JSON */
  plan: Record<string, unknown>;
  events: Array<TrackedEvent>;
  /** newest first */
  history: Array<PlanVersion>;
  next_step: NextStep | null;
};

/** What a draft would change, or why it cannot be read. */
export type TrackingPreview = {
  valid: boolean;
  faults: Array<PlanFault>;
  /** version in force; send it back when applying */
  based_on: number;
  digest: string | null;
  stricter: boolean;
  steps: Array<PlanStep>;
  effect: PlanEffect | null;
};

/** Events of one day and source, and those of programs among them. */
export type TrafficDay = {
  day: string;
  source: string;
  events: number;
  marked: number;
  judged: number;
  share: number;
};

/** The data the model saw and the later period it was tested on. */
export type TrainingWindow = {
  train_start: string | null;
  train_end: string | null;
  test_start: string | null;
  test_end: string | null;
  cutoffs: Array<string>;
  train_rows: number | null;
  test_rows: number | null;
};

/** A known property with value, source and freshness. */
export type Trait = {
  name: string;
  label: Text;
  value: string | null;
  unit: "count" | "customers" | "orders" | "rows" | "minor" | "ratio" | "percent_points" | "days" | "hours" | "seconds" | "score" | "number" | "text" | "date" | "timestamp" | "boolean";
  source: string | null;
  valid_from: string | null;
  freshness_days: number | null;
  classification: string;
  masked: boolean;
};

/** The Qini curve of one method. */
export type UpliftCurve = {
  method: string;
  label: Text;
  points: Array<shopkeeper__apps__service__schemas__uplift__CurvePoint>;
};

/** One figure of one method. */
export type UpliftFigure = {
  /** qini, auuc, uplift@30 or policy_value */
  metric: string;
  label: Text;
  value: number | null;
  interval: Interval | null;
};

/** One of the four groups. */
export type UpliftGroup = {
  /** persuadable, sure_thing, lost_cause or do_not_disturb */
  group: string;
  label: Text;
  meaning: Text;
  advice: Text;
  customers: number;
  share: number;
  mean_uplift: number | null;
  uplift_interval: Interval | null;
  /** expected outcome without treatment */
  mean_baseline: number | null;
  /** what treating all of them would cost */
  cost: Money;
};

/** The four groups at one cost of treatment. */
export type UpliftGroups = {
  task: string;
  name: Text;
  /** of one treatment */
  cost: Money;
  /** worth of one unit of the outcome */
  worth: Money;
  /** uplift that pays for one treatment */
  break_even: number;
  groups: Array<UpliftGroup>;
  /** customers whose uplift pays */
  treat: number;
  /** cost of treating all the others */
  spend_saved: Money;
  /** sum of worth times uplift minus cost of those treated */
  expected_gain: Money;
  next_step: NextStep | null;
};

/** One learner or baseline, measured on rows it did not see. */
export type UpliftMethod = {
  method: string;
  label: Text;
  /** response model, one-column rule, random */
  baseline: boolean;
  chosen: boolean;
  figures: Array<UpliftFigure>;
  /** Qini of the chosen model minus this one's, paired bootstrap; null for itself */
  better_by: Interval | null;
};

/** Everything the Uplift page opens with. */
export type UpliftOverview = {
  tasks: Array<UpliftTask>;
  waiting: Array<UpliftWaiting>;
  next_step: NextStep | null;
};

/** One trained uplift model. */
export type UpliftTask = {
  /** uplift.<offer or all>; its scores are of kind uplift:<offer> */
  task: string;
  name: Text;
  version: string;
  trained_at: string | null;
  as_of: string | null;
  customers: number;
  treated: number;
  controls: number;
  outcome: Text;
  /** ratio (probability) or minor (money) */
  outcome_unit: string;
  average_effect: number;
  average_effect_interval: Interval | null;
  /** whether effects differ between customers, in words */
  heterogeneity: Text;
  /** true where the trial was simulated */
  simulated: boolean;
  methods: Array<UpliftMethod>;
  curves: Array<UpliftCurve>;
  warnings: Array<Text>;
};

/** A task that cannot be trained yet. */
export type UpliftWaiting = {
  task: string;
  name: Text;
  /** randomised contacts and hold-outs there are */
  randomised: number;
  treated: number;
  held_out: number;
  more_needed: number;
  reason: Text;
};

/** The customer's place on one dimension of value. */
export type ValueDimension = {
  code: string;
  label: Text;
  about: Text;
  /** 0 to 100: the share of customers below; null if unknown */
  place: number | null;
};

/** Everything the audience builder offers. */
export type Vocabulary = {
  fields: Array<VocabularyField>;
  operators: Array<VocabularyOperator>;
  /** rules in the text form, in both languages */
  examples: Array<Text>;
};

/** One field that rules may use. */
export type VocabularyField = {
  name: string;
  label: Text;
  definition: Text;
  group: string;
  group_label: Text;
  type: "number" | "integer" | "money" | "text" | "boolean" | "date" | "choice";
  unit: "count" | "customers" | "orders" | "rows" | "minor" | "ratio" | "percent_points" | "days" | "hours" | "seconds" | "score" | "number" | "text" | "date" | "timestamp" | "boolean" | string | null;
  operators: Array<string>;
  values: Array<VocabularyValue>;
};

/** One operator of the rule language. */
export type VocabularyOperator = {
  operator: string;
  label: Text;
  /** operands on the right: 0, 1, 2, or -1 for a list */
  arity: number;
};

/** One value a field can take. */
export type VocabularyValue = {
  value: string;
  label: Text;
};

/** One reason, as a sentence and as the product or number it speaks of. */
export type Why = {
  /** often_after, bought_together, buy_again, due, popular … */
  code: string;
  text: Text;
  /** product of the history it comes from */
  source: ShownProduct | null;
  /** when that product was bought */
  days_ago: number | null;
  /** how often the product was bought before */
  times: number | null;
};

/** A part of the text and what it adds. */
export type WordWeight = {
  word: string;
  /** added to the log-odds of positive */
  weight: number;
};

/** What one price would bring a week, within prices that were seen. */
export type shopkeeper__apps__service__schemas__forecast__CurvePoint = {
  price_minor: number;
  units: number;
  units_low: number;
  units_high: number;
  /** null where costs are not known */
  margin_minor: number | null;
  margin_low: number | null;
  margin_high: number | null;
};

/** One point of a Qini curve. */
export type shopkeeper__apps__service__schemas__uplift__CurvePoint = {
  /** share of customers treated, best first, 0 to 1 */
  share: number;
  /** gain per customer */
  gain: number;
  /** gain of a random order at the same share */
  random: number;
};

export type Operations = {
  /** Get Overview */
  "GET /api/v1/overview": {
    response: Overview;
  };
  /** Search */
  "GET /api/v1/search": {
    query: {
      q: string;
    };
    response: SearchResult;
  };
  /** List Loads */
  "GET /api/v1/collect/loads": {
    query: {
      table?: string | null;
      /** `next_cursor` of the page before */
      cursor?: string | null;
      /** rows per page */
      limit?: number;
    };
    response: LoadPage;
  };
  /** List Quarantine */
  "GET /api/v1/collect/quarantine": {
    query: {
      reason?: string | null;
      table?: string | null;
      load_id?: string | null;
      /** `next_cursor` of the page before */
      cursor?: string | null;
      /** rows per page */
      limit?: number;
    };
    response: QuarantinePage;
  };
  /** Get Quarantine Summary */
  "GET /api/v1/collect/quarantine/summary": {
    response: QuarantineSummary;
  };
  /** List Tables */
  "GET /api/v1/collect/tables": {
    response: TableList;
  };
  /** Get Bot Traffic */
  "GET /api/v1/collect/bots": {
    query: {
      days?: number;
    };
    response: BotTraffic;
  };
  /** Get Live */
  "GET /api/v1/collect/live": {
    query: {
      /** `last` of the answer before */
      after?: number;
      source?: string | null;
      /** only refused requests */
      refused?: boolean;
      limit?: number;
    };
    response: LiveFeed;
  };
  /** List Sources */
  "GET /api/v1/collect/sources": {
    response: LiveSources;
  };
  /** Create Source */
  "POST /api/v1/collect/sources": {
    body: SourceNew;
    response: LiveSource;
  };
  /** Change Source */
  "PATCH /api/v1/collect/sources/{source_id}": {
    path: {
      /** name of the source */
      source_id: string;
    };
    body: SourceChange;
    response: LiveSource;
  };
  /** Get Freshness */
  "GET /api/v1/collect/freshness": {
    response: FreshnessBoard;
  };
  /** List Connector Kinds */
  "GET /api/v1/connectors/kinds": {
    response: ConnectorKinds;
  };
  /** List Connectors */
  "GET /api/v1/connectors": {
    response: ConnectorList;
  };
  /** Get Connector */
  "GET /api/v1/connectors/{connector_id}": {
    path: {
      connector_id: string;
    };
    response: Connector;
  };
  /** Put Connector */
  "PUT /api/v1/connectors/{connector_id}": {
    path: {
      connector_id: string;
    };
    body: ConnectorDraft;
    response: Connector;
  };
  /** Delete Connector */
  "DELETE /api/v1/connectors/{connector_id}": {
    path: {
      connector_id: string;
    };
    response: unknown;
  };
  /** Enable Connector */
  "POST /api/v1/connectors/{connector_id}/enabled": {
    path: {
      connector_id: string;
    };
    body: Enabled;
    response: Connector;
  };
  /** Run Connector */
  "POST /api/v1/connectors/{connector_id}/run": {
    path: {
      connector_id: string;
    };
    query: {
      full?: boolean;
    };
    response: ConnectorRun;
  };
  /** List Connector Runs */
  "GET /api/v1/connectors/{connector_id}/runs": {
    path: {
      connector_id: string;
    };
    query: {
      /** `next_cursor` of the page before */
      cursor?: string | null;
      /** rows per page */
      limit?: number;
    };
    response: ConnectorRunPage;
  };
  /** Get Tracking Plan */
  "GET /api/v1/collect/tracking": {
    response: TrackingPlanView;
  };
  /** Apply Tracking Plan */
  "PUT /api/v1/collect/tracking": {
    body: PlanApply;
    response: PlanApplied;
  };
  /** Get Tracking Plan Version */
  "GET /api/v1/collect/tracking/versions/{version}": {
    path: {
      version: number;
    };
    response: TrackingPlanView;
  };
  /** Preview Tracking Plan */
  "POST /api/v1/collect/tracking/preview": {
    body: PlanDraft;
    response: TrackingPreview;
  };
  /** Guess Tracking Plan */
  "GET /api/v1/collect/tracking/guess": {
    query: {
      recent?: number;
    };
    response: PlanGuess;
  };
  /** List Quarantined Events */
  "GET /api/v1/collect/quarantine/events": {
    query: {
      reason?: string | null;
      source?: string | null;
      field?: string | null;
      status?: "open" | "edited" | "requested" | "admitted" | "refused" | null;
      /** `next_cursor` of the page before */
      cursor?: string | null;
      /** rows per page */
      limit?: number;
    };
    response: QuarantinedEventPage;
  };
  /** Get Quarantined Event */
  "GET /api/v1/collect/quarantine/events/{number}": {
    path: {
      /** number of the event in quarantine */
      number: number;
    };
    response: QuarantinedEventView;
  };
  /** Edit Quarantined Event */
  "PATCH /api/v1/collect/quarantine/events/{number}": {
    path: {
      /** number of the event in quarantine */
      number: number;
    };
    body: EventEdit;
    response: QuarantinedEventView;
  };
  /** Replay Quarantined Events */
  "POST /api/v1/collect/quarantine/replays": {
    body: ReplayRequest;
    response: ReplayResult;
  };
  /** Get Quality */
  "GET /api/v1/govern/quality": {
    response: Quality;
  };
  /** List Cleaning Rules */
  "GET /api/v1/govern/rules": {
    response: CleaningRules;
  };
  /** Get Dictionary */
  "GET /api/v1/govern/dictionary": {
    response: Dictionary;
  };
  /** Get Lineage */
  "GET /api/v1/govern/lineage": {
    query: {
      /** table.column */
      column?: string | null;
      direction?: "upstream" | "downstream" | "both";
      depth?: number;
    };
    response: Lineage;
  };
  /** Get Govern Report */
  "GET /api/v1/govern/report": {
    response: GovernReport;
  };
  /** List Customers */
  "GET /api/v1/customers": {
    query: {
      /** id or identifier */
      search?: string | null;
      /** scheme:segment, e.g. tier:vip */
      segment?: string | null;
      sort?: "-value" | "value" | "-risk" | "risk" | "-last_purchase" | "last_purchase" | "-spent";
      /** `next_cursor` of the page before */
      cursor?: string | null;
      /** rows per page */
      limit?: number;
    };
    response: CustomerPage;
  };
  /** Get Customer */
  "GET /api/v1/customers/{customer_id}": {
    path: {
      customer_id: string;
    };
    response: Customer;
  };
  /** Get Customer Timeline */
  "GET /api/v1/customers/{customer_id}/timeline": {
    path: {
      customer_id: string;
    };
    query: {
      kind?: string | null;
      /** `next_cursor` of the page before */
      cursor?: string | null;
      /** rows per page */
      limit?: number;
    };
    response: Timeline;
  };
  /** Get Customer Features */
  "GET /api/v1/customers/{customer_id}/features": {
    path: {
      customer_id: string;
    };
    response: CustomerFeatures;
  };
  /** Get Profile */
  "GET /api/v1/profiles/{identifier}": {
    path: {
      identifier: string;
    };
    response: Customer;
  };
  /** Get Live Profile */
  "GET /api/v1/customers/{customer_id}/live": {
    path: {
      customer_id: string;
    };
    response: LiveProfile;
  };
  /** List Models */
  "GET /api/v1/predict/models": {
    response: ModelList;
  };
  /** Get Model Card */
  "GET /api/v1/predict/models/{task}/{version}": {
    path: {
      task: string;
      version: string;
    };
    response: ModelCard;
  };
  /** Get Scores Summary */
  "GET /api/v1/predict/scores/summary": {
    response: ScoresSummary;
  };
  /** Get Recommendations */
  "GET /api/v1/predict/recommendations/{customer_id}": {
    path: {
      customer_id: string;
    };
    response: Recommendations;
  };
  /** Get Propensity Options */
  "GET /api/v1/predict/propensity/options": {
    response: PropensityOptions;
  };
  /** Preview Propensity */
  "POST /api/v1/predict/propensity/preview": {
    body: PropensityRequest;
    response: PropensityPreview;
  };
  /** List Propensities */
  "GET /api/v1/predict/propensity": {
    response: PropensityList;
  };
  /** Create Propensity */
  "POST /api/v1/predict/propensity": {
    body: PropensityRequest;
    response: Propensity;
  };
  /** Get Propensity */
  "GET /api/v1/predict/propensity/{name}": {
    path: {
      name: string;
    };
    response: PropensityDetail;
  };
  /** Delete Propensity */
  "DELETE /api/v1/predict/propensity/{name}": {
    path: {
      name: string;
    };
    response: unknown;
  };
  /** Get Text Summary */
  "GET /api/v1/predict/text/summary": {
    response: TextSummary;
  };
  /** Score Text */
  "POST /api/v1/predict/text/score": {
    body: TextQuestion;
    response: TextAnswer;
  };
  /** Preview Lookalike */
  "POST /api/v1/predict/lookalike": {
    body: LookalikeQuestion;
    response: LookalikePreview;
  };
  /** Save Lookalike */
  "POST /api/v1/predict/lookalike/save": {
    body: LookalikeSave;
    response: LookalikeSaved;
  };
  /** Get Recommend Summary */
  "GET /api/v1/predict/recommend/summary": {
    response: RecommendSummary;
  };
  /** Get Customer Recommendations */
  "GET /api/v1/predict/recommend/customers/{customer_id}": {
    path: {
      customer_id: string;
    };
    query: {
      /** which list; all of them by default */
      surface?: "for_you" | "again" | "next_basket" | "all";
    };
    response: CustomerRecommendations;
  };
  /** Get Item Recommendations */
  "GET /api/v1/predict/recommend/items/{product_id}": {
    path: {
      product_id: string;
    };
    response: ItemRecommendations;
  };
  /** List Forecasts */
  "GET /api/v1/predict/forecast": {
    response: ForecastList;
  };
  /** Get Forecast */
  "GET /api/v1/predict/forecast/series": {
    query: {
      /** total, category or product */
      kind?: string;
      /** all for the total */
      id?: string;
    };
    response: ForecastDetail;
  };
  /** List Price Responses */
  "GET /api/v1/predict/promotion": {
    response: PriceResponses;
  };
  /** Get Uplift */
  "GET /api/v1/predict/uplift": {
    response: UpliftOverview;
  };
  /** Get Uplift Groups */
  "GET /api/v1/predict/uplift/{task}/groups": {
    path: {
      task: string;
    };
    query: {
      /** cost of one treatment, minor units */
      cost_minor?: number;
      /** worth of one unit of the outcome, minor units */
      worth_minor?: number;
    };
    response: UpliftGroups;
  };
  /** Get Learn Status */
  "GET /api/v1/learn/status": {
    response: LearnStatus;
  };
  /** List Model Events */
  "GET /api/v1/learn/events": {
    query: {
      task?: string | null;
      version?: string | null;
      act?: string | null;
      /** rows per page */
      limit?: number;
    };
    response: ModelEventList;
  };
  /** Get Model Drift */
  "GET /api/v1/learn/{task}/drift": {
    path: {
      task: string;
    };
    response: DriftReport;
  };
  /** Compare Models */
  "GET /api/v1/learn/{task}/compare": {
    path: {
      task: string;
    };
    query: {
      a?: string;
      b?: string;
    };
    response: ModelComparison;
  };
  /** Get Model Extra */
  "GET /api/v1/learn/{task}/versions/{version}": {
    path: {
      task: string;
      version: string;
    };
    response: ModelExtra;
  };
  /** Promote Model */
  "POST /api/v1/learn/{task}/promote": {
    path: {
      task: string;
    };
    body: ChangeRequest;
    response: ChangePlan;
  };
  /** Roll Back Model */
  "POST /api/v1/learn/{task}/rollback": {
    path: {
      task: string;
    };
    body: ChangeRequest;
    response: ChangePlan;
  };
  /** List Schemes */
  "GET /api/v1/segment/schemes": {
    response: SchemeList;
  };
  /** Get Vocabulary */
  "GET /api/v1/segment/vocabulary": {
    response: Vocabulary;
  };
  /** List Audiences */
  "GET /api/v1/segment/audiences": {
    response: AudienceList;
  };
  /** Create Audience */
  "POST /api/v1/segment/audiences": {
    body: AudienceCreate;
    response: Audience;
  };
  /** Preview Audience */
  "POST /api/v1/segment/audiences/preview": {
    body: AudienceDraft;
    response: AudiencePreview;
  };
  /** Get Audience */
  "GET /api/v1/segment/audiences/{audience_id}": {
    path: {
      audience_id: string;
    };
    response: Audience;
  };
  /** Build Audience */
  "POST /api/v1/segment/audiences/{audience_id}/build": {
    path: {
      audience_id: string;
    };
    response: Audience;
  };
  /** Explain Audience Member */
  "GET /api/v1/segment/audiences/{audience_id}/why": {
    path: {
      audience_id: string;
    };
    query: {
      customer_id: string;
    };
    response: AudienceWhy;
  };
  /** List Plans */
  "GET /api/v1/decide/plans": {
    response: PlanList;
  };
  /** Get Plan */
  "GET /api/v1/decide/plans/{plan_id}": {
    path: {
      plan_id: string;
    };
    response: Plan;
  };
  /** List Decisions */
  "GET /api/v1/decide/plans/{plan_id}/decisions": {
    path: {
      plan_id: string;
    };
    query: {
      action?: "send" | "hold_out" | "none" | null;
      reason?: string | null;
      offer_id?: string | null;
      channel?: string | null;
      /** `next_cursor` of the page before */
      cursor?: string | null;
      /** rows per page */
      limit?: number;
    };
    response: DecisionPage;
  };
  /** Get Customer Decision */
  "GET /api/v1/decide/decisions/{customer_id}": {
    path: {
      customer_id: string;
    };
    query: {
      plan_id?: string | null;
    };
    response: CustomerDecision;
  };
  /** Approve Plan */
  "POST /api/v1/decide/plans/{plan_id}/approve": {
    path: {
      plan_id: string;
    };
    body: PlanApproval;
    response: Plan;
  };
  /** Perform Plan */
  "POST /api/v1/decide/plans/{plan_id}/perform": {
    path: {
      plan_id: string;
    };
    response: PlanPerformed;
  };
  /** Get Outbox */
  "GET /api/v1/deliver/outbox": {
    query: {
      channel?: string | null;
      plan_id?: string | null;
      /** `next_cursor` of the page before */
      cursor?: string | null;
      /** rows per page */
      limit?: number;
    };
    response: Outbox;
  };
  /** List Indicators */
  "GET /api/v1/measure/indicators": {
    query: {
      start?: string | null;
      end?: string | null;
    };
    response: IndicatorList;
  };
  /** Get Cohorts */
  "GET /api/v1/measure/cohorts": {
    response: CohortTable;
  };
  /** Get Rfm Migration */
  "GET /api/v1/measure/rfm-migration": {
    response: RfmMigration;
  };
  /** List Effects */
  "GET /api/v1/measure/effects": {
    response: EffectList;
  };
  /** List Stores */
  "GET /api/v1/stores": {
    query: {
      days?: number;
    };
    response: StoreList;
  };
  /** Get Store */
  "GET /api/v1/stores/{store_id}": {
    path: {
      store_id: string;
    };
    query: {
      since?: string | null;
      until?: string | null;
    };
    response: StoreDetail;
  };
  /** List Runs */
  "GET /api/v1/runs": {
    query: {
      /** `next_cursor` of the page before */
      cursor?: string | null;
      /** rows per page */
      limit?: number;
    };
    response: RunPage;
  };
  /** Start Nightly */
  "POST /api/v1/runs/nightly": {
    body: NightlyRequest;
    response: Run;
  };
  /** Get Run */
  "GET /api/v1/runs/{run_id}": {
    path: {
      run_id: string;
    };
    response: Run;
  };
  /** Get Settings */
  "GET /api/v1/settings": {
    response: Settings;
  };
  /** Get Health */
  "GET /health": {
    response: Health;
  };
  /** Get Ready */
  "GET /ready": {
    response: Ready;
  };
  /** Get Metrics */
  "GET /metrics": {
    response: unknown;
  };
};

