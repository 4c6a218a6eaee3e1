import { useRead } from "../api/client";
import type { Check, Setting } from "../api/schema";
import { useSpeaker } from "../i18n/text";
import { Card, Page } from "../parts/page";
import { Loaded } from "../parts/states";
import { Rows } from "../parts/table";

export default function Settings() {
  const { t, say } = useSpeaker();
  const settings = useRead("GET /api/v1/settings", {});
  const ready = useRead("GET /ready", {}, { retry: false });
  return (
    <Page title={t("nav.settings")} purpose={t("settings.purpose")}>
      <Loaded query={settings} lines={8}>
        {(data) => (
          <>
            <Card title={t("settings.values")} help={t("settings.valuesHelp")} extra={<span className="tag">{data.version}</span>}>
              <Rows<Setting>
                rows={data.items}
                rowKey={(row) => row.key}
                label={t("settings.values")}
                columns={[
                  { title: t("settings.key"), render: (_, row) => <span className="mono">{row.key}</span> },
                  { title: t("govern.value"), width: 320, render: (_, row) => <span className="mono break">{row.value ?? "–"}</span> },
                  { title: t("govern.meaning"), width: 360, render: (_, row) => say(row.meaning) || "–" },
                  ...(data.items.some((row) => row.source !== null)
                    ? [{ title: t("customer.source"), render: (_: unknown, row: Setting) => row.source ?? "–" }]
                    : []),
                ]}
              />
            </Card>
            <Card title={t("settings.backends")} help={t("settings.backendsHelp")}>
              <dl className="facts">
                {Object.entries(data.backends).map(([port, backend]) => (
                  <div key={port} style={{ display: "contents" }}>
                    <dt className="mono">{port}</dt>
                    <dd className="mono">{backend}</dd>
                  </div>
                ))}
              </dl>
            </Card>
          </>
        )}
      </Loaded>
      <Card title={t("settings.checks")}>
        <Loaded query={ready} lines={3}>
          {(data) => (
            <Rows<Check>
              rows={data.checks}
              rowKey={(row) => row.name}
              label={t("settings.checks")}
              columns={[
                { title: t("common.name"), render: (_, row) => row.name },
                {
                  title: t("common.status"),
                  render: (_, row) => <span className={`tag ${row.ok ? "good" : "bad"}`}>{t(row.ok ? "settings.ok" : "settings.notOk")}</span>,
                },
                { title: t("settings.detail"), render: (_, row) => row.detail ?? "" },
              ]}
            />
          )}
        </Loaded>
      </Card>
    </Page>
  );
}
