import { Skeleton } from "antd";

import { useSpeaker } from "../i18n/text";

export function Waiting() {
  const { t } = useSpeaker();
  return (
    <div className="page" role="status" aria-label={t("state.loading")}>
      <Skeleton active paragraph={{ rows: 8 }} />
    </div>
  );
}
