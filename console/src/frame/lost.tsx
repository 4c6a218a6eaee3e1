import { Button } from "antd";
import { Link, useRouteError } from "react-router";

import { useSpeaker } from "../i18n/text";
import { Page } from "../parts/page";

/** An address that leads nowhere, or a page that broke. */
export function Lost() {
  const { t } = useSpeaker();
  const error = useRouteError();
  return (
    <Page title={t(error ? "lost.brokenTitle" : "lost.title")} purpose={t(error ? "lost.brokenText" : "lost.text")}>
      <div className="card state">
        {error instanceof Error && <pre className="mono">{error.message}</pre>}
        <Link to="/" reloadDocument={Boolean(error)}>
          <Button type="primary" tabIndex={-1}>
            {t("lost.back")}
          </Button>
        </Link>
      </div>
    </Page>
  );
}
