import { ReloadOutlined } from "@ant-design/icons";
import type { UseQueryResult } from "@tanstack/react-query";
import { Button, Skeleton } from "antd";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { Problem } from "../api/client";
import type { NextStep } from "../api/schema";
import { type Both, useSpeaker } from "../i18n/text";

const words = (say: (text: Both) => string, text: Both | string): string => (typeof text === "string" ? text : say(text));

/** What went wrong and what to do, from application/problem+json. */
export function ProblemBox({ error, retry }: { error: Error; retry?: () => void }) {
  const { t, say } = useSpeaker();
  const problem = error instanceof Problem ? error : new Problem(-1, {});
  const lost = problem.status === 0;
  const title = lost ? t("state.lost") : words(say, problem.titleText) || t("state.failed");
  const detail = lost ? t("state.lostDetail") : words(say, problem.detail) || (problem.status < 0 ? error.message : "");
  const next = words(say, problem.nextStep);
  return (
    <div className="problem" role="alert">
      <h3>{title}</h3>
      {detail && <p className="break">{detail}</p>}
      {next && (
        <p className="break">
          <span className="muted">{t("state.next")} </span>
          {next}
        </p>
      )}
      {retry && (
        <div>
          <Button size="small" icon={<ReloadOutlined />} onClick={retry}>
            {t("state.retry")}
          </Button>
        </div>
      )}
    </div>
  );
}

/** An empty page says what to do next, with one button. */
export function Nothing({ next, title, text }: { next?: NextStep | null; title?: string; text?: string }) {
  const { t, say } = useSpeaker();
  return (
    <div className="state">
      <h3>{title ?? t("state.empty")}</h3>
      {(next || text) && <p>{next ? say(next.text) : text}</p>}
      {next?.link && (
        <Link to={next.link}>
          <Button type="primary" tabIndex={-1}>
            {say(next.action)}
          </Button>
        </Link>
      )}
      {next?.command && (
        <div>
          {!next.link && <p className="small">{say(next.action)}</p>}
          <pre className="mono">{next.command}</pre>
        </div>
      )}
    </div>
  );
}

/** Loading, failed, empty or there: the four states of one read. */
export function Loaded<T>({
  query,
  lines = 6,
  empty,
  nothing,
  children,
}: {
  query: UseQueryResult<T, Error>;
  lines?: number;
  empty?: (data: T) => boolean;
  nothing?: (data: T) => ReactNode;
  children: (data: T) => ReactNode;
}) {
  const { t } = useSpeaker();
  if (query.isPending)
    return (
      <div role="status" aria-label={t("state.loading")}>
        <Skeleton active title={false} paragraph={{ rows: lines }} />
      </div>
    );
  if (query.isError && query.data === undefined)
    return <ProblemBox error={query.error} retry={() => void query.refetch()} />;
  const data = query.data as T;
  if (empty?.(data)) return nothing ? nothing(data) : <Nothing next={(data as { next_step?: NextStep | null }).next_step ?? null} />;
  return children(data);
}
