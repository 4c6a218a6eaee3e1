import { type ReactNode, useEffect } from "react";
import { Link, useLocation } from "react-router";

import type { Freshness } from "../api/schema";
import { useSpeaker } from "../i18n/text";

export function Page({
  title,
  purpose,
  actions,
  back,
  children,
}: {
  title: ReactNode;
  purpose?: ReactNode;
  actions?: ReactNode;
  back?: { to: string; label: string };
  children: ReactNode;
}) {
  const { t } = useSpeaker();
  const { pathname } = useLocation();
  useEffect(() => {
    document.title = typeof title === "string" ? `${title} · ${t("app.name")}` : t("app.name");
  }, [title, t]);
  return (
    <div className="page" data-place={pathname}>
      <div className="page-head">
        <div>
          {back && (
            <p className="crumb">
              <Link to={back.to}>← {back.label}</Link>
            </p>
          )}
          <h1>{title}</h1>
          {purpose && <p className="purpose">{purpose}</p>}
        </div>
        {actions && <div className="actions">{actions}</div>}
      </div>
      {children}
    </div>
  );
}

export function Card({
  title,
  help,
  extra,
  className = "",
  children,
}: {
  title?: ReactNode;
  help?: ReactNode;
  extra?: ReactNode;
  className?: string;
  children: ReactNode;
}) {
  return (
    <section className={`card ${className}`}>
      {(title || extra) && (
        <header>
          <h2>{title}</h2>
          {extra}
          {help && <p className="help">{help}</p>}
        </header>
      )}
      {children}
    </section>
  );
}

/** How new the figures are; says so when they are old. */
export function Fresh({ of }: { of: Freshness | null | undefined }) {
  const { t, format } = useSpeaker();
  if (!of || (!of.as_of && !of.computed_at)) return null;
  const title = of.computed_at ? t("fresh.computed", { moment: format.moment(of.computed_at) }) : undefined;
  return (
    <span className={`tag fresh ${of.stale ? "warn" : ""}`} title={title}>
      {of.as_of ? t("fresh.asOf", { day: format.day(of.as_of) }) : t("fresh.ago", { ago: format.ago(of.computed_at) })}
      {of.stale ? ` · ${t("fresh.stale")}` : ""}
    </span>
  );
}
