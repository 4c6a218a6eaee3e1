import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Modal } from "antd";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";

import { call, useRead } from "../api/client";
import type { Run, RunStep } from "../api/schema";
import { named, useSpeaker } from "../i18n/text";
import { Status } from "../parts/figures";
import { Card, Page } from "../parts/page";
import { Loaded, ProblemBox } from "../parts/states";
import { Pager, Rows } from "../parts/table";
import { useUrlFilters } from "../parts/url";
import { Side } from "../parts/side";

const alive = (run: Run | undefined) => run?.status === "running" || run?.status === "waiting";

export default function Runs() {
  const { t, format } = useSpeaker();
  const navigate = useNavigate();
  const { id } = useParams();
  const [filters] = useUrlFilters("cursor");
  const runs = useRead(
    "GET /api/v1/runs",
    { query: { cursor: filters.cursor ?? null, limit: 25 } },
    { refetchInterval: (query) => (query.state.data?.items.some(alive) ? 2000 : false) },
  );
  return (
    <Page title={t("nav.runs")} purpose={t("runs.purpose")} actions={<Start />}>
      <Card title={t("runs.list")}>
        <Loaded query={runs} empty={(data) => data.items.length === 0}>
          {(data) => (
            <>
              <Rows<Run>
                rows={data.items}
                rowKey={(row) => row.run_id}
                label={t("runs.list")}
                columns={[
                  {
                    title: t("runs.run"),
                    render: (_, row) => (
                      <>
                        <Link to={`/runs/${encodeURIComponent(row.run_id)}`}>{format.moment(row.started_at)}</Link>
                        <div className="muted small mono">{row.run_id}</div>
                      </>
                    ),
                  },
                  { title: t("runs.flow"), render: (_, row) => named(t, "run.flow", row.flow) },
                  { title: t("runs.asOf"), render: (_, row) => format.day(row.as_of) },
                  { title: t("common.status"), render: (_, row) => <Status family="run.status" word={row.status} /> },
                  {
                    title: t("runs.steps"),
                    align: "right",
                    render: (_, row) =>
                      `${format.number(row.steps.filter((step) => step.status === "done" || step.status === "skipped").length)} / ${format.number(row.steps.length)}`,
                  },
                  { title: t("common.took"), align: "right", render: (_, row) => (row.seconds === null ? "–" : t("unit.seconds", { value: format.number(row.seconds, 1) })) },
                  { title: t("runs.message"), width: 320, render: (_, row) => row.message ?? "" },
                ]}
              />
              <Pager next={data.next_cursor} total={data.total} shown={data.items.length} />
            </>
          )}
        </Loaded>
      </Card>
      <Side
        title={t("runs.run")}
        open={Boolean(id)}
        onClose={() => void navigate("/runs")}
        size={760}
      >
        {id && <Steps id={id} />}
      </Side>
    </Page>
  );
}

function Steps({ id }: { id: string }) {
  const { t, say, format } = useSpeaker();
  const run = useRead(
    "GET /api/v1/runs/{run_id}",
    { path: { run_id: id } },
    { refetchInterval: (query) => (alive(query.state.data) ? 2000 : false) },
  );
  return (
    <Loaded query={run} lines={8}>
      {(data) => (
        <div className="stack">
          <p>
            <Status family="run.status" word={data.status} /> {data.flow} · {format.day(data.as_of)}
          </p>
          {data.message && <p className={data.status === "failed" ? "bad" : ""}>{data.message}</p>}
          <Rows<RunStep>
            rows={data.steps}
            rowKey={(row) => row.step}
            label={t("runs.steps")}
            columns={[
              { title: t("runs.step"), render: (_, row) => say(row.label) },
              { title: t("common.status"), render: (_, row) => <Status family="run.status" word={row.status} /> },
              { title: t("common.rowsHead"), align: "right", render: (_, row) => format.number(row.rows) },
              { title: t("common.took"), align: "right", render: (_, row) => (row.seconds === null ? "–" : t("unit.seconds", { value: format.number(row.seconds, 1) })) },
              { title: t("runs.message"), width: 260, render: (_, row) => row.message ?? "" },
            ]}
          />
        </div>
      )}
    </Loaded>
  );
}

/** Runs the whole loop once more; nothing is sent by it. */
function Start() {
  const { t } = useSpeaker();
  const { message } = App.useApp();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [asking, ask] = useState(false);
  const start = useMutation({
    mutationFn: () => call("POST /api/v1/runs/nightly", { body: {} }),
    onSuccess: (run) => {
      ask(false);
      void message.success(t("runs.started"));
      void cache.invalidateQueries();
      void navigate(`/runs/${encodeURIComponent(run.run_id)}`);
    },
  });
  return (
    <>
      <Button type="primary" onClick={() => ask(true)}>
        {t("runs.start")}
      </Button>
      <Modal
        open={asking}
        title={t("runs.startTitle")}
        okText={t("runs.start")}
        cancelText={t("common.cancel")}
        confirmLoading={start.isPending}
        onOk={() => start.mutate()}
        onCancel={() => {
          ask(false);
          start.reset();
        }}
        destroyOnHidden
      >
        <p>{t("runs.startSays")}</p>
        {start.isError && <ProblemBox error={start.error} />}
      </Modal>
    </>
  );
}
