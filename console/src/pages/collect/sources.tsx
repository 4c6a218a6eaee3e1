import { EyeInvisibleOutlined, EyeOutlined, PlusOutlined } from "@ant-design/icons";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Input, Modal, Popconfirm, Segmented, Select, Switch } from "antd";
import { useState } from "react";

import { call, useRead } from "../../api/client";
import type { LiveSource, SourceChange } from "../../api/schema";
import { named, useSpeaker } from "../../i18n/text";
import { Copy } from "../../parts/copy";
import { Card } from "../../parts/page";
import { Side } from "../../parts/side";
import { Loaded, ProblemBox } from "../../parts/states";
import { Rows } from "../../parts/table";
import { useUrlWord } from "../../parts/url";
import { PROGRAMS, type Program, snippet } from "./snippets";

const KINDS = ["web", "app", "miniapp", "server", "store", "webhook"] as const;
const ORIGIN = "https://shop.example";
const TONES: Record<LiveSource["health"], string> = { active: "good", quiet: "", silent: "warn", never: "", disabled: "bad" };

export default function Sources() {
  const { t, say, format } = useSpeaker();
  const sources = useRead("GET /api/v1/collect/sources", {}, { refetchInterval: 5_000 });
  const feed = useRead("GET /api/v1/collect/live", { query: { limit: 1 } }, { refetchInterval: 5_000 });
  const [open, setOpen] = useUrlWord("source");
  const [making, make] = useState(false);
  const waiting = (feed.data?.lag ?? []).reduce((sum, one) => sum + one.lag, 0);
  const one = sources.data?.items.find((source) => source.source_id === open);
  const create = (
    <Button type="primary" icon={<PlusOutlined />} onClick={() => make(true)}>
      {t("sources.create")}
    </Button>
  );
  return (
    <Card
      title={t("sources.title")}
      help={t("sources.help")}
      extra={
        <span className="row">
          {feed.data && <span className="muted small num">{t("live.waiting", { count: waiting, waiting: format.number(waiting) })}</span>}
          {sources.data && sources.data.items.length > 0 && create}
        </span>
      }
    >
      <Loaded
        query={sources}
        empty={(data) => data.items.length === 0}
        nothing={(data) => (
          <div className="state">
            <h3>{t("sources.none")}</h3>
            <p>{data.next_step ? say(data.next_step.text) : ""}</p>
            {create}
          </div>
        )}
      >
        {(data) => (
          <Rows<LiveSource>
            rows={data.items}
            rowKey={(row) => row.source_id}
            label={t("sources.title")}
            columns={[
              {
                title: t("common.name"),
                render: (_, row) => (
                  <>
                    <button type="button" className="linklike" aria-haspopup="dialog" onClick={() => setOpen(row.source_id)}>
                      {row.source_id}
                    </button>
                    <div className="muted small">{named(t, "sources.kinds", row.kind)}</div>
                  </>
                ),
              },
              { title: t("sources.health"), render: (_, row) => <span className={`tag ${TONES[row.health]}`}>{say(row.health_text)}</span> },
              { title: t("sources.perMinute"), align: "right", render: (_, row) => format.number(row.per_minute, 1) },
              { title: t("sources.last"), render: (_, row) => <span className="nowrap">{row.last_at ? format.moment(row.last_at) : "–"}</span> },
              { title: t("sources.accepted"), align: "right", render: (_, row) => format.number(row.accepted) },
              { title: t("sources.duplicates"), align: "right", render: (_, row) => format.number(row.duplicates) },
              {
                title: t("sources.refused"),
                align: "right",
                render: (_, row) => <span className={row.refused ? "bad" : ""}>{format.number(row.refused)}</span>,
              },
              { title: t("sources.key"), render: (_, row) => <Secret value={row.write_key} name={row.source_id} /> },
              { title: t("sources.enabled"), render: (_, row) => <Enabled source={row} /> },
            ]}
          />
        )}
      </Loaded>
      <Side title={one?.source_id ?? ""} open={Boolean(one)} onClose={() => setOpen(null)} size={640}>
        {one && <Source one={one} />}
      </Side>
      <Create
        open={making}
        onClose={() => make(false)}
        onMade={(source) => {
          make(false);
          setOpen(source.source_id);
        }}
      />
    </Card>
  );
}

/** A key stays covered until a person asks for it: screens are shared. */
function Secret({ value, name }: { value: string; name: string }) {
  const { t } = useSpeaker();
  const [seen, see] = useState(false);
  return (
    <span className="secret">
      <span className="mono">{seen ? value : `${value.slice(0, 4)}••••••••`}</span>
      <Button
        size="small"
        type="text"
        icon={seen ? <EyeInvisibleOutlined /> : <EyeOutlined />}
        aria-label={t(seen ? "sources.hide" : "sources.reveal", { source: name })}
        title={t(seen ? "sources.hide" : "sources.reveal", { source: name })}
        onClick={() => see(!seen)}
      />
      <Copy text={value} what={t("sources.keyOf", { source: name })} />
    </span>
  );
}

function useSourceChange(source: LiveSource, said: string) {
  const cache = useQueryClient();
  const { message } = App.useApp();
  return useMutation({
    mutationFn: (body: Partial<SourceChange>) =>
      call("PATCH /api/v1/collect/sources/{source_id}", { path: { source_id: source.source_id }, body: { rotate: false, ...body } }),
    onSuccess: () => {
      void message.success(said);
      void cache.invalidateQueries({ queryKey: ["GET /api/v1/collect/sources"] });
    },
    onError: (error) => void message.error(error.message),
  });
}

function Enabled({ source }: { source: LiveSource }) {
  const { t } = useSpeaker();
  const { modal } = App.useApp();
  const change = useSourceChange(source, t(source.enabled ? "sources.nowOff" : "sources.nowOn", { source: source.source_id }));
  const flip = () => {
    if (!source.enabled) change.mutate({ enabled: true });
    else
      void modal.confirm({
        title: t("sources.disable", { source: source.source_id }),
        content: t("sources.disableText"),
        okText: t("sources.disableNow"),
        cancelText: t("common.cancel"),
        okButtonProps: { danger: true },
        onOk: () => change.mutate({ enabled: false }),
      });
  };
  return (
    <Switch
      size="small"
      checked={source.enabled}
      loading={change.isPending}
      onChange={flip}
      aria-label={t("sources.enabledOf", { source: source.source_id })}
    />
  );
}

function Source({ one }: { one: LiveSource }) {
  const { t, say, format } = useSpeaker();
  const [program, pick] = useState<Program>("curl");
  const rotate = useSourceChange(one, t("sources.rotated", { source: one.source_id }));
  const origins = useSourceChange(one, t("sources.saved"));
  const [pages, setPages] = useState(one.origins.join("\n"));
  const code = snippet(program, location.origin, one.write_key);
  const wanted = pages.split(/\s+/).filter(Boolean);
  const same = wanted.join("\n") === one.origins.join("\n");
  return (
    <div className="stack">
      <dl className="facts">
        <dt>{t("sources.health")}</dt>
        <dd>
          <span className={`tag ${TONES[one.health]}`}>{say(one.health_text)}</span>
        </dd>
        <dt>{t("sources.kind")}</dt>
        <dd>{named(t, "sources.kinds", one.kind)}</dd>
        <dt>{t("sources.userKind")}</dt>
        <dd className="mono">{one.user_kind}</dd>
        <dt>{t("sources.createdAt")}</dt>
        <dd>{format.moment(one.created_at)}</dd>
        <dt>{t("sources.last")}</dt>
        <dd>{one.last_at ? `${format.moment(one.last_at)} · ${format.clock(one.last_at)}` : "–"}</dd>
        <dt>{t("sources.key")}</dt>
        <dd className="row">
          <Secret value={one.write_key} name={one.source_id} />
          <Popconfirm
            title={t("sources.rotate")}
            description={t("sources.rotateText")}
            okText={t("sources.rotateNow")}
            cancelText={t("common.cancel")}
            onConfirm={() => rotate.mutate({ rotate: true })}
          >
            <Button size="small" danger loading={rotate.isPending}>
              {t("sources.rotate")}
            </Button>
          </Popconfirm>
        </dd>
      </dl>
      <div className="stack" style={{ gap: 10 }}>
        <div>
          <h3 style={{ margin: 0 }}>{t("sources.first")}</h3>
          <p className="muted small">{t("sources.firstHelp")}</p>
        </div>
        <div className="row">
          <Segmented<Program>
            aria-label={t("sources.program")}
            value={program}
            onChange={pick}
            options={PROGRAMS.map((value) => ({ value, label: named(t, "sources.programs", value) }))}
          />
          <Copy text={code} what={t("sources.code")} />
        </div>
        <pre className="mono code" data-snippet={program}>{code}</pre>
      </div>
      {(one.kind === "web" || one.origins.length > 0) && (
        <div className="stack" style={{ gap: 8 }}>
          <div>
            <h3 style={{ margin: 0 }}>{t("sources.origins")}</h3>
            <p className="muted small">{t("sources.originsHelp")}</p>
          </div>
          <Input.TextArea
            aria-label={t("sources.origins")}
            className="mono"
            autoSize={{ minRows: 2, maxRows: 6 }}
            value={pages}
            onChange={(event) => setPages(event.target.value)}
            placeholder={ORIGIN}
          />
          <div>
            <Button size="small" disabled={same} loading={origins.isPending} onClick={() => origins.mutate({ origins: wanted })}>
              {t("sources.save")}
            </Button>
          </div>
        </div>
      )}
    </div>
  );
}

function Create({ open, onClose, onMade }: { open: boolean; onClose: () => void; onMade: (source: LiveSource) => void }) {
  const { t } = useSpeaker();
  const cache = useQueryClient();
  const [name, setName] = useState("");
  const [kind, setKind] = useState<string>("web");
  const [userKind, setUserKind] = useState("user");
  const create = useMutation({
    mutationFn: () => call("POST /api/v1/collect/sources", { body: { source_id: name.trim(), kind, user_kind: userKind.trim() || "user", origins: [] } }),
    onSuccess: async (source) => {
      await cache.invalidateQueries({ queryKey: ["GET /api/v1/collect/sources"] });
      setName("");
      onMade(source);
    },
  });
  return (
    <Modal
      open={open}
      title={t("sources.create")}
      onCancel={onClose}
      onOk={() => create.mutate()}
      okText={t("sources.createNow")}
      cancelText={t("common.cancel")}
      okButtonProps={{ disabled: !name.trim() }}
      confirmLoading={create.isPending}
      destroyOnHidden
    >
      <div className="form">
        <label>
          <span className="muted small">{t("common.name")}</span>
          <Input value={name} maxLength={63} onChange={(event) => setName(event.target.value)} placeholder={t("sources.nameHint")} onPressEnter={() => name.trim() && create.mutate()} />
        </label>
        <label>
          <span className="muted small">{t("sources.kind")}</span>
          <Select
            aria-label={t("sources.kind")}
            className="whole"
            value={kind}
            onChange={setKind}
            options={KINDS.map((value) => ({ value, label: named(t, "sources.kinds", value) }))}
          />
        </label>
        <label>
          <span className="muted small">{t("sources.userKind")}</span>
          <Input className="mono" value={userKind} maxLength={39} onChange={(event) => setUserKind(event.target.value)} />
          <span className="muted small">{t("sources.userKindHelp")}</span>
        </label>
        {create.isError && <ProblemBox error={create.error} />}
      </div>
    </Modal>
  );
}
